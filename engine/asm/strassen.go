package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// strassenProgram writes the sums of quadrants of matrices that Strassen's products multiply.
func strassenProgram(p *program) {
	for _, wide := range []bool{true, false} {
		v := &vec{program: p, wide: wide}
		v.quadrantSums()
	}
}

// quadrantSums writes the loop over the rows of four quadrants.
func (v *vec) quadrantSums() {
	v.form(v, "quadrantSums", "dst *float32, plane, dstRow int, x11, x12, x21, x22 *float32, srcRow, rows, n int",
		"writes rows of n elements of the seven sums of quadrants to dst, from plane to plane."+
			"\n// The steps from plane to plane and from row to row are in bytes.")
	var base []reg.GPVirtual
	for _, name := range []string{"x11", "x12", "x21", "x22", "dst"} {
		r := v.GP64()
		v.Load(v.Param(name), r)
		base = append(base, r)
	}
	plane, plane3, fourth := v.GP64(), v.GP64(), v.GP64()
	v.Load(v.Param("plane"), plane)
	v.LEAQ(operand.Mem{Base: plane, Index: plane, Scale: 2}, plane3)
	v.LEAQ(operand.Mem{Base: base[4], Index: plane, Scale: 4}, fourth)
	base = append(base, fourth)
	srcStep, dstStep, n, rows := v.GP64(), v.GP64(), v.GP64(), v.GP64()
	v.Load(v.Param("n"), n)
	v.ANDQ(operand.I8(-int8(v.lanes())), n)
	v.SHLQ(operand.U8(2), n) // bytes that the loop steps on in a row
	v.Load(v.Param("srcRow"), srcStep)
	v.SUBQ(n, srcStep)
	v.Load(v.Param("dstRow"), dstStep)
	v.SUBQ(n, dstStep)
	v.Load(v.Param("rows"), rows)
	v.Label("row")
	v.Load(v.Param("n"), n)
	v.loop(n, base, func(at func(i int) operand.Mem) {
		x11, x12, x21, x22 := v.load(at(0)), v.load(at(1)), v.load(at(2)), v.load(at(3))
		to := func(i int) operand.Mem {
			m := at(4 + i/4)
			switch {
			case i == 3:
				m.Index, m.Scale = plane3, 1
			case i%4 > 0:
				m.Index, m.Scale = plane, uint8(i%4)
			}
			return m
		}
		for i, sum := range []reg.VecVirtual{v.add(x11, x22), v.add(x21, x22), x11, x22, v.add(x11, x12), v.sub(x21, x11), v.sub(x12, x22)} {
			v.store(sum, to(i))
		}
	})
	for i := range 4 {
		v.ADDQ(srcStep, base[i])
	}
	v.ADDQ(dstStep, base[4])
	v.ADDQ(dstStep, base[5])
	v.DECQ(rows)
	v.JNZ(operand.LabelRef("row"))
	v.VZEROUPPER()
	v.RET()
}
