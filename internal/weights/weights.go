// Package weights keeps a model's variables in safetensors files: checkpoints and trained encoders.
package weights

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/safetensors"
)

// types pairs the types of values that variables have with those of files.
var types = map[dtypes.DType]safetensors.DType{
	dtypes.Float32:  safetensors.F32,
	dtypes.Float64:  safetensors.F64,
	dtypes.BFloat16: safetensors.BF16,
	dtypes.Float16:  safetensors.F16,
	dtypes.Int32:    safetensors.I32,
	dtypes.Int64:    safetensors.I64,
	dtypes.Uint64:   safetensors.U64,
	dtypes.Bool:     safetensors.Bool,
}

// Write writes variables and metadata to a file, whole or not at all. A variable's tensor is called by its path without
// the slash in front.
func Write(path string, variables []*model.Variable, metadata map[string]string) error {
	list := make([]safetensors.Tensor, len(variables))
	for i, v := range variables {
		value, err := v.Value()
		if err != nil {
			return err
		}
		dtype, known := types[v.DType()]
		if !known {
			return fmt.Errorf("variable %s holds %s, which files have no type for", v.Path(), v.DType())
		}
		list[i] = safetensors.Tensor{Name: name(v), DType: dtype, Shape: v.Shape().Dimensions}
		if err := value.ConstBytes(func(data []byte) { list[i].Data = slices.Clone(data) }); err != nil {
			return err
		}
	}
	return atomicfile.Write(path, func(w io.Writer) error { return safetensors.Write(w, list, metadata) })
}

func name(v *model.Variable) string { return strings.TrimPrefix(v.Path(), model.ScopeSeparator) }

// File is an opened file.
type File struct {
	// Metadata is what was written beside the variables.
	Metadata map[string]string

	file   *os.File
	values *safetensors.File
}

// Open opens a file and checks its header.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	values, err := safetensors.Open(file, info.Size())
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &File{values.Metadata, file, values}, nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Assign gives every variable its value from the file. The file must hold exactly these variables, with the same shapes
// and types. Nothing is assigned when something is amiss.
func (f *File) Assign(variables []*model.Variable) error {
	if len(variables) != len(f.values.Tensors) {
		return fmt.Errorf("the file holds %d variables where the model has %d", len(f.values.Tensors), len(variables))
	}
	values := make([]*tensors.Tensor, len(variables))
	for i, v := range variables {
		stored, err := f.values.Read(name(v))
		if err != nil {
			return err
		}
		if stored.DType != types[v.DType()] || !slices.Equal(stored.Shape, v.Shape().Dimensions) {
			return fmt.Errorf("variable %s is %s %v in the file and %s in the model", name(v), stored.DType, stored.Shape, v.Shape())
		}
		values[i] = tensors.FromShape(v.Shape())
		if err := values[i].MutableBytes(func(data []byte) { copy(data, stored.Data) }); err != nil {
			return err
		}
	}
	for i, v := range variables {
		if err := v.SetValue(values[i]); err != nil {
			return err
		}
	}
	return nil
}
