package engine

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/plan"
)

// addInDots moves additions of a bias, one number for each column, and of a tensor of the product's size from the loop behind
// a product in float32 into the product, which adds them while its sums are in registers. The graph is one that [plan.Fuse] wrote. A
// loop of which nothing is left is dropped.
func addInDots(g *plan.Graph) *plan.Graph {
	users := usersOf(g)
	same := make(map[plan.Value]plan.Value) // values that have become others
	resolve := func(values []plan.Value) {
		for i, v := range values {
			if other, ok := same[v]; ok {
				values[i] = other
			}
		}
	}
	var nodes []*plan.Node
	for _, n := range g.Nodes {
		resolve(n.Inputs)
		s := newLoopSums(n, users)
		if s == nil {
			nodes = append(nodes, n)
			continue
		}
		nodes = slices.DeleteFunc(nodes, func(m *plan.Node) bool { return m == s.bare })
		nodes = append(append(nodes, s.dot), s.replace(n, same)...)
	}
	resolve(g.Results)
	g.Nodes = nodes
	for i, n := range nodes {
		n.ID = i
	}
	return g
}

// loopSums is a loop and a product whose additions have moved from the one to the other.
type loopSums struct {
	bare   *plan.Node // the product without them
	dot    *plan.Node // and with them, to stand where the loop is
	attr   dotAttr
	loop   plan.Loop
	inputs []plan.Value // of the loop
	at     int          // the argument that is the product
}

// newLoopSums moves what additions it can out of a node that is a loop; nil means none.
func newLoopSums(n *plan.Node, users map[plan.Value][]*plan.Node) *loopSums {
	loop, ok := n.Attr.(*plan.Loop)
	if !ok {
		return nil
	}
	for i, v := range n.Inputs {
		attr, ok := v.Node.Attr.(dotAttr)
		if !ok || attr.bias || attr.plus || len(users[v]) != 1 || v.Shape().DType != dtypes.Float32 ||
			v.Node.Inputs[0].Shape().DType != dtypes.Float32 || !loop.Args[i].IsDense() || loop.Size == 0 {
			continue
		}
		s := &loopSums{bare: v.Node, attr: attr, loop: *loop, inputs: slices.Clone(n.Inputs), at: i}
		var bias, plus []plan.Value
		_, _, columns, _ := newMatrix(v.Node.Inputs[1], attr.rhsBatch, attr.rhsContract)
		for {
			instr, ref := s.addition(columns)
			if instr < 0 {
				break
			}
			if isColumns(s.loop.Args[ref], columns) {
				bias, s.attr.bias = []plan.Value{s.inputs[ref]}, true
			} else {
				plus, s.attr.plus = []plan.Value{s.inputs[ref]}, true
			}
			s.drop(instr)
		}
		if !s.attr.bias && !s.attr.plus {
			continue
		}
		s.dropUnread()
		s.dot = &plan.Node{Op: v.Node.Op, Inputs: slices.Concat(v.Node.Inputs, bias, plus), Attr: s.attr, Outputs: v.Node.Outputs, Graph: v.Node.Graph}
		return s
	}
	return nil
}

// addition finds the instruction that alone reads the product, and adds to it an argument that the product can add itself. It
// returns the instruction's index and the argument, or -1.
func (s *loopSums) addition(columns int) (instr, ref int) {
	found := -1
	for i, code := range s.loop.Code {
		if !slices.Contains(code.Args, s.at) {
			continue
		}
		if found >= 0 {
			return -1, 0
		}
		found = i
	}
	if found < 0 || slices.ContainsFunc(s.loop.Results, func(r plan.LoopResult) bool { return r.Ref == s.at }) {
		return -1, 0
	}
	code := s.loop.Code[found]
	if code.Op != compute.OpTypeAdd || code.To != dtypes.Float32 {
		return -1, 0
	}
	ref = code.Args[0] + code.Args[1] - s.at
	if ref == s.at || ref >= len(s.loop.Args) {
		return -1, 0
	}
	view := s.loop.Args[ref]
	if !s.attr.bias && isColumns(view, columns) && s.inputs[ref].Shape().Size() == columns || !s.attr.plus && view.IsDense() {
		return found, ref
	}
	return -1, 0
}

// isColumns reports whether a view has one number for each column of a matrix of several rows.
func isColumns(view plan.View, columns int) bool {
	c := view.Collapse()
	return len(c.Dims) == 2 && c.Dims[1] == columns && slices.Equal(c.Strides, []int{0, 1})
}

// drop takes out an instruction, whose result is now the product.
func (s *loopSums) drop(instr int) {
	gone := len(s.loop.Args) + instr
	s.loop.Code = slices.Delete(slices.Clone(s.loop.Code), instr, instr+1)
	s.renumber(func(ref int) int {
		switch {
		case ref == gone:
			return s.at
		case ref > gone:
			return ref - 1
		}
		return ref
	})
}

// dropUnread takes out the arguments that nothing reads any more.
func (s *loopSums) dropUnread() {
	read := make(map[int]bool)
	s.renumber(func(ref int) int {
		read[ref] = true
		return ref
	})
	args := len(s.loop.Args)
	place := make([]int, args)
	var views []plan.View
	var inputs []plan.Value
	for i, view := range s.loop.Args {
		place[i] = len(views)
		if read[i] {
			views, inputs = append(views, view), append(inputs, s.inputs[i])
		}
	}
	s.renumber(func(ref int) int {
		if ref < args {
			return place[ref]
		}
		return ref - args + len(views)
	})
	s.loop.Args, s.inputs, s.at = views, inputs, place[s.at]
}

// renumber replaces the references of instructions and results.
func (s *loopSums) renumber(f func(ref int) int) {
	code, results := slices.Clone(s.loop.Code), slices.Clone(s.loop.Results)
	for i := range code {
		code[i].Args = slices.Clone(code[i].Args)
		for k, ref := range code[i].Args {
			code[i].Args[k] = f(ref)
		}
	}
	for i := range results {
		results[i].Ref = f(results[i].Ref)
	}
	s.loop.Code, s.loop.Results = code, results
}

// replace returns the nodes that stand for loop n behind the product: results that are the product, seen in another shape, and a loop
// for the others.
func (s *loopSums) replace(n *plan.Node, same map[plan.Value]plan.Value) []*plan.Node {
	product := s.dot.Value(0)
	s.inputs[s.at] = product
	rest := &plan.Node{Op: n.Op, Inputs: s.inputs, Attr: &s.loop, Graph: n.Graph}
	var nodes []*plan.Node
	var results []plan.LoopResult
	for i, r := range s.loop.Results {
		if r.Ref != s.at || r.Reduce != compute.OpTypeInvalid {
			same[n.Value(i)] = rest.Value(len(results))
			results, rest.Outputs = append(results, r), append(rest.Outputs, n.Outputs[i])
			continue
		}
		seen := &plan.Node{Op: compute.OpTypeReshape, Inputs: []plan.Value{product}, Outputs: n.Outputs[i : i+1], Graph: n.Graph}
		same[n.Value(i)] = seen.Value(0)
		nodes = append(nodes, seen)
	}
	if len(results) > 0 {
		s.loop.Results = results
		nodes = append(nodes, rest)
	}
	return nodes
}
