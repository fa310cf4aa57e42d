package main

import (
	"encoding/binary"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// winogradProgram writes the transforms of Winograd's convolution: one row of a two-dimensional transform at a time, for a line of
// tiles. See winograd.go of package kernel.
func winogradProgram(p *program) {
	window := transform{
		name: "winogradWindow", lines: 2, places: 4, out: "t0 - t2, t1 + t2, t2 - t1, t1 - t3",
		finish: func(v *vec, t []reg.VecVirtual, _ reg.VecVirtual) []reg.VecVirtual {
			return []reg.VecVirtual{v.sub(t[0], t[2]), v.add(t[1], t[2]), v.sub(t[2], t[1]), v.sub(t[1], t[3])}
		},
	}
	spread := transform{
		name: "winogradSpread", lines: 2, places: 2, out: "t0, t0 + t1, t0 - t1, t1",
		finish: func(v *vec, t []reg.VecVirtual, _ reg.VecVirtual) []reg.VecVirtual {
			return []reg.VecVirtual{t[0], v.add(t[0], t[1]), v.sub(t[0], t[1]), t[1]}
		},
	}
	fold := transform{
		name: "winogradFold", lines: 3, places: 4, out: "t0 + (t1 + t2), (t1 - t2) - t3",
		finish: func(v *vec, t []reg.VecVirtual, _ reg.VecVirtual) []reg.VecVirtual {
			return []reg.VecVirtual{v.add(t[0], v.add(t[1], t[2])), v.sub(v.sub(t[1], t[2]), t[3])}
		},
	}
	weights := transform{
		name: "winogradWeights", lines: 3, places: 3, scaled: true, out: "t0, (t0 + t2 + t1) / 2, (t0 + t2 - t1) / 2, t2",
		finish: func(v *vec, t []reg.VecVirtual, half reg.VecVirtual) []reg.VecVirtual {
			ends := v.add(t[0], t[2])
			return []reg.VecVirtual{t[0], v.mul(v.add(ends, t[1]), half), v.mul(v.sub(ends, t[1]), half), t[2]}
		},
	}
	gather := transform{
		name: "winogradGather", lines: 3, places: 4, scaled: true, out: "t0 + (t1 + t2) / 2, (t1 - t2) / 2, (t1 + t2) / 2 - t3",
		finish: func(v *vec, t []reg.VecVirtual, half reg.VecVirtual) []reg.VecVirtual {
			mean := v.mul(v.add(t[1], t[2]), half)
			return []reg.VecVirtual{v.add(t[0], mean), v.mul(v.sub(t[1], t[2]), half), v.sub(mean, t[3])}
		},
	}
	for _, wide := range []bool{true, false} {
		for _, t := range []transform{window, spread, fold, weights, gather} {
			p.transform(wide, floats, t)
		}
	}
	for _, t := range []transform{window, fold, weights} {
		p.transform(true, halves, t)
	}
	for _, t := range []transform{window, spread, weights} {
		p.transform(true, halfPairs, t)
	}
}

// transform describes one: t[i] = a[i] + cb*b[i] (+ cc*c[i], times scale) for each place i, and what finish makes of them.
type transform struct {
	name          string
	lines, places int
	scaled        bool
	out           string
	finish        func(v *vec, t []reg.VecVirtual, half reg.VecVirtual) []reg.VecVirtual
}

// results is how a transform writes its results: as float32, as bfloat16, or as pairs of bfloat16 of one tile and the next.
type results int

const (
	floats results = iota
	halves
	halfPairs
)

// narrow emits VCVTNEPS2BF16 Y31, Z31: float32 rounded to bfloat16 (EVEX.512.F3.0F38.W0 72 /r).
func (p *program) narrow() {
	p.Comment("VCVTNEPS2BF16 Z31, Y31")
	p.encoded([6]byte{0x62, 0x02, 0x7e, 0x48, 0x72, 0xff})
}

// narrowTwo emits VCVTNE2PS2BF16 Z31, Z30, Z29: the halves of Z31 are Z29 and Z30 rounded (EVEX.512.F2.0F38.W0 72 /r).
func (p *program) narrowTwo() {
	p.Comment("VCVTNE2PS2BF16 Z29, Z30, Z31")
	p.encoded([6]byte{0x62, 0x02, 0x0f, 0x40, 0x72, 0xfd})
}

func (p *program) encoded(code [6]byte) {
	p.Instruction(&ir.Instruction{Opcode: "LONG", Operands: []operand.Op{operand.U32(binary.LittleEndian.Uint32(code[:]))}})
	p.Instruction(&ir.Instruction{Opcode: "WORD", Operands: []operand.Op{operand.U16(binary.LittleEndian.Uint16(code[4:]))}})
}

func (p *program) transform(wide bool, as results, t transform) {
	v := &vec{program: p, wide: wide}
	names := []string{"a", "b", "c"}[:t.lines]
	pointers, doc, scalars := "a, b *float32", "t = a + cb*b", "cb float32"
	if t.lines == 3 {
		pointers, doc, scalars = "a, b, c *float32", "t = a + cb*b + cc*c", "cb, cc float32"
	}
	if t.scaled {
		doc, scalars = "t = (a + cb*b + cc*c) * scale", "cb, cc, scale float32"
	}
	rest := ", dstPlace, dstTile, srcPlace, srcTile, tiles, n int, " + scalars
	doc = "writes " + t.out + " for " + doc + ", n channels of each tile"
	switch as {
	case floats:
		p.form(v, t.name, "dst, "+pointers+rest, doc+". Steps are in bytes.")
	case halves:
		args := "dst *uint16, " + pointers + rest
		p.function(t.name+"HalfAVX512", args, args, doc+", as bfloat16. Steps are in bytes.")
	case halfPairs:
		args := "dst *uint16, " + pointers + rest
		p.function(t.name+"PairsAVX512", args, args, doc+", as pairs of bfloat16 of two tiles. Steps are in bytes, dstTile from pair to pair; tiles is even.")
	}
	pointer := func(name string) reg.GPVirtual {
		r := p.GP64()
		p.Load(p.Param(name), r)
		return r
	}
	scalar := func(name string) reg.VecVirtual {
		m, err := p.Param(name).Resolve()
		if err != nil {
			panic(err)
		}
		x := v.new()
		p.VBROADCASTSS(m.Addr, x)
		return x
	}
	dst := pointer("dst")
	src := make([]reg.GPVirtual, t.lines)
	for i, name := range names {
		src[i] = pointer(name)
	}
	dstPlace, srcPlace := pointer("dstPlace"), pointer("srcPlace")
	dstPlace3, srcPlace3 := p.GP64(), p.GP64()
	p.LEAQ(operand.Mem{Base: dstPlace, Index: dstPlace, Scale: 2}, dstPlace3)
	p.LEAQ(operand.Mem{Base: srcPlace, Index: srcPlace, Scale: 2}, srcPlace3)
	at := func(base, place, place3 reg.GPVirtual, i int) operand.Mem {
		m := operand.Mem{Base: base}
		switch i {
		case 1, 2:
			m.Index, m.Scale = place, uint8(i)
		case 3:
			m.Index, m.Scale = place3, 1
		}
		return m
	}
	cb := scalar("cb")
	var cc, scale, half reg.VecVirtual
	if t.lines == 3 {
		cc = scalar("cc")
	}
	if t.scaled {
		scale, half = scalar("scale"), v.constant(0.5)
	}
	// After the whole vectors of a tile, pointers have moved by as many bytes; the rest of the step takes them to the next tile.
	n, whole, odd := p.GP64(), p.GP64(), p.GP64()
	p.Load(p.Param("n"), n)
	p.MOVQ(n, whole)
	p.SHRQ(operand.U8(map[bool]int{true: 4, false: 3}[wide]), whole)
	p.MOVQ(n, odd)
	p.ANDQ(operand.U8(v.lanes()-1), odd)
	v.setMask(odd)
	local := func(r reg.GPVirtual) operand.Mem {
		m := p.AllocLocal(8)
		p.MOVQ(r, m)
		return m
	}
	wholes, odds, tiles := local(whole), local(odd), local(pointer("tiles"))
	srcMoved, dstMoved := p.GP64(), p.GP64()
	p.MOVQ(whole, srcMoved)
	p.SHLQ(operand.U8(map[bool]int{true: 6, false: 5}[wide]), srcMoved)
	p.MOVQ(srcMoved, dstMoved)
	dstStep := 4 * v.lanes()
	if as == halves {
		p.SHRQ(operand.U8(1), dstMoved)
		dstStep = 32
	}
	dstSkip, srcSkip := pointer("dstTile"), pointer("srcTile")
	p.SUBQ(dstMoved, dstSkip)
	next := src // of the second of two tiles
	if as == halfPairs {
		next = make([]reg.GPVirtual, t.lines)
		for i, r := range src {
			next[i] = p.GP64()
			p.LEAQ(operand.Mem{Base: r, Index: srcSkip, Scale: 1}, next[i])
		}
		p.SHLQ(operand.U8(1), srcSkip)
	}
	p.SUBQ(srcMoved, srcSkip)
	dstSkips, srcSkips := local(dstSkip), local(srcSkip)
	var interleave reg.VecVirtual
	if as == halfPairs {
		interleave = v.new()
		p.VMOVDQU16(p.interleaving(), interleave)
	}

	sums := func(src []reg.GPVirtual) []reg.VecVirtual {
		var all []reg.VecVirtual
		for i := range t.places {
			x := v.load(at(src[0], srcPlace, srcPlace3, i))
			v.VFMADD231PS(v.load(at(src[1], srcPlace, srcPlace3, i)), cb, x)
			if t.lines == 3 {
				v.VFMADD231PS(v.load(at(src[2], srcPlace, srcPlace3, i)), cc, x)
			}
			if t.scaled {
				v.VMULPS(scale, x, x)
			}
			all = append(all, x)
		}
		return t.finish(v, all, half)
	}
	body := func() {
		first, second := sums(src), []reg.VecVirtual(nil)
		if as == halfPairs {
			second = sums(next)
		}
		for i, y := range first {
			to := at(dst, dstPlace, dstPlace3, i)
			switch as {
			case floats:
				v.store(y, to)
			case halves:
				p.VMOVAPS(y, reg.Z31)
				p.narrow()
				if v.tail {
					p.VMOVDQU16(reg.Y31, reg.K1, to)
				} else {
					p.VMOVDQU16(reg.Y31, to)
				}
			case halfPairs:
				p.VMOVAPS(y, reg.Z29)
				p.VMOVAPS(second[i], reg.Z30)
				p.narrowTwo()
				pairs := v.new()
				p.VPERMW(reg.Z31, interleave, pairs)
				v.store(pairs, to)
			}
		}
	}
	all := src
	if as == halfPairs {
		all = append(slices.Clone(src), next...)
	}
	p.Label("tile")
	count := p.GP64()
	p.MOVQ(wholes, count)
	p.TESTQ(count, count)
	p.JZ(operand.LabelRef("odd"))
	p.Label("vector")
	body()
	for _, r := range all {
		p.ADDQ(operand.U8(4*v.lanes()), r)
	}
	p.ADDQ(operand.U8(dstStep), dst)
	p.DECQ(count)
	p.JNZ(operand.LabelRef("vector"))
	p.Label("odd")
	p.CMPQ(odds, operand.U8(0))
	p.JEQ(operand.LabelRef("next"))
	v.tail = true
	body()
	v.tail = false
	p.Label("next")
	p.ADDQ(dstSkips, dst)
	for _, r := range all {
		p.ADDQ(srcSkips, r)
	}
	p.SUBQ(operand.U8(map[bool]int{true: 2, false: 1}[as == halfPairs]), tiles)
	p.JNZ(operand.LabelRef("tile"))
	p.VZEROUPPER()
	p.RET()
}

// interleaving is the order that makes pairs of the two halves of a vector of 32 words.
func (p *program) interleaving() operand.Mem {
	if p.order == nil {
		m := p.StaticGlobal(p.name + "Interleaving")
		p.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 16 {
			p.AppendDatum(operand.U32(i | (i+16)<<16))
		}
		p.order = &m
	}
	return *p.order
}
