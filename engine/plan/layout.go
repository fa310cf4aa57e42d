package plan

import (
	"slices"

	"github.com/gomlx/compute"
)

// Base is the block of memory a storage lies in.
type Base int

// The blocks of memory of an execution.
const (
	Arena  Base = iota // the execution's own block, at Offset
	Param              // parameter Index (captured values follow the parameters)
	Const              // constant Index
	Result             // result Index
)

// Storage is a piece of memory that values take turns to live in.
type Storage struct {
	Base   Base
	Index  int
	Offset int
	Size   int // bytes

	first, last int // the steps between which it is taken
}

// Memory is the layout of a graph's values.
type Memory struct {
	Storages  []Storage
	Of        map[Value]int // index into Storages
	Scratch   map[*Node]int // index into Storages of the memory that a node computes in, of those that need any
	ArenaSize int           // bytes
	// Donors names, for each result, the parameter whose memory it may take when the caller gives it away; -1 for none.
	Donors []int
}

// Alignment of every storage, in bytes: a cache line.
const Alignment = 64

// Reuse says which memory the outputs of a node may take over.
type Reuse struct {
	Output, Input int
}

// IsAlias reports whether the node's outputs are its inputs, seen differently.
func IsAlias(n *Node) bool {
	switch n.Op {
	case compute.OpTypeReshape, compute.OpTypeIdentity, compute.OpTypeOptimizationBarrier, compute.OpTypeSchedulingBarrier,
		compute.OpTypeBitcast:
		return true
	}
	return false
}

// Layout gives every value of the graph a storage. The nodes run in graph order; reuse lists which inputs' memory the
// outputs of a node may overwrite, and scratch has the bytes that nodes need for themselves while they run, of those that need any. Every
// result must be a value of its own that the graph computes (see [OwnResults]).
func Layout(g *Graph, reuse func(*Node) []Reuse, scratch map[*Node]int) *Memory {
	l := &layout{graph: g, mem: &Memory{Of: make(map[Value]int), Scratch: make(map[*Node]int)}, lastUse: lastUses(g)}
	l.mem.Donors = make([]int, len(g.Results))
	results := make(map[Value]int)
	for i, v := range g.Results {
		l.mem.Donors[i] = -1
		results[aliased(v)] = i
	}
	for step, n := range g.Nodes {
		l.place(step, n, results, reuse)
		if size, ok := scratch[n]; ok {
			l.mem.Scratch[n] = len(l.mem.Storages)
			l.mem.Storages = append(l.mem.Storages, Storage{Base: Arena, Size: size, first: step, last: step})
		}
	}
	l.donate()
	l.pack()
	return l.mem
}

type layout struct {
	graph   *Graph
	mem     *Memory
	lastUse map[Value]int // of aliased values; results are used after the last step
	consts  int
}

// aliased returns the value whose memory v is.
func aliased(v Value) Value {
	for IsAlias(v.Node) {
		v = v.Node.Inputs[v.Index]
	}
	return v
}

func lastUses(g *Graph) map[Value]int {
	last := make(map[Value]int)
	for step, n := range g.Nodes {
		for _, v := range n.Inputs {
			last[aliased(v)] = step
		}
	}
	for _, v := range g.Results {
		last[aliased(v)] = len(g.Nodes)
	}
	return last
}

func (l *layout) place(step int, n *Node, results map[Value]int, reuse func(*Node) []Reuse) {
	if IsAlias(n) {
		for i := range n.Outputs {
			l.mem.Of[n.Value(i)] = l.mem.Of[n.Inputs[i]]
		}
		return
	}
	taken := l.takeOver(step, n, results, reuse)
	for i, shape := range n.Outputs {
		v := n.Value(i)
		last, used := l.lastUse[v]
		if !used {
			last = step
		}
		if at, ok := taken[i]; ok {
			s := &l.mem.Storages[at]
			s.last = last
			if r, ok := results[v]; ok {
				s.Base, s.Index = Result, r
			}
			l.mem.Of[v] = at
			continue
		}
		s := Storage{Base: Arena, Size: int(shape.ByteSize()), first: step, last: last}
		if r, ok := results[v]; ok {
			s.Base, s.Index = Result, r
		}
		switch n.Op {
		case compute.OpTypeParameter, compute.OpTypeCapturedValue:
			s.Base, s.Index = Param, l.paramIndex(n)
		case compute.OpTypeConstant:
			s.Base, s.Index = Const, l.consts
			l.consts++
		}
		l.mem.Of[v] = len(l.mem.Storages)
		l.mem.Storages = append(l.mem.Storages, s)
	}
}

