package kernel

// winograd is the algorithm for tiles of size x size outputs, and what its matrices do; see winograd.go.
type winograd struct {
	size, window int // of a tile: outputs, and inputs; window = size + 2

	input, weights, output, outputGrad, weightsGrad bilinear // B^T, G, A^T, A, G^T

	// roundings is how many rounding errors, at any level, stand on the way of one product through all transforms and out again,
	// apart from those of the sum over channels or tiles.
	roundings int
}

// bilinear is Y = L X L^T, where X and Y are small matrices of vectors of channels.
type bilinear struct {
	matrix [][]float32 // L
	simd   func(dst *float32, dstRow, dstCol int, src *float32, srcRow, srcCol, n int) bool

	// For tiles of 2 x 2, and where the processor has bfloat16: from bfloat16 to bfloat16, two of it to pairs, and from float32.
	half   func(dst *uint16, dstRow, dstCol int, src *uint16, srcRow, srcCol, n int)
	pairs  func(dst *uint16, dstRow, dstCol int, first, second *uint16, srcRow, srcCol, n int)
	narrow func(dst *uint16, dstRow, dstCol int, src *float32, srcRow, srcCol, n int)
}

// The points are exact in float32, and so are their powers. 5/8 and 3/2 lose the fewest bits of several that were tried; 1 and 2,
// which the literature has, lose twice as many.
var (
	winograd2 = newWinograd([]float64{1}, 16)
	winograd4 = newWinograd([]float64{0.625, 1.5}, 32)
)

func init() {
	winograd2.input.simd, winograd4.input.simd = winogradInput2SIMD, winogradInput4SIMD
	winograd2.weights.simd, winograd4.weights.simd = winogradWeights2SIMD, winogradWeights4SIMD
	winograd2.output.simd, winograd4.output.simd = winogradOutput2SIMD, winogradOutput4SIMD
	winograd2.outputGrad.simd, winograd4.outputGrad.simd = winogradOutputGrad2SIMD, winogradOutputGrad4SIMD
	winograd2.weightsGrad.simd, winograd4.weightsGrad.simd = winogradWeightsGrad2SIMD, winogradWeightsGrad4SIMD

	winograd2.input.half, winograd2.input.pairs = winogradInput2HalfAVX512, winogradInput2PairsAVX512
	winograd2.weights.half, winograd2.output.narrow = winogradWeights2HalfAVX512, winogradOutput2NarrowAVX512
	winograd2.outputGrad.pairs = winogradOutputGrad2PairsAVX512
}

