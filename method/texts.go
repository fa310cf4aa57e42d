package method

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/rng"
)

// stack puts texts [batch, length] each below one another.
func stack(texts []backbone.Tokens) backbone.Tokens {
	var ids, masks []*graph.Node
	for _, t := range texts {
		ids, masks = append(ids, t.IDs), append(masks, t.Mask)
	}
	return backbone.Tokens{IDs: graph.Concatenate(ids, 0), Mask: graph.Concatenate(masks, 0), DType: texts[0].DType}
}

// twice is a text that is its own positive two times, for dropout has a draw of its own for every row. Other texts stay as they are.
func twice(texts []backbone.Tokens) []backbone.Tokens {
	if len(texts) == 1 {
		return []backbone.Tokens{texts[0], texts[0]}
	}
	return texts
}

// numbered gives texts [n, length] a number each, int64 and not negative: texts that are the same to the encoder have the same one. Two
// that are not have the same one by a chance of about one in 2⁶³: it is the sum of the tokens, each times a random number of its place
// (Carter and Wegman 1979, "Universal classes of hash functions").
func numbered(t backbone.Tokens) *graph.Node {
	factors := make([]int64, t.IDs.Shape().Dim(1))
	r := rng.New(0, 0, 0, 0)
	for i := range factors {
		factors[i] = int64(r.Uint64())
	}
	g := t.IDs.Graph()
	places := graph.BroadcastToDims(graph.InsertAxes(graph.Const(g, factors), 0), t.IDs.Shape().Dimensions...)
	sum := graph.ReduceSum(graph.Mul(graph.ConvertDType(t.IDs, dtypes.Int64), places), -1)
	return graph.BitwiseAnd(sum, graph.BroadcastToShape(graph.Const(g, int64(math.MaxInt64)), sum.Shape()))
}
