package engine

import (
	"slices"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

// orderDots computes a product whose result is transposed, and used nowhere else, with its operands exchanged. GoMLX writes the
// gradients of weights so. The product stays as it is where its panels could be read in place and those of the other could not.
func orderDots(g *plan.Graph) {
	users := usersOf(g)
	for _, n := range g.Nodes {
		if n.Op != compute.OpTypeTranspose {
			continue
		}
		dot := n.Inputs[0].Node
		attr, ok := dot.Attr.(dotAttr)
		if !ok || len(users[dot.Value(0)]) != 1 || !exchangesSides(n.Attr.(plan.Axes), attr, dot) ||
			copiesPanels(dot.Inputs[1], attr.rhsBatch, attr.rhsContract) && !copiesPanels(dot.Inputs[0], attr.lhsBatch, attr.lhsContract) {
			continue
		}
		n.Op, n.Inputs = dot.Op, []plan.Value{dot.Inputs[1], dot.Inputs[0]}
		n.Attr = dotAttr{lhsContract: attr.rhsContract, lhsBatch: attr.rhsBatch, rhsContract: attr.lhsContract, rhsBatch: attr.lhsBatch}
	}
}

// exchangesSides reports whether a transposition puts the axes that a product keeps of its right operand before those of its left.
func exchangesSides(order plan.Axes, attr dotAttr, dot *plan.Node) bool {
	batch := len(attr.lhsBatch)
	left := dot.Inputs[0].Shape().Rank() - batch - len(attr.lhsContract)
	axes := sequence(len(order))
	return slices.Equal(order, slices.Concat(axes[:batch], axes[batch+left:], axes[batch:batch+left]))
}

// copiesPanels reports whether a product copies the panels of an operand that it has on the left.
func copiesPanels(v plan.Value, batch, contract []int) bool {
	m, _, kept, contracted := newMatrix(v, batch, contract)
	step := contracted
	if m.transposed {
		step = kept
	}
	return kernel.Conflicts(step*v.Shape().DType.Size(), m.transposed)
}
