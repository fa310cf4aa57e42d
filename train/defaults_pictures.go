package train

import (
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
)

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
