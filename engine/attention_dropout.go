package engine

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/alike-ml/alike/engine/plan"
)

// joinDroppedAttention makes attention whose weights go through dropout, and its gradients, one operation each. GoMLX has no operation for
// it and writes it out:
//
//	softmax(where(mask, scale * query @ keyT, low)), scaled where keep holds and else 0, @ value
//
// with query, key and value as [batch, length, heads, width]. What is drawn stays as it is: keep becomes an operand.
func joinDroppedAttention(g *plan.Graph) {
	var list []*droppedAttention
	for _, n := range g.Nodes {
		if a, ok := matchDroppedAttention(n); ok {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return
	}
	users := usersOf(g)
	exponentials := make(map[plan.Value]*droppedAttention) // those of the softmax that its gradient is written with
	for _, a := range list {
		for _, n := range users[a.scores] {
			if n != nil && n.Op == compute.OpTypeSub && n.Inputs[0] == a.scores && isRowsMax(n.Inputs[1], a.scores) {
				for _, exp := range users[n.Value(0)] {
					if exp != nil && exp.Op == compute.OpTypeExp {
						exponentials[exp.Value(0)] = a
					}
				}
			}
		}
		a.join()
	}
	for _, n := range slices.Clone(g.Nodes) {
		if n.Op != compute.OpTypeMul {
			continue
		}
		for i, exp := range n.Inputs {
			if a := exponentials[exp]; a != nil && a.joinGradient(g, n, exp, n.Inputs[1-i], users) {
				break
			}
		}
	}
}

// droppedAttention is attention with dropout as GoMLX writes it.
type droppedAttention struct {
	y                 *plan.Node // what has the result
	query, key, value plan.Value
	scaled            plan.Value // query, as the scores are made of it
	scores            plan.Value // what the softmax is taken of
	spread            plan.Value // the mask over the scores; without a node for none
	mask              plan.Value // for each item and key
	keep              plan.Value
	dropped           plan.Value // what the values are weighted with
	attr              attentionAttr
}

// matchDroppedAttention matches the transposition of the heads' results to those of positions.
func matchDroppedAttention(n *plan.Node) (*droppedAttention, bool) {
	if !isTransposed(n, 0, 2, 1, 3) {
		return nil, false
	}
	weighted := n.Inputs[0].Node
	if !isDot(weighted, []int{3}, []int{0, 1}, []int{1}, []int{0, 2}) {
		return nil, false
	}
	a := &droppedAttention{y: n, dropped: weighted.Inputs[0], value: weighted.Inputs[1]}
	kept := unrounded(a.dropped).Node
	if kept.Op != compute.OpTypeWhere || !plan.IsConstant(kept.Inputs[2], 0) {
		return nil, false
	}
	weights, keepScale := scaledBy(kept.Inputs[1])
	a.keep = kept.Inputs[0]
	if weights.Node.Op != compute.OpTypeFusedSoftmax || weights.Shape().DType != dtypes.Float32 ||
		!slices.Equal(a.keep.Shape().Dimensions, weights.Shape().Dimensions) {
		return nil, false
	}
	a.scores = weights.Node.Inputs[0]
	product, low := a.scores, math.Inf(-1)
	if chosen := a.scores.Node; chosen.Op == compute.OpTypeWhere {
		a.spread, product = chosen.Inputs[0], chosen.Inputs[1]
		var ok bool
		if low, ok = plan.ConstantOf(chosen.Inputs[2]); !ok || !a.masksKeys() {
			return nil, false
		}
	}
	dot := unrounded(product).Node
	if !isDot(dot, []int{3}, []int{0, 2}, []int{3}, []int{0, 2}) {
		return nil, false
	}
	a.scaled, a.key = dot.Inputs[0], dot.Inputs[1]
	var scale float64
	a.query, scale = scaledBy(a.scaled)
	q, k := a.query.Shape(), a.key.Shape()
	if registerType(q.DType) != dtypes.Float32 || !k.Equal(a.value.Shape()) || k.DType != q.DType || !n.Outputs[0].Equal(q) {
		return nil, false
	}
	a.attr = attentionAttr{layout: compute.AttentionAxesLayoutBSHD, scale: scale, mask: a.mask.Node != nil, low: low,
		keep: true, keepScale: keepScale, query: [4]int(q.Dimensions), key: [4]int(k.Dimensions)}
	return a, true
}

// masksKeys finds the mask that is spread over the scores, if it has something for each item and key.
func (a *droppedAttention) masksKeys() bool {
	a.mask = a.spread
	if n := a.mask.Node; n.Op == compute.OpTypeBroadcastInDim && slices.Equal(n.Attr.(plan.BroadcastAxes), plan.BroadcastAxes{0, 1, 2, 3}) {
		a.mask = n.Inputs[0]
	}
	dims := a.mask.Shape().Dimensions
	return len(dims) == 4 && dims[1] == 1 && dims[2] == 1
}

// operands are those that the forward and the backward operation share.
func (a *droppedAttention) operands() []plan.Value {
	in := []plan.Value{a.query, a.key, a.value}
	if a.attr.mask {
		in = append(in, a.mask)
	}
	return append(in, a.keep)
}

func (a *droppedAttention) join() {
	q := a.attr.query
	states := shapes.Make(dtypes.Float32, q[0], q[2], q[1])
	a.y.Op, a.y.Attr, a.y.Inputs = compute.OpTypeFusedScaledDotProductAttention, a.attr, a.operands()
	a.y.Outputs = []shapes.Shape{a.y.Outputs[0], states}
}

// joinGradient matches dE = exp * (dropped / sum - sum(dropped * exp / sum²)), the gradient with respect to the exponents, and what is
// made of it for query, key and value, and replaces that by one operation.
func (a *droppedAttention) joinGradient(g *plan.Graph, dE *plan.Node, exp, through plan.Value, users map[plan.Value][]*plan.Node) bool {
	weights, ok := a.matchSoftmaxGrad(through, exp)
	if !ok {
		return false
	}
	kept, keepScale := scaledBy(weights)
	n := kept.Node
	if keepScale != a.attr.keepScale || n.Op != compute.OpTypeWhere || n.Inputs[0] != a.keep || !plan.IsConstant(n.Inputs[2], 0) {
		return false
	}
	dot := unrounded(n.Inputs[1]).Node
	if !isDot(dot, []int{3}, []int{0, 1}, []int{3}, []int{0, 2}) || unwidened(dot.Inputs[1]) != a.value {
		return false
	}
	dHeads := unwidened(dot.Inputs[0])
	if !isTransposed(dHeads.Node, 0, 2, 1, 3) {
		return false
	}
	dScores := dE.Value(0)
	if a.attr.mask {
		masked := find(users[dScores], func(n *plan.Node) bool {
			return n.Op == compute.OpTypeWhere && n.Inputs[0] == a.spread && n.Inputs[1] == dScores && plan.IsConstant(n.Inputs[2], 0)
		})
		if masked == nil {
			return false
		}
		dScores = masked.Value(0)
	}
	replaced := [3]*plan.Node{
		a.transposedProduct(users, dScores, a.key, 3, 1, []int{0, 2}, 0, 2, 1, 3),
		a.transposedProduct(users, dScores, a.scaled, 2, 1, []int{0, 2}, 0, 2, 1, 3),
		a.transposedProduct(users, dHeads, a.dropped, 2, 2, []int{0, 1}, 0, 3, 1, 2),
	}
	if replaced[0] != nil && a.scaled != a.query {
		transposed := replaced[0].Value(0)
		replaced[0] = find(users[transposed], func(n *plan.Node) bool {
			of, scale := scaledBy(n.Value(0))
			return of == transposed && scale == a.attr.scale
		})
	}
	attr := a.attr
	attr.backward = true
	return insertGradient(g, attr, append(a.operands(), a.y.Value(0), a.y.Value(1), dHeads.Node.Inputs[0]), replaced)
}

// transposedProduct finds the transposition of the product of two values over the given axes, in the dtype of the operands of attention;
// nil means that there is none.
func (a *droppedAttention) transposedProduct(users map[plan.Value][]*plan.Node, of, with plan.Value, contract, withContract int, withBatch []int,
	order ...int) *plan.Node {
	dot := find(converted(users, of), func(n *plan.Node) bool {
		return isDot(n, []int{contract}, []int{0, 1}, []int{withContract}, withBatch) && unwidened(n.Inputs[1]) == with
	})
	if dot == nil {
		return nil
	}
	transposed := find(users[dot.Value(0)], func(n *plan.Node) bool { return isTransposed(n, order...) })
	if transposed == nil || transposed.Outputs[0].DType == a.query.Shape().DType {
		return transposed
	}
	return find(users[transposed.Value(0)], func(n *plan.Node) bool {
		return n.Op == compute.OpTypeConvertDType && n.Outputs[0].DType == a.query.Shape().DType
	})
}

// converted returns the nodes that read a value as their first operand, or what it is converted to.
func converted(users map[plan.Value][]*plan.Node, v plan.Value) (list []*plan.Node) {
	for _, n := range users[v] {
		switch {
		case n == nil || n.Inputs[0] != v:
		case n.Op == compute.OpTypeConvertDType:
			list = append(list, converted(users, n.Value(0))...)
		default:
			list = append(list, n)
		}
	}
	return list
}

// matchSoftmaxGrad matches d / sum + sum(-d * (exp / sum²)), where sum is exp's over its rows, and returns d.
func (a *droppedAttention) matchSoftmaxGrad(v, exp plan.Value) (d plan.Value, ok bool) {
	if v.Node.Op != compute.OpTypeAdd {
		return d, false
	}
	isSum := func(v plan.Value) bool { return isRows(v, compute.OpTypeReduceSum, exp) }
	for i, direct := range v.Node.Inputs {
		n, rest := direct.Node, throughSpread(v.Node.Inputs[1-i]).Node
		if n.Op != compute.OpTypeDiv || !isSum(n.Inputs[1]) || rest.Op != compute.OpTypeReduceSum || !slices.Equal(rest.Attr.(plan.Axes), plan.Axes{3}) {
			continue
		}
		negative := rest.Inputs[0].Node
		if negative.Op != compute.OpTypeNeg || negative.Inputs[0].Node.Op != compute.OpTypeMul {
			continue
		}
		d := n.Inputs[0]
		product := negative.Inputs[0].Node
		quotient := product.Inputs[1].Node
		if product.Inputs[0] != d || quotient.Op != compute.OpTypeDiv || quotient.Inputs[0] != exp {
			continue
		}
		if square := quotient.Inputs[1].Node; square.Op == compute.OpTypeMul && isSum(square.Inputs[0]) && isSum(square.Inputs[1]) {
			return d, true
		}
	}
	return d, false
}

// insertGradient adds the gradient's operation before those that it replaces, if all are there and it can stand before them.
func insertGradient(g *plan.Graph, attr attentionAttr, in []plan.Value, replaced [3]*plan.Node) bool {
	first := len(g.Nodes)
	grad := &plan.Node{Op: compute.OpTypeFusedScaledDotProductAttentionVJP, Attr: attr, Graph: g, Inputs: in}
	for i, n := range replaced {
		if n == nil || !n.Outputs[0].Equal(in[i].Shape()) {
			return false
		}
		first = min(first, n.ID)
		grad.Outputs = append(grad.Outputs, n.Outputs[0])
	}
	for _, v := range in {
		if v.Node.ID >= first {
			return false
		}
	}
	g.Nodes = slices.Insert(g.Nodes, first, grad)
	for i, n := range g.Nodes {
		n.ID = i
	}
	for i, n := range replaced {
		n.Op, n.Attr, n.Inputs = compute.OpTypeReshape, nil, []plan.Value{grad.Value(i)}
	}
	return true
}

// find returns the first node, of those that are some, for which something holds, or nil.
func find(nodes []*plan.Node, holds func(*plan.Node) bool) *plan.Node {
	if i := slices.IndexFunc(nodes, func(n *plan.Node) bool { return n != nil && holds(n) }); i >= 0 {
		return nodes[i]
	}
	return nil
}

func isTransposed(n *plan.Node, order ...int) bool {
	return n.Op == compute.OpTypeTranspose && slices.Equal(n.Attr.(plan.Axes), order)
}

// isDot reports whether a node is a product over the given axes.
func isDot(n *plan.Node, lhsContract, lhsBatch, rhsContract, rhsBatch []int) bool {
	attr, ok := n.Attr.(dotAttr)
	return ok && slices.Equal(attr.lhsContract, lhsContract) && slices.Equal(attr.lhsBatch, lhsBatch) &&
		slices.Equal(attr.rhsContract, rhsContract) && slices.Equal(attr.rhsBatch, rhsBatch)
}

// unwidened looks through conversions of 16-bit floats.
func unwidened(v plan.Value) plan.Value {
	for v.Node.Op == compute.OpTypeConvertDType && isHalf(v.Node.Inputs[0].Shape().DType) {
		v = v.Node.Inputs[0]
	}
	return v
}

// unrounded looks through conversions of floats.
func unrounded(v plan.Value) plan.Value {
	for v.Node.Op == compute.OpTypeConvertDType && v.Node.Inputs[0].Shape().DType.IsFloat() {
		v = v.Node.Inputs[0]
	}
	return v
}

// scaledBy takes a value apart that is written as a product with a constant, 1 if it is not.
func scaledBy(v plan.Value) (of plan.Value, scale float64) {
	if v.Node.Op == compute.OpTypeMul {
		for i, factor := range v.Node.Inputs {
			if c, ok := plan.ConstantOf(factor); ok && v.Node.Inputs[1-i].Shape().Equal(v.Shape()) {
				return v.Node.Inputs[1-i], c
			}
		}
	}
	return v, 1
}

// throughSpread looks through reshapes and broadcasts.
func throughSpread(v plan.Value) plan.Value {
	for v.Node.Op == compute.OpTypeReshape || v.Node.Op == compute.OpTypeBroadcastInDim {
		v = v.Node.Inputs[0]
	}
	return v
}

// isRows reports whether v has, for every row of x [batch, heads, queries, keys], what an operation makes of it.
func isRows(v plan.Value, op compute.OpType, x plan.Value) bool {
	n := throughSpread(v).Node
	return n.Op == op && n.Inputs[0] == x && slices.Equal(n.Attr.(plan.Axes), plan.Axes{3})
}

func isRowsMax(v, x plan.Value) bool { return isRows(v, compute.OpTypeReduceMax, x) }
