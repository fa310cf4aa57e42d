package method

import (
	"github.com/gomlx/gomlx/core/graph"

	"github.com/alike-ml/alike/backbone"
)

// stack puts texts [batch, length] each below one another.
func stack(texts []backbone.Tokens) backbone.Tokens {
	var ids, masks []*graph.Node
	for _, t := range texts {
		ids, masks = append(ids, t.IDs), append(masks, t.Mask)
	}
	return backbone.Tokens{IDs: graph.Concatenate(ids, 0), Mask: graph.Concatenate(masks, 0), DType: texts[0].DType}
}

// same holds where a text of a, row i, and one of b, column k, are the same to the encoder: [n, length] and [m, length] give [n, m].
func same(a, b backbone.Tokens) *graph.Node {
	return graph.LogicalAll(alike(a.IDs, b.IDs), -1)
}

// sameRows holds where a text of a and the one of b in the same row are the same to the encoder: [n, length] twice gives [n].
func sameRows(a, b backbone.Tokens) *graph.Node {
	return graph.LogicalAll(graph.Equal(a.IDs, b.IDs), -1)
}

// sameClass holds where two items have one class: labels [n], -1 for none, give [n, n].
func sameClass(labels *graph.Node) *graph.Node {
	known := graph.GreaterOrEqual(labels, graph.ScalarZero(labels.Graph(), labels.DType()))
	n := labels.Shape().Dim(0)
	return graph.LogicalAnd(alike(labels, labels), graph.BroadcastToDims(graph.InsertAxes(known, 1), n, n))
}

// alike holds where entries of rows of a and of b are equal: [n, ...] and [m, ...] give [n, m, ...].
func alike(a, b *graph.Node) *graph.Node {
	n, m := a.Shape().Dim(0), b.Shape().Dim(0)
	dims := append([]int{n, m}, a.Shape().Dimensions[1:]...)
	return graph.Equal(
		graph.BroadcastToDims(graph.InsertAxes(a, 1), dims...),
		graph.BroadcastToDims(graph.InsertAxes(b, 0), dims...))
}
