package method

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/positive"
)

// SupConText is [SupCon] for texts with classes: L is the same, of
//
//	r = Enc(text), z = Proj(r), of length 1
//
// A text's two views are itself under two dropout masks, as in [SimCSE], or itself and a view made by rule; of rows of two texts, they are
// those. Gunel, Du, Conneau and Stoyanov 2021, "Supervised contrastive learning for pre-trained language model fine-tuning", have the loss
// for classes of text beside that of a classifier, on one view and without a projector.
type SupConText struct {
	Supervised `yaml:",inline"`
	Pooling    backbone.Pooling    `yaml:"pooling" help:"what makes one vector of all tokens': cls, the first one's, mean, or last, that of its end"`
	Positive   positive.TextConfig `yaml:"positive"`
}

// DefaultSupConText has SupCon's published τ and projector, and SimCSE's vector of the first token.
func DefaultSupConText() SupConText {
	return SupConText{Supervised: DefaultSupCon(SmallImage).Supervised, Pooling: backbone.PoolCLS}
}

// Name is "supcon_text".
func (m SupConText) Name() string { return "supcon_text" }

// Validate names the first hyper-parameter that cannot be used.
func (m SupConText) Validate() error {
	if err := m.Supervised.Validate(); err != nil {
		return err
	}
	if err := m.Pooling.Validate(); err != nil {
		return err
	}
	return m.Views().check()
}

// Views makes the second view of texts, where there is a rule for it.
func (m SupConText) Views() TextViews { return TextViews{Positive: m.Positive} }

// Sentence is without a layer: the projector is for training alone.
func (m SupConText) Sentence() Sentence { return Sentence{Pooling: m.Pooling} }

// Loss builds a step of SupCon: both views go through the network together.
func (m SupConText) Loss(scope *model.Scope, encoder backbone.TextEncoder, batch Batch) Output {
	return m.Compare(scope, m.Represent(scope, encoder, batch), batch)
}

// Represent gives r of both views.
func (m SupConText) Represent(scope *model.Scope, encoder backbone.TextEncoder, batch Batch) []*graph.Node {
	return []*graph.Node{m.Sentence().Represent(scope, encoder, stack(twice(batch.Texts)))}
}
