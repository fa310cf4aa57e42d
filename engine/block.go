package engine

import (
	"math"
	"math/bits"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	f16 "github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapeinference"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

// blockFunc computes one elementwise operation on a block: dst and args are the elements, in register types, as bytes. dst may
// be one of args.
type blockFunc func(dst []byte, args [][]byte)

// blockFor returns the function of an operation from operands of one dtype (for Where, that of the branches) to another, nil if
// there is none.
func blockFor(op compute.OpType, from, to dtypes.DType) blockFunc {
	reg := registerType(from)
	switch {
	case op == compute.OpTypeConvertDType:
		return convertBlock(reg, to)
	case op == compute.OpTypeWhere:
		return whereBlock(reg)
	case op == compute.OpTypeIsNaN || op == compute.OpTypeIsFinite:
		return floatTestBlock(op, reg)
	case shapeinference.ComparisonOperations.Has(op):
		return comparisonBlock(op, reg)
	}
	switch reg {
	case dtypes.Float32:
		if f := float32Block(op); f != nil {
			return f
		}
		return floatBlock[float32](op)
	case dtypes.Float64:
		return floatBlock[float64](op)
	case dtypes.Int8:
		return signedBlock[int8, uint8](op)
	case dtypes.Int16:
		return signedBlock[int16, uint16](op)
	case dtypes.Int32:
		return signedBlock[int32, uint32](op)
	case dtypes.Int64:
		return signedBlock[int64, uint64](op)
	case dtypes.Uint8:
		return unsignedBlock[uint8](op)
	case dtypes.Uint16:
		return unsignedBlock[uint16](op)
	case dtypes.Uint32:
		return unsignedBlock[uint32](op)
	case dtypes.Uint64:
		return unsignedBlock[uint64](op)
	case dtypes.Bool:
		return boolBlock(op)
	}
	return nil
}

// map1 and map2 turn functions of elements into functions of blocks.
func map1[T, R any](f func(T) R) blockFunc {
	return func(dst []byte, args [][]byte) {
		out, x := as[R](dst), as[T](args[0])
		for i := range out {
			out[i] = f(x[i])
		}
	}
}

func map2[T, R any](f func(a, b T) R) blockFunc {
	return func(dst []byte, args [][]byte) {
		out, a, b := as[R](dst), as[T](args[0]), as[T](args[1])
		for i := range out {
			out[i] = f(a[i], b[i])
		}
	}
}

func vector1(f func(dst, x []float32)) blockFunc {
	return func(dst []byte, args [][]byte) { f(as[float32](dst), as[float32](args[0])) }
}

func vector2(f func(dst, a, b []float32)) blockFunc {
	return func(dst []byte, args [][]byte) { f(as[float32](dst), as[float32](args[0]), as[float32](args[1])) }
}

func mask1[T any](f func(mask []uint8, x []T)) blockFunc {
	return func(dst []byte, args [][]byte) { f(dst, as[T](args[0])) }
}

func mask2[T any](f func(mask []uint8, a, b []T)) blockFunc {
	return func(dst []byte, args [][]byte) { f(dst, as[T](args[0]), as[T](args[1])) }
}

// swapped is f with its operands exchanged.
func swapped[T any](f func(mask []uint8, a, b []T)) func(mask []uint8, a, b []T) {
	return func(mask []uint8, a, b []T) { f(mask, b, a) }
}

// float32Block returns the operations that have a kernel.
func float32Block(op compute.OpType) blockFunc {
	switch op {
	case compute.OpTypeAdd:
		return vector2(kernel.Add)
	case compute.OpTypeSub:
		return vector2(kernel.Sub)
	case compute.OpTypeMul:
		return vector2(kernel.Mul)
	case compute.OpTypeDiv:
		return vector2(kernel.Div)
	case compute.OpTypeMax:
		return vector2(kernel.Max)
	case compute.OpTypeMin:
		return vector2(kernel.Min)
	case compute.OpTypePow:
		return vector2(kernel.Pow)
	case plan.OpGelu:
		return vector1(kernel.Gelu)
	case plan.OpGeluGrad:
		return vector2(kernel.GeluGrad)
	case compute.OpTypeAbs:
		return vector1(kernel.Abs)
	case compute.OpTypeNeg:
		return vector1(func(dst, x []float32) { kernel.MulScalar(dst, x, -1) })
	case compute.OpTypeSign:
		return vector1(sign32)
	case plan.OpStep:
		return vector1(step32)
	case compute.OpTypeExp:
		return vector1(kernel.Exp)
	case compute.OpTypeExpm1:
		return vector1(kernel.Expm1)
	case compute.OpTypeLog:
		return vector1(kernel.Log)
	case compute.OpTypeLog1p:
		return vector1(kernel.Log1p)
	case compute.OpTypeTanh:
		return vector1(kernel.Tanh)
	case compute.OpTypeErf:
		return vector1(kernel.Erf)
	case compute.OpTypeLogistic:
		return vector1(kernel.Logistic)
	case compute.OpTypeSqrt:
		return vector1(kernel.Sqrt)
	case compute.OpTypeRsqrt:
		return vector1(kernel.Rsqrt)
	case compute.OpTypeSin:
		return vector1(kernel.Sin)
	case compute.OpTypeCos:
		return vector1(kernel.Cos)
	}
	return nil
}

// enlarge, applied twice, brings every float32 but 0 to at least 1: the smallest is 2^-149.
const enlarge = 1 << 100

// sign32 and step32 are chains of vector operations, which unlike comparisons do not depend on a branch.
func sign32(dst, x []float32) {
	kernel.MulScalar(dst, x, enlarge)
	kernel.MulScalar(dst, dst, enlarge)
	kernel.MaxScalar(dst, dst, -1)
	kernel.MinScalar(dst, dst, 1)
}

func step32(dst, x []float32) {
	kernel.MulScalar(dst, x, enlarge)
	kernel.ScaleShift(dst, dst, enlarge, 1)
	kernel.MaxScalar(dst, dst, 0)
	kernel.MinScalar(dst, dst, 1)
}

// float64Functions are the operations that package math has.
var float64Functions = map[compute.OpType]func(float64) float64{
	compute.OpTypeExp:   math.Exp,
	compute.OpTypeExpm1: math.Expm1,
	compute.OpTypeLog:   math.Log,
	compute.OpTypeLog1p: math.Log1p,
	compute.OpTypeTanh:  math.Tanh,
	compute.OpTypeErf:   math.Erf,
	compute.OpTypeSqrt:  math.Sqrt,
	compute.OpTypeSin:   math.Sin,
	compute.OpTypeCos:   math.Cos,
	compute.OpTypeCeil:  math.Ceil,
	compute.OpTypeFloor: math.Floor,
	compute.OpTypeRound: math.RoundToEven,
}

func floatBlock[T float](op compute.OpType) blockFunc {
	if f := float64Functions[op]; f != nil {
		return map1(func(x T) T { return T(f(float64(x))) })
	}
	switch op {
	case compute.OpTypeRsqrt:
		return map1(func(x T) T { return T(1 / math.Sqrt(float64(x))) })
	case compute.OpTypeLogistic:
		return map1(func(x T) T { return T(1 / (1 + math.Exp(-float64(x)))) })
	case compute.OpTypePow:
		return map2(func(a, b T) T { return T(math.Pow(float64(a), float64(b))) })
	case compute.OpTypeAtan2:
		return map2(func(a, b T) T { return T(math.Atan2(float64(a), float64(b))) })
	case compute.OpTypeRem:
		return map2(func(a, b T) T { return T(math.Mod(float64(a), float64(b))) })
	case compute.OpTypeDiv:
		return map2(func(a, b T) T { return a / b })
	case compute.OpTypeAbs:
		return map1(func(x T) T { return T(math.Abs(float64(x))) })
	case compute.OpTypeNeg:
		return map1(func(x T) T { return -x })
	case plan.OpStep:
		return map1(func(x T) T {
			switch {
			case x >= 0:
				return 1
			case x < 0:
				return 0
			}
			return x // NaN
		})
	case compute.OpTypeSign:
		return map1(func(x T) T {
			switch {
			case x > 0:
				return 1
			case x < 0:
				return -1
			}
			return x // a zero, or NaN
		})
	}
	return numberBlock[T](op)
}

func numberBlock[T number](op compute.OpType) blockFunc {
	switch op {
	case compute.OpTypeAdd:
		return map2(func(a, b T) T { return a + b })
	case compute.OpTypeSub:
		return map2(func(a, b T) T { return a - b })
	case compute.OpTypeMul:
		return map2(func(a, b T) T { return a * b })
	case compute.OpTypeMax:
		return map2(func(a, b T) T { return max(a, b) })
	case compute.OpTypeMin:
		return map2(func(a, b T) T { return min(a, b) })
	case compute.OpTypeClamp:
		return func(dst []byte, args [][]byte) {
			out, low, x, high := as[T](dst), as[T](args[0]), as[T](args[1]), as[T](args[2])
			for i := range out {
				out[i] = min(max(x[i], low[i]), high[i])
			}
		}
	}
	return nil
}

// integerBlock has the operations of all integers. Dividing by zero gives -1, its remainder the dividend, as XLA has it.
func integerBlock[T signed | unsigned](op compute.OpType) blockFunc {
	switch op {
	case compute.OpTypeDiv:
		return map2(func(a, b T) T {
			if b == 0 {
				return ^T(0)
			}
			return a / b
		})
	case compute.OpTypeRem:
		return map2(func(a, b T) T {
			if b == 0 {
				return a
			}
			return a % b
		})
	case compute.OpTypePow:
		return map2(integerPow[T])
	case compute.OpTypeBitwiseAnd:
		return map2(func(a, b T) T { return a & b })
	case compute.OpTypeBitwiseOr:
		return map2(func(a, b T) T { return a | b })
	case compute.OpTypeBitwiseXor:
		return map2(func(a, b T) T { return a ^ b })
	case compute.OpTypeBitwiseNot:
		return map1(func(x T) T { return ^x })
	case compute.OpTypeShiftLeft:
		return map2(func(a, b T) T { return a << uint64(b) })
	case compute.OpTypeShiftRightArithmetic:
		return map2(func(a, b T) T { return a >> uint64(b) })
	}
	return numberBlock[T](op)
}

// integerPow raises a to the power of b. A negative power is the integer part of the fraction.
func integerPow[T signed | unsigned](a, b T) T {
	if b < 0 {
		switch {
		case a == 1 || a == ^T(0) && b&1 == 0:
			return 1
		case a == ^T(0):
			return a
		}
		return 0
	}
	result := T(1)
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			result *= a
		}
		a *= a
	}
	return result
}

