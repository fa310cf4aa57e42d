package plan

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// maxLoopCode bounds the instructions of one loop, so that its blocks stay in the first-level cache.
const maxLoopCode = 48

// Fuse replaces the elementwise operations, broadcasts and outer reductions of a graph by loops, merging producers into
// their consumers as long as the result can still be ordered, and drops what nothing uses any more.
func Fuse(g *Graph) *Graph {
	f := newFusion(g)
	for _, n := range g.Nodes {
		if !f.groups[n.ID].loops {
			continue
		}
		for _, in := range operands(n) {
			from, to := f.groups[in.root.Node.ID], f.groups[n.ID]
			if from.loops && from != to && in.view.IsDense() && f.mergeable(from, to) {
				f.merge(from, to)
			}
		}
	}
	return f.rebuild()
}

// group is a set of nodes that run as one: a loop, or a single other node.
type group struct {
	nodes []*Node // in graph order
	loops bool
	size  int // elements of the loop's space
	inner int // inner size of its reductions over the leading axes; blocks are a multiple of it
	mark  int // of the last search that came by
}

type fusion struct {
	graph  *Graph
	groups []*group  // by node
	deps   [][]Value // by node: the values really read
	users  [][]*Node // by node: who reads it
	live   []bool    // by node: leads to a result of the graph
	search int
}

func newFusion(g *Graph) *fusion {
	f := &fusion{graph: g, groups: make([]*group, len(g.Nodes)), deps: make([][]Value, len(g.Nodes)),
		users: make([][]*Node, len(g.Nodes)), live: make([]bool, len(g.Nodes))}
	for _, n := range g.Nodes {
		looping := false
		inner := 1
		if _, reduces := reductionOf[n.Op]; reduces {
			var r LoopResult
			r, looping = loopReduction(n)
			inner = r.Inner
		} else {
			looping = IsElementwise(n.Op) || n.Op == compute.OpTypeBroadcastInDim
		}
		f.groups[n.ID] = &group{nodes: []*Node{n}, loops: looping, inner: inner}
		f.deps[n.ID] = n.Inputs
		if looping {
			f.groups[n.ID].size = View{Dims: space(n)}.Size()
			f.deps[n.ID] = nil
			for _, in := range operands(n) {
				f.deps[n.ID] = append(f.deps[n.ID], in.root)
			}
		}
		for _, v := range f.deps[n.ID] {
			f.users[v.Node.ID] = append(f.users[v.Node.ID], n)
		}
	}
	return f
}

// space returns the dimensions a looping node runs over.
func space(n *Node) []int {
	if _, reduces := reductionOf[n.Op]; reduces {
		return n.Inputs[0].Shape().Dimensions
	}
	return n.Outputs[0].Dimensions
}

// operand is what a looping node really reads, and how.
type operand struct {
	root Value
	view View
}

func operands(n *Node) []operand {
	if n.Op == compute.OpTypeBroadcastInDim {
		root, view := rootOf(n.Value(0))
		return []operand{{root, view.Collapse()}}
	}
	var all []operand
	for _, in := range n.Inputs {
		root, view := rootOf(in)
		all = append(all, operand{root, view.over(space(n)).Collapse()})
	}
	return all
}

// mergeable reports whether two groups can run as one loop: everything that to reads of from is an element at the same
// index, and no other way leads from one to the other.
func (f *fusion) mergeable(from, to *group) bool {
	if from.size != to.size || len(from.nodes)+len(to.nodes) > maxLoopCode ||
		from.inner > 1 && to.inner > 1 && from.inner != to.inner {
		return false
	}
	for _, n := range to.nodes {
		for _, in := range operands(n) {
			if f.groups[in.root.Node.ID] != from {
				continue
			}
			if _, reduces := reductionOf[in.root.Node.Op]; reduces || !in.view.IsDense() {
				return false
			}
		}
	}
	f.search++
	for _, n := range from.nodes {
		for _, user := range f.users[n.ID] {
			if g := f.groups[user.ID]; g != to && g != from && f.reaches(user, to) {
				return false
			}
		}
	}
	f.search++
	return !slices.ContainsFunc(to.nodes, func(n *Node) bool { return f.reaches(n, from) })
}

// reaches reports whether a way leads from n to the group.
func (f *fusion) reaches(n *Node, to *group) bool {
	g := f.groups[n.ID]
	if g == to {
		return true
	}
	if g.mark == f.search {
		return false
	}
	g.mark = f.search
	for _, m := range g.nodes {
		for _, user := range f.users[m.ID] {
			if f.groups[user.ID] != g && f.reaches(user, to) {
				return true
			}
		}
	}
	return false
}

func (f *fusion) merge(from, to *group) {
	from.nodes = append(from.nodes, to.nodes...)
	from.inner = max(from.inner, to.inner)
	slices.SortFunc(from.nodes, func(a, b *Node) int { return a.ID - b.ID })
	for _, n := range to.nodes {
		f.groups[n.ID] = from
	}
}

