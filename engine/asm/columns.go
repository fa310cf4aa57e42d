package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columnsProgram writes the loops over the rows of a matrix that work column by column: channel statistics and affine maps
// of channels-last tensors. One call handles all rows for a group of columns whose constants and sums stay in registers.
func columnsProgram(p *program) {
	for _, wide := range []bool{true, false} {
		p.columnLoop(wide, columnLoop{
			name: "columnMoments", doc: "adds, for every column, x - pivot to sum and its square to squares.",
			in: []string{"x"}, constants: []string{"pivot"}, sums: []string{"sum", "squares"},
			step: func(v *vec, in, c, s []reg.VecVirtual) reg.VecVirtual {
				d := v.sub(in[0], c[0])
				v.VADDPS(d, s[0], s[0])
				v.VFMADD231PS(d, d, s[1])
				return nil
			},
		})
		p.columnLoop(wide, columnLoop{
			name: "columnProducts", doc: "adds, for every column, dy to sum and dy * (x - mean) to products.",
			in: []string{"x", "dy"}, constants: []string{"mean"}, sums: []string{"sum", "products"},
			step: func(v *vec, in, c, s []reg.VecVirtual) reg.VecVirtual {
				v.VADDPS(in[1], s[0], s[0])
				v.VFMADD231PS(v.sub(in[0], c[0]), in[1], s[1])
				return nil
			},
		})
		p.columnLoop(wide, columnLoop{
			name: "columnProductsReLU", doc: "is columnProducts for dy where x * scale + shift is not negative, and zero elsewhere.",
			in: []string{"x", "dy"}, constants: []string{"mean", "scale", "shift"}, sums: []string{"sum", "products"},
			step: func(v *vec, in, c, s []reg.VecVirtual) reg.VecVirtual {
				dy := v.throughReLU(in[0], c[1], c[2], in[1])
				v.VADDPS(dy, s[0], s[0])
				v.VFMADD231PS(v.sub(in[0], c[0]), dy, s[1])
				return nil
			},
		})
		p.columnLoop(wide, columnLoop{
			name: "columnAffine", doc: "writes x * scale + shift to y.",
			in: []string{"x"}, constants: []string{"scale", "shift"}, out: "y",
			step: func(v *vec, in, c, s []reg.VecVirtual) reg.VecVirtual { return v.fma(in[0], c[0], c[1]) },
		})
		p.columnLoop(wide, columnLoop{
			name: "columnAffineReLU", doc: "writes max(x * scale + shift, 0) to y, NaN for NaN.",
			in: []string{"x"}, constants: []string{"scale", "shift"}, out: "y",
			step: func(v *vec, in, c, s []reg.VecVirtual) reg.VecVirtual {
				return v.max(v.zero(), v.fma(in[0], c[0], c[1]))
			},
		})
		p.columnLoop(wide, columnLoop{
			name: "columnAffine2", doc: "writes x * b + dy * a + d to dx.",
			in: []string{"x", "dy"}, constants: []string{"a", "b", "d"}, out: "dx",
			step: func(v *vec, in, c, s []reg.VecVirtual) reg.VecVirtual {
				return v.fma(in[0], c[1], v.fma(in[1], c[0], c[2]))
			},
		})
		p.columnLoop(wide, columnLoop{
			name: "columnAffine2ReLU", doc: "is columnAffine2 for dy where x * scale + shift is not negative, and zero elsewhere.",
			in: []string{"x", "dy"}, constants: []string{"a", "b", "d", "scale", "shift"}, out: "dx",
			step: func(v *vec, in, c, s []reg.VecVirtual) reg.VecVirtual {
				return v.fma(in[0], c[1], v.fma(v.throughReLU(in[0], c[3], c[4], in[1]), c[0], c[2]))
			},
		})
	}
}

