package cli

import (
	"fmt"

	"github.com/alike-ml/alike/recipes"
	"github.com/alike-ml/alike/train"
)

// bandWatch holds a run against what its recipe's own runs came to: is it as it should be?
type bandWatch struct {
	band *recipes.Band // nil where there is none to hold the run against
	told map[string]bool
	// checked counts the epochs that the band has numbers of.
	checked int
}

func newBandWatch(config train.Config) (*bandWatch, error) {
	band, err := recipes.BandFor(config)
	return &bandWatch{band: band, told: map[string]bool{}}, err
}

// check returns what to say of an epoch: of each number the first time that it lies outside the band.
func (w *bandWatch) check(e train.Epoch) (lines []string) {
	if w.band == nil {
		return nil
	}
	if w.band.Has(e.Epoch) {
		w.checked++
	}
	for _, d := range w.band.Check(e) {
		if !w.told[d.What] {
			w.told[d.What] = true
			lines = append(lines, fmt.Sprintf("%v (%d seeds on %s)", d, w.band.Seeds, w.band.Data))
		}
	}
	return lines
}

// verdict says whether the run stayed in the band, or nothing where there was none.
func (w *bandWatch) verdict() string {
	switch {
	case w.band == nil || w.checked == 0:
		return ""
	case len(w.told) == 0:
		return fmt.Sprintf("The run went as the recipe's own %d did, on %s.", w.band.Seeds, w.band.Data)
	}
	return fmt.Sprintf("The run left the band of the recipe's own %d runs, on %s: see the lines above. Other data may well do so.", w.band.Seeds, w.band.Data)
}
