package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/alike-ml/alike/engine/parallel"
	"pgregory.net/rapid"
)

// eachProduct calls f for every product x*w that a convolution adds to y, by the definition.
func (s ConvShape) eachProduct(f func(x, w, y int)) { s.eachProductOf(s.K, f) }

// eachProductOf is eachProduct for the first outputs channels of y.
func (s ConvShape) eachProductOf(outputs int, f func(x, w, y int)) {
	s = s.normal()
	cg, kg, oh, ow := s.C/s.Groups, s.K/s.Groups, s.OutH(), s.OutW()
	for n := range s.N {
		for i := range oh {
			for j := range ow {
				for r := range s.R {
					for q := range s.S {
						h, w := i*s.StrideH+r*s.DilH-s.PadTop, j*s.StrideW+q*s.DilW-s.PadLeft
						if h < 0 || h >= s.H || w < 0 || w >= s.W {
							continue
						}
						for k := range outputs {
							for c := range cg {
								f(((n*s.H+h)*s.W+w)*s.C+k/kg*cg+c, ((r*s.S+q)*cg+c)*s.K+k, ((n*oh+i)*ow+j)*s.K+k)
							}
						}
					}
				}
			}
		}
	}
}

func drawConv(t *rapid.T) ConvShape {
	one := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	s := ConvShape{
		N: one("n", 0, 3), H: one("h", 1, 9), W: one("w", 1, 9), R: one("r", 1, 3), S: one("s", 1, 3),
		StrideH: one("strideH", 0, 3), StrideW: one("strideW", 0, 3), DilH: one("dilH", 0, 2), DilW: one("dilW", 0, 2),
		PadTop: one("top", -1, 3), PadBottom: one("bottom", -1, 2), PadLeft: one("left", -1, 3), PadRight: one("right", -1, 2),
		Groups: one("groups", 1, 3), Direct: true,
	}
	s.C, s.K = s.Groups*one("c", 1, 20), s.Groups*one("k", 1, 36)
	if rapid.IntRange(0, 3).Draw(t, "depthwise") == 0 {
		s.Groups = one("channels", 1, 40)
		s.C = s.Groups
		s.K = s.Groups * one("multiplier", 1, 2)
	}
	return s
}

// convSums are sums of products and those of their magnitudes, to which rounding errors are in proportion.
type convSums struct{ want, magnitude []float64 }

// sums computes a convolution and its gradients in float64.
func (s ConvShape) sums(x, w, dy []float32) (y, dx, dw convSums) {
	zeros := func(n int) convSums { return convSums{make([]float64, n), make([]float64, n)} }
	y, dx, dw = zeros(len(dy)), zeros(len(x)), zeros(len(w))
	add := func(s convSums, i int, a, b float32) {
		v := float64(a) * float64(b)
		s.want[i] += v
		s.magnitude[i] += math.Abs(v)
	}
	s.eachProduct(func(xi, wi, yi int) {
		add(y, yi, x[xi], w[wi])
		add(dx, xi, dy[yi], w[wi])
		add(dw, wi, dy[yi], x[xi])
	})
	return y, dx, dw
}

func TestConv32(t *testing.T) {
	pools := []*parallel.Pool{nil, parallel.New(2), parallel.New(3), parallel.New(8)}
	rapid.Check(t, func(t *rapid.T) {
		s := drawConv(t)
		r := source(t)
		x, w := normals(r, s.N*s.H*s.W*s.C), normals(r, s.R*s.S*s.C/s.Groups*s.K)
		dy := normals(r, s.N*s.OutH()*s.OutW()*s.K)
		y, dx, dw := s.sums(x, w, dy)
		for _, l := range levels() {
			atLevel(l, func() {
				for name, c := range map[string]struct {
					convSums
					terms int
					run   func(p *parallel.Pool, dst []float32)
				}{
					"forward":     {y, s.R * s.S * s.C, func(p *parallel.Pool, dst []float32) { ConvForward32(p, s, x, w, dst) }},
					"input grad":  {dx, s.R * s.S * s.K, func(p *parallel.Pool, dst []float32) { ConvInputGrad32(p, s, dy, w, dst) }},
					"weight grad": {dw, s.N * s.OutH() * s.OutW(), func(p *parallel.Pool, dst []float32) { ConvWeightGrad32(p, s, x, dy, dst) }},
				} {
					var first []float32
					for _, p := range pools {
						got := normals(r, len(c.want)) // Must be overwritten.
						c.run(p, got)
						if first == nil {
							first = got
							checkClose(t, fmt.Sprint(l, " ", name), got, c.want, c.magnitude, c.terms)
						} else if !sameBits(first, got) {
							t.Fatalf("%v %s: other bits with %d workers", l, name, p.Workers())
						}
					}
				}
			})
		}
	})
}

