package plan

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// LayerNorm is the attribute of OpLayerNorm and OpLayerNormGrad: what is added to the variance.
type LayerNorm struct{ Epsilon float64 }

// RewriteLayerNorms replaces the operations by which GoMLX writes a layer norm over the last axis, with scale and offset, and its
// gradients by OpLayerNorm and OpLayerNormGrad, where kernel says that there is one for the dtype. Where the forward operation is
// OpLayerNorm already, GoMLX still writes the gradients from the steps. Of the forward operation, x and two numbers a row are kept.
func RewriteLayerNorms(g *Graph, kernel func(dtypes.DType) bool) {
	uses := usesOf(g)
	norms := make(map[Value]*layerNorm) // by what the norm divides by
	for _, n := range g.Nodes {
		if len(n.Outputs) == 1 && kernel(n.Outputs[0].DType) {
			if norm, ok := matchLayerNorm(n, uses); ok {
				norms[norm.deviation] = norm
			}
		}
	}
	if len(norms) == 0 {
		return
	}
	for _, norm := range norms {
		norm.rewrite()
	}
	for _, n := range slices.Clone(g.Nodes) {
		if n.Op == compute.OpTypeAdd {
			for i, v := range n.Inputs {
				if gradient, ok := matchLayerNormGrad(v, n.Inputs[1-i], norms); ok {
					gradient.rewrite(g, n, uses)
					break
				}
			}
		}
	}
}

// layerNorm is y = h * gamma + beta, h = centred / deviation, centred = x - mean.
type layerNorm struct {
	x, centred, deviation, h, gamma, beta Value
	y                                     *Node
	epsilon                               float64
}

// matchLayerNorm matches the division by the standard deviation.
func matchLayerNorm(n *Node, uses uses) (*layerNorm, bool) {
	if n.Op != compute.OpTypeDiv || n.Inputs[0].Node.Op != compute.OpTypeSub {
		return nil, false
	}
	norm := &layerNorm{centred: n.Inputs[0], x: n.Inputs[0].Node.Inputs[0], h: n.Value(0)}
	shape := norm.h.Shape()
	mean, ok := ofRows(norm.centred.Node.Inputs[1], shape)
	if !ok || !norm.x.Shape().Equal(shape) || !norm.centred.Shape().Equal(shape) || !isMean(mean, norm.x, 1) {
		return nil, false
	}
	if norm.deviation, ok = ofRows(n.Inputs[1], shape); !ok || norm.deviation.Node.Op != compute.OpTypeSqrt {
		return nil, false
	}
	sum := norm.deviation.Node.Inputs[0].Node
	if sum.Op != compute.OpTypeAdd {
		return nil, false
	}
	if norm.epsilon, ok = ConstantOf(sum.Inputs[1]); !ok {
		return nil, false
	}
	variance, _ := rootOf(sum.Inputs[0])
	square, ok := meanOf(variance, shape, 1)
	if !ok || square.Node.Op != compute.OpTypeMul || square.Node.Inputs[0] != norm.centred || square.Node.Inputs[1] != norm.centred {
		return nil, false
	}
	for _, scaled := range uses.users[norm.h] {
		if norm.affine(scaled, uses) {
			return norm, true
		}
	}
	for _, user := range uses.users[norm.x] {
		if norm.isDone(user) {
			return norm, true
		}
	}
	return nil, false
}

// isDone matches an operation that normalises x already.
func (l *layerNorm) isDone(n *Node) bool {
	if n.Op != OpLayerNorm || n.Inputs[0] != l.x || n.ID < l.h.Node.ID {
		return false
	}
	attr := n.Attr.(LayerNorm)
	f := factors{constant: l.epsilon, half: l.x.Shape().DType.Size() == 2}
	if !f.is(attr.Epsilon) {
		return false
	}
	l.y, l.epsilon = n, attr.Epsilon
	l.gamma, _ = rootOf(n.Inputs[1])
	l.beta, _ = rootOf(n.Inputs[2])
	return true
}

// affine matches h * gamma + beta, of which nothing but the sum is used.
func (l *layerNorm) affine(scaled *Node, uses uses) bool {
	var ok bool
	users := uses.users[scaled.Value(0)]
	if l.gamma, ok = other(scaled, compute.OpTypeMul, l.h); !ok || len(users) != 1 || uses.results[scaled.Value(0)] {
		return false
	}
	if l.beta, ok = other(users[0], compute.OpTypeAdd, scaled.Value(0)); !ok {
		return false
	}
	l.y = users[0]
	shape := l.h.Shape()
	l.gamma, ok = ofColumns(l.gamma, shape)
	if !ok || !l.y.Outputs[0].Equal(shape) {
		return false
	}
	l.beta, ok = ofColumns(l.beta, shape)
	return ok && l.beta.Node.ID < l.y.ID
}

