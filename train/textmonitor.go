package train

import (
	"context"
	"errors"
	"math"
	"strings"
	"unicode"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/metric"
)

// textMonitor looks at an encoder of text between epochs, on the held-out rows and on pairs of sentences with scores.
type textMonitor struct {
	encoder *embed.TextModel
	bank    *data.Text
	held    *data.Text
	pairs   *data.Text // nil for none
}

// STS is Spearman's correlation, over all pairs of a file of sentences with scores, of similarities with the scores.
type STS struct {
	Spearman Number `json:"spearman"`
	// Untrained is that of the encoder before training, Overlap that of the overlap of the words.
	Untrained Number `json:"untrained"`
	Overlap   Number `json:"overlap"`
	Pairs     int    `json:"pairs"`
}

// MeasureSTS scores an encoder of text on a file of sentence, sentence and score, in the given columns, beside the same encoder untrained.
func MeasureSTS(ctx context.Context, encoder, untrained *embed.TextModel, path string, columns []string) (STS, error) {
	pairs, err := data.OpenText(ctx, path, TextConfig{STSColumns: columns}.sts())
	if err != nil {
		return STS{}, err
	}
	defer pairs.Close()
	result := STS{Pairs: pairs.Len()}
	for _, m := range []struct {
		encoder *embed.TextModel
		value   *Number
	}{{encoder, &result.Spearman}, {untrained, &result.Untrained}} {
		monitor := &textMonitor{encoder: m.encoder, pairs: pairs}
		similarities, err := monitor.similarities(ctx)
		if err != nil {
			return result, err
		}
		value, err := monitor.correlation(similarities)
		if err != nil {
			return result, err
		}
		if *m.value = Number(math.NaN()); value != nil {
			*m.value = *value
		}
	}
	var e Epoch
	if err := (&textMonitor{pairs: pairs}).raw(ctx, &e); err != nil {
		return result, err
	}
	if result.Overlap = Number(math.NaN()); e.RawSTS != nil {
		result.Overlap = *e.RawSTS
	}
	return result, nil
}

// newTextMonitor returns a monitor; without held-out rows it looks at the geometry of those to learn from.
func newTextMonitor(encoder *embed.TextModel, train, held, pairs *data.Text, seed uint64) (*textMonitor, error) {
	m := &textMonitor{encoder: encoder, pairs: pairs}
	var err error
	if held == nil {
		m.held, err = someText(train, monitorHeld, seed)
		return m, err
	}
	if m.held, err = someText(held, monitorHeld, seed); err != nil {
		return nil, err
	}
	m.bank, err = someText(train, monitorBank, seed)
	return m, err
}

// someText returns n of the rows, in proportion to their classes, or all when there are no more.
func someText(text *data.Text, n int, seed uint64) (*data.Text, error) {
	if text.Len() <= n {
		return text, nil
	}
	return text.Sample(n, seed)
}

// look adds to an epoch's event what there is to see: the geometry of the representations, the accuracy of nearest neighbours for
// rows with classes, and the correlation with the scores of pairs.
func (m *textMonitor) look(ctx context.Context, e *Epoch) error {
	held, err := m.encoder.EmbedText(ctx, m.held, 0, nil)
	if err != nil {
		return err
	}
	if e.Geometry, err = m.geometry(ctx, held); err != nil {
		return err
	}
	if m.labelled() {
		bank, err := m.encoder.EmbedText(ctx, m.bank, 0, nil)
		if err != nil {
			return err
		}
		result, err := metric.KNN(bank, m.bank.Labels(), held, m.held.Labels(), metric.KNNOptions{})
		if err != nil {
			return err
		}
		e.KNN = number(result.Accuracy)
	}
	if m.pairs == nil {
		return nil
	}
	similarities, err := m.similarities(ctx)
	if err != nil {
		return err
	}
	e.STS, err = m.correlation(similarities)
	return err
}

// geometry measures alignment between the two texts of a row or, for rows of one, between two draws of dropout.
func (m *textMonitor) geometry(ctx context.Context, held metric.Matrix) (*metric.Geometry, error) {
	first, second := held, held
	var err error
	if len(m.held.Columns) > 1 {
		second, err = m.encoder.EmbedText(ctx, m.held, 1, nil)
	} else {
		first, second, err = m.encoder.EmbedNoisy(ctx, m.held, 0)
	}
	if err != nil {
		return nil, err
	}
	g, err := metric.MeasureGeometry(first, second, held)
	return &g, err
}

// similarities are the cosines of the pairs.
func (m *textMonitor) similarities(ctx context.Context) ([]float64, error) {
	first, err := m.encoder.EmbedText(ctx, m.pairs, 0, nil)
	if err != nil {
		return nil, err
	}
	second, err := m.encoder.EmbedText(ctx, m.pairs, 1, nil)
	if err != nil {
		return nil, err
	}
	return metric.PairSimilarities(first, second)
}

// correlation is Spearman's, of similarities of the pairs with their scores; nil where all similarities are the same, as those of an
// encoder that has lost its way are.
func (m *textMonitor) correlation(similarities []float64) (*Number, error) {
	var scores []float64
	for row, err := range m.pairs.Rows() {
		if err != nil {
			return nil, err
		}
		scores = append(scores, row.Score)
	}
	value, err := metric.Spearman(similarities, scores)
	if errors.Is(err, metric.ErrConstant) {
		return nil, nil
	}
	return number(value), err
}

// labelled says whether there is a nearest-neighbour score: rows with classes, and some of them kept back.
func (m *textMonitor) labelled() bool { return m.bank != nil && len(m.bank.Classes) > 0 }

func number(value float64) *Number {
	n := Number(value)
	return &n
}

// labelsOf are the classes of rows.
func labelsOf(text *data.Text, items []int) []int {
	list := make([]int, len(items))
	for i, item := range items {
		list[i] = text.Label(item)
	}
	return list
}

// raw adds the correlation of the overlap of the pairs' words with their scores.
func (m *textMonitor) raw(_ context.Context, e *Epoch) error {
	if m.pairs == nil {
		return nil
	}
	var overlaps []float64
	for row, err := range m.pairs.Rows() {
		if err != nil {
			return err
		}
		overlaps = append(overlaps, overlap(row.Texts[0], row.Texts[1]))
	}
	var err error
	e.RawSTS, err = m.correlation(overlaps)
	return err
}

// overlap is the share of the words of two texts that are in both (Jaccard's index), without regard to capitals.
func overlap(a, b string) float64 {
	words := map[string]int{} // 1 is in a, 2 in b, 3 in both
	for bit, text := range []string{a, b} {
		for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			words[word] |= 1 << bit
		}
	}
	both := 0
	for _, where := range words {
		if where == 3 {
			both++
		}
	}
	return float64(both) / float64(max(1, len(words)))
}
