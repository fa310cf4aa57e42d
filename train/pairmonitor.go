package train

import (
	"context"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/metric"
)

// pairMonitor looks at encoders of pictures and captions between epochs, on the pairs to watch with.
type pairMonitor struct {
	encoders *embed.PairModel
	held     *data.Pairs
	// learned says that they are some of the pairs to learn from, as there are no others: of how well captions find them there is
	// nothing to say.
	learned  bool
	batch    int
	captions int // the most of a picture
	own      [][]int32
	loss     *model.Exec
	vectors  embed.PairVectors // of the last look
}

func newPairMonitor(backend compute.Backend, store *model.Store, p *pairs) (*pairMonitor, error) {
	m := &pairMonitor{encoders: p.observed, batch: p.config.Batch, captions: 1}
	if p.held == nil {
		m.learned, m.held = true, p.train.Some(monitorHeld, p.config.Seed)
	} else {
		m.held = p.held.Some(monitorHeld, p.config.Seed)
	}
	m.own = ownCaptions(m.held)
	for _, list := range m.own {
		m.captions = max(m.captions, len(list))
	}
	var err error
	m.loss, err = model.NewExec(backend, store, func(scope *model.Scope, in []*graph.Node) *graph.Node {
		scope.Store().SetTraining(in[0].Graph(), false)
		return p.how.Contrasted(scope, in[0], in[1], method.Batch{Captions: method.Captions{Given: in[2], Own: in[3], Texts: in[2]}})
	})
	return m, err
}

func (m *pairMonitor) close() { m.loss.Finalize() }

// look adds to an epoch's event the geometry of pairs, whose alignment is between a picture and its first caption, the gap between
// pictures and captions, and, of pairs that are not learned from, the recall of pictures by captions and the loss.
func (m *pairMonitor) look(ctx context.Context, e *Epoch) error {
	v, err := m.encoders.EmbedPairs(ctx, m.held, nil)
	if err != nil {
		return err
	}
	m.vectors = v
	images, captions := v.Paired()
	geometry, err := metric.MeasureGeometry(images, captions, images)
	if err != nil {
		return err
	}
	gap, err := metric.ModalityGap(images, captions)
	if err != nil {
		return err
	}
	e.Geometry, e.ModalityGap = &geometry, number(gap)
	if m.learned {
		return nil
	}
	found, err := metric.Retrieval(v.Images, v.Captions, v.ImagesOf, 1)
	if err != nil {
		return err
	}
	e.Recall = number(found.At[0].Hits)
	e.HeldOutLoss, err = m.heldLoss(v)
	return err
}

// heldLoss is the method's loss on whole batches of pictures with their first captions, in order: on one smaller batch where they make
// up none.
func (m *pairMonitor) heldLoss(v embed.PairVectors) (*Number, error) {
	images, captions := v.Paired()
	n := min(m.batch, images.Rows)
	var sum float64
	batches := images.Rows / n
	for b := range batches {
		var given []int32
		var own [][]int32
		for row := b * n; row < (b+1)*n; row++ {
			list := m.own[v.Items[row]]
			given, own = append(given, list[0]), append(own, list)
		}
		rows := func(x metric.Matrix) *tensors.Tensor {
			return tensors.FromFlatDataAndDimensions(slices.Clone(x.Data[b*n*x.Cols:(b+1)*n*x.Cols]), n, x.Cols)
		}
		list := captionArrays(given, own, m.captions)
		loss, err := m.loss.Call1(rows(images), rows(captions), list[0], list[1])
		if err != nil {
			return nil, err
		}
		sum += float64(tensors.ToScalar[float32](loss)) / float64(batches)
		if err := loss.FinalizeAll(); err != nil {
			return nil, err
		}
	}
	return number(sum), nil
}

// chance adds the recall of pictures in random order.
func (m *pairMonitor) chance(e *Epoch) error {
	if m.learned {
		return nil
	}
	found, err := metric.ChanceRetrieval(m.vectors.Images.Rows, m.vectors.ImagesOf, 1)
	if err == nil {
		e.Chance = number(found.At[0].Hits)
	}
	return err
}
