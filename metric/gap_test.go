package metric_test

import (
	"errors"
	"math"
	"testing"

	"github.com/alike-ml/alike/metric"
)

func TestModalityGapIsTheDistanceOfCentres(t *testing.T) {
	// Directions to the right and up, whatever their lengths, and one to the left.
	a := metric.Matrix{Rows: 2, Cols: 2, Data: []float32{3, 0, 0, 0.5}}
	b := metric.Matrix{Rows: 1, Cols: 2, Data: []float32{-7, 0}}
	got, err := metric.ModalityGap(a, b)
	if want := math.Hypot(0.5+1, 0.5); err != nil || math.Abs(got-want) > 1e-7 {
		t.Errorf("%g, %v; want %g", got, err, want)
	}
	if got, err := metric.ModalityGap(a, a); err != nil || got != 0 {
		t.Errorf("%g, %v between the same", got, err)
	}
	if _, err := metric.ModalityGap(a, metric.NewMatrix(0, 2)); err == nil {
		t.Error("no error without embeddings")
	}
	if _, err := metric.ModalityGap(a, metric.NewMatrix(1, 3)); err == nil {
		t.Error("no error for other widths")
	}
	b.Data[0] = float32(math.NaN())
	if _, err := metric.ModalityGap(a, b); !errors.Is(err, metric.ErrNotFinite) {
		t.Errorf("error %v of a NaN", err)
	}
}
