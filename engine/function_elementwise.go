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

// unary records an elementwise operation with one operand.
func (f *Function) unary(op compute.OpType, x compute.Value) (compute.Value, error) {
	in, err := f.inputs(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.UnaryOp(op, in[0].Shape())
	if err != nil {
		return nil, fail(op, in, err)
	}
	return f.elementwise(op, in, shape)
}

// binary records an elementwise operation with two operands of the same dtype, broadcast to each other.
func (f *Function) binary(op compute.OpType, lhs, rhs compute.Value) (compute.Value, error) {
	in, err := f.inputs(op, lhs, rhs)
	if err != nil {
		return nil, err
	}
	infer := shapeinference.BinaryOp
	if shapeinference.ComparisonOperations.Has(op) {
		infer = shapeinference.ComparisonOp
	}
	shape, err := infer(op, in[0].Shape(), in[1].Shape())
	if err != nil {
		return nil, fail(op, in, err)
	}
	return f.elementwise(op, in, shape)
}

// elementwise records an operation if there is a block function for its dtypes.
func (f *Function) elementwise(op compute.OpType, in []plan.Value, shape shapes.Shape) (compute.Value, error) {
	if blockFor(op, in[len(in)-1].Shape().DType, shape.DType) == nil {
		return nil, fail(op, in, errors.WithMessagef(notImplemented(op), "for %s", in[len(in)-1].Shape().DType))
	}
	return f.graph.Add(op, in, nil, shape).Value(0), nil
}

// reduce records a reduction over axes, all of them if none are given.
func (f *Function) reduce(op compute.OpType, x compute.Value, axes []int) (compute.Value, error) {
	in, err := f.inputs(op, x)
	if err != nil {
		return nil, err
	}
	operand := in[0].Shape()
	if len(axes) == 0 {
		axes = sequence(operand.Rank())
	}
	shape, err := shapeinference.Reduce(operand, axes)
	if err == nil {
		err = checkReduction(op, operand, axes)
	}
	if err != nil {
		return nil, fail(op, in, err)
	}
	if !plan.LoopReduces(operand.Dimensions, axes) {
		kept := slices.DeleteFunc(sequence(operand.Rank()), func(a int) bool { return slices.Contains(axes, a) })
		moved, err := f.Transpose(in[0], slices.Concat(kept, axes)...)
		if err != nil {
			return nil, err
		}
		in, axes = []plan.Value{moved.(plan.Value)}, sequence(operand.Rank())[len(kept):]
	}
	return f.graph.Add(op, in, plan.Axes(slices.Clone(axes)), shape).Value(0), nil
}

func checkReduction(op compute.OpType, operand shapes.Shape, axes []int) error {
	seen := make(map[int]bool)
	for _, axis := range axes {
		if seen[axis] {
			return errors.Errorf("axis %d is reduced twice", axis)
		}
		seen[axis] = true
	}
	if blockFor(plan.CombinerOf(op), operand.DType, operand.DType) == nil {
		return errors.Errorf("dtype %s cannot be reduced so", operand.DType)
	}
	return nil
}

// Where takes elements of onTrue where condition holds, of onFalse elsewhere. Scalars are broadcast.
func (f *Function) Where(condition, onTrue, onFalse compute.Value) (compute.Value, error) {
	in, err := f.inputs(compute.OpTypeWhere, condition, onTrue, onFalse)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Where(in[0].Shape(), in[1].Shape(), in[2].Shape())
	if err != nil {
		return nil, fail(compute.OpTypeWhere, in, err)
	}
	return f.elementwise(compute.OpTypeWhere, in, shape)
}

// Clamp limits x to [low, high], which are scalars or have the shape of x.
func (f *Function) Clamp(low, x, high compute.Value) (compute.Value, error) {
	in, err := f.inputs(compute.OpTypeClamp, low, x, high)
	if err != nil {
		return nil, err
	}
	shape := in[1].Shape()
	for _, limit := range []shapes.Shape{in[0].Shape(), in[2].Shape()} {
		if limit.DType != shape.DType || !limit.IsScalar() && !limit.EqualDimensions(shape) {
			return nil, fail(compute.OpTypeClamp, in, errors.New("limits must be scalars or have the shape of the operand"))
		}
	}
	return f.elementwise(compute.OpTypeClamp, in, shape)
}

// ConvertDType converts the elements of x: from float to integer towards zero, to bool whether they are not zero.
func (f *Function) ConvertDType(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	in, err := f.inputs(compute.OpTypeConvertDType, x)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape().Clone()
	if shape.DType == dtype {
		return in[0], nil
	}
	shape.DType = dtype
	return f.elementwise(compute.OpTypeConvertDType, in, shape)
}

// IsFinite reports for each element whether it is neither infinite nor NaN.
func (f *Function) IsFinite(x compute.Value) (compute.Value, error) {
	return f.floatTest(compute.OpTypeIsFinite, x)
}

// IsNaN reports for each element whether it is NaN.
func (f *Function) IsNaN(x compute.Value) (compute.Value, error) {
	return f.floatTest(compute.OpTypeIsNaN, x)
}

func (f *Function) floatTest(op compute.OpType, x compute.Value) (compute.Value, error) {
	in, err := f.inputs(op, x)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape().Clone()
	if !shape.DType.IsFloat() {
		return nil, fail(op, in, errors.Errorf("want a float operand"))
	}
	shape.DType = dtypes.Bool
	return f.elementwise(op, in, shape)
}

// Abs records the elementwise operation; see [compute.StandardOps].
func (f *Function) Abs(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeAbs, x)
}

