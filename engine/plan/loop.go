package plan

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
)

// Loop is the attribute of an [OpLoop] node: a chain of elementwise operations that runs over one flat index space, block by
// block, so that what lies between the operations stays in cache.
type Loop struct {
	Size int     // elements of the space
	Args []View  // how each input of the node is read
	Code []Instr // in order; reference r is argument r, or instruction r-len(Args)
	// Results describes the node's outputs.
	Results []LoopResult
}

// Instr is one elementwise operation of a loop.
type Instr struct {
	Op   compute.OpType
	From dtypes.DType // of the operands (of the last one, for Where)
	To   dtypes.DType // of the result
	Args []int        // references
}

// LoopResult is one output of a loop: the value of a reference, or its reduction. The space is then seen as
// [outer, reduced, inner], where outer or inner is one; the output is [outer, inner].
type LoopResult struct {
	Ref     int
	Reduce  compute.OpType // OpTypeInvalid: none
	Outer   int
	Reduced int
	Inner   int
}

// IsElementwise reports whether element i of the operation's output depends on elements i of its operands alone.
func IsElementwise(op compute.OpType) bool {
	switch op {
	case compute.OpTypeWhere, compute.OpTypeClamp, compute.OpTypeConvertDType, compute.OpTypeIsFinite, compute.OpTypeIsNaN,
		OpStep, OpGelu, OpGeluGrad:
		return true
	}
	return shapeinference.StandardUnaryOperations.Has(op) || shapeinference.AllBinaryOperations.Has(op)
}

// reductionOf maps a reduction to the operation that combines two of its elements.
var reductionOf = map[compute.OpType]compute.OpType{
	compute.OpTypeReduceSum:        compute.OpTypeAdd,
	compute.OpTypeReduceProduct:    compute.OpTypeMul,
	compute.OpTypeReduceMax:        compute.OpTypeMax,
	compute.OpTypeReduceMin:        compute.OpTypeMin,
	compute.OpTypeReduceLogicalAnd: compute.OpTypeLogicalAnd,
	compute.OpTypeReduceLogicalOr:  compute.OpTypeLogicalOr,
	compute.OpTypeReduceLogicalXor: compute.OpTypeLogicalXor,
	compute.OpTypeReduceBitwiseAnd: compute.OpTypeBitwiseAnd,
	compute.OpTypeReduceBitwiseOr:  compute.OpTypeBitwiseOr,
	compute.OpTypeReduceBitwiseXor: compute.OpTypeBitwiseXor,
}

// Axes is the attribute of operations whose parameters are a list of axes: reductions, Transpose, Reverse.
type Axes []int

// loopReduction describes a reduction node as the result of a loop, or returns false when the reduced axes are neither the
// first nor the last ones.
func loopReduction(n *Node) (LoopResult, bool) {
	r, ok := reduction(n.Inputs[0].Shape().Dimensions, n.Attr.(Axes))
	r.Reduce = reductionOf[n.Op]
	return r, ok
}

// LoopReduces reports whether loops can reduce these axes of a tensor. Others must be moved to the end before.
func LoopReduces(dims, axes []int) bool {
	_, ok := reduction(dims, axes)
	return ok
}

func reduction(dims, axes []int) (LoopResult, bool) {
	reduced := make([]bool, len(dims))
	for _, axis := range axes {
		reduced[axis] = true
	}
	// Runs of kept and reduced axes, those of size one left out.
	var sizes []int
	var kinds []bool
	for i, d := range dims {
		if d == 1 {
			continue
		}
		if last := len(kinds) - 1; last >= 0 && kinds[last] == reduced[i] {
			sizes[last] *= d
			continue
		}
		sizes, kinds = append(sizes, d), append(kinds, reduced[i])
	}
	r := LoopResult{Outer: 1, Reduced: 1, Inner: 1}
	switch {
	case len(kinds) == 0:
	case len(kinds) == 1 && kinds[0]:
		r.Reduced = sizes[0]
	case len(kinds) == 1:
		r.Outer = sizes[0]
	case len(kinds) == 2 && kinds[0]:
		r.Reduced, r.Inner = sizes[0], sizes[1]
	case len(kinds) == 2:
		r.Outer, r.Reduced = sizes[0], sizes[1]
	default:
		return r, false
	}
	return r, r.Inner <= MaxPeriod
}

// MaxPeriod is the longest row, in elements, that loops handle as a whole; longer ones fall back to plain kernels.
const MaxPeriod = 8192

// CombinerOf returns the elementwise operation that a reduction repeats, or OpTypeInvalid for other operations.
func CombinerOf(op compute.OpType) compute.OpType { return reductionOf[op] }
