package method

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/positive"
)

// SimCLR is Chen, Kornblith, Norouzi and Hinton 2020, "A simple framework for contrastive learning of visual
// representations"; with three projector layers it has the head of its second version, Chen et al. 2020, "Big
// self-supervised models are strong semi-supervised learners".
//
// Two views of each of N pictures go through the encoder f and the projector g together. Every view's positive is the
// other view of its picture; the other 2N-2 views of the batch are its negatives:
//
//	h = f(view), z = g(h), L = NT-Xent(z) with temperature τ (equation 1)
type SimCLR struct {
	Temperature float64              `yaml:"temperature" help:"τ: divides the similarities before the softmax"`
	Similarity  loss.Similarity      `yaml:"similarity" help:"how embeddings are compared: cosine, dot or euclidean"`
	Decoupled   bool                 `yaml:"decoupled" help:"leave the positive out of the denominator; the paper keeps it in"`
	Layers      int                  `yaml:"projector_layers" help:"layers of the projector: 2 as in version 1, 3 as in version 2"`
	Hidden      int                  `yaml:"projector_hidden" help:"width of the projector's hidden layers; 0 is the encoder's width"`
	Out         int                  `yaml:"projector_out" help:"width of the embeddings z"`
	Augment     positive.ImageConfig `yaml:"augment"`
}

// DefaultSimCLR has the published settings for pictures of the given side in pixels. Up to 64 pixels these are the paper's
// for CIFAR-10 (appendix B.9: τ 0.5, colour strength 0.5, no blur), above them those for ImageNet (section 2, appendix A
// and B.7: τ 0.1). The projector has one hidden layer as wide as the representation and 128 outputs (section 2.2), and
// batch norm after every layer, the last without offset (google-research/simclr, model_util.py).
func DefaultSimCLR(imageSize int) SimCLR {
	m := SimCLR{
		Temperature: 0.1,
		Similarity:  loss.Cosine,
		Layers:      2,
		Out:         128,
		Augment:     positive.SimCLR(imageSize),
	}
	if imageSize <= SmallImage {
		m.Temperature = 0.5
		m.Augment = positive.SimCLRSmall(imageSize)
	}
	return m
}

// SmallImage is the largest side, in pixels, for which the settings for CIFAR-10 are the defaults.
const SmallImage = 64

// maxWidth is the widest layer of a head: some eight times the widest published one. Beyond, it is a slip of the finger that
// would take all memory.
const maxWidth = 1 << 16

// Name is "simclr".
func (m SimCLR) Name() string { return "simclr" }

// Validate names the first hyper-parameter that cannot be used.
func (m SimCLR) Validate() error {
	if err := m.contrast().Validate(); err != nil {
		return err
	}
	switch {
	case m.Layers < 1 || m.Layers > 8:
		return fmt.Errorf("projector_layers is %d: it must be from 1 to 8", m.Layers)
	case m.Hidden < 0 || m.Hidden > maxWidth:
		return fmt.Errorf("projector_hidden is %d: it must be 0, for the encoder's width, or up to %d", m.Hidden, maxWidth)
	case m.Out < 2 || m.Out > maxWidth:
		return fmt.Errorf("projector_out is %d: it must be from 2 to %d", m.Out, maxWidth)
	}
	if err := m.Augment.Validate(); err != nil {
		return fmt.Errorf("augment.%w", err)
	}
	return nil
}

// Views is two draws of one augmentation.
func (m SimCLR) Views() []positive.ImageConfig {
	return []positive.ImageConfig{m.Augment, m.Augment}
}

// Loss builds algorithm 1 of the paper.
func (m SimCLR) Loss(scope *model.Scope, encoder backbone.Encoder, batch Batch) Output {
	return m.Compare(scope, m.Represent(scope, encoder, batch), batch)
}

// Represent gives h of both views, which go through the encoder together.
func (m SimCLR) Represent(scope *model.Scope, encoder backbone.Encoder, batch Batch) []*graph.Node {
	return []*graph.Node{encoder.Features(scope.At(EncoderScope), graph.Concatenate(batch.Views, 0))}
}

// Compare goes from h through the projector to the loss.
func (m SimCLR) Compare(scope *model.Scope, h []*graph.Node, batch Batch) Output {
	z := m.projector(h[0].Shape().Dim(1)).Apply(scope.In("projector"), h[0])
	z = inFloat32(z)
	n := z.Shape().Dim(0) / 2
	z1 := graph.Slice(z, graph.AxisRange(0, n))
	z2 := graph.Slice(z, graph.AxisRange(n))
	contrast := batch.losses().NTXent
	if m.Decoupled {
		contrast = batch.losses().Guide
	}
	return Output{Loss: contrast(z1, z2, m.contrast()), Embeddings: z}
}

func (m SimCLR) contrast() loss.Contrast {
	return loss.Contrast{Similarity: m.Similarity, Temperature: m.Temperature}
}

func (m SimCLR) projector(features int) nn.MLP {
	hidden := m.Hidden
	if hidden == 0 {
		hidden = features
	}
	return nn.MLP{Layers: m.Layers, Hidden: hidden, Out: m.Out, HiddenNorm: true, OutNorm: true}
}
