package backbone

import (
	"fmt"
	"math"
	"testing"
)

// Printed by PyTorch 2.15: F.interpolate(x, size=(to, to), mode="bicubic", align_corners=False) of each basis vector.
func TestBicubicIsPyTorchs(t *testing.T) {
	for _, c := range []struct {
		from, to int
		want     []float64
	}{
		{3, 2, []float64{0.773438, 0.261719, -0.035156, -0.035156, 0.261719, 0.773438}},
		{2, 3, []float64{1.086806, -0.086806, 0.5, 0.5, -0.086806, 1.086806}},
		{4, 6, []float64{1.086806, -0.086806, 0, 0, 0.5, 0.59375, -0.09375, 0, -0.086806, 0.943287, 0.16088, -0.017361,
			-0.017361, 0.16088, 0.943287, -0.086806, 0, -0.09375, 0.59375, 0.5, 0, 0, -0.086806, 1.086806}},
		{7, 3, []float64{0.314815, 0.796296, -0.111111, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, -0.111111, 0.796296, 0.314815}},
		{2, 2, []float64{1, 0, 0, 1}},
	} {
		checkMatrix(t, fmt.Sprintf("%d to %d", c.from, c.to), bicubic(c.from, c.to), c.want)
	}
}

func checkMatrix(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if math.Abs(float64(got[i])-w) > 1e-6 {
			t.Errorf("%s: number %d is %g, want %g", what, i, got[i], w)
		}
	}
}

// A picture of the size that the weights are for has the very positions that are learned.
func TestResampleToTheSameSizeIsTheIdentity(t *testing.T) {
	for n := 1; n < 20; n++ {
		identity := make([]float64, n*n)
		for i := range n {
			identity[i*n+i] = 1
		}
		checkMatrix(t, fmt.Sprint(n), bicubic(n, n), identity)
	}
	if resample(nil, 3, 3) != nil {
		t.Error("resampling to the same size does something")
	}
}
