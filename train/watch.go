package train

import (
	"fmt"
	"math"
)

// Collapse is when all embeddings become one. The spread of normalised embeddings is 1 when they fill the sphere and 0 when
// they are all the same (Chen and He 2021, "Exploring simple Siamese representation learning", section 4.1). Training
// that works stays above a tenth; below a hundredth, over many steps, nothing is left to tell items apart.
const (
	collapseStd   = 0.01
	collapseSteps = 50
)

// watch looks at every step for trouble. A resumed run starts to count anew.
type watch struct {
	low int // steps in a row with hardly any spread
}

// check returns a [Trouble] when the run should stop.
func (w *watch) check(s Step) *Trouble {
	for _, v := range []struct {
		name  string
		value Number
	}{{"the loss", s.Loss}, {"the gradient", s.GradientNorm}} {
		if math.IsNaN(float64(v.value)) || math.IsInf(float64(v.value), 0) {
			// The step before this one made the weights that did it.
			return noNumber(s, s.Step-2, fmt.Sprintf("%s became %v", v.name, float64(v.value)))
		}
	}
	if s.EmbeddingStd >= collapseStd {
		w.low = 0
		return nil
	}
	if w.low++; w.low < collapseSteps {
		return nil
	}
	return &Trouble{Step: s.Step, Epoch: s.Epoch, good: s.Step - collapseSteps - 1,
		What:   fmt.Sprintf("the embeddings collapsed: their spread was below %g for %d steps (1 fills the sphere, 0 is a single point)", collapseStd, collapseSteps),
		Advice: fmt.Sprintf("lower the learning rate (%.3g at this step), use a larger batch, or check with `alike views` that the views of different items differ", float64(s.LearningRate))}
}

// noNumber is the trouble of values that overflowed; good is the last step after which the weights were good.
func noNumber(s Step, good int, what string) *Trouble {
	return &Trouble{Step: s.Step, Epoch: s.Epoch, good: good, What: what,
		Advice: fmt.Sprintf("lower the learning rate (%.3g at this step), warm up longer, or raise the temperature", float64(s.LearningRate))}
}

// Trouble is why a run was stopped before its end. The last good checkpoint is kept.
type Trouble struct {
	Step, Epoch int
	// What happened, and what to try.
	What, Advice string
	// Checkpoint is the path of the newest one from before the trouble, or "" when there is none.
	Checkpoint string

	good int // the last step after which the weights were good
}

// Error says what happened, where, and what to do.
func (t *Trouble) Error() string {
	kept := "no good checkpoint had been written yet"
	if t.Checkpoint != "" {
		kept = "the last good checkpoint is " + t.Checkpoint
	}
	return fmt.Sprintf("training stopped at step %d, in epoch %d: %s; %s; %s; --no-watch trains on regardless", t.Step, t.Epoch, t.What, kept, t.Advice)
}