// signedBlock has the operations of T; U is the unsigned integer of the same size.
func signedBlock[T signed, U unsigned](op compute.OpType) blockFunc {
	switch op {
	case compute.OpTypeAbs:
		return map1(func(x T) T { return max(x, -x) })
	case compute.OpTypeNeg:
		return map1(func(x T) T { return -x })
	case compute.OpTypeSign:
		return map1(func(x T) T { return min(max(x, -1), 1) })
	case compute.OpTypeShiftRightLogical, compute.OpTypeBitCount, compute.OpTypeClz:
		return unsignedBlock[U](op)
	}
	return integerBlock[T](op)
}

func unsignedBlock[T unsigned](op compute.OpType) blockFunc {
	switch op {
	case compute.OpTypeAbs:
		return map1(func(x T) T { return x })
	case compute.OpTypeSign:
		return map1(func(x T) T { return min(x, 1) })
	case compute.OpTypeShiftRightLogical:
		return map2(func(a, b T) T { return a >> uint64(b) })
	case compute.OpTypeBitCount:
		return map1(func(x T) T { return T(bits.OnesCount64(uint64(x))) })
	case compute.OpTypeClz:
		unused := bits.LeadingZeros64(uint64(^T(0)))
		return map1(func(x T) T { return T(bits.LeadingZeros64(uint64(x)) - unused) })
	}
	return integerBlock[T](op)
}