// rewrite makes y one operation, whose other results are the means and the reciprocals of the standard deviations of rows.
func (l *layerNorm) rewrite() {
	rows := shapes.Make(dtypes.Float32, l.x.Shape().Size()/lastOf(l.x.Shape()))
	l.y.Op, l.y.Attr, l.y.Inputs = OpLayerNorm, LayerNorm{l.epsilon}, []Value{l.x, l.gamma, l.beta}
	l.y.Outputs = []shapes.Shape{l.y.Outputs[0], rows, rows}
}

// layerNormGrad is the gradient of a norm with respect to x: through, less its mean over every row, and added to rest if there
// is one.
type layerNormGrad struct {
	norm        *layerNorm
	dy, through Value
	scaled      Value // dy * gamma
	rest        Value
}

// matchLayerNormGrad matches a + b, where b is minus the mean of a row and a the value averaged, or its sum with something else.
func matchLayerNormGrad(a, b Value, norms map[Value]*layerNorm) (layerNormGrad, bool) {
	var none layerNormGrad
	negative, ok := ofRows(b, a.Shape())
	if !ok {
		return none, false
	}
	through, ok := meanOf(negative, a.Shape(), -1)
	if !ok {
		return none, false
	}
	grad := layerNormGrad{through: through}
	if a != through {
		if grad.rest, ok = other(a.Node, compute.OpTypeAdd, through); !ok || !grad.rest.Shape().Equal(a.Shape()) {
			return none, false
		}
	}
	// through = scaled / deviation + slope + slope
	terms := termsOf(through)
	if len(terms) != 3 {
		return none, false
	}
	for i, direct := range terms {
		slope, again := terms[(i+1)%3], terms[(i+2)%3]
		if slope != again || direct.Node.Op != compute.OpTypeDiv {
			continue
		}
		deviation, ok := ofRows(direct.Node.Inputs[1], a.Shape())
		if !ok || norms[deviation] == nil {
			continue
		}
		grad.norm, grad.scaled = norms[deviation], direct.Node.Inputs[0]
		if grad.isSlope(slope) && grad.isScaled() {
			return grad, true
		}
	}
	return none, false
}

// isSlope matches centred * sum(-scaled * centred / deviation²) / (2 * deviation * columns): half of what comes through the variance.
func (l *layerNormGrad) isSlope(v Value) bool {
	shape := l.norm.x.Shape()
	weight, ok := other(v.Node, compute.OpTypeMul, l.norm.centred)
	if !ok {
		return false
	}
	if weight, ok = ofRows(weight, shape); !ok {
		return false
	}
	f := factors{constant: 1, roots: true}
	f.multiply(weight)
	if len(f.values) != 2 {
		return false
	}
	sum, inverse := f.values[0], f.values[1]
	if sum.Node.Op != compute.OpTypeReduceSum {
		sum, inverse = inverse, sum
	}
	if !f.is(0.5/float64(lastOf(shape)), sum, inverse) || !sumsRows(sum.Node) || inverse.Node.Op != compute.OpTypeDiv ||
		!IsConstant(inverse.Node.Inputs[0], 1) {
		return false
	}
	if root, _ := rootOf(inverse.Node.Inputs[1]); root != l.norm.deviation {
		return false
	}
	negative := sum.Node.Inputs[0].Node
	if negative.Op != compute.OpTypeNeg {
		return false
	}
	quotient, ok := other(negative.Inputs[0].Node, compute.OpTypeMul, l.scaled)
	if !ok || quotient.Node.Op != compute.OpTypeDiv || quotient.Node.Inputs[0] != l.norm.centred {
		return false
	}
	square := quotient.Node.Inputs[1].Node
	if square.Op != compute.OpTypeMul {
		return false
	}
	for _, v := range square.Inputs {
		if root, ok := ofRows(v, shape); !ok || root != l.norm.deviation {
			return false
		}
	}
	return true
}

// isScaled matches dy * gamma.
func (l *layerNormGrad) isScaled() bool {
	if l.scaled.Node.Op != compute.OpTypeMul {
		return false
	}
	for i, v := range l.scaled.Node.Inputs {
		dy := l.scaled.Node.Inputs[1-i]
		if gamma, ok := ofColumns(v, l.norm.x.Shape()); ok && gamma == l.norm.gamma && dy.Shape().Equal(l.norm.x.Shape()) {
			l.dy = dy
			return true
		}
	}
	return false
}

