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

// dotAttr are the axes of a DotGeneral, and what [addInDots] found to be added to its result: further inputs, in this order.
type dotAttr struct {
	lhsContract, lhsBatch, rhsContract, rhsBatch []int
	bias                                         bool // one number for each column
	plus                                         bool // as many as the result has
}

// windowAttr describes the windows of ReduceWindow and SelectAndScatter; every slice has one element per axis.
type windowAttr struct {
	kind                      compute.ReduceOpType
	size, stride              []int
	inputDilation, windowStep []int
	pad                       [][2]int
}

// normAttr are the parameters of the batch norm operations.
type normAttr struct {
	epsilon float32
	axis    int
}

// DotGeneral multiplies over the contracting axes; see [compute.StandardOps]. Products of bfloat16 and float16 are summed in
// float32.
func (f *Function) DotGeneral(lhs compute.Value, lhsContractingAxes, lhsBatchAxes []int,
	rhs compute.Value, rhsContractingAxes, rhsBatchAxes []int, config compute.DotGeneralConfig) (compute.Value, error) {
	op := compute.OpTypeDotGeneral
	in, err := f.inputs(op, lhs, rhs)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.DotGeneral(in[0].Shape(), lhsContractingAxes, lhsBatchAxes,
		in[1].Shape(), rhsContractingAxes, rhsBatchAxes, config)
	if err == nil {
		err = checkShape(shape)
	}
	if err != nil {
		return nil, fail(op, in, err)
	}
	dtype, out := in[0].Shape().DType, shape.DType
	if dtype == dtypes.Bool {
		return nil, fail(op, in, errors.New("cannot multiply booleans"))
	}
	if acc := config.AccumulatorDType; acc != dtypes.InvalidDType && acc != dtype && !(isHalf(dtype) && acc == dtypes.Float32) {
		if in, err = f.convertAll(in, acc); err != nil {
			return nil, err
		}
		dtype = acc
	}
	shape.DType = dtype
	if isHalf(dtype) && out == dtypes.Float32 {
		shape.DType = out
	}
	attr := dotAttr{lhsContract: slices.Clone(lhsContractingAxes), lhsBatch: slices.Clone(lhsBatchAxes),
		rhsContract: slices.Clone(rhsContractingAxes), rhsBatch: slices.Clone(rhsBatchAxes)}
	return f.ConvertDType(f.graph.Add(op, in, attr, shape).Value(0), out)
}

func (f *Function) convertAll(in []plan.Value, dtype dtypes.DType) ([]plan.Value, error) {
	out := make([]plan.Value, len(in))
	for i, v := range in {
		converted, err := f.ConvertDType(v, dtype)
		if err != nil {
			return nil, err
		}
		out[i] = converted.(plan.Value)
	}
	return out, nil
}

func isHalf(dtype dtypes.DType) bool { return dtype == dtypes.BFloat16 || dtype == dtypes.Float16 }

// ConvGeneral convolves; see [compute.StandardOps].
func (f *Function) ConvGeneral(input, kernel compute.Value, axes compute.ConvolveAxesConfig, strides []int,
	paddings [][2]int, inputDilations, kernelDilations []int, channelGroupCount, batchGroupCount int) (compute.Value, error) {
	op := compute.OpTypeConvGeneral
	in, err := f.inputs(op, input, kernel)
	if err != nil {
		return nil, err
	}
	channelGroupCount, batchGroupCount = max(channelGroupCount, 1), max(batchGroupCount, 1)
	if in[0].Shape().DType != in[1].Shape().DType || in[0].Shape().DType == dtypes.Bool {
		return nil, fail(op, in, errors.New("input and kernel must have the same numeric dtype"))
	}
	shape, err := shapeinference.ConvGeneral(in[0].Shape(), in[1].Shape(), axes, nonEmpty(strides), nonEmpty(paddings),
		nonEmpty(inputDilations), nonEmpty(kernelDilations), channelGroupCount, batchGroupCount)
	if err != nil {
		return nil, fail(op, in, err)
	}
	rank := len(axes.InputSpatial)
	attr := plan.Conv{Axes: axes.Clone(), Strides: orOnes(strides, rank), Pads: slices.Clone(paddings),
		InputDilations: orOnes(inputDilations, rank), KernelDilations: orOnes(kernelDilations, rank),
		ChannelGroups: channelGroupCount, BatchGroups: batchGroupCount}
	if len(paddings) == 0 {
		attr.Pads = make([][2]int, rank)
	}
	return f.record(op, in, attr, shape, nil)
}

// nonEmpty returns nil for an empty slice: shape inference takes only nil for "not given".
func nonEmpty[T any](s []T) []T {
	if len(s) == 0 {
		return nil
	}
	return s
}

func orOnes(s []int, n int) []int {
	if len(s) == 0 {
		return slices.Repeat([]int{1}, n)
	}
	return slices.Clone(s)
}

// ReduceWindow reduces sliding windows; see [compute.StandardOps].
func (f *Function) ReduceWindow(input compute.Value, reductionType compute.ReduceOpType, windowDimensions, strides,
	inputDilations, windowDilations []int, paddings [][2]int) (compute.Value, error) {
	op := compute.OpTypeReduceWindow
	in, err := f.inputs(op, input)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.ReduceWindow(in[0].Shape(), windowDimensions, strides, nonEmpty(inputDilations),
		nonEmpty(windowDilations), paddings)
	if err == nil && blockFor(windowCombiner[reductionType], shape.DType, shape.DType) == nil {
		err = errors.Errorf("reduction %s of dtype %s is not supported", reductionType, shape.DType)
	}
	attr := windowOf(in[0].Shape(), reductionType, windowDimensions, strides, inputDilations, windowDilations, paddings)
	return f.record(op, in, attr, shape, err)
}

