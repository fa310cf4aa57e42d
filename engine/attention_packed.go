package engine

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"

	"github.com/alike-ml/alike/engine/plan"
)

// packAttention lets attention read query, key and value where they lie side by side in the rows of one tensor, which GoMLX cuts
// into three, and write their gradients in the same way, which GoMLX pads with zeros and adds.
func packAttention(g *plan.Graph) {
	users := usersOf(g)
	for _, n := range g.Nodes {
		if attr, ok := n.Attr.(attentionAttr); ok && attr.layout == compute.AttentionAxesLayoutBSHD {
			readPacked(n)
		}
	}
	for _, n := range g.Nodes {
		if n.Op == compute.OpTypeAdd {
			writePacked(n, users)
		}
	}
}

// usersOf returns the nodes that read a value, dead ones included, and nil for each time that the graph returns it.
func usersOf(g *plan.Graph) map[plan.Value][]*plan.Node {
	users := make(map[plan.Value][]*plan.Node)
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			users[v] = append(users[v], n)
		}
	}
	for _, v := range g.Results {
		users[v] = append(users[v], nil)
	}
	return users
}

// readPacked replaces query, key and value that are parts of a tensor's rows by that tensor.
func readPacked(n *plan.Node) {
	attr := n.Attr.(attentionAttr)
	for i, dims := range [][4]int{attr.query, attr.key, attr.key} {
		part := throughReshapes(n.Inputs[i]).Node
		if part.Op != compute.OpTypeSlice {
			continue
		}
		source, cut := part.Inputs[0].Shape().Dimensions, part.Attr.(sliceAttr)
		last := len(source) - 1
		if part.Outputs[0].Dimensions[last] != dims[2]*dims[3] || cut.strides[last] != 1 ||
			!slices.Equal(part.Outputs[0].Dimensions[:last], source[:last]) {
			continue
		}
		attr.rows[i] = rowView{step: source[last], first: cut.starts[last]}
		n.Inputs[i] = part.Inputs[0]
	}
	n.Attr = attr
}

func throughReshapes(v plan.Value) plan.Value {
	for v.Node.Op == compute.OpTypeReshape {
		v = v.Node.Inputs[0]
	}
	return v
}

// writePacked matches a sum of the three gradients of attention, each padded with zeros to the rows that query, key and value are
// read from, and used nowhere else. The sum then is the gradient's own output.
func writePacked(sum *plan.Node, users map[plan.Value][]*plan.Node) {
	terms, ok := padsOf(sum, users)
	if !ok || len(terms) != 3 {
		return
	}
	grad := throughReshapes(terms[0].Inputs[0]).Node
	attr, ok := grad.Attr.(attentionAttr)
	if !ok || !attr.backward || attr.packed || grad.Inputs[0] != grad.Inputs[1] || grad.Inputs[0] != grad.Inputs[2] ||
		grad.Inputs[0].Shape().Size() != sum.Outputs[0].Size() {
		return
	}
	var covered int
	for i := range grad.Outputs {
		at := slices.IndexFunc(terms, func(pad *plan.Node) bool { return throughReshapes(pad.Inputs[0]) == grad.Value(i) })
		if at < 0 || !soleUser(terms[at].Inputs[0], users) || !padsRows(terms[at], attr.rows[i]) {
			return
		}
		covered += grad.Outputs[i].Size()
	}
	if covered != sum.Outputs[0].Size() || !apart(attr) {
		return
	}
	attr.packed = true
	grad.Attr = attr
	shape := sum.Outputs[0]
	empty := shapes.Make(shape.DType, 0)
	grad.Outputs = []shapes.Shape{shape, empty, empty}
	sum.Op, sum.Inputs, sum.Attr = compute.OpTypeReshape, []plan.Value{grad.Value(0)}, nil
}

// padsOf returns the pads whose sum a node is, if they are used nowhere else.
func padsOf(sum *plan.Node, users map[plan.Value][]*plan.Node) (pads []*plan.Node, ok bool) {
	for _, v := range sum.Inputs {
		if len(users[v]) != 1 {
			return nil, false
		}
		switch n := v.Node; n.Op {
		case compute.OpTypePad:
			pads = append(pads, n)
		case compute.OpTypeAdd:
			more, ok := padsOf(n, users)
			if !ok {
				return nil, false
			}
			pads = append(pads, more...)
		default:
			return nil, false
		}
	}
	return pads, true
}

// soleUser reports whether v, and what it reshapes, has one user.
func soleUser(v plan.Value, users map[plan.Value][]*plan.Node) bool {
	for {
		if len(users[v]) != 1 {
			return false
		}
		if v.Node.Op != compute.OpTypeReshape {
			return true
		}
		v = v.Node.Inputs[0]
	}
}

// padsRows reports whether a node pads the last axis alone, with zeros, so that it lies in rows as the view says.
func padsRows(n *plan.Node, rows rowView) bool {
	dims := n.Outputs[0].Dimensions
	for axis, p := range n.Attr.(padAttr) {
		if p.Interior != 0 || axis < len(dims)-1 && (p.Start != 0 || p.End != 0) ||
			axis == len(dims)-1 && p.Start != rows.first {
			return false
		}
	}
	return plan.IsConstant(n.Inputs[1], 0) && dims[len(dims)-1] == rows.step
}

// apart reports whether query, key and value do not overlap in their rows.
func apart(attr attentionAttr) bool {
	width := []int{attr.query[2] * attr.query[3], attr.key[2] * attr.key[3], attr.key[2] * attr.key[3]}
	for i, a := range attr.rows {
		for j, b := range attr.rows[:i] {
			if a.first < b.first+width[j] && b.first < a.first+width[i] {
				return false
			}
		}
	}
	return true
}