// The shapes of TestConv32 are mostly too small for a plane.
func TestPlaneWeightGrad(t *testing.T) {
	p := parallel.New(3)
	defer p.Close()
	rapid.Check(t, func(t *rapid.T) {
		one := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		s := ConvShape{
			N: one("n", 1, 3), H: one("h", 5, 24), W: one("w", 5, 24), C: one("c", 1, 7), K: one("k", 1, 20), R: one("r", 1, 3), S: one("s", 1, 3),
			DilH: one("dilH", 1, 2), DilW: one("dilW", 1, 2),
			PadTop: one("top", -1, 2), PadBottom: one("bottom", -1, 2), PadLeft: one("left", -1, 2), PadRight: one("right", -1, 2),
			Direct: true,
		}.normal()
		r := source(t)
		x, dy := normals(r, s.N*s.H*s.W*s.C), normals(r, s.N*s.OutH()*s.OutW()*s.K)
		size := s.R * s.S * s.C * s.K
		want, magnitude := make([]float64, size), make([]float64, size)
		s.eachProduct(func(xi, wi, yi int) {
			v := float64(dy[yi]) * float64(x[xi])
			want[wi] += v
			magnitude[wi] += math.Abs(v)
		})
		for _, l := range levels() {
			atLevel(l, func() {
				pr, ok := s.planeWeightGrad(microF32(s.K), x, dy)
				if !ok {
					t.Skip("too many gaps")
				}
				got, alone := normals(r, size), normals(r, size)
				pr.c = at(got, 0)
				pr.run(p, &arenaF32)
				checkClose(t, l.String(), got, want, magnitude, s.N*s.OutH()*s.OutW())
				pr.c = at(alone, 0)
				pr.run(nil, &arenaF32)
				if !sameBits(got, alone) {
					t.Fatalf("%v: other bits with one worker", l)
				}
			})
		}
	})
}

// convShapes are those of a ResNet-18 with a CIFAR stem, of one of a quarter of its width, and a few others.
var convShapes = []ConvShape{
	{N: 128, H: 32, W: 32, C: 64, K: 64, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 128, H: 16, W: 16, C: 128, K: 128, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 128, H: 8, W: 8, C: 256, K: 256, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 128, H: 4, W: 4, C: 512, K: 512, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 128, H: 32, W: 32, C: 16, K: 16, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 128, H: 16, W: 16, C: 32, K: 32, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 128, H: 32, W: 32, C: 64, K: 128, R: 3, S: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 128, H: 8, W: 8, C: 256, K: 512, R: 3, S: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 128, H: 32, W: 32, C: 64, K: 128, R: 1, S: 1, StrideH: 2, StrideW: 2},
	{N: 128, H: 32, W: 32, C: 64, K: 256, R: 1, S: 1},
	{N: 128, H: 32, W: 32, C: 3, K: 64, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 32, H: 28, W: 28, C: 192, K: 192, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1, Groups: 192},
}

func BenchmarkConv32(b *testing.B) {
	for _, s := range convShapes {
		name := fmt.Sprintf("%dx%dx%dx%d_%dx%dx%d_stride%d", s.N, s.H, s.W, s.C, s.R, s.S, s.K, max(s.StrideH, 1))
		if s.Groups > 1 {
			name += "_depthwise"
		}
		r := rand.New(rand.NewPCG(1, 2))
		x, w := normals(r, s.N*s.H*s.W*s.C), normals(r, s.R*s.S*s.C/max(s.Groups, 1)*s.K)
		y := normals(r, s.N*s.OutH()*s.OutW()*s.K)
		run := func(direction string, f func()) {
			b.Run(direction+"/"+name, func(b *testing.B) {
				for b.Loop() {
					f()
				}
				reportRate(b, s.Flops())
			})
		}
		run("forward", func() { ConvForward32(benchPool, s, x, w, y) })
		run("inputgrad", func() { ConvInputGrad32(benchPool, s, y, w, x) })
		run("weightgrad", func() { ConvWeightGrad32(benchPool, s, x, y, w) })
	}
}
