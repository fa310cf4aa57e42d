package positive

import "fmt"

// TextConfig says how a view is made of a text. A word is what stands between white space, with its punctuation. The operations run
// in the order of the fields; one at 0 is left out. The zero value leaves texts as they are, which is what SimCSE wants: its views
// differ by dropout alone. In table 1 of Gao et al. 2021, "SimCSE: Simple contrastive learning of sentence embeddings", that gives
// 82.5 on STS-B's development pairs; with words deleted 75.9 to 68.2, from one word of a sentence to 0.3 of them; with 0.1 to 0.3 of it
// cropped 77.8 to 63.6; and with one word replaced by a synonym 77.4.
type TextConfig struct {
	Synonym float64 `yaml:"synonym" json:"synonym" help:"probability that a word that has synonyms in WordNet is replaced by one; English only, EDA replaces 0.1 of the words"`
	Crop    float64 `yaml:"crop" json:"crop" help:"share of the words that is cut away around a span that stays; 0.1 to 0.3 in table 1 of SimCSE"`
	Spans   int     `yaml:"spans" json:"spans" help:"number of spans that are deleted; CLEAR has 5"`
	Span    float64 `yaml:"span" json:"span" help:"length of a deleted span as a share of the words; CLEAR has 0.05"`
	Delete  float64 `yaml:"delete" json:"delete" help:"probability that a word is deleted; EDA has 0.1, CLEAR 0.7"`
	Swap    float64 `yaml:"swap" json:"swap" help:"swaps of neighbouring words, as a share of the words; EDA has 0.1, of any two words"`
}

// MaxSpans is the largest number of spans to delete.
const MaxSpans = 100

// Validate names the first field whose value cannot be used, and what it must be.
func (c TextConfig) Validate() error {
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"synonym", c.Synonym},
		{"crop", c.Crop},
		{"span", c.Span},
		{"delete", c.Delete},
		{"swap", c.Swap},
	} {
		if !(f.value >= 0 && f.value <= 1) { // written so that NaN fails
			return fmt.Errorf("%s is %g: it must be from 0 to 1", f.name, f.value)
		}
	}
	if c.Spans < 0 || c.Spans > MaxSpans {
		return fmt.Errorf("spans is %d: it must be from 0 to %d", c.Spans, MaxSpans)
	}
	if (c.Spans > 0) != (c.Span > 0) {
		return fmt.Errorf("spans is %d and span %g: spans are deleted with both above 0, as 5 and 0.05", c.Spans, c.Span)
	}
	return nil
}