// BitCount records the elementwise operation; see [compute.StandardOps].
func (f *Function) BitCount(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitCount, x)
}

// BitwiseNot records the elementwise operation; see [compute.StandardOps].
func (f *Function) BitwiseNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitwiseNot, x)
}

// Ceil records the elementwise operation; see [compute.StandardOps].
func (f *Function) Ceil(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCeil, x)
}

// Clz records the elementwise operation; see [compute.StandardOps].
func (f *Function) Clz(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeClz, x)
}

// Cos records the elementwise operation; see [compute.StandardOps].
func (f *Function) Cos(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCos, x)
}

// Erf records the elementwise operation; see [compute.StandardOps].
func (f *Function) Erf(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeErf, x)
}

// Exp records the elementwise operation; see [compute.StandardOps].
func (f *Function) Exp(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExp, x)
}

// Expm1 records the elementwise operation; see [compute.StandardOps].
func (f *Function) Expm1(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExpm1, x)
}

// Floor records the elementwise operation; see [compute.StandardOps].
func (f *Function) Floor(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeFloor, x)
}

// Log records the elementwise operation; see [compute.StandardOps].
func (f *Function) Log(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog, x)
}

// Log1p records the elementwise operation; see [compute.StandardOps].
func (f *Function) Log1p(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog1p, x)
}

// LogicalNot records the elementwise operation; see [compute.StandardOps].
func (f *Function) LogicalNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogicalNot, x)
}

// Logistic records the elementwise operation; see [compute.StandardOps].
func (f *Function) Logistic(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogistic, x)
}

// Neg records the elementwise operation; see [compute.StandardOps].
func (f *Function) Neg(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeNeg, x)
}

// Round records the elementwise operation; see [compute.StandardOps].
func (f *Function) Round(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRound, x)
}

// Rsqrt records the elementwise operation; see [compute.StandardOps].
func (f *Function) Rsqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRsqrt, x)
}

// Sign records the elementwise operation; see [compute.StandardOps].
func (f *Function) Sign(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSign, x)
}

// Sin records the elementwise operation; see [compute.StandardOps].
func (f *Function) Sin(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSin, x)
}

// Sqrt records the elementwise operation; see [compute.StandardOps].
func (f *Function) Sqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSqrt, x)
}

// Tanh records the elementwise operation; see [compute.StandardOps].
func (f *Function) Tanh(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeTanh, x)
}

// Add records the elementwise operation; see [compute.StandardOps].
func (f *Function) Add(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAdd, lhs, rhs)
}

// Atan2 records the elementwise operation; see [compute.StandardOps].
func (f *Function) Atan2(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAtan2, lhs, rhs)
}

// BitwiseAnd records the elementwise operation; see [compute.StandardOps].
func (f *Function) BitwiseAnd(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseAnd, lhs, rhs)
}

// BitwiseOr records the elementwise operation; see [compute.StandardOps].
func (f *Function) BitwiseOr(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseOr, lhs, rhs)
}

// BitwiseXor records the elementwise operation; see [compute.StandardOps].
func (f *Function) BitwiseXor(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseXor, lhs, rhs)
}

// Div records the elementwise operation; see [compute.StandardOps].
func (f *Function) Div(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeDiv, lhs, rhs)
}

// LogicalAnd records the elementwise operation; see [compute.StandardOps].
func (f *Function) LogicalAnd(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalAnd, lhs, rhs)
}

// LogicalOr records the elementwise operation; see [compute.StandardOps].
func (f *Function) LogicalOr(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalOr, lhs, rhs)
}

// LogicalXor records the elementwise operation; see [compute.StandardOps].
func (f *Function) LogicalXor(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalXor, lhs, rhs)
}

