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

// BarlowTwins is Zbontar, Jing, Misra, LeCun and Deny 2021, "Barlow Twins: self-supervised learning via redundancy reduction".
//
// There are no negatives and no second network. Over the batch, each dimension of the embeddings of one view shall go with the
// same dimension of the other view's and with no other:
//
//	h = f(view), z = g(h), C = ẑ1ᵀ ẑ2 / N with ẑ normalised over the batch      (equation 2)
//	L = Σ_i (1 - C_ii)² + λ Σ_i Σ_{j≠i} C_ij²                                   (equation 1)
//
// The two views are drawn in two ways.
type BarlowTwins struct {
	Lambda   float64              `yaml:"lambda" help:"λ: weight of the redundancy against the invariance"`
	Scale    float64              `yaml:"loss_scale" help:"multiplies the loss, and so, with lars, the steps of biases and norms alone"`
	Layers   int                  `yaml:"projector_layers" help:"layers of the projector"`
	Hidden   int                  `yaml:"projector_hidden" help:"width of the projector's hidden layers"`
	Out      int                  `yaml:"projector_out" help:"width of the embeddings z; the method gains from many"`
	Augment1 positive.ImageConfig `yaml:"augment_1"`
	Augment2 positive.ImageConfig `yaml:"augment_2"`
}

// DefaultBarlowTwins has the published settings for pictures of the given side in pixels. Up to 64 pixels the width, the scale
// of the loss and the views ([positive.BYOLSmall]) are those of solo-learn for CIFAR-10 (vturrisi/solo-learn,
// scripts/pretrain/cifar/barlow.yaml). Above, all is the authors' (section 2.2; facebookresearch/barlowtwins, main.py).
func DefaultBarlowTwins(imageSize int) BarlowTwins {
	views := positive.BYOL(imageSize)
	m := BarlowTwins{Lambda: loss.DefaultBarlowTwinsLambda, Scale: 1, Layers: 3, Hidden: 8192, Out: 8192}
	if imageSize <= SmallImage {
		m.Scale, m.Hidden, m.Out = 0.1, 2048, 2048
		views = positive.BYOLSmall(imageSize)
	}
	m.Augment1, m.Augment2 = views[0], views[1]
	return m
}

// Name is "barlowtwins".
func (m BarlowTwins) Name() string { return "barlowtwins" }

// Validate names the first hyper-parameter that cannot be used.
func (m BarlowTwins) Validate() error {
	switch {
	case !(m.Lambda >= 0) || math.IsInf(m.Lambda, 0):
		return fmt.Errorf("lambda is %g: it must be a number from 0 up", m.Lambda)
	case !(m.Scale > 0) || math.IsInf(m.Scale, 0):
		return fmt.Errorf("loss_scale is %g: it must be a number above 0", m.Scale)
	case m.Layers < 1 || m.Layers > 8:
		return fmt.Errorf("projector_layers is %d: it must be from 1 to 8", m.Layers)
	case m.Hidden < 1 || m.Hidden > maxWidth:
		return fmt.Errorf("projector_hidden is %d: it must be from 1 to %d", m.Hidden, maxWidth)
	case m.Out < 2 || m.Out > maxWidth:
		return fmt.Errorf("projector_out is %d: it must be from 2 to %d", m.Out, maxWidth)
	}
	return validPair(m.Augment1, m.Augment2)
}

// Views is a draw of each augmentation.
func (m BarlowTwins) Views() []positive.ImageConfig {
	return []positive.ImageConfig{m.Augment1, m.Augment2}
}

// Loss builds algorithm 1 of the paper. Each view is normalised with the statistics of its own batch.
func (m BarlowTwins) Loss(scope *model.Scope, encoder backbone.Encoder, batch Batch) Output {
	var z [2]*graph.Node
	for i, view := range batch.Views {
		h := encoder.Features(scope.At(EncoderScope), view)
		z[i] = inFloat32(m.projector().Apply(scope.At("projector"), h))
	}
	twins := loss.BarlowTwins(z[0], z[1], m.Lambda)
	return Output{Loss: graph.MulScalar(twins, m.Scale), Embeddings: graph.Concatenate(z[:], 0)}
}

// projector has no biases, and no norm after its last layer: the loss has one.
func (m BarlowTwins) projector() nn.MLP {
	return nn.MLP{Layers: m.Layers, Hidden: m.Hidden, Out: m.Out, HiddenNorm: true}
}
