package metric

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// denseFeatures are standardised rows. The weights of a class stand together: [classes, dim].
type denseFeatures struct{ x Matrix }

func (m Matrix) preparer() func(Matrix) features {
	s := newScaler(m)
	return func(x Matrix) features { return denseFeatures{s.apply(x)} }
}

func (m Matrix) probeDefaults() (cs []float64, tolerance float64) {
	return DefaultCs(), DefaultTolerance
}

func (f denseFeatures) shape() (rows, cols int) { return f.x.shape() }

func (f denseFeatures) logits(weights []float64, k int, each func(row int, logits []float64)) {
	parallel((f.x.Rows+probeBlock-1)/probeBlock, func(b int) {
		first := b * probeBlock
		block := f.x.rows(first, min(first+probeBlock, f.x.Rows))
		logits := make([]float64, block.Rows*k)
		products(logits, widen(make([]float64, len(block.Data)), block.Data), weights, f.x.Cols)
		for i := range block.Rows {
			each(first+i, logits[i*k:][:k])
		}
	})
}

const (
	// probeBlock is the number of rows that are widened to float64 together: few enough to stay in the second-level cache.
	probeBlock = 16
	// probeParts is the number of pieces into which the rows are cut for processors to share. It is fixed, so that the order
	// of the sums does not depend on the machine.
	probeParts = 16
)

// denseProblem sums over pieces of the rows.
type denseProblem struct {
	x         Matrix // [n, dim]
	y         []int  // [n]
	classes   int
	spectrum  spectrum
	curvature float64
	parts     [probeParts]densePart
}

// densePart is the share of one piece of the rows.
type densePart struct {
	loss   float64
	slope  []float64 // as the parameters
	x      []float64 // [probeBlock, dim]
	logits []float64 // [probeBlock, classes]
}

func (f denseFeatures) problem(y []int, k int) problem {
	p := &denseProblem{x: f.x, y: y, classes: k, spectrum: newSpectrum(f.x), curvature: curvature(y, k)}
	for i := range p.parts {
		p.parts[i] = densePart{
			slope:  make([]float64, k*(f.x.Cols+1)),
			x:      make([]float64, probeBlock*f.x.Cols),
			logits: make([]float64, probeBlock*k),
		}
	}
	return p
}

func (p *denseProblem) preconditioner(decay float64) preconditioner {
	return newSpectral(p.spectrum, p.curvature, decay, p.classes)
}

func (p *denseProblem) sum(parameters, slope []float64) (loss float64) {
	cut := p.classes * p.x.Cols
	parallel(probeParts, func(i int) {
		from, to := i*p.x.Rows/probeParts, (i+1)*p.x.Rows/probeParts
		p.parts[i].run(p.x.rows(from, to), p.y[from:to], parameters[:cut], parameters[cut:])
	})
	clear(slope)
	for i := range p.parts {
		loss += p.parts[i].loss
		floats.Add(slope, p.parts[i].slope)
	}
	return loss
}

// run sums loss and gradient over rows x of classes y, for weights [classes, dim].
func (part *densePart) run(x Matrix, y []int, weights, biases []float64) {
	k := len(biases)
	part.loss = 0
	clear(part.slope)
	for first := 0; first < x.Rows; first += probeBlock {
		block := x.rows(first, min(first+probeBlock, x.Rows))
		wide, logits := widen(part.x, block.Data), part.logits[:block.Rows*k]
		products(logits, wide, weights, x.Cols)
		for i := range block.Rows {
			row := logits[i*k:][:k]
			part.loss += residual(row, biases, y[first+i])
			floats.Add(part.slope[len(part.slope)-k:], row)
		}
		addOuter(part.slope, logits, wide, k, x.Cols)
	}
}

// scaler standardises features.
type scaler struct {
	mean, inverse []float64 // [dim]; inverse is 1/std, or 0 for a constant feature
}

// newScaler measures the mean and the (population) standard deviation of every column.
func newScaler(m Matrix) scaler {
	mean, variance := columnMoments(m)
	s := scaler{mean: mean, inverse: make([]float64, m.Cols)}
	for j := range s.inverse {
		std := math.Sqrt(variance[j])
		// Variation below the resolution of float32 is rounding, not a feature.
		if std > 1e-7*math.Abs(mean[j]) {
			s.inverse[j] = 1 / std
		}
	}
	return s
}

// apply returns the standardised matrix.
func (s scaler) apply(m Matrix) Matrix {
	out := NewMatrix(m.Rows, m.Cols)
	parallel(m.Rows, func(i int) {
		to := out.Row(i)
		for j, x := range m.Row(i) {
			to[j] = float32((float64(x) - s.mean[j]) * s.inverse[j])
		}
	})
	return out
}
