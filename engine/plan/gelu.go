package plan

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// RewriteGelu replaces the operations by which GoMLX and the builder write the activation x * Phi(x) and its gradient by OpGelu
// and OpGeluGrad, where kernel says that there is one for the dtype. The gradient then needs x alone, and not the values of
// the steps from x to the result.
func RewriteGelu(g *Graph, kernel func(dtypes.DType) bool) {
	for _, n := range g.Nodes {
		if len(n.Outputs) != 1 || !n.Outputs[0].DType.IsFloat() || !kernel(n.Outputs[0].DType) {
			continue
		}
		switch n.Op {
		case compute.OpTypeMul:
			for i, x := range n.Inputs {
				if of, ok := normalCDF(n.Inputs[1-i]); ok && of == x {
					n.Op, n.Inputs = OpGelu, []Value{x}
					break
				}
			}
		case compute.OpTypeAdd:
			for i, v := range n.Inputs {
				if dy, x, ok := geluGrad(v, n.Inputs[1-i]); ok {
					n.Op, n.Inputs = OpGeluGrad, []Value{dy, x}
					break
				}
			}
		}
	}
}

// factors is a product of a constant and of values.
type factors struct {
	constant float64
	values   []Value
	roots    bool // reshapes and broadcasts are looked through
	half     bool // a constant was a 16-bit float
}

// maxFactors bounds the values of a product that factorsOf looks into.
const maxFactors = 8

// factorsOf takes a value apart that is written as multiplications, divisions by constants, and changes of sign.
func factorsOf(v Value) factors {
	f := factors{constant: 1}
	f.multiply(v)
	return f
}

func (f *factors) multiply(v Value) {
	if c, ok := ConstantOf(v); ok {
		f.constant *= c
		f.half = f.half || v.Shape().DType.Size() == 2
		return
	}
	if f.roots {
		v, _ = rootOf(v)
	}
	n := v.Node
	switch {
	case len(f.values) >= maxFactors:
	case n.Op == compute.OpTypeMul:
		f.multiply(n.Inputs[0])
		f.multiply(n.Inputs[1])
		return
	case n.Op == compute.OpTypeNeg:
		f.constant = -f.constant
		f.multiply(n.Inputs[0])
		return
	case n.Op == compute.OpTypeDiv:
		if c, ok := ConstantOf(n.Inputs[1]); ok {
			f.constant /= c
			f.half = f.half || v.Shape().DType.Size() == 2
			f.multiply(n.Inputs[0])
			return
		}
	}
	f.values = append(f.values, v)
}

// is reports whether the product is c times the given values, in any order, but for what rounding does to a few constants.
func (f factors) is(c float64, values ...Value) bool {
	tolerance := 0x1p-20
	if f.half {
		tolerance = 0x1p-7
	}
	if math.Abs(f.constant-c) > tolerance*math.Abs(c) || len(f.values) != len(values) {
		return false
	}
	count := make(map[Value]int)
	for i, v := range f.values {
		count[v]++
		count[values[i]]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// normalCDF matches (1 + erf(x / sqrt 2)) / 2 and returns x.
func normalCDF(v Value) (x Value, ok bool) {
	f := factorsOf(v)
	if len(f.values) != 1 || !f.is(0.5, f.values[0]) || f.values[0].Node.Op != compute.OpTypeAdd {
		return Value{}, false
	}
	add := f.values[0].Node
	for i, term := range add.Inputs {
		if term.Node.Op != compute.OpTypeErf || !IsConstant(add.Inputs[1-i], 1) {
			continue
		}
		inner := factorsOf(term.Node.Inputs[0])
		if len(inner.values) == 1 && inner.is(math.Sqrt2/2, inner.values[0]) && inner.values[0].Shape().Equal(v.Shape()) {
			return inner.values[0], true
		}
	}
	return Value{}, false
}

// geluGrad matches dy * Phi(x) and dy * x * exp(-x*x/2) / sqrt(2 pi), the terms of the gradient, and returns dy and x.
func geluGrad(a, b Value) (dy, x Value, ok bool) {
	if a.Node.Op != compute.OpTypeMul {
		return Value{}, Value{}, false
	}
	for i, dy := range a.Node.Inputs {
		x, ok := normalCDF(a.Node.Inputs[1-i])
		if !ok || !dy.Shape().Equal(x.Shape()) {
			continue
		}
		f, upstream := factorsOf(b), factorsOf(dy)
		for _, v := range f.values {
			if v.Node.Op != compute.OpTypeExp || !factorsOf(v.Node.Inputs[0]).is(-0.5, x, x) {
				continue
			}
			if f.is(upstream.constant/math.Sqrt(2*math.Pi), append(upstream.values, x, v)...) {
				return dy, x, true
			}
		}
	}
	return Value{}, Value{}, false
}
