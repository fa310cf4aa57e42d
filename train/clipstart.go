package train

import (
	"fmt"
	"strings"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/pretrained"
)

// clipFrom is a CLIP run that starts from the encoder of texts in a folder: with its settings, its way of pooling where the folder says
// one, the length of its texts up to CLIP's, and the width of its projection if it has one, which the run's own starts from. The rest is
// that of [DefaultCLIP].
//
// Of the folder of a whole CLIP it starts from the encoder of pictures too, unless another backbone or an encoder of a run's is asked for:
// see [Config.withPictures].
func clipFrom(asked Config) (Config, error) {
	pictures, err := asked.pretrainedPictures()
	if err != nil {
		return Config{}, err
	}
	if pictures != nil && asked.ImageSize == 0 {
		asked.ImageSize = pictures.Preparation.Size
	}
	folder, err := openPretrained(asked.Pairs.Pretrained)
	if err != nil {
		return Config{}, err
	}
	kind, network := continued(folder.Encoder)
	c := DefaultCLIP(asked.ImageSize, kind, asked.CLIP.Contrast)
	c.Pairs.Pretrained, c.Pairs.TextConfig = asked.Pairs.Pretrained, network
	if folder.MaxLength > 0 {
		c.Pairs.MaxLength = min(c.Pairs.MaxLength, folder.MaxLength)
	}
	if folder.Pooling != "" {
		c.CLIP.Pooling = folder.Pooling
	}
	if folder.Projection > 0 {
		c.CLIP.Out = folder.Projection
	}
	if pictures != nil {
		c.withPictures(*pictures)
	}
	return c, nil
}

// withPictures has a default CLIP run start from a whole CLIP: with the settings of its encoder of pictures and how those are prepared, and
// with the scale of its logits, as far as the run's may go.
//
// The loss going on as it was, small rates are what is published for tuning: Goyal et al. 2023, "Finetune like you pretrain", has 1e-5 for
// 10 epochs of ImageNet in batches of 512 with decay 0.1, and for 20 of smaller sets in batches of 256 with decay 0.2 (locuslab/FLYP,
// README.md). The run has 10 epochs, and the decay for its own batch of 256.
func (c *Config) withPictures(p pretrained.Pictures) {
	c.Backbone, c.Width = backbone.CLIPVision, 1
	c.Pairs.CLIPImage = &p.Encoder
	c.CLIP.Augment = embed.Prepared(c.CLIP.Augment, p.Preparation)
	if c.CLIP.Contrast == method.Softmax {
		c.CLIP.Temperature = min(max(1/p.Scale, 1/c.CLIP.MaxScale), 1)
	}
	c.Optimizer = optim.DefaultAdamW()
	c.Optimizer.LearningRate, c.Optimizer.WeightDecay = 1e-5, 0.2
	c.Epochs, c.Schedule.WarmupEpochs = 10, 1
}

// pretrainedPictures opens the encoder of pictures that the run starts from, where that is the one of a whole CLIP; nil otherwise.
func (c Config) pretrainedPictures() (*pretrained.Pictures, error) {
	if c.Pairs == nil || c.Pairs.Pretrained == "" || c.Pairs.ImageModel != "" || c.Backbone != "" && c.Backbone != backbone.CLIPVision {
		return nil, nil
	}
	dir, err := pretrained.Find(c.Pairs.Pretrained)
	if err != nil {
		return nil, fmt.Errorf("cannot start from a pretrained encoder: %w", err)
	}
	if !pretrained.HasPictures(dir) {
		return nil, nil
	}
	p, err := pretrained.OpenPictures(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot start from the encoder of pictures in %s (name another backbone to start from that of texts alone): %w", dir, err)
	}
	return p, nil
}

// OwnImageSize is the side, in pixels, of the pictures that the encoder of pictures in a folder was made for, where the run starts from
// one; 0 otherwise.
func (c Config) OwnImageSize() (int, error) {
	if m, err := c.imageModel(); err != nil || m != nil && (c.Backbone == "" || c.Backbone == m.Backbone) {
		if err != nil {
			return 0, err
		}
		return m.Views.Size, nil
	}
	p, err := c.pretrainedPictures()
	if err != nil || p == nil {
		return 0, err
	}
	return p.Preparation.Size, nil
}

// openPictures opens the encoder of pictures that the run starts from, checked against the run's own settings and views; nil for one that
// comes from elsewhere.
func (c Config) openPictures(views positive.ImageConfig) (*pretrained.Pictures, error) {
	if c.Pairs.CLIPImage == nil {
		return nil, nil
	}
	p, err := c.pretrainedPictures()
	if err != nil || p == nil {
		return nil, err
	}
	name := c.Pairs.Pretrained
	if differences := fields.Different(p.Encoder, *c.Pairs.CLIPImage); len(differences) > 0 {
		return nil, fmt.Errorf("the encoder of pictures in %s is another than the settings in pairs.clip_image say (%s)", name, strings.Join(differences, "; "))
	}
	if prepared := p.Preparation; prepared.Mean != views.Mean || prepared.Std != views.Std {
		return nil, fmt.Errorf("the encoder of pictures in %s saw pictures less a mean of %v by a deviation of %v, and the run has %v and %v: set augment.mean and augment.std to the former",
			name, prepared.Mean, prepared.Std, views.Mean, views.Std)
	}
	return p, nil
}
