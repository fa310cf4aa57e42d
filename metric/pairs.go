package metric

import (
	"fmt"
	"math"
)

// PairSimilarities returns the cosine similarity, in [-1, 1], of row i of a and row i of b, both [n, dim]. Rows without a direction have
// similarity 0 to everything. It is an error if the shapes differ.
func PairSimilarities(a, b Matrix) ([]float64, error) {
	if err := checkPair("first vectors", a, "second vectors", b); err != nil {
		return nil, fmt.Errorf("pair similarities: %w", err)
	}
	if a.Rows != b.Rows {
		return nil, fmt.Errorf("pair similarities: %d first and %d second vectors: there must be as many of both", a.Rows, b.Rows)
	}
	out := make([]float64, a.Rows)
	parallel(a.Rows, func(i int) {
		x, y := a.Row(i), b.Row(i)
		var dot float64
		for j, v := range x {
			dot += float64(v) * float64(y[j])
		}
		cosine := dot / math.Sqrt(squaredLength(x)) / math.Sqrt(squaredLength(y))
		if !math.IsNaN(cosine) && !math.IsInf(cosine, 0) {
			out[i] = min(max(cosine, -1), 1)
		}
	})
	return out, nil
}
