package method

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/positive"
)

// BYOL is Grill et al. 2020, "Bootstrap your own latent: a new approach to self-supervised learning".
//
// There are no negatives. The online network θ predicts, from one view of a picture, what the target network ξ, a slow moving
// average of itself, makes of the other view:
//
//	online: y = f_θ(view), z = g_θ(y), prediction q_θ(z)        target: y' = f_ξ(view), z' = g_ξ(y')
//	L = |q̄_θ(z1) - z̄'2|² + |q̄_θ(z2) - z̄'1|²                       (equation 2, both ways)
//	ξ ← τ ξ + (1 - τ) θ                                         (equation 1, after the optimizer's step)
//
// A bar is division by the length. The two views are drawn in two ways.
type BYOL struct {
	Tau      float64              `yaml:"tau" help:"τ at the start: share of the target network that a step leaves; it rises to 1 by the end"`
	Hidden   int                  `yaml:"hidden" help:"width of the hidden layer of projector and predictor"`
	Out      int                  `yaml:"projector_out" help:"width of the projections z and of the predictions"`
	Augment1 positive.ImageConfig `yaml:"augment_1"`
	Augment2 positive.ImageConfig `yaml:"augment_2"`
}

// DefaultBYOL has the published settings for pictures of the given side in pixels. Up to 64 pixels the widths and τ are those
// of lightly's CIFAR-10 benchmark (lightly-ai/lightly, cifar10_benchmark.py), with the views of solo-learn's
// ([positive.BYOLSmall]). Above, all is the paper's (sections 3.1 and 3.2, appendix B), with the τ of 100 epochs;
// train.Config.WithEpochs has those of other runs.
func DefaultBYOL(imageSize int) BYOL {
	views := positive.BYOL(imageSize)
	m := BYOL{Tau: 0.99, Hidden: 4096, Out: 256}
	if imageSize <= SmallImage {
		m.Hidden = 1024
		views = positive.BYOLSmall(imageSize)
	}
	m.Augment1, m.Augment2 = views[0], views[1]
	return m
}

// Name is "byol".
func (m BYOL) Name() string { return "byol" }

// Validate names the first hyper-parameter that cannot be used.
func (m BYOL) Validate() error {
	switch {
	case !(m.Tau >= 0 && m.Tau <= 1): // so that NaN fails
		return fmt.Errorf("tau is %g: it must be from 0 to 1", m.Tau)
	case m.Hidden < 1 || m.Hidden > maxWidth:
		return fmt.Errorf("hidden is %d: it must be from 1 to %d", m.Hidden, maxWidth)
	case m.Out < 2 || m.Out > maxWidth:
		return fmt.Errorf("projector_out is %d: it must be from 2 to %d", m.Out, maxWidth)
	}
	return validPair(m.Augment1, m.Augment2)
}

// validPair checks the augmentations of two views that are drawn in two ways.
func validPair(first, second positive.ImageConfig) error {
	if err := first.Validate(); err != nil {
		return fmt.Errorf("augment_1.%w", err)
	}
	if err := second.Validate(); err != nil {
		return fmt.Errorf("augment_2.%w", err)
	}
	if first.Size != second.Size {
		return fmt.Errorf("augment_2.size is %d: it must be that of augment_1, %d", second.Size, first.Size)
	}
	return nil
}

// Views is a draw of each augmentation.
func (m BYOL) Views() []positive.ImageConfig {
	return []positive.ImageConfig{m.Augment1, m.Augment2}
}

// Loss builds algorithm 1 of the paper up to the gradient. Each view is normalised with the statistics of its own batch, in the
// online network and, with statistics of its own, in the target network.
func (m BYOL) Loss(scope *model.Scope, encoder backbone.Encoder, batch Batch) Output {
	var z, p, t [2]*graph.Node
	for i, view := range batch.Views {
		z[i] = m.project(scope, encoder, view)
		p[i] = inFloat32(m.head().Apply(scope.At("predictor"), z[i]))
	}
	for _, pair := range pairs(scope) {
		pair.Start()
	}
	for i, view := range batch.Views {
		t[i] = inFloat32(m.project(targetOf(scope), encoder, view))
	}
	return Output{
		Loss:       loss.BYOL(p[0], p[1], t[0], t[1]),
		Embeddings: inFloat32(graph.Concatenate(z[:], 0)),
	}
}

// project is z = g(f(view)), in the online network's scope or the target's: [batch, Out].
func (m BYOL) project(scope *model.Scope, encoder backbone.Encoder, view *graph.Node) *graph.Node {
	y := encoder.Features(scope.At(EncoderScope), view)
	return m.head().Apply(scope.At("projector"), y)
}

// head is the projector, and the predictor: a linear layer, batch norm, a rectifier and a linear layer without bias.
func (m BYOL) head() nn.MLP {
	return nn.MLP{Layers: 2, Hidden: m.Hidden, Out: m.Out, HiddenNorm: true}
}

// AfterStep moves the target network: equation 1.
func (m BYOL) AfterStep(scope *model.Scope, batch Batch) {
	tau := m.tau(batch.Clock)
	for _, pair := range pairs(scope) {
		pair.Follow(tau)
	}
}

// tau is τ in step k of K (section 3.2):
//
//	τ = 1 - (1 - τ_base) (cos(πk/K) + 1)/2
//
// The first step is step 1, so that the last has τ = 1. The authors' code (google-deepmind/deepmind-research,
// byol/utils/schedules.py) calls the first one 0.
func (m BYOL) tau(c Clock) *graph.Node {
	k := graph.OnePlus(c.Step)
	cosine := graph.Cos(graph.MulScalar(k, math.Pi/float64(c.Steps)))
	return graph.OneMinus(graph.MulScalar(graph.OnePlus(cosine), (1-m.Tau)/2))
}
