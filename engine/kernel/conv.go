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

	// Direct keeps to the sums above. Without it, convolutions with 3x3 weights may be computed by Winograd's algorithm: in less than
	// half of the time, with larger rounding errors, and with NaN around NaN and infinite values. See winograd.go.
	Direct bool
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
	if s.depthwise() {
		s.depthwiseForward(p, x, w, y)
		return
	}
	if a := winogradFor[float32](s); a != nil {
		winogradForward(p, a, s, microF32(s.K), x, w, y)
		return
	}
	mic := microF32(s.K / s.Groups)
	s.eachGroup(p, func(p *parallel.Pool, g int) {
		kg := s.K / s.Groups
		pr := forwardProduct(s, g, mic, x, &matrixRight[float32]{b: w[min(g*kg, len(w)):], ld: s.K, nr: mic.nr})
		onLines(&pr)
		pr.c = at(y, g*kg)
		pr.run(p, &arenaF32)
	})
}

// ConvInputGrad32 computes dx, the gradient of x, from dy, the gradient of y, and w.
func ConvInputGrad32(p *parallel.Pool, s ConvShape, dy, w, dx []float32) {
	s = s.normal()
	s.check(len(dx), len(w), len(dy))
	if s.depthwise() {
		s.depthwiseInputGrad(p, dy, w, dx)
		return
	}
	if a := winogradFor[float32](s); a != nil {
		winogradInputGrad(p, a, s, microF32(s.C), dy, w, dx)
		return
	}
	mic := microF32(s.C / s.Groups)
	s.eachGroup(p, func(p *parallel.Pool, g int) {
		s.eachPhase(func(h0, w0 int) {
			pr := inputGradProduct(s, g, h0, w0, mic, dy, w)
			onLines(&pr)
			pr.c = at(dx, (h0*s.W+w0)*s.C+g*(s.C/s.Groups))
			pr.run(p, &arenaF32)
		})
	})
}

// ConvWeightGrad32 computes dw, the gradient of w, from x and dy, the gradient of y.
func ConvWeightGrad32(p *parallel.Pool, s ConvShape, x, dy, dw []float32) {
	s = s.normal()
	s.check(len(x), len(dw), len(dy))
	if s.depthwise() {
		s.depthwiseWeightGrad(p, x, dy, dw)
		return
	}
	if a := winogradFor[float32](s); a != nil {
		winogradWeightGrad(p, a, s, microF32(s.K), x, dy, dw)
		return
	}
	mic := microF32(s.K / s.Groups)
	if pr, ok := s.planeWeightGrad(mic, x, dy); ok {
		pr.c = at(dw, 0)
		pr.run(p, &arenaF32)
		return
	}
	s.eachGroup(p, func(p *parallel.Pool, g int) {
		kg := s.K / s.Groups
		right := &matrixRight[float32]{b: dy[min(g*kg, len(dy)):], ld: s.K, nr: mic.nr}
		pr := weightGradProduct(s, g, mic, x, right)
		right.inPlace = readsInPlace[float32](mic, pr.m, pr.n, pr.k)
		pr.c = at(dw, g*kg)
		pr.run(p, &arenaF32)
	})
}

// ConvForwardBF16 is [ConvForward32] for bfloat16, with float32 sums.
func ConvForwardBF16(p *parallel.Pool, s ConvShape, x, w, y []uint16) {
	s = s.normal()
	s.check(len(x), len(w), len(y))
	if !activeBF16.Load() || s.depthwise() {
		wide := make([]float32, len(y))
		s.Direct = true
		ConvForward32(p, s, widen(p, x), widen(p, w), wide)
		F32ToBF16(y, wide)
		return
	}
	if a := winogradFor[uint16](s); a != nil {
		winogradForward(p, a, s, microBF16(s.K), x, w, y)
		return
	}
	mic := microBF16(s.K / s.Groups)
	s.eachGroup(p, func(p *parallel.Pool, g int) {
		kg := s.K / s.Groups
		pr := forwardProduct(s, g, mic, x, &halfRight{b: w[min(g*kg, len(w)):], ld: s.K, nr: mic.nr})
		onLines(&pr)
		runHalf(p, &pr, y[min(g*kg, len(y)):])
	})
}

// ConvInputGradBF16 is [ConvInputGrad32] for bfloat16, with float32 sums.
func ConvInputGradBF16(p *parallel.Pool, s ConvShape, dy, w, dx []uint16) {
	s = s.normal()
	s.check(len(dx), len(w), len(dy))
	if kg := s.K / s.Groups; !activeBF16.Load() || s.depthwise() || kg%2 == 1 { // Pairs of output channels must not straddle taps.
		wide := make([]float32, len(dx))
		s.Direct = true
		ConvInputGrad32(p, s, widen(p, dy), widen(p, w), wide)
		F32ToBF16(dx, wide)
		return
	}
	if a := winogradFor[uint16](s); a != nil {
		winogradInputGrad(p, a, s, microBF16(s.C), dy, w, dx)
		return
	}
	mic := microBF16(s.C / s.Groups)
	s.eachGroup(p, func(p *parallel.Pool, g int) {
		s.eachPhase(func(h0, w0 int) {
			pr := inputGradProduct(s, g, h0, w0, mic, dy, w)
			onLines(&pr)
			runHalf(p, &pr, dx[min((h0*s.W+w0)*s.C+g*(s.C/s.Groups), len(dx)):])
		})
	})
}

