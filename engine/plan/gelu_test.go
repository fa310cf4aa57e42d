package plan

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// scalar returns the constant c spread over dims.
func scalar(g *Graph, c float64, dims ...int) Value {
	bits := binary.NativeEndian.AppendUint32(nil, math.Float32bits(float32(c)))
	one := add(g, compute.OpTypeConstant, Constant(bits), nil)
	return add(g, compute.OpTypeBroadcastInDim, BroadcastAxes{}, dims, one)
}

// geluOf writes x * Phi(x) and its gradient as GoMLX does; root is what x is divided by.
func geluOf(g *Graph, x, dy Value, root float64) (y, dx Value) {
	dims := x.Shape().Dimensions
	op := func(op compute.OpType, in ...Value) Value { return add(g, op, nil, dims, in...) }
	c := func(v float64) Value { return scalar(g, v, dims...) }
	inner := op(compute.OpTypeDiv, x, c(root))
	cdf := op(compute.OpTypeMul, op(compute.OpTypeAdd, op(compute.OpTypeErf, inner), c(1)), c(0.5))
	slope := op(compute.OpTypeMul, op(compute.OpTypeExp, op(compute.OpTypeNeg, op(compute.OpTypeMul, inner, inner))), c(2/math.Sqrt(math.Pi)))
	upstream := op(compute.OpTypeMul, op(compute.OpTypeMul, dy, x), c(0.5))
	through := op(compute.OpTypeDiv, op(compute.OpTypeMul, upstream, slope), c(root))
	return op(compute.OpTypeMul, x, cdf), op(compute.OpTypeAdd, op(compute.OpTypeMul, dy, cdf), through)
}

func TestGeluAndItsGradientAreOneOperationEach(t *testing.T) {
	all := func(dtypes.DType) bool { return true }
	for _, test := range []struct {
		name string
		root float64
		want int
	}{{"gelu", math.Sqrt2, 1}, {"another scale", 1.5, 0}} {
		t.Run(test.name, func(t *testing.T) {
			g := &Graph{}
			x, dy := parameter(g, 3, 5), parameter(g, 3, 5)
			upstream := add(g, compute.OpTypeMul, nil, []int{3, 5}, dy, dy) // a product itself
			y, dx := geluOf(g, x, upstream, test.root)
			g.Results = []Value{y, dx}
			RewriteGelu(g, all)
			for _, v := range []struct {
				value  Value
				op     compute.OpType
				inputs []Value
			}{{y, OpGelu, []Value{x}}, {dx, OpGeluGrad, []Value{upstream, x}}} {
				if found := v.value.Node.Op == v.op; found != (test.want == 1) {
					t.Fatalf("%s: node is %s", OpName(v.op), OpName(v.value.Node.Op))
				} else if found {
					for i, in := range v.inputs {
						if v.value.Node.Inputs[i] != in {
							t.Errorf("%s: operand %d is %s", OpName(v.op), i, OpName(v.value.Node.Inputs[i].Node.Op))
						}
					}
				}
			}
		})
	}
	g := &Graph{}
	x := parameter(g, 3)
	y, _ := geluOf(g, x, x, math.Sqrt2)
	RewriteGelu(g, func(dtypes.DType) bool { return false })
	if y.Node.Op == OpGelu {
		t.Error("rewritten for a dtype without kernel")
	}
}
