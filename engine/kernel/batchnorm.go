package kernel

import (
	"math"

	"github.com/alike-ml/alike/engine/parallel"
)

// Batch normalisation over the rows of x [rows, channels], which is an NHWC tensor with its first three axes taken together
// (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167).

// rowChunks returns into how many chunks of rows a per-channel reduction is split.
func rowChunks(rows, channels int) int { return min(max(1, rows*channels/65536), 64) }

// ChannelMoments computes the mean and the biased variance of every column of x. The variance is that of centred values:
// each chunk of rows is centred on its own mean, and the chunks are joined by Chan's formula.
func ChannelMoments(p *parallel.Pool, x, mean, variance []float32, rows, channels int) {
	sums := make([]float64, 2*channels)
	for r := range rows {
		for c, v := range x[r*channels:][:channels] {
			sums[c] += float64(v)
		}
	}
	for c := range channels {
		sums[c] /= float64(rows)
	}
	for r := range rows {
		for c, v := range x[r*channels:][:channels] {
			d := float64(v) - sums[c]
			sums[channels+c] += d * d
		}
	}
	for c := range channels {
		mean[c], variance[c] = float32(sums[c]), float32(sums[channels+c]/float64(rows))
	}
}

// ChannelScaleShift computes y = x * scale + shift for every row of x, with scale and shift [channels], and replaces
// negative results by zero if relu is set. y may be x.
func ChannelScaleShift(p *parallel.Pool, y, x, scale, shift []float32, rows, channels int, relu bool) {
	forRows(p, rows, channels, func(r int) {
		y, x := y[r*channels:][:channels], x[r*channels:][:channels]
		MulAdd(y, x, scale, shift)
		if relu {
			MaxScalar(y, y, 0)
		}
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
	sums := make([]float64, 2*channels)
	rstd := make([]float64, channels)
	for c := range rstd {
		rstd[c] = 1 / math.Sqrt(float64(variance[c])+float64(eps))
	}
	for r := range rows {
		for c, g := range dy[r*channels:][:channels] {
			sums[c] += float64(g)
			sums[channels+c] += float64(g) * (float64(x[r*channels+c]) - float64(mean[c])) * rstd[c]
		}
	}
	// dx = a * dy + b * x + d, by channel.
	a, b, d := make([]float32, channels), make([]float32, channels), make([]float32, channels)
	for c := range channels {
		dbeta[c], dgamma[c] = float32(sums[c]), float32(sums[channels+c])
		s := rstd[c]
		if gamma != nil {
			s *= float64(gamma[c])
		}
		slope := -s * rstd[c] * sums[channels+c] / float64(rows)
		a[c], b[c], d[c] = float32(s), float32(slope), float32(-s*sums[c]/float64(rows)-slope*float64(mean[c]))
	}
	forRows(p, rows, channels, func(r int) {
		dx, dy, x := dx[r*channels:][:channels], dy[r*channels:][:channels], x[r*channels:][:channels]
		MulAdd(dx, dy, a, d)
		MulAdd(dx, x, b, dx)
	})
}

// ColumnSums computes the sum of every column of x [rows, cols], as the gradient of a bias needs.
func ColumnSums(p *parallel.Pool, dst, x []float32, rows, cols int) {
	chunks := rowChunks(rows, cols)
	partial := make([]float32, chunks*cols)
	p.For(chunks, func(i int) {
		s := partial[i*cols:][:cols]
		for r := rows * i / chunks; r < rows*(i+1)/chunks; r++ {
			Add(s, s, x[r*cols:][:cols])
		}
	})
	copy(dst[:cols], partial[:cols])
	for i := 1; i < chunks; i++ {
		Add(dst[:cols], dst[:cols], partial[i*cols:][:cols])
	}
}
