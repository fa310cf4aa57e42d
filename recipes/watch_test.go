package recipes

import (
	"math"
	"strings"
	"testing"

	"github.com/alike-ml/alike/train"
)

// A number that leaves the band is told of once, and the verdict says so; a run that stays in it is told nothing on the way.
func TestWatchTellsOnce(t *testing.T) {
	band, err := NewBand("photographs", [][]train.Epoch{{epochOf(1, 3, 0.4), epochOf(2, 2, 0.5)}, {epochOf(1, 3.2, 0.4), epochOf(2, 2.1, 0.6)}})
	if err != nil {
		t.Fatal(err)
	}
	w := &Watch{Band: &band, told: map[string]bool{}}
	if v := w.Verdict(); v != "" {
		t.Errorf("before the first epoch it says %q", v)
	}
	if lines := w.Check(epochOf(1, 3.1, 0.4)); len(lines) > 0 {
		t.Errorf("%q", lines)
	}
	if v := w.Verdict(); !strings.Contains(v, "went as the 2 runs") {
		t.Errorf("verdict %q", v)
	}
	low := epochOf(2, 2, 0.1)
	if lines := w.Check(low); len(lines) != 1 || !strings.Contains(lines[0], "held-out kNN is 0.1, below the 0.5 to 0.6") {
		t.Errorf("%q", lines)
	}
	if lines := w.Check(low); len(lines) > 0 {
		t.Errorf("it says again %q", lines)
	}
	if v := w.Verdict(); !strings.Contains(v, "left the range") {
		t.Errorf("verdict %q", v)
	}
	none := &Watch{}
	if lines, v := none.Check(epochOf(1, math.NaN(), 0)), none.Verdict(); len(lines) > 0 || v != "" {
		t.Errorf("without a band it says %q and %q", lines, v)
	}
}
