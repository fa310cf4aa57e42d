package embed

import (
	"context"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/positive"
)

// Untrained returns the encoder as it was before the first step of training: the same network with the weights that its
// seed draws. A trained encoder that is no better has learned nothing.
func Untrained(backend compute.Backend, config Config) (*Model, error) {
	store := model.NewStore()
	nn.SetSeed(store, config.Seed)
	return New(backend, store, config)
}

// rawSize is the side of the pictures that raw pixels are taken from, in pixels.
const rawSize = 32

// RawPixels returns the pictures' own colours as vectors, [32*32*3] in [0, 1]: what can be told apart without any encoder.
// Items, skipped pictures and progress are as for [Model.Embed].
func RawPixels(ctx context.Context, images *data.Images, progress Progress) (metric.Matrix, []int, error) {
	pipeline, err := positive.NewPipeline(positive.ImageConfig{
		Size: rawSize, Interpolation: positive.Bilinear, CenterCrop: 1,
		CropScale: [2]float64{1, 1}, CropRatio: [2]float64{1, 1}, Std: [3]float32{1, 1, 1},
	})
	if err != nil {
		return metric.Matrix{}, nil, err
	}
	options := data.BatchOptions{Size: batchSize(rawSize), Floats: []int{pipeline.Len()}, NewFill: centred(pipeline)}
	return collect(ctx, images, options, pipeline.Len(), progress, func(vectors []float32, batch *data.Batch) ([]float32, error) {
		return append(vectors, batch.Data[0][:len(batch.Items)*pipeline.Len()]...), nil
	})
}
