package kernel

import (
	"fmt"
	"unsafe"

	"github.com/alike-ml/alike/engine/parallel"
)

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

// ConvForward32 computes y from x and w.
func ConvForward32(p *parallel.Pool, s ConvShape, x, w, y []float32) {
	s = s.normal()
	s.check(len(x), len(w), len(y))
	cg, kg := s.C/s.Groups, s.K/s.Groups
	mic := microF32()
	s.eachGroup(p, func(p *parallel.Pool, g int) {
		t := s.forwardTaps(g)
		pr := product[float32]{
			micro: mic, m: s.N * t.rows * t.cols, n: kg, k: s.R * s.S * cg,
			a: &pixelLeft[float32]{taps: t, image: x},
			b: &matrixRight[float32]{b: w[g*kg:], ld: s.K, nr: mic.nr},
			c: at(y, g*kg), cSize: 4, ldc: s.K,
			alpha: bitsOf(float32(1)), noBeta: true,
		}
		pr.run(p, &arenaF32)
	})
}

// ConvInputGrad32 computes dx, the gradient of x, from dy, the gradient of y, and w.
//
// With a stride, the pixels of dx fall into StrideH*StrideW phases. Those of one phase meet the same weight taps, and their dy
// lie side by side: each phase is a product of its own, without a stride.
func ConvInputGrad32(p *parallel.Pool, s ConvShape, dy, w, dx []float32) {
	s = s.normal()
	s.check(len(dx), len(w), len(dy))
	cg, kg := s.C/s.Groups, s.K/s.Groups
	mic := microF32()
	s.eachGroup(p, func(p *parallel.Pool, g int) {
		for h0 := range min(s.StrideH, s.H) {
			for w0 := range min(s.StrideW, s.W) {
				t, rs, ss := s.gradTaps(g, h0, w0)
				pr := product[float32]{
					micro: mic, m: s.N * t.rows * t.cols, n: cg, k: len(rs) * len(ss) * kg,
					a: &pixelLeft[float32]{taps: t, image: dy},
					b: &tapRight[float32]{w: w[min(g*kg, len(w)):], s: s, rs: rs, ss: ss, nr: mic.nr},
					c: at(dx, (h0*s.W+w0)*s.C+g*cg), cSize: 4, ldc: s.C,
					alpha: bitsOf(float32(1)), noBeta: true,
				}
				if s.StrideH*s.StrideW > 1 {
					pr.cRow = func(row int) int {
						n, i, j := t.split(row)
						return ((n*s.H+i*s.StrideH)*s.W + j*s.StrideW) * s.C
					}
				}
				pr.run(p, &arenaF32)
			}
		}
	})
}

// ConvWeightGrad32 computes dw, the gradient of w, from x and dy, the gradient of y.
func ConvWeightGrad32(p *parallel.Pool, s ConvShape, x, dy, dw []float32) {
	s = s.normal()
	s.check(len(x), len(dw), len(dy))
	cg, kg := s.C/s.Groups, s.K/s.Groups
	mic := microF32()
	s.eachGroup(p, func(p *parallel.Pool, g int) {
		t := s.forwardTaps(g)
		pr := product[float32]{
			micro: mic, m: s.R * s.S * cg, n: kg, k: s.N * t.rows * t.cols,
			a: &pixelLeftT[float32]{taps: t, image: x},
			b: &matrixRight[float32]{b: dy[min(g*kg, len(dy)):], ld: s.K, nr: mic.nr},
			c: at(dw, g*kg), cSize: 4, ldc: s.K,
			alpha: bitsOf(float32(1)), noBeta: true,
		}
		pr.run(p, &arenaF32)
	})
}

// check panics unless the slices are long enough and the groups divide the channels.
func (s ConvShape) check(x, w, y int) {
	if s.C%s.Groups != 0 || s.K%s.Groups != 0 {
		panic(fmt.Sprintf("kernel: %d groups do not divide %d input and %d output channels", s.Groups, s.C, s.K))
	}
	if x < s.N*s.H*s.W*s.C || w < s.R*s.S*s.C/s.Groups*s.K || y < s.N*s.OutH()*s.OutW()*s.K {
		panic(fmt.Sprintf("kernel: convolution %+v with too short slices: x %d, w %d, y %d", s, x, w, y))
	}
}

// eachGroup calls body for every group.
func (s ConvShape) eachGroup(p *parallel.Pool, body func(p *parallel.Pool, g int)) {
	forBatch(p, s.Groups, int(s.Flops())/s.Groups, body)
}

// at returns a pointer to x[i], or to nothing that may be used where x ends before.
func at[T any](x []T, i int) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(x[min(i, len(x)):]))
}
