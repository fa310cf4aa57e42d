package train

import (
	"context"
	"fmt"
	"image"
	"iter"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
)

// pictures is the subject of a method that learns from pictures.
type pictures struct {
	imageLearner
	config   Config
	all      *data.Images // of the folder's training part
	train    *data.Images // of these, those to learn from
	held     *data.Images // and those kept back to watch with; nil when nothing is
	loader   *data.Loader
	observed *embed.Model // the encoder being trained
	monitor  *monitor
}

func newPictures(c Config, m method.ImageMethod) (*pictures, error) {
	encoder, err := c.encoder()
	if err != nil {
		return nil, err
	}
	precision, err := c.dtype()
	if err != nil {
		return nil, err
	}
	return &pictures{imageLearner: imageLearner{m, encoder, precision}, config: c}, nil
}

func (p *pictures) open(ctx context.Context, _ string) error {
	items, err := OpenPictures(ctx, p.config)
	if err != nil {
		return err
	}
	p.all, p.train, p.held = items.All, items.Learned, items.Watched
	if method.NeedsLabels(p.how) && countClasses(p.all.Labels()) < 2 {
		return fmt.Errorf("%s learns to tell classes apart, and the pictures to learn from in %s are of fewer than two: put those of each class into a folder of its own, as CLASS/*.jpg or train/CLASS/*.jpg", p.how.Name(), p.config.Data)
	}
	options, err := p.batchOptions()
	if err != nil {
		return err
	}
	p.loader, err = data.TrainLoader(p.train, p.config.Seed, options)
	return err
}

// batchOptions say what a batch of the method's views is.
func (p *pictures) batchOptions() (data.BatchOptions, error) {
	options := data.BatchOptions{Size: p.config.Batch, Workers: p.config.Workers}
	var pipelines []*positive.Pipeline
	for _, view := range p.how.Views() {
		pipeline, err := positive.NewPipeline(view)
		if err != nil {
			return options, err
		}
		pipelines = append(pipelines, pipeline)
		options.Floats = append(options.Floats, pipeline.Len())
	}
	options.NewFill = func() data.FillFunc {
		return func(dst [][]float32, img *image.RGBA, epoch, item int) {
			for view, pipeline := range pipelines {
				pipeline.View(dst[view], img, rng.New(p.config.Seed, epoch, item, view))
			}
		}
	}
	return options, nil
}

// keep has nothing to write: all that a run on pictures needs is in its configuration and its checkpoints.
func (p *pictures) keep(string) error { return nil }

func (p *pictures) sources() (s sources) {
	for _, item := range p.all.Items {
		s.items = append(s.items, item.Path)
	}
	return s
}

// begin leaves the encoder as it was drawn.
func (p *pictures) begin(*model.Store) error { return nil }

func (p *pictures) stepsPerEpoch() int { return p.loader.StepsPerEpoch() }

func (p *pictures) batches(ctx context.Context, epoch, step, epochs int) iter.Seq2[*batch, error] {
	return prepared(p.loader.Batches(ctx, epoch, step, epochs), func(b *data.Batch) *batch {
		return &batch{epoch: b.Epoch, arrays: p.arrays(b.Data, labelsOf(p.train, b.Items)), waited: b.Waited}
	})
}

func (p *pictures) seen() (Seen, error) { return Seen{Labels: p.train.Labels()}, nil }

func (p *pictures) watch(backend compute.Backend, store *model.Store) (err error) {
	p.observed, err = embed.New(backend, store, embed.Config{
		Method: p.how.Name(), Backbone: p.config.Backbone, Width: p.config.Width, Seed: p.config.Seed,
		Views: p.how.Views()[0],
	})
	if err == nil {
		p.monitor = newMonitor(p.observed, p.train, p.held, p.config.Seed)
	}
	return err
}

func (p *pictures) look(ctx context.Context, e *Epoch) error { return p.monitor.look(ctx, e) }

func (p *pictures) raw(ctx context.Context, e *Epoch) error { return p.monitor.raw(ctx, e) }

func (p *pictures) save(dir string) error { return p.observed.Save(dir) }

func (p *pictures) describe(backend compute.Backend, s *Start) (err error) {
	s.Train, s.Classes = p.train.Len(), len(p.train.Classes)
	if p.held != nil {
		s.HeldOut = p.held.Len()
	}
	s.Encoder, err = backbone.Measure(backend, p.encoder, p.config.ImageSize)
	return err
}

func (p *pictures) skipped() []data.Skip { return p.all.Skipped.List() }

// close has nothing to end: pictures are opened one by one.
func (p *pictures) close() error { return nil }