// newWinograd returns the algorithm for the points 0, a and -a for each given a, and infinity.
//
// The outputs of a one-dimensional tile are the sums y[i] = sum over r of g[r] d[i+r]. Transposed, they are the product of the
// polynomials g and y (Toom and Cook): evaluate both at the points, multiply, interpolate. So A^T and G hold powers of the points,
// G divided by the derivative of the polynomial whose roots the points are, and B^T holds the coefficients of Lagrange's polynomials
// without that divisor. The point infinity takes the highest coefficient.
func newWinograd(positive []float64, roundings int) *winograd {
	points := []float64{0}
	for _, a := range positive {
		points = append(points, a, -a)
	}
	w := &winograd{size: len(points) - 1, window: len(points) + 1, roundings: roundings}
	all := []float64{1}
	for j, p := range points {
		lagrange, norm := []float64{1}, 1.0
		for k, q := range points {
			if k != j {
				lagrange, norm = timesRoot(lagrange, q), norm*(p-q)
			}
		}
		all = timesRoot(all, p)
		w.input.matrix = append(w.input.matrix, narrow(append(lagrange, 0)))
		w.weights.matrix = append(w.weights.matrix, narrow([]float64{1 / norm, p / norm, p * p / norm}))
		powers := make([]float64, w.size)
		for i, power := 0, 1.0; i < w.size; i, power = i+1, power*p {
			powers[i] = power
		}
		w.outputGrad.matrix = append(w.outputGrad.matrix, narrow(powers))
	}
	w.input.matrix = append(w.input.matrix, narrow(all))
	w.weights.matrix = append(w.weights.matrix, []float32{0, 0, 1})
	highest := make([]float32, w.size)
	highest[w.size-1] = 1
	w.outputGrad.matrix = append(w.outputGrad.matrix, highest)
	w.output.matrix = transposed(w.outputGrad.matrix)
	w.weightsGrad.matrix = transposed(w.weights.matrix)
	return w
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

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

func transposed(m [][]float32) [][]float32 {
	out := make([][]float32, len(m[0]))
	for _, row := range m {
		for j, c := range row {
			out[j] = append(out[j], c)
		}
	}
	return out
}

// check panics unless dst and src hold all elements of Y and X. Element (i, j) of a matrix lies i row steps and j column steps after
// its begin, and its n channels lie side by side. Steps are in elements and not negative.
func (b *bilinear) check(dst, dstRow, dstCol, src, srcRow, srcCol, n int) {
	out, in := len(b.matrix), len(b.matrix[0])
	if n < 1 || dst < (out-1)*(dstRow+dstCol)+n || src < (in-1)*(srcRow+srcCol)+n {
		panic("kernel: a transform leaves its memory")
	}
}

// run writes dst = L src L^T.
func (b *bilinear) run(dst []float32, dstRow, dstCol int, src []float32, srcRow, srcCol, n int) {
	b.check(len(dst), dstRow, dstCol, len(src), srcRow, srcCol, n)
	if b.simd(&dst[0], 4*dstRow, 4*dstCol, &src[0], 4*srcRow, 4*srcCol, n) {
		return
	}
	in := len(b.matrix[0])
	for c := range n {
		var half [6][6]float32 // L src
		for i, row := range b.matrix {
			for k, l := range row {
				if l != 0 {
					for j := range in {
						half[i][j] += l * src[k*srcRow+j*srcCol+c]
					}
				}
			}
		}
		for i := range b.matrix {
			for j, row := range b.matrix {
				var sum float32
				for k, l := range row {
					if l != 0 {
						sum += l * half[i][k]
					}
				}
				dst[i*dstRow+j*dstCol+c] = sum
			}
		}
	}
}

// runHalf is run for bfloat16, in float32 on the way.
func (b *bilinear) runHalf(dst []uint16, dstRow, dstCol int, src []uint16, srcRow, srcCol, n int) {
	b.check(len(dst), dstRow, dstCol, len(src), srcRow, srcCol, n)
	b.half(&dst[0], 2*dstRow, 2*dstCol, &src[0], 2*srcRow, 2*srcCol, n)
}

// runPairs transforms two matrices of bfloat16 to pairs: dst[2*c] is of the first and dst[2*c+1] of the second.
func (b *bilinear) runPairs(dst []uint16, dstRow, dstCol int, first, second []uint16, srcRow, srcCol, n int) {
	b.check(len(dst)-n, dstRow, dstCol, min(len(first), len(second)), srcRow, srcCol, n)
	b.pairs(&dst[0], 2*dstRow, 2*dstCol, &first[0], &second[0], 2*srcRow, 2*srcCol, n)
}

// runNarrow is run with results of bfloat16.
func (b *bilinear) runNarrow(dst []uint16, dstRow, dstCol int, src []float32, srcRow, srcCol, n int) {
	b.check(len(dst), dstRow, dstCol, len(src), srcRow, srcCol, n)
	b.narrow(&dst[0], 2*dstRow, 2*dstCol, &src[0], 4*srcRow, 4*srcCol, n)
}

// transformed is run or runHalf.
func transformed[T float32 | uint16](b *bilinear, dst []T, dstRow, dstCol int, src []T, srcRow, srcCol, n int) {
	switch dst := any(dst).(type) {
	case []float32:
		b.run(dst, dstRow, dstCol, any(src).([]float32), srcRow, srcCol, n)
	case []uint16:
		b.runHalf(dst, dstRow, dstCol, any(src).([]uint16), srcRow, srcCol, n)
	}
}

// transformedTo is run or runNarrow.
func transformedTo[T float32 | uint16](b *bilinear, dst []T, dstRow, dstCol int, src []float32, srcRow, srcCol, n int) {
	switch dst := any(dst).(type) {
	case []float32:
		b.run(dst, dstRow, dstCol, src, srcRow, srcCol, n)
	case []uint16:
		b.runNarrow(dst, dstRow, dstCol, src, srcRow, srcCol, n)
	}
}
