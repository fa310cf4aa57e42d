package engine

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/alike-ml/alike/engine/plan"
)

// widened returns the kernel of an operation for 16-bit floats where there is one for float32: operands are widened before, results
// rounded after. Other operations get their kernel as it is.
func widened(n *plan.Node, build func(*plan.Node) kernelFunc) kernelFunc {
	wide := &plan.Node{Op: n.Op, Attr: n.Attr}
	half := false
	widen := func(s shapes.Shape) shapes.Shape {
		if isHalf(s.DType) {
			half = true
			s = shapes.Make(dtypes.Float32, s.Dimensions...)
		}
		return s
	}
	for _, v := range n.Inputs {
		source := &plan.Node{Outputs: []shapes.Shape{widen(v.Shape())}}
		wide.Inputs = append(wide.Inputs, source.Value(0))
	}
	for _, s := range n.Outputs {
		wide.Outputs = append(wide.Outputs, widen(s))
	}
	if !half {
		return build(n)
	}
	run := build(wide)
	return func(b *Backend, in, out [][]byte) {
		var borrowed [][]byte
		operands, results := make([][]byte, len(in)), make([][]byte, len(out))
		for i, data := range in {
			operands[i] = data
			if same := slices.Index(n.Inputs[:i], n.Inputs[i]); same >= 0 {
				operands[i] = operands[same]
				continue
			}
			if dtype := n.Inputs[i].Shape().DType; isHalf(dtype) {
				operands[i] = b.widen(data, dtype)
				borrowed = append(borrowed, operands[i])
			}
		}
		for i, data := range out {
			results[i] = data
			if isHalf(n.Outputs[i].DType) {
				results[i] = b.heap.get(2 * len(data))
				borrowed = append(borrowed, results[i])
			}
		}
		run(b, operands, results)
		for i, data := range out {
			if dtype := n.Outputs[i].DType; isHalf(dtype) {
				b.narrow(data, results[i], dtype)
			}
		}
		for _, data := range borrowed {
			b.heap.put(data)
		}
	}
}

// widen returns the elements of a 16-bit float tensor as float32, in memory of the heap.
func (b *Backend) widen(data []byte, dtype dtypes.DType) []byte {
	wide := b.heap.get(2 * len(data))
	b.halves(len(data), func(from, to int) { loadHalf(as[float32](wide[2*from:2*to]), data[from:to], dtype) })
	return wide
}

// narrow rounds float32 elements to a 16-bit float tensor.
func (b *Backend) narrow(dst, wide []byte, dtype dtypes.DType) {
	b.halves(len(dst), func(from, to int) { storeHalf(dst[from:to], as[float32](wide[2*from:2*to]), dtype) })
}

// halves spreads the bytes [from, to) of a 16-bit float tensor over the workers.
func (b *Backend) halves(size int, body func(from, to int)) {
	const chunk = 4 * chunkElements
	b.pool.For((size+chunk-1)/chunk, func(i int) { body(i*chunk, min((i+1)*chunk, size)) })
}
