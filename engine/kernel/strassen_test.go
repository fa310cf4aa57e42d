package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alike-ml/alike/engine/parallel"
	"pgregory.net/rapid"
)

// at returns elements of op(A) and op(B).
func (g Gemm) at(i, j, k int) (a, b float64) {
	ai, bi := i*g.LDA+k, k*g.LDB+j
	if g.TransA {
		ai = k*g.LDA + i
	}
	if g.TransB {
		bi = j*g.LDB + k
	}
	return float64(g.A[ai]), float64(g.B[bi])
}

// strassenMagnitudes adds to magnitude, for the elements that Strassen's products make, the sums of the magnitudes in their products.
func strassenMagnitudes(g Gemm, magnitude []float64) {
	if g.M < 2 || g.N < strassenCols {
		return
	}
	s := newStrassen(g.part(0, g.M&^1, 0, g.N/strassenCols*strassenCols))
	sums := func(x [4]float64) [strassenSums]float64 {
		x11, x12, x21, x22 := math.Abs(x[0]), math.Abs(x[1]), math.Abs(x[2]), math.Abs(x[3])
		return [strassenSums]float64{x11 + x22, x21 + x22, x11, x22, x11 + x12, x21 + x11, x12 + x22}
	}
	for r := range s.rows {
		first, half := s.block(r)
		for i := first; i < first+half; i++ {
			for pair := range s.pairs {
				for j := pair * strassenCols; j < pair*strassenCols+strassenCols/2; j++ {
					at := [4]int{i*g.LDC + j, i*g.LDC + j + strassenCols/2, (i+half)*g.LDC + j, (i+half)*g.LDC + j + strassenCols/2}
					for q := range s.depths {
						for k := s.from(q); k < s.from(q)+s.depth(q); k++ {
							var x, y [4]float64
							for e := range 4 {
								x[e], _ = g.at(i+e/2*half, 0, k+e%2*s.depth(q))
								_, y[e] = g.at(0, j+e%2*strassenCols/2, k+e/2*s.depth(q))
							}
							a, b := sums(x), sums(y)
							for _, pr := range strassenProducts {
								magnitude[at[pr.c]] += a[pr.a] * b[pr.b]
								if pr.twin != noTwin {
									magnitude[at[pr.twin]] += a[pr.a] * b[pr.b]
								}
							}
						}
					}
				}
			}
		}
	}
}

func TestStrassen(t *testing.T) {
	pools := []*parallel.Pool{nil, parallel.New(2), parallel.New(3), parallel.New(8)}
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(250, 700)).Draw(t, "half of k")
		g := drawGemmOf(t, rapid.IntRange(1, 150).Draw(t, "m"), rapid.IntRange(1, 140).Draw(t, "n"), 2*k)
		g.Alpha, g.Beta, g.Batch = 1, 0, 1
		want, magnitude := reference(g)
		strassenMagnitudes(g, magnitude)
		var vectors []float32
		for _, l := range levels() {
			atLevel(l, func() {
				var first []float32
				for _, p := range pools {
					got := g
					got.C = slices.Clone(g.C)
					if g.Plus != nil && p != nil { // C may lie where what is added lies.
						copyRows(got.C, g.Plus, g)
						got.Plus = got.C
					}
					strassenGemm(p, got)
					if first == nil {
						first = got.C
						checkClose(t, l.String(), got.C, want, magnitude, k+12)
					} else if !sameRows(first, got.C, g) {
						t.Fatalf("%v: other bits with %d workers", l, p.Workers())
					}
				}
				if l == AVX2 {
					vectors = first
				}
				if l == AVX512 && !sameBits(first, vectors) {
					t.Fatal("AVX2 and AVX-512 differ")
				}
			})
		}
	})
}

// copyRows copies the rows of a matrix that is laid out as C of g.
func copyRows(dst, src []float32, g Gemm) {
	for i := range g.M {
		copy(dst[i*g.LDC:][:g.N], src[i*g.LDC:])
	}
}

func sameRows(x, y []float32, g Gemm) bool {
	for i := range g.M {
		if !sameBits(x[i*g.LDC:][:g.N], y[i*g.LDC:][:g.N]) {
			return false
		}
	}
	return true
}

// TestStrassenIsChosenByShape: large products with an even k, unless the definition is asked for, and integers are exact in both ways.
func TestStrassenIsChosenByShape(t *testing.T) {
	for _, c := range []struct {
		g    Gemm
		want bool
	}{
		{Gemm{M: 4096, N: 384, K: 384, Alpha: 1}, true},
		{Gemm{M: 4096, N: 384, K: 384, Alpha: 1, Direct: true}, false},
		{Gemm{M: 4096, N: 384, K: 384, Alpha: 2}, false},
		{Gemm{M: 4096, N: 384, K: 384, Alpha: 1, Beta: 1}, false},
		{Gemm{M: 4096, N: 384, K: 384, Alpha: 1, Batch: 2}, false},
		{Gemm{M: 4096, N: 384, K: 385, Alpha: 1}, false},
		{Gemm{M: 4096, N: 192, K: 768, Alpha: 1}, false},
		{Gemm{M: 384, N: 1536, K: 4096, Alpha: 1, TransA: true}, false},
		{Gemm{M: 1536, N: 384, K: 4096, Alpha: 1, TransA: true}, true},
	} {
		if got := strassenFor(c.g); got != c.want {
			t.Errorf("%+v: %v", c.g, got)
		}
	}

	r := rand.New(rand.NewPCG(1, 2))
	g := Gemm{M: 515, N: 270, K: 194, LDA: 194, LDB: 270, LDC: 270, Alpha: 1, C: make([]float32, 515*270)}
	fill := func(value func() float32) {
		g.A, g.B = make([]float32, g.M*g.K), make([]float32, g.K*g.N)
		for _, x := range [][]float32{g.A, g.B} {
			for i := range x {
				x[i] = value()
			}
		}
	}
	compute := func(direct bool) []float32 {
		g.Direct = direct
		Gemm32(benchPool, g)
		return slices.Clone(g.C)
	}
	fill(func() float32 { return float32(r.IntN(33) - 16) })
	if !sameBits(compute(false), compute(true)) {
		t.Error("products of integers differ")
	}
	fill(func() float32 { return float32(r.NormFloat64()) })
	if sameBits(compute(false), compute(true)) {
		t.Error("products of normals have the definition's bits")
	}
}

