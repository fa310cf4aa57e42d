package metric

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// spectrum holds the leading eigenvectors of the second-moment matrix x^T x / n of standardised features, which are their
// principal components. Features of images and of encoders vary a thousand times more along a few of these than along the
// rest; L-BFGS on such a valley takes hundreds of steps, and a few dozen once those directions are rescaled.
type spectrum struct {
	vectors Matrix    // [rank, dim], orthonormal rows
	values  []float64 // [rank], falling
}

const (
	// spectrumRank is the number of directions rescaled: enough for the steep ones, few enough to cost nothing a step.
	spectrumRank = 64
	// spectrumRounds of subspace iteration. A preconditioner changes how fast the optimum is reached and not where it is,
	// so rough eigenvectors will do.
	spectrumRounds = 3
	// spectrumBlock is the number of rows of x that are read together.
	spectrumBlock = 64
)

// newSpectrum finds the leading eigenvectors by subspace iteration, starting from evenly spaced rows of x.
func newSpectrum(x Matrix) spectrum {
	rank := min(spectrumRank, x.Rows, x.Cols)
	start := make([]int, rank)
	for i := range start {
		start[i] = i * x.Rows / rank
	}
	q := orthonormal(x.Pick(start))
	for range spectrumRounds {
		q = orthonormal(secondMoment(x, q))
	}
	if q.Rows == 0 {
		return spectrum{vectors: q}
	}
	// Rayleigh and Ritz: the eigenvectors within the subspace.
	image := secondMoment(x, q)
	small := mat.NewSymDense(q.Rows, nil)
	for i := range q.Rows {
		for j := range i + 1 {
			small.SetSym(i, j, dot64(q.Row(i), image.Row(j)))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(small, true) {
		return spectrum{vectors: NewMatrix(0, x.Cols)}
	}
	var rotation mat.Dense
	eigen.VectorsTo(&rotation)
	s := spectrum{vectors: NewMatrix(q.Rows, x.Cols), values: make([]float64, q.Rows)}
	rising := eigen.Values(nil)
	for i := range q.Rows {
		column := q.Rows - 1 - i
		s.values[i] = max(rising[column], 0)
		for j := range q.Rows {
			addScaled(s.vectors.Row(i), q.Row(j), float32(rotation.At(j, column)))
		}
	}
	return s
}

// secondMoment returns q x^T x / n for a few rows q, [rank, dim].
func secondMoment(x, q Matrix) Matrix {
	const rows = 8 // of q, that share a pass over x
	out := NewMatrix(q.Rows, q.Cols)
	parallel((q.Rows+rows-1)/rows, func(b int) {
		from, to := b*rows, min((b+1)*rows, q.Rows)
		along := make([]float32, (to-from)*spectrumBlock)
		for first := 0; first < x.Rows; first += spectrumBlock {
			block := x.rows(first, min(first+spectrumBlock, x.Rows))
			products(along, block.Data, q.rows(from, to).Data, x.Cols)
			for i := range along[:block.Rows*(to-from)] {
				along[i] /= float32(x.Rows)
			}
			addOuter(out.rows(from, to).Data, along, block.Data, to-from, x.Cols)
		}
	})
	return out
}

// orthonormal returns an orthonormal basis of the space that the rows span, by Gram and Schmidt's method applied twice for
// accuracy. Rows that depend on the ones before are left out.
func orthonormal(m Matrix) Matrix {
	out := NewMatrix(0, m.Cols)
	for i := range m.Rows {
		row := m.Row(i)
		before := math.Sqrt(squaredLength(row))
		for range 2 {
			for j := range out.Rows {
				addScaled(row, out.Row(j), float32(-dot64(row, out.Row(j))))
			}
		}
		if length := math.Sqrt(squaredLength(row)); length > 1e-4*before {
			for j := range row {
				row[j] = float32(float64(row[j]) / length)
			}
			out.Data = append(out.Data, row...)
			out.Rows++
		}
	}
	return out
}

// dot64 is the dot product summed in float64.
func dot64(a, b []float32) float64 {
	var sum float64
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}

// spectral is the preconditioner that takes the Hessian to be  a x^T x / n + decay I  for each class, with a of [curvature].
type spectral struct {
	vectors Matrix
	along   []float64 // [rank], factor along each vector, less rest
	rest    float64   // factor across them
	bias    float64
	classes int
}

func newSpectral(s spectrum, a, decay float64, classes int) spectral {
	t := spectral{vectors: s.vectors, bias: 1 / math.Sqrt(a), rest: 1 / math.Sqrt(a+decay), classes: classes}
	if len(s.values) > 0 {
		t.rest = 1 / math.Sqrt(a*s.values[len(s.values)-1]+decay)
	}
	for _, value := range s.values {
		t.along = append(t.along, 1/math.Sqrt(a*value+decay)-t.rest)
	}
	return t
}

func (t spectral) apply(out, in []float64) {
	dim := t.vectors.Cols
	parallel(t.classes, func(c int) {
		from, to := in[c*dim:][:dim], out[c*dim:][:dim]
		for d, x := range from {
			to[d] = t.rest * x
		}
		for i, factor := range t.along {
			vector := t.vectors.Row(i)
			var sum float64
			for d, x := range from {
				sum += x * float64(vector[d])
			}
			sum *= factor
			for d := range to {
				to[d] += sum * float64(vector[d])
			}
		}
	})
	for i := t.classes * dim; i < len(in); i++ {
		out[i] = t.bias * in[i]
	}
}
