package train

import (
	"iter"
	"math/rand/v2"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/negative"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/wordnet"
)

// textMaker makes the texts of an item from those of its row. It is safe for use by many goroutines at once.
type textMaker struct {
	seed      uint64
	views     method.TextViews
	positive  *positive.Text
	negatives *negative.Texts // nil for none
}

// newTextMaker reads WordNet's database and gathers names from the texts to learn from, where the views need them.
func newTextMaker(c Config, views method.TextViews, text *data.Text) (*textMaker, error) {
	m := &textMaker{seed: c.Seed, views: views}
	var thesaurus positive.Thesaurus
	var opposites negative.Opposites
	if views.WordNet() != "" {
		dictionary, err := wordnet.Open(c.Text.WordNet)
		if err != nil {
			return nil, err
		}
		thesaurus, opposites = dictionary, dictionary
	}
	var err error
	if m.positive, err = positive.NewText(views.Positive, thesaurus); err != nil || !views.Negatives.On() {
		return m, err
	}
	var names *negative.Names
	if views.Negatives.Entity {
		var unread error
		if names = negative.GatherNames(textsOf(text, &unread)); unread != nil {
			return nil, unread
		}
	}
	m.negatives, err = negative.NewTexts(views.Negatives, opposites, names)
	return m, err
}

// textsOf yields the texts of all rows. A row that cannot be read ends it, and is told of in unread.
func textsOf(text *data.Text, unread *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		for row, err := range text.Rows() {
			if err != nil {
				*unread = err
				return
			}
			for _, t := range row.Texts {
				if !yield(t) {
					return
				}
			}
		}
	}
}

// What the texts of an item are called where people see them.
const (
	lineText     = "text"
	lineAgain    = "again" // told from the text by dropout alone
	linePositive = "positive"
	lineView     = "view"
	lineNegative = "negative"
	lineNone     = "no negative" // no rule applies
)

// lines are the texts of an item and what they are, as many as its views count. What is drawn for one comes from the generator of its
// place among them. Where no rule makes a hard negative the text itself is in its place, which [method.SimCSE] passes over.
func (m *textMaker) lines(row []string, epoch, item int) []positive.TextLine {
	var lines []positive.TextLine
	for i, text := range row {
		lines = append(lines, positive.TextLine{Name: [...]string{lineText, linePositive, lineNegative}[i], Text: text})
	}
	draw := func() *rand.Rand { return rng.New(m.seed, epoch, item, len(lines)) }
	switch count := m.views.Count(len(row)); {
	case len(row) > 1 || count == 1:
	case m.views.Positive == (positive.TextConfig{}):
		lines = append(lines, positive.TextLine{Name: lineAgain, Text: row[0]})
	default:
		lines = append(lines, positive.TextLine{Name: lineView, Text: m.positive.View(row[0], draw())})
	}
	if m.negatives == nil {
		return lines
	}
	if made, rule, ok := m.negatives.Make(row[0], draw()); ok {
		return append(lines, positive.TextLine{Name: lineNegative + ", " + rule, Text: made})
	}
	return append(lines, positive.TextLine{Name: lineNone, Text: row[0]})
}
