package kernel

import (
	"math"

	"github.com/alike-ml/alike/engine/parallel"
)

// Softmax computes y = exp(x - max x) / sum exp(x - max x) for every row of x [rows, cols]. y may be x.
func Softmax(p *parallel.Pool, y, x []float32, rows, cols int) {
	forRows(p, rows, cols, func(r int) {
		y, x := y[r*cols:][:cols], x[r*cols:][:cols]
		ExpSub(y, x, RowMax(x))
		MulScalar(y, y, 1/Sum(y))
	})
}

// LogSoftmax computes y = x - max x - log sum exp(x - max x) for every row of x [rows, cols]. y may not be x.
func LogSoftmax(p *parallel.Pool, y, x []float32, rows, cols int) {
	forRows(p, rows, cols, func(r int) {
		y, x := y[r*cols:][:cols], x[r*cols:][:cols]
		m := RowMax(x)
		ExpSub(y, x, m)
		l := float32(math.Log(float64(Sum(y))))
		SubScalar(y, x, m)
		SubScalar(y, y, l)
	})
}

// SoftmaxGrad computes dx = y * (dy - sum(y * dy)) for every row, where y [rows, cols] is the softmax. dx may be dy.
func SoftmaxGrad(p *parallel.Pool, dx, y, dy []float32, rows, cols int) {
	forRows(p, rows, cols, func(r int) {
		dx, y, dy := dx[r*cols:][:cols], y[r*cols:][:cols], dy[r*cols:][:cols]
		SubScalarMul(dx, dy, Dot(y, dy), y)
	})
}

// LogSoftmaxGrad computes dx = dy - exp(y) * sum(dy) for every row, where y [rows, cols] is the log-softmax. dx may not be
// dy or y.
func LogSoftmaxGrad(p *parallel.Pool, dx, y, dy []float32, rows, cols int) {
	forRows(p, rows, cols, func(r int) {
		dx, y, dy := dx[r*cols:][:cols], y[r*cols:][:cols], dy[r*cols:][:cols]
		Exp(dx, y)
		MulScalar(dx, dx, -Sum(dy))
		Add(dx, dx, dy)
	})
}

// ExpSub computes exp(x - s).
func ExpSub(dst, x []float32, s float32) {
	if len(dst) == 0 || expSubSIMD(&dst[0], &x[0], s, len(dst)) {
		return
	}
	SubScalar(dst, x, s)
	Exp(dst, dst)
}

// forRows calls body for every row, several short rows to a chunk.
func forRows(p *parallel.Pool, rows, cols int, body func(r int)) {
	chunk := max(1, 8192/max(cols, 1))
	p.For((rows+chunk-1)/chunk, func(i int) {
		for r := i * chunk; r < min(rows, (i+1)*chunk); r++ {
			body(r)
		}
	})
}
