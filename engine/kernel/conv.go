package kernel

import "github.com/alike-ml/alike/engine/parallel"

// ConvShape describes a two-dimensional convolution (cross-correlation, as neural networks use the word) of channels-last
// images.
//
// x is [N, H, W, C], the weights are [R, S, C/Groups, K], y is [N, OutH, OutW, K]:
//
//	y[n, i, j, k] = sum over r, s, c of x[n, i*StrideH + r*DilH - PadTop, j*StrideW + s*DilW - PadLeft, c] * w[r, s, c, k]
//
// where x is zero outside its bounds. Group g of the outputs, k in [g*K/Groups, (g+1)*K/Groups), sees group g of the input
// channels. Strides, dilations and groups of zero count as one. Pads may be negative, which crops.
type ConvShape struct {
	N, H, W, C, K, R, S                  int
	StrideH, StrideW                     int
	PadTop, PadBottom, PadLeft, PadRight int
	DilH, DilW                           int
	Groups                               int
}

// normal returns s with zero strides, dilations and groups replaced by one.
func (s ConvShape) normal() ConvShape {
	s.StrideH, s.StrideW = max(s.StrideH, 1), max(s.StrideW, 1)
	s.DilH, s.DilW = max(s.DilH, 1), max(s.DilW, 1)
	s.Groups = max(s.Groups, 1)
	return s
}

// OutH returns the height of y, zero if the window does not fit.
func (s ConvShape) OutH() int {
	return outSize(s.H+s.PadTop+s.PadBottom, s.R, max(s.StrideH, 1), max(s.DilH, 1))
}

// OutW returns the width of y, zero if the window does not fit.
func (s ConvShape) OutW() int {
	return outSize(s.W+s.PadLeft+s.PadRight, s.S, max(s.StrideW, 1), max(s.DilW, 1))
}

func outSize(in, window, stride, dilation int) int {
	if in -= (window - 1) * dilation; in < 1 {
		return 0
	}
	return (in-1)/stride + 1
}

// Flops returns the number of multiplications and additions of one of the three directions, padding included.
func (s ConvShape) Flops() float64 {
	return 2 * float64(s.N) * float64(s.OutH()) * float64(s.OutW()) * float64(s.K) *
		float64(s.R) * float64(s.S) * float64(s.C/max(s.Groups, 1))
}

// each calls f for every product of the convolution, one output pixel and weight tap at a time.
func (s ConvShape) each(n int, f func(xAt, wAt, yAt int)) {
	cg, kg := s.C/s.Groups, s.K/s.Groups
	oh, ow := s.OutH(), s.OutW()
	for i := range oh {
		for j := range ow {
			for r := range s.R {
				for t := range s.S {
					h, w := i*s.StrideH+r*s.DilH-s.PadTop, j*s.StrideW+t*s.DilW-s.PadLeft
					if h < 0 || h >= s.H || w < 0 || w >= s.W {
						continue
					}
					for g := range s.Groups {
						for c := range cg {
							f(((n*s.H+h)*s.W+w)*s.C+g*cg+c, ((r*s.S+t)*cg+c)*s.K+g*kg, ((n*oh+i)*ow+j)*s.K+g*kg)
						}
					}
				}
			}
		}
	}
}

// ConvForward32 computes y from x and w.
func ConvForward32(p *parallel.Pool, s ConvShape, x, w, y []float32) {
	s = s.normal()
	kg := s.K / s.Groups
	clear(y)
	p.For(s.N, func(n int) {
		s.each(n, func(xAt, wAt, yAt int) { AxpyInto(y[yAt:yAt+kg], x[xAt], w[wAt:wAt+kg]) })
	})
}

// ConvInputGrad32 computes dx, the gradient of x, from dy, the gradient of y, and w.
func ConvInputGrad32(p *parallel.Pool, s ConvShape, dy, w, dx []float32) {
	s = s.normal()
	kg := s.K / s.Groups
	clear(dx)
	p.For(s.N, func(n int) {
		s.each(n, func(xAt, wAt, yAt int) { dx[xAt] += Dot(dy[yAt:yAt+kg], w[wAt:wAt+kg]) })
	})
}

// ConvWeightGrad32 computes dw, the gradient of w, from x and dy, the gradient of y.
func ConvWeightGrad32(p *parallel.Pool, s ConvShape, x, dy, dw []float32) {
	s = s.normal()
	kg := s.K / s.Groups
	clear(dw)
	for n := range s.N {
		s.each(n, func(xAt, wAt, yAt int) { AxpyInto(dw[wAt:wAt+kg], x[xAt], dy[yAt:yAt+kg]) })
	}
}
