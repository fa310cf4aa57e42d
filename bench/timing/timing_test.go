package timing

import (
	"errors"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 8, 2}, 3},
	} {
		if got := Median(c.values); got != c.want {
			t.Errorf("Median(%v) = %g, want %g", c.values, got, c.want)
		}
	}
}

func TestSecondsStopsAtAnError(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	_, err := Seconds(func() error { calls++; return broken })
	if !errors.Is(err, broken) || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
}
