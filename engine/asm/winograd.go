package main

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// winogradProgram writes the transforms of Winograd's convolutions, whose matrices engine/kernel/winograd_transform.go derives:
// Y = L X L^T for a small matrix L, where X and Y are small matrices of vectors of channels.
func winogradProgram(p *program) {
	for _, t := range []struct {
		suffix string
		points []float64 // the positive ones
	}{{"2", []float64{1}}, {"4", []float64{0.625, 1.5}}} {
		input, weights, output := winogradMatrices(t.points)
		for _, f := range []linear{
			{"winogradInput" + t.suffix, "applies B^T to windows of the input.", input},
			{"winogradWeights" + t.suffix, "applies G to weights.", weights},
			{"winogradOutput" + t.suffix, "applies A^T to products, which makes outputs.", output},
			{"winogradOutputGrad" + t.suffix, "applies A to gradients of outputs.", transposed(output)},
			{"winogradWeightsGrad" + t.suffix, "applies G^T to products, which makes gradients of weights.", transposed(weights)},
		} {
			p.bilinear(floats, f)
			p.bilinear(floatsAVX2, f)
		}
		if t.suffix == "2" {
			p.bilinear(halves, linear{"winogradInput2", "applies B^T to windows of bfloat16.", input})
			p.bilinear(halfPairs, linear{"winogradInput2", "applies B^T to two windows of bfloat16.", input})
			p.bilinear(halves, linear{"winogradWeights2", "applies G to weights of bfloat16.", weights})
			p.bilinear(narrowed, linear{"winogradOutput2", "applies A^T to products, which makes outputs of bfloat16.", output})
			p.bilinear(halfPairs, linear{"winogradOutputGrad2", "applies A to two gradients of outputs of bfloat16.", transposed(output)})
		}
	}
}

// form is which numbers a transform reads and writes, and with which vectors.
type form int

const (
	floats     form = iota
	floatsAVX2      // the others are for AVX-512
	halves          // bfloat16, transformed in float32
	halfPairs       // of two matrices of bfloat16, pairs of an element of the first and one of the second
	narrowed        // from float32 to bfloat16
)

// winogradMatrices returns B^T, G and A^T for the points 0, a, -a for each positive one, and infinity.
func winogradMatrices(positive []float64) (input, weights, output [][]float64) {
	points := []float64{0}
	for _, a := range positive {
		points = append(points, a, -a)
	}
	outputs := len(points) - 1
	output = make([][]float64, outputs)
	for j, p := range points {
		poly, norm := []float64{1}, 1.0
		for k, q := range points {
			if k != j {
				poly, norm = timesRoot(poly, q), norm*(p-q)
			}
		}
		input = append(input, append(poly, 0))
		weights = append(weights, []float64{1 / norm, p / norm, p * p / norm})
		for i := range output {
			output[i] = append(output[i], math.Pow(p, float64(i)))
		}
	}
	all := []float64{1}
	for _, q := range points {
		all = timesRoot(all, q)
	}
	input, weights = append(input, all), append(weights, []float64{0, 0, 1})
	for i := range output {
		output[i] = append(output[i], float64(i/(outputs-1)))
	}
	return input, weights, output
}

// timesRoot returns the polynomial p, lowest power first, times x - q.
func timesRoot(p []float64, q float64) []float64 {
	out := make([]float64, len(p)+1)
	for i, c := range p {
		out[i] -= q * c
		out[i+1] += c
	}
	return out
}

func transposed(m [][]float64) [][]float64 {
	out := make([][]float64, len(m[0]))
	for _, row := range m {
		for j, c := range row {
			out[j] = append(out[j], c)
		}
	}
	return out
}

// linear is a function that multiplies with a matrix from both sides.
type linear struct {
	name, doc string
	rows      [][]float64
}

