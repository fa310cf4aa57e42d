// Package safetensors reads and writes the safetensors format (https://github.com/huggingface/safetensors, "Format"): eight
// bytes with the length of a JSON header, the header, and the bytes of the tensors, little-endian and row-major, without a
// gap between them.
package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes/float16"
)

// ErrFormat is the error of a file that breaks the format; errors of reading wrap it.
var ErrFormat = errors.New("not a valid safetensors file")

// DType is the type of a tensor's values, by its name in the format.
type DType string

// The types of values.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U64  DType = "U64"
	U32  DType = "U32"
	U16  DType = "U16"
	U8   DType = "U8"
	Bool DType = "BOOL"
)

// Size returns the number of bytes of one value, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case F64, I64, U64:
		return 8
	case F32, I32, U32:
		return 4
	case F16, BF16, I16, U16:
		return 2
	case I8, U8, Bool:
		return 1
	}
	return 0
}

// Tensor is a named tensor.
type Tensor struct {
	Name  string
	DType DType
	Shape []int  // empty for a scalar
	Data  []byte // the values, little-endian, the last dimension varying fastest
}

// FromFloat32 returns an F32 tensor of a copy of values.
func FromFloat32(name string, shape []int, values []float32) Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return Tensor{name, F32, shape, data}
}

// Float32 returns the values of an F32 tensor.
func (t Tensor) Float32() ([]float32, error) {
	if t.DType != F32 {
		return nil, fmt.Errorf("tensor %q holds %s values, not F32", t.Name, t.DType)
	}
	values := make([]float32, len(t.Data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	return values, nil
}

// IsFloat reports whether values of the type are floating-point numbers.
func (d DType) IsFloat() bool { return d == F64 || d == F32 || d == F16 || d == BF16 }

// Floats returns the values of a tensor of any floating-point type, rounded to float32 where they have more digits.
func (t Tensor) Floats() ([]float32, error) {
	if !t.DType.IsFloat() {
		return nil, fmt.Errorf("tensor %q holds %s values, not floating-point numbers", t.Name, t.DType)
	}
	size := t.DType.Size()
	values := make([]float32, len(t.Data)/size)
	for i := range values {
		b := t.Data[i*size:]
		switch t.DType {
		case F64:
			values[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		case F32:
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b))
		case F16:
			values[i] = float16.FromBits(binary.LittleEndian.Uint16(b)).Float32()
		case BF16:
			values[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
		}
	}
	return values, nil
}

// byteLen returns the number of bytes a tensor takes.
func byteLen(dtype DType, shape []int) (int64, error) {
	n := int64(dtype.Size())
	if n == 0 {
		return 0, fmt.Errorf("unknown type %q", dtype)
	}
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt64/int64(d) {
			return 0, fmt.Errorf("impossible shape %v", shape)
		}
		n *= int64(d)
	}
	return n, nil
}
