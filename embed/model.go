// Package embed turns pictures and texts into vectors with a trained encoder. It is the one inference path: training watches itself
// through it, and evaluation and search read vectors from it.
//
// A [Model] is an encoder of pictures, a [TextModel] one of texts, a [PairModel] both into one space. Each is saved as a folder, which
// [Open], [OpenText] and [OpenPair] open: model.safetensors holds the weights, config.json says which encoder they belong to and how a
// picture is prepared for it, tokenizer/ how a text is.
package embed

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/guard"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/positive"
)

// Config says which encoder a model is and how pictures are prepared for it: what config.json holds.
type Config struct {
	// Format is the version of the model folder's layout.
	Format int `json:"format"`
	// Method is how the encoder was trained, by name.
	Method string `json:"method"`
	// Backbone and Width name the encoder: see [backbone.New]. Dim is the width of a vector.
	Backbone string  `json:"backbone"`
	Width    float64 `json:"width"`
	Dim      int     `json:"dim"`
	// CLIPImage has settings of the backbone's own in the place of those of its name: see [backbone.Settled].
	CLIPImage *backbone.CLIPImage `json:"clip_image,omitempty"`
	// Seed is what the weights were first drawn with: it makes the untrained twin of the encoder.
	Seed uint64 `json:"seed"`
	// Views says how pictures, if they are what the encoder is for, were augmented in training. Its size, centre crop, filter, mean and deviation are also how a
	// picture is prepared for the trained encoder.
	Views positive.ImageConfig `json:"views,omitzero"`
	// Text is how a text is prepared for the encoder, and all else that there is to say of one of text; nil for one of pictures.
	Text *TextConfig `json:"text,omitempty"`
	// Pair says that there is an encoder of texts beside the one of pictures, and where they meet: see [PairModel].
	Pair *PairConfig `json:"pair,omitempty"`
}

// format is the version of the model folder's layout that this package writes.
const format = 1

// batchPixels is about how many pixels go through the encoder at once, and batchPictures the most pictures: enough to keep
// the processors busy, for pictures of 224 pixels and less as many as fit in some gigabytes with a ResNet-50.
const (
	batchPictures = 128
	batchPixels   = batchPictures * 224 * 224
)

// batchSize is how many pictures of so many pixels a side go through the encoder at once.
func batchSize(side int) int { return max(1, min(batchPictures, batchPixels/(side*side))) }

// Model is an encoder with weights, ready to embed.
type Model struct {
	network
	pipeline *positive.Pipeline
	columns  int // of a vector
}

// New returns a model that computes on backend with the encoder weights that store holds, or will have drawn by the time of
// the first embedding: training watches its own store this way.
func New(backend compute.Backend, store *model.Store, config Config) (*Model, error) {
	m, encoder, err := newModel(store, config)
	if err != nil {
		return nil, err
	}
	m.exec, err = model.NewExec(backend, store, func(scope *model.Scope, images *graph.Node) *graph.Node {
		scope.Store().SetTraining(images.Graph(), false)
		return graph.ConvertDType(encoder.Features(scope.In(method.EncoderScope), images), dtypes.Float32)
	})
	if err == nil {
		m.exec.SetMaxCache(-1) // a graph for each of the numbers of rows
	}
	return m, err
}

// newModel returns a model without its graph, and its encoder.
func newModel(store *model.Store, config Config) (*Model, backbone.Encoder, error) {
	encoder, err := backbone.Settled(config.Backbone, config.Width, config.Views.Size, config.CLIPImage)
	if err != nil {
		return nil, nil, err
	}
	pipeline, err := positive.NewPipeline(config.Views)
	if err != nil {
		return nil, nil, fmt.Errorf("views: %w", err)
	}
	if size := config.Views.Size; size < encoder.MinImageSize() {
		return nil, nil, fmt.Errorf("views: size is %d: %s needs at least %d pixels", size, config.Backbone, encoder.MinImageSize())
	}
	config.Format, config.Dim = format, encoder.Dim()
	return &Model{network: network{Config: config, store: store}, pipeline: pipeline, columns: encoder.Dim()}, encoder, nil
}

// shape is that of so many pictures that go through the encoder at once.
func (m *Model) shape(rows int) shapes.Shape {
	size := m.Config.Views.Size
	return shapes.Make(dtypes.Float32, rows, size, size, 3)
}