// units returns the rows in groups that share work: for points a and -a, the even and odd parts of their sum; in matrices that sum over
// points, the rows that need the sums of the values at a and -a, and those that need their differences.
func (l *linear) units() [][]int {
	var units [][]int
	if l.sumsPoints() {
		units = make([][]int, 2)
		for i := range l.rows {
			units[i%2] = append(units[i%2], i)
		}
		return units
	}
	for i := 0; i < len(l.rows); i++ {
		if i > 0 && i+1 < len(l.rows) {
			units = append(units, []int{i, i + 1})
			i++
		} else {
			units = append(units, []int{i})
		}
	}
	return units
}

func (l *linear) sumsPoints() bool { return len(l.rows) < len(l.rows[0]) }

// term is a coefficient and which value it multiplies.
type term struct {
	c     float64
	value func() reg.VecVirtual
}

// apply computes the given rows of L x, where x(j) gives element j and is called at most once for each j.
func (l *linear) apply(v *vec, rows []int, x func(j int) reg.VecVirtual) []reg.VecVirtual {
	known := map[string]reg.VecVirtual{}
	once := func(key string, f func() reg.VecVirtual) func() reg.VecVirtual {
		return func() reg.VecVirtual {
			if known[key] == nil {
				known[key] = f()
			}
			return known[key]
		}
	}
	at := func(j int) func() reg.VecVirtual { return once(fmt.Sprint(j), func() reg.VecVirtual { return x(j) }) }
	var out []reg.VecVirtual
	if l.sumsPoints() {
		last := len(l.rows[0]) - 1
		for _, i := range rows {
			row := l.rows[i]
			terms := []term{{row[0], at(0)}, {row[last], at(last)}}
			for j := 1; j < last; j += 2 {
				a, b, f, key := at(j), at(j+1), (*vec).add, "sum"
				if i%2 == 1 {
					f, key = (*vec).sub, "difference"
				}
				terms = append(terms, term{row[j], once(fmt.Sprint(key, j), func() reg.VecVirtual { return f(v, a(), b()) })})
			}
			out = append(out, v.combine(terms))
		}
		return out
	}
	for q := 0; q < len(rows); q++ {
		i := rows[q]
		if i == 0 || i == len(l.rows)-1 {
			var terms []term
			for j, c := range l.rows[i] {
				terms = append(terms, term{c, at(j)})
			}
			out = append(out, v.combine(terms))
			continue
		}
		first := i - (i+1)%2 // the row of the positive point
		var same, opposite []term
		for j, c := range l.rows[first] {
			if c == l.rows[first+1][j] {
				same = append(same, term{c, at(j)})
			} else {
				opposite = append(opposite, term{c, at(j)})
			}
		}
		s, o := v.combine(same), v.combine(opposite)
		if i == first {
			out = append(out, v.add(s, o))
		}
		if i == first && q+1 < len(rows) && rows[q+1] == i+1 {
			q, i = q+1, i+1
		}
		if i != first {
			out = append(out, v.sub(s, o))
		}
	}
	return out
}

// combine returns the sum of terms: one with the coefficient 1, if there is one, and then the others in their order.
func (v *vec) combine(terms []term) reg.VecVirtual {
	first := -1
	var used []term
	for _, t := range terms {
		if t.c == 0 {
			continue
		}
		if first < 0 && t.c == 1 {
			first = len(used)
		}
		used = append(used, t)
	}
	first = max(first, 0)
	sum, own := used[first].value(), false // own: nobody else needs sum as it is
	if c := used[first].c; c != 1 {
		x := v.new()
		v.times(v.VMULPS, v.VMULPS_BCST, c, sum, x)
		sum, own = x, true
	}
	for i, t := range used {
		switch {
		case i == first:
		case t.c == 1:
			sum, own = v.add(sum, t.value()), true
		case t.c == -1:
			sum, own = v.sub(sum, t.value()), true
		default:
			if !own {
				sum, own = v.copy(sum), true
			}
			v.times(v.VFMADD231PS, v.VFMADD231PS_BCST, t.c, t.value(), sum)
		}
	}
	return sum
}

