package pretrained

import (
	"fmt"
	"slices"

	"github.com/alike-ml/alike/internal/safetensors"
)

// source says which tensors of a file a variable's values are in.
type source struct {
	// variable is its path in the encoder's scope, shape its shape.
	variable string
	shape    []int
	// tensors are one, or several that lie side by side in the variable.
	tensors []string
	// old is another name for the only tensor, "" for none.
	old string
	// transposed is that of PyTorch's dense layers, which are [out, in].
	transposed bool
	// patch is the side of the patches, in pixels, whose map of three colours the tensor is as PyTorch's convolutions have it,
	// [out, 3, patch, patch]; 0 for all else. The variable is that of a dense layer on patches with colours innermost.
	patch int
	// skipped is how many rows of the tensor stand in front of the variable's.
	skipped int
}

// tensorShape is the shape of each of the tensors.
func (s source) tensorShape() []int {
	switch {
	case len(s.shape) == 0:
		return nil
	case s.patch > 0:
		return []int{s.shape[1], 3, s.patch, s.patch}
	}
	shape := slices.Clone(s.shape)
	shape[len(shape)-1] /= len(s.tensors)
	if s.transposed {
		slices.Reverse(shape)
	}
	shape[0] += s.skipped
	return shape
}

// join makes the variable's values of those of its tensors.
func (s source) join(parts [][]float32) []float32 {
	switch {
	case s.patch > 0:
		return s.joinPatch(parts[0])
	case s.skipped > 0:
		return slices.Concat(parts...)[s.skipped*s.shape[len(s.shape)-1]:]
	case !s.transposed:
		return slices.Concat(parts...)
	}
	in, out := s.shape[0], s.shape[1]/len(parts)
	values := make([]float32, in*out*len(parts))
	for p, part := range parts {
		for o := range out {
			for i := range in {
				values[(i*len(parts)+p)*out+o] = part[o*in+i]
			}
		}
	}
	return values
}

// joinPatch makes the variable [patch*patch*3, out] of a convolution's tensor.
func (s source) joinPatch(part []float32) []float32 {
	out, area := s.shape[1], s.patch*s.patch
	values := make([]float32, len(part))
	for o := range out {
		for colour := range 3 {
			for pixel := range area {
				values[(pixel*3+colour)*out+o] = part[(o*3+colour)*area+pixel]
			}
		}
	}
	return values
}

// split is the opposite of join, for sources that skip nothing and are no patches'.
func (s source) split(values []float32) []safetensors.Tensor {
	var list []safetensors.Tensor
	shape := s.tensorShape()
	size := len(values) / len(s.tensors)
	for p, name := range s.tensors {
		part := values[p*size:][:size]
		if s.transposed {
			in, out := s.shape[0], s.shape[1]/len(s.tensors)
			part = make([]float32, size)
			for o := range out {
				for i := range in {
					part[o*in+i] = values[(i*len(s.tensors)+p)*out+o]
				}
			}
		}
		list = append(list, safetensors.FromFloat32(name, shape, part))
	}
	return list
}

// read returns the variable's values from a file that it was found to fit.
func (s source) read(file *safetensors.File, prefix string) ([]float32, error) {
	var parts [][]float32
	for _, name := range s.tensors {
		tensor, err := file.Read(s.find(file, prefix, name).Name)
		if err != nil {
			return nil, err
		}
		part, err := tensor.Floats()
		if err != nil {
			return nil, err
		}
		for _, v := range part {
			if v-v != 0 { // NaN, or an infinity less itself
				return nil, fmt.Errorf("tensor %q is not finite", tensor.Name)
			}
		}
		parts = append(parts, part)
	}
	return s.join(parts), nil
}

// find returns what the file's header says of a tensor, nil if it is not there.
func (s source) find(file *safetensors.File, prefix, name string) *safetensors.Info {
	for i, info := range file.Tensors {
		if info.Name == prefix+name || s.old != "" && info.Name == prefix+s.old {
			return &file.Tensors[i]
		}
	}
	return nil
}
