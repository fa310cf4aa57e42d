package kernel

import (
	"math"

	"github.com/alike-ml/alike/engine/parallel"
)

// Batch normalisation over the rows of x [rows, channels], which is an NHWC tensor with its first three axes taken together
// (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167).

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

// ChannelMoments computes the mean and the biased variance of every column of x. Each block of rows is centred on its first
// row, which keeps the squares of the size of the variance, and the blocks are joined in float64 by Chan's formula. Without
// rows both are NaN.
func ChannelMoments(p *parallel.Pool, x, mean, variance []float32, rows, channels int) {
	chunks := rowChunks(rows, channels)
	totals := make([]moments, chunks*channels)
	scratch := make([]float32, 2*chunks*channels)
	eachBlock(p, rows, channels, func(chunk, r0, r1 int) {
		sum, squares := scratch[2*chunk*channels:][:channels], scratch[(2*chunk+1)*channels:][:channels]
		clear(sum)
		clear(squares)
		x := x[r0*channels : r1*channels]
		pivot := x[:channels]
		columnMoments(x, pivot, sum, squares, r1-r0, channels)
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
func ChannelScaleShift(p *parallel.Pool, y, x, scale, shift []float32, rows, channels int, relu bool) {
	eachBlock(p, rows, channels, func(_, r0, r1 int) {
		columnAffine(y[r0*channels:r1*channels], x[r0*channels:r1*channels], scale, shift, r1-r0, channels, relu)
	})
}

// BatchNorm computes y = (x - mean) / sqrt(variance + eps) * gamma + beta, followed by ReLU if relu is set, from given
// statistics. gamma and beta may be nil. y may be x.
func BatchNorm(p *parallel.Pool, y, x, gamma, beta, mean, variance []float32, rows, channels int, eps float32, relu bool) {
	scale, shift := make([]float32, channels), make([]float32, channels)
	for c := range channels {
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
	ChannelScaleShift(p, y, x, scale, shift, rows, channels, relu)
}

// BatchNormTrain computes mean and variance of the batch with [ChannelMoments], then y with [BatchNorm].
func BatchNormTrain(p *parallel.Pool, y, x, gamma, beta, mean, variance []float32, rows, channels int, eps float32, relu bool) {
	ChannelMoments(p, x, mean, variance, rows, channels)
	BatchNorm(p, y, x, gamma, beta, mean, variance, rows, channels, eps, relu)
}

// BatchNormGrad computes the gradients of [BatchNormTrain] without ReLU, through the batch statistics. With
// rstd = 1 / sqrt(variance + eps), h = (x - mean) * rstd:
//
//	dbeta = sum over rows of dy,  dgamma = sum over rows of dy * h,  dx = gamma * rstd * (dy - dbeta/rows - h * dgamma/rows)
//
// gamma may be nil. dx may be dy.
func BatchNormGrad(p *parallel.Pool, dx, dgamma, dbeta, x, dy, gamma, mean, variance []float32, rows, channels int, eps float32) {
	chunks := rowChunks(rows, channels)
	partial := make([]float64, chunks*2*channels)
	scratch := make([]float32, 2*chunks*channels)
	eachBlock(p, rows, channels, func(chunk, r0, r1 int) {
		sum, products := scratch[2*chunk*channels:][:channels], scratch[(2*chunk+1)*channels:][:channels]
		clear(sum)
		clear(products)
		columnProducts(x[r0*channels:r1*channels], dy[r0*channels:r1*channels], mean, sum, products, r1-r0, channels)
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
		from, to := r0*channels, r1*channels
		columnAffine2(dx[from:to], x[from:to], dy[from:to], a, b, d, r1-r0, channels)
	})
}

// ColumnSums computes the sum of every column of x [rows, cols], as the gradient of a bias needs.
func ColumnSums(p *parallel.Pool, dst, x []float32, rows, cols int) {
	chunks := rowChunks(rows, cols)
	partial := make([]float64, chunks*cols)
	scratch := make([]float32, chunks*cols)
	eachBlock(p, rows, cols, func(chunk, r0, r1 int) {
		sum := scratch[chunk*cols:][:cols]
		clear(sum)
		columnSums(x[r0*cols:r1*cols], sum, r1-r0, cols)
		for c, v := range sum {
			partial[chunk*cols+c] += float64(v)
		}
	})
	for c := range cols {
		var s float64
		for chunk := range chunks {
			s += partial[chunk*cols+c]
		}
		dst[c] = float32(s)
	}
}