func (l *layout) paramIndex(n *Node) int {
	if n.Op == compute.OpTypeParameter {
		return slices.Index(l.graph.Params, n)
	}
	return len(l.graph.Params) + slices.Index(l.graph.Captures, n)
}

// takeOver finds the outputs of a node that can overwrite an input that is used here for the last time.
func (l *layout) takeOver(step int, n *Node, results map[Value]int, reuse func(*Node) []Reuse) map[int]int {
	taken := make(map[int]int)
	claimed := make(map[int]bool)
	for _, r := range reuse(n) {
		in := n.Inputs[r.Input]
		at := l.mem.Of[in]
		s := &l.mem.Storages[at]
		_, done := taken[r.Output]
		if done || claimed[at] || l.lastUse[aliased(in)] != step || s.Size != int(n.Outputs[r.Output].ByteSize()) ||
			l.readTwice(n, at) {
			continue
		}
		result, isResult := results[n.Value(r.Output)]
		if isResult && l.mem.Donors[result] >= 0 {
			continue // its memory is an input's, which is still read
		}
		switch {
		case s.Base == Arena:
			taken[r.Output], claimed[at] = at, true
		case s.Base == Param && s.Index < len(l.graph.Params) && isResult && !slices.Contains(l.mem.Donors, s.Index):
			l.mem.Donors[result] = s.Index
			claimed[at] = true
		}
	}
	return taken
}

// readTwice reports whether two inputs of a node lie in the same storage.
func (l *layout) readTwice(n *Node, at int) bool {
	count := 0
	for _, v := range n.Inputs {
		if l.mem.Of[v] == at {
			count++
		}
	}
	return count > 1
}

// donate pairs the results that have no donor yet with parameters that are no longer read when they are written.
func (l *layout) donate() {
	free := make(map[int]*Storage) // by parameter
	for i := range l.mem.Storages {
		s := &l.mem.Storages[i]
		if s.Base == Param && s.Index < len(l.graph.Params) && !slices.Contains(l.mem.Donors, s.Index) {
			free[s.Index] = s
		}
	}
	for i := range l.mem.Storages {
		s := &l.mem.Storages[i]
		if s.Base != Result || l.mem.Donors[s.Index] >= 0 {
			continue
		}
		for p := range l.graph.Params {
			if f := free[p]; f != nil && f.Size == s.Size && f.last < s.first {
				l.mem.Donors[s.Index] = p
				delete(free, p)
				break
			}
		}
	}
}

// pack gives the arena's storages their offsets: the largest first, each in the lowest gap between those that are taken
// at the same time.
func (l *layout) pack() {
	var order []*Storage
	for i := range l.mem.Storages {
		if s := &l.mem.Storages[i]; s.Base == Arena {
			order = append(order, s)
		}
	}
	slices.SortStableFunc(order, func(a, b *Storage) int { return b.Size - a.Size })
	var placed []*Storage // by offset
	for _, s := range order {
		size := Align(s.Size)
		s.Offset = 0
		for _, other := range placed {
			if other.last < s.first || s.last < other.first {
				continue
			}
			if s.Offset+size <= other.Offset {
				break
			}
			s.Offset = max(s.Offset, other.Offset+Align(other.Size))
		}
		at, _ := slices.BinarySearchFunc(placed, s.Offset, func(o *Storage, offset int) int { return o.Offset - offset })
		placed = slices.Insert(placed, at, s)
		l.mem.ArenaSize = max(l.mem.ArenaSize, s.Offset+size)
	}
}

// Align rounds bytes up to a multiple of [Alignment].
func Align(size int) int { return (size + Alignment - 1) / Alignment * Alignment }
