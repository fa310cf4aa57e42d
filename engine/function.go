package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"github.com/alike-ml/alike/engine/plan"
)

// Function records operations. The values it hands out are plan.Value. Every method that records an operation infers its
// shape first, and fails with the operation's name and its operands' shapes where they do not fit.
type Function struct {
	notimplemented.Function
	builder  *Builder
	parent   *Function
	graph    *plan.Graph
	names    []string // of the parameters
	returned bool
}

var _ compute.Function = (*Function)(nil)

// Name returns the function's name, "" for a closure.
func (f *Function) Name() string { return f.graph.Name }

// Builder returns the builder of the computation.
func (f *Function) Builder() compute.Builder { return f.builder }

// Parent returns the function that the closure was made in, nil at top level.
func (f *Function) Parent() compute.Function {
	if f.parent == nil {
		return nil
	}
	return f.parent
}

// Shape returns the shape of a value.
func (f *Function) Shape(v compute.Value) (shapes.Shape, error) { return f.builder.OpShape(v) }

// Closure returns a new function that can use the values of this one.
func (f *Function) Closure() (compute.Function, error) {
	if f.builder.compiled {
		return nil, errors.Errorf("computation %q has already been compiled", f.builder.name)
	}
	return f.builder.newFunction("", f), nil
}

// Parameter adds an input.
func (f *Function) Parameter(name string, shape shapes.Shape, sharding *compute.ShardingSpec) (compute.Value, error) {
	if _, err := f.inputs(compute.OpTypeParameter); err != nil {
		return nil, err
	}
	if sharding != nil {
		return nil, errors.WithMessage(notImplemented(compute.OpTypeParameter), "sharded parameter")
	}
	if err := checkShape(shape); err != nil {
		return nil, errors.WithMessagef(err, "Parameter %q", name)
	}
	n := f.graph.AddUnique(compute.OpTypeParameter, nil, nil, shape.Clone())
	f.graph.Params = append(f.graph.Params, n)
	f.names = append(f.names, name)
	return n.Value(0), nil
}

// Constant adds a constant of the given dimensions with a copy of flat.
func (f *Function) Constant(flat any, dims ...int) (compute.Value, error) {
	if _, err := f.inputs(compute.OpTypeConstant); err != nil {
		return nil, err
	}
	dtype, ok := dtypeOfSlice(flat)
	if !ok {
		return nil, errors.Errorf("Constant: %T is not a slice of a supported type", flat)
	}
	shape := shapes.Make(dtype, dims...)
	if err := checkShape(shape); err != nil {
		return nil, errors.WithMessage(err, "Constant")
	}
	data, err := flatBytes(flat, shape)
	if err != nil {
		return nil, errors.WithMessage(err, "Constant")
	}
	return f.constant(shape, data), nil
}

func (f *Function) constant(shape shapes.Shape, data []byte) plan.Value {
	owned := alignedBytes(len(data))
	copy(owned, data)
	return f.graph.Add(compute.OpTypeConstant, nil, plan.Constant(owned), shape).Value(0)
}

// Return sets the function's results.
func (f *Function) Return(outputs []compute.Value, shardings []*compute.ShardingSpec) error {
	if f.returned {
		return errors.Errorf("function %q returns twice", f.graph.Name)
	}
	if len(outputs) == 0 {
		return errors.Errorf("function %q returns nothing", f.graph.Name)
	}
	if slices.ContainsFunc(shardings, func(s *compute.ShardingSpec) bool { return s != nil }) {
		return errors.Wrapf(notimplemented.NotImplementedError, "backend %q: sharded results", Name)
	}
	results, err := f.inputs(compute.OpTypeIdentity, outputs...)
	if err != nil {
		return errors.WithMessage(err, "Return")
	}
	f.graph.Results = results
	f.returned = true
	return nil
}

// inputs checks the operands of an operation and turns values of enclosing functions into captured ones.
func (f *Function) inputs(op compute.OpType, values ...compute.Value) ([]plan.Value, error) {
	if f.builder.compiled {
		return nil, errors.Errorf("%s: computation %q has already been compiled", op, f.builder.name)
	}
	if f.returned {
		return nil, errors.Errorf("%s: function %q has already returned", op, f.graph.Name)
	}
	in := make([]plan.Value, len(values))
	for i, v := range values {
		value, ok := v.(plan.Value)
		if !ok {
			return nil, errors.Errorf("%s: operand %d is a %T, not a value of the %q backend", op, i, v, Name)
		}
		if in[i], ok = f.graph.Capture(value); !ok {
			return nil, errors.Errorf("%s: operand %d (%s) belongs to another function", op, i, value.Shape())
		}
	}
	return in, nil
}

// fail wraps err with the operation's name and its operands' shapes.
func fail(op compute.OpType, in []plan.Value, err error) error {
	var operands []string
	for _, v := range in {
		operands = append(operands, v.Shape().String())
	}
	return errors.WithMessage(err, fmt.Sprintf("%s(%s)", plan.OpName(op), strings.Join(operands, ", ")))
}

func checkShape(shape shapes.Shape) error {
	if shape.IsDynamic() {
		return errors.Wrapf(notimplemented.NotImplementedError, "backend %q: dynamic shape %s", Name, shape)
	}
	if !capabilities.DTypes[shape.DType] {
		return errors.Wrapf(notimplemented.NotImplementedError, "backend %q: dtype of %s", Name, shape)
	}
	return nil
}

// values returns a node's outputs as GoMLX wants them.
func values(n *plan.Node) []compute.Value {
	out := make([]compute.Value, len(n.Outputs))
	for i := range out {
		out[i] = n.Value(i)
	}
	return out
}

// sequence returns 0, 1, ..., n-1.
func sequence(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func dtypeOfSlice(flat any) (dtypes.DType, bool) {
	switch flat.(type) {
	case []bool:
		return dtypes.Bool, true
	case []int8:
		return dtypes.Int8, true
	case []int16:
		return dtypes.Int16, true
	case []int32:
		return dtypes.Int32, true
	case []int64, []int:
		return dtypes.Int64, true
	case []uint8:
		return dtypes.Uint8, true
	case []uint16:
		return dtypes.Uint16, true
	case []uint32:
		return dtypes.Uint32, true
	case []uint64:
		return dtypes.Uint64, true
	case []float32:
		return dtypes.Float32, true
	case []float64:
		return dtypes.Float64, true
	case []bfloat16:
		return dtypes.BFloat16, true
	case []float16:
		return dtypes.Float16, true
	}
	return dtypes.InvalidDType, false
}
