package embed

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/pretrained"
)

// loadCLIP opens a folder of transformers or open_clip with a whole CLIP.
func loadCLIP(backend compute.Backend, dir string) (*PairModel, error) {
	texts, tokenizer, err := openReading(dir)
	if err != nil {
		return nil, err
	}
	pictures, err := pretrained.OpenPictures(dir)
	if err != nil {
		return nil, err
	}
	config := Config{
		Method: "clip", Backbone: backbone.CLIPVision, Width: 1, CLIPImage: &pictures.Encoder,
		Views: Prepared(positive.CLIP(pictures.Preparation.Size), pictures.Preparation),
		Pair: &PairConfig{
			Text: TextConfig{TextConfig: texts.Encoder, Pooling: texts.Pooling, MaxLength: texts.MaxLength},
			Out:  pictures.Projection,
		},
	}
	store := model.NewStore()
	m, err := NewPair(backend, store, config, tokenizer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	root := store.RootScope()
	err = errors.Join(
		pictures.Assign(root.At(method.EncoderScope)), pictures.AssignProjection(root.At(method.ImageProjectionScope)),
		texts.Assign(root.At(method.TextScope).At(method.EncoderScope)), texts.AssignProjection(root.At(method.TextProjectionScope)))
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Prepared are views whose pictures are prepared as those of a pretrained encoder: in filter, mean and deviation, and in the share of the
// picture that evaluation keeps. Their size stays.
func Prepared(views positive.ImageConfig, p pretrained.Preparation) positive.ImageConfig {
	views.Interpolation = positive.Bilinear
	if p.Bicubic {
		views.Interpolation = positive.Bicubic
	}
	views.CenterCrop = float64(p.Size) / float64(p.Shorter)
	views.Mean, views.Std = p.Mean, p.Std
	return views
}
