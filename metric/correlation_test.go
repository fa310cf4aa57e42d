package metric

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// readGolden reads the cases of a file of testdata. How it was made stands in it, and in make.py.
func readGolden[Case any](t *testing.T, name string) []Case {
	t.Helper()
	file, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Cases []Case }
	if err := json.Unmarshal(file, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatalf("%s has no cases", name)
	}
	return golden.Cases
}

func TestCorrelationAgainstSciPy(t *testing.T) {
	type pairs struct {
		Name              string
		X, Y              []float64
		Pearson, Spearman float64
	}
	for _, c := range readGolden[pairs](t, "correlation.json") {
		t.Run(c.Name, func(t *testing.T) {
			pearson, spearman := mustCorrelate(t, c.X, c.Y)
			// Close numbers far from zero leave fewer digits to either.
			if math.Abs(pearson-c.Pearson) > 1e-9 || math.Abs(spearman-c.Spearman) > 1e-12 {
				t.Errorf("Pearson %.15g, want %.15g; Spearman %.15g, want %.15g", pearson, c.Pearson, spearman, c.Spearman)
			}
		})
	}
}

func mustCorrelate(t interface{ Fatal(...any) }, x, y []float64) (pearson, spearman float64) {
	pearson, err := Pearson(x, y)
	if err != nil {
		t.Fatal(err)
	}
	spearman, err = Spearman(x, y)
	if err != nil {
		t.Fatal(err)
	}
	return pearson, spearman
}

func TestCorrelationClosedForms(t *testing.T) {
	for _, c := range []struct {
		x, y              []float64
		pearson, spearman float64
	}{
		{[]float64{1, 2, 3}, []float64{10, 20, 30}, 1, 1},
		{[]float64{1, 2, 3}, []float64{3, 2, 1}, -1, -1},
		// Without ties Spearman is  1 - 6 Σ d²/(n (n² - 1)), here with d of 1, 1 and 0.
		{[]float64{1, 2, 3}, []float64{2, 1, 3}, 0.5, 0.5},
		// A peak: as much up as down.
		{[]float64{-1, 0, 1}, []float64{0, 5, 0}, 0, 0},
		// x has ranks 1.5, 1.5, 3 and y 1, 2, 3; the covariance of ranks is 1.5/√(1.5·2).
		{[]float64{0, 0, 1}, []float64{1, 2, 3}, math.Sqrt(3) / 2, math.Sqrt(3) / 2},
		{[]float64{0, math.MaxFloat64}, []float64{-math.MaxFloat64, math.MaxFloat64}, 1, 1},
		{[]float64{0, 5e-324}, []float64{7, 6}, -1, -1},
	} {
		pearson, spearman := mustCorrelate(t, c.x, c.y)
		if math.Abs(pearson-c.pearson) > 1e-15 || math.Abs(spearman-c.spearman) > 1e-15 {
			t.Errorf("%v and %v: Pearson %g, want %g; Spearman %g, want %g", c.x, c.y, pearson, c.pearson, spearman, c.spearman)
		}
	}
}

// SimCSE's line of what implementations get wrong: ties are averaged, neither left in order of appearance nor given one end.
func TestRanksAverageTies(t *testing.T) {
	got := ranks([]float64{5, 1, 5, -2, 5, 1})
	if diff := cmp.Diff([]float64{5, 2.5, 5, 1, 5, 2.5}, got); diff != "" {
		t.Error(diff)
	}
	// So the order of pairs changes nothing but the last bits.
	a, err := Spearman([]float64{0, 0, 0, 1}, []float64{1, 2, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Spearman([]float64{0, 0, 1, 0}, []float64{3, 1, 4, 2})
	if err != nil || math.Abs(a-b) > 1e-15 {
		t.Errorf("%g in one order of pairs, %g in another (%v)", a, b, err)
	}
}

func TestCorrelationProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "n")
		numbers := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(-9, 9).Draw(t, "x")) / 4 }), n, n)
		x, y := numbers.Draw(t, "x"), numbers.Draw(t, "y")
		if slices.Min(x) == slices.Max(x) || slices.Min(y) == slices.Max(y) {
			t.Skip("constant")
		}
		near := func(what string, got, want float64) {
			if math.Abs(got-want) > 1e-12 {
				t.Fatalf("%s: %g, want %g", what, got, want)
			}
		}
		pearson, spearman := mustCorrelate(t, x, y)
		if !(math.Abs(pearson) <= 1 && math.Abs(spearman) <= 1) {
			t.Fatalf("Pearson %g and Spearman %g", pearson, spearman)
		}
		swappedPearson, swappedSpearman := mustCorrelate(t, y, x)
		near("Pearson, swapped", swappedPearson, pearson)
		near("Spearman, swapped", swappedSpearman, spearman)

		line, curve := make([]float64, n), make([]float64, n)
		for i, v := range x {
			line[i], curve[i] = 100-3*v, math.Exp(v)
		}
		onLine, falling := mustCorrelate(t, line, y)
		near("Pearson along a falling line", onLine, -pearson)
		near("Spearman along a falling line", falling, -spearman)
		_, rising := mustCorrelate(t, curve, y)
		near("Spearman along a rising curve", rising, spearman)
		own, ownRanks := mustCorrelate(t, x, x)
		near("Pearson with itself", own, 1)
		near("Spearman with itself", ownRanks, 1)
	})
}

func TestCorrelationRefusesWhatHasNone(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want string
		is   error
	}{
		{[]float64{1, 2, 3}, []float64{1, 2}, "3 first and 2 second numbers", nil},
		{[]float64{1}, []float64{1}, "needs two pairs of numbers, not 1", nil},
		{nil, nil, "not 0", nil},
		{[]float64{1, math.NaN()}, []float64{1, 2}, "first number 1 of 2 is a NaN or an infinity", ErrNotFinite},
		{[]float64{1, 2}, []float64{math.Inf(-1), 2}, "second number 0 of 2 is a NaN or an infinity", ErrNotFinite},
		{[]float64{1, 2}, []float64{7, 7}, "the second numbers are 7 throughout", ErrConstant},
	} {
		for name, f := range map[string]func(x, y []float64) (float64, error){"pearson: ": Pearson, "spearman: ": Spearman} {
			_, err := f(c.x, c.y)
			wantError(t, err, name)
			wantError(t, err, c.want)
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
		}
	}
}
