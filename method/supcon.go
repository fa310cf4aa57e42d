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

// SupCon is Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu and Krishnan 2020, "Supervised contrastive learning".
//
// It is SimCLR for pictures with classes. The positives P(i) of a view are the other view of its picture and all views of
// pictures of its class; the rest of the batch are its negatives:
//
//	r = Enc(view), z = Proj(r), of length 1                                            (section 3.1)
//	L = Σ_i -1/|P(i)| Σ_{p ∈ P(i)} log( exp(z_i·z_p/τ) / Σ_{a ≠ i} exp(z_i·z_a/τ) )    (equation 2, the mean of it)
//
// A picture without a class has its other view alone.
type SupCon struct {
	Supervised `yaml:",inline"`
	Augment    positive.ImageConfig `yaml:"augment"`
}

// Supervised is what SupCon is made of, for pictures and for texts: a projector, and the loss of two views of every item.
type Supervised struct {
	Temperature float64 `yaml:"temperature" help:"τ: divides the similarities before the softmax"`
	Hidden      int     `yaml:"projector_hidden" help:"width of the projector's hidden layer; 0 is the encoder's width"`
	Out         int     `yaml:"projector_out" help:"width of the embeddings z"`
}

// DefaultSupCon has the published settings for pictures of the given side in pixels: the paper's τ of 0.1 (section 4), the
// projector and the views of the authors' code (HobbitLong/SupContrast, networks/resnet_big.py, SupConResNet: a hidden layer as wide as
// the representation, 128 outputs, no batch norm; main_supcon.py, set_loader: version 2 of MoCo's views without blur). The code is for
// CIFAR; its views are also those for large pictures here, where the paper's have a learned augmentation (AutoAugment).
func DefaultSupCon(imageSize int) SupCon {
	m := SupCon{Supervised: Supervised{Temperature: loss.DefaultSupCon().Temperature, Out: 128}, Augment: positive.MoCoV2(imageSize)}
	m.Augment.Blur = 0
	if imageSize <= SmallImage {
		m.Augment.CenterCrop = 1 // the whole picture, as in main_linear.py
	}
	return m
}

// Name is "supcon".
func (m SupCon) Name() string { return "supcon" }

// NeedsLabels is true: classes are what it learns from.
func (m Supervised) NeedsLabels() bool { return true }

// Validate names the first hyper-parameter that cannot be used.
func (m Supervised) Validate() error {
	if err := m.contrast().Validate(); err != nil {
		return err
	}
	switch {
	case m.Hidden < 0 || m.Hidden > maxWidth:
		return fmt.Errorf("projector_hidden is %d: it must be 0, for the encoder's width, or up to %d", m.Hidden, maxWidth)
	case m.Out < 2 || m.Out > maxWidth:
		return fmt.Errorf("projector_out is %d: it must be from 2 to %d", m.Out, maxWidth)
	}
	return nil
}

// Validate names the first hyper-parameter that cannot be used.
func (m SupCon) Validate() error {
	if err := m.Supervised.Validate(); err != nil {
		return err
	}
	if err := m.Augment.Validate(); err != nil {
		return fmt.Errorf("augment.%w", err)
	}
	return nil
}

// Views is two draws of one augmentation.
func (m SupCon) Views() []positive.ImageConfig {
	return []positive.ImageConfig{m.Augment, m.Augment}
}

// Loss builds a step of train in the authors' main_supcon.py: both views go through the network together.
func (m SupCon) Loss(scope *model.Scope, encoder backbone.Encoder, batch Batch) Output {
	return m.Compare(scope, m.Represent(scope, encoder, batch), batch)
}

// Represent gives r of both views.
func (m SupCon) Represent(scope *model.Scope, encoder backbone.Encoder, batch Batch) []*graph.Node {
	return []*graph.Node{encoder.Features(scope.At(EncoderScope), graph.Concatenate(batch.Views, 0))}
}

// Compare goes from r through the projector to the loss: r is [2n, width], of one view of n items and below them of the other.
func (m Supervised) Compare(scope *model.Scope, r []*graph.Node, batch Batch) Output {
	n := batch.Labels.Shape().Dim(0)
	z := inFloat32(m.projector(r[0].Shape().Dim(1)).Apply(scope.In("projector"), r[0]))
	z1 := graph.Slice(z, graph.AxisRange(0, n))
	z2 := graph.Slice(z, graph.AxisRange(n))
	return Output{Loss: batch.losses().SupCon(z1, z2, batch.Labels, m.contrast()), Embeddings: z}
}

// contrast is the cosine over τ, which divides z by its length.
func (m Supervised) contrast() loss.Contrast {
	return loss.Contrast{Similarity: loss.Cosine, Temperature: m.Temperature}
}

// projector has a bias in both layers and no batch norm.
func (m Supervised) projector(features int) nn.MLP {
	hidden := m.Hidden
	if hidden == 0 {
		hidden = features
	}
	return nn.MLP{Layers: 2, Hidden: hidden, Out: m.Out, OutBias: true}
}
