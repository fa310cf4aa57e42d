package engine

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"github.com/alike-ml/alike/engine/plan"
)

// Attributes of the operations below.
type (
	sliceAttr  struct{ starts, strides []int }
	padAttr    []compute.PadAxis
	gatherAttr struct {
		vectorAxis                               int
		offsetAxes, collapsed, startMap, windows []int
	}
	scatterAttr struct {
		vectorAxis                      int
		windowAxes, inserted, operandOf []int
	}
	argAttr struct {
		axis  int
		isMin bool
	}
	cumSumAttr struct {
		axis    int
		options compute.CumSumOptions
	}
)

// record adds an operation with one result after its shape has been inferred.
func (f *Function) record(op compute.OpType, in []plan.Value, attr any, shape shapes.Shape, err error) (compute.Value, error) {
	if err != nil {
		return nil, fail(op, in, err)
	}
	return f.graph.Add(op, in, attr, shape).Value(0), nil
}

// Identity returns x.
func (f *Function) Identity(x compute.Value) (compute.Value, error) {
	in, err := f.inputs(compute.OpTypeIdentity, x)
	if err != nil {
		return nil, err
	}
	return in[0], nil
}

// Reshape gives x other dimensions of the same size.
func (f *Function) Reshape(x compute.Value, dimensions ...int) (compute.Value, error) {
	in, err := f.inputs(compute.OpTypeReshape, x)
	if err != nil {
		return nil, err
	}
	if slices.Equal(in[0].Shape().Dimensions, dimensions) {
		return in[0], nil
	}
	shape, err := shapeinference.Reshape(in[0].Shape(), dimensions)
	return f.record(compute.OpTypeReshape, in, nil, shape, err)
}

