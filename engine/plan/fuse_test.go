package plan

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

func ops(g *Graph) map[compute.OpType]int {
	count := make(map[compute.OpType]int)
	for _, n := range g.Nodes {
		count[n.Op]++
	}
	return count
}

func parameter(g *Graph, dims ...int) Value {
	n := g.AddUnique(compute.OpTypeParameter, nil, nil, shapes.Make(dtypes.Float32, dims...))
	g.Params = append(g.Params, n)
	return n.Value(0)
}

func add(g *Graph, op compute.OpType, attr any, dims []int, inputs ...Value) Value {
	return g.Add(op, inputs, attr, shapes.Make(dtypes.Float32, dims...)).Value(0)
}

// TestNormalisationIsTwoLoops: the mean of the columns is one loop; centring, squaring and the sum of squares the other, with the
// centred values as a second output.
func TestNormalisationIsTwoLoops(t *testing.T) {
	g := &Graph{}
	full, row := []int{100, 8}, []int{8}
	x := parameter(g, full...)
	sum := add(g, compute.OpTypeReduceSum, Axes{0}, row, x)
	spread := add(g, compute.OpTypeBroadcastInDim, BroadcastAxes{1}, full, sum)
	centred := add(g, compute.OpTypeSub, nil, full, x, spread)
	square := add(g, compute.OpTypeMul, nil, full, centred, centred)
	variance := add(g, compute.OpTypeReduceSum, Axes{0}, row, square)
	add(g, compute.OpTypeExp, nil, full, x) // dead
	g.Results = []Value{centred, variance}

	fused := Fuse(g)
	if got := ops(fused); got[OpLoop] != 2 || len(fused.Nodes) != 3 {
		t.Fatalf("the plan has nodes %v, want a parameter and two loops", got)
	}
	last := fused.Nodes[2].Attr.(*Loop)
	if len(last.Code) != 2 || len(last.Results) != 2 || len(last.Args) != 2 {
		t.Errorf("the second loop is %+v, want two instructions, operands and results", last)
	}
	if r := last.Results[1]; r.Reduce != compute.OpTypeAdd || r.Reduced != 100 || r.Inner != 8 {
		t.Errorf("its reduction is %+v", r)
	}
	if last.Args[1].Period() != 8 {
		t.Errorf("the mean is read as %+v, want it repeated every 8 elements", last.Args[1])
	}
}

// TestFusionKeepsOrder: y = exp(x) and z = y + f(y) must not run as one loop when f is an operation of another kind.
func TestFusionKeepsOrder(t *testing.T) {
	g := &Graph{}
	dims := []int{4, 4}
	x := parameter(g, dims...)
	y := add(g, compute.OpTypeExp, nil, dims, x)
	turned := add(g, compute.OpTypeTranspose, Axes{1, 0}, dims, y)
	z := add(g, compute.OpTypeAdd, nil, dims, y, turned)
	g.Results = []Value{z}
	fused := Fuse(g)
	if got := ops(fused); got[OpLoop] != 2 || got[compute.OpTypeTranspose] != 1 {
		t.Fatalf("the plan has nodes %v, want two loops around a transposition", got)
	}
	seen := make(map[*Node]bool)
	for _, n := range fused.Nodes {
		for _, v := range n.Inputs {
			if !seen[v.Node] {
				t.Errorf("%s comes before its operand %s", OpName(n.Op), OpName(v.Node.Op))
			}
		}
		seen[n] = true
	}
}

func TestEqualOperationsAreOne(t *testing.T) {
	g := &Graph{}
	x := parameter(g, 3)
	c := g.Add(compute.OpTypeConstant, nil, Constant{1, 2, 3, 4}, shapes.Make(dtypes.Uint8, 4))
	if d := g.Add(compute.OpTypeConstant, nil, Constant{1, 2, 3, 4}, shapes.Make(dtypes.Uint8, 4)); d != c {
		t.Error("equal constants are two nodes")
	}
	if d := g.Add(compute.OpTypeConstant, nil, Constant{1, 2, 3, 5}, shapes.Make(dtypes.Uint8, 4)); d == c {
		t.Error("different constants are one node")
	}
	first, second := add(g, compute.OpTypeExp, nil, []int{3}, x), add(g, compute.OpTypeExp, nil, []int{3}, x)
	if first != second {
		t.Error("equal operations are two nodes")
	}
}
