package nn

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Dense is y = x W (+ b) over the last axis: x [..., in] -> [..., out]. W is [in, out], drawn with variance 1/in; b starts
// at 0.
func Dense(scope *model.Scope, x *graph.Node, out int, bias bool) *graph.Node {
	return DenseFrom(scope, x, out, bias, LecunNormal(x.Shape().Dim(-1)))
}

// DenseFrom is [Dense] with another draw of W.
func DenseFrom(scope *model.Scope, x *graph.Node, out int, bias bool, init Init) *graph.Node {
	in := x.Shape().Dim(-1)
	rows := x
	if x.Rank() != 2 {
		rows = graph.Reshape(x, -1, in)
	}
	// The graph library would take a product's gradients in the type that it sums in, float32, at half the speed of bfloat16.
	// Devices sum in float32 without being asked to.
	product := graph.Dot(rows, weight(scope, x, "weights", init, in, out)).WithAccumulatorDType(dtypes.InvalidDType)
	y := product.MatMul()
	if bias {
		b := weight(scope, x, "bias", Zeros, out)
		y = graph.Add(y, graph.BroadcastToShape(graph.InsertAxes(b, 0), y.Shape()))
	}
	if x.Rank() != 2 {
		dims := append([]int{}, x.Shape().Dimensions...)
		dims[len(dims)-1] = out
		y = graph.Reshape(y, dims...)
	}
	return y
}
