package metric

import (
	"fmt"
	"math"
)

// ModalityGap is the distance between the centres of two sets of embeddings, [n, dim] and [m, dim], after normalising rows to length 1:
// Liang et al. 2022, "Mind the gap: understanding the modality gap in multi-modal contrastive representation learning", section 2. It is
// 0 where pictures and texts lie around one point, and at most 2. It is an error if a set is empty or a number is not finite.
func ModalityGap(a, b Matrix) (float64, error) {
	if err := checkPair("first", a, "second", b); err != nil {
		return 0, fmt.Errorf("modality gap: %w", err)
	}
	if a.Rows == 0 || b.Rows == 0 {
		return 0, fmt.Errorf("modality gap: %d and %d embeddings: there must be at least one of each", a.Rows, b.Rows)
	}
	if err := checkFinite("modality gap", a, b); err != nil {
		return 0, err
	}
	first, second := Centre(a.Normalized()), Centre(b.Normalized())
	var squared float64
	for i, x := range first {
		squared += (x - second[i]) * (x - second[i])
	}
	return math.Sqrt(squared), nil
}