// throughReLU returns dy where x * scale + shift is not negative, and zero elsewhere.
func (v *vec) throughReLU(x, scale, shift, dy reg.VecVirtual) reg.VecVirtual {
	y := v.fma(x, scale, shift)
	if v.wide {
		v.VCMPPS(operand.U8(isAtLeast), v.zero(), y, reg.K2)
		v.VMOVAPS_Z(dy, reg.K2, y)
		return y
	}
	v.VCMPPS(operand.U8(isAtLeast), v.zero(), y, y)
	return v.and(y, dy)
}

// columnLoop describes a loop: matrices read, constants and sums by column, and a matrix written.
type columnLoop struct {
	name, doc           string
	in, constants, sums []string
	out                 string
	step                func(v *vec, in, constants, sums []reg.VecVirtual) reg.VecVirtual
}

// columnLoop writes l for all columns of a matrix: groups of several vectors of columns as long as there are enough, then one vector
// at a time.
func (p *program) columnLoop(wide bool, l columnLoop) {
	v := &vec{program: p, wide: wide}
	var names []string
	if l.out != "" {
		names = append(names, l.out)
	}
	names = append(append(append(names, l.in...), l.constants...), l.sums...)
	args := ""
	for i, n := range names {
		if i > 0 {
			args += ", "
		}
		args += n
	}
	args += " *float32, rows, cols int"
	p.form(v, l.name, args, l.doc)
	ptr := map[string]reg.GPVirtual{}
	for _, n := range names {
		ptr[n] = p.GP64()
		p.Load(p.Param(n), ptr[n])
	}
	cols, step := p.GP64(), p.GP64()
	p.Load(p.Param("cols"), cols)
	p.MOVQ(cols, step)
	p.SHLQ(operand.U8(2), step)

	group := func(vectors int) {
		at := func(name string, i int) operand.Mem { return operand.Mem{Base: ptr[name], Disp: 4 * v.lanes() * i} }
		load := func(names []string) (all [][]reg.VecVirtual) {
			all = make([][]reg.VecVirtual, vectors)
			for i := range all {
				for _, n := range names {
					all[i] = append(all[i], v.load(at(n, i)))
				}
			}
			return all
		}
		constants, sums := load(l.constants), load(l.sums)
		row, rows := p.GP64(), p.GP64()
		p.Load(p.Param("rows"), rows)
		p.XORQ(row, row)
		label := "rows" + string(rune('0'+vectors))
		p.Label(label)
		inRow := func(name string, i int) operand.Mem {
			m := at(name, i)
			m.Index, m.Scale = row, 1
			return m
		}
		for i := range vectors {
			var in []reg.VecVirtual
			for _, n := range l.in {
				in = append(in, v.load(inRow(n, i)))
			}
			if out := l.step(v, in, constants[i], sums[i]); out != nil {
				v.store(out, inRow(l.out, i))
			}
		}
		p.ADDQ(step, row)
		p.DECQ(rows)
		p.JNZ(operand.LabelRef(label))
		for i := range vectors {
			for j, n := range l.sums {
				v.store(sums[i][j], at(n, i))
			}
		}
	}
	next := func(vectors int) {
		for _, n := range names {
			p.ADDQ(operand.U32(4*v.lanes()*vectors), ptr[n])
		}
	}
	many := 4
	if !wide {
		many = 2
	}
	p.Label("many")
	p.CMPQ(cols, operand.U8(many*v.lanes()))
	p.JLT(operand.LabelRef("single"))
	group(many)
	next(many)
	p.SUBQ(operand.U8(many*v.lanes()), cols)
	p.JMP(operand.LabelRef("many"))
	p.Label("single")
	p.TESTQ(cols, cols)
	p.JLE(operand.LabelRef("end"))
	n := p.GP64()
	p.MOVQ(operand.U32(v.lanes()), n)
	p.CMPQ(cols, n)
	p.JGE(operand.LabelRef("whole"))
	p.MOVQ(cols, n)
	p.Label("whole")
	v.setMask(n)
	v.tail = true
	group(1)
	v.tail = false
	next(1)
	p.SUBQ(operand.U8(v.lanes()), cols)
	p.JMP(operand.LabelRef("single"))
	p.Label("end")
	p.VZEROUPPER()
	p.RET()
}
