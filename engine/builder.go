package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"github.com/alike-ml/alike/engine/plan"
)

// Builder records the functions of one computation.
type Builder struct {
	notimplemented.Builder
	backend  *Backend
	name     string
	main     *Function
	names    map[string]bool
	compiled bool
}

var _ compute.Builder = (*Builder)(nil)

func newBuilder(backend *Backend, name string) *Builder {
	b := &Builder{Builder: notimplemented.Builder{ErrFn: notImplemented}, backend: backend, name: name,
		names: map[string]bool{compute.MainName: true}}
	b.main = b.newFunction(compute.MainName, nil)
	return b
}

func (b *Builder) newFunction(name string, parent *Function) *Function {
	f := &Function{Function: notimplemented.Function{ErrFn: notImplemented}, builder: b, parent: parent,
		graph: &plan.Graph{Name: name}}
	if parent != nil {
		f.graph.Parent = parent.graph
	}
	return f
}

// Name returns the name of the computation.
func (b *Builder) Name() string { return b.name }

// Main returns the main function.
func (b *Builder) Main() compute.Function { return b.main }

// NewFunction returns a new function that others can call. The name must not be taken.
func (b *Builder) NewFunction(name string) (compute.Function, error) {
	if b.compiled {
		return nil, errors.Errorf("computation %q has already been compiled", b.name)
	}
	if name == "" || b.names[name] {
		return nil, errors.Errorf("computation %q: function name %q is empty or taken", b.name, name)
	}
	b.names[name] = true
	return b.newFunction(name, nil), nil
}

// OpShape returns the shape of a value.
func (b *Builder) OpShape(v compute.Value) (shapes.Shape, error) {
	value, ok := v.(plan.Value)
	if !ok {
		return shapes.Invalid(), errors.Errorf("%T is not a value of the %q backend", v, Name)
	}
	return value.Shape(), nil
}

// DeviceAssignment accepts the only device there is.
func (b *Builder) DeviceAssignment(devices ...compute.DeviceNum) error {
	if len(devices) != 1 || devices[0] != 0 {
		return errors.Errorf("backend %q: cannot run on devices %v, there is only device 0", Name, devices)
	}
	return nil
}

// Compile plans the computation. It fails when main has not returned, or when the plan needs more memory than the backend
// may use; the error then names the peak.
func (b *Builder) Compile() (compute.Executable, error) {
	if b.compiled {
		return nil, errors.Errorf("computation %q has already been compiled", b.name)
	}
	if !b.main.returned {
		return nil, errors.Errorf("computation %q: Return of the main function was not called", b.name)
	}
	b.compiled = true
	return newExecutable(b)
}
