package kernel

import (
	"math"

	"github.com/alike-ml/alike/engine/parallel"
)

// Batch normalisation over the rows of x [rows, channels], which is an NHWC tensor with its first three axes taken together
// (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167). Tensors are float32, or bfloat16 as their bits, which is computed with
// in float32; statistics and parameters are float32.

// blockRows returns how many rows are summed in float32 before the sums go on in float64: few enough that rounding stays
// below that of x itself, and about as much data as fits into L2.
func blockRows(channels int) int { return max(16, min(256, 65536/max(channels, 1))) }

// rowChunks returns into how many chunks of whole blocks of rows a reduction over rows is split.
func rowChunks(rows, channels int) int {
	blocks := (rows + blockRows(channels) - 1) / blockRows(channels)
	return max(1, min(blocks, 64))
}

// eachBlock calls body for the blocks of rows [r0, r1) of each chunk, the chunks spread over p.
func eachBlock(p *parallel.Pool, rows, channels int, body func(chunk, r0, r1 int)) {
	size, chunks := blockRows(channels), rowChunks(rows, channels)
	blocks := (rows + size - 1) / size
	p.For(chunks, func(chunk int) {
		for b := blocks * chunk / chunks; b < blocks*(chunk+1)/chunks; b++ {
			body(chunk, b*size, min((b+1)*size, rows))
		}
	})
}

// pieceElements is about how many elements of a block are worked on at a time: half of a first-level cache.
const pieceElements = 4096

// eachPiece calls body for the rows [r0, r1) in pieces, with scratch memory for two pieces of float32.
func eachPiece(r0, r1, channels int, body func(r0, r1 int, first, second []float32)) {
	rows := max(1, pieceElements/channels)
	own := pieces.get(newMatrix)
	defer pieces.put(own)
	space := grow[float32](own, 2*rows*channels)
	for ; r0 < r1; r0 += rows {
		body(r0, min(r0+rows, r1), space[:rows*channels], space[rows*channels:])
	}
}

// toFloat fills dst with the first elements of src.
func toFloat[T float32 | uint16](dst []float32, src []T) {
	switch src := any(src).(type) {
	case []float32:
		copy(dst, src)
	case []uint16:
		BF16ToF32(dst, src)
	}
}

// floatsOf returns x as float32: itself, or widened to space.
func floatsOf[T float32 | uint16](x []T, space []float32) []float32 {
	if x, ok := any(x).([]float32); ok {
		return x
	}
	toFloat(space[:len(x)], x)
	return space[:len(x)]
}

// room returns where float32 results for y are written: y itself, or space, which [stored] then rounds to y.
func room[T float32 | uint16](y []T, space []float32) []float32 {
	if y, ok := any(y).([]float32); ok {
		return y
	}
	return space[:len(y)]
}

func stored[T float32 | uint16](y []T, results []float32) {
	if y, ok := any(y).([]uint16); ok {
		F32ToBF16(y, results)
	}
}

// ChannelMoments computes the mean and the biased variance of every column of x. Each block of rows is centred on its first
// row, which keeps the squares of the size of the variance, and the blocks are joined in float64 by Chan's formula. Without
// rows both are NaN.
func ChannelMoments[T float32 | uint16](p *parallel.Pool, x []T, mean, variance []float32, rows, channels int) {
	chunks := rowChunks(rows, channels)
	totals := make([]moments, chunks*channels)
	scratch, pivots := make([]float32, 2*chunks*channels), make([]float32, chunks*channels)
	eachBlock(p, rows, channels, func(chunk, r0, r1 int) {
		sum, squares := scratch[2*chunk*channels:][:channels], scratch[(2*chunk+1)*channels:][:channels]
		clear(sum)
		clear(squares)
		pivot := pivots[chunk*channels:][:channels]
		toFloat(pivot, x[r0*channels:])
		eachPiece(r0, r1, channels, func(r0, r1 int, space, _ []float32) {
			columnMoments(floatsOf(x[r0*channels:r1*channels], space), pivot, sum, squares, r1-r0, channels)
		})
		n := float64(r1 - r0)
		for c := range channels {
			d := float64(sum[c]) / n
			totals[chunk*channels+c].join(moments{n, float64(pivot[c]) + d, float64(squares[c]) - n*d*d})
		}
	})
	for c := range channels {
		var all moments
		for chunk := range chunks {
			all.join(totals[chunk*channels+c])
		}
		mean[c], variance[c] = float32(all.mean), float32(max(all.squares, 0)/all.n)
		if all.n == 0 {
			mean[c] = float32(math.NaN())
		}
	}
}

// moments is a count, a mean, and the sum of squared distances from it.
type moments struct{ n, mean, squares float64 }

// join adds the items of b (Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample
// variances").
func (a *moments) join(b moments) {
	if b.n == 0 {
		return
	}
	n, d := a.n+b.n, b.mean-a.mean
	a.squares += b.squares + d*d*a.n*b.n/n
	a.mean += d * b.n / n
	a.n = n
}

