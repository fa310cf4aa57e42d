package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	layers "github.com/gomlx/gomlx/ml/nn"
)

// LayerNorm normalises each row (last axis) of x [..., features]: Ba, Kiros and Hinton 2016, "Layer normalization".
//
//	y = γ (x - μ)/√(σ² + ε) + β
//
// with μ and σ² (biased) of the row, γ from 1 and β from 0. It is computed in float32; the result has the type of x.
func LayerNorm(scope *model.Scope, x *graph.Node, epsilon float64) *graph.Node {
	features := x.Shape().Dim(-1)
	scale := Parameter(scope, "scale", Ones, features).NodeValue(x)
	offset := Parameter(scope, "offset", Zeros, features).NodeValue(x)
	y := layers.LayerNorm(toFloat32(x), []int{x.Rank() - 1}, epsilon, scale, offset, nil)
	return graph.ConvertDType(y, x.DType())
}
