// Package optim changes a model's parameters along their gradients: SGD with momentum, LARS and AdamW, with the learning
// rate schedules and masks that the papers use.
//
// A [Config] holds an optimizer's settings; [DefaultSGD], [DefaultLARS], [DefaultLARC] and [DefaultAdamW] give published
// ones. [Config.Update] adds one step to a training graph. What an optimizer remembers between steps (momentum, moments)
// are variables of the model's store under "optimizer/", not trainable, so a checkpoint of all variables is complete.
//
// The learning rate is fed to the graph as a number each step. A [Schedule] says, as a plain function of the step, what it
// is, starting from [Config.Rate], which fits it to the batch size.
package optim

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Config holds the settings of one optimizer. A setting that the named optimizer does not have must be 0.
type Config struct {
	Name             string  `yaml:"name" help:"optimizer: sgd, lars or adamw"`
	LearningRate     float64 `yaml:"learning_rate" help:"learning rate before scaling by the batch size and the schedule"`
	Scaling          Scaling `yaml:"scaling" help:"how the learning rate follows the batch size: linear (times batch/256), sqrt (times its root) or none"`
	BiasLearningRate float64 `yaml:"bias_learning_rate" help:"learning rate of biases and norms in place of learning_rate; 0 for the same"`
	WeightDecay      float64 `yaml:"weight_decay" help:"added to the gradient (sgd, lars) or taken off the weight directly (adamw), times the weight"`
	Mask             Mask    `yaml:"mask" help:"parameters that get weight decay and lars adaptation: all, or exclude_1d to leave out biases, norms and a vision transformer's positions"`
	ClipNorm         float64 `yaml:"clip_norm" help:"longest global norm of the gradients, longer ones are shortened to it; 0 for any"`
	Momentum         float64 `yaml:"momentum" help:"share of the previous step's direction that is kept (sgd, lars)"`
	Nesterov         bool    `yaml:"nesterov" help:"Nesterov's momentum (sgd, lars)"`
	Trust            float64 `yaml:"trust" help:"trust coefficient: a layer's step relative to its weights' norm (lars)"`
	Beta1            float64 `yaml:"beta1" help:"decay of the mean of the gradients (adamw)"`
	Beta2            float64 `yaml:"beta2" help:"decay of the mean of the squared gradients (adamw)"`
	Epsilon          float64 `yaml:"epsilon" help:"added to the root of the mean squared gradient (adamw)"`
}

// The optimizers' names.
const (
	SGD   = "sgd"
	LARS  = "lars"
	AdamW = "adamw"
)

// Names lists the optimizers' names.
func Names() []string { return []string{SGD, LARS, AdamW} }

// Default returns the published settings of the named optimizer.
func Default(name string) (Config, error) {
	switch name {
	case SGD:
		return DefaultSGD(), nil
	case LARS:
		return DefaultLARS(), nil
	case AdamW:
		return DefaultAdamW(), nil
	}
	return Config{}, wrongName(name)
}

// DefaultSGD returns MoCo's settings: He et al. 2020, section 4 (facebookresearch/moco, main_moco.py). The rate is for a
// batch of 256; every parameter decays.
func DefaultSGD() Config {
	return Config{Name: SGD, LearningRate: 0.03, Scaling: LinearScaling, Momentum: 0.9, WeightDecay: 1e-4, Mask: All}
}

// DefaultLARS returns SimCLR's settings: Chen et al. 2020, section 2.2 (google-research/simclr, run.py and
// lars_optimizer.py). The rate is for a batch of 256.
func DefaultLARS() Config {
	return Config{Name: LARS, LearningRate: 0.3, Scaling: LinearScaling, Momentum: 0.9, WeightDecay: 1e-6, Trust: 0.001, Mask: Exclude1D}
}

// DefaultLARC returns SwAV's settings: Caron et al. 2020, appendix A (facebookresearch/swav, main_swav.py), which is LARS
// without exclusions. The rate is the one for a batch of 256;
// theirs for 4096 is 4.8, which no rule gives.
//
// Apex's LARC, which SwAV uses, divides by |g| + decay·|w|, LARS by |g + decay·w|; at a decay of 1e-6 they hardly differ.
func DefaultLARC() Config {
	return Config{Name: LARS, LearningRate: 0.6, Scaling: NoScaling, Momentum: 0.9, WeightDecay: 1e-6, Trust: 0.001, Mask: All}
}

// DefaultAdamW returns the settings of CLIP's vision transformers: Radford et al. 2021, table 20 and appendix F
// (mlfoundations/open_clip, whose rate is 5e-4).
func DefaultAdamW() Config {
	return Config{Name: AdamW, LearningRate: 5e-4, Scaling: NoScaling, WeightDecay: 0.2, Mask: Exclude1D, Beta1: 0.9, Beta2: 0.98, Epsilon: 1e-6}
}

