package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// winogradProgram writes the transforms of Winograd's convolution: one row of a two-dimensional transform at a time, for a line of
// tiles. See winograd.go of package kernel.
func winogradProgram(p *program) {
	for _, wide := range []bool{true, false} {
		p.transform(wide, transform{
			name: "winogradWindow", lines: 2, places: 4, out: "t0 - t2, t1 + t2, t2 - t1, t1 - t3",
			finish: func(v *vec, t []reg.VecVirtual, _ reg.VecVirtual) []reg.VecVirtual {
				return []reg.VecVirtual{v.sub(t[0], t[2]), v.add(t[1], t[2]), v.sub(t[2], t[1]), v.sub(t[1], t[3])}
			},
		})
		p.transform(wide, transform{
			name: "winogradSpread", lines: 2, places: 2, out: "t0, t0 + t1, t0 - t1, t1",
			finish: func(v *vec, t []reg.VecVirtual, _ reg.VecVirtual) []reg.VecVirtual {
				return []reg.VecVirtual{t[0], v.add(t[0], t[1]), v.sub(t[0], t[1]), t[1]}
			},
		})
		p.transform(wide, transform{
			name: "winogradFold", lines: 3, places: 4, out: "t0 + (t1 + t2), (t1 - t2) - t3",
			finish: func(v *vec, t []reg.VecVirtual, _ reg.VecVirtual) []reg.VecVirtual {
				return []reg.VecVirtual{v.add(t[0], v.add(t[1], t[2])), v.sub(v.sub(t[1], t[2]), t[3])}
			},
		})
		p.transform(wide, transform{
			name: "winogradWeights", lines: 3, places: 3, scaled: true, out: "t0, (t0 + t2 + t1) / 2, (t0 + t2 - t1) / 2, t2",
			finish: func(v *vec, t []reg.VecVirtual, half reg.VecVirtual) []reg.VecVirtual {
				ends := v.add(t[0], t[2])
				return []reg.VecVirtual{t[0], v.mul(v.add(ends, t[1]), half), v.mul(v.sub(ends, t[1]), half), t[2]}
			},
		})
		p.transform(wide, transform{
			name: "winogradGather", lines: 3, places: 4, scaled: true, out: "t0 + (t1 + t2) / 2, (t1 - t2) / 2, (t1 + t2) / 2 - t3",
			finish: func(v *vec, t []reg.VecVirtual, half reg.VecVirtual) []reg.VecVirtual {
				mean := v.mul(v.add(t[1], t[2]), half)
				return []reg.VecVirtual{v.add(t[0], mean), v.mul(v.sub(t[1], t[2]), half), v.sub(mean, t[3])}
			},
		})
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

func (p *program) transform(wide bool, t transform) {
	v := &vec{program: p, wide: wide}
	names := []string{"a", "b", "c"}[:t.lines]
	args, doc, scalars := "dst, a, b *float32", "t = a + cb*b", "cb float32"
	if t.lines == 3 {
		args, doc, scalars = "dst, a, b, c *float32", "t = a + cb*b + cc*c", "cb, cc float32"
	}
	if t.scaled {
		doc, scalars = "t = (a + cb*b + cc*c) * scale", "cb, cc, scale float32"
	}
	p.form(v, t.name, args+", dstPlace, dstTile, srcPlace, srcTile, tiles, n int, "+scalars,
		"writes "+t.out+" for "+doc+", n channels of each tile. Steps are in bytes.")
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
	n, whole, rest := p.GP64(), p.GP64(), p.GP64()
	p.Load(p.Param("n"), n)
	p.MOVQ(n, whole)
	p.SHRQ(operand.U8(map[bool]int{true: 4, false: 3}[wide]), whole)
	p.MOVQ(n, rest)
	p.ANDQ(operand.U8(v.lanes()-1), rest)
	v.setMask(rest)
	moved := p.GP64()
	p.MOVQ(whole, moved)
	p.SHLQ(operand.U8(map[bool]int{true: 6, false: 5}[wide]), moved)
	dstSkip, srcSkip := p.AllocLocal(8), p.AllocLocal(8)
	skip := func(name string, to operand.Mem) {
		r := pointer(name)
		p.SUBQ(moved, r)
		p.MOVQ(r, to)
	}
	skip("dstTile", dstSkip)
	skip("srcTile", srcSkip)

	body := func() {
		var sums []reg.VecVirtual
		for i := range t.places {
			x := v.load(at(src[0], srcPlace, srcPlace3, i))
			v.VFMADD231PS(v.load(at(src[1], srcPlace, srcPlace3, i)), cb, x)
			if t.lines == 3 {
				v.VFMADD231PS(v.load(at(src[2], srcPlace, srcPlace3, i)), cc, x)
			}
			if t.scaled {
				v.VMULPS(scale, x, x)
			}
			sums = append(sums, x)
		}
		for i, y := range t.finish(v, sums, half) {
			v.store(y, at(dst, dstPlace, dstPlace3, i))
		}
	}
	tiles := pointer("tiles")
	p.Label("tile")
	count := p.GP64()
	p.MOVQ(whole, count)
	p.TESTQ(count, count)
	p.JZ(operand.LabelRef("rest"))
	p.Label("vector")
	body()
	for _, r := range append(src, dst) {
		p.ADDQ(operand.U8(4*v.lanes()), r)
	}
	p.DECQ(count)
	p.JNZ(operand.LabelRef("vector"))
	p.Label("rest")
	p.TESTQ(rest, rest)
	p.JZ(operand.LabelRef("next"))
	v.tail = true
	body()
	v.tail = false
	p.Label("next")
	p.ADDQ(dstSkip, dst)
	for _, r := range src {
		p.ADDQ(srcSkip, r)
	}
	p.DECQ(tiles)
	p.JNZ(operand.LabelRef("tile"))
	p.VZEROUPPER()
	p.RET()
}
