package rng

import (
	"math"
	"testing"
)

func TestSameNumbersSameStream(t *testing.T) {
	a, b := New(1, 2, 3, 4), New(1, 2, 3, 4)
	for range 100 {
		if x, y := a.Uint64(), b.Uint64(); x != y {
			t.Fatalf("two generators of one view differ: %d and %d", x, y)
		}
	}
}

// Every one of the four numbers must matter, and permuting them must too.
func TestEachNumberMatters(t *testing.T) {
	seen := map[uint64][4]int{}
	for _, k := range [][4]int{{0, 0, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}, {0, 0, 0, Shuffle}, {0, 0, 0, Init}, {0, 0, 0, Split}, {0, 0, 0, Dropout}, {0, 0, 0, Caption}, {1, 2, 3, 4}, {4, 3, 2, 1}} {
		x := New(uint64(k[0]), k[1], k[2], k[3]).Uint64()
		if other, dup := seen[x]; dup {
			t.Errorf("%v and %v start alike", k, other)
		}
		seen[x] = k
	}
}

// First draws over neighbouring items behave as independent uniforms: mean 1/2, and no lag-one correlation.
func TestNeighboursAreUnrelated(t *testing.T) {
	const n = 20000
	var sum, lag, previous float64
	for i := range n {
		u := New(7, 1, i, 0).Float64() - 0.5
		sum += u
		lag += u * previous
		previous = u
	}
	// Five standard errors: sqrt(1/12/n) for the mean, (1/12)/sqrt(n) for the product.
	if m := math.Abs(sum / n); m > 5*math.Sqrt(1.0/12/n) {
		t.Errorf("mean of first draws is %g away from 1/2", m)
	}
	if c := math.Abs(lag / n); c > 5*(1.0/12)/math.Sqrt(n) {
		t.Errorf("neighbouring first draws are correlated: %g", c)
	}
}
