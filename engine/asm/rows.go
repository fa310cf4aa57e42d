package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowsProgram writes the functions that reduce every row of a matrix and compute with the result: a row stays in the first-level
// cache from one pass over it to the next, and one call handles all rows.
func rowsProgram(p *program) {
	for _, wide := range []bool{true, false} {
		p.softmaxRows(wide)
		p.expSubRows(wide)
		p.softmaxGradRows(wide)
		p.layerNormGradRows(wide)
	}
}

// rows is the loop over the rows of matrices [rows, cols].
type rows struct {
	*vec
	matrices  map[string]reg.GPVirtual // where the current row of each begins
	columns   map[string]reg.GPVirtual // where vectors of columns begin
	perRow    map[string]reg.GPVirtual // the current row's number
	full, off reg.GPVirtual            // bytes of a row in whole vectors, and of those done
	rest      reg.GPVirtual            // columns after those
}

// rows begins a function of matrices, vectors of columns and numbers per row, and of further parameters in Go's notation, calls
// body for the code of one row, and ends the function.
func (p *program) rows(wide bool, name, doc string, matrices, columns, perRow []string, further string, body func(r *rows)) {
	r := &rows{vec: &vec{program: p, wide: wide}, matrices: map[string]reg.GPVirtual{}, columns: map[string]reg.GPVirtual{},
		perRow: map[string]reg.GPVirtual{}}
	args := ""
	for _, names := range [][]string{matrices, columns, perRow} {
		for _, n := range names {
			args += n + ", "
		}
	}
	p.form(r.vec, name, args[:len(args)-2]+" *float32, rows, cols int"+further, doc)
	load := func(name string) reg.GPVirtual {
		x := p.GP64()
		p.Load(p.Param(name), x)
		return x
	}
	for i, into := range []map[string]reg.GPVirtual{r.matrices, r.columns, r.perRow} {
		for _, n := range [][]string{matrices, columns, perRow}[i] {
			into[n] = load(n)
		}
	}
	count := load("rows")
	r.full, r.rest, r.off = load("cols"), p.GP64(), p.GP64()
	p.MOVQ(r.full, r.rest)
	p.ANDQ(operand.U8(r.lanes()-1), r.rest)
	p.SUBQ(r.rest, r.full)
	p.SHLQ(operand.U8(2), r.full)
	r.setMask(r.rest)
	p.Label("row")
	body(r)
	for _, n := range matrices {
		p.ADDQ(r.full, r.matrices[n])
		p.LEAQ(operand.Mem{Base: r.matrices[n], Index: r.rest, Scale: 4}, r.matrices[n])
	}
	for _, n := range perRow {
		p.ADDQ(operand.U8(4), r.perRow[n])
	}
	p.DECQ(count)
	p.JNZ(operand.LabelRef("row"))
	p.VZEROUPPER()
	p.RET()
}

// pass calls body for each vector of the row and, with the mask of the tail, for what is left.
func (r *rows) pass(label string, body func()) {
	r.XORQ(r.off, r.off)
	r.Label(label)
	r.CMPQ(r.off, r.full)
	r.JGE(operand.LabelRef(label + "Tail"))
	body()
	r.ADDQ(operand.U8(4*r.lanes()), r.off)
	r.JMP(operand.LabelRef(label))
	r.Label(label + "Tail")
	r.TESTQ(r.rest, r.rest)
	r.JZ(operand.LabelRef(label + "Done"))
	r.tail = true
	body()
	r.tail = false
	r.Label(label + "Done")
}

// in addresses the current vector of a matrix's row, or of a vector of columns.
func (r *rows) in(name string) operand.Mem {
	base, ok := r.matrices[name]
	if !ok {
		base = r.columns[name]
	}
	return operand.Mem{Base: base, Index: r.off, Scale: 1}
}

// number returns the row's number in every lane.
func (r *rows) number(name string) reg.VecVirtual {
	x := r.new()
	r.VBROADCASTSS(operand.Mem{Base: r.perRow[name]}, x)
	return x
}

// kept returns x with what is set in the lanes beyond the tail.
func (r *rows) kept(x, beyond reg.VecVirtual) reg.VecVirtual {
	if !r.tail {
		return x
	}
	out := r.new()
	if r.wide {
		r.VBLENDMPS(x, beyond, reg.K1, out)
	} else {
		r.VBLENDVPS(r.mask, x, beyond, out)
	}
	return out
}

// all returns what fold finds, in every lane.
func (r *rows) all(x reg.VecVirtual, op func(ops ...operand.Op)) reg.VecVirtual {
	out := r.new()
	r.VBROADCASTSS(r.fold(x, op), out)
	return out
}

