package kernel

import (
	"math"

	"github.com/alike-ml/alike/engine/parallel"
)

// LayerNorm normalises every row of x [rows, cols] (Ba et al. 2016, https://arxiv.org/abs/1607.06450):
//
//	y = (x - mean) * rstd * gamma + beta,  rstd = 1 / sqrt(variance + eps)
//
// with the biased variance. gamma and beta [cols] may be nil. mean and rstd [rows] receive the statistics unless nil. y may be x.
func LayerNorm(p *parallel.Pool, y, x, gamma, beta, mean, rstd []float32, rows, cols int, eps float32) {
	forRows(p, rows, cols, func(r int) {
		y, x := y[r*cols:][:cols], x[r*cols:][:cols]
		m := Sum(x) / float32(cols)
		SubScalar(y, x, m)
		s := float32(1 / math.Sqrt(float64(Dot(y, y)/float32(cols))+float64(eps)))
		MulScalar(y, y, s)
		switch {
		case gamma != nil && beta != nil:
			MulAdd(y, y, gamma, beta)
		case gamma != nil:
			Mul(y, y, gamma)
		case beta != nil:
			Add(y, y, beta)
		}
		if mean != nil {
			mean[r] = m
		}
		if rstd != nil {
			rstd[r] = s
		}
	})
}

// LayerNormGrad computes the gradients of [LayerNorm] from dy and the saved statistics. With h = (x - mean) * rstd and
// g = dy * gamma:
//
//	dx = rstd * (g - average(g) - h * average(g * h)),  dgamma = sum over rows of dy * h,  dbeta = sum over rows of dy
//
// gamma, dgamma and dbeta may be nil. dx may be dy or x.
func LayerNormGrad(p *parallel.Pool, dx, dgamma, dbeta, x, dy, gamma, mean, rstd []float32, rows, cols int) {
	if gamma == nil {
		gamma = make([]float32, cols)
		for i := range gamma {
			gamma[i] = 1
		}
	}
	chunks := min(max(1, rows*cols/65536), 64)
	partial := make([]float32, 2*chunks*cols)
	p.For(chunks, func(i int) {
		dg, db := partial[2*i*cols:][:cols], partial[(2*i+1)*cols:][:cols]
		from, to := rows*i/chunks, rows*(i+1)/chunks
		layerNormGradRows(dx[from*cols:], dg, db, x[from*cols:], dy[from*cols:], gamma, mean[from:], rstd[from:], to-from, cols)
	})
	for i := 1; i < chunks; i++ {
		Add(partial[:2*cols], partial[:2*cols], partial[2*i*cols:][:2*cols])
	}
	if dgamma != nil {
		copy(dgamma[:cols], partial[:cols])
	}
	if dbeta != nil {
		copy(dbeta[:cols], partial[cols:2*cols])
	}
}

// layerNormGradRows is LayerNormGrad on the calling goroutine; it adds to dgamma and dbeta.
func layerNormGradRows(dx, dgamma, dbeta, x, dy, gamma, mean, rstd []float32, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	dx, x, dy, mean, rstd = dx[:rows*cols], x[:rows*cols], dy[:rows*cols], mean[:rows], rstd[:rows]
	if layerNormGradRowsSIMD(&dx[0], &x[0], &dy[0], &dgamma[0], &dbeta[0], &gamma[0], &mean[0], &rstd[0], rows, cols, 1/float32(cols)) {
		return
	}
	h, g := make([]float32, cols), make([]float32, cols)
	for r := range rows {
		x, dy, dx := x[r*cols:][:cols], dy[r*cols:][:cols], dx[r*cols:][:cols]
		SubScalar(h, x, mean[r])
		MulScalar(h, h, rstd[r])
		MulAdd(dgamma, dy, h, dgamma)
		Add(dbeta, dbeta, dy)
		Mul(g, dy, gamma)
		MulScalar(dx, h, -Dot(g, h)/float32(cols))
		SubScalar(g, g, Sum(g)/float32(cols))
		Add(dx, dx, g)
		MulScalar(dx, dx, rstd[r])
	}
}
