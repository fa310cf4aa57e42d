package plan

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Norms joins batch norms of training, where fits says that there is a kernel for them, with what surrounds them: the conversions
// of a bfloat16 network, whose norms are computed in float32, and ReLU with its gradient. The results are the same but for
// the bits between: bfloat16 is read and written by the norm itself.
func Norms(g *Graph, fits func(*Node) bool) {
	n := norms{uses: usesOf(g), same: make(map[Value]Value)}
	for _, pass := range []func(*Node){n.narrow, n.join} {
		for _, node := range g.Nodes {
			n.resolve(node.Inputs)
			if isNorm(node) && fits(node) {
				pass(node)
			}
		}
		n.resolve(g.Results)
		n.uses = usesOf(g)
	}
}

func isNorm(n *Node) bool {
	return n.Op == compute.OpTypeBatchNormForTraining || n.Op == compute.OpTypeBatchNormGradient
}

type norms struct {
	uses uses
	same map[Value]Value // values that have become others
}

func (r *norms) resolve(values []Value) {
	for i, v := range values {
		if other, ok := r.same[v]; ok {
			values[i] = other
		}
	}
}

// narrow makes a norm of converted bfloat16, whose result is converted back by all who use it, one of bfloat16.
func (r *norms) narrow(n *Node) {
	tensors := []int{0}
	if n.Op == compute.OpTypeBatchNormGradient {
		tensors = []int{0, 4}
	}
	for _, i := range tensors {
		if !converts(n.Inputs[i].Node, dtypes.BFloat16, dtypes.Float32) {
			return
		}
	}
	y := n.Value(0)
	if r.uses.results[y] {
		return
	}
	for _, user := range r.uses.users[y] {
		if !converts(user, dtypes.Float32, dtypes.BFloat16) {
			return
		}
	}
	for _, i := range tensors {
		n.Inputs[i] = n.Inputs[i].Node.Inputs[0]
	}
	n.Outputs[0].DType = dtypes.BFloat16
	for _, user := range r.uses.users[y] {
		r.same[user.Value(0)] = y
	}
}

func converts(n *Node, from, to dtypes.DType) bool {
	return n.Op == compute.OpTypeConvertDType && n.Inputs[0].Shape().DType == from && n.Outputs[0].DType == to
}

// join makes a norm and the ReLU behind it one operation, and their gradients another, if nothing else reads the norm's result.
func (r *norms) join(n *Node) {
	y := n.Value(0)
	if n.Op != compute.OpTypeBatchNormForTraining || r.uses.results[y] {
		return
	}
	var relus []*Node
	type gradient struct {
		norm *Node
		dy   Value
	}
	var gradients []gradient
	for _, user := range r.uses.users[y] {
		switch user.Op {
		case compute.OpTypeMax:
			if !IsConstant(user.Inputs[0], 0) && !IsConstant(user.Inputs[1], 0) || !user.Outputs[0].Equal(y.Shape()) {
				return
			}
			relus = append(relus, user)
		case OpStep:
			for _, product := range r.uses.users[user.Value(0)] {
				norm, dy, ok := r.through(n, user.Value(0), product)
				if !ok {
					return
				}
				gradients = append(gradients, gradient{norm, dy})
			}
		default:
			return
		}
	}
	if len(relus) == 0 {
		return
	}
	n.Op = OpBatchNormReLU
	for _, relu := range relus {
		r.same[relu.Value(0)] = y
	}
	for _, g := range gradients {
		g.norm.Op = OpBatchNormReLUGradient
		g.norm.Inputs = []Value{n.Inputs[0], n.Inputs[1], n.Value(1), n.Value(2), g.dy, n.Inputs[2]}
	}
}

// through matches the product of a gradient dy with ReLU's step that nothing but the gradient of norm n reads.
func (r *norms) through(n *Node, step Value, product *Node) (norm *Node, dy Value, ok bool) {
	v := product.Value(0)
	if product.Op != compute.OpTypeMul || !v.Shape().Equal(step.Shape()) || r.uses.results[v] || len(r.uses.users[v]) != 1 {
		return nil, dy, false
	}
	dy = product.Inputs[0]
	if dy == step {
		dy = product.Inputs[1]
	}
	norm = r.uses.users[v][0]
	if norm.Op != compute.OpTypeBatchNormGradient || dy == step || !dy.Shape().Equal(step.Shape()) || norm.Inputs[0] != n.Inputs[0] ||
		norm.Inputs[1] != n.Inputs[1] || norm.Inputs[2] != n.Value(1) || norm.Inputs[3] != n.Value(2) || norm.Inputs[4] != v {
		return nil, dy, false
	}
	return norm, dy, true
}

// uses says who reads a value, dead code left out, and which values are results.
type uses struct {
	users   map[Value][]*Node
	results map[Value]bool
}

func usesOf(g *Graph) uses {
	u := uses{make(map[Value][]*Node), make(map[Value]bool)}
	live := make(map[*Node]bool)
	for _, v := range g.Results {
		u.results[v], live[v.Node] = true, true
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if !live[n] {
			continue
		}
		seen := make(map[Value]bool)
		for _, v := range n.Inputs {
			live[v.Node] = true
			if !seen[v] {
				seen[v] = true
				u.users[v] = append(u.users[v], n)
			}
		}
	}
	return u
}
