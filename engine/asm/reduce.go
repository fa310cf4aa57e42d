package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reductionLanes is the number of partial results of a reduction. Element i goes to partial result i % reductionLanes, at any
// width of vector, and those are joined by halves: so the order of the operations is always the same.
const reductionLanes = 64

func reduceProgram(p *program) {
	for _, wide := range []bool{true, false} {
		p.reduction(wide, "sum", "writes the sum of x to out.", []string{"x"}, func(v *vec, acc reg.VecVirtual, in []reg.VecVirtual) {
			v.VADDPS(in[0], acc, acc)
		})
		p.reduction(wide, "dot", "writes the sum of a[i] * b[i] to out.", []string{"a", "b"}, func(v *vec, acc reg.VecVirtual, in []reg.VecVirtual) {
			v.VFMADD231PS(in[0], in[1], acc)
		})
		p.extreme(wide, "rowMax", "writes the largest element of x to out, NaN if there is one.", math.Inf(-1), (*vec).max)
		p.extreme(wide, "rowMin", "writes the smallest element of x to out, NaN if there is one.", math.Inf(1), (*vec).min)
	}
}

// reduction writes a sum: blocks of 64 elements with all partial results in registers, then what is left.
func (p *program) reduction(wide bool, name, doc string, inputs []string, step func(v *vec, acc reg.VecVirtual, in []reg.VecVirtual)) {
	v := &vec{program: p, wide: wide}
	args := "out"
	for _, in := range inputs {
		args += ", " + in
	}
	args += " *float32, n int"
	p.form(v, name, args, doc)
	n := p.GP64()
	p.Load(p.Param("n"), n)
	base := make([]reg.GPVirtual, len(inputs))
	for i, in := range inputs {
		base[i] = p.GP64()
		p.Load(p.Param(in), base[i])
	}
	acc := make([]reg.VecVirtual, reductionLanes/v.lanes())
	for i := range acc {
		acc[i] = v.zero()
	}
	add := func(i, disp int) {
		in := make([]reg.VecVirtual, len(base))
		for j, b := range base {
			in[j] = v.load(operand.Mem{Base: b, Disp: disp})
		}
		step(v, acc[i], in)
	}
	next := func(lanes int) {
		for _, b := range base {
			p.ADDQ(operand.U32(4*lanes), b)
		}
	}
	p.SUBQ(operand.U8(reductionLanes), n)
	p.JLT(operand.LabelRef("rest"))
	p.Label("block")
	for i := range acc {
		add(i, 4*v.lanes()*i)
	}
	next(reductionLanes)
	p.SUBQ(operand.U8(reductionLanes), n)
	p.JGE(operand.LabelRef("block"))
	p.Label("rest")
	p.ADDQ(operand.U8(reductionLanes), n)
	for i := range acc {
		p.TESTQ(n, n)
		p.JLE(operand.LabelRef("join"))
		p.CMPQ(n, operand.U8(v.lanes()))
		p.JLT(operand.LabelRef(fmt.Sprintf("tail%d", i)))
		add(i, 0)
		next(v.lanes())
		p.SUBQ(operand.U8(v.lanes()), n)
	}
	p.JMP(operand.LabelRef("join"))
	for i := range acc {
		p.Label(fmt.Sprintf("tail%d", i))
		v.setMask(n)
		v.tail = true
		add(i, 0)
		v.tail = false
		p.JMP(operand.LabelRef("join"))
	}
	p.Label("join")
	for half := len(acc) / 2; half > 0; half /= 2 {
		for i := range half {
			p.VADDPS(acc[i+half], acc[i], acc[i])
		}
	}
	out := p.GP64()
	p.Load(p.Param("out"), out)
	p.VMOVSS(v.fold(acc[0], p.VADDPS), operand.Mem{Base: out})
	p.VZEROUPPER()
	p.RET()
}

// fold joins the lanes of x by halves and returns a register with the result in its lowest lane.
func (v *vec) fold(x reg.VecVirtual, op func(ops ...operand.Op)) reg.Register {
	if v.wide {
		high := v.YMM()
		v.VEXTRACTF64X4(operand.U8(1), x, high)
		op(high, x.AsY(), high)
		x = high
	}
	low := v.XMM()
	v.VEXTRACTF128(operand.U8(1), x.AsY(), low)
	op(low, x.AsX(), low)
	other := v.XMM()
	v.VPERMILPS(operand.U8(0x4e), low, other)
	op(other, low, low)
	v.VPERMILPS(operand.U8(0xb1), low, other)
	op(other, low, low)
	return low
}

// extreme writes the search of the largest or smallest element. A NaN is kept apart, since VMAXPS may lose it: it makes a sum NaN
// that is zero otherwise.
func (p *program) extreme(wide bool, name, doc string, start float64, step func(v *vec, a, b reg.VecVirtual) reg.VecVirtual) {
	v := &vec{program: p, wide: wide}
	p.form(v, name, "out, x *float32, n int", doc)
	out, x, n := p.GP64(), p.GP64(), p.GP64()
	p.Load(p.Param("out"), out)
	p.Load(p.Param("x"), x)
	p.Load(p.Param("n"), n)
	best, bad := v.constant(start), v.zero()
	v.loop(n, []reg.GPVirtual{x}, func(at func(i int) operand.Mem) {
		in := v.load(at(0))
		if v.tail { // Lanes beyond the tail must not win.
			lost := v.constant(start)
			if wide {
				v.VBLENDMPS(in, lost, reg.K1, in)
			} else {
				v.VBLENDVPS(v.mask, in, lost, in)
			}
		}
		v.VMOVAPS(v.choose(isUnordered, in, in, in, bad), bad)
		v.VMOVAPS(step(v, best, in), best)
	})
	op := p.VMAXPS
	if start > 0 {
		op = p.VMINPS
	}
	found, nan := v.fold(best, op), v.fold(bad, p.VADDPS)
	p.VADDSS(nan, found, found)
	p.VMOVSS(found, operand.Mem{Base: out})
	p.VZEROUPPER()
	p.RET()
}
