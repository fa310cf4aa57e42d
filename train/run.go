// Package train trains encoders: the run, its steps, checkpoints, resumption, events and the watch for trouble.
package train

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/guard"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/positive"
)

// Options are what a run does not depend on: how it is started and who listens. The zero value starts a new run in silence.
type Options struct {
	// Resume continues the run in the directory, if there is one. Without it, a directory with a run in it is an error.
	Resume bool
	// Tested says that the settings were measured as they stand: see [Advise].
	Tested bool
	// OnStart is called once before the first step, OnStep after every step and OnEpoch after every epoch; each may be nil.
	OnStart func(Start)
	OnStep  func(Step)
	OnEpoch func(Epoch)
}

// Start describes a run that is about to take its first step.
type Start struct {
	// Train and HeldOut count the pictures or rows of text to learn from and those kept back to watch the run with.
	Train, HeldOut int
	// From says what the encoder starts from, "" for weights that are drawn and for a run that goes on.
	From string
	// Dropped are the rows of a file of text that are not used, by reason.
	Dropped []data.Drop
	// Truncated counts the texts, or captions, to learn from that are longer than the encoder sees: the rest of them is cut off.
	Truncated int
	// Captions counts those of the pictures to learn from, and RepeatedPictures and RepeatedCaptions those that are the same as an
	// earlier one, of a run on pictures with captions.
	Captions, RepeatedPictures, RepeatedCaptions int
	// Outside counts the pictures of the table that lie outside of its folder.
	Outside int
	// Turns counts the pictures with captions of an epoch: fewer than all where some take turns.
	Turns int
	// Classes counts the classes, 0 for items without labels.
	Classes int
	// Encoder is the size of the encoder on one item, Parameters counts its weights and those of everything else that is
	// trained.
	Encoder    backbone.Size
	Parameters int
	// TextEncoder is the size of the encoder of captions on one of the longest, of a run on pictures with captions.
	TextEncoder backbone.Size
	// Steps is the number of optimizer steps of the whole run, Done those that a resumed run has behind it.
	Steps, Done int
	// StepsPerEpoch is the number of steps in one pass over the data.
	StepsPerEpoch int
	// Rows are the first rows of text to learn from, and what is made of them; none for pictures.
	Rows [][]positive.TextLine
	// Advice is on settings that are far from what is known to work; a resumed run had it at its start.
	Advice []Advice
}

// Result is a finished run.
type Result struct {
	// Start is what was said of the run before its steps.
	Start Start
	// Epochs are the events of all epochs.
	Epochs []Epoch
	// Skipped lists the files that could not be read.
	Skipped []data.Skip
	// Seconds is the wall time since the run was started or resumed.
	Seconds float64
}

// ErrInterrupted is wrapped by the error of a run whose context was cancelled: it has finished its step and saved.
var ErrInterrupted = errors.New("interrupted")

// Run trains as the configuration says and keeps all it makes in directory dir:
//
//	config.yaml     everything that the run depends on, resolved
//	metrics.jsonl   an event a line: every step and every epoch
//	tensorboard/    the same events for TensorBoard
//	checkpoints/    the state to resume from, the newest two
//	model/          the trained encoder, at the end
//	train.log       what happened, in words
//
// A cancelled context ends the run after its current step with a checkpoint and [ErrInterrupted]. A run that is killed,
// at any moment, and resumed ends in the same model, byte for byte, as one that was not.
func Run(ctx context.Context, config Config, dir string, options Options) (result *Result, err error) {
	defer guard.Recover(&err)
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if err := mayUse(dir, config, options.Resume); err != nil {
		return nil, err
	}
	r := &run{config: config, options: options}
	defer func() { err = errors.Join(err, r.close()) }()
	// Nothing is written before all that can be wrong with the configuration, the data and the device has shown.
	if err := r.open(ctx, dir); err != nil {
		return nil, err
	}
	if err := r.openDir(dir); err != nil {
		return nil, err
	}
	return r.train(ctx)
}

// run is a run under way.
type run struct {
	config  Config
	options Options
	dir     *runDir
	log     *slog.Logger

	subject  subject
	rates    optim.Rates
	backend  compute.Backend
	store    *model.Store
	stepper  steps
	steps    int // of the whole run
	perEpoch int // steps
	done     int // steps taken
	identity identity
	start    Start
	events   *events
	watch    watch
	saved    time.Time
}

