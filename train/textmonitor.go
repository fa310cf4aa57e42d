package train

import (
	"context"
	"errors"

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

// newTextMonitor returns a monitor; without held-out rows it looks at the geometry of those to learn from.
func newTextMonitor(encoder *embed.TextModel, train, held, pairs *data.Text, seed uint64) *textMonitor {
	if held == nil {
		return &textMonitor{encoder: encoder, held: train.Some(monitorHeld, seed), pairs: pairs}
	}
	return &textMonitor{encoder: encoder, bank: train.Some(monitorBank, seed), held: held.Some(monitorHeld, seed), pairs: pairs}
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

// wordsKNN is the accuracy of the rows' nearest neighbours by TF-IDF, with the rarity of words counted in those that vote; nil where none of
// them has a word.
func (m *textMonitor) wordsKNN() (*Number, error) {
	var texts [2][]string
	for i, part := range []*data.Text{m.bank, m.held} {
		for row, err := range part.Rows() {
			if err != nil {
				return nil, err
			}
			texts[i] = append(texts[i], row.Texts[0])
		}
	}
	words, err := metric.FitTFIDF(texts[0], metric.TFIDFOptions{})
	if err != nil {
		return nil, nil
	}
	result, err := metric.KNN(words.Vectors(texts[0]), m.bank.Labels(), words.Vectors(texts[1]), m.held.Labels(), metric.KNNOptions{})
	return number(result.Accuracy), err
}

// labelled says whether there is a nearest-neighbour score: rows with classes, and some of them kept back.
func (m *textMonitor) labelled() bool { return m.bank != nil && len(m.bank.Classes) > 0 }

func number(value float64) *Number {
	n := Number(value)
	return &n
}

// raw adds what there is to see by words alone: the accuracy of nearest neighbours by TF-IDF, and the correlation of the overlap of the
// pairs' words with their scores.
func (m *textMonitor) raw(_ context.Context, e *Epoch) error {
	if m.labelled() {
		var err error
		if e.RawKNN, err = m.wordsKNN(); err != nil {
			return err
		}
	}
	if m.pairs == nil {
		return nil
	}
	var overlaps []float64
	for row, err := range m.pairs.Rows() {
		if err != nil {
			return err
		}
		overlaps = append(overlaps, metric.WordOverlap(row.Texts[0], row.Texts[1]))
	}
	var err error
	e.RawSTS, err = m.correlation(overlaps)
	return err
}
