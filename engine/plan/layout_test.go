package plan

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"pgregory.net/rapid"
)

// TestValuesInUseDoNotOverlap lays out random graphs, with reuse wherever it is allowed and all parameters donated, and runs them on
// tags: every node writes its tag to its storages and nothing to its scratch memory, and must find the tags of its inputs in theirs.
func TestValuesInUseDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		OwnResults(g)
		scratch := make(map[*Node]int)
		for _, n := range g.Nodes {
			if n.Op == compute.OpTypeConcatenate && rapid.Bool().Draw(t, "computes beside its outputs") {
				scratch[n] = 64 * rapid.IntRange(0, 3).Draw(t, "scratch")
			}
		}
		m := Layout(g, func(n *Node) []Reuse {
			var all []Reuse
			for i := range n.Inputs {
				all = append(all, Reuse{Output: 0, Input: i})
			}
			return all
		}, scratch)
		type place struct {
			base  Base
			index int
		}
		memory := make(map[place][]Value) // who wrote which byte
		lies := func(storage int) []Value {
			s := m.Storages[storage]
			at, size := place{s.Base, s.Index}, s.Size
			if s.Base == Result && m.Donors[s.Index] >= 0 { // every parameter is given away
				at = place{Param, m.Donors[s.Index]}
			}
			if s.Base == Arena {
				at.index = 0
				size = m.ArenaSize
			}
			if len(memory[at]) < size {
				memory[at] = append(memory[at], make([]Value, size-len(memory[at]))...)
			}
			if s.Base == Arena {
				return memory[at][s.Offset : s.Offset+s.Size]
			}
			return memory[at][:size]
		}
		bytes := func(v Value) []Value { return lies(m.Of[v]) }
		holds := func(v Value) bool {
			return !slices.ContainsFunc(bytes(v), func(w Value) bool { return w != aliased(v) })
		}
		for _, n := range g.Nodes {
			if at, ok := m.Scratch[n]; ok {
				clear(lies(at))
			}
			for i, v := range n.Inputs {
				if !holds(v) {
					t.Fatalf("input %d of node %d (%s) has been overwritten", i, n.ID, OpName(n.Op))
				}
			}
			for i := range n.Outputs {
				if !IsAlias(n) {
					b := bytes(n.Value(i))
					for k := range b {
						b[k] = n.Value(i)
					}
				}
			}
			if size, ok := scratch[n]; ok {
				own := lies(m.Scratch[n])
				if len(own) != size {
					t.Fatalf("node %d has %d bytes of scratch memory, wants %d", n.ID, len(own), size)
				}
				clear(own)
			}
		}
		for i, v := range g.Results {
			if s := m.Storages[m.Of[v]]; s.Base != Result || s.Index != i || !holds(v) {
				t.Fatalf("result %d is not in its place, or overwritten", i)
			}
		}
	})
}

// drawGraph draws a graph of parameters and nodes of different sizes, some of them aliases.
func drawGraph(t *rapid.T) *Graph {
	g := &Graph{}
	var values []Value
	for range rapid.IntRange(1, 3).Draw(t, "parameters") {
		n := g.AddUnique(compute.OpTypeParameter, nil, nil, shapes.Make(dtypes.Uint8, 64*rapid.IntRange(1, 2).Draw(t, "size")))
		g.Params = append(g.Params, n)
		values = append(values, n.Value(0))
	}
	pick := rapid.Custom(func(t *rapid.T) Value { return values[rapid.IntRange(0, len(values)-1).Draw(t, "value")] })
	for range rapid.IntRange(1, 25).Draw(t, "nodes") {
		inputs := rapid.SliceOfN(pick, 1, 3).Draw(t, "inputs")
		op, shape := compute.OpTypeConcatenate, shapes.Make(dtypes.Uint8, 64*rapid.IntRange(1, 2).Draw(t, "size"))
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			op, inputs, shape = compute.OpTypeReshape, inputs[:1], inputs[0].Shape()
		case 1:
			shape = inputs[0].Shape()
		}
		values = append(values, g.AddUnique(op, inputs, nil, shape).Value(0))
	}
	g.Results = rapid.SliceOfN(pick, 1, 3).Draw(t, "results")
	return g
}
