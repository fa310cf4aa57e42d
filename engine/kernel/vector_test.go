package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var special = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 2, -2, 100, -100, 88.7, 88.8, -87.4, -103.9, -104.1, 0x1p-126, 0x1p-149,
	-0x1p-149, 1e-20, -1e-20, math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}

// ulps returns the distance of got from want in units in the last place of float32 at want.
func ulps(got float32, want float64) float64 {
	if r := float32(want); got == r || got != got && r != r {
		return 0
	}
	if math.IsInf(float64(got), 0) && math.Abs(want) > math.MaxFloat32 {
		return 0
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e, -125)-24)
}

func TestUnary(t *testing.T) {
	for _, f := range []struct {
		name   string
		run    func(dst, x []float32)
		want   func(float64) float64
		bound  float64
		lo, hi float64
		normal bool // the bound holds for results that are normal numbers
	}{
		{"abs", Abs, math.Abs, 0, -1e30, 1e30, false},
		{"exp", Exp, math.Exp, 1.5, -110, 95, false},
		{"expm1", Expm1, math.Expm1, 2, -20, 90, false},
		{"expm1 near 0", Expm1, math.Expm1, 2, -1, 1, false},
		{"log", Log, math.Log, 1.5, 1e-38, 1e5, false},
		{"log near 1", Log, math.Log, 1.5, 0.5, 2, false},
		{"log1p", Log1p, math.Log1p, 3, -0.999, 100, false},
		{"log1p near 0", Log1p, math.Log1p, 3, -0.01, 0.01, false},
		{"tanh", Tanh, math.Tanh, 4, -12, 12, false},
		{"tanh near 0", Tanh, math.Tanh, 4, -0.1, 0.1, false},
		{"logistic", Logistic, logistic, 3, -86, 30, true},
		{"erf", Erf, math.Erf, 8, -5, 5, false},
		{"erf near 0", Erf, math.Erf, 8, -0.1, 0.1, false},
		{"sqrt", Sqrt, math.Sqrt, 0.5, 0, 1e30, false},
		{"rsqrt", Rsqrt, rsqrt, 1.5, 1e-30, 1e30, false},
		{"sin", Sin, math.Sin, 0.51, -1e5, 1e5, false},
		{"cos", Cos, math.Cos, 0.51, -1e5, 1e5, false},
	} {
		t.Run(f.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			x := slices.Clone(special)
			for range 100003 {
				x = append(x, float32(f.lo+(f.hi-f.lo)*r.Float64()))
			}
			for _, l := range levels() {
				atLevel(l, func() {
					got := make([]float32, len(x))
					f.run(got, x)
					var worst float64
					for i, v := range got {
						want := f.want(float64(x[i]))
						if f.normal && math.Abs(want) < 0x1p-126 && v == 0 {
							continue
						}
						d := ulps(v, want)
						worst = max(worst, d)
						if !(d <= f.bound) {
							t.Fatalf("%v: f(%g) = %g, want %g: %.2f ulp", l, x[i], v, want, d)
						}
						if want == 0 && math.Signbit(float64(v)) != math.Signbit(want) {
							t.Fatalf("%v: f(%g) = %g: wrong sign of zero", l, x[i], v)
						}
					}
					t.Logf("%v: at most %.2f ulp", l, worst)
				})
			}
		})
	}
}

// TestGelu: the bounds are of |x| and |dy|; what is not finite is so, or not a number, at every level.
func TestGelu(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := slices.Clone(special)
	for range 100003 {
		x = append(x, float32(-12+24*r.Float64()))
	}
	dy := normals(r, len(x))
	for _, l := range levels() {
		atLevel(l, func() {
			y, dx := make([]float32, len(x)), make([]float32, len(x))
			Gelu(y, x)
			GeluGrad(dx, dy, x)
			for i, v := range x {
				if want := gelu(float64(v)); !near(y[i], want, 0x1p-20*math.Abs(float64(v))) {
					t.Fatalf("%v: gelu(%g) = %g, want %g", l, v, y[i], want)
				}
				if want := float64(dy[i]) * geluSlope(float64(v)); !near(dx[i], want, 0x1p-20*math.Abs(float64(dy[i]))) {
					t.Fatalf("%v: gradient of gelu at %g is %g, want %g", l, v, dx[i], want)
				}
			}
		})
	}
}

// near reports whether got is want within the bound, or not a number where want is none.
func near(got float32, want, bound float64) bool {
	return float32(want) == got || math.Abs(float64(got)-want) <= bound || got != got && want != want
}

