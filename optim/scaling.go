package optim

import (
	"fmt"
	"math"
)

// Scaling is a rule by which the learning rate follows the batch size.
type Scaling string

// The rules.
const (
	// LinearScaling is rate·batch/256: Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 2.1.
	LinearScaling Scaling = "linear"
	// SqrtScaling is rate·sqrt(batch), which SimCLR takes with the rate 0.075 for small batches and short runs: Chen et al. 2020,
	// appendix B.1.
	SqrtScaling Scaling = "sqrt"
	// NoScaling leaves the rate as it is.
	NoScaling Scaling = "none"
)

// Rate returns the rate for a batch of that many items.
func (s Scaling) Rate(rate float64, batch int) float64 {
	switch s {
	case LinearScaling:
		return rate * float64(batch) / 256
	case SqrtScaling:
		return rate * math.Sqrt(float64(batch))
	default:
		return rate
	}
}

func (s Scaling) validate() error {
	if s != LinearScaling && s != SqrtScaling && s != NoScaling {
		return fmt.Errorf("scaling is %q: it must be %s, %s or %s", string(s), LinearScaling, SqrtScaling, NoScaling)
	}
	return nil
}
