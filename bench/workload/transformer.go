package main

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// transformer is one of Dosovitskiy et al. 2021, "An image is worth 16x16 words", with the norms in front and the mean
// over the tokens behind.
type transformer struct{ tokens, width, depth, heads int }

const (
	patch      = 16    // pixels a side of a patch
	vocabulary = 30522 // BERT's
	positions  = 0.02  // standard deviation of the embeddings of positions and words, as BERT's
	epsilon    = 1e-5  // of the layer norms, as PyTorch's
)

// features maps embedded tokens x [items, tokens, width] to [items, width].
func (t transformer) features(scope *model.Scope, x *Node) *Node {
	p := ConvertDType(nn.Parameter(scope, "positions", nn.Normal(positions), t.tokens, t.width).NodeValue(x), x.DType())
	x = Add(x, BroadcastToShape(InsertAxes(p, 0), x.Shape()))
	layer := nn.TransformerBlock{Heads: t.heads, Hidden: 4 * t.width, Epsilon: epsilon}
	for i := range t.depth {
		x = layer.Apply(scope.In("block_%d", i), x, nil)
	}
	return ReduceMean(nn.LayerNorm(scope.In("norm"), x, epsilon), 1)
}

// flops counts one item: per token four matrices of width² and two of 4 width², and the two products of attention.
func (t transformer) flops() float64 {
	perToken := 2 * (12*t.width*t.width + 2*t.tokens*t.width)
	return float64(t.depth * t.tokens * perToken)
}

// embedPatches cuts images [items, size, size, 3] into patches and maps each linearly: [items, patches, width].
func embedPatches(scope *model.Scope, images *Node, width int) *Node {
	side := images.Shape().Dim(1) / patch
	x := Reshape(images, -1, side, patch, side, patch, 3)
	x = Reshape(TransposeAllDims(x, 0, 1, 3, 2, 4, 5), -1, side*side, patch*patch*3)
	return nn.Dense(scope.In("patches"), x, width, true)
}

// embedTokens looks ids [items, tokens] up: [items, tokens, width].
func embedTokens(scope *model.Scope, ids *Node, width int, dtype dtypes.DType) *Node {
	table := nn.Parameter(scope, "words", nn.Normal(positions), vocabulary, width).NodeValue(ids)
	return ConvertDType(Gather(table, InsertAxes(ids, -1)), dtype)
}