// drawLength draws a length around the sizes of vectors.
func drawLength(t *rapid.T) int {
	return rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(60, 200)).Draw(t, "n")
}

// drawValues draws n normals with a few special values, inside a slice with NaN margins that must stay.
func drawValues(t *rapid.T, n int) []float32 {
	r := source(t)
	x := normals(r, n)
	if rapid.Bool().Draw(t, "special") {
		for i := range x {
			if r.IntN(5) == 0 {
				x[i] = special[r.IntN(len(special))]
			}
		}
	}
	return x
}

// guarded calls f with a dst of n elements and fails if it writes beyond them.
func guarded(t *rapid.T, n int, f func(dst []float32)) []float32 {
	const margin = 20
	all := make([]float32, n+2*margin)
	for i := range all {
		all[i] = 12345
	}
	f(all[margin : margin+n : margin+n])
	for i, v := range all {
		if (i < margin || i >= margin+n) && v != 12345 {
			t.Fatalf("wrote outside of dst, at %d of %d", i-margin, n)
		}
	}
	return all[margin : margin+n]
}

func TestBinary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawLength(t)
		a, b, c := drawValues(t, n), drawValues(t, n), drawValues(t, n)
		s, u := float32(rapid.IntRange(-3, 3).Draw(t, "s")), float32(1.5)
		for _, f := range []struct {
			name string
			run  func(dst []float32)
			want func(i int) float64
		}{
			{"Add", func(d []float32) { Add(d, a, b) }, func(i int) float64 { return float64(a[i] + b[i]) }},
			{"Sub", func(d []float32) { Sub(d, a, b) }, func(i int) float64 { return float64(a[i] - b[i]) }},
			{"Mul", func(d []float32) { Mul(d, a, b) }, func(i int) float64 { return float64(a[i] * b[i]) }},
			{"Div", func(d []float32) { Div(d, a, b) }, func(i int) float64 { return float64(a[i] / b[i]) }},
			{"Max", func(d []float32) { Max(d, a, b) }, func(i int) float64 { return float64(max(a[i], b[i])) }},
			{"Min", func(d []float32) { Min(d, a, b) }, func(i int) float64 { return float64(min(a[i], b[i])) }},
			{"SubScalar", func(d []float32) { SubScalar(d, a, s) }, func(i int) float64 { return float64(a[i] - s) }},
			{"MulScalar", func(d []float32) { MulScalar(d, a, s) }, func(i int) float64 { return float64(a[i] * s) }},
			{"MaxScalar", func(d []float32) { MaxScalar(d, a, s) }, func(i int) float64 { return float64(max(a[i], s)) }},
			{"MinScalar", func(d []float32) { MinScalar(d, a, s) }, func(i int) float64 { return float64(min(a[i], s)) }},
			{"SubScalarMul", func(d []float32) { SubScalarMul(d, a, s, b) }, func(i int) float64 { return float64((a[i] - s) * b[i]) }},
			{"MulAdd", func(d []float32) { MulAdd(d, a, b, c) }, func(i int) float64 { return fma(a[i], b[i], c[i]) }},
			{"ScaleShift", func(d []float32) { ScaleShift(d, a, s, u) }, func(i int) float64 { return fma(a[i], s, u) }},
		} {
			for _, l := range levels() {
				atLevel(l, func() {
					for i, v := range guarded(t, n, f.run) {
						want := f.want(i)
						fused := f.name == "MulAdd" || f.name == "ScaleShift"
						if fused && l != None && ulps(v, want) <= 0.5001 {
							continue
						}
						if float32(want) != v && (v == v || want == want) && !(l == None && fused) {
							t.Fatalf("%v %s: element %d of %d is %g, want %g", l, f.name, i, n, v, want)
						}
					}
				})
			}
		}
	})
}

// fma is a*b + c in float64, where the product is exact.
func fma(a, b, c float32) float64 { return float64(a)*float64(b) + float64(c) }

