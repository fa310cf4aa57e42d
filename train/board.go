package train

import (
	"errors"
	"fmt"
	"os"

	"github.com/alike-ml/alike/internal/tensorboard"
)

// board writes a run's events for TensorBoard. Steps are optimizer steps; epochs are told at the step they end with, so
// that all curves share an axis.
type board struct{ writer *tensorboard.Writer }

// openBoard opens a file of its own for the events after the given step.
func openBoard(dir string, step int) (*board, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the folder for TensorBoard's events: %w", err)
	}
	writer, err := tensorboard.Open(dir)
	if err != nil {
		return nil, err
	}
	next := 0 // the look before the first step is at step 0
	if step > 0 {
		next = step + 1
	}
	if err := writer.Start(int64(next)); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return &board{writer}, nil
}

type scalar struct {
	tag   string
	value Number
}

func (b *board) step(s Step) error {
	return b.write(s.Step,
		scalar{"step/loss", s.Loss}, scalar{"step/learning_rate", s.LearningRate},
		scalar{"step/gradient_norm", s.GradientNorm}, scalar{"step/embedding_std", s.EmbeddingStd},
		scalar{"step/views_per_second", s.ViewsPerSecond}, scalar{"step/data_wait", s.DataWait})
}

func (b *board) epoch(e Epoch) error {
	var scalars []scalar
	if e.Epoch > 0 {
		scalars = append(scalars, scalar{"epoch/loss", e.Loss})
	}
	if e.KNN != nil {
		scalars = append(scalars, scalar{"held_out/knn", *e.KNN})
	}
	if e.STS != nil {
		scalars = append(scalars, scalar{"held_out/sts", *e.STS})
	}
	for _, s := range []struct {
		tag   string
		value *Number
	}{{"held_out/recall_at_1", e.Recall}, {"held_out/loss", e.HeldOutLoss}, {"held_out/modality_gap", e.ModalityGap}} {
		if s.value != nil {
			scalars = append(scalars, scalar{s.tag, *s.value})
		}
	}
	if g := e.Geometry; g != nil {
		scalars = append(scalars,
			scalar{"held_out/alignment", Number(g.Alignment)}, scalar{"held_out/uniformity", Number(g.Uniformity)},
			scalar{"held_out/effective_rank", Number(g.EffectiveRank)}, scalar{"held_out/std", Number(g.Std)})
	}
	return b.write(e.Step, scalars...)
}

func (b *board) write(step int, scalars ...scalar) error {
	for _, s := range scalars {
		if err := b.writer.Scalar(s.tag, int64(step), float64(s.value)); err != nil {
			return err
		}
	}
	return nil
}

func (b *board) flush() error { return b.writer.Flush() }
func (b *board) close() error { return b.writer.Close() }
