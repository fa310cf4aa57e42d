package plan

import "github.com/gomlx/compute"

// View says how an operand is read while a flat index runs over a space of the given dimensions: element (i0, i1, ...) of
// the space is the operand's element sum(ik * Strides[k]).
type View struct {
	Dims, Strides []int
}

// DenseView returns the view of a row-major operand in a space of its own dimensions.
func DenseView(dims []int) View {
	v := View{Dims: dims, Strides: make([]int, len(dims))}
	step := 1
	for i := len(dims) - 1; i >= 0; i-- {
		v.Strides[i] = step
		step *= dims[i]
	}
	return v
}

// Size returns the number of elements of the space.
func (v View) Size() int {
	size := 1
	for _, d := range v.Dims {
		size *= d
	}
	return size
}

// Collapse returns an equal view with as few dimensions as possible: those of size one are dropped, and neighbours that
// are walked as one are merged.
func (v View) Collapse() View {
	var out View
	for i, d := range v.Dims {
		if d == 1 {
			continue
		}
		s := v.Strides[i]
		if last := len(out.Dims) - 1; last >= 0 && out.Strides[last] == s*d {
			out.Dims[last] *= d
			out.Strides[last] = s
			continue
		}
		out.Dims = append(out.Dims, d)
		out.Strides = append(out.Strides, s)
	}
	return out
}

// IsDense reports whether the flat index is the operand's own index.
func (v View) IsDense() bool {
	c := v.Collapse()
	return len(c.Dims) == 0 || len(c.Dims) == 1 && c.Strides[0] == 1
}

// Period returns the smallest p known for which elements i and i+p of the space are always the same element of the
// operand. It is the size of the space when the operand does not repeat.
func (v View) Period() int {
	c := v.Collapse()
	if len(c.Dims) > 0 && c.Strides[0] == 0 {
		return View{Dims: c.Dims[1:]}.Size()
	}
	return c.Size()
}

// over returns the view in a space of dimensions dims: a scalar, and axes of size one, are repeated.
func (v View) over(dims []int) View {
	out := View{Dims: dims, Strides: make([]int, len(dims))}
	if len(v.Dims) != len(dims) {
		return out
	}
	for i, d := range v.Dims {
		if d == dims[i] {
			out.Strides[i] = v.Strides[i]
		}
	}
	return out
}

// BroadcastAxes is the attribute of a BroadcastInDim node: the output axis of each operand axis.
type BroadcastAxes []int

// rootOf looks through reshapes and broadcasts: it returns the value whose memory is really read when v is an operand, and
// how, in a space of v's dimensions.
func rootOf(v Value) (Value, View) {
	dims := v.Shape().Dimensions
	switch n := v.Node; n.Op {
	case compute.OpTypeReshape:
		if root, view := rootOf(n.Inputs[0]); view.IsDense() {
			return root, DenseView(dims)
		}
	case compute.OpTypeBroadcastInDim:
		root, inner := rootOf(n.Inputs[0])
		view := View{Dims: dims, Strides: make([]int, len(dims))}
		for i, axis := range n.Attr.(BroadcastAxes) {
			if inner.Dims[i] == dims[axis] {
				view.Strides[axis] = inner.Strides[i]
			}
		}
		return root, view
	}
	return v, DenseView(dims)
}
