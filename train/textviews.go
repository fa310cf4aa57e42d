package train

import (
	"context"
	"errors"
	"fmt"
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
	wordNet   string          // the fingerprint of its files; empty where they are not read
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
		thesaurus, opposites, m.wordNet = dictionary, dictionary, dictionary.Fingerprint()
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

// TextSheet is what a run would make of the first rows of its text.
type TextSheet struct {
	// Rows have the texts of each row, and what is made of it in one epoch after another.
	Rows [][]positive.TextLine
	// Dropped are the rows of the file that are not used, by reason.
	Dropped []data.Drop
}

// ViewTexts makes of the first rows to learn from what a run on text with this configuration makes of them in its first epochs. What
// dropout alone tells from a text is left out, and a hard negative that no rule makes is said to be none.
func ViewTexts(ctx context.Context, config Config, rows, epochs int) (sheet TextSheet, err error) {
	m, err := config.Method()
	if err != nil {
		return sheet, err
	}
	how, ok := m.(method.TextMethod)
	if !ok {
		return sheet, fmt.Errorf("%s learns from pictures", m.Name())
	}
	s, err := newSentences(config, how)
	if err != nil {
		return sheet, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.openRows(ctx); err != nil {
		return sheet, err
	}
	maker, err := newTextMaker(config, how.Views(), s.train)
	if err != nil {
		return sheet, err
	}
	sheet.Dropped = s.all.Dropped
	sheet.Rows, err = maker.rows(s.train, rows, epochs)
	return sheet, err
}

// rows shows the first n rows of a text.
func (m *textMaker) rows(text *data.Text, n, epochs int) (shown [][]positive.TextLine, err error) {
	for item := range min(n, text.Len()) {
		row, err := text.Row(item)
		if err != nil {
			return nil, err
		}
		shown = append(shown, m.show(row.Texts, item, epochs))
	}
	return shown, nil
}

// show has the texts of a row, and of every epoch what is made of them.
func (m *textMaker) show(row []string, item, epochs int) []positive.TextLine {
	var shown []positive.TextLine
	for epoch := range epochs {
		lines := m.lines(row, epoch, item)
		if epoch == 0 {
			shown = append(shown, lines[:len(row)]...)
		}
		for _, line := range lines[len(row):] {
			if line.Name == lineAgain {
				continue
			}
			if line.Name == lineNone {
				line.Text = "(no rule applies)"
			}
			if epochs > 1 {
				line.Name = fmt.Sprintf("%d: %s", epoch+1, line.Name)
			}
			shown = append(shown, line)
		}
	}
	return shown
}