// ChannelScaleShift computes y = x * scale + shift for every row of x, with scale and shift [channels], and replaces
// negative results by zero if relu is set. y may be x.
func ChannelScaleShift[T float32 | uint16](p *parallel.Pool, y, x []T, scale, shift []float32, rows, channels int, relu bool) {
	eachBlock(p, rows, channels, func(_, r0, r1 int) {
		eachPiece(r0, r1, channels, func(r0, r1 int, first, second []float32) {
			x, y := x[r0*channels:r1*channels], y[r0*channels:r1*channels]
			results := room(y, second)
			columnAffine(results, floatsOf(x, first), scale, shift, r1-r0, channels, relu)
			stored(y, results)
		})
	})
}

// scaleShift returns what a channel's x is multiplied with and what is added to it. gamma and beta may be nil.
func scaleShift(gamma, beta, mean, variance []float32, eps float32) (scale, shift []float32) {
	scale, shift = make([]float32, len(mean)), make([]float32, len(mean))
	for c := range mean {
		s := 1 / math.Sqrt(float64(variance[c])+float64(eps))
		if gamma != nil {
			s *= float64(gamma[c])
		}
		t := -float64(mean[c]) * s
		if beta != nil {
			t += float64(beta[c])
		}
		scale[c], shift[c] = float32(s), float32(t)
	}
	return scale, shift
}

// BatchNorm computes y = (x - mean) / sqrt(variance + eps) * gamma + beta, followed by ReLU if relu is set, from given
// statistics. gamma and beta may be nil. y may be x.
func BatchNorm[T float32 | uint16](p *parallel.Pool, y, x []T, gamma, beta, mean, variance []float32, rows, channels int, eps float32, relu bool) {
	scale, shift := scaleShift(gamma, beta, mean[:channels], variance, eps)
	ChannelScaleShift(p, y, x, scale, shift, rows, channels, relu)
}

// BatchNormTrain computes mean and variance of the batch with [ChannelMoments], then y with [BatchNorm].
func BatchNormTrain[T float32 | uint16](p *parallel.Pool, y, x []T, gamma, beta, mean, variance []float32, rows, channels int, eps float32, relu bool) {
	ChannelMoments(p, x, mean, variance, rows, channels)
	BatchNorm(p, y, x, gamma, beta, mean, variance, rows, channels, eps, relu)
}

// BatchNormGrad computes the gradients of [BatchNormTrain], through the batch statistics. With
// rstd = 1 / sqrt(variance + eps), h = (x - mean) * rstd:
//
//	dbeta = sum over rows of dy,  dgamma = sum over rows of dy * h,  dx = gamma * rstd * (dy - dbeta/rows - h * dgamma/rows)
//
// With relu set, where the result before ReLU is negative, dy counts as zero; beta is used for that alone. gamma and beta may be
// nil. dx may be dy.
func BatchNormGrad[T float32 | uint16](p *parallel.Pool, dx []T, dgamma, dbeta []float32, x, dy []T, gamma, beta, mean, variance []float32,
	rows, channels int, eps float32, relu bool) {
	scale, shift := scaleShift(gamma, beta, mean[:channels], variance, eps)
	chunks := rowChunks(rows, channels)
	partial := make([]float64, chunks*2*channels)
	scratch := make([]float32, 2*chunks*channels)
	eachBlock(p, rows, channels, func(chunk, r0, r1 int) {
		sum, products := scratch[2*chunk*channels:][:channels], scratch[(2*chunk+1)*channels:][:channels]
		clear(sum)
		clear(products)
		eachPiece(r0, r1, channels, func(r0, r1 int, first, second []float32) {
			x, dy := floatsOf(x[r0*channels:r1*channels], first), floatsOf(dy[r0*channels:r1*channels], second)
			if relu {
				columnProductsReLU(x, dy, mean, scale, shift, sum, products, r1-r0, channels)
			} else {
				columnProducts(x, dy, mean, sum, products, r1-r0, channels)
			}
		})
		total := partial[2*chunk*channels:][:2*channels]
		for c := range channels {
			total[c] += float64(sum[c])
			total[channels+c] += float64(products[c])
		}
	})
	sums := partial[:2*channels]
	for chunk := 1; chunk < chunks; chunk++ {
		for i, v := range partial[2*chunk*channels:][:2*channels] {
			sums[i] += v
		}
	}
	// dx = a * dy + b * x + d, by channel.
	a, b, d := make([]float32, channels), make([]float32, channels), make([]float32, channels)
	for c := range channels {
		rstd := 1 / math.Sqrt(float64(variance[c])+float64(eps))
		sums[channels+c] *= rstd
		dbeta[c], dgamma[c] = float32(sums[c]), float32(sums[channels+c])
		s := rstd
		if gamma != nil {
			s *= float64(gamma[c])
		}
		slope := -s * rstd * sums[channels+c] / float64(rows)
		a[c], b[c], d[c] = float32(s), float32(slope), float32(-s*sums[c]/float64(rows)-slope*float64(mean[c]))
	}
	eachBlock(p, rows, channels, func(_, r0, r1 int) {
		eachPiece(r0, r1, channels, func(r0, r1 int, first, second []float32) {
			dx := dx[r0*channels : r1*channels]
			x, dy := floatsOf(x[r0*channels:r1*channels], first), floatsOf(dy[r0*channels:r1*channels], second)
			results := room(dx, second)
			if relu {
				columnAffine2ReLU(results, x, dy, a, b, d, scale, shift, r1-r0, channels)
			} else {
				columnAffine2(results, x, dy, a, b, d, r1-r0, channels)
			}
			stored(dx, results)
		})
	})
}
