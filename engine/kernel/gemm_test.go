package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/alike-ml/alike/engine/parallel"
	"pgregory.net/rapid"
)

// levels are the levels that this machine has.
func levels() []Level {
	var all []Level
	for l := None; l <= detected; l++ {
		all = append(all, l)
	}
	return all
}

// atLevel runs body with level l.
func atLevel(l Level, body func()) {
	defer SetLevel(SetLevel(l))
	body()
}

// normals returns n normally distributed values.
func normals(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func source(t *rapid.T) *rand.Rand {
	return rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
}

func TestTileOffsets(t *testing.T) {
	var x tile
	for name, f := range map[string][2]uintptr{
		"a": {unsafe.Offsetof(x.a), 0}, "aRow": {unsafe.Offsetof(x.aRow), 8}, "aCol": {unsafe.Offsetof(x.aCol), 16},
		"b": {unsafe.Offsetof(x.b), 24}, "bStep": {unsafe.Offsetof(x.bStep), 32}, "k": {unsafe.Offsetof(x.k), 40},
		"c": {unsafe.Offsetof(x.c), 48}, "bias": {unsafe.Offsetof(x.bias), 56}, "alpha": {unsafe.Offsetof(x.alpha), 64},
		"beta": {unsafe.Offsetof(x.beta), 72}, "mask": {unsafe.Offsetof(x.mask), 80}, "flags": {unsafe.Offsetof(x.flags), 88},
		"cOff": {unsafe.Offsetof(x.cOff), 96}, "lanes": {unsafe.Offsetof(x.lanes), 208},
		"segments": {unsafe.Offsetof(x.segments), 288}, "aNext": {unsafe.Offsetof(x.aNext), 296}, "plus": {unsafe.Offsetof(x.plus), 304},
		"twin": {unsafe.Offsetof(x.twin), 312}, "twinPlus": {unsafe.Offsetof(x.twinPlus), 320}, "twinSign": {unsafe.Offsetof(x.twinSign), 328},
	} {
		if f[0] != f[1] {
			t.Errorf("tile.%s is at %d, the assembly reads it at %d", name, f[0], f[1])
		}
	}
}

// drawGemm draws a product of drawn sizes.
func drawGemm(t *rapid.T) Gemm {
	dim := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(1, 150))
	m, n, k := dim.Draw(t, "m"), dim.Draw(t, "n"), dim.Draw(t, "k")
	if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
		k = rapid.IntRange(500, 3000).Draw(t, "longK")
	}
	return drawGemmOf(t, m, n, k)
}

// drawGemmOf draws a product with matrices of normals and the margins between rows and matrices filled with NaN, which
// must not spread.
func drawGemmOf(t *rapid.T, m, n, k int) Gemm {
	g := Gemm{
		M: m, N: n, K: k,
		TransA: rapid.Bool().Draw(t, "transA"), TransB: rapid.Bool().Draw(t, "transB"),
		Alpha: rapid.SampledFrom([]float32{1, -0.5}).Draw(t, "alpha"),
		Beta:  rapid.SampledFrom([]float32{0, 1, 2}).Draw(t, "beta"),
		Batch: rapid.IntRange(1, 5).Draw(t, "batch"),
		ReLU:  rapid.Bool().Draw(t, "relu"),
	}
	r := source(t)
	if rapid.Bool().Draw(t, "biased") {
		g.Bias = normals(r, g.N)
	}
	matrix := func(rows, cols int) (x []float32, ld, stride int) {
		ld = cols + rapid.IntRange(0, 3).Draw(t, "ld")
		stride = rows*ld + rapid.IntRange(0, 3).Draw(t, "stride")
		x = make([]float32, max(0, (g.Batch-1)*stride+span(rows, cols, ld)))
		for i := range x {
			x[i] = float32(math.NaN())
		}
		for b := range g.Batch {
			for i := range rows * min(cols, 1) {
				copy(x[b*stride+i*ld:], normals(r, cols))
			}
		}
		return x, ld, stride
	}
	flip := func(trans bool, rows, cols int) (int, int) {
		if trans {
			return cols, rows
		}
		return rows, cols
	}
	rows, cols := flip(g.TransA, g.M, g.K)
	g.A, g.LDA, g.StrideA = matrix(rows, cols)
	rows, cols = flip(g.TransB, g.K, g.N)
	g.B, g.LDB, g.StrideB = matrix(rows, cols)
	g.C, g.LDC, g.StrideC = matrix(g.M, g.N)
	if g.Beta == 0 && rapid.Bool().Draw(t, "plus") {
		g.Plus = make([]float32, len(g.C))
		for i := range g.Plus {
			g.Plus[i] = float32(r.NormFloat64())
		}
	}
	return g
}

