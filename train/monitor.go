package train

import (
	"context"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/metric"
)

// Most pictures that a look at the encoder takes, so that it costs a fraction of an epoch: those kept back, and those of the
// training data whose labels vote.
const (
	monitorHeld = 1000
	monitorBank = 4000
)

// monitor looks at the encoder between epochs, on the held-out part of the training data. The test pictures are never seen.
type monitor struct {
	encoder *embed.Model
	bank    *data.Images
	held    *data.Images
	seed    uint64
}

// newMonitor returns a monitor; without held-out pictures it looks at the geometry of the training pictures.
func newMonitor(encoder *embed.Model, train, held *data.Images, seed uint64) *monitor {
	if held == nil {
		return &monitor{encoder: encoder, held: train.Some(monitorHeld, seed), seed: seed}
	}
	return &monitor{encoder: encoder, bank: train.Some(monitorBank, seed), held: held.Some(monitorHeld, seed), seed: seed}
}

// look adds the accuracy of nearest neighbours and the geometry of the representations to an epoch's event.
func (m *monitor) look(ctx context.Context, e *Epoch) error {
	held, items, err := m.encoder.Embed(ctx, m.held, nil)
	if err != nil {
		return err
	}
	first, _, err := m.encoder.EmbedView(ctx, m.held, m.seed, 0)
	if err != nil {
		return err
	}
	second, _, err := m.encoder.EmbedView(ctx, m.held, m.seed, 1)
	if err != nil {
		return err
	}
	geometry, err := metric.MeasureGeometry(first, second, held)
	if err != nil {
		return err
	}
	e.Geometry = &geometry
	if !m.labelled() {
		return nil
	}
	bank, bankItems, err := m.encoder.Embed(ctx, m.bank, nil)
	if err != nil {
		return err
	}
	e.KNN, err = m.knn(bank, bankItems, held, items)
	return err
}

// raw adds the accuracy of nearest neighbours between raw pixels.
func (m *monitor) raw(ctx context.Context, e *Epoch) error {
	if !m.labelled() {
		return nil
	}
	bank, bankItems, err := embed.RawPixels(ctx, m.bank, nil)
	if err != nil {
		return err
	}
	held, items, err := embed.RawPixels(ctx, m.held, nil)
	if err != nil {
		return err
	}
	e.RawKNN, err = m.knn(bank, bankItems, held, items)
	return err
}

// labelled says whether there is a nearest-neighbour score: pictures with labels, and some of them kept back.
func (m *monitor) labelled() bool { return m.bank != nil && len(m.bank.Classes) > 0 }

func (m *monitor) knn(bank metric.Matrix, bankItems []int, held metric.Matrix, items []int) (*Number, error) {
	result, err := metric.KNN(bank, labelsOf(m.bank, bankItems), held, labelsOf(m.held, items), metric.KNNOptions{})
	if err != nil {
		return nil, err
	}
	accuracy := Number(result.Accuracy)
	return &accuracy, nil
}

// labelsOf are the classes of some of the items.
func labelsOf(from interface{ Label(i int) int }, items []int) []int {
	list := make([]int, len(items))
	for row, item := range items {
		list[row] = from.Label(item)
	}
	return list
}