// rebuild writes the graph anew: a node per group, in an order that keeps that of the old graph where it can.
func (f *fusion) rebuild() *Graph {
	old := f.graph
	r := &rebuilder{fusion: f, used: f.usedOutside(), out: &Graph{Name: old.Name, Parent: old.Parent,
		CapturedFrom: old.CapturedFrom}, values: make(map[Value]Value)}
	for _, n := range old.Params {
		r.emit(n)
	}
	for _, n := range old.Captures {
		r.emit(n)
	}
	for _, n := range old.Nodes {
		if g := f.groups[n.ID]; f.live[n.ID] && g.nodes[len(g.nodes)-1] == n {
			r.emit(n)
		}
	}
	for _, v := range old.Results {
		r.out.Results = append(r.out.Results, r.value(v))
	}
	for _, n := range old.Params {
		r.out.Params = append(r.out.Params, r.values[n.Value(0)].Node)
	}
	for _, n := range old.Captures {
		r.out.Captures = append(r.out.Captures, r.values[n.Value(0)].Node)
	}
	return r.out
}

// usedOutside returns the values that must exist in memory, because another group reads them or they are returned, and
// finds out which nodes are live.
func (f *fusion) usedOutside() map[Value]bool {
	used := make(map[Value]bool)
	for _, v := range f.graph.Results {
		used[v] = true
		f.live[v.Node.ID] = true
	}
	for i := len(f.graph.Nodes) - 1; i >= 0; i-- {
		if !f.live[i] {
			continue
		}
		for _, v := range f.deps[i] {
			f.live[v.Node.ID] = true
			if f.groups[v.Node.ID] != f.groups[i] {
				used[v] = true
			}
		}
	}
	return used
}

type rebuilder struct {
	*fusion
	used   map[Value]bool
	out    *Graph
	values map[Value]Value // old to new
}

func (r *rebuilder) value(v Value) Value {
	if _, ok := r.values[v]; !ok {
		r.emit(v.Node)
	}
	return r.values[v]
}

// emit writes the node's group, and first whatever it reads.
func (r *rebuilder) emit(n *Node) {
	if _, done := r.values[n.Value(0)]; done {
		return
	}
	if g := r.groups[n.ID]; g.loops {
		r.emitLoop(g)
		return
	}
	inputs := make([]Value, len(n.Inputs))
	for i, v := range n.Inputs {
		inputs[i] = r.value(v)
	}
	m := r.out.AddUnique(n.Op, inputs, n.Attr, n.Outputs...)
	m.Subs = n.Subs
	for i := range n.Outputs {
		r.values[n.Value(i)] = m.Value(i)
	}
}

func (r *rebuilder) emitLoop(g *group) {
	b := loopBuilder{rebuilder: r, group: g, loop: &Loop{Size: g.size}, refs: make(map[Value]int)}
	live := slices.DeleteFunc(slices.Clone(g.nodes), func(n *Node) bool { return !r.live[n.ID] })
	for _, n := range live {
		for _, in := range operands(n) {
			b.collect(in)
		}
	}
	var outputs []shapes.Shape
	var old []Value
	for _, n := range live {
		b.instruct(n)
		if v := n.Value(0); r.used[v] {
			b.loop.Results = append(b.loop.Results, b.result(n))
			outputs, old = append(outputs, n.Outputs[0]), append(old, v)
		}
	}
	m := r.out.AddUnique(OpLoop, b.inputs, b.loop, outputs...)
	for i, v := range old {
		r.values[v] = m.Value(i)
	}
}

// loopBuilder writes one group as a loop.
type loopBuilder struct {
	*rebuilder
	group  *group
	loop   *Loop
	inputs []Value       // new values, one per argument
	args   []operand     // what each argument stands for
	refs   map[Value]int // old value of the group to reference
}

// collect makes an argument of an operand that comes from outside the loop.
func (b *loopBuilder) collect(in operand) {
	if b.groups[in.root.Node.ID] == b.group || b.find(in) >= 0 {
		return
	}
	b.inputs = append(b.inputs, b.value(in.root))
	b.args = append(b.args, in)
	b.loop.Args = append(b.loop.Args, in.view)
}

func (b *loopBuilder) find(in operand) int {
	return slices.IndexFunc(b.args, func(a operand) bool {
		return a.root == in.root && slices.Equal(a.view.Dims, in.view.Dims) && slices.Equal(a.view.Strides, in.view.Strides)
	})
}

func (b *loopBuilder) ref(in operand) int {
	if b.groups[in.root.Node.ID] == b.group {
		return b.refs[in.root]
	}
	return b.find(in)
}

// instruct writes the node's instruction, if it needs one: a broadcast is its operand, a reduction a result.
func (b *loopBuilder) instruct(n *Node) {
	if !IsElementwise(n.Op) {
		b.refs[n.Value(0)] = b.ref(operands(n)[0])
		return
	}
	instr := Instr{Op: n.Op, From: n.Inputs[len(n.Inputs)-1].Shape().DType, To: n.Outputs[0].DType}
	for _, in := range operands(n) {
		instr.Args = append(instr.Args, b.ref(in))
	}
	b.refs[n.Value(0)] = len(b.loop.Args) + len(b.loop.Code)
	b.loop.Code = append(b.loop.Code, instr)
}

func (b *loopBuilder) result(n *Node) LoopResult {
	result := LoopResult{}
	if _, reduces := reductionOf[n.Op]; reduces {
		result, _ = loopReduction(n)
	}
	result.Ref = b.refs[n.Value(0)]
	return result
}
