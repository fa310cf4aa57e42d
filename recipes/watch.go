package recipes

import (
	"fmt"

	"github.com/alike-ml/alike/train"
)

// Watch holds a run against what its recipe's own runs came to: is it as it should be?
type Watch struct {
	// Band is nil where there is nothing to hold the run against; nothing is ever said then.
	Band *Band

	told    map[string]bool
	checked int // epochs that the band has numbers of
}

// NewWatch watches a run with the given settings: see [BandFor].
func NewWatch(config train.Config) (*Watch, error) {
	band, err := BandFor(config)
	return &Watch{Band: band, told: map[string]bool{}}, err
}

// Check returns what to say of an epoch: of each number the first time that it lies outside the band.
func (w *Watch) Check(e train.Epoch) (lines []string) {
	if w.Band == nil {
		return nil
	}
	if w.Band.Has(e.Epoch) {
		w.checked++
	}
	for _, d := range w.Band.Check(e) {
		if !w.told[d.What] {
			w.told[d.What] = true
			lines = append(lines, d.String())
		}
	}
	return lines
}

// Verdict says in a sentence whether the run stayed in the band; it is empty where there is nothing to say.
func (w *Watch) Verdict() string {
	switch {
	case w.Band == nil || w.checked == 0:
		return ""
	case len(w.told) == 0:
		return fmt.Sprintf("The run went as the %d runs of its recipe did, on %s.", w.Band.Seeds, w.Band.Data)
	}
	return fmt.Sprintf("The run left the range of the %d runs of its recipe, on %s. On other data that need not mean anything.", w.Band.Seeds, w.Band.Data)
}
