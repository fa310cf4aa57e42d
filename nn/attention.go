package nn

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/attention"
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
	tokens, width := x.Shape().Dim(1), x.Shape().Dim(2)
	qkv := DenseFrom(scope.In("qkv"), x, 3*width, true, transformerInit)
	part := func(i int) *graph.Node {
		columns := graph.Slice(qkv, graph.AxisRange(), graph.AxisRange(), graph.AxisRange(i*width, (i+1)*width))
		return graph.Reshape(columns, -1, tokens, heads, width/heads)
	}
	y := graph.Reshape(attend(part(0), part(1), part(2), keys), -1, tokens, width)
	return DenseFrom(scope.In("out"), y, width, true, transformerInit)
}

// attend is scaled dot-product attention; query, key and value are [batch, tokens, heads, dim]. A device that has it as one
// operation computes the softmax in float32 itself.
func attend(query, key, value, keys *graph.Node) *graph.Node {
	dtype := query.DType()
	if !query.Graph().Backend().Capabilities().Operations[compute.OpTypeFusedScaledDotProductAttention] {
		query, key, value = toFloat32(query), toFloat32(key), toFloat32(value)
	}
	var options attention.CoreOptions
	if keys != nil {
		options.AttentionMask = graph.InsertAxes(keys, 1, 1)
	}
	y, _ := attention.Core(query, key, value, attention.LayoutBSHD, options)
	return graph.ConvertDType(y, dtype)
}
