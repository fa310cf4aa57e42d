package backbone

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Tokens are the texts of a batch, a row each, the shorter ones padded at their end to the length of the longest.
type Tokens struct {
	// IDs [batch, length], int32, are places in the vocabulary. What stands at a padded place has no effect, but must be
	// such a place.
	IDs *graph.Node
	// Mask [batch, length], boolean, is true where a token is the text's own.
	Mask *graph.Node
	// DType is the type that the encoder computes in: float32, or bfloat16 with weights in float32. The zero value is float32.
	DType dtypes.DType
}

// Precision is DType, or float32 for none.
func (t Tokens) Precision() dtypes.DType {
	if t.DType == dtypes.InvalidDType {
		return dtypes.Float32
	}
	return t.DType
}

// Without leaves out the tokens with the given ids, as if they were padding: what an encoder without context has of special ones,
// such as [CLS], is a vector that every text gets.
func (t Tokens) Without(ids ...int32) Tokens {
	for _, id := range ids {
		other := graph.NotEqual(t.IDs, graph.Scalar(t.IDs.Graph(), t.IDs.DType(), id))
		t.Mask = graph.LogicalAnd(t.Mask, other)
	}
	return t
}

// A TextEncoder builds the graph from tokens to hidden states [batch, length, width], a vector for each token, in the type that
// the tokens ask for. Its weights live in the scope it is given. What it gives at padded places has no meaning.
type TextEncoder func(scope *model.Scope, tokens Tokens) *graph.Node
