package metric

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestPairSimilaritiesClosedForms(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	a := fromRows([]float32{1, 0}, []float32{1, 0}, []float32{2, 0}, []float32{3, 3}, []float32{0, 0}, []float32{nan, 1}, []float32{inf, 1}, []float32{3e38, 3e38})
	b := fromRows([]float32{5, 0}, []float32{0, 7}, []float32{-1e-30, 0}, []float32{1, 0}, []float32{1, 2}, []float32{1, 1}, []float32{1, 1}, []float32{3e38, 3e38})
	got, err := PairSimilarities(a, b)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, 0, -1, math.Sqrt(0.5), 0, 0, 0, 1} {
		if math.Abs(got[i]-want) > 1e-15 {
			t.Errorf("pair %d: %g, want %g", i, got[i], want)
		}
	}
}

// The diagonal of all similarities, which the nearest-neighbour search finds another way.
func TestPairSimilaritiesAreThoseOfNeighbours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := generator(rapid.Uint64().Draw(t, "seed"))
		n, dim := rapid.IntRange(1, 20).Draw(t, "n"), rapid.IntRange(1, 40).Draw(t, "dim")
		a, b := gaussianMatrix(n, dim, r), gaussianMatrix(n, dim, r)
		got, err := PairSimilarities(a, b)
		if err != nil {
			t.Fatal(err)
		}
		all, err := Neighbours(b, a, n)
		if err != nil {
			t.Fatal(err)
		}
		for i, found := range all {
			for _, n := range found {
				if n.Index == i && math.Abs(float64(n.Similarity)-got[i]) > 1e-6 {
					t.Fatalf("pair %d: %g, want %g", i, got[i], n.Similarity)
				}
			}
		}
	})
}

func TestPairSimilaritiesRefusesBadShapes(t *testing.T) {
	_, err := PairSimilarities(NewMatrix(2, 3), NewMatrix(3, 3))
	wantError(t, err, "2 first and 3 second vectors")
	_, err = PairSimilarities(NewMatrix(2, 3), NewMatrix(2, 4))
	wantError(t, err, "vectors must come from the same encoder")
}