// Validate names the first setting that is out of its range or that the named optimizer does not have.
func (c Config) Validate() error {
	if !slices.Contains(Names(), c.Name) {
		return wrongName(c.Name)
	}
	if err := c.Scaling.validate(); err != nil {
		return err
	}
	if err := c.Mask.validate(); err != nil {
		return err
	}
	adam := c.Name == AdamW
	for _, s := range []struct {
		name  string
		value float64
		below float64
		has   bool // whether the optimizer has this setting
	}{
		{"learning_rate", c.LearningRate, math.Inf(1), true},
		{"bias_learning_rate", c.BiasLearningRate, math.Inf(1), true},
		{"weight_decay", c.WeightDecay, math.Inf(1), true},
		{"clip_norm", c.ClipNorm, math.Inf(1), true},
		{"momentum", c.Momentum, 1, !adam},
		{"trust", c.Trust, math.Inf(1), c.Name == LARS},
		{"beta1", c.Beta1, 1, adam},
		{"beta2", c.Beta2, 1, adam},
		{"epsilon", c.Epsilon, math.Inf(1), adam},
	} {
		if !s.has && s.value != 0 {
			return fmt.Errorf("%s is %g: it must be 0, as %s has no such setting", s.name, s.value, c.Name)
		}
		if !(s.value >= 0 && s.value < s.below) {
			return fmt.Errorf("%s is %g: it must be at least 0 and below %g", s.name, s.value, s.below)
		}
	}
	switch {
	case c.LearningRate == 0:
		return fmt.Errorf("learning_rate is 0: it must be above 0")
	case c.Nesterov && c.Momentum == 0:
		return fmt.Errorf("nesterov is true: it needs momentum above 0")
	case c.Name == LARS && c.Trust == 0:
		return fmt.Errorf("trust is 0: it must be above 0 for lars, which is sgd without it")
	case adam && c.Epsilon == 0:
		return fmt.Errorf("epsilon is 0: it must be above 0 for adamw")
	}
	return nil
}

func wrongName(name string) error {
	return fmt.Errorf("name is %q: it must be %s, %s or %s", name, SGD, LARS, AdamW)
}

// Rate returns the learning rate for a batch size, from which the [Schedule] starts.
func (c Config) Rate(batch int) float64 { return c.Scaling.Rate(c.LearningRate, batch) }

// Update adds one optimizer step to a training graph: every parameter gets a new value, and so do the optimizer's own
// variables, which are made when first needed, as zeros under "optimizer/" in scope.
//
// grads are the gradients of params, one each and of the same shape. lr is the learning rate of this step, a scalar. The
// order of the parameters makes no difference.
func (c Config) Update(scope *model.Scope, params []*model.Variable, grads []*Node, lr *Node) {
	if err := c.Validate(); err != nil {
		exceptions.Panicf("optim.Config.Update: %v", err)
	}
	if !lr.IsScalar() {
		exceptions.Panicf("optim.Config.Update: lr must be a scalar, got %s", lr.Shape())
	}
	list := pair(params, grads)
	if c.ClipNorm > 0 {
		clip(list, c.ClipNorm)
	}
	own := scope.At("optimizer")
	var t *Node
	if c.Name == AdamW {
		t = countStep(own, lr.Graph())
	}
	for _, p := range list {
		p.own = own
		p.rate = ConvertDType(c.rateOf(p.v, lr), p.w.DType())
		if c.Name == AdamW {
			c.adamW(p, t)
		} else {
			c.descend(p)
		}
	}
}

// rateOf returns the learning rate of a parameter: biases and norms may have their own.
func (c Config) rateOf(v *model.Variable, lr *Node) *Node {
	if c.BiasLearningRate > 0 && is1D(v.Shape()) {
		return MulScalar(lr, c.BiasLearningRate/c.LearningRate)
	}
	return lr
}

// parameter is what one parameter's update needs.
type parameter struct {
	v    *model.Variable
	w    *Node        // its value
	grad *Node        // its gradient
	rate *Node        // its learning rate, a scalar
	own  *model.Scope // of the optimizer's own variables
}

// pair joins parameters and gradients, in the order of the parameters' paths.
func pair(params []*model.Variable, grads []*Node) []*parameter {
	if len(params) != len(grads) {
		exceptions.Panicf("optim.Config.Update: %d parameters but %d gradients", len(params), len(grads))
	}
	list := make([]*parameter, len(params))
	for i, v := range params {
		if !v.Shape().Equal(grads[i].Shape()) {
			exceptions.Panicf("optim.Config.Update: parameter %s of %s has a gradient of %s", v.Path(), v.Shape(), grads[i].Shape())
		}
		list[i] = &parameter{v: v, w: v.NodeValue(grads[i]), grad: grads[i]}
	}
	slices.SortFunc(list, func(a, b *parameter) int { return cmp.Compare(a.v.Path(), b.v.Path()) })
	return list
}

// slot returns the optimizer's own variable of that name for the parameter, of its shape.
func (p *parameter) slot(name string) *model.Variable {
	path := model.JoinPath(p.own.Scope(), name, p.v.Path())
	return p.own.Store().VariableWithShape(path, p.v.Shape(), Zeros).SetTrainable(false)
}