// ConvWeightGradBF16 is [ConvWeightGrad32] for bfloat16, with float32 sums.
func ConvWeightGradBF16(p *parallel.Pool, s ConvShape, x, dy, dw []uint16) {
	s = s.normal()
	s.check(len(x), len(dw), len(dy))
	if !activeBF16.Load() || s.depthwise() {
		wide := make([]float32, len(dw))
		s.Direct = true
		ConvWeightGrad32(p, s, widen(p, x), widen(p, dy), wide)
		F32ToBF16(dw, wide)
		return
	}
	if a := winogradFor[uint16](s); a != nil {
		winogradWeightGrad(p, a, s, microBF16(s.K), x, dy, dw)
		return
	}
	mic := microBF16(s.K / s.Groups)
	s.eachGroup(p, func(p *parallel.Pool, g int) {
		kg := s.K / s.Groups
		pr := weightGradProduct(s, g, mic, x, &halfRight{b: dy[min(g*kg, len(dy)):], ld: s.K, nr: mic.nr})
		runHalf(p, &pr, dw[min(g*kg, len(dw)):])
	})
}

// forwardProduct returns the product that makes group g of y, [pixels of y, taps] times [taps, K/Groups], but for its C.
func forwardProduct[T element](s ConvShape, g int, mic micro, x []T, w right[T]) product[T] {
	t := s.forwardTaps(g)
	return product[T]{
		micro: mic, m: s.N * t.rows * t.cols, n: s.K / s.Groups, k: s.R * s.S * (s.C / s.Groups),
		a: &pixelLeft[T]{taps: t, image: x}, b: w,
		cSize: 4, ldc: s.K, alpha: bitsOf(float32(1)), noBeta: true,
	}
}

// weightGradProduct returns the product that makes group g of dw, [taps, pixels of y] times [pixels of y, K/Groups], but for its C.
func weightGradProduct[T element](s ConvShape, g int, mic micro, x []T, dy right[T]) product[T] {
	t := s.forwardTaps(g)
	return product[T]{
		micro: mic, m: s.R * s.S * (s.C / s.Groups), n: s.K / s.Groups, k: s.N * t.rows * t.cols,
		a: &pixelLeftT[T]{taps: t, image: x}, b: dy,
		cSize: 4, ldc: s.K, alpha: bitsOf(float32(1)), noBeta: true,
	}
}

// planeWeightGrad returns the product that makes dw, but for its C, on a plane. It reports whether that pays: if panels of x are
// used too few times to be worth packing, and gaps are few.
func (s ConvShape) planeWeightGrad(mic micro, x, dy []float32) (product[float32], bool) {
	t := s.forwardTaps(0)
	l := planeOf(&t, s.N)
	if s.StrideH*s.StrideW*s.Groups > 1 || s.K > 2*mic.nr || 4*l.height*l.width > 5*t.rows*t.cols {
		return product[float32]{}, false
	}
	return product[float32]{
		micro: mic, m: s.R * s.S * s.C, n: s.K, k: s.N * l.height * l.width,
		a:     &planeLeft{taps: t, plane: l, image: x},
		b:     &planeRight{plane: l, rows: t.rows, cols: t.cols, dy: dy, channels: s.K, nr: mic.nr},
		cSize: 4, ldc: s.K, alpha: bitsOf(float32(1)), noBeta: true,
	}, true
}

// inputGradProduct returns the product that makes one phase of group g of dx, [pixels of the phase, taps] times
// [taps, C/Groups], but for its C.
//
// With a stride, the pixels of dx fall into StrideH*StrideW phases. Those of one phase meet the same weight taps, and their dy
// lie side by side: each phase is a product of its own, without a stride.
func inputGradProduct[T float32 | uint16](s ConvShape, g, h0, w0 int, mic micro, dy, w []T) product[T] {
	t, rs, ss := s.gradTaps(g, h0, w0)
	kg := s.K / s.Groups
	pr := product[T]{
		micro: mic, m: s.N * t.rows * t.cols, n: s.C / s.Groups, k: len(rs) * len(ss) * kg,
		a:     &pixelLeft[T]{taps: t, image: dy},
		b:     &tapRight[T]{w: w[min(g*kg, len(w)):], s: s, rs: rs, ss: ss, nr: mic.nr},
		cSize: 4, ldc: s.C, alpha: bitsOf(float32(1)), noBeta: true,
	}
	if s.StrideH*s.StrideW > 1 {
		pr.cRows = func(at []int, row int) {
			n, i, j := t.split(row)
			for r := range at {
				at[r] = ((n*s.H+i*s.StrideH)*s.W + j*s.StrideW) * s.C
				n, i, j = t.next(n, i, j)
			}
		}
	}
	return pr
}

// eachPhase calls body for the first pixel of every phase of x.
func (s ConvShape) eachPhase(body func(h0, w0 int)) {
	for h0 := range min(s.StrideH, s.H) {
		for w0 := range min(s.StrideW, s.W) {
			body(h0, w0)
		}
	}
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
