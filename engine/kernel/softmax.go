package kernel

import "github.com/alike-ml/alike/engine/parallel"

// Softmax computes y = exp(x - max x) / sum exp(x - max x) for every row of x [rows, cols]. y may be x.
func Softmax(p *parallel.Pool, y, x []float32, rows, cols int) {
	forRowChunks(p, rows, cols, func(from, to int) {
		statistics := make([]float32, 2*(to-from))
		SoftmaxRows(y[from*cols:], x[from*cols:], statistics, statistics[to-from:], to-from, cols)
	})
}

// SoftmaxRows is [Softmax] on the calling goroutine, which also writes each row's largest element, NaN if there is one, to top and
// its sum of exponentials to sum. Where all of a row is -Inf, its softmax and its sum are NaN.
func SoftmaxRows(y, x, top, sum []float32, rows, cols int) {
	y, x, top, sum = y[:rows*cols], x[:rows*cols], top[:rows], sum[:rows]
	if len(x) > 0 && softmaxRowsSIMD(&y[0], &x[0], &top[0], &sum[0], rows, cols) {
		return
	}
	for r := range rows {
		y, x := y[r*cols:][:cols], x[r*cols:][:cols]
		top[r] = RowMax(x)
		ExpSub(y, x, top[r])
		sum[r] = Sum(y)
		MulScalar(y, y, 1/sum[r])
	}
}

// SoftmaxGrad computes dx = y * (dy - sum(y * dy)) for every row, where y [rows, cols] is the softmax. dx may be dy.
func SoftmaxGrad(p *parallel.Pool, dx, y, dy []float32, rows, cols int) {
	forRowChunks(p, rows, cols, func(from, to int) {
		dx, y, dy := dx[from*cols:to*cols], y[from*cols:to*cols], dy[from*cols:to*cols]
		if len(dx) == 0 || softmaxGradRowsSIMD(&dx[0], &y[0], &dy[0], to-from, cols) {
			return
		}
		for r := range to - from {
			dx, y, dy := dx[r*cols:][:cols], y[r*cols:][:cols], dy[r*cols:][:cols]
			SubScalarMul(dx, dy, Dot(y, dy), y)
		}
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

// ExpSubRows computes exp(x - s) for every row of x [rows, cols], with one s for each.
func ExpSubRows(dst, x, s []float32, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	dst, x, s = dst[:rows*cols], x[:rows*cols], s[:rows]
	if expSubRowsSIMD(&dst[0], &x[0], &s[0], rows, cols) {
		return
	}
	for r := range rows {
		ExpSub(dst[r*cols:][:cols], x[r*cols:][:cols], s[r])
	}
}

// forRowChunks calls body for chunks [from, to) of the rows, several short rows to a chunk.
func forRowChunks(p *parallel.Pool, rows, cols int, body func(from, to int)) {
	chunk := max(1, 8192/max(cols, 1))
	p.For((rows+chunk-1)/chunk, func(i int) { body(i*chunk, min(rows, (i+1)*chunk)) })
}

// forRows calls body for every row, several short rows to a chunk.
func forRows(p *parallel.Pool, rows, cols int, body func(r int)) {
	forRowChunks(p, rows, cols, func(from, to int) {
		for r := from; r < to; r++ {
			body(r)
		}
	})
}