// times emits f with the constant c as first operand.
func (v *vec) times(f, broadcast func(ops ...operand.Op), c float64, x, y reg.VecVirtual) {
	if v.wide {
		broadcast(v.word(math.Float32bits(float32(c))), x, y)
	} else {
		f(v.eight(c), x, y)
	}
}

// eight returns read-only memory with eight times c.
func (v *vec) eight(c float64) operand.Mem {
	bits := math.Float32bits(float32(c))
	if m, ok := v.eights[bits]; ok {
		return m
	}
	m := v.StaticGlobal(fmt.Sprintf("%sEight%08x", v.name, bits))
	v.DataAttributes(attr.RODATA | attr.NOPTR)
	for range 8 {
		v.AppendDatum(operand.U32(bits))
	}
	v.eights[bits] = m
	return m
}

// bilinear writes dst = L src L^T for n channels. Element (i, j) of a matrix lies i row steps and j column steps, in bytes, from its
// begin, and its channels lie side by side.
//
// Rows of the result are computed as many at a time as registers hold: first L src for those rows, then its product with L^T.
func (p *program) bilinear(f form, l linear) {
	v := &vec{program: p, wide: f != floatsAVX2}
	sources := []string{"src"}
	switch f {
	case floats, floatsAVX2:
		p.form(v, l.name, "dst *float32, dstRow, dstCol int, src *float32, srcRow, srcCol, n int", l.doc)
	case halves:
		args := "dst *uint16, dstRow, dstCol int, src *uint16, srcRow, srcCol, n int"
		p.function(l.name+"HalfAVX512", args, args, l.doc)
	case halfPairs:
		args := "dst *uint16, dstRow, dstCol int, first, second *uint16, srcRow, srcCol, n int"
		p.function(l.name+"PairsAVX512", args, args, l.doc)
		sources = []string{"first", "second"}
	case narrowed:
		args := "dst *uint16, dstRow, dstCol int, src *float32, srcRow, srcCol, n int"
		p.function(l.name+"NarrowAVX512", args, args, l.doc)
	}
	dst, n := p.GP64(), p.GP64()
	p.Load(p.Param("dst"), dst)
	src := make([]reg.GPVirtual, len(sources))
	for i, name := range sources {
		src[i] = p.GP64()
		p.Load(p.Param(name), src[i])
	}
	p.Load(p.Param("n"), n)
	rows, cols := len(l.rows), len(l.rows[0])
	dstRow, srcCol := p.GP64(), p.GP64()
	p.Load(p.Param("dstRow"), dstRow)
	p.Load(p.Param("srcCol"), srcCol)
	srcRow, dstCol := p.multiples("srcRow", cols), p.multiples("dstCol", rows)
	var interleave reg.VecVirtual
	if f == halfPairs {
		interleave = v.new()
		p.VMOVDQU16(p.interleaving(), interleave)
	}

	hold := map[form]int{floats: 24, floatsAVX2: 8, halves: 16, halfPairs: 8, narrowed: 16}[f] // vectors of L src
	groups := l.groups(hold)
	load, srcSize, dstSize := v.load, 4, 4
	if f == halves || f == halfPairs {
		load, srcSize = v.widened, 2
	}
	if f == halves || f == narrowed {
		dstSize = 2
	}
	v.channels(n, func() {
		for _, group := range groups {
			held := make([][][]reg.VecVirtual, len(src)) // by source, column and row of the group
			for q := range src {
				at := p.GP64()
				p.MOVQ(src[q], at)
				for j := range cols {
					if j > 0 {
						p.ADDQ(srcCol, at)
					}
					held[q] = append(held[q], l.apply(v, group, func(i int) reg.VecVirtual { return load(srcRow(at, i)) }))
				}
			}
			for r, i := range group {
				at := p.GP64()
				p.MOVQ(dst, at)
				for range i {
					p.ADDQ(dstRow, at)
				}
				for _, unit := range l.units() {
					var out [][]reg.VecVirtual
					for q := range src {
						out = append(out, l.apply(v, unit, func(j int) reg.VecVirtual { return held[q][j][r] }))
					}
					for o, j := range unit {
						switch to := dstCol(at, j); f {
						case floats, floatsAVX2:
							v.store(out[0][o], to)
						case halves, narrowed:
							v.storeNarrow(out[0][o], to)
						case halfPairs:
							v.storePairs(out[0][o], out[1][o], interleave, to)
						}
					}
				}
			}
		}
	}, func() {
		p.ADDQ(operand.U8(dstSize*v.lanes()), dst)
		for _, r := range src {
			p.ADDQ(operand.U8(srcSize*v.lanes()), r)
		}
	})
	p.VZEROUPPER()
	p.RET()
}

