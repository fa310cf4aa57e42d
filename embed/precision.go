package embed

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
)

// Precision returns the type that networks compute in, by its name: f32, or bf16 for bfloat16 with weights in float32. The error of
// another name says which there are.
func Precision(name string) (dtypes.DType, error) {
	switch name {
	case "f32":
		return dtypes.Float32, nil
	case "bf16":
		return dtypes.BFloat16, nil
	}
	return dtypes.InvalidDType, fmt.Errorf("%q: it must be f32 or bf16", name)
}
