package positive

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// CaptionConfig says how the text is made that a picture comes with. The zero value is the caption as it is, which is CLIP's.
type CaptionConfig struct {
	Tags       float64 `yaml:"tags" json:"tags" help:"probability that some of a picture's tags, when it has any, stand in the place of its caption"`
	TextConfig `yaml:",inline"`
}

// Validate names the first field whose value cannot be used, and what it must be.
func (c CaptionConfig) Validate() error {
	if !(c.Tags >= 0 && c.Tags <= 1) { // written so that NaN fails
		return fmt.Errorf("tags is %g: it must be from 0 to 1", c.Tags)
	}
	return c.TextConfig.Validate()
}

// Caption makes the texts that pictures come with as a CaptionConfig says. It is safe for use by many goroutines at once if its
// thesaurus is.
//
// Where pictures are few, an encoder of texts sees few words, each in one caption; tags let it see more of them, and in more company.
// That a picture's text is drawn anew every epoch among several is of Fan et al. 2023, "Improving CLIP training with language
// rewrites", section 3.3, where the others are rewritten captions.
type Caption struct {
	tags float64
	text *Text
}

// NewCaption prepares a configuration. The thesaurus may be nil where no words are to be replaced. The error is that of Validate, or
// says that the thesaurus is missing.
func NewCaption(config CaptionConfig, thesaurus Thesaurus) (*Caption, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("captions: %w", err)
	}
	text, err := NewText(config.TextConfig, thesaurus)
	if err != nil {
		return nil, err
	}
	return &Caption{config.Tags, text}, nil
}

// View makes the text of a picture with the numbers of r: a view of its caption, or of some of its tags, at least one, in an order
// that is drawn, with commas between them. It depends on nothing but the configuration, the texts and the state of r.
func (c *Caption) View(caption string, tags []string, r *rand.Rand) string {
	if len(tags) > 0 && c.tags > 0 && r.Float64() < c.tags {
		some := slices.Clone(tags)
		r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		caption = strings.Join(some[:1+r.IntN(len(some))], ", ")
	}
	return c.text.View(caption, r)
}
