package train

import (
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// cutArrays are the arrays of a chunk of a batch.
func (s *chunkedStepper) cutArrays(arrays []*tensors.Tensor, chunk int) (inputs []any, err error) {
	for _, array := range arrays {
		x, err := s.cut(array, 1, chunk)
		if err != nil {
			return nil, err
		}
		if inputs, err = s.given(inputs, []*tensors.Tensor{x}); err != nil {
			return nil, err
		}
	}
	return inputs, nil
}

// cut is what a chunk has of an array of the batch: rows [k batch, ...] give [k chunk, ...].
func (s *chunkedStepper) cut(array *tensors.Tensor, k, chunk int) (*tensors.Tensor, error) {
	shape := array.Shape().Clone()
	shape.Dimensions[0] = k * s.chunk
	part, err := tensors.FromShapeForBackend(s.backend, 0, shape)
	if err != nil {
		return nil, err
	}
	return part, inBoth(array, part, func(whole, part []byte) {
		eachRun(whole, part, k, chunk, func(whole, part []byte) { copy(part, whole) })
	})
}

// paste puts what a chunk has into an array of the batch, and gives its memory free.
func paste(array, part *tensors.Tensor, k, chunk int) error {
	err := inBoth(part, array, func(part, whole []byte) {
		eachRun(whole, part, k, chunk, func(whole, part []byte) { copy(whole, part) })
	})
	if err != nil {
		return err
	}
	return part.FinalizeAll()
}

// inBoth calls do with the bytes of an array to read and of one to write.
func inBoth(from, to *tensors.Tensor, do func(from, to []byte)) (err error) {
	outer := from.ConstBytes(func(read []byte) {
		err = to.MutableBytes(func(written []byte) { do(read, written) })
	})
	if outer != nil {
		return outer
	}
	return err
}

// eachRun calls do with the places of a chunk's rows in the whole and in the chunk: of rows [k n, ...], it has its own of each n.
func eachRun(whole, part []byte, k, chunk int, do func(whole, part []byte)) {
	ofWhole, ofPart := len(whole)/k, len(part)/k
	for i := range k {
		do(whole[i*ofWhole+chunk*ofPart:][:ofPart], part[i*ofPart:][:ofPart])
	}
}

// scalarOf is the value of a scalar, whose memory is given free.
func scalarOf(x *tensors.Tensor) (float64, error) {
	return float64(tensors.ToScalar[float32](x)), x.FinalizeAll()
}

// finalize gives memory free.
func finalize(list []*tensors.Tensor) error {
	for _, x := range list {
		if err := x.FinalizeAll(); err != nil {
			return err
		}
	}
	return nil
}

func shapesOf(variables []*model.Variable) (list []shapes.Shape) {
	for _, v := range variables {
		list = append(list, v.Shape())
	}
	return list
}