func windowOf(operand shapes.Shape, kind compute.ReduceOpType, size, stride, inputDilation, windowDilation []int, pad [][2]int) windowAttr {
	rank := operand.Rank()
	w := windowAttr{kind: kind, size: orOnes(size, rank), inputDilation: orOnes(inputDilation, rank),
		windowStep: orOnes(windowDilation, rank), pad: slices.Clone(pad)}
	w.stride = slices.Clone(stride)
	if len(stride) == 0 {
		w.stride = slices.Clone(w.size)
	}
	if len(pad) == 0 {
		w.pad = make([][2]int, rank)
	}
	return w
}

// SelectAndScatterMax adds every element of source to the first largest element of its window of operand's shape.
func (f *Function) SelectAndScatterMax(operand, source compute.Value, windowDimensions, windowStrides []int,
	paddings [][2]int) (compute.Value, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMax, operand, source, windowDimensions, windowStrides, paddings)
}

// SelectAndScatterMin adds every element of source to the first smallest element of its window of operand's shape.
func (f *Function) SelectAndScatterMin(operand, source compute.Value, windowDimensions, windowStrides []int,
	paddings [][2]int) (compute.Value, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMin, operand, source, windowDimensions, windowStrides, paddings)
}

func (f *Function) selectAndScatter(op compute.OpType, operand, source compute.Value, size, stride []int,
	pad [][2]int) (compute.Value, error) {
	in, err := f.inputs(op, operand, source)
	if err != nil {
		return nil, err
	}
	kind := compute.ReduceOpMax
	if op == compute.OpTypeSelectAndScatterMin {
		kind = compute.ReduceOpMin
	}
	shape, err := shapeinference.SelectAndScatter(in[0].Shape(), in[1].Shape(), size, stride, pad)
	if err == nil && blockFor(compute.OpTypeAdd, shape.DType, shape.DType) == nil {
		err = errors.Errorf("dtype %s is not supported", shape.DType)
	}
	return f.record(op, in, windowOf(in[0].Shape(), kind, size, stride, nil, nil, pad), shape, err)
}

// BatchNormForInference normalises operand with given statistics; see [compute.StandardOps].
func (f *Function) BatchNormForInference(operand, scale, offset, mean, variance compute.Value, epsilon float32,
	featureAxis int) (compute.Value, error) {
	op := compute.OpTypeBatchNormForInference
	in, err := f.normInputs(op, featureAxis, 0, operand, scale, offset, mean, variance)
	if err != nil {
		return nil, err
	}
	return f.record(op, in, normAttr{epsilon, featureAxis}, in[0].Shape(), nil)
}

// BatchNormForTraining normalises operand with its own statistics, and returns them too; see [compute.StandardOps].
func (f *Function) BatchNormForTraining(operand, scale, offset compute.Value, epsilon float32, featureAxis int) (
	normalized, batchMean, batchVariance compute.Value, err error) {
	op := compute.OpTypeBatchNormForTraining
	in, err := f.normInputs(op, featureAxis, 0, operand, scale, offset)
	if err != nil {
		return nil, nil, nil, err
	}
	n := f.graph.Add(op, in, normAttr{epsilon, featureAxis}, in[0].Shape(), in[1].Shape(), in[1].Shape())
	return n.Value(0), n.Value(1), n.Value(2), nil
}

// BatchNormGradient returns the gradients of BatchNormForTraining's operand, scale and offset; see [compute.StandardOps].
func (f *Function) BatchNormGradient(operand, scale, mean, variance, gradOutput compute.Value, epsilon float32,
	featureAxis int) (gradOperand, gradScale, gradOffset compute.Value, err error) {
	op := compute.OpTypeBatchNormGradient
	in, err := f.normInputs(op, featureAxis, 1, operand, scale, mean, variance, gradOutput)
	if err != nil {
		return nil, nil, nil, err
	}
	n := f.graph.Add(op, in, normAttr{epsilon, featureAxis}, in[0].Shape(), in[1].Shape(), in[1].Shape())
	return n.Value(0), n.Value(1), n.Value(2), nil
}

// normInputs checks the operands of a batch norm: the first, and the last full ones, have the operand's shape, the others
// have one element per feature.
func (f *Function) normInputs(op compute.OpType, axis, full int, operands ...compute.Value) ([]plan.Value, error) {
	in, err := f.inputs(op, operands...)
	if err != nil {
		return nil, err
	}
	x := in[0].Shape()
	if axis < 0 || axis >= x.Rank() {
		return nil, fail(op, in, errors.Errorf("feature axis %d is out of range", axis))
	}
	if !x.DType.IsFloat() {
		return nil, fail(op, in, errors.New("want float operands"))
	}
	perFeature := shapes.Make(x.DType, x.Dimensions[axis])
	for i, v := range in {
		want := perFeature
		if i == 0 || i >= len(in)-full {
			want = x
		}
		if !v.Shape().Equal(want) {
			return nil, fail(op, in, errors.Errorf("operand %d should be %s", i, want))
		}
	}
	return in, nil
}
