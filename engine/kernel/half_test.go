package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/alike-ml/alike/engine/parallel"
	"pgregory.net/rapid"
)

// halves rounds x to bfloat16, in place too.
func halves(x []float32) []uint16 {
	h := make([]uint16, len(x))
	F32ToBF16(h, x)
	BF16ToF32(x, h)
	return h
}

// checkCloseBF16 fails unless got is within a rounding bound of want: roundings to bfloat16 of the factors of every product, terms
// roundings to float32 of partial sums, of which the processor's products take two, and one of the result to bfloat16.
func checkCloseBF16(t *rapid.T, what string, got []float32, want, magnitude []float64, roundings, terms int) {
	t.Helper()
	const half = 0x1p-8 // largest relative error of a rounding to bfloat16
	relative := math.Pow(1+half, float64(roundings))*(1+float64(terms+4)*0x1p-23) - 1
	for i, v := range got {
		bound := relative * magnitude[i]
		bound += half * (math.Abs(want[i]) + bound)
		if !(math.Abs(float64(v)-want[i]) <= bound) {
			t.Fatalf("%s: element %d of %d is %g, want %g within %g", what, i, len(got), v, want[i], bound)
		}
	}
}

func TestGemmBF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGemm(t)
		g.Bias, g.Plus, g.ReLU = nil, nil, false
		half := rapid.Bool().Draw(t, "half")
		if half {
			g.Beta = 0
		}
		h := GemmHalf{M: g.M, N: g.N, K: g.K, A: halves(g.A), B: halves(g.B), LDA: g.LDA, LDB: g.LDB, LDC: g.LDC,
			TransA: g.TransA, TransB: g.TransB, Alpha: g.Alpha, Beta: g.Beta,
			Batch: g.Batch, StrideA: g.StrideA, StrideB: g.StrideB, StrideC: g.StrideC}
		want, magnitude := reference(g)
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			h, c := h, slices.Clone(g.C)
			if half {
				h.CHalf = make([]uint16, len(c))
				F32ToBF16(h.CHalf, c)
				GemmBF16(p, h)
				BF16ToF32(c, h.CHalf)
			} else {
				h.C = c
				GemmBF16(p, h)
			}
			return [][]float32{c}
		}, func(l Level, got [][]float32) {
			for i, v := range got[0] {
				bound := float64(g.K+4) * 0x1p-23 * magnitude[i]
				if half {
					bound += math.Abs(want[i]) * 0x1p-8
				}
				if !(math.Abs(float64(v)-want[i]) <= bound) && !(v != v && want[i] != want[i]) {
					t.Fatalf("%v: element %d is %g, want %g", l, i, v, want[i])
				}
			}
		})
	})
}

func TestConvBF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawConv(t)
		r := source(t)
		x, w := normals(r, s.N*s.H*s.W*s.C), normals(r, s.R*s.S*s.C/s.Groups*s.K)
		dy := normals(r, s.N*s.OutH()*s.OutW()*s.K)
		hx, hw, hdy := halves(x), halves(w), halves(dy)
		y, dx, dw := s.sums(x, w, dy)
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			hy, hdx, hdw := make([]uint16, len(dy)), make([]uint16, len(x)), make([]uint16, len(w))
			ConvForwardBF16(p, s, hx, hw, hy)
			ConvInputGradBF16(p, s, hdy, hw, hdx)
			ConvWeightGradBF16(p, s, hx, hdy, hdw)
			return [][]float32{widen(p, hy), widen(p, hdx), widen(p, hdw)}
		}, func(l Level, got [][]float32) {
			checkCloseBF16(t, fmt.Sprint(l, " forward"), got[0], y.want, y.magnitude, 0, s.R*s.S*s.C)
			checkCloseBF16(t, fmt.Sprint(l, " input grad"), got[1], dx.want, dx.magnitude, 0, s.R*s.S*s.K)
			checkCloseBF16(t, fmt.Sprint(l, " weight grad"), got[2], dw.want, dw.magnitude, 0, s.N*s.OutH()*s.OutW())
		})
	})
}

func TestGemmBF16LargeShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, d := range [][3]int{{1100, 520, 700}, {700, 70, 701}, {600, 40, 0}, {33, 64, 20001}} {
		m, n, k := d[0], d[1], d[2]
		a, b := normals(r, m*k), normals(r, k*n)
		h := GemmHalf{M: m, N: n, K: k, A: halves(a), B: halves(b), CHalf: make([]uint16, m*n), LDA: k, LDB: n, LDC: n, Alpha: 1}
		F32ToBF16(h.CHalf, normals(r, m*n))
		GemmBF16(benchPool, h)
		for range 200 {
			i, j := r.IntN(m), r.IntN(n)
			var want float64
			for kk := range k {
				want += float64(a[i*k+kk]) * float64(b[kk*n+j])
			}
			if got := float64(widen(nil, h.CHalf[i*n+j:][:1])[0]); math.Abs(got-want) > 0x1p-8*math.Abs(want)+1e-3 {
				t.Fatalf("%v: C[%d,%d] = %g, want %g", d, i, j, got, want)
			}
		}
	}
}

func BenchmarkGemmBF16(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{512, 2048} {
		b.Run(fmt.Sprintf("%dx%dx%d", n, n, n), func(b *testing.B) {
			g := GemmHalf{M: n, N: n, K: n, A: halves(normals(r, n*n)), B: halves(normals(r, n*n)), CHalf: make([]uint16, n*n), LDA: n, LDB: n, LDC: n, Alpha: 1}
			for b.Loop() {
				GemmBF16(benchPool, g)
			}
			reportRate(b, 2*float64(n)*float64(n)*float64(n))
		})
	}
}

func BenchmarkConvBF16(b *testing.B) {
	for _, s := range convShapes[:6] {
		name := fmt.Sprintf("%dx%dx%dx%d_%dx%dx%d_stride%d", s.N, s.H, s.W, s.C, s.R, s.S, s.K, max(s.StrideH, 1))
		r := rand.New(rand.NewPCG(1, 2))
		x, w := halves(normals(r, s.N*s.H*s.W*s.C)), halves(normals(r, s.R*s.S*s.C*s.K))
		y := halves(normals(r, s.N*s.OutH()*s.OutW()*s.K))
		run := func(direction string, f func()) {
			b.Run(direction+"/"+name, func(b *testing.B) {
				for b.Loop() {
					f()
				}
				reportRate(b, s.Flops())
			})
		}
		run("forward", func() { ConvForwardBF16(benchPool, s, x, w, y) })
		run("inputgrad", func() { ConvInputGradBF16(benchPool, s, y, w, x) })
		run("weightgrad", func() { ConvWeightGradBF16(benchPool, s, x, y, w) })
	}
}
