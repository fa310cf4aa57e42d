package engine

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// Executable is a compiled computation. It may be executed concurrently.
type Executable struct {
	backend *Backend
	name    string
	names   []string
	program *program
}

var _ compute.Executable = (*Executable)(nil)

func newExecutable(b *Builder) (*Executable, error) {
	p, err := compileGraph(b.backend, b.main.graph)
	if err != nil {
		return nil, errors.WithMessagef(err, "computation %q", b.name)
	}
	e := &Executable{backend: b.backend, name: b.name, names: b.main.names, program: p}
	if peak := e.Peak(); peak > b.backend.memory {
		return nil, errors.WithStack(&MemoryError{Computation: b.name, Peak: peak, Available: b.backend.memory})
	}
	b.backend.arenas.fit(p.memory.ArenaSize)
	return e, nil
}

// MemoryError is why a computation was refused when it was compiled: its plan needs more memory than there is.
type MemoryError struct {
	// Computation is its name.
	Computation string
	// Peak is what it needs and Available what it may take, in bytes.
	Peak, Available int64
}

// Error names the computation, what it needs, what there is, and the share of the batch that would fit.
func (e *MemoryError) Error() string {
	return fmt.Sprintf("computation %q needs %s of memory at its peak, %s are available: use a smaller batch (about %.2g%% of this one)",
		e.Computation, formatSize(e.Peak), formatSize(e.Available), 100*float64(e.Available)/float64(e.Peak))
}

// Peak returns the bytes that an execution needs: inputs, outputs, constants and everything in between, in called functions too.
func (e *Executable) Peak() int64 { return e.program.peak() }

// Finalize frees the executable's plan.
func (e *Executable) Finalize() { e.program = nil }

// Inputs returns the parameters' names and shapes.
func (e *Executable) Inputs() (names []string, inputShapes []shapes.Shape) {
	for _, n := range e.program.graph.Params {
		inputShapes = append(inputShapes, n.Outputs[0])
	}
	return e.names, inputShapes
}

// Outputs returns the results' shapes.
func (e *Executable) Outputs() []shapes.Shape { return shapesOf(e.program.graph.Results) }

// Execute runs the computation. Donated inputs are finalized, and their memory is used for outputs where the plan has a place for it.
func (e *Executable) Execute(inputs []compute.Buffer, donate []bool, device compute.DeviceNum) ([]compute.Buffer, error) {
	if e.program == nil || e.backend.IsFinalized() {
		return nil, errors.Errorf("computation %q was executed after it was finalized", e.name)
	}
	params := e.program.graph.Params
	if len(inputs) != len(params) || len(donate) != 0 && len(donate) != len(params) {
		return nil, errors.Errorf("computation %q takes %d inputs, got %d, and %d marks for donation", e.name, len(params),
			len(inputs), len(donate))
	}
	buffers := make([]*Buffer, len(inputs))
	memory := make([][]byte, len(inputs))
	for i, input := range inputs {
		buffer, ok := input.(*Buffer)
		if !ok || buffer.backend != e.backend {
			return nil, errors.Errorf("computation %q: input %d (%s) is not a buffer of this backend", e.name, i, e.names[i])
		}
		if want := params[i].Outputs[0]; !buffer.shape.Equal(want) {
			return nil, errors.Errorf("computation %q: input %d (%s) has shape %s, want %s", e.name, i, e.names[i], buffer.shape, want)
		}
		data, err := buffer.bytes()
		if err != nil {
			return nil, errors.WithMessagef(err, "computation %q: input %d (%s)", e.name, i, e.names[i])
		}
		buffers[i], memory[i] = buffer, data
	}
	results := e.allocate(buffers, donate, memory)
	arena := e.backend.arenas.take()
	defer e.backend.arenas.put(arena)
	e.program.run(e.backend, arena, memory, results)
	outputs := make([]compute.Buffer, len(results))
	for i, v := range e.program.graph.Results {
		outputs[i] = e.backend.newBuffer(v.Shape(), results[i])
	}
	for i := range donate {
		if donate[i] {
			if data := buffers[i].take(); data != nil {
				e.backend.heap.put(data)
			}
		}
	}
	e.backend.trace.endExecution(e.name)
	return outputs, nil
}

// allocate returns memory for the results, donated where the plan says so. Donors that are used are taken from their buffers.
func (e *Executable) allocate(buffers []*Buffer, donate []bool, memory [][]byte) [][]byte {
	results := make([][]byte, len(e.program.graph.Results))
	for i, donor := range e.program.memory.Donors {
		if donor >= 0 && len(donate) > 0 && donate[donor] && soleUse(buffers, donor) {
			if data := buffers[donor].take(); data != nil {
				results[i] = data
				continue
			}
		}
		results[i] = e.backend.heap.get(int(e.program.graph.Results[i].Shape().ByteSize()))
	}
	return results
}

// soleUse reports whether a buffer is given only once.
func soleUse(buffers []*Buffer, i int) bool {
	for j, other := range buffers {
		if j != i && other == buffers[i] {
			return false
		}
	}
	return true
}
