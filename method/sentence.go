package method

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/nn"
)

// Sentence says how the representation of a text is made of its hidden states. Training and inference share it.
type Sentence struct {
	// Pooling makes one vector of all tokens': see [backbone.Pool].
	Pooling backbone.Pooling
	// Dense puts tanh(W h + b) after it, as wide as h, in a scope of its own in [EncoderScope].
	Dense bool
}

// Represent builds the graph from tokens [batch, length] to representations [batch, width] with the encoder in scope.
func (s Sentence) Represent(scope *model.Scope, encoder backbone.TextEncoder, tokens backbone.Tokens) *graph.Node {
	scope = scope.At(EncoderScope)
	h := backbone.Pool(encoder(scope, tokens), tokens.Mask, s.Pooling)
	if s.Dense {
		h = denseTanh(scope.At("dense"), h)
	}
	return h
}

// denseTanh is the layer that BERT has behind its first token, drawn as BERT's are (Devlin et al. 2019; google-research/bert,
// modeling.py, the pooler).
func denseTanh(scope *model.Scope, h *graph.Node) *graph.Node {
	return graph.Tanh(nn.DenseFrom(scope, h, h.Shape().Dim(-1), true, nn.Normal(0.02)))
}
