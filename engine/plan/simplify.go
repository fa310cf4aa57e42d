package plan

import (
	"encoding/binary"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Simplify replaces float operations by cheaper ones with the same result: x-0, x*1 and x/1 by x, and
// sign(sign(x)+1), which is how GoMLX writes the gradient of a maximum, by a step.
func Simplify(g *Graph) {
	same := make(map[Value]Value) // values that are others
	resolve := func(values []Value) {
		for i, v := range values {
			if other, ok := same[v]; ok {
				values[i] = other
			}
		}
	}
	for _, n := range g.Nodes {
		resolve(n.Inputs)
		if len(n.Outputs) != 1 || !n.Outputs[0].DType.IsFloat() {
			continue
		}
		if x, ok := identity(n); ok {
			same[n.Value(0)] = x
		} else if x, ok := step(n); ok {
			n.Op, n.Inputs = OpStep, []Value{x}
		}
	}
	resolve(g.Results)
}

// identity returns the operand that the node's result is equal to.
func identity(n *Node) (Value, bool) {
	neutral := map[compute.OpType]float64{compute.OpTypeSub: 0, compute.OpTypeMul: 1, compute.OpTypeDiv: 1}
	c, ok := neutral[n.Op]
	if !ok {
		return Value{}, false
	}
	x := n.Inputs[0]
	if IsConstant(n.Inputs[1], c) && x.Shape().Equal(n.Outputs[0]) {
		return x, true
	}
	if x = n.Inputs[1]; n.Op == compute.OpTypeMul && IsConstant(n.Inputs[0], c) && x.Shape().Equal(n.Outputs[0]) {
		return x, true
	}
	return Value{}, false
}

// step matches sign(sign(x) + 1).
func step(n *Node) (Value, bool) {
	if n.Op != compute.OpTypeSign {
		return Value{}, false
	}
	add := n.Inputs[0].Node
	if add.Op != compute.OpTypeAdd {
		return Value{}, false
	}
	for i, v := range add.Inputs {
		if v.Node.Op == compute.OpTypeSign && IsConstant(add.Inputs[1-i], 1) && v.Shape().Equal(n.Outputs[0]) {
			return v.Node.Inputs[0], true
		}
	}
	return Value{}, false
}

// IsConstant reports whether every element of v is the float c.
func IsConstant(v Value, c float64) bool {
	x, ok := ConstantOf(v)
	if v.Shape().DType != dtypes.Float64 {
		c = float64(float32(c))
	}
	return ok && x == c
}

// ConstantOf returns the float that every element of v is, if it is known.
func ConstantOf(v Value) (float64, bool) {
	root, _ := rootOf(v)
	data, ok := root.Node.Attr.(Constant)
	if !ok || root.Shape().Size() != 1 {
		return 0, false
	}
	switch root.Shape().DType {
	case dtypes.Float32:
		return float64(math.Float32frombits(binary.NativeEndian.Uint32(data))), true
	case dtypes.Float64:
		return math.Float64frombits(binary.NativeEndian.Uint64(data)), true
	case dtypes.BFloat16:
		return float64(math.Float32frombits(uint32(binary.NativeEndian.Uint16(data)) << 16)), true
	}
	return 0, false
}