// rows is how many pictures are computed for n of them, at most a batch: the next power of two, so that few pictures take little time and
// there are few graphs.
func (m *Model) rows(n int) int {
	rows := 1
	for rows < n {
		rows *= 2
	}
	return min(rows, batchSize(m.Config.Views.Size))
}

// compute appends the vectors of n pictures, at most a batch, to a list. Their pixels have room behind them for those of a batch.
func (m *Model) compute(list, pixels []float32, n int) ([]float32, error) {
	shape := m.shape(m.rows(n))
	h, err := m.exec.Call1(tensors.FromFlatDataAndDimensions(pixels[:shape.Size()], shape.Dimensions...))
	if err != nil {
		return nil, err
	}
	err = tensors.ConstFlatData(h, func(flat []float32) { list = append(list, flat[:n*m.columns]...) })
	return list, errors.Join(err, h.FinalizeAll())
}

// Progress is told how many of all pictures are done.
type Progress func(done, total int)

// Embed returns the representations h = f(x) of the pictures, one row [Dim] each, and the index of each row's picture in
// images.Items. Pictures that cannot be read have no row; they are listed in images.Skipped. Progress may be nil.
func (m *Model) Embed(ctx context.Context, images *data.Images, progress Progress) (metric.Matrix, []int, error) {
	return m.embed(ctx, images, progress, centred(m.pipeline))
}

// EmbedView is [Model.Embed] for one random view of each picture, drawn as in training: what alignment is measured on.
// Views with different numbers are different draws.
func (m *Model) EmbedView(ctx context.Context, images *data.Images, seed uint64, view int) (metric.Matrix, []int, error) {
	return m.embed(ctx, images, nil, func() data.FillFunc {
		return func(dst [][]float32, img *image.RGBA, _, item int) {
			m.pipeline.View(dst[0], img, rng.New(seed, 0, item, view))
		}
	})
}

// centred prepares pictures for evaluation.
func centred(p *positive.Pipeline) func() data.FillFunc {
	return func() data.FillFunc {
		return func(dst [][]float32, img *image.RGBA, _, _ int) { p.Center(dst[0], img) }
	}
}

func (m *Model) embed(ctx context.Context, images *data.Images, progress Progress, newFill func() data.FillFunc) (vectors metric.Matrix, items []int, err error) {
	defer guard.Recover(&err)
	options := data.BatchOptions{Size: batchSize(m.Config.Views.Size), Floats: []int{m.pipeline.Len()}, NewFill: newFill}
	return collect(ctx, images, options, m.columns, progress, func(vectors []float32, batch *data.Batch) ([]float32, error) {
		return m.compute(vectors, batch.Data[0], len(batch.Items))
	})
}

// EmbedPictures is [Model.Embed] for pictures that are in memory.
func (m *Model) EmbedPictures(pictures []*image.RGBA) (vectors metric.Matrix, err error) {
	defer guard.Recover(&err)
	vectors = metric.Matrix{Cols: m.columns}
	pixels := make([]float32, m.rows(len(pictures))*m.pipeline.Len())
	for len(pictures) > 0 {
		n := min(batchSize(m.Config.Views.Size), len(pictures))
		for i, picture := range pictures[:n] {
			m.pipeline.Center(pixels[i*m.pipeline.Len():(i+1)*m.pipeline.Len()], picture)
		}
		if vectors.Data, err = m.compute(vectors.Data, pixels, n); err != nil {
			return metric.Matrix{}, err
		}
		vectors.Rows += n
		pictures = pictures[n:]
	}
	return vectors, nil
}

// collect walks over the pictures batch by batch; add appends the vectors of a batch, of so many columns each.
func collect(ctx context.Context, images *data.Images, options data.BatchOptions, columns int, progress Progress, add func([]float32, *data.Batch) ([]float32, error)) (metric.Matrix, []int, error) {
	vectors := metric.Matrix{Cols: columns}
	var items []int
	for batch, err := range data.EvalBatches(ctx, images, options) {
		if err != nil {
			return metric.Matrix{}, nil, err
		}
		if vectors.Data, err = add(vectors.Data, batch); err != nil {
			return metric.Matrix{}, nil, err
		}
		items = append(items, batch.Items...)
		vectors.Rows = len(items)
		if progress != nil {
			progress(vectors.Rows, images.Len())
		}
	}
	return vectors, items, nil
}
