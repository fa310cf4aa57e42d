package method

import (
	"fmt"

	"github.com/alike-ml/alike/negative"
	"github.com/alike-ml/alike/positive"
)

// TextViews says what is made of the texts of a row before an encoder sees them. The zero value leaves rows as they are.
type TextViews struct {
	// Positive makes the positive of a row of one text, of that text.
	Positive positive.TextConfig
	// Negatives make one hard negative more for a row, of its first text.
	Negatives negative.TextConfig
}

// Count is the number of texts of an item where its row has so many. A row of one text is two where it has a positive or a hard
// negative made of it: the text, then its view or the text again.
func (v TextViews) Count(row int) int {
	if v == (TextViews{}) {
		return row
	}
	n := max(2, row)
	if v.Negatives.On() {
		n++
	}
	return n
}

// WordNet names the setting that cannot do without WordNet's database; it is empty where none does.
func (v TextViews) WordNet() string {
	switch {
	case v.Positive.Synonym > 0:
		return "positive.synonym"
	case v.Negatives.Antonym:
		return "negatives.antonym"
	}
	return ""
}

// check names the first setting that cannot be used for rows of any number of texts.
func (v TextViews) check() error {
	if err := v.Positive.Validate(); err != nil {
		return fmt.Errorf("positive.%w", err)
	}
	return nil
}
