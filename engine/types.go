package engine

import (
	"github.com/gomlx/compute/dtypes"
	bf16 "github.com/gomlx/compute/dtypes/bfloat16"
	f16 "github.com/gomlx/compute/dtypes/float16"
)

type (
	bfloat16 = bf16.BFloat16
	float16  = f16.Float16
)

type signed interface {
	int8 | int16 | int32 | int64
}

type unsigned interface {
	uint8 | uint16 | uint32 | uint64
}

type float interface{ float32 | float64 }

type number interface{ signed | unsigned | float }

// registerType is the dtype in which loops compute with values of a dtype: the 16-bit floats are widened when they are
// loaded and rounded when they are stored, not in between.
func registerType(dtype dtypes.DType) dtypes.DType {
	if isHalf(dtype) {
		return dtypes.Float32
	}
	return dtype
}
