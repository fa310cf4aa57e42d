package plan

import "github.com/gomlx/compute"

// foldAtMost is the largest value, in bytes, that is computed at compile time and kept.
const foldAtMost = 1 << 16

// Fold computes the values that depend on constants alone, by eval, and makes constants of them.
func Fold(g *Graph, eval func(n *Node, inputs []Constant) (Constant, error)) error {
	known := make(map[Value]Constant)
	for _, n := range g.Nodes {
		if c, ok := n.Attr.(Constant); ok {
			known[n.Value(0)] = c
			continue
		}
		inputs, ok := foldable(n, known)
		if !ok {
			continue
		}
		c, err := eval(n, inputs)
		if err != nil {
			return err
		}
		known[n.Value(0)] = c
		if n.Op != compute.OpTypeBroadcastInDim && n.Op != compute.OpTypeReshape { // these cost nothing as they are
			n.Op, n.Inputs, n.Attr = compute.OpTypeConstant, nil, c
		}
	}
	return nil
}

// foldable returns the inputs of a node whose value is worth computing now.
func foldable(n *Node, known map[Value]Constant) ([]Constant, bool) {
	switch n.Op {
	case compute.OpTypeParameter, compute.OpTypeCapturedValue, compute.OpTypeOptimizationBarrier, compute.OpTypeSchedulingBarrier:
		return nil, false
	}
	if len(n.Outputs) != 1 || len(n.Subs) > 0 || n.Outputs[0].ByteSize() > foldAtMost {
		return nil, false
	}
	var inputs []Constant
	for _, v := range n.Inputs {
		c, ok := known[v]
		if !ok {
			return nil, false
		}
		inputs = append(inputs, c)
	}
	return inputs, true
}