// Transpose permutes axes: axis i of the result is axis permutation[i] of x.
func (f *Function) Transpose(x compute.Value, permutation ...int) (compute.Value, error) {
	in, err := f.inputs(compute.OpTypeTranspose, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Transpose(in[0].Shape(), permutation)
	if err == nil && slices.IsSorted(permutation) {
		return in[0], nil
	}
	return f.record(compute.OpTypeTranspose, in, plan.Axes(slices.Clone(permutation)), shape, err)
}

// BroadcastInDim repeats x in a larger shape; axis i of x becomes axis broadcastAxes[i] of the result.
func (f *Function) BroadcastInDim(x compute.Value, shape shapes.Shape, broadcastAxes []int) (compute.Value, error) {
	op := compute.OpTypeBroadcastInDim
	in, err := f.inputs(op, x)
	if err != nil {
		return nil, err
	}
	if err = shapeinference.BroadcastInDim(in[0].Shape(), shape, broadcastAxes, nil); err == nil && !slices.IsSorted(broadcastAxes) {
		err = errors.Errorf("broadcast axes %v must increase", broadcastAxes)
	}
	out := shapes.Make(in[0].Shape().DType, shape.Dimensions...)
	return f.record(op, in, plan.BroadcastAxes(slices.Clone(broadcastAxes)), out, err)
}

// Iota fills a shape with 0, 1, 2, ... along an axis: it counts once, and broadcasts that over the other axes.
func (f *Function) Iota(shape shapes.Shape, iotaAxis int) (compute.Value, error) {
	if _, err := f.inputs(compute.OpTypeIota); err != nil {
		return nil, err
	}
	err := checkShape(shape)
	if err == nil && (iotaAxis < 0 || iotaAxis >= shape.Rank()) {
		err = errors.Errorf("axis %d is out of range for %s", iotaAxis, shape)
	}
	if err == nil && shape.DType == dtypes.Bool {
		err = errors.Errorf("cannot count in %s", shape)
	}
	if err != nil {
		return nil, fail(compute.OpTypeIota, nil, err)
	}
	counts, err := f.record(compute.OpTypeIota, nil, nil, shapes.Make(shape.DType, shape.Dimensions[iotaAxis]), nil)
	if err != nil || shape.Rank() == 1 {
		return counts, err
	}
	return f.BroadcastInDim(counts, shape, []int{iotaAxis})
}

// Reverse turns axes around.
func (f *Function) Reverse(x compute.Value, axes ...int) (compute.Value, error) {
	in, err := f.inputs(compute.OpTypeReverse, x)
	if err != nil {
		return nil, err
	}
	for _, axis := range axes {
		if axis < 0 || axis >= in[0].Shape().Rank() {
			err = errors.Errorf("axis %d is out of range", axis)
		}
	}
	return f.record(compute.OpTypeReverse, in, plan.Axes(slices.Clone(axes)), in[0].Shape(), err)
}

// Concatenate joins operands along an axis.
func (f *Function) Concatenate(axis int, operands ...compute.Value) (compute.Value, error) {
	op := compute.OpTypeConcatenate
	in, err := f.inputs(op, operands...)
	if err != nil {
		return nil, err
	}
	if len(in) == 1 {
		return in[0], nil
	}
	var all []shapes.Shape
	for _, v := range in {
		all = append(all, v.Shape())
	}
	shape, err := shapeinference.Concatenate(all, axis)
	return f.record(op, in, axis, shape, err)
}

// Slice takes elements starts, starts+strides, ... below limits of every axis.
func (f *Function) Slice(x compute.Value, starts, limits, strides []int) (compute.Value, error) {
	op := compute.OpTypeSlice
	in, err := f.inputs(op, x)
	if err != nil {
		return nil, err
	}
	if len(strides) == 0 {
		strides = slices.Repeat([]int{1}, in[0].Shape().Rank())
	}
	shape, err := shapeinference.Slice(in[0].Shape(), starts, limits, strides)
	return f.record(op, in, sliceAttr{slices.Clone(starts), slices.Clone(strides)}, shape, err)
}

// DynamicSlice takes a window of the given size; its start is moved so that it fits.
func (f *Function) DynamicSlice(operand compute.Value, startIndices []compute.Value, sliceDims []int) (compute.Value, error) {
	op := compute.OpTypeDynamicSlice
	in, err := f.inputs(op, append([]compute.Value{operand}, startIndices...)...)
	if err != nil {
		return nil, err
	}
	starts, err := f.starts(in[0].Shape(), in[1:])
	if err != nil {
		return nil, fail(op, in, err)
	}
	in = append(in[:1:1], starts...)
	shape, err := shapeinference.DynamicSlice(in[0].Shape(), sliceDims)
	return f.record(op, in, nil, shape, err)
}

// DynamicUpdateSlice replaces a window by update; its start is moved so that it fits.
func (f *Function) DynamicUpdateSlice(operand, update compute.Value, startIndices []compute.Value) (compute.Value, error) {
	op := compute.OpTypeDynamicUpdateSlice
	in, err := f.inputs(op, append([]compute.Value{operand, update}, startIndices...)...)
	if err != nil {
		return nil, err
	}
	starts, err := f.starts(in[0].Shape(), in[2:])
	if err != nil {
		return nil, fail(op, in, err)
	}
	in = append(in[:2:2], starts...)
	shape, err := shapeinference.DynamicUpdateSlice(in[0].Shape(), in[1].Shape())
	for i, d := range in[1].Shape().Dimensions {
		if err == nil && d > in[0].Shape().Dimensions[i] {
			err = errors.New("the update is larger than the operand")
		}
	}
	return f.record(op, in, nil, shape, err)
}

// starts checks the start indices of a window: an integer scalar for each axis, or one vector of them all, which is taken apart.
func (f *Function) starts(operand shapes.Shape, given []plan.Value) ([]plan.Value, error) {
	if len(given) == 1 && given[0].Shape().Rank() == 1 {
		vector := given[0]
		given = nil
		for i := range vector.Shape().Dimensions[0] {
			element, err := f.Slice(vector, []int{i}, []int{i + 1}, nil)
			if err != nil {
				return nil, err
			}
			scalar, err := f.Reshape(element)
			if err != nil {
				return nil, err
			}
			given = append(given, scalar.(plan.Value))
		}
	}
	if len(given) != operand.Rank() {
		return nil, errors.Errorf("want a start index for each of %d axes, got %d", operand.Rank(), len(given))
	}
	for _, s := range given {
		if !s.Shape().IsScalar() || !s.Shape().DType.IsInt() {
			return nil, errors.Errorf("start index %s is not an integer scalar", s.Shape())
		}
	}
	return given, nil
}

// Pad puts fillValue before, after and between the elements of every axis; negative amounts before and after crop.
func (f *Function) Pad(x, fillValue compute.Value, axesConfig ...compute.PadAxis) (compute.Value, error) {
	op := compute.OpTypePad
	in, err := f.inputs(op, x, fillValue)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Pad(in[0].Shape(), axesConfig...)
	if fill := in[1].Shape(); err == nil && (!fill.IsScalar() || fill.DType != shape.DType) {
		err = errors.Errorf("the fill value %s must be a scalar of the operand's dtype", fill)
	}
	return f.record(op, in, padAttr(slices.Clone(axesConfig)), shape, err)
}

// Gather takes windows of operand at the places that startIndices names; see [compute.StandardOps].
func (f *Function) Gather(operand, startIndices compute.Value, indexVectorAxis int,
	offsetOutputAxes, collapsedSliceAxes, startIndexMap, sliceSizes []int, indicesAreSorted bool) (compute.Value, error) {
	op := compute.OpTypeGather
	in, err := f.inputs(op, operand, startIndices)
	if err != nil {
		return nil, err
	}
	if !in[1].Shape().DType.IsInt() {
		return nil, fail(op, in, errors.New("indices must be integers"))
	}
	if indexVectorAxis == in[1].Shape().Rank() {
		// The implicit axis of size one is made explicit.
		v, err := f.Reshape(in[1], append(slices.Clone(in[1].Shape().Dimensions), 1)...)
		if err != nil {
			return nil, err
		}
		in[1] = v.(plan.Value)
	}
	shape, err := shapeinference.Gather(in[0].Shape(), in[1].Shape(), indexVectorAxis, offsetOutputAxes,
		collapsedSliceAxes, startIndexMap, sliceSizes, indicesAreSorted)
	attr := gatherAttr{indexVectorAxis, slices.Clone(offsetOutputAxes), slices.Clone(collapsedSliceAxes),
		slices.Clone(startIndexMap), slices.Clone(sliceSizes)}
	if err == nil {
		shape = shapes.Make(shape.DType, shape.Dimensions...)
	}
	return f.record(op, in, attr, shape, err)
}

// ScatterSum adds updates to windows of operand; see [compute.StandardOps].
func (f *Function) ScatterSum(operand, scatterIndices, updates compute.Value, indexVectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, _, _ bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterSum, operand, scatterIndices, updates,
		scatterAttr{indexVectorAxis, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes})
}

