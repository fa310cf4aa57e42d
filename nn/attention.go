package nn

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	layers "github.com/gomlx/gomlx/ml/layers/attention"
	"github.com/gomlx/gomlx/ml/model"
)

// Attention is multi-head self-attention, Vaswani et al. 2017, "Attention is all you need", section 3.2: x [batch, tokens,
// width] -> [batch, tokens, width]. With Q, K and V linear in x, each head, width/heads wide, gives
//
//	softmax(Q Kᵀ/√(width/heads)) V
//
// and the result is linear in the heads side by side. Keys [batch, tokens], boolean, says which tokens may be looked at, at
// least one of each item; nil is all of them. The softmax is computed in float32; the result has the type of x.
func Attention(scope *model.Scope, x *graph.Node, heads int, keys *graph.Node) *graph.Node {
	return attention{heads: heads}.apply(scope, x, keys)
}

// attention is [Attention] in all its forms.
type attention struct {
	heads int
	// dropout is the rate of [Dropout] of the softmax's values, as BERT has it (google-research/bert, modeling.py, attention_layer:
	// "this is actually dropping out entire tokens to attend to").
	dropout float64
	// causal lets a token look at itself and at those before it alone. It goes with neither keys nor dropout.
	causal bool
	// qkv and out draw the two matrices; nil is transformerInit.
	qkv, out Init
}

func (a attention) apply(scope *model.Scope, x, keys *graph.Node) *graph.Node {
	tokens, width := x.Shape().Dim(1), x.Shape().Dim(2)
	qkv := DenseFrom(scope.In("qkv"), x, 3*width, true, a.qkv.or(transformerInit))
	part := func(i int) *graph.Node {
		columns := graph.Slice(qkv, graph.AxisRange(), graph.AxisRange(), graph.AxisRange(i*width, (i+1)*width))
		return graph.Reshape(columns, -1, tokens, a.heads, width/a.heads)
	}
	query, key, value := part(0), part(1), part(2)
	var y *graph.Node
	if a.dropout > 0 && scope.IsTraining(x.Graph()) {
		y = attendInPart(scope, query, key, value, keys, a.dropout)
	} else {
		y = attend(query, key, value, keys, a.causal)
	}
	return DenseFrom(scope.In("out"), graph.Reshape(y, -1, tokens, width), width, true, a.out.or(transformerInit))
}

// attendInPart is attend, each query looking at a random part of the keys. GoMLX has no operation for this; the engine recognises these
// steps and their gradient (engine/attention_dropout.go).
func attendInPart(scope *model.Scope, query, key, value, keys *graph.Node, dropout float64) *graph.Node {
	root := math.Sqrt(float64(query.Shape().Dim(-1)))
	scores := toFloat32(graph.Einsum("bqhd,bkhd->bhqk", graph.DivScalar(query, root), key))
	if keys != nil {
		// Lowest, rather than infinite, so that an item without any key to look at gives numbers.
		lowest := graph.BroadcastToShape(graph.Scalar(scores.Graph(), dtypes.Float32, -math.MaxFloat32), scores.Shape())
		scores = graph.Where(graph.BroadcastToShape(graph.InsertAxes(keys, 1, 1), scores.Shape()), scores, lowest)
	}
	weights := Dropout(scope, graph.Softmax(scores, -1), dropout)
	return graph.Einsum("bhqk,bkhd->bqhd", graph.ConvertDType(weights, value.DType()), value)
}

// attend is scaled dot-product attention; query, key and value are [batch, tokens, heads, dim]. A device that has it as one
// operation computes the softmax in float32 itself.
func attend(query, key, value, keys *graph.Node, causal bool) *graph.Node {
	dtype := query.DType()
	if !query.Graph().Backend().Capabilities().Operations[compute.OpTypeFusedScaledDotProductAttention] {
		query, key, value = toFloat32(query), toFloat32(key), toFloat32(value)
	}
	options := layers.CoreOptions{UseCausalMask: causal}
	if keys != nil {
		options.AttentionMask = graph.InsertAxes(keys, 1, 1)
	}
	y, _ := layers.Core(query, key, value, layers.LayoutBSHD, options)
	return graph.ConvertDType(y, dtype)
}
