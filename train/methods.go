package train

import (
	"fmt"
	"strings"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
)

// methods lists the methods that the configuration sets: one, if it is right.
func (c Config) methods() []method.Method {
	var list []method.Method
	if c.MoCo != nil {
		list = append(list, *c.MoCo)
	}
	if c.SimCLR != nil {
		list = append(list, *c.SimCLR)
	}
	if c.MoCoV2 != nil {
		list = append(list, *c.MoCoV2)
	}
	if c.SupCon != nil {
		list = append(list, *c.SupCon)
	}
	if c.BYOL != nil {
		list = append(list, *c.BYOL)
	}
	if c.SimSiam != nil {
		list = append(list, *c.SimSiam)
	}
	if c.BarlowTwins != nil {
		list = append(list, *c.BarlowTwins)
	}
	if c.SwAV != nil {
		list = append(list, *c.SwAV)
	}
	if c.SimCSE != nil {
		list = append(list, *c.SimCSE)
	}
	if c.SupConText != nil {
		list = append(list, *c.SupConText)
	}
	if c.CLIP != nil {
		list = append(list, *c.CLIP)
	}
	return list
}

// Method returns the run's method, or an error when there is not exactly one.
func (c Config) Method() (method.Method, error) {
	switch list := c.methods(); len(list) {
	case 0:
		return nil, fmt.Errorf("the configuration names no method: give it a section named %s", strings.Join(method.Names(), " or "))
	case 1:
		return list[0], nil
	default:
		return nil, fmt.Errorf("the configuration has sections of %s and of %s: a run has one method", list[0].Name(), list[1].Name())
	}
}

// Default returns the default configuration of the named method, for pictures of the given side if it learns from pictures. The error
// suggests the nearest name.
func Default(methodName string, imageSize int) (Config, error) {
	info, err := method.Find(methodName)
	if err != nil {
		return Config{}, err
	}
	switch info.Name {
	case "moco":
		return DefaultMoCo(imageSize), nil
	case "simclr":
		return DefaultSimCLR(imageSize), nil
	case "mocov2":
		return DefaultMoCoV2(imageSize), nil
	case "supcon":
		return DefaultSupCon(imageSize), nil
	case "byol":
		return DefaultBYOL(imageSize), nil
	case "simsiam":
		return DefaultSimSiam(imageSize), nil
	case "barlowtwins":
		return DefaultBarlowTwins(imageSize), nil
	case "swav":
		return DefaultSwAV(imageSize), nil
	case "simcse":
		return DefaultSimCSE("transformer", 1, false), nil
	case "supcon_text":
		return DefaultSupConText("transformer", 1), nil
	case "clip":
		return DefaultCLIP(imageSize, "clip_small", method.Softmax), nil
	}
	return Config{}, fmt.Errorf("%s has no default configuration", info.Name)
}

// Usual returns the default configuration of the run's method for what the published settings depend on: the size of pictures, the
// columns of text and the encoder, with what it starts from, or the loss of pairs.
func (c Config) Usual() (Config, error) {
	m, err := c.Method()
	if err != nil {
		return Config{}, err
	}
	if c.SupConText != nil && c.Text != nil {
		return c.usualSupConText()
	}
	if c.SimCSE != nil && c.Text != nil {
		switch columns := c.Text.TextOptions; {
		case c.Text.Pretrained != "":
			return SimCSEFrom(c.Text.Pretrained, columns)
		case c.Text.Vectors != "":
			return SimCSEFromVectors(c.Text.Vectors, columns)
		default:
			return simCSEOf(c.Backbone, columns), nil
		}
	}
	if c.CLIP != nil && c.Pairs != nil {
		if c.Pairs.Pretrained != "" {
			return clipFrom(c.Pairs.Pretrained, c.ImageSize, c.CLIP.Contrast)
		}
		return DefaultCLIP(c.ImageSize, c.Pairs.TextBackbone, c.CLIP.Contrast), nil
	}
	return Default(m.Name(), c.ImageSize)
}

// DefaultSimCLR is a SimCLR run for pictures of the given side: see [method.DefaultSimCLR] for the method's own settings.
//
// Up to 64 pixels the optimizer is that of lightly's CIFAR-10 benchmark (benchmarks of lightly-ai/lightly, ResNet-18): SGD with
// 0.06 for a batch of 128 and a decay of 5e-4. Above, it is the paper's, LARS (section 2.2), with the rate it recommends for
// small batches and short runs, 0.075 times the root of the batch (appendix B.1). Both warm up over the paper's 10 epochs.
func DefaultSimCLR(imageSize int) Config {
	m := method.DefaultSimCLR(imageSize)
	c := base(imageSize)
	c.SimCLR = &m
	c.Schedule = optim.DefaultCosine()
	if imageSize <= method.SmallImage {
		c.Optimizer = optim.DefaultSGD()
		c.Optimizer.LearningRate, c.Optimizer.Scaling, c.Optimizer.WeightDecay = 0.12, optim.LinearScaling, 5e-4
		return c
	}
	c.Optimizer = optim.DefaultLARS()
	c.Optimizer.LearningRate, c.Optimizer.Scaling = 0.075, optim.SqrtScaling
	return c
}

