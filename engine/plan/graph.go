// Package plan turns a captured graph of operations into a plan that can be executed: what runs, in which order, fused how,
// and where every value lives.
//
// A [Graph] is what the engine's builder records, equal operations once. Passes rewrite it: [Simplify] replaces operations by
// cheaper ones, [Fold] computes what depends on constants alone, [Rewrite] recognises the gradients of convolutions,
// [Norms] joins batch norms with their ReLU and their conversions,
// [RewriteGelu] and [RewriteLayerNorms] those and their gradients, [Fuse] gathers elementwise operations, their broadcasts and reductions into [Loop] nodes and drops dead code, and [Layout] gives
// every value a place in one block of memory.
package plan

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// Operations that exist in plans only, numbered after those of [compute.OpType].
const (
	// OpLoop is a fused chain of elementwise operations; its attribute is a *[Loop].
	OpLoop = compute.OpTypeLast + 1 + iota
	// OpConvInputGrad is the gradient of a convolution with respect to its input: (output gradient, kernel).
	OpConvInputGrad
	// OpConvWeightGrad is the gradient of a convolution with respect to its kernel: (input, output gradient).
	OpConvWeightGrad
	// OpCopy copies its operand.
	OpCopy
	// OpStep is elementwise 1 for x >= 0, 0 for x < 0, NaN for NaN.
	OpStep
	// OpGelu is elementwise x * Phi(x), Phi being the normal distribution function.
	OpGelu
	// OpGeluGrad is elementwise dy * (Phi(x) + x * phi(x)) of (dy, x), phi being the normal density.
	OpGeluGrad
	// OpLayerNorm is layer norm over the last axis: (x, gamma, beta) to y, and each row's mean and 1 / standard deviation.
	OpLayerNorm
	// OpLayerNormGrad is its gradient: (x, dy, gamma, mean, 1 / standard deviation) to those of x, gamma and beta.
	OpLayerNormGrad
	// OpBatchNormReLU is BatchNormForTraining followed by ReLU.
	OpBatchNormReLU
	// OpBatchNormReLUGradient is the gradient of OpBatchNormReLU: BatchNormGradient of (x, scale, mean, variance, dy, offset).
	OpBatchNormReLUGradient
)

// OpName returns the name of an operation, those of plans included.
func OpName(op compute.OpType) string {
	switch op {
	case OpLoop:
		return "Loop"
	case OpConvInputGrad:
		return "ConvInputGrad"
	case OpConvWeightGrad:
		return "ConvWeightGrad"
	case OpCopy:
		return "Copy"
	case OpStep:
		return "Step"
	case OpGelu:
		return "Gelu"
	case OpGeluGrad:
		return "GeluGrad"
	case OpLayerNorm:
		return "LayerNorm"
	case OpLayerNormGrad:
		return "LayerNormGrad"
	case OpBatchNormReLU:
		return "BatchNormReLU"
	case OpBatchNormReLUGradient:
		return "BatchNormReLUGradient"
	}
	return op.String()
}

// Value is one output of a node.
type Value struct {
	Node  *Node
	Index int
}

// Shape returns the shape of the value.
func (v Value) Shape() shapes.Shape { return v.Node.Outputs[v.Index] }

// Node is one operation of a graph.
type Node struct {
	ID     int // position in Graph.Nodes
	Op     compute.OpType
	Inputs []Value // captured values of Subs come last
	// Outputs are the shapes of the node's values.
	Outputs []shapes.Shape
	// Attr holds the operation's own parameters; its type belongs to the operation.
	Attr any
	// Subs are the functions the operation calls: the branches of an If, the condition and body of a While.
	Subs  []*Graph
	Graph *Graph
}

// Value returns output i of the node.
func (n *Node) Value(i int) Value { return Value{n, i} }

// Graph is a function: nodes in an order where inputs come before their users.
type Graph struct {
	Name    string
	Parent  *Graph // the function a closure was made in; nil at top level
	Nodes   []*Node
	Params  []*Node
	Results []Value

	// Captures are this closure's stand-ins for values of its parent, CapturedFrom.
	Captures     []*Node
	CapturedFrom []Value

	seen map[string][]*Node
}

// Add appends an operation, or returns the equal one that is already there.
func (g *Graph) Add(op compute.OpType, inputs []Value, attr any, outputs ...shapes.Shape) *Node {
	if g.seen == nil {
		g.seen = make(map[string][]*Node)
	}
	key := keyOf(op, inputs, attr, outputs)
	for _, old := range g.seen[key] {
		if sameAttr(old.Attr, attr) {
			return old
		}
	}
	n := g.AddUnique(op, inputs, attr, outputs...)
	g.seen[key] = append(g.seen[key], n)
	return n
}

// AddUnique appends an operation that must not be shared with an equal one: parameters, barriers, control flow.
func (g *Graph) AddUnique(op compute.OpType, inputs []Value, attr any, outputs ...shapes.Shape) *Node {
	n := &Node{ID: len(g.Nodes), Op: op, Inputs: slices.Clone(inputs), Outputs: outputs, Attr: attr, Graph: g}
	g.Nodes = append(g.Nodes, n)
	return n
}

// Constant is the attribute of a constant: its elements as they lie in memory.
type Constant []byte

func keyOf(op compute.OpType, inputs []Value, attr any, outputs []shapes.Shape) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d", op)
	for _, v := range inputs {
		fmt.Fprintf(&b, " %d.%d", v.Node.ID, v.Index)
	}
	for _, s := range outputs {
		fmt.Fprintf(&b, " %s", s)
	}
	if c, ok := attr.(Constant); ok {
		fmt.Fprintf(&b, " %x", c[:min(len(c), 16)])
	} else if attr != nil {
		fmt.Fprintf(&b, " %+v", attr)
	}
	return b.String()
}

// sameAttr compares the part of two attributes that keyOf cuts short.
func sameAttr(a, b any) bool {
	ca, ok := a.(Constant)
	if !ok {
		return true
	}
	cb, ok := b.(Constant)
	return ok && bytes.Equal(ca, cb)
}

// Capture returns the closure's stand-in for a value of an enclosing function, or false when v belongs to none of them.
func (g *Graph) Capture(v Value) (Value, bool) {
	if v.Node.Graph == g {
		return v, true
	}
	if g.Parent == nil {
		return Value{}, false
	}
	v, ok := g.Parent.Capture(v)
	if !ok {
		return Value{}, false
	}
	if i := slices.Index(g.CapturedFrom, v); i >= 0 {
		return g.Captures[i].Value(0), true
	}
	n := g.AddUnique(compute.OpTypeCapturedValue, nil, nil, v.Shape())
	g.Captures = append(g.Captures, n)
	g.CapturedFrom = append(g.CapturedFrom, v)
	return n.Value(0), true
}

// OwnResults makes every result a value of its own that the graph computes, by copying parameters, constants and values that
// are returned twice.
func OwnResults(g *Graph) {
	seen := make(map[Value]bool)
	for i, v := range g.Results {
		root := aliased(v)
		switch root.Node.Op {
		case compute.OpTypeParameter, compute.OpTypeCapturedValue, compute.OpTypeConstant:
			seen[root] = true
		}
		if seen[root] {
			g.Results[i] = g.AddUnique(OpCopy, []Value{v}, nil, v.Shape()).Value(0)
		}
		seen[root] = true
	}
}
