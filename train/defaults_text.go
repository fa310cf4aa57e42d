package train

import (
	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
)

// DefaultSimCSE is a SimCSE run of an encoder from scratch, by its name as [backbone.NewText] takes it, on rows of so many texts, with classes or not: see
// [method.DefaultSimCSE] for the method's own settings.
//
// The paper tunes an encoder that was trained before, which takes a rate of 3e-5. Weights that are drawn at random learn nothing at
// that rate. A transformer has the rate of the smallest
// of ELECTRA's, 5e-4 for a batch of 128, with decay 0.01 and a linear schedule (Clark et al. 2020, ELECTRA, table 6). The static encoder has
// the mean of its tokens' vectors, weighed as Arora et al. 2017 weigh them, and no MLP. On pairs and triplets it has ten times the rate, for a
// step moves a token's vector alone. Single sentences have nothing to tell of what means the same but the words that they share: ten times the
// rate makes of vectors that rank the training pairs of STS-B at .71 ones that rank them at .66, after learning from 100,000 sentences.
func DefaultSimCSE(encoder string, texts int, classes bool) Config {
	m := method.DefaultSimCSE(texts)
	m.MaskClasses = classes
	c := base(0)
	text := defaultText()
	c.Text, c.SimCSE = &text, &m
	c.Backbone, c.Width = encoder, 1
	c.HoldOut = 0.01
	c.Epochs, c.Batch = 3, 128
	c.Schedule = optim.Schedule{Name: optim.Linear, WarmupEpochs: 0.3}
	c.Optimizer = optim.Config{
		Name: optim.AdamW, LearningRate: 5e-4, Scaling: optim.NoScaling, WeightDecay: 0.01, Mask: optim.Exclude1D, ClipNorm: 1,
		Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-6,
	}
	if network, err := backbone.NewText(encoder, text.Vocabulary.Size); err == nil { // else the run's check names it
		text.TextConfig = network
	}
	if text.CLIP != nil {
		m.Pooling = backbone.PoolLast
	}
	if text.Static != nil {
		m.Pooling, m.MLP = backbone.PoolMean, method.MLPNone
		text.Static.Rarity = backbone.RaritySIF
		if texts > 1 {
			c.Optimizer.LearningRate = staticRate
		}
	}
	return c
}

// staticRate is the learning rate of a static encoder that has more to learn from than single sentences, or starts from vectors, which are
// larger than those that are drawn.
const staticRate = 5e-3

// DefaultSupConText is a run of SupCon on texts with classes, of an encoder from scratch: see [method.DefaultSupConText] for the method's
// own settings. The encoder and its optimizer are those of [DefaultSimCSE], with a batch of twice the size, so that a text meets others of its
// class, and more passes over the data, as rows with classes are few.
func DefaultSupConText(encoder string, texts int) Config {
	return supConTextOver(DefaultSimCSE(encoder, texts, false))
}

// supConTextOver is a SupCon run with the encoder of a SimCSE run, and how that is trained.
func supConTextOver(c Config) Config {
	m := method.DefaultSupConText()
	m.Pooling = c.SimCSE.Pooling
	c.SimCSE, c.SupConText = nil, &m
	if c.Text.Static != nil {
		c.Optimizer.LearningRate = staticRate
	}
	c.Epochs, c.Batch = 20, 256
	c.HoldOut = 0.1
	c.Schedule.WarmupEpochs = 2
	return c
}

// DefaultCLIP is a CLIP run for pictures of the given side, with an encoder of texts by its name as [backbone.NewText] takes it: see
// [method.DefaultCLIP] for the method's own settings.
//
// AdamW has the paper's settings for ResNets (appendix F, tables 18 and 19: rate 5e-4, decay 0.2, β₂ 0.999, ε 1e-8) and for vision
// transformers, which are set by their backbone's name, those of [optim.DefaultAdamW]. So are the 32 epochs and the cosine; the paper
// warms up for 2,000 of its steps, which is more than a small run has: a tenth of the run is warm-up here. A text has CLIP's 77
// tokens. The static encoder has the mean of its tokens' vectors.
func DefaultCLIP(imageSize int, textEncoder string, contrast method.CLIPContrast) Config {
	m := method.DefaultCLIP(imageSize, contrast)
	pairs := defaultPairs(textEncoder)
	c := base(imageSize)
	c.CLIP, c.Pairs = &m, &pairs
	c.Epochs = 32
	c.Optimizer = optim.DefaultAdamW()
	c.Optimizer.Beta2, c.Optimizer.Epsilon = 0.999, 1e-8
	c.Schedule = optim.Schedule{Name: optim.Cosine, WarmupEpochs: 3}
	switch {
	case pairs.Static != nil:
		m.Pooling = backbone.PoolMean
	case pairs.Transformer != nil:
		m.Pooling = backbone.PoolCLS
	}
	return c
}