// ScatterMax takes the maximum of updates and windows of operand; see [compute.StandardOps].
func (f *Function) ScatterMax(operand, scatterIndices, updates compute.Value, indexVectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, _, _ bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMax, operand, scatterIndices, updates,
		scatterAttr{indexVectorAxis, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes})
}

// ScatterMin takes the minimum of updates and windows of operand; see [compute.StandardOps].
func (f *Function) ScatterMin(operand, scatterIndices, updates compute.Value, indexVectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, _, _ bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMin, operand, scatterIndices, updates,
		scatterAttr{indexVectorAxis, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes})
}

func (f *Function) scatter(op compute.OpType, operand, indices, updates compute.Value, attr scatterAttr) (compute.Value, error) {
	in, err := f.inputs(op, operand, indices, updates)
	if err != nil {
		return nil, err
	}
	attr.windowAxes, attr.inserted = slices.Clone(attr.windowAxes), slices.Clone(attr.inserted)
	attr.operandOf = slices.Clone(attr.operandOf)
	shape, err := shapeinference.Scatter(in[0].Shape(), in[1].Shape(), in[2].Shape(), attr.vectorAxis, attr.windowAxes,
		attr.inserted, attr.operandOf)
	if err == nil && blockFor(scatterCombiner[op], shape.DType, shape.DType) == nil {
		err = errors.Errorf("dtype %s is not supported", shape.DType)
	}
	return f.record(op, in, attr, shape, err)
}

