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
	scored := func(sts, recall float64) train.Epoch {
		e, s, r := epochOf(1, 3, 0.4), train.Number(sts), train.Number(recall)
		e.KNN, e.STS, e.Recall = nil, &s, &r
		return e
	}
	if band, err = NewBand("sentences and captions", [][]train.Epoch{{scored(0.7, 0.5)}, {scored(0.71, 0.52)}}); err != nil {
		t.Fatal(err)
	}
	lines := (&Watch{Band: &band, told: map[string]bool{}}).Check(scored(0.3, 0.1))
	if got := strings.Join(lines, "\n"); len(lines) != 2 || !strings.Contains(got, "STS is 0.3, below the 0.7 to 0.71") || !strings.Contains(got, "held-out recall is 0.1, below the 0.5 to 0.52") {
		t.Errorf("%q", lines)
	}
	none := &Watch{}
	if lines, v := none.Check(epochOf(1, math.NaN(), 0)), none.Verdict(); len(lines) > 0 || v != "" {
		t.Errorf("without a band it says %q and %q", lines, v)
	}
}