func boolBlock(op compute.OpType) blockFunc {
	switch op {
	case compute.OpTypeLogicalAnd, compute.OpTypeMin:
		return mask2(kernel.And)
	case compute.OpTypeLogicalOr, compute.OpTypeMax:
		return mask2(kernel.Or)
	case compute.OpTypeLogicalXor:
		return mask2(kernel.Xor)
	case compute.OpTypeLogicalNot:
		return func(dst []byte, args [][]byte) { kernel.Not(dst, args[0]) }
	}
	return nil
}

func floatTestBlock(op compute.OpType, reg dtypes.DType) blockFunc {
	switch reg {
	case dtypes.Float32:
		if op == compute.OpTypeIsNaN {
			return mask1(func(mask []uint8, x []float32) { kernel.NotEqual(mask, x, x) })
		}
		return mask1(kernel.IsFinite)
	case dtypes.Float64:
		if op == compute.OpTypeIsNaN {
			return map1(func(x float64) bool { return x != x })
		}
		return map1(func(x float64) bool { return x-x == 0 })
	}
	return nil
}

func comparisonBlock(op compute.OpType, reg dtypes.DType) blockFunc {
	switch reg {
	case dtypes.Float32:
		if f := totalOrderBlock(op, totalOrder32); f != nil {
			return f
		}
		return compareFloat32(op)
	case dtypes.Float64:
		if f := totalOrderBlock(op, totalOrder64); f != nil {
			return f
		}
		return compare[float64](op)
	case dtypes.Int8:
		return compare[int8](op)
	case dtypes.Int16:
		return compare[int16](op)
	case dtypes.Int32:
		return compareInt32(op)
	case dtypes.Int64:
		return compare[int64](op)
	case dtypes.Uint8, dtypes.Bool:
		return compare[uint8](op)
	case dtypes.Uint16:
		return compare[uint16](op)
	case dtypes.Uint32:
		return compare[uint32](op)
	case dtypes.Uint64:
		return compare[uint64](op)
	}
	return nil
}