// DefaultMoCo is a MoCo run for pictures of the given side: see [method.DefaultMoCo] for the method's own settings.
//
// The optimizer is the paper's (section 4: 200 epochs, 0.03 for a batch of 256, a tenth of it after 120 and a hundredth after 160, a
// decay of 1e-4 on everything), up to 64 pixels with the decay of the authors' demo on CIFAR-10, 5e-4
// (facebookresearch/moco, colab/moco_cifar10_demo.ipynb), whose rate, 0.06 for a batch of 512, is the same.
func DefaultMoCo(imageSize int) Config {
	m := method.DefaultMoCo(imageSize)
	c := momentumContrast(imageSize)
	c.MoCo = &m
	c.Schedule = optim.DefaultStep()
	return c
}

// DefaultMoCoV2 is a MoCo v2 run for pictures of the given side: see [method.DefaultMoCoV2] for the method's own settings. It is
// that of [DefaultMoCo] with a cosine without warm-up, as in version 2's paper (section 3) and in the demo.
func DefaultMoCoV2(imageSize int) Config {
	m := method.DefaultMoCoV2(imageSize)
	c := momentumContrast(imageSize)
	c.MoCoV2 = &m
	c.Schedule = optim.Schedule{Name: optim.Cosine}
	return c
}

// momentumContrast is what runs of both versions of MoCo have in common.
func momentumContrast(imageSize int) Config {
	c := base(imageSize)
	c.Epochs = 200
	c.Optimizer = optim.DefaultSGD()
	if imageSize <= method.SmallImage {
		c.Optimizer.WeightDecay = 5e-4
	}
	return c
}

// DefaultSupCon is a SupCon run for pictures of the given side: see [method.DefaultSupCon] for the method's own settings.
//
// SGD with 0.05 for a batch of 256, its momentum and decay are the defaults of the authors' script, the cosine without warm-up to a
// thousandth of the rate is its --cosine (HobbitLong/SupContrast, main_supcon.py and util.py). The command of its README for CIFAR-10,
// --batch_size 1024 --learning_rate 0.5 --temp 0.1 --cosine, is faster: at a batch of 256 it would have the rate 0.125, on a loss that is
// τ/0.07 times the one here.
func DefaultSupCon(imageSize int) Config {
	m := method.DefaultSupCon(imageSize)
	c := base(imageSize)
	c.SupCon = &m
	c.Schedule = optim.Schedule{Name: optim.Cosine, Final: 1e-3}
	c.Optimizer = optim.DefaultSGD()
	c.Optimizer.LearningRate = 0.05
	return c
}

// DefaultBYOL is a BYOL run for pictures of the given side: see [method.DefaultBYOL] for the method's own settings.
//
// Up to 64 pixels the optimizer takes the steps of lightly's CIFAR-10 benchmark (lightly-ai/lightly, cifar10_benchmark.py): SGD
// with 0.06 for a batch of 128 and a decay of 5e-4, on a loss that is a quarter of the paper's but for a constant. On the
// paper's, the same steps have a quarter of the rate and four times the decay. Above, it is the paper's, LARS, with the rate
// and decay that the authors set by the length of the run. Both warm up over the paper's 10 epochs (section 3.2).
func DefaultBYOL(imageSize int) Config {
	m := method.DefaultBYOL(imageSize)
	c := base(imageSize)
	c.BYOL = &m
	c.Schedule = optim.DefaultCosine()
	if imageSize <= method.SmallImage {
		c.Optimizer = optim.DefaultSGD()
		c.Optimizer.LearningRate, c.Optimizer.Scaling, c.Optimizer.WeightDecay = 0.12/4, optim.LinearScaling, 4*5e-4
		return c
	}
	c.Optimizer = optim.DefaultLARS()
	published := byolFor(c.Epochs)
	c.Optimizer.LearningRate, c.Optimizer.WeightDecay, c.BYOL.Tau = published.rate, published.decay, published.tau
	return c
}

// byolLength is what BYOL's authors set by the length of the run.
type byolLength struct {
	epochs           int
	rate, decay, tau float64
}

// byolLengths are the four lengths that they trained for (google-deepmind/deepmind-research, byol/configs/byol.py).
var byolLengths = []byolLength{
	{40, 0.45, 1e-6, 0.97},
	{100, 0.45, 1e-6, 0.99},
	{300, 0.3, 1e-6, 0.99},
	{1000, 0.2, 1.5e-6, 0.996},
}

// byolFor is the longest of the lengths that fits into so many epochs, or the shortest when none does.
func byolFor(epochs int) byolLength {
	found := byolLengths[0]
	for _, l := range byolLengths[1:] {
		if l.epochs <= epochs {
			found = l
		}
	}
	return found
}

