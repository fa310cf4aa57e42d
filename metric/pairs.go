package metric

import (
	"fmt"
	"math"
)

// PairSimilarities returns the cosine similarity, in [-1, 1], of row i of a and row i of b, both [n, dim]. Rows without a direction have
// similarity 0 to everything. It is an error if the shapes differ.
func PairSimilarities[V Vectors[V]](a, b V) ([]float64, error) {
	if err := checkPair("first vectors", a, "second vectors", b); err != nil {
		return nil, fmt.Errorf("pair similarities: %w", err)
	}
	rows, _ := a.shape()
	if others, _ := b.shape(); rows != others {
		return nil, fmt.Errorf("pair similarities: %d first and %d second vectors: there must be as many of both", rows, others)
	}
	out := make([]float64, rows)
	parallel(rows, func(i int) {
		cosine := a.dot(i, b) / math.Sqrt(a.dot(i, a)) / math.Sqrt(b.dot(i, b))
		if !math.IsNaN(cosine) && !math.IsInf(cosine, 0) {
			out[i] = min(max(cosine, -1), 1)
		}
	})
	return out, nil
}