// reference computes g in float64. It also returns, for every element, the sum of the magnitudes that were added: rounding errors
// are in proportion to it.
func reference(g Gemm) (c, magnitude []float64) {
	c, magnitude = make([]float64, len(g.C)), make([]float64, len(g.C))
	for i, v := range g.C {
		c[i] = float64(v)
	}
	for b := range max(g.Batch, 1) {
		for i := range g.M {
			for j := range g.N {
				at := b*g.StrideC + i*g.LDC + j
				var sum, mag float64
				for k := range g.K {
					ai, bi := i*g.LDA+k, k*g.LDB+j
					if g.TransA {
						ai = k*g.LDA + i
					}
					if g.TransB {
						bi = j*g.LDB + k
					}
					v := float64(g.Alpha) * float64(g.A[b*g.StrideA+ai]) * float64(g.B[b*g.StrideB+bi])
					sum += v
					mag += math.Abs(v)
				}
				if g.Beta != 0 {
					sum += float64(g.Beta) * c[at]
					mag += math.Abs(float64(g.Beta) * c[at])
				}
				if g.Plus != nil {
					sum += float64(g.Plus[at])
					mag += math.Abs(float64(g.Plus[at]))
				}
				if g.Bias != nil {
					sum += float64(g.Bias[j])
					mag += math.Abs(float64(g.Bias[j]))
				}
				if g.ReLU {
					sum = max(sum, 0)
				}
				c[at], magnitude[at] = sum, mag
			}
		}
	}
	return c, magnitude
}

// checkClose fails unless got is within a rounding bound of want: terms roundings to float32 of partial sums.
func checkClose(t *rapid.T, what string, got []float32, want, magnitude []float64, terms int) {
	t.Helper()
	for i, v := range got {
		if bound := float64(terms+4) * 0x1p-24 * magnitude[i]; !(math.Abs(float64(v)-want[i]) <= bound) &&
			!(math.IsNaN(want[i]) && v != v) {
			t.Fatalf("%s: element %d is %g, want %g within %g", what, i, v, want[i], bound)
		}
	}
}

