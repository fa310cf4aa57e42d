package engine

import (
	"sync"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/plan"
)

// program is a planned function: kernel calls in order, and where their operands lie.
type program struct {
	graph  *plan.Graph
	steps  []step
	memory *plan.Memory
	consts [][]byte
	called []*program // of the functions that its steps call

	mu   sync.Mutex
	idle []*programState
}

// keepStates is how many states of a program, and how many arenas, outlive their execution, so that the next one finds them in place.
const keepStates = 2

// step is one kernel call. Operands are storages of the memory layout; scratch memory follows the outputs.
type step struct {
	node    *plan.Node
	run     kernelFunc
	in, out []int
}

// programState is what one execution needs beside its arena: the slices of operands.
type programState struct {
	storages [][]byte
	in, out  [][]byte
}

// compileGraph plans a function that has returned.
func compileGraph(b *Backend, g *plan.Graph) (*program, error) {
	plan.Simplify(g)
	err := plan.Fold(g, func(n *plan.Node, inputs []plan.Constant) (plan.Constant, error) { return evaluate(b, n, inputs) })
	if err != nil {
		return nil, err
	}
	plan.Rewrite(g, hasConvKernel)
	plan.Norms(g, hasNormKernel)
	single := func(dtype dtypes.DType) bool { return registerType(dtype) == dtypes.Float32 }
	plan.RewriteGelu(g, single)
	plan.RewriteLayerNorms(g, single)
	joinDroppedAttention(g)
	packAttention(g)
	orderDots(g)
	return newProgram(b, g)
}

// evaluate computes a node with one output from the values of its inputs.
func evaluate(b *Backend, n *plan.Node, inputs []plan.Constant) (plan.Constant, error) {
	g := &plan.Graph{}
	var values []plan.Value
	var params [][]byte
	for i, v := range n.Inputs {
		p := g.AddUnique(compute.OpTypeParameter, nil, nil, v.Shape())
		g.Params = append(g.Params, p)
		values, params = append(values, p.Value(0)), append(params, inputs[i])
	}
	g.Results = []plan.Value{g.AddUnique(n.Op, values, n.Attr, n.Outputs...).Value(0)}
	p, err := newProgram(b, g)
	if err != nil {
		return nil, err
	}
	result := alignedBytes(int(n.Outputs[0].ByteSize()))
	p.run(b, alignedBytes(p.memory.ArenaSize), params, [][]byte{result})
	return result, nil
}

// newProgram fuses a graph, lays it out, and finds the kernels.
func newProgram(b *Backend, g *plan.Graph) (*program, error) {
	g = addInDots(plan.Fuse(g))
	plan.OwnResults(g)
	p := &program{graph: g}
	reuse, scratch := make(map[*plan.Node][]plan.Reuse), make(map[*plan.Node]int)
	for _, n := range g.Nodes {
		if isControl(n) {
			c, err := newControl(b, n)
			if err != nil {
				return nil, err
			}
			p.steps = append(p.steps, step{node: n, run: c.run})
			p.called, scratch[n] = append(p.called, c.called...), c.scratch
			continue
		}
		run, over, err := lower(b, n)
		if err != nil {
			return nil, err
		}
		reuse[n] = over
		if run != nil {
			p.steps = append(p.steps, step{node: n, run: run})
		}
		if n.Op == compute.OpTypeConstant {
			p.consts = append(p.consts, n.Attr.(plan.Constant))
		}
	}
	p.memory = plan.Layout(g, func(n *plan.Node) []plan.Reuse { return reuse[n] }, scratch)
	for i := range p.steps {
		s := &p.steps[i]
		for _, v := range s.node.Inputs {
			s.in = append(s.in, p.memory.Of[v])
		}
		for k := range s.node.Outputs {
			s.out = append(s.out, p.memory.Of[s.node.Value(k)])
		}
		if at, ok := p.memory.Scratch[s.node]; ok {
			s.out = append(s.out, at)
		}
	}
	return p, nil
}

// peak is how many bytes an execution needs: its arena, in which called functions have theirs, parameters, results, and the constants of
// all of them.
func (p *program) peak() int64 {
	total := int64(p.memory.ArenaSize) + p.constants()
	for _, s := range p.memory.Storages {
		if s.Base == plan.Param || s.Base == plan.Result {
			total += int64(s.Size)
		}
	}
	return total
}

// constants is how many bytes the program's constants take, and those of the functions that it calls.
func (p *program) constants() (total int64) {
	for _, c := range p.consts {
		total += int64(len(c))
	}
	for _, called := range p.called {
		total += called.constants()
	}
	return total
}

// run executes the program: arena is memory to compute in, params are its parameters and captured values, results the memory for its
// results.
func (p *program) run(b *Backend, arena []byte, params, results [][]byte) {
	s := p.takeState()
	for i, m := range p.memory.Storages {
		switch m.Base {
		case plan.Arena:
			s.storages[i] = arena[m.Offset : m.Offset+m.Size]
		case plan.Param:
			s.storages[i] = params[m.Index]
		case plan.Const:
			s.storages[i] = p.consts[m.Index]
		case plan.Result:
			s.storages[i] = results[m.Index]
		}
	}
	for i := range p.steps {
		p.runStep(b, s, &p.steps[i])
	}
	clear(s.storages)
	p.putState(s)
}

func (p *program) takeState() *programState {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return s
	}
	return &programState{storages: make([][]byte, len(p.memory.Storages))}
}

func (p *program) putState(s *programState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < keepStates {
		p.idle = append(p.idle, s)
	}
}

func (p *program) runStep(b *Backend, s *programState, t *step) {
	s.in, s.out = s.in[:0], s.out[:0]
	for _, i := range t.in {
		s.in = append(s.in, s.storages[i])
	}
	for _, i := range t.out {
		s.out = append(s.out, s.storages[i])
	}
	if !b.trace.enabled() {
		t.run(b, s.in, s.out)
		return
	}
	begin := time.Now()
	t.run(b, s.in, s.out)
	b.trace.record(t.node, begin, time.Now())
}