// withBYOLEpochs gives a BYOL run that has the authors' settings for its length those for another one.
func (c Config) withBYOLEpochs(epochs int) Config {
	if c.BYOL == nil {
		return c
	}
	was, now := byolFor(c.Epochs), byolFor(epochs)
	if c.Optimizer.Name != optim.LARS || c.Optimizer.LearningRate != was.rate || c.Optimizer.WeightDecay != was.decay || c.BYOL.Tau != was.tau {
		return c
	}
	m := *c.BYOL
	m.Tau, c.Optimizer.LearningRate, c.Optimizer.WeightDecay = now.tau, now.rate, now.decay
	c.BYOL = &m
	return c
}

// DefaultSimSiam is a SimSiam run for pictures of the given side: see [method.DefaultSimSiam] for the method's own settings.
// SGD and a cosine without warm-up are the paper's: section 3 above 64 pixels, appendix D, for CIFAR-10, up to there.
func DefaultSimSiam(imageSize int) Config {
	m := method.DefaultSimSiam(imageSize)
	c := base(imageSize)
	c.SimSiam = &m
	c.Schedule = optim.Schedule{Name: optim.Cosine}
	c.Optimizer = optim.DefaultSGD()
	c.Optimizer.LearningRate = 0.05
	if imageSize <= method.SmallImage {
		c.Optimizer.LearningRate, c.Optimizer.WeightDecay = 0.03, 5e-4
	}
	return c
}

// DefaultBarlowTwins is a Barlow Twins run for pictures of the given side: see [method.DefaultBarlowTwins] for the method's own
// settings.
//
// Up to 64 pixels LARS has the rate, trust and decay of solo-learn for CIFAR-10 (vturrisi/solo-learn,
// scripts/pretrain/cifar/barlow.yaml), whose rule for the rate, LARC's clipping, there is none of here. Above, it is the authors',
// with a rate of its own for biases and norms. Both warm up over 10 epochs and end in a thousandth of the rate
// (facebookresearch/barlowtwins, main.py).
func DefaultBarlowTwins(imageSize int) Config {
	m := method.DefaultBarlowTwins(imageSize)
	c := base(imageSize)
	c.BarlowTwins = &m
	c.Schedule = optim.DefaultCosine()
	c.Schedule.Final = 1e-3
	c.Optimizer = optim.DefaultLARS()
	if imageSize <= method.SmallImage {
		c.Optimizer.LearningRate, c.Optimizer.Trust, c.Optimizer.WeightDecay = 0.3, 0.02, 1e-4
		return c
	}
	c.Optimizer.LearningRate, c.Optimizer.BiasLearningRate = 0.2, 0.0048
	return c
}

// DefaultSwAV is a SwAV run for pictures of the given side: see [method.DefaultSwAV] for the method's own settings.
//
// Up to 64 pixels the optimizer is that of lightly's CIFAR-10 benchmark (lightly-ai/lightly, cifar10_benchmark.py): Adam with
// 1e-3 for a batch of 128 and a cosine to 0. AdamW without decay is Adam; their decay of 1e-6, which Adam adds to the
// gradient, is left out. Above, it is the authors' for a batch of 256 (facebookresearch/swav, swav_200ep_bs256_pretrain.sh):
// LARC, whose rate goes from 0.6 to 0.0006 along a cosine. Neither warms up.
func DefaultSwAV(imageSize int) Config {
	m := method.DefaultSwAV(imageSize)
	c := base(imageSize)
	c.SwAV = &m
	if imageSize <= method.SmallImage {
		c.Optimizer = optim.Config{
			Name: optim.AdamW, LearningRate: 2e-3, Scaling: optim.LinearScaling, Mask: optim.All,
			Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, // PyTorch's
		}
		c.Schedule = optim.Schedule{Name: optim.Cosine}
		return c
	}
	c.Optimizer = optim.DefaultLARC()
	c.Schedule = optim.Schedule{Name: optim.Cosine, Final: 0.001}
	return c
}

// DefaultSimCSE is a SimCSE run of an encoder from scratch, by its name as [backbone.NewText] takes it, on rows of so many texts, with classes or not: see
// [method.DefaultSimCSE] for the method's own settings.
//
// The paper tunes an encoder that was trained before, which takes a rate of 3e-5. Weights that are drawn at random learn nothing at
// that rate. A transformer has the rate of the smallest
// of ELECTRA's, 5e-4 for a batch of 128, with decay 0.01 and a linear schedule (Clark et al. 2020, ELECTRA, table 6). The static encoder has
// the mean of its tokens' vectors, weighed as Arora et al. 2017 weigh them, no MLP, and ten times the rate, for a step moves a token's vector
// alone.
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
		c.Optimizer.LearningRate = 5e-3
	}
	return c
}

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
	c.Epochs, c.Batch = 20, 256
	c.HoldOut = 0.1
	c.Schedule.WarmupEpochs = 2
	return c
}

// usualSupConText is the default run for the columns of text and the encoder, with what it starts from.
func (c Config) usualSupConText() (Config, error) {
	simcse := method.DefaultSimCSE(c.Text.texts())
	c.SupConText, c.SimCSE = nil, &simcse
	usual, err := c.Usual()
	if err != nil {
		return Config{}, err
	}
	return supConTextOver(usual), nil
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
