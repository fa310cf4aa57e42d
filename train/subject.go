package train

import (
	"context"
	"iter"
	"math"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/method"
)

// subject is what a run learns from, with the method that learns from it: pictures (pictures.go), sentences (sentences.go), or pictures
// with captions (pairs.go). The rest of a run is the same for all.
type subject interface {
	learner
	// open reads the index of the data. What a run keeps beside its checkpoints may be in the run's directory already.
	open(ctx context.Context, dir string) error
	// keep writes to the run's directory what the run cannot be resumed without.
	keep(dir string) error
	// sources are what a run must be resumed on.
	sources() sources
	// begin gives the encoder, drawn in store, the weights that the run starts from, if there are any.
	begin(store *model.Store) error
	// stepsPerEpoch is the number of whole batches in the data, batches their walk from a step of an epoch to the last of epochs.
	stepsPerEpoch() int
	batches(ctx context.Context, epoch, step, epochs int) iter.Seq2[*batch, error]
	// seen is what advice goes by of the items to learn from.
	seen() (Seen, error)
	// watch makes the encoder, whose weights are in store, ready to be looked at; then look adds to an epoch's event what there
	// is to see, raw what there is to see without an encoder, and save writes the encoder's folder.
	watch(backend compute.Backend, store *model.Store) error
	look(ctx context.Context, e *Epoch) error
	raw(ctx context.Context, e *Epoch) error
	save(dir string) error
	// describe says what the run learns from, and how large its encoder is.
	describe(backend compute.Backend, s *Start) error
	// skipped lists what could not be read.
	skipped() []data.Skip
	// close ends what open has opened; it may have failed.
	close() error
}

// batch is a number of items, ready for a step.
type batch struct {
	epoch  int
	arrays []*tensors.Tensor
	waited time.Duration
}

// prepared makes the batches of a loader ready for their steps. An error is the last that it yields.
func prepared[B any](loaded iter.Seq2[B, error], prepare func(B) *batch) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		for b, err := range loaded {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(prepare(b), nil) {
				return
			}
		}
	}
}

// heldOut is how many of so many items are kept back. It is never one, which is no one's pair: there is nothing to see of an
// encoder on it.
func (c Config) heldOut(items int) int {
	n := int(math.Round(c.HoldOut * float64(items)))
	if n == 1 {
		return 0
	}
	return n
}

// subject returns what the configuration's method learns from.
func (c Config) subject() (subject, error) {
	m, err := c.Method()
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case method.TextMethod:
		return newSentences(c, m)
	case method.PairMethod:
		return newPairs(c, m)
	}
	return newPictures(c, m.(method.ImageMethod))
}