// ArgMinMax returns the index of the smallest or largest element along an axis; the first NaN counts as such.
func (f *Function) ArgMinMax(x compute.Value, axis int, outputDType dtypes.DType, isMin bool) (compute.Value, error) {
	op := compute.OpTypeArgMinMax
	in, err := f.inputs(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.ArgMinMax(in[0].Shape(), axis, outputDType)
	if err == nil && in[0].Shape().Dimensions[axis] == 0 {
		err = errors.Errorf("axis %d is empty", axis)
	}
	return f.record(op, in, argAttr{axis, isMin}, shape, err)
}

// CumSum sums up along an axis.
func (f *Function) CumSum(x compute.Value, axis int, options compute.CumSumOptions) (compute.Value, error) {
	op := compute.OpTypeCumSum
	in, err := f.inputs(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.CumSum(in[0].Shape(), axis)
	return f.record(op, in, cumSumAttr{axis, options}, shape, err)
}

// Bitcast sees the bits of x as elements of another dtype.
func (f *Function) Bitcast(x compute.Value, targetDType dtypes.DType) (compute.Value, error) {
	op := compute.OpTypeBitcast
	in, err := f.inputs(op, x)
	if err != nil {
		return nil, err
	}
	if !capabilities.DTypes[targetDType] {
		return nil, fail(op, in, errors.WithMessagef(notImplemented(op), "to %s", targetDType))
	}
	if in[0].Shape().IsScalar() && targetDType.Size() > in[0].Shape().DType.Size() {
		return nil, fail(op, in, errors.Errorf("a scalar has too few bits for %s", targetDType))
	}
	shape, err := shapeinference.Bitcast(in[0].Shape(), targetDType)
	return f.record(op, in, nil, shape, err)
}

// RNGBitGenerator fills a shape with random bits, and returns the next state of the generator; see kernelRNG.
func (f *Function) RNGBitGenerator(state compute.Value, shape shapes.Shape) (newState, bits compute.Value, err error) {
	op := compute.OpTypeRNGBitGenerator
	in, err := f.inputs(op, state)
	if err != nil {
		return nil, nil, err
	}
	if !in[0].Shape().Equal(compute.RNGStateShape) {
		return nil, nil, fail(op, in, errors.Errorf("want a state of shape %s", compute.RNGStateShape))
	}
	if err := checkShape(shape); err != nil {
		return nil, nil, fail(op, in, err)
	}
	n := f.graph.Add(op, in, nil, in[0].Shape(), shape.Clone())
	return n.Value(0), n.Value(1), nil
}

// OptimizationBarrier returns its operands; no optimisation reaches across.
func (f *Function) OptimizationBarrier(operands ...compute.Value) ([]compute.Value, error) {
	in, err := f.inputs(compute.OpTypeOptimizationBarrier, operands...)
	if err != nil {
		return nil, err
	}
	var all []shapes.Shape
	for _, v := range in {
		all = append(all, v.Shape())
	}
	return values(f.graph.AddUnique(compute.OpTypeOptimizationBarrier, in, nil, all...)), nil
}

// SchedulingBarrier returns operand once all dependencies have been computed.
func (f *Function) SchedulingBarrier(operand compute.Value, dependencies ...compute.Value) (compute.Value, error) {
	in, err := f.inputs(compute.OpTypeSchedulingBarrier, append([]compute.Value{operand}, dependencies...)...)
	if err != nil {
		return nil, err
	}
	return f.graph.AddUnique(compute.OpTypeSchedulingBarrier, in, nil, in[0].Shape()).Value(0), nil
}