// compareFloat32 and compareInt32 are compare with kernels: masks and gradients of activations run through them.
func compareFloat32(op compute.OpType) blockFunc {
	switch op {
	case compute.OpTypeEqual:
		return mask2(kernel.Equal)
	case compute.OpTypeNotEqual:
		return mask2(kernel.NotEqual)
	case compute.OpTypeLessThan:
		return mask2(kernel.Less)
	case compute.OpTypeGreaterThan:
		return mask2(swapped(kernel.Less))
	case compute.OpTypeLessOrEqual:
		return mask2(kernel.LessOrEqual)
	case compute.OpTypeGreaterOrEqual:
		return mask2(swapped(kernel.LessOrEqual))
	}
	return nil
}

func compareInt32(op compute.OpType) blockFunc {
	switch op {
	case compute.OpTypeEqual, compute.OpTypeEqualTotalOrder:
		return mask2(kernel.EqualInt32)
	case compute.OpTypeNotEqual:
		return mask2(kernel.NotEqualInt32)
	case compute.OpTypeLessThan, compute.OpTypeLessThanTotalOrder:
		return mask2(kernel.LessInt32)
	case compute.OpTypeGreaterThan, compute.OpTypeGreaterThanTotalOrder:
		return mask2(swapped(kernel.LessInt32))
	case compute.OpTypeLessOrEqual, compute.OpTypeLessOrEqualTotalOrder:
		return mask2(kernel.LessOrEqualInt32)
	case compute.OpTypeGreaterOrEqual, compute.OpTypeGreaterOrEqualTotalOrder:
		return mask2(swapped(kernel.LessOrEqualInt32))
	}
	return nil
}

func compare[T number](op compute.OpType) blockFunc {
	switch op {
	case compute.OpTypeEqual, compute.OpTypeEqualTotalOrder:
		return map2(func(a, b T) bool { return a == b })
	case compute.OpTypeNotEqual:
		return map2(func(a, b T) bool { return a != b })
	case compute.OpTypeLessThan, compute.OpTypeLessThanTotalOrder:
		return less[T](0, 1)
	case compute.OpTypeGreaterThan, compute.OpTypeGreaterThanTotalOrder:
		return less[T](1, 0)
	case compute.OpTypeLessOrEqual, compute.OpTypeLessOrEqualTotalOrder:
		return lessOrEqual[T](0, 1)
	case compute.OpTypeGreaterOrEqual, compute.OpTypeGreaterOrEqualTotalOrder:
		return lessOrEqual[T](1, 0)
	}
	return nil
}

