package engine

import (
	"slices"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/engine/plan"
)

// control is an operation that calls functions.
type control struct {
	// run is its kernel. The last of its outputs is scratch memory, in which the functions compute.
	run     kernelFunc
	scratch int        // bytes
	called  []*program // of its functions
}

// isControl reports whether a node calls functions.
func isControl(n *plan.Node) bool {
	switch n.Op {
	case compute.OpTypeCall, compute.OpTypeIf, compute.OpTypeWhile, compute.OpTypeSort:
		return true
	}
	return false
}

// newControl plans the functions of a node that calls any. A function gets its operands, then what it has captured.
func newControl(b *Backend, n *plan.Node) (control, error) {
	var c control
	own := len(n.Inputs)
	for _, sub := range n.Subs {
		p, err := compileGraph(b, sub)
		if err != nil {
			return c, err
		}
		c.called = append(c.called, p)
		c.scratch = max(c.scratch, p.memory.ArenaSize)
		own -= len(sub.CapturedFrom)
	}
	captured := func(in [][]byte, sub int) [][]byte {
		first := own
		for i := range sub {
			first += len(n.Subs[i].CapturedFrom)
		}
		return in[first : first+len(n.Subs[sub].CapturedFrom)]
	}
	last := len(n.Outputs)
	switch n.Op {
	case compute.OpTypeCall:
		c.run = func(b *Backend, in, out [][]byte) { c.called[0].run(b, out[last], in, out[:last]) }
	case compute.OpTypeIf:
		c.run = func(b *Backend, in, out [][]byte) {
			branch := 0
			if in[0][0] == 0 {
				branch = 1
			}
			c.called[branch].run(b, out[last], captured(in, branch), out[:last])
		}
	case compute.OpTypeSort:
		c.run = func(b *Backend, in, out [][]byte) {
			sortTensors(b, n, c.called[0], out[last], in[:own], captured(in, 0), out[:last])
		}
	case compute.OpTypeWhile:
		arena := c.scratch
		for _, shape := range n.Outputs {
			c.scratch += plan.Align(int(shape.ByteSize()))
		}
		c.run = func(b *Backend, in, out [][]byte) {
			arena, next := out[last][:arena], out[last][arena:]
			runWhile(b, c.called[0], c.called[1], arena, next, in[:own], captured(in, 0), captured(in, 1), out[:last])
		}
	}
	return c, nil
}

// runWhile keeps the state in two sets of memory, out and one in second, and goes back and forth between them.
func runWhile(b *Backend, cond, body *program, arena, second []byte, initial, condCaptured, bodyCaptured, out [][]byte) {
	state, next := slices.Clone(out), make([][]byte, len(out))
	for i := range out {
		copy(state[i], initial[i])
		next[i], second = second[:len(out[i])], second[plan.Align(len(out[i])):]
	}
	holds := make([]byte, 1)
	for {
		cond.run(b, arena, slices.Concat(state, condCaptured), [][]byte{holds})
		if holds[0] == 0 {
			break
		}
		body.run(b, arena, slices.Concat(state, bodyCaptured), next)
		state, next = next, state
	}
	for i := range out {
		copy(out[i], state[i])
	}
}

// sortTensors sorts every row along the axis by indices, then moves the elements of all tensors alike.
func sortTensors(b *Backend, n *plan.Node, comparator *program, arena []byte, in, captured, out [][]byte) {
	attr, dims := n.Attr.(sortAttr), n.Outputs[0].Dimensions
	length, step := dims[attr.axis], strides(dims)[attr.axis]
	rows := product(dims) / max(length, 1)
	for row := range rows {
		base := row/step*step*length + row%step
		operands := make([][]byte, 2*len(in), 2*len(in)+len(captured))
		operands = append(operands, captured...)
		comes := make([]byte, 1)
		before := func(i, j int) bool {
			for t := range in {
				size := n.Outputs[t].DType.Size()
				operands[2*t] = in[t][(base+i*step)*size:][:size]
				operands[2*t+1] = in[t][(base+j*step)*size:][:size]
			}
			comparator.run(b, arena, operands, [][]byte{comes})
			return comes[0] != 0
		}
		order := sequence(length)
		slices.SortStableFunc(order, func(i, j int) int {
			switch {
			case before(i, j):
				return -1
			case before(j, i):
				return 1
			}
			return 0
		})
		for t := range in {
			size := n.Outputs[t].DType.Size()
			for to, from := range order {
				copy(out[t][(base+to*step)*size:][:size], in[t][(base+from*step)*size:])
			}
		}
	}
}
