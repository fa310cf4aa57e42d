package engine

import (
	"slices"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/engine/plan"
)

// kernelControl runs the operations that call functions. A function gets its operands, then what it has captured.
func kernelControl(b *Backend, n *plan.Node) (kernelFunc, error) {
	var called []*program
	own := len(n.Inputs)
	for _, sub := range n.Subs {
		p, err := compileGraph(b, sub)
		if err != nil {
			return nil, err
		}
		called = append(called, p)
		own -= len(sub.CapturedFrom)
	}
	captured := func(in [][]byte, sub int) [][]byte {
		first := own
		for i := range sub {
			first += len(n.Subs[i].CapturedFrom)
		}
		return in[first : first+len(n.Subs[sub].CapturedFrom)]
	}
	switch n.Op {
	case compute.OpTypeCall:
		return func(b *Backend, in, out [][]byte) { called[0].run(b, in, out) }, nil
	case compute.OpTypeIf:
		return func(b *Backend, in, out [][]byte) {
			branch := 0
			if in[0][0] == 0 {
				branch = 1
			}
			called[branch].run(b, captured(in, branch), out)
		}, nil
	case compute.OpTypeSort:
		return func(b *Backend, in, out [][]byte) {
			sortTensors(b, n, called[0], in[:own], captured(in, 0), out)
		}, nil
	}
	return func(b *Backend, in, out [][]byte) {
		runWhile(b, called[0], called[1], in[:own], captured(in, 0), captured(in, 1), out)
	}, nil
}

// runWhile keeps the state in two sets of memory, out and another, and goes back and forth between them.
func runWhile(b *Backend, cond, body *program, initial, condCaptured, bodyCaptured, out [][]byte) {
	state, next := out, make([][]byte, len(out))
	for i := range out {
		copy(state[i], initial[i])
		next[i] = b.heap.get(len(out[i]))
	}
	holds := make([]byte, 1)
	for {
		cond.run(b, slices.Concat(state, condCaptured), [][]byte{holds})
		if holds[0] == 0 {
			break
		}
		body.run(b, slices.Concat(state, bodyCaptured), next)
		state, next = next, state
	}
	for i := range out {
		copy(out[i], state[i])
		if len(out[i]) > 0 && &state[i][0] == &out[i][0] {
			b.heap.put(next[i])
		} else {
			b.heap.put(state[i])
		}
	}
}

// sortTensors sorts every row along the axis by indices, then moves the elements of all tensors alike.
func sortTensors(b *Backend, n *plan.Node, comparator *program, in, captured, out [][]byte) {
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
			comparator.run(b, operands, [][]byte{comes})
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