func less[T number](left, right int) blockFunc {
	return func(dst []byte, args [][]byte) {
		out, a, b := as[bool](dst), as[T](args[left]), as[T](args[right])
		a, b = a[:len(out)], b[:len(out)]
		for i := range out {
			out[i] = a[i] < b[i]
		}
	}
}

func lessOrEqual[T number](left, right int) blockFunc {
	return func(dst []byte, args [][]byte) {
		out, a, b := as[bool](dst), as[T](args[left]), as[T](args[right])
		a, b = a[:len(out)], b[:len(out)]
		for i := range out {
			out[i] = a[i] <= b[i]
		}
	}
}

// totalOrderBlock compares floats as -NaN < -Inf < finite < -0 < +0 < finite < +Inf < +NaN, by keys that order so.
func totalOrderBlock[T float, K signed](op compute.OpType, key func(T) K) blockFunc {
	switch op {
	case compute.OpTypeEqualTotalOrder:
		return map2(func(a, b T) bool { return key(a) == key(b) })
	case compute.OpTypeLessThanTotalOrder:
		return map2(func(a, b T) bool { return key(a) < key(b) })
	case compute.OpTypeLessOrEqualTotalOrder:
		return map2(func(a, b T) bool { return key(a) <= key(b) })
	case compute.OpTypeGreaterThanTotalOrder:
		return map2(func(a, b T) bool { return key(a) > key(b) })
	case compute.OpTypeGreaterOrEqualTotalOrder:
		return map2(func(a, b T) bool { return key(a) >= key(b) })
	}
	return nil
}

func totalOrder32(x float32) int32 {
	b := int32(math.Float32bits(x))
	return b ^ int32(uint32(b>>31)>>1)
}

func totalOrder64(x float64) int64 {
	b := int64(math.Float64bits(x))
	return b ^ int64(uint64(b>>63)>>1)
}

func whereBlock(reg dtypes.DType) blockFunc {
	switch reg.Size() {
	case 1:
		return where[uint8]
	case 2:
		return where[uint16]
	case 4:
		return func(dst []byte, args [][]byte) {
			kernel.Where(as[uint32](dst), args[0], as[uint32](args[1]), as[uint32](args[2]))
		}
	case 8:
		return where[uint64]
	}
	return nil
}

func where[T unsigned](dst []byte, args [][]byte) {
	out, cond, onTrue, onFalse := as[T](dst), args[0], as[T](args[1]), as[T](args[2])
	cond, onTrue, onFalse = cond[:len(out)], onTrue[:len(out)], onFalse[:len(out)]
	for i := range out {
		v := onFalse[i]
		if cond[i] != 0 {
			v = onTrue[i]
		}
		out[i] = v
	}
}

// convertBlock converts from a register type to a dtype, whose values are then held in its own register type.
func convertBlock(from, to dtypes.DType) blockFunc {
	if isHalf(to) {
		widen := convertBlock(from, dtypes.Float32)
		if widen == nil {
			return nil
		}
		return func(dst []byte, args [][]byte) {
			widen(dst, args)
			roundHalf(as[float32](dst), to)
		}
	}
	if from == to {
		return func(dst []byte, args [][]byte) { copy(dst, args[0]) }
	}
	if to == dtypes.Float32 {
		switch from {
		case dtypes.Uint8, dtypes.Bool:
			return func(dst []byte, args [][]byte) { kernel.FromUint8(as[float32](dst), args[0]) }
		case dtypes.Int32:
			return func(dst []byte, args [][]byte) { kernel.FromInt32(as[float32](dst), as[int32](args[0])) }
		case dtypes.Uint32:
			return func(dst []byte, args [][]byte) { kernel.FromUint32(as[float32](dst), as[uint32](args[0])) }
		}
	}
	switch from {
	case dtypes.Float32:
		return fromFloat[float32](to)
	case dtypes.Float64:
		return fromFloat[float64](to)
	case dtypes.Int8:
		return fromInteger[int8](to)
	case dtypes.Int16:
		return fromInteger[int16](to)
	case dtypes.Int32:
		return fromInteger[int32](to)
	case dtypes.Int64:
		return fromInteger[int64](to)
	case dtypes.Uint8, dtypes.Bool:
		return fromInteger[uint8](to)
	case dtypes.Uint16:
		return fromInteger[uint16](to)
	case dtypes.Uint32:
		return fromInteger[uint32](to)
	case dtypes.Uint64:
		return fromInteger[uint64](to)
	}
	return nil
}

