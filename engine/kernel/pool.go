package kernel

import (
	"math"

	"github.com/alike-ml/alike/engine/parallel"
)

// PoolShape describes pooling windows over channels-last images: x is [N, H, W, C], y is [N, OutH, OutW, C]. Strides of zero
// count as one.
type PoolShape struct {
	N, H, W, C, R, S                     int
	StrideH, StrideW                     int
	PadTop, PadBottom, PadLeft, PadRight int
}

// OutH returns the height of y, zero if the window does not fit.
func (s PoolShape) OutH() int { return outSize(s.H+s.PadTop+s.PadBottom, s.R, max(s.StrideH, 1), 1) }

// OutW returns the width of y, zero if the window does not fit.
func (s PoolShape) OutW() int { return outSize(s.W+s.PadLeft+s.PadRight, s.S, max(s.StrideW, 1), 1) }

// windows calls f for every output pixel of image n with the rows [h0, h1) and columns [w0, w1) of x under its window.
func (s PoolShape) windows(n int, f func(out, h0, h1, w0, w1 int)) {
	oh, ow := s.OutH(), s.OutW()
	for i := range oh {
		h := i*max(s.StrideH, 1) - s.PadTop
		for j := range ow {
			w := j*max(s.StrideW, 1) - s.PadLeft
			f((n*oh+i)*ow+j, max(h, 0), min(h+s.R, s.H), max(w, 0), min(w+s.S, s.W))
		}
	}
}

// MaxPool writes the largest element of every window to y. Padding never wins; a window of padding alone gives -Inf, a
// window with NaN gives NaN.
func MaxPool(p *parallel.Pool, s PoolShape, x, y []float32) {
	p.For(s.N, func(n int) {
		s.windows(n, func(out, h0, h1, w0, w1 int) { s.largest(y[out*s.C:][:s.C], x, n, h0, h1, w0, w1) })
	})
}

// largest writes the largest elements of a window of image n to y.
func (s PoolShape) largest(y, x []float32, n, h0, h1, w0, w1 int) {
	if h0 >= h1 || w0 >= w1 {
		for c := range y {
			y[c] = float32(math.Inf(-1))
		}
		return
	}
	first := y
	for h := h0; h < h1; h++ {
		for w := w0; w < w1; w++ {
			pixel := x[((n*s.H+h)*s.W+w)*s.C:][:s.C]
			if h == h0 && w == w0 {
				first = pixel
				continue
			}
			Max(y, first, pixel)
			first = y
		}
	}
	if h1-h0 == 1 && w1-w0 == 1 {
		copy(y, first)
	}
}

// MaxPoolGrad adds every dy to the dx of the first largest element of its window, in row-major order; the other elements
// of dx are zero.
func MaxPoolGrad(p *parallel.Pool, s PoolShape, x, dy, dx []float32) {
	p.For(s.N, func(n int) {
		clear(dx[n*s.H*s.W*s.C:][:s.H*s.W*s.C])
		most, left := make([]float32, s.C), make([]float32, s.C)
		s.windows(n, func(out, h0, h1, w0, w1 int) {
			s.largest(most, x, n, h0, h1, w0, w1)
			copy(left, dy[out*s.C:])
			for h := h0; h < h1; h++ {
				for w := w0; w < w1; w++ {
					at := ((n*s.H+h)*s.W + w) * s.C
					giveToLargest(dx[at:at+s.C], left, x[at:at+s.C], most)
				}
			}
		})
	})
}

// giveToLargest adds left to dx where x is most, the largest of its window, or NaN, and leaves zero in left there.
func giveToLargest(dx, left, x, most []float32) {
	if len(dx) == 0 || giveToLargestSIMD(&dx[0], &left[0], &x[0], &most[0], len(dx)) {
		return
	}
	for c, v := range x {
		if v == most[c] || v != v {
			dx[c] += left[c]
			left[c] = 0
		}
	}
}
