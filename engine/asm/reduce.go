package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reductionLanes is the number of partial results of a reduction. Element i goes to partial result i % reductionLanes, at any
// width of vector, and the caller joins them: so the order of the operations is always the same.
const reductionLanes = 64

func reduceProgram(p *program) {
	for _, wide := range []bool{true, false} {
		p.reduction(wide, "sum", "adds x[i] to partial[i%64].", []string{"x"}, func(v *vec, acc reg.VecVirtual, in []reg.VecVirtual) {
			v.VADDPS(in[0], acc, acc)
		})
		p.reduction(wide, "dot", "adds a[i] * b[i] to partial[i%64].", []string{"a", "b"}, func(v *vec, acc reg.VecVirtual, in []reg.VecVirtual) {
			v.VFMADD231PS(in[0], in[1], acc)
		})
	}
}

// reduction writes a loop over blocks of 64 elements with all partial results in registers. n is a multiple of 64.
func (p *program) reduction(wide bool, name, doc string, inputs []string, step func(v *vec, acc reg.VecVirtual, in []reg.VecVirtual)) {
	v := &vec{program: p, wide: wide}
	args := "partial"
	for _, in := range inputs {
		args += ", " + in
	}
	args += " *float32, n int"
	p.form(v, name, args, doc+" n is a positive multiple of 64.")
	partial, n := p.GP64(), p.GP64()
	p.Load(p.Param("partial"), partial)
	p.Load(p.Param("n"), n)
	base := make([]reg.GPVirtual, len(inputs))
	for i, in := range inputs {
		base[i] = p.GP64()
		p.Load(p.Param(in), base[i])
	}
	vectors := reductionLanes / v.lanes()
	acc := make([]reg.VecVirtual, vectors)
	for i := range acc {
		acc[i] = v.load(operand.Mem{Base: partial, Disp: 4 * v.lanes() * i})
	}
	p.Label("block")
	for i := range acc {
		in := make([]reg.VecVirtual, len(base))
		for j, b := range base {
			in[j] = v.load(operand.Mem{Base: b, Disp: 4 * v.lanes() * i})
		}
		step(v, acc[i], in)
	}
	for _, b := range base {
		p.ADDQ(operand.U32(4*reductionLanes), b)
	}
	p.SUBQ(operand.U8(reductionLanes), n)
	p.JNZ(operand.LabelRef("block"))
	for i := range acc {
		v.store(acc[i], operand.Mem{Base: partial, Disp: 4 * v.lanes() * i})
	}
	p.VZEROUPPER()
	p.RET()
}

// extremesProgram writes the search of the largest and smallest element. A NaN is found apart, since VMAXPS may lose it.
func extremesProgram(p *program) {
	for _, f := range []struct {
		name, doc string
		start     float64
		step      func(v *vec, a, b reg.VecVirtual) reg.VecVirtual
	}{
		{"rowMax", "puts the largest of each of 16 lanes of x into best, and a NaN into nan if there is one.", math.Inf(-1), (*vec).max},
		{"rowMin", "puts the smallest of each of 16 lanes of x into best, and a NaN into nan if there is one.", math.Inf(1), (*vec).min},
	} {
		for _, wide := range []bool{true, false} {
			v := &vec{program: p, wide: wide}
			args := "best, nan, x *float32, n int"
			p.form(v, f.name, args, f.doc)
			best, nan, x, n := p.GP64(), p.GP64(), p.GP64(), p.GP64()
			p.Load(p.Param("best"), best)
			p.Load(p.Param("nan"), nan)
			p.Load(p.Param("x"), x)
			p.Load(p.Param("n"), n)
			acc, bad := v.constant(f.start), v.zero()
			v.loop(n, []reg.GPVirtual{x}, func(at func(i int) operand.Mem) {
				in := v.load(at(0))
				if v.tail { // Lanes beyond the tail must not win.
					start := v.constant(f.start)
					if wide {
						v.VBLENDMPS(in, start, reg.K1, in)
					} else {
						v.VBLENDVPS(v.mask, in, start, in)
					}
				}
				v.VMOVAPS(v.choose(isUnordered, in, in, in, bad), bad)
				v.VMOVAPS(f.step(v, acc, in), acc)
			})
			v.store(acc, operand.Mem{Base: best})
			v.store(bad, operand.Mem{Base: nan})
			p.VZEROUPPER()
			p.RET()
		}
	}
}
