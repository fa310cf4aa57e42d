package metric

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

// sparseFeatures are sparse rows as they are. The weights of a column stand together, [dim, classes]: the few columns of a row are
// all that is read for it.
type sparseFeatures struct{ x Sparse }

func (s Sparse) preparer() func(Sparse) features {
	return func(x Sparse) features { return sparseFeatures{x} }
}

func (s Sparse) probeDefaults() (cs []float64, tolerance float64) {
	return DefaultSparseCs(), DefaultSparseTolerance
}

func (s Sparse) checkFinite(name string) error {
	if err := s.check(name); err != nil {
		return err
	}
	for i := range s.Rows {
		_, values := s.row(i)
		if sum := squaredLength(values); math.IsNaN(sum) || math.IsInf(sum, 0) {
			return fmt.Errorf("%s: row %d of %d has %w", name, i, s.Rows, ErrNotFinite)
		}
	}
	return nil
}

func (f sparseFeatures) shape() (rows, cols int) { return f.x.shape() }

// sparseRows is the number of rows, and of columns, that a processor takes at a time.
const sparseRows = 64

// eachBlock calls f for blocks of n rows or columns, on all processors.
func eachBlock(n int, f func(block, from, to int)) {
	parallel((n+sparseRows-1)/sparseRows, func(b int) { f(b, b*sparseRows, min((b+1)*sparseRows, n)) })
}

func (f sparseFeatures) logits(weights []float64, k int, each func(row int, logits []float64)) {
	eachBlock(f.x.Rows, func(_, from, to int) {
		logits := make([]float64, k)
		for row := from; row < to; row++ {
			f.product(logits, row, weights)
			each(row, logits)
		}
	})
}

// product sets logits to W x of a row.
func (f sparseFeatures) product(logits []float64, row int, weights []float64) {
	clear(logits)
	columns, values := f.x.row(row)
	for j, c := range columns {
		floats.AddScaled(logits, float64(values[j]), weights[int(c)*len(logits):][:len(logits)])
	}
}

// sparseProblem goes over the rows for the residuals, and over the columns for the gradient of their weights.
type sparseProblem struct {
	sparseFeatures
	columns   Sparse // the transposed rows
	y         []int  // [n]
	classes   int
	curvature float64
	residuals []float64 // [n, classes]
	losses    []float64 // of blocks of rows
}

func (f sparseFeatures) problem(y []int, k int) problem {
	return &sparseProblem{
		sparseFeatures: f, columns: f.x.transposed(), y: y, classes: k, curvature: curvature(y, k),
		residuals: make([]float64, f.x.Rows*k), losses: make([]float64, (f.x.Rows+sparseRows-1)/sparseRows),
	}
}

func (p *sparseProblem) sum(parameters, slope []float64) float64 {
	k := p.classes
	cut := p.x.Cols * k
	eachBlock(p.x.Rows, func(block, from, to int) {
		p.losses[block] = 0
		for row := from; row < to; row++ {
			logits := p.residuals[row*k:][:k]
			p.product(logits, row, parameters[:cut])
			p.losses[block] += residual(logits, parameters[cut:], p.y[row])
		}
	})
	clear(slope)
	eachBlock(p.x.Cols, func(_, from, to int) {
		for c := from; c < to; c++ {
			rows, values := p.columns.row(c)
			for j, row := range rows {
				floats.AddScaled(slope[c*k:][:k], float64(values[j]), p.residuals[int(row)*k:][:k])
			}
		}
	})
	for row := range p.x.Rows {
		floats.Add(slope[cut:], p.residuals[row*k:][:k])
	}
	return floats.Sum(p.losses)
}

// columnwise is the preconditioner that takes the columns to be orthogonal: then the Hessian is  a |x_c|^2 / n + decay  for column c,
// with a of [curvature].
type columnwise struct {
	factors []float64 // of each column
	bias    float64
	classes int
}

func (p *sparseProblem) preconditioner(decay float64) preconditioner {
	t := columnwise{factors: make([]float64, p.x.Cols), bias: 1 / math.Sqrt(p.curvature), classes: p.classes}
	for c := range t.factors {
		_, values := p.columns.row(c)
		t.factors[c] = 1 / math.Sqrt(p.curvature*squaredLength(values)/float64(p.x.Rows)+decay)
	}
	return t
}

func (t columnwise) apply(out, in []float64) {
	for c, factor := range t.factors {
		floats.ScaleTo(out[c*t.classes:][:t.classes], factor, in[c*t.classes:][:t.classes])
	}
	cut := len(in) - t.classes
	floats.ScaleTo(out[cut:], t.bias, in[cut:])
}
