package backbone

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Pooling says how the hidden states of a text's tokens become the vector of the text.
type Pooling string

// The ways of pooling.
const (
	// PoolCLS takes the state of the first token, [CLS] in BERT.
	PoolCLS Pooling = "cls"
	// PoolMean takes the mean of the states of the text's own tokens, special ones included: Reimers and Gurevych 2019,
	// "Sentence-BERT", section 3.
	PoolMean Pooling = "mean"
	// PoolLast takes the state of the text's last own token, its end in CLIP (openai/CLIP, clip/model.py, encode_text).
	PoolLast Pooling = "last"
)

// Validate returns an error unless p is one of the ways of pooling.
func (p Pooling) Validate() error {
	if p != PoolCLS && p != PoolMean && p != PoolLast {
		return fmt.Errorf("pooling is %q: it must be %s, %s or %s", string(p), PoolCLS, PoolMean, PoolLast)
	}
	return nil
}

// Pool maps hidden states [batch, length, width] to a vector for each text, [batch, width], in the type of the states. Mask
// [batch, length], boolean, is true where a token is the text's own. A row without any such token has the vector 0 but for [PoolCLS].
// The mean is summed in float32.
func Pool(hidden, mask *graph.Node, pooling Pooling) *graph.Node {
	if err := pooling.Validate(); err != nil {
		panic(err)
	}
	width := hidden.Shape().Dim(2)
	if pooling == PoolCLS {
		return graph.Reshape(graph.Slice(hidden, graph.AxisRange(), graph.AxisElem(0)), -1, width)
	}
	if pooling == PoolLast {
		mask = last(mask)
	}
	x := graph.ConvertDType(hidden, dtypes.Float32)
	own := graph.BroadcastToShape(graph.InsertAxes(mask, -1), x.Shape())
	sum := graph.ReduceSum(graph.Where(own, x, graph.ZerosLike(x)), 1)
	count := graph.MaxScalar(graph.ReduceSum(graph.ConvertDType(mask, dtypes.Float32), 1), 1)
	mean := graph.Div(sum, graph.BroadcastToShape(graph.InsertAxes(count, -1), sum.Shape()))
	return graph.ConvertDType(mean, hidden.DType())
}

// last keeps the last token of each text of a mask [batch, length].
func last(mask *graph.Node) *graph.Node {
	place := graph.Iota(mask.Graph(), shapes.Make(dtypes.Int32, mask.Shape().Dimensions...), 1)
	nowhere := graph.Scalar(mask.Graph(), dtypes.Int32, -1)
	own := graph.Where(mask, place, graph.BroadcastToShape(nowhere, place.Shape()))
	return graph.LogicalAnd(mask, graph.Equal(place, graph.BroadcastToShape(graph.ReduceAndKeep(own, graph.ReduceMax, 1), place.Shape())))
}