// rewrite inserts the gradient's operation before whatever it replaces: sum, the gradient of x, and those of gamma and beta.
func (l *layerNormGrad) rewrite(g *Graph, sum *Node, uses uses) {
	shape := l.norm.x.Shape()
	columns := shapes.Make(shape.DType, lastOf(shape))
	grad := &Node{Op: OpLayerNormGrad, Attr: LayerNorm{l.norm.epsilon}, Graph: g, Outputs: []shapes.Shape{shape, columns, columns},
		Inputs: []Value{l.norm.x, l.dy, l.norm.gamma, l.norm.y.Value(1), l.norm.y.Value(2)}}
	replaced := map[*Node]int{} // nodes that are outputs of grad
	first := l.scaled.Node.ID
	for _, user := range uses.users[l.dy] {
		if sumsColumns(user) {
			replaced[user] = 2
			first = min(first, user.ID)
		}
		if h, ok := other(user, compute.OpTypeMul, l.dy); ok && h == l.norm.h {
			for _, sum := range uses.users[user.Value(0)] {
				if sumsColumns(sum) {
					replaced[sum] = 1
					first = min(first, sum.ID)
				}
			}
		}
	}
	for _, v := range grad.Inputs {
		if v.Node.ID >= first {
			return // It cannot stand there.
		}
	}
	g.Nodes = slices.Insert(g.Nodes, first, grad)
	for i, n := range g.Nodes {
		n.ID = i
	}
	for n, output := range replaced {
		n.Op, n.Attr, n.Inputs = compute.OpTypeReshape, nil, []Value{grad.Value(output)}
	}
	if l.rest.Node != nil {
		sum.Inputs = []Value{l.rest, grad.Value(0)}
	} else {
		sum.Op, sum.Attr, sum.Inputs = compute.OpTypeReshape, nil, []Value{grad.Value(0)}
	}
}

// other returns the operand of a node of the given operation that is not v.
func other(n *Node, op compute.OpType, v Value) (Value, bool) {
	if n.Op != op {
		return Value{}, false
	}
	switch v {
	case n.Inputs[0]:
		return n.Inputs[1], true
	case n.Inputs[1]:
		return n.Inputs[0], true
	}
	return Value{}, false
}

// termsOf takes a sum of values apart that is written as up to three.
func termsOf(v Value) []Value {
	if v.Node.Op != compute.OpTypeAdd {
		return []Value{v}
	}
	a, b := v.Node.Inputs[0], v.Node.Inputs[1]
	switch {
	case a.Node.Op == compute.OpTypeAdd:
		return append(slices.Clone(a.Node.Inputs), b)
	case b.Node.Op == compute.OpTypeAdd:
		return append(slices.Clone(b.Node.Inputs), a)
	}
	return []Value{a, b}
}

func lastOf(s shapes.Shape) int { return s.Dimensions[len(s.Dimensions)-1] }

// ofRows returns the value behind v if it has one number for each row of the given shape.
func ofRows(v Value, shape shapes.Shape) (Value, bool) {
	root, view := spread(v, shape)
	return root, len(view.Dims) == 2 && view.Dims[1] == lastOf(shape) && slices.Equal(view.Strides, []int{1, 0})
}

// ofColumns returns the value behind v if it has one number for each column of the given shape.
func ofColumns(v Value, shape shapes.Shape) (Value, bool) {
	root, view := spread(v, shape)
	return root, len(view.Dims) == 2 && view.Dims[1] == lastOf(shape) && slices.Equal(view.Strides, []int{0, 1}) &&
		root.Shape().Size() == lastOf(shape)
}

func spread(v Value, shape shapes.Shape) (Value, View) {
	root, view := rootOf(v)
	if shape.Rank() == 0 {
		return root, View{}
	}
	return root, view.over(shape.Dimensions).Collapse()
}

// isMean reports whether v is sign times the mean of x over its rows.
func isMean(v, x Value, sign float64) bool {
	of, ok := meanOf(v, x.Shape(), sign)
	return ok && of == x
}

// meanOf matches sign times the mean over the rows of a value of the given shape, and returns that value.
func meanOf(v Value, shape shapes.Shape, sign float64) (Value, bool) {
	f := factors{constant: 1, roots: true}
	f.multiply(v)
	if len(f.values) != 1 || !f.is(sign/float64(lastOf(shape)), f.values[0]) || !sumsRows(f.values[0].Node) {
		return Value{}, false
	}
	x := f.values[0].Node.Inputs[0]
	return x, x.Shape().Equal(shape)
}

// sumsRows reports whether a node sums the rows of its operand.
func sumsRows(n *Node) bool {
	return n.Op == compute.OpTypeReduceSum && slices.Equal(n.Attr.(Axes), Axes{n.Inputs[0].Shape().Rank() - 1})
}

// sumsColumns reports whether a node sums the columns of its operand.
func sumsColumns(n *Node) bool {
	if n.Op != compute.OpTypeReduceSum {
		return false
	}
	axes := slices.Sorted(slices.Values(n.Attr.(Axes)))
	return len(axes) == n.Inputs[0].Shape().Rank()-1 && !slices.Contains(axes, len(axes))
}
