package train

import (
	"fmt"
	"strings"

	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
)

// methods lists the methods that the configuration sets: one, if it is right.
func (c Config) methods() []method.Method {
	var list []method.Method
	if c.SimCLR != nil {
		list = append(list, *c.SimCLR)
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

// Default returns the default configuration of the named method. The error suggests the nearest name.
func Default(methodName string, imageSize int) (Config, error) {
	info, err := method.Find(methodName)
	if err != nil {
		return Config{}, err
	}
	switch info.Name {
	case "simclr":
		return DefaultSimCLR(imageSize), nil
	}
	return Config{}, fmt.Errorf("%s has no default configuration", info.Name)
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
