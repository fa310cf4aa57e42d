package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/alike-ml/alike/internal/peakmemory"
	"github.com/alike-ml/alike/metric"
)

// train takes the steps that are left.
func (r *run) train(ctx context.Context) (*Result, error) {
	began := time.Now()
	if err := r.announce(); err != nil {
		return nil, err
	}
	if err := r.before(ctx); err != nil {
		return nil, err
	}
	epoch, err := r.epochSoFar(ctx)
	if err != nil {
		return nil, err
	}
	r.saved = time.Now()
	at := time.Now()
	// Loading is cancelled only between steps: an interrupted run finishes the step it is in.
	for batch, err := range r.subject.batches(context.WithoutCancel(ctx), r.done/r.perEpoch, r.done%r.perEpoch, r.config.Epochs) {
		if err != nil {
			return nil, err
		}
		step, err := r.step(batch, at)
		if err != nil {
			return nil, err
		}
		epoch.add(step, r.viewsPerStep())
		if r.done%r.perEpoch == 0 {
			if err := r.endEpoch(ctx, epoch); err != nil {
				return nil, err
			}
			epoch = newEpochSum(r.done / r.perEpoch)
		}
		if ctx.Err() != nil && r.done < r.steps {
			return nil, r.interrupt()
		}
		if err := r.saveIfDue(); err != nil {
			return nil, err
		}
		at = time.Now()
	}
	return r.finish(time.Since(began))
}

// step takes one optimizer step on the batch; at is when the one before it ended.
func (r *run) step(batch *batch, at time.Time) (Step, error) {
	learningRate := r.rates.At(r.done)
	loss, gradient, std, err := r.stepper.take(stepInput{r.done, learningRate, batch.arrays})
	if err != nil {
		return Step{}, err
	}
	r.done++
	seconds := time.Since(at).Seconds()
	s := Step{
		Step: r.done, Epoch: batch.epoch + 1,
		Loss: Number(loss), LearningRate: Number(learningRate), GradientNorm: Number(gradient), EmbeddingStd: Number(std),
		ViewsPerSecond: Number(float64(r.viewsPerStep()) / seconds),
		DataWait:       Number(batch.waited.Seconds() / seconds),
	}
	if r.options.OnStep != nil {
		r.options.OnStep(s)
	}
	if err := r.events.step(s); err != nil {
		return s, err
	}
	if r.config.Watch {
		if trouble := r.watch.check(s); trouble != nil {
			return s, r.stop(trouble)
		}
	}
	return s, nil
}

func (r *run) viewsPerStep() int { return r.config.Batch * r.subject.views() }

// epochSoFar starts the sum of the epoch under way with the steps that a resumed run has behind it. An epoch that was
// interrupted after its last step, before it was told of, is ended first.
func (r *run) epochSoFar(ctx context.Context) (*epochSum, error) {
	behind := r.done / r.perEpoch
	var steps []Step
	var epochs []Epoch
	err := readEvents(r.dir.metrics(), func(e event) {
		switch {
		case e.Epoch != nil:
			epochs = append(epochs, *e.Epoch)
		case e.Step.Epoch >= behind:
			steps = append(steps, *e.Step)
		}
	})
	if err != nil {
		return nil, err
	}
	sumOf := func(epoch int) *epochSum {
		sum := newEpochSum(epoch)
		for _, s := range steps {
			if s.Epoch == epoch+1 {
				sum.add(s, r.viewsPerStep())
			}
		}
		return sum
	}
	if r.done > 0 && r.done%r.perEpoch == 0 && (len(epochs) == 0 || epochs[len(epochs)-1].Epoch < behind) {
		if err := r.endEpoch(ctx, sumOf(behind-1)); err != nil {
			return nil, err
		}
	}
	return sumOf(behind), nil
}

// before looks at the encoder before its first step, as epoch 0: what every later look is to be held against.
func (r *run) before(ctx context.Context) error {
	if r.done > 0 || r.config.MonitorEvery == 0 {
		return nil
	}
	e := Epoch{Loss: Number(math.NaN())}
	err := r.subject.look(ctx, &e)
	if err == nil {
		err = r.subject.raw(ctx, &e)
	}
	if err != nil {
		return r.unseen(ctx, err)
	}
	return r.tell(e)
}

// unseen ends a run that could not look at its encoder: one that was interrupted meanwhile looks again when it is resumed.
func (r *run) unseen(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return r.interrupt()
	}
	return err
}

// tell says what an epoch gave.
func (r *run) tell(e Epoch) error {
	if r.options.OnEpoch != nil {
		r.options.OnEpoch(e)
	}
	r.log.Info("epoch", "epoch", e.Epoch, "step", e.Step, "loss", float64(e.Loss), "views_per_second", math.Round(float64(e.ViewsPerSecond)))
	return r.events.epoch(e)
}

// endEpoch looks at the encoder and tells what the epoch gave. A run that is not watched goes on with an encoder that there is
// nothing to see of.
func (r *run) endEpoch(ctx context.Context, sum *epochSum) error {
	e := sum.epoch()
	e.PeakMemory = peakmemory.Self()
	last := r.done == r.steps
	if every := r.config.MonitorEvery; every > 0 && (e.Epoch%every == 0 || last) {
		err := r.subject.look(ctx, &e)
		switch broken := errors.Is(err, metric.ErrNotFinite); {
		case broken && r.config.Watch:
			return r.stop(noNumber(sum.last, r.done-1, "the representations are no longer numbers"))
		case err != nil && !broken:
			return r.unseen(ctx, err)
		}
	}
	return r.tell(e)
}

// finish saves the last checkpoint and the model.
func (r *run) finish(took time.Duration) (*Result, error) {
	if err := r.save(); err != nil {
		return nil, err
	}
	if err := r.subject.save(r.dir.model()); err != nil {
		return nil, err
	}
	if err := r.events.flush(); err != nil {
		return nil, err
	}
	epochs, err := ReadEpochs(r.dir.metrics())
	if err != nil {
		return nil, err
	}
	skipped := r.subject.skipped()
	for _, s := range skipped {
		r.log.Warn("skipped", "file", s.Path, "reason", s.Err)
	}
	r.log.Info("finished", "steps", r.done, "seconds", math.Round(took.Seconds()), "skipped", len(skipped))
	return &Result{Start: r.start, Epochs: epochs, Skipped: skipped, Seconds: took.Seconds()}, nil
}

// interrupt saves and says how to go on.
func (r *run) interrupt() error {
	if r.done > 0 { // before, there is nothing to save
		if err := r.save(); err != nil {
			return err
		}
	}
	r.log.Info("interrupted", "step", r.done)
	return fmt.Errorf("%w after step %d of %d, and all is saved", ErrInterrupted, r.done, r.steps)
}

// stop ends a run in trouble; the last good checkpoint stays.
func (r *run) stop(trouble *Trouble) error {
	var err error
	if trouble.Checkpoint, err = newestUpTo(r.dir.checkpoints(), trouble.good); err != nil {
		return err
	}
	r.log.Error("stopped", "reason", trouble)
	return errors.Join(trouble, r.events.flush())
}