// roundHalf rounds to the values of a 16-bit float.
func roundHalf(x []float32, dtype dtypes.DType) {
	if dtype == dtypes.BFloat16 {
		kernel.RoundBF16(x, x)
		return
	}
	var narrow [512]uint16
	for len(x) > 0 {
		n := min(len(x), len(narrow))
		storeHalf(bytesOf(narrow[:n]), x[:n], dtype)
		loadHalf(x[:n], bytesOf(narrow[:n]), dtype)
		x = x[n:]
	}
}

func fromInteger[T signed | unsigned](to dtypes.DType) blockFunc {
	switch to {
	case dtypes.Float32:
		return map1(func(x T) float32 { return float32(x) })
	case dtypes.Float64:
		return map1(func(x T) float64 { return float64(x) })
	case dtypes.Int8:
		return map1(func(x T) int8 { return int8(x) })
	case dtypes.Int16:
		return map1(func(x T) int16 { return int16(x) })
	case dtypes.Int32:
		return map1(func(x T) int32 { return int32(x) })
	case dtypes.Int64:
		return map1(func(x T) int64 { return int64(x) })
	case dtypes.Uint8:
		return map1(func(x T) uint8 { return uint8(x) })
	case dtypes.Uint16:
		return map1(func(x T) uint16 { return uint16(x) })
	case dtypes.Uint32:
		return map1(func(x T) uint32 { return uint32(x) })
	case dtypes.Uint64:
		return map1(func(x T) uint64 { return uint64(x) })
	case dtypes.Bool:
		return map1(func(x T) bool { return x != 0 })
	}
	return nil
}

func fromFloat[T float](to dtypes.DType) blockFunc {
	switch to {
	case dtypes.Float32:
		return map1(func(x T) float32 { return float32(x) })
	case dtypes.Float64:
		return map1(func(x T) float64 { return float64(x) })
	case dtypes.Int8:
		return map1(truncate[T, int8](math.MinInt8, math.MaxInt8))
	case dtypes.Int16:
		return map1(truncate[T, int16](math.MinInt16, math.MaxInt16))
	case dtypes.Int32:
		return map1(truncate[T, int32](math.MinInt32, math.MaxInt32))
	case dtypes.Int64:
		return map1(truncate[T, int64](math.MinInt64, math.MaxInt64))
	case dtypes.Uint8:
		return map1(truncate[T, uint8](0, math.MaxUint8))
	case dtypes.Uint16:
		return map1(truncate[T, uint16](0, math.MaxUint16))
	case dtypes.Uint32:
		return map1(truncate[T, uint32](0, math.MaxUint32))
	case dtypes.Uint64:
		return map1(truncate[T, uint64](0, math.MaxUint64))
	case dtypes.Bool:
		return map1(func(x T) bool { return x != 0 })
	}
	return nil
}

// truncate rounds towards zero and saturates; NaN becomes zero.
func truncate[T float, R signed | unsigned](low, high R) func(T) R {
	return func(x T) R {
		switch v := float64(x); {
		case v != v:
			return 0
		case v <= float64(low):
			return low
		case v >= float64(high):
			return high
		default:
			return R(v)
		}
	}
}

// loadHalf widens, storeHalf rounds elements of a 16-bit float.
func loadHalf(dst []float32, src []byte, dtype dtypes.DType) {
	if dtype == dtypes.BFloat16 {
		kernel.BF16ToF32(dst, as[uint16](src))
		return
	}
	for i, v := range as[uint16](src) {
		dst[i] = f16.FromBits(v).Float32()
	}
}

func storeHalf(dst []byte, src []float32, dtype dtypes.DType) {
	if dtype == dtypes.BFloat16 {
		kernel.F32ToBF16(as[uint16](dst), src)
		return
	}
	for i, v := range src {
		as[uint16](dst)[i] = f16.FromFloat32(v).Bits()
	}
}
