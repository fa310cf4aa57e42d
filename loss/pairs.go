package loss

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// twoViews stacks the views z1 and z2 of N items to 2N rows, row i and row i+N being the views of item i.
func twoViews(z1, z2 *Node) *Node {
	return Concatenate([]*Node{z1, z2}, 0)
}

// pairMasks returns two masks over the pairs of the 2N rows of [twoViews], both [2N, 2N]: self holds where a row meets
// itself, positive where it meets the other view of its item.
func pairMasks(g *Graph, n int) (self, positive *Node) {
	self = diagonal(g, 2*n)
	items := Iota(g, shapes.Make(dtypes.Int32, n), 0)
	return self, LogicalAnd(sameOfTwoViews(items), LogicalNot(self))
}

// sameOfTwoViews takes one number an item, [N], and returns where the numbers of two rows of [twoViews] are equal, [2N, 2N].
func sameOfTwoViews(numbers *Node) *Node {
	n := numbers.Shape().Dim(0)
	both := Concatenate([]*Node{numbers, numbers}, 0)
	return Equal(
		BroadcastToDims(InsertAxes(both, 1), 2*n, 2*n),
		BroadcastToDims(InsertAxes(both, 0), 2*n, 2*n))
}
