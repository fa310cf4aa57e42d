package engine

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"github.com/alike-ml/alike/engine/plan"
)

// sortAttr are the parameters of a Sort.
type sortAttr struct {
	axis   int
	stable bool
}

// control records an operation that calls functions. What closures capture follows its own operands.
func (f *Function) control(op compute.OpType, in []plan.Value, attr any, outputs []shapes.Shape, called ...*Function) []compute.Value {
	n := f.graph.AddUnique(op, in, attr, outputs...)
	for _, c := range called {
		n.Subs = append(n.Subs, c.graph)
		n.Inputs = append(n.Inputs, c.graph.CapturedFrom...)
	}
	return values(n)
}

// callee checks that fn is a finished function that f may call: a closure of f, or, for Call, a top-level function.
func (f *Function) callee(op compute.OpType, role string, fn compute.Function) (*Function, error) {
	c, ok := fn.(*Function)
	switch {
	case !ok || c == nil:
		return nil, errors.Errorf("%s: the %s is a %T, not a function of the %q backend", op, role, fn, Name)
	case c.builder != f.builder:
		return nil, errors.Errorf("%s: the %s belongs to another computation", op, role)
	case op == compute.OpTypeCall && c.parent != nil:
		return nil, errors.Errorf("%s: the %s is a closure, want a named function", op, role)
	case op != compute.OpTypeCall && c.parent != f:
		return nil, errors.Errorf("%s: the %s is not a closure of the function that uses it", op, role)
	case !c.returned:
		return nil, errors.Errorf("%s: the %s has not returned", op, role)
	}
	return c, nil
}

// takes checks that the function's parameters have the given shapes.
func (f *Function) takes(op compute.OpType, role string, want []shapes.Shape) error {
	var got []shapes.Shape
	for _, p := range f.graph.Params {
		got = append(got, p.Outputs[0])
	}
	return sameShapes(op, role+"'s parameters", got, want)
}

// gives checks that the function's results have the given shapes.
func (f *Function) gives(op compute.OpType, role string, want []shapes.Shape) error {
	return sameShapes(op, role+"'s results", shapesOf(f.graph.Results), want)
}

func sameShapes(op compute.OpType, what string, got, want []shapes.Shape) error {
	if !slices.EqualFunc(got, want, shapes.Shape.Equal) {
		return errors.Errorf("%s: the %s are %v, want %v", op, what, got, want)
	}
	return nil
}

func shapesOf(in []plan.Value) []shapes.Shape {
	var all []shapes.Shape
	for _, v := range in {
		all = append(all, v.Shape())
	}
	return all
}

// Call calls a named function.
func (f *Function) Call(fn compute.Function, operands ...compute.Value) ([]compute.Value, error) {
	op := compute.OpTypeCall
	in, err := f.inputs(op, operands...)
	if err != nil {
		return nil, err
	}
	c, err := f.callee(op, "function", fn)
	if err != nil {
		return nil, err
	}
	if err := c.takes(op, "function", shapesOf(in)); err != nil {
		return nil, err
	}
	return f.control(op, in, nil, shapesOf(c.graph.Results), c), nil
}

// If runs one of two closures without parameters.
func (f *Function) If(pred compute.Value, trueBranch, falseBranch compute.Function) ([]compute.Value, error) {
	op := compute.OpTypeIf
	in, err := f.inputs(op, pred)
	if err != nil {
		return nil, err
	}
	if s := in[0].Shape(); !s.IsScalar() || s.DType != dtypes.Bool {
		return nil, fail(op, in, errors.New("the condition must be a boolean scalar"))
	}
	onTrue, err := f.callee(op, "true branch", trueBranch)
	if err != nil {
		return nil, err
	}
	onFalse, err := f.callee(op, "false branch", falseBranch)
	if err != nil {
		return nil, err
	}
	outputs := shapesOf(onTrue.graph.Results)
	for _, err := range []error{onTrue.takes(op, "true branch", nil), onFalse.takes(op, "false branch", nil),
		onFalse.gives(op, "false branch", outputs)} {
		if err != nil {
			return nil, err
		}
	}
	return f.control(op, in, nil, outputs, onTrue, onFalse), nil
}

// While runs body on the state for as long as cond holds for it.
func (f *Function) While(cond, body compute.Function, initialState ...compute.Value) ([]compute.Value, error) {
	op := compute.OpTypeWhile
	in, err := f.inputs(op, initialState...)
	if err != nil {
		return nil, err
	}
	state := shapesOf(in)
	c, err := f.callee(op, "condition", cond)
	if err != nil {
		return nil, err
	}
	b, err := f.callee(op, "body", body)
	if err != nil {
		return nil, err
	}
	for _, err := range []error{c.takes(op, "condition", state), b.takes(op, "body", state),
		c.gives(op, "condition", []shapes.Shape{shapes.Make(dtypes.Bool)}), b.gives(op, "body", state)} {
		if err != nil {
			return nil, err
		}
	}
	return f.control(op, in, nil, state, c, b), nil
}

// Sort orders tensors of the same dimensions along an axis by a closure, which gets the two elements of every tensor that
// it compares, (lhs 0, rhs 0, lhs 1, rhs 1, ...), and says whether the left ones come first.
func (f *Function) Sort(comparator compute.Function, axis int, isStable bool, operands ...compute.Value) ([]compute.Value, error) {
	op := compute.OpTypeSort
	in, err := f.inputs(op, operands...)
	if err != nil {
		return nil, err
	}
	if len(in) == 0 {
		return nil, errors.Errorf("%s: nothing to sort", op)
	}
	c, err := f.callee(op, "comparator", comparator)
	if err != nil {
		return nil, err
	}
	dims := in[0].Shape()
	if axis < 0 {
		axis += dims.Rank()
	}
	if axis < 0 || axis >= dims.Rank() {
		return nil, fail(op, in, errors.Errorf("axis %d is out of range", axis))
	}
	var scalars []shapes.Shape
	for _, v := range in {
		if !v.Shape().EqualDimensions(dims) {
			return nil, fail(op, in, errors.New("operands must have the same dimensions"))
		}
		scalars = append(scalars, shapes.Make(v.Shape().DType), shapes.Make(v.Shape().DType))
	}
	for _, err := range []error{c.takes(op, "comparator", scalars),
		c.gives(op, "comparator", []shapes.Shape{shapes.Make(dtypes.Bool)})} {
		if err != nil {
			return nil, err
		}
	}
	return f.control(op, in, sortAttr{axis, isStable}, shapesOf(in), c), nil
}