func TestReductions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 700).Draw(t, "n")
		a, b := drawValues(t, n), drawValues(t, n)
		clean, other := normals(source(t), n), normals(source(t), n)
		var sum, sumMag, dot, dotMag float64
		for i, v := range clean {
			sum += float64(v)
			sumMag += math.Abs(float64(v))
			dot += float64(v) * float64(other[i])
			dotMag += math.Abs(float64(v) * float64(other[i]))
		}
		most, least := float32(math.Inf(-1)), float32(math.Inf(1))
		for _, v := range a {
			most, least = max(most, v), min(least, v)
		}
		var sums []float32
		for _, l := range levels() {
			atLevel(l, func() {
				bound := float64(n/64+8) * 0x1p-24
				if got := Sum(clean); math.Abs(float64(got)-sum) > bound*sumMag {
					t.Fatalf("%v: Sum of %d is %g, want %g", l, n, got, sum)
				}
				if got := Dot(clean, other); math.Abs(float64(got)-dot) > bound*dotMag {
					t.Fatalf("%v: Dot of %d is %g, want %g", l, n, got, dot)
				}
				sums = append(sums, Sum(b))
				if got := RowMax(a); got != most && (got == got || most == most) {
					t.Fatalf("%v: RowMax of %d is %g, want %g", l, n, got, most)
				}
				if got := RowMin(a); got != least && (got == got || least == least) {
					t.Fatalf("%v: RowMin of %d is %g, want %g", l, n, got, least)
				}
			})
		}
		for _, s := range sums {
			if s != sums[0] && (s == s || sums[0] == sums[0]) {
				t.Fatalf("levels differ: %v", sums)
			}
		}
	})
}

func TestBF16(t *testing.T) {
	for _, l := range levels() {
		atLevel(l, func() {
			var all [1 << 16]uint16
			for i := range all {
				all[i] = uint16(i)
			}
			wide, back := make([]float32, len(all)-3), make([]uint16, len(all)-3)
			BF16ToF32(wide, all[3:])
			F32ToBF16(back, wide)
			for i, v := range back {
				if v != all[i+3] && !(wide[i] != wide[i] && v == all[i+3]|0x40) {
					t.Fatalf("%v: %#x came back as %#x", l, all[i+3], v)
				}
			}
			// Ties go to even, and everything else to the nearest.
			half := []float32{1 + 0x1p-8, 1 + 3*0x1p-8, 1 + 0x1p-8 + 0x1p-20, math.MaxFloat32, 0x1p-149, float32(math.Inf(-1))}
			got := make([]uint16, len(half))
			F32ToBF16(got, half)
			if want := []uint16{0x3f80, 0x3f82, 0x3f81, 0x7f80, 0, 0xff80}; !slices.Equal(got, want) {
				t.Errorf("%v: %#x, want %#x", l, got, want)
			}
			// Rounding alone does the same, NaN with more digits included.
			x := append(append(half, wide...), math.Float32frombits(0x7f800001), math.Float32frombits(0xffc12345))
			got, want, rounded := make([]uint16, len(x)), make([]float32, len(x)), make([]float32, len(x))
			F32ToBF16(got, x)
			BF16ToF32(want, got)
			if RoundBF16(rounded, x); !sameBits(rounded, want) {
				t.Errorf("%v: RoundBF16 differs from F32ToBF16", l)
			}
		})
	}
}

func TestTranspose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batch, rows, cols := rapid.IntRange(0, 3).Draw(t, "batch"), rapid.IntRange(0, 90).Draw(t, "rows"), rapid.IntRange(0, 90).Draw(t, "cols")
		src := normals(source(t), batch*rows*cols)
		for _, l := range levels() {
			atLevel(l, func() {
				dst := guarded(t, len(src), func(dst []float32) { Transpose(benchPool, dst, src, batch, rows, cols) })
				for i, v := range src {
					b, r, c := i/(rows*cols), i/cols%rows, i%cols
					if dst[(b*cols+c)*rows+r] != v {
						t.Fatalf("%v: element (%d, %d, %d) is misplaced", l, b, r, c)
					}
				}
			})
		}
	})
}

func BenchmarkVector(b *testing.B) {
	const n = 4096 // three vectors of it fit into L1
	r := rand.New(rand.NewPCG(1, 2))
	x, y, z := normals(r, n), normals(r, n), make([]float32, n)
	for _, f := range []struct {
		name string
		run  func()
	}{
		{"Add", func() { Add(z, x, y) }}, {"MulAdd", func() { MulAdd(z, x, y, x) }}, {"Exp", func() { Exp(z, x) }}, {"Log", func() { Log(z, x) }},
		{"Tanh", func() { Tanh(z, x) }}, {"Erf", func() { Erf(z, x) }}, {"Logistic", func() { Logistic(z, x) }}, {"Sum", func() { Sum(x) }},
		{"RowMax", func() { RowMax(x) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.run()
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelem/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