// TestStrassenSpreadsNaNToPairs: a NaN of A reaches its row of C and perhaps that which is paired with it, one of B its column and perhaps the
// paired one.
func TestStrassenSpreadsNaNToPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const m, n, k = 256, 128, 256
	for _, l := range levels() {
		atLevel(l, func() {
			for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
				g := Gemm{M: m, N: n, K: k, A: normals(r, m*k), B: normals(r, k*n), C: make([]float32, m*n), LDA: k, LDB: n, LDC: n, Alpha: 1}
				g.A[136*k+3] = bad // in the upper half of the rows 128 to 255
				strassenGemm(nil, g)
				for i, v := range g.C {
					if finite := v-v == 0; finite && i/n == 136 || !finite && i/n != 136 && i/n != 200 {
						t.Fatalf("%v: A has %g in row 136, C[%d, %d] is %g", l, bad, i/n, i%n, v)
					}
				}
				g.A[136*k+3], g.B[7*n+70] = 1, bad
				strassenGemm(nil, g)
				for i, v := range g.C {
					if finite := v-v == 0; finite && i%n == 70 || !finite && i%n != 70 && i%n != 102 {
						t.Fatalf("%v: B has %g in column 70, C[%d, %d] is %g", l, bad, i/n, i%n, v)
					}
				}
			}
		})
	}
}

// BenchmarkStrassen has the products of a transformer: of tokens with weights, and the gradients of both. It computes them by the definition and by
// Strassen's algorithm in turn, and reports the fastest of each.
func BenchmarkStrassen(b *testing.B) {
	for _, c := range []struct {
		m, n, k int
		ta, tb  bool
	}{
		{m: 4096, n: 384, k: 384}, {m: 4096, n: 1152, k: 384}, {m: 4096, n: 1536, k: 384}, {m: 4096, n: 384, k: 1536},
		{m: 4096, n: 384, k: 1152, tb: true}, {m: 4096, n: 1536, k: 384, tb: true}, {m: 1536, n: 384, k: 4096, ta: true},
		{m: 6304, n: 576, k: 192}, {m: 6304, n: 768, k: 192}, {m: 2048, n: 2048, k: 2048},
	} {
		g := Gemm{M: c.m, N: c.n, K: c.k, LDA: c.k, LDB: c.n, LDC: c.n, TransA: c.ta, TransB: c.tb, Alpha: 1}
		if c.ta {
			g.LDA = c.m
		}
		if c.tb {
			g.LDB = c.k
		}
		r := rand.New(rand.NewPCG(1, 2))
		g.A, g.B, g.C = normals(r, c.m*c.k), normals(r, c.k*c.n), make([]float32, c.m*c.n)
		name := fmt.Sprintf("%dx%dx%d", c.m, c.n, c.k)
		if c.ta {
			name += "_transA"
		}
		if c.tb {
			name += "_transB"
		}
		b.Run(name, func(b *testing.B) {
			fastest := [2]time.Duration{math.MaxInt64, math.MaxInt64}
			for b.Loop() {
				for i := range fastest {
					g.Direct = i == 0
					begin := time.Now()
					Gemm32(benchPool, g)
					fastest[i] = min(fastest[i], time.Since(begin))
				}
			}
			for i, unit := range []string{"definition_GFLOP/s", "Strassen_GFLOP/s"} {
				b.ReportMetric(2*float64(c.m)*float64(c.n)*float64(c.k)/float64(fastest[i].Nanoseconds()), unit)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkStrassenError measures the rounding errors of products of normals, against float64 and in units of the root mean square of the results: of
// the definition's sums and of Strassen's.
func BenchmarkStrassenError(b *testing.B) {
	for _, k := range []int{384, 1536, 4096} {
		const m, n = 1024, 384
		r := rand.New(rand.NewPCG(1, 2))
		g := Gemm{M: m, N: n, K: k, A: normals(r, m*k), B: normals(r, k*n), C: make([]float32, m*n), LDA: k, LDB: n, LDC: n, Alpha: 1}
		const some = 256 // rows that are checked
		part := g.part(0, some, 0, n)
		part.C = make([]float32, some*n)
		want, _ := reference(part)
		for _, direct := range []bool{true, false} {
			g.Direct = direct
			b.Run(fmt.Sprintf("k=%d/direct=%v", k, direct), func(b *testing.B) {
				for b.Loop() {
					Gemm32(benchPool, g)
				}
				var square, squared, most float64
				for i, v := range want {
					d := math.Abs(float64(g.C[i]) - v)
					square, squared, most = square+v*v, squared+d*d, max(most, d)
				}
				b.ReportMetric(math.Sqrt(squared/square)*1e7, "rms_e-7")
				b.ReportMetric(most/math.Sqrt(square/float64(len(want)))*1e7, "max_e-7")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