// groups returns the rows in groups of which hold vectors keep L src.
func (l *linear) groups(hold int) [][]int {
	cols := len(l.rows[0])
	var groups [][]int
	var group []int
	for _, u := range l.units() {
		parts := [][]int{u}
		if len(u)*cols > hold {
			parts = nil
			for _, i := range u {
				parts = append(parts, []int{i})
			}
		}
		for _, part := range parts {
			if (len(group)+len(part))*cols > hold {
				groups, group = append(groups, group), nil
			}
			group = append(group, part...)
		}
	}
	return append(groups, group)
}

// channels runs body for each vector of n channels, and next after it; body also for the rest, with the mask set.
func (v *vec) channels(n reg.GPVirtual, body, next func()) {
	v.SUBQ(operand.U8(v.lanes()), n)
	v.JLT(operand.LabelRef("tail"))
	v.Label("vector")
	body()
	next()
	v.SUBQ(operand.U8(v.lanes()), n)
	v.JGE(operand.LabelRef("vector"))
	v.Label("tail")
	v.ADDQ(operand.U8(v.lanes()), n)
	v.JZ(operand.LabelRef("done"))
	v.setMask(n)
	v.tail = true
	body()
	v.tail = false
	v.Label("done")
}

// widened returns the bfloat16 at m as float32; lanes beyond the mask of a tail are zero.
func (v *vec) widened(m operand.Mem) reg.VecVirtual {
	x := v.new()
	if v.tail {
		v.VPMOVZXWD_Z(m, reg.K1, x)
	} else {
		v.VPMOVZXWD(m, x)
	}
	v.VPSLLD(operand.U8(16), x, x)
	return x
}

// storeNarrow writes x as bfloat16.
func (v *vec) storeNarrow(x reg.VecVirtual, to operand.Mem) {
	v.VMOVAPS(x, reg.Z31)
	v.narrow()
	if v.tail {
		v.VMOVDQU16(reg.Y31, reg.K1, to)
	} else {
		v.VMOVDQU16(reg.Y31, to)
	}
}

// storePairs writes pairs of bfloat16 of x and y.
func (v *vec) storePairs(x, y, interleave reg.VecVirtual, to operand.Mem) {
	v.VMOVAPS(x, reg.Z29)
	v.VMOVAPS(y, reg.Z30)
	v.narrowTwo()
	pairs := v.new()
	v.VPERMW(reg.Z31, interleave, pairs)
	v.store(pairs, to)
}

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

// multiples loads a parameter and returns how to address base plus i times the parameter, for i < count <= 6.
func (p *program) multiples(name string, count int) func(base reg.GPVirtual, i int) operand.Mem {
	var by [6]reg.GPVirtual
	by[1] = p.GP64()
	p.Load(p.Param(name), by[1])
	if count > 3 {
		by[3] = p.GP64()
		p.LEAQ(operand.Mem{Base: by[1], Index: by[1], Scale: 2}, by[3])
	}
	if count > 5 {
		by[5] = p.GP64()
		p.LEAQ(operand.Mem{Base: by[1], Index: by[1], Scale: 4}, by[5])
	}
	return func(base reg.GPVirtual, i int) operand.Mem {
		switch i {
		case 0:
			return operand.Mem{Base: base}
		case 2, 4:
			return operand.Mem{Base: base, Index: by[1], Scale: uint8(i)}
		}
		return operand.Mem{Base: base, Index: by[i], Scale: 1}
	}
}
