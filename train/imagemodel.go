package train

import (
	"fmt"

	"github.com/alike-ml/alike/embed"
)

// imageModel is what the model of pictures says of itself that a run on pictures with captions starts from, where that is another run's;
// nil otherwise.
func (c Config) imageModel() (*embed.Config, error) {
	if c.Pairs == nil || c.Pairs.ImageModel == "" {
		return nil, nil
	}
	config, err := embed.PicturesConfig(imageModelDir(c.Pairs.ImageModel))
	if err != nil {
		return nil, fmt.Errorf("cannot start from the encoder of pictures: %w", err)
	}
	return &config, nil
}

// imageModelDir is the model's folder of a run's directory, or the folder itself.
func imageModelDir(path string) string {
	if inside := ModelDir(path); isFolder(inside) {
		return inside
	}
	return path
}

// withImageModel has a default run on pictures with captions start from another run's encoder of pictures: with its backbone and width, and
// with the means and deviations of the pictures that it saw. Where another backbone is asked for, all stays as it is.
func (c Config) withImageModel(asked Config) (Config, error) {
	m, err := asked.imageModel()
	if err != nil || m == nil || asked.Backbone != "" && asked.Backbone != m.Backbone {
		return c, err
	}
	pairs, clip := *c.Pairs, *c.CLIP
	pairs.ImageModel, pairs.CLIPImage = asked.Pairs.ImageModel, m.CLIPImage
	clip.Augment.Mean, clip.Augment.Std = m.Views.Mean, m.Views.Std
	c.Backbone, c.Width, c.Pairs, c.CLIP = m.Backbone, m.Width, &pairs, &clip
	return c, nil
}