func TestGemm32(t *testing.T) {
	pools := []*parallel.Pool{nil, parallel.New(2), parallel.New(3), parallel.New(8)}
	rapid.Check(t, func(t *rapid.T) {
		g := drawGemm(t)
		want, magnitude := reference(g)
		before := g.C
		var vectors []float32
		for _, l := range levels() {
			atLevel(l, func() {
				var first []float32
				for _, p := range pools {
					g.C = slices.Clone(before)
					Gemm32(p, g)
					if first == nil {
						first = g.C
						checkClose(t, l.String(), g.C, want, magnitude, g.K)
					} else if !sameBits(first, g.C) {
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

// TestProductsOneAfterTheOther: what one leaves behind does not show in the next.
func TestProductsOneAfterTheOther(t *testing.T) {
	products := GetProducts()
	defer products.Put()
	rapid.Check(t, func(t *rapid.T) {
		g := drawGemm(t)
		g.Batch, g.Bias, g.Plus = 1, nil, nil
		g.N = max(g.N, rapid.SampledFrom([]int{0, 600}).Draw(t, "wide"))
		if g.N == 600 {
			r := source(t)
			g.TransB, g.LDB, g.LDC = false, 600, 600
			g.B, g.C = normals(r, g.K*g.N), normals(r, g.M*g.N)
		}
		want, magnitude := reference(g)
		before := g.C
		for _, l := range levels() {
			atLevel(l, func() {
				g.C = slices.Clone(before)
				products.Gemm32(g)
				checkClose(t, l.String(), g.C, want, magnitude, g.K)
			})
		}
	})
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func TestGemm32LargeShapes(t *testing.T) {
	p := parallel.New(2)
	r := rand.New(rand.NewPCG(1, 2))
	for _, d := range [][3]int{{300, 520, 700}, {33, 64, 20000}, {2000, 33, 17}, {1024, 1024, 64}, {400, 600, 5000}, {5000, 600, 0}} {
		m, n, k := d[0], d[1], d[2]
		g := Gemm{M: m, N: n, K: k, A: normals(r, m*k), B: normals(r, k*n), C: make([]float32, m*n), LDA: k, LDB: n, LDC: n, Alpha: 1}
		Gemm32(p, g)
		for range 200 {
			i, j := r.IntN(m), r.IntN(n)
			var sum, mag float64
			for kk := range k {
				v := float64(g.A[i*k+kk]) * float64(g.B[kk*n+j])
				sum += v
				mag += math.Abs(v)
			}
			if got := float64(g.C[i*n+j]); math.Abs(got-sum) > float64(k)*0x1p-24*mag {
				t.Fatalf("%v: C[%d,%d] = %g, want %g", d, i, j, got, sum)
			}
		}
	}
}

// TestGemmPlusOverItself: C may lie where what is added lies, in one block of k, in several, and in slices.
func TestGemmPlusOverItself(t *testing.T) {
	p := parallel.New(3)
	r := rand.New(rand.NewPCG(1, 2))
	for _, d := range [][3]int{{40, 50, 30}, {300, 520, 1300}, {33, 64, 20000}} {
		m, n, k := d[0], d[1], d[2]
		g := Gemm{M: m, N: n, K: k, A: normals(r, m*k), B: normals(r, k*n), C: make([]float32, m*n), LDA: k, LDB: n, LDC: n, Alpha: 1,
			Plus: normals(r, m*n)}
		Gemm32(p, g)
		apart := g.C
		g.C = g.Plus
		Gemm32(p, g)
		if !sameBits(g.C, apart) {
			t.Errorf("%v: other bits in place", d)
		}
	}
}

func TestGemmReLUKeepsNaN(t *testing.T) {
	for _, l := range levels() {
		atLevel(l, func() {
			nan := float32(math.NaN())
			g := Gemm{M: 1, N: 3, K: 1, A: []float32{1}, B: []float32{nan, -1, 2}, C: make([]float32, 3), LDA: 1, LDB: 3, LDC: 3, Alpha: 1, ReLU: true}
			Gemm32(nil, g)
			if g.C[0] == g.C[0] || g.C[1] != 0 || g.C[2] != 2 {
				t.Errorf("%v: %v", l, g.C)
			}
		})
	}
}

func TestGemm64(t *testing.T) {
	p := parallel.New(2)
	rapid.Check(t, func(t *rapid.T) {
		g := drawGemm(t)
		g.Bias, g.Plus, g.ReLU = nil, nil, false
		want, magnitude := reference(g)
		wide := func(x []float32) []float64 {
			y := make([]float64, len(x))
			for i, v := range x {
				y[i] = float64(v)
			}
			return y
		}
		for _, l := range levels() {
			atLevel(l, func() {
				d := GemmDouble{M: g.M, N: g.N, K: g.K, A: wide(g.A), B: wide(g.B), C: wide(g.C), LDA: g.LDA, LDB: g.LDB, LDC: g.LDC,
					TransA: g.TransA, TransB: g.TransB, Alpha: float64(g.Alpha), Beta: float64(g.Beta),
					Batch: g.Batch, StrideA: g.StrideA, StrideB: g.StrideB, StrideC: g.StrideC}
				Gemm64(p, d)
				for i, v := range d.C {
					if !(math.Abs(v-want[i]) <= float64(g.K+4)*0x1p-52*magnitude[i]) && !(v != v && want[i] != want[i]) {
						t.Fatalf("%v: element %d is %g, want %g", l, i, v, want[i])
					}
				}
			})
		}
	})
}

// benchPool has as many workers as GOMAXPROCS allows.
var benchPool = parallel.New(0)

func reportRate(b *testing.B, flops float64) {
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkGemm32(b *testing.B) {
	for _, c := range []struct {
		m, n, k, batch int
		ta, tb         bool
	}{
		{m: 2048, n: 2048, k: 2048, batch: 1},
		{m: 2048, n: 2048, k: 2048, batch: 1, tb: true},
		{m: 2048, n: 2048, k: 2048, batch: 1, ta: true},
		{m: 2000, n: 2000, k: 2000, batch: 1},
		{m: 512, n: 512, k: 512, batch: 1},
		{m: 128, n: 128, k: 128, batch: 1},
		{m: 4096, n: 384, k: 384, batch: 1},
		{m: 384, n: 384, k: 4096, batch: 1, ta: true},
		{m: 64, n: 64, k: 32, batch: 384, tb: true},
		{m: 64, n: 32, k: 64, batch: 384},
		{m: 128, n: 10, k: 512, batch: 1},
	} {
		name := fmt.Sprintf("%dx%dx%d", c.m, c.n, c.k)
		if c.batch > 1 {
			name += fmt.Sprintf("x%d", c.batch)
		}
		if c.ta {
			name += "_transA"
		}
		if c.tb {
			name += "_transB"
		}
		b.Run(name, func(b *testing.B) {
			g := Gemm{M: c.m, N: c.n, K: c.k, LDA: c.k, LDB: c.n, LDC: c.n, TransA: c.ta, TransB: c.tb, Alpha: 1, Batch: c.batch,
				StrideA: c.m * c.k, StrideB: c.n * c.k, StrideC: c.m * c.n}
			if c.ta {
				g.LDA = c.m
			}
			if c.tb {
				g.LDB = c.k
			}
			r := rand.New(rand.NewPCG(1, 2))
			g.A, g.B, g.C = normals(r, c.m*c.k*c.batch), normals(r, c.k*c.n*c.batch), make([]float32, c.m*c.n*c.batch)
			for b.Loop() {
				Gemm32(benchPool, g)
			}
			reportRate(b, 2*float64(c.m)*float64(c.n)*float64(c.k)*float64(c.batch))
		})
	}
}
