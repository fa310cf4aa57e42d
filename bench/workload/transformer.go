package main

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/layers/attention"
	"github.com/gomlx/gomlx/ml/model"
	layers "github.com/gomlx/gomlx/ml/nn"

	"github.com/alike-ml/alike/nn"
)

// transformer is one of Dosovitskiy et al. 2021, "An image is worth 16x16 words", with the norms in front and the mean
// over the tokens behind.
type transformer struct{ tokens, width, depth, heads int }

const (
	patch      = 16    // pixels a side of a patch
	vocabulary = 30522 // BERT's
	positions  = 0.02  // standard deviation of the embeddings of positions and words, as BERT's
)

// features maps embedded tokens x [items, tokens, width] to [items, width].
func (t transformer) features(scope *model.Scope, x *Node) *Node {
	p := ConvertDType(nn.Parameter(scope, "positions", nn.Normal(positions), t.tokens, t.width).NodeValue(x), x.DType())
	x = Add(x, BroadcastToShape(InsertAxes(p, 0), x.Shape()))
	for i := range t.depth {
		block := scope.In("block_%d", i)
		x = Add(x, t.attend(block, layerNorm(block.In("norm_1"), x)))
		up := nn.Dense(block.In("up"), layerNorm(block.In("norm_2"), x), 4*t.width, true)
		x = Add(x, nn.Dense(block.In("down"), activation.Gelu(up), t.width, true))
	}
	return ReduceMean(layerNorm(scope.In("norm"), x), 1)
}

func (t transformer) attend(scope *model.Scope, x *Node) *Node {
	qkv := nn.Dense(scope.In("qkv"), x, 3*t.width, true)
	head := func(i int) *Node {
		part := Slice(qkv, AxisRange(), AxisRange(), AxisRange(i*t.width, (i+1)*t.width))
		return Reshape(part, -1, t.tokens, t.heads, t.width/t.heads)
	}
	y, _ := attention.Core(head(0), head(1), head(2), attention.LayoutBSHD, attention.CoreOptions{})
	return nn.Dense(scope.In("out"), Reshape(y, -1, t.tokens, t.width), t.width, true)
}

// flops counts one item: per token four matrices of width² and two of 4 width², and the two products of attention.
func (t transformer) flops() float64 {
	perToken := 2 * (12*t.width*t.width + 2*t.tokens*t.width)
	return float64(t.depth * t.tokens * perToken)
}

func layerNorm(scope *model.Scope, x *Node) *Node {
	width := x.Shape().Dim(-1)
	scale := ConvertDType(nn.Parameter(scope, "scale", nn.Ones, width).NodeValue(x), x.DType())
	offset := ConvertDType(nn.Parameter(scope, "offset", nn.Zeros, width).NodeValue(x), x.DType())
	return layers.LayerNorm(x, []int{-1}, 1e-5, scale, offset, nil)
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
