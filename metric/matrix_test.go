package metric

import (
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// gaussianMatrix draws independent normal numbers.
func gaussianMatrix(rows, cols int, r *rand.Rand) Matrix {
	m := NewMatrix(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(r.NormFloat64())
	}
	return m
}

// generator returns the random numbers of a test.
func generator(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// fromRows makes a matrix of literal rows.
func fromRows(rows ...[]float32) Matrix {
	m := NewMatrix(len(rows), len(rows[0]))
	for i, row := range rows {
		copy(m.Row(i), row)
	}
	return m
}

// drawMatrix draws a matrix of small integers, which has many ties and some zero rows.
func drawMatrix(t *rapid.T, name string, rows, cols int) Matrix {
	m := NewMatrix(rows, cols)
	for i, x := range rapid.SliceOfN(rapid.IntRange(-2, 2), len(m.Data), len(m.Data)).Draw(t, name) {
		m.Data[i] = float32(x)
	}
	return m
}

// onEveryNumberOfProcessors checks that f returns the same with one processor and with several.
func onEveryNumberOfProcessors(t *testing.T, f func() any) {
	t.Helper()
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	alone := f()
	for _, n := range []int{2, 3, 7} {
		runtime.GOMAXPROCS(n)
		if diff := cmp.Diff(alone, f()); diff != "" {
			t.Fatalf("%d processors give another result than one:\n%s", n, diff)
		}
	}
}

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("error is %v, want one that says %q", err, part)
	}
}

func TestNormalized(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	m := fromRows([]float32{3, 4}, []float32{0, 0}, []float32{nan, 1}, []float32{1, inf}, []float32{3e38, 3e38}, []float32{-1e-45, 0})
	half := float32(math.Sqrt(0.5))
	want := fromRows([]float32{0.6, 0.8}, []float32{0, 0}, []float32{0, 0}, []float32{0, 0}, []float32{half, half}, []float32{-1, 0})
	if diff := cmp.Diff(want, m.Normalized()); diff != "" {
		t.Error(diff)
	}
}

// Every product is the plain sum in the order of the columns, whatever the shape.
func TestProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, others, cols := rapid.IntRange(0, 9).Draw(t, "rows"), rapid.IntRange(0, 9).Draw(t, "others"), rapid.IntRange(0, 20).Draw(t, "cols")
		r := generator(rapid.Uint64().Draw(t, "seed"))
		a, b := gaussianMatrix(rows, cols, r), gaussianMatrix(others, cols, r)
		got := make([]float32, rows*others)
		products(got, a.Data, b.Data, cols)
		for i := range rows {
			for j := range others {
				want := dot64(a.Row(i), b.Row(j))
				if math.Abs(float64(got[i*others+j])-want) > 1e-5 {
					t.Fatalf("product of rows %d and %d is %g, want %g", i, j, got[i*others+j], want)
				}
			}
		}
	})
}

func TestAddOuter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k, cols := rapid.IntRange(0, 11).Draw(t, "n"), rapid.IntRange(1, 5).Draw(t, "k"), rapid.IntRange(0, 9).Draw(t, "cols")
		x, factors := drawMatrix(t, "x", n, cols), drawMatrix(t, "factors", n, k)
		sum, want := NewMatrix(k, cols), NewMatrix(k, cols)
		addOuter(sum.Data, factors.Data, x.Data, k, cols)
		for i := range n {
			for c := range k {
				for j := range cols {
					want.Row(c)[j] += factors.Row(i)[c] * x.Row(i)[j]
				}
			}
		}
		if diff := cmp.Diff(want, sum); diff != "" {
			t.Fatal(diff)
		}
	})
}
