package train

import (
	"math"
	"strings"
	"testing"
)

func TestWatchStopsAtWhatIsNoNumber(t *testing.T) {
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for what, s := range map[string]Step{
			"loss":     {Loss: Number(value), GradientNorm: 1, EmbeddingStd: 1},
			"gradient": {Loss: 1, GradientNorm: Number(value), EmbeddingStd: 1},
		} {
			var w watch
			s.Step, s.Epoch, s.LearningRate = 12, 3, 0.125
			err := w.check(s)
			if err == nil || err.Step != 12 || err.Epoch != 3 {
				t.Fatalf("%s %g: error %v", what, value, err)
			}
			for _, want := range []string{"step 12, in epoch 3", what, "0.125", "no good checkpoint", "--no-watch"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s %g: error %q does not say %q", what, value, err, want)
				}
			}
		}
	}
}

func TestTroubleNamesTheCheckpoint(t *testing.T) {
	trouble := &Trouble{What: "it broke", Advice: "mend it", Checkpoint: "run/checkpoints/step-000000010.safetensors"}
	if text := trouble.Error(); !strings.Contains(text, trouble.Checkpoint) || strings.Contains(text, "no good checkpoint") {
		t.Error(text)
	}
}

// A collapse is so many steps in a row without spread; one good step in between starts the count again.
func TestWatchStopsAtACollapseAndNotBefore(t *testing.T) {
	flat := Step{Loss: 1, GradientNorm: 1, EmbeddingStd: collapseStd / 2}
	wide := Step{Loss: 1, GradientNorm: 1, EmbeddingStd: collapseStd}
	var w watch
	for range 3 {
		for i := range collapseSteps - 1 {
			if err := w.check(flat); err != nil {
				t.Fatalf("stopped after %d steps: %v", i+1, err)
			}
		}
		if err := w.check(wide); err != nil {
			t.Fatal(err)
		}
	}
	for range collapseSteps - 1 {
		if err := w.check(flat); err != nil {
			t.Fatal(err)
		}
	}
	err := w.check(flat)
	if err == nil || !strings.Contains(err.Error(), "collapsed") || !strings.Contains(err.Error(), "50 steps") {
		t.Errorf("error %v", err)
	}
}

// Embeddings that are not numbers are not spread out either.
func TestWatchTakesNaNForACollapse(t *testing.T) {
	var w watch
	var err *Trouble
	for range collapseSteps {
		err = w.check(Step{Loss: 1, GradientNorm: 1, EmbeddingStd: Number(math.NaN())})
	}
	if err == nil {
		t.Error("not stopped")
	}
}
