package engine

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/alike-ml/alike/engine/plan"
)

// TestTransposedProductsExchangeTheirOperands: but for those whose panels would have to be copied then, and those that are read
// as they are too.
func TestTransposedProductsExchangeTheirOperands(t *testing.T) {
	for _, test := range []struct {
		name        string
		left, right int // columns of the factors, which have ten rows
		order       []int
		returned    bool
		exchanged   bool
	}{
		{"weight gradient", 5, 7, []int{1, 0}, false, true},
		{"not transposed", 5, 7, []int{0, 1}, false, false},
		{"right one conflicts", 5, 256, []int{1, 0}, false, false},
		{"both conflict", 512, 256, []int{1, 0}, false, true},
		{"product is returned too", 5, 7, []int{1, 0}, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := &plan.Graph{}
			of := func(op compute.OpType, attr any, rows, cols int, in ...plan.Value) *plan.Node {
				return g.AddUnique(op, in, attr, shapes.Make(dtypes.Float32, rows, cols))
			}
			x, y := of(compute.OpTypeParameter, nil, 10, test.left), of(compute.OpTypeParameter, nil, 10, test.right)
			attr := dotAttr{lhsContract: []int{0}, rhsContract: []int{0}}
			dot := of(compute.OpTypeDotGeneral, attr, test.left, test.right, x.Value(0), y.Value(0))
			turned := of(compute.OpTypeTranspose, plan.Axes(test.order), test.right, test.left, dot.Value(0))
			g.Params, g.Results = []*plan.Node{x, y}, []plan.Value{turned.Value(0)}
			if test.returned {
				g.Results = append(g.Results, dot.Value(0))
			}
			orderDots(g)
			if exchanged := turned.Op == compute.OpTypeDotGeneral; exchanged != test.exchanged {
				t.Errorf("exchanged: %v", exchanged)
			}
		})
	}
}