// Max records the elementwise operation; see [compute.StandardOps].
func (f *Function) Max(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMax, lhs, rhs)
}

// Min records the elementwise operation; see [compute.StandardOps].
func (f *Function) Min(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMin, lhs, rhs)
}

// Mul records the elementwise operation; see [compute.StandardOps].
func (f *Function) Mul(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMul, lhs, rhs)
}

// Pow records the elementwise operation; see [compute.StandardOps].
func (f *Function) Pow(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypePow, lhs, rhs)
}

// Rem records the elementwise operation; see [compute.StandardOps].
func (f *Function) Rem(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeRem, lhs, rhs)
}

// ShiftLeft records the elementwise operation; see [compute.StandardOps].
func (f *Function) ShiftLeft(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftLeft, lhs, rhs)
}

// ShiftRightArithmetic records the elementwise operation; see [compute.StandardOps].
func (f *Function) ShiftRightArithmetic(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightArithmetic, lhs, rhs)
}

// ShiftRightLogical records the elementwise operation; see [compute.StandardOps].
func (f *Function) ShiftRightLogical(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightLogical, lhs, rhs)
}

// Sub records the elementwise operation; see [compute.StandardOps].
func (f *Function) Sub(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeSub, lhs, rhs)
}

// Equal records the elementwise operation; see [compute.StandardOps].
func (f *Function) Equal(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeEqual, lhs, rhs)
}

// EqualTotalOrder records the elementwise operation; see [compute.StandardOps].
func (f *Function) EqualTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeEqualTotalOrder, lhs, rhs)
}

// GreaterOrEqual records the elementwise operation; see [compute.StandardOps].
func (f *Function) GreaterOrEqual(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterOrEqual, lhs, rhs)
}

// GreaterOrEqualTotalOrder records the elementwise operation; see [compute.StandardOps].
func (f *Function) GreaterOrEqualTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterOrEqualTotalOrder, lhs, rhs)
}

// GreaterThan records the elementwise operation; see [compute.StandardOps].
func (f *Function) GreaterThan(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterThan, lhs, rhs)
}

// GreaterThanTotalOrder records the elementwise operation; see [compute.StandardOps].
func (f *Function) GreaterThanTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterThanTotalOrder, lhs, rhs)
}

// LessOrEqual records the elementwise operation; see [compute.StandardOps].
func (f *Function) LessOrEqual(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessOrEqual, lhs, rhs)
}

// LessOrEqualTotalOrder records the elementwise operation; see [compute.StandardOps].
func (f *Function) LessOrEqualTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessOrEqualTotalOrder, lhs, rhs)
}

// LessThan records the elementwise operation; see [compute.StandardOps].
func (f *Function) LessThan(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessThan, lhs, rhs)
}

// LessThanTotalOrder records the elementwise operation; see [compute.StandardOps].
func (f *Function) LessThanTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessThanTotalOrder, lhs, rhs)
}

// NotEqual records the elementwise operation; see [compute.StandardOps].
func (f *Function) NotEqual(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeNotEqual, lhs, rhs)
}

// ReduceBitwiseAnd records the reduction operation; see [compute.StandardOps].
func (f *Function) ReduceBitwiseAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseAnd, x, axes)
}

// ReduceBitwiseOr records the reduction operation; see [compute.StandardOps].
func (f *Function) ReduceBitwiseOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseOr, x, axes)
}

// ReduceBitwiseXor records the reduction operation; see [compute.StandardOps].
func (f *Function) ReduceBitwiseXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseXor, x, axes)
}

// ReduceLogicalAnd records the reduction operation; see [compute.StandardOps].
func (f *Function) ReduceLogicalAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalAnd, x, axes)
}

// ReduceLogicalOr records the reduction operation; see [compute.StandardOps].
func (f *Function) ReduceLogicalOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalOr, x, axes)
}

// ReduceLogicalXor records the reduction operation; see [compute.StandardOps].
func (f *Function) ReduceLogicalXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalXor, x, axes)
}

// ReduceMax records the reduction operation; see [compute.StandardOps].
func (f *Function) ReduceMax(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMax, x, axes)
}

// ReduceMin records the reduction operation; see [compute.StandardOps].
func (f *Function) ReduceMin(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMin, x, axes)
}

// ReduceProduct records the reduction operation; see [compute.StandardOps].
func (f *Function) ReduceProduct(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceProduct, x, axes)
}

// ReduceSum records the reduction operation; see [compute.StandardOps].
func (f *Function) ReduceSum(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceSum, x, axes)
}