func (r *rows) storeNumber(x reg.VecVirtual, name string) {
	r.VMOVSS(x.AsX(), operand.Mem{Base: r.perRow[name]})
}

// softmaxRows: the largest element, then the exponentials and their sum, then the quotients.
func (p *program) softmaxRows(wide bool) {
	doc := "writes exp(x - top) / sum for every row of x to y, top being the row's largest element, NaN if there is\n" +
		"// one, and sum that of the exponentials."
	p.rows(wide, "softmaxRows", doc, []string{"y", "x"}, nil, []string{"top", "sum"}, "", func(r *rows) {
		lowest := r.constant(math.Inf(-1))
		best, bad := r.copy(lowest), r.zero() // NaN is kept apart, as in extreme.
		r.pass("most", func() {
			x := r.kept(r.load(r.in("x")), lowest)
			r.VMOVAPS(r.choose(isUnordered, x, x, x, bad), bad)
			r.VMAXPS(x, best, best)
		})
		top := r.add(r.all(best, r.VMAXPS), r.all(bad, r.VADDPS))
		r.storeNumber(top, "top")
		sum := r.zero()
		r.pass("exponential", func() {
			e := r.exp(r.sub(r.load(r.in("x")), top))
			r.store(e, r.in("y"))
			r.VADDPS(r.kept(e, r.zero()), sum, sum)
		})
		sum = r.all(sum, r.VADDPS)
		r.storeNumber(sum, "sum")
		share := r.div(r.constant(1), sum)
		r.pass("quotient", func() { r.store(r.mul(r.load(r.in("y")), share), r.in("y")) })
	})
}

func (p *program) expSubRows(wide bool) {
	p.rows(wide, "expSubRows", "computes exp(x - s) with one s for each row.", []string{"dst", "x"}, nil, []string{"s"}, "", func(r *rows) {
		s := r.number("s")
		r.pass("exponential", func() { r.store(r.exp(r.sub(r.load(r.in("x")), s)), r.in("dst")) })
	})
}

func (p *program) softmaxGradRows(wide bool) {
	doc := "computes y * (dy - sum(y * dy)) with one sum for each row."
	p.rows(wide, "softmaxGradRows", doc, []string{"dx", "y", "dy"}, nil, nil, "", func(r *rows) {
		sum := r.zero()
		r.pass("dot", func() { r.VFMADD231PS(r.load(r.in("y")), r.load(r.in("dy")), sum) })
		sum = r.all(sum, r.VADDPS)
		r.pass("gradient", func() { r.store(r.mul(r.sub(r.load(r.in("dy")), sum), r.load(r.in("y"))), r.in("dx")) })
	})
}

// layerNormGradRows: the sums that a row's gradient needs, and the row's part of those of gamma and beta; then the gradient,
// rstd * (g - average(g) - (x - mean) * rstd * average(g * h)).
func (p *program) layerNormGradRows(wide bool) {
	doc := "writes the gradient of layer norm to dx, and adds those of gamma and beta to dgamma and dbeta; share is\n" +
		"// 1 / cols. See LayerNormGrad."
	matrices, columns := []string{"dx", "x", "dy"}, []string{"dgamma", "dbeta", "gamma"}
	p.rows(wide, "layerNormGradRows", doc, matrices, columns, []string{"mean", "rstd"}, ", share float32", func(r *rows) {
		mean, rstd := r.number("mean"), r.number("rstd")
		sum, product := r.zero(), r.zero()
		r.pass("sums", func() {
			dy := r.load(r.in("dy"))
			h := r.mul(r.sub(r.load(r.in("x")), mean), rstd)
			g := r.mul(dy, r.load(r.in("gamma")))
			r.store(r.fma(dy, h, r.load(r.in("dgamma"))), r.in("dgamma"))
			r.store(r.add(dy, r.load(r.in("dbeta"))), r.in("dbeta"))
			r.VADDPS(g, sum, sum)
			r.VFMADD231PS(g, h, product)
		})
		share := r.new()
		m, err := p.Param("share").Resolve()
		if err != nil {
			panic(err)
		}
		r.VBROADCASTSS(m.Addr, share)
		sum, product = r.mul(r.all(sum, r.VADDPS), share), r.mul(r.all(product, r.VADDPS), share)
		slope := r.mul(product, rstd)
		r.pass("gradient", func() {
			g := r.mul(r.load(r.in("dy")), r.load(r.in("gamma")))
			d := r.sub(r.load(r.in("x")), mean)
			r.store(r.mul(r.fnma(d, slope, r.sub(g, sum)), rstd), r.in("dx"))
		})
	})
}