// open reads the data's index and builds the step.
func (r *run) open(ctx context.Context, dir string) error {
	var err error
	if r.subject, err = r.config.subject(); err != nil {
		return err
	}
	if err := r.subject.open(ctx, dir); err != nil {
		return err
	}
	r.perEpoch = r.subject.stepsPerEpoch()
	r.rates = r.config.Schedule.Rates(r.config.Optimizer.Rate(r.config.Batch), r.config.Epochs, r.perEpoch)
	r.steps = r.config.Epochs * r.perEpoch
	if r.identity, err = newIdentity(r.config, r.subject.sources()); err != nil {
		return err
	}
	if r.backend, err = device.Open(r.config.Device); err != nil {
		return err
	}
	if err := r.build(); err != nil {
		return err
	}
	if err := r.subject.begin(r.store); err != nil {
		return err
	}
	return r.subject.watch(r.backend, r.store)
}

// tooLarge says in terms of the batch that a step needs more memory than there is; other errors stay as they are.
func (c Config) tooLarge(err error) error {
	var memory *device.MemoryError
	if !errors.As(err, &memory) {
		return err
	}
	fits := int(float64(c.Batch) * float64(memory.Available) / float64(memory.Peak))
	const gib = 1 << 30
	message := fmt.Sprintf("a step on %d %s needs %.1f GiB of memory, %.1f GiB are there", c.Batch, c.Items(), float64(memory.Peak)/gib, float64(memory.Available)/gib)
	switch m, unknown := c.Method(); {
	case c.Chunk > 0:
		return fmt.Errorf("%s: take a smaller chunk than %d, or a smaller batch", message, c.Chunk)
	case fits < 2:
		return errors.New(message + ": use a smaller backbone, width or image size")
	case unknown == nil && checkChunk(m, c.Batch, 1) == nil:
		return fmt.Errorf("%s: a batch of about %d would fit, or this one in chunks: --chunk %d", message, fits, divisorUpTo(c.Batch, fits))
	}
	return fmt.Errorf("%s: a batch of about %d would fit", message, fits)
}

// openDir takes the run's directory, and restores the last checkpoint in it.
func (r *run) openDir(path string) error {
	var err error
	if r.dir, err = openDir(path, r.config, r.options.Resume); err != nil {
		return err
	}
	r.log = r.dir.log
	if err := r.subject.keep(path); err != nil {
		return err
	}
	if err := r.restore(); err != nil {
		return err
	}
	r.events, err = openEvents(r.dir, r.done)
	return err
}

// build makes the graph of a step, which draws the weights.
func (r *run) build() error {
	r.store = model.NewStore()
	nn.SetSeed(r.store, r.config.Seed)
	var err error
	if run := (length{r.steps, r.perEpoch}); r.config.Chunk > 0 {
		r.stepper, err = newChunkedStepper(r.backend, r.store, r.subject, r.config.Optimizer, run, r.config.Chunk)
	} else {
		r.stepper, err = newStepper(r.backend, r.store, r.subject, r.config.Optimizer, run)
	}
	if err != nil {
		return err
	}
	if err := r.stepper.compile(r.config.Batch); err != nil {
		return r.config.tooLarge(err)
	}
	return nil
}

func (r *run) announce() (err error) {
	s := Start{Steps: r.steps, Done: r.done, StepsPerEpoch: r.perEpoch}
	if err = r.subject.describe(r.backend, &s); err != nil {
		return err
	}
	for v := range r.store.IterVariables() {
		if v.Trainable {
			s.Parameters += v.Shape().Size()
		}
	}
	if r.done == 0 {
		seen, err := r.subject.seen()
		if err != nil {
			return err
		}
		if s.Advice, err = Advise(r.config, seen, r.options.Tested); err != nil {
			return err
		}
	}
	r.log.Info("start", "method", r.subject.method().Name(), "train", s.Train, "held_out", s.HeldOut, "parameters", s.Parameters, "steps", s.Steps, "done", s.Done, "truncated", s.Truncated)
	for _, d := range s.Dropped {
		for _, row := range d.First {
			r.log.Warn("dropped", "row", row.Place, "reason", d.Reason, "why", row.Why)
		}
		if more := d.Count - len(d.First); more > 0 {
			r.log.Warn("dropped", "more", more, "reason", d.Reason)
		}
	}
	for _, advice := range s.Advice {
		r.log.Info("advice", "key", advice.Key, "text", advice.Text)
	}
	r.start = s
	if r.options.OnStart != nil {
		r.options.OnStart(s)
	}
	return nil
}

// close ends what the run holds; it may have been opened in part.
func (r *run) close() error {
	var err error
	if r.events != nil {
		err = r.events.close()
	}
	if r.dir != nil {
		err = errors.Join(err, r.dir.close())
	}
	if r.subject != nil {
		err = errors.Join(err, r.subject.close())
	}
	if r.backend != nil {
		r.backend.Finalize()
	}
	return err
}
