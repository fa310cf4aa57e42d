package engine

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

// reducer reduces what a loop computes. Over the leading axis, a chunk adds its blocks up element by element and folds the sum
// to the inner size; the chunks' sums are added in order at the end. Over the trailing axis, a chunk has whole rows, and writes
// their results itself.
type reducer struct {
	plan.LoopResult
	dtype    dtypes.DType // of the output
	size     int          // of an element in register type
	block    int
	combine  blockFunc
	identity []byte // one element
}

func newReducer(r plan.LoopResult, dtype dtypes.DType, block int) *reducer {
	reg := registerType(dtype)
	return &reducer{LoopResult: r, dtype: dtype, size: reg.Size(), block: block, combine: blockFor(r.Reduce, dtype, dtype),
		identity: identityOf(r.Reduce, reg)}
}

func (r *reducer) overRows() bool { return r.Outer > 1 }

// begin returns the memory for partial results: a block for each chunk, or, over rows, the outputs in register type.
func (r *reducer) begin(b *Backend, out []byte, chunks int) []byte {
	elements := r.block * chunks
	if r.overRows() {
		if !isHalf(r.dtype) {
			repeat(out, r.identity)
			return out
		}
		elements = r.Outer
	}
	partial := b.heap.get(elements * r.size)
	repeat(partial, r.identity)
	return partial
}

// add takes in elements [start, start+n) of the space.
func (r *reducer) add(partial []byte, chunk, start int, x []byte, n int) {
	if !r.overRows() {
		acc := partial[chunk*r.block*r.size:][:n*r.size]
		r.combine(acc, [][]byte{acc, x})
		return
	}
	for n > 0 {
		row, at := start/r.Reduced, start%r.Reduced
		k := min(n, r.Reduced-at)
		r.addRow(partial[row*r.size:][:r.size], x[:k*r.size])
		x, start, n = x[k*r.size:], start+k, n-k
	}
}

// addRow reduces the elements of x to one, and adds it to acc.
func (r *reducer) addRow(acc, x []byte) {
	if registerType(r.dtype) == dtypes.Float32 {
		sum := &as[float32](acc)[0]
		switch r.Reduce {
		case compute.OpTypeAdd:
			*sum += kernel.Sum(as[float32](x))
			return
		case compute.OpTypeMax:
			*sum = max(*sum, kernel.RowMax(as[float32](x)))
			return
		case compute.OpTypeMin:
			*sum = min(*sum, kernel.RowMin(as[float32](x)))
			return
		}
	}
	r.combine(acc, [][]byte{acc, r.halve(slices.Clone(x), 1)})
}

// halve combines the halves of x, again and again, until unit elements are left; x is overwritten.
func (r *reducer) halve(x []byte, unit int) []byte {
	unit *= r.size
	for n := len(x) / unit; n > 1; n = len(x) / unit {
		half := n / 2 * unit
		r.combine(x[:half], [][]byte{x[:half], x[len(x)-half:]})
		x = x[:len(x)-half]
	}
	return x
}

// finish writes the output.
func (r *reducer) finish(b *Backend, out, partial []byte, chunks int) {
	if r.overRows() {
		if isHalf(r.dtype) {
			storeHalf(out, as[float32](partial), r.dtype)
			b.heap.put(partial)
		}
		return
	}
	width := r.Inner * r.size
	sum := make([]byte, width)
	repeat(sum, r.identity)
	if r.Inner > 0 {
		b.pool.For(chunks, func(chunk int) { r.halve(partial[chunk*r.block*r.size:][:r.block*r.size], r.Inner) })
		for chunk := range chunks {
			r.combine(sum, [][]byte{sum, partial[chunk*r.block*r.size:][:width]})
		}
	}
	if isHalf(r.dtype) {
		storeHalf(out, as[float32](sum), r.dtype)
	} else {
		copy(out, sum)
	}
	b.heap.put(partial)
}

// repeat fills dst with copies of the element.
func repeat(dst, element []byte) {
	n := copy(dst, element)
	for n > 0 && n < len(dst) {
		n += copy(dst[n:], dst[:n])
	}
}

// identityOf returns the element that a reduction starts from.
func identityOf(op compute.OpType, dtype dtypes.DType) []byte {
	switch op {
	case compute.OpTypeMul:
		return oneOf(dtype)
	case compute.OpTypeLogicalAnd:
		return []byte{1}
	case compute.OpTypeBitwiseAnd:
		ones := make([]byte, dtype.Size())
		repeat(ones, []byte{0xff})
		return ones
	case compute.OpTypeMax:
		return extremeOf(dtype, -1)
	case compute.OpTypeMin:
		return extremeOf(dtype, 1)
	}
	return make([]byte, dtype.Size())
}

func oneOf(dtype dtypes.DType) []byte {
	one := make([]byte, dtype.Size())
	convertBlock(dtypes.Uint8, dtype)(one, [][]byte{{1}})
	return one
}

// extremeOf returns the smallest (sign -1) or largest (+1) value of a dtype; of floats, the infinite one.
func extremeOf(dtype dtypes.DType, sign int) []byte {
	out := make([]byte, dtype.Size())
	convertBlock(dtypes.Float64, dtype)(out, [][]byte{bytesOf([]float64{math.Inf(sign)})})
	if dtype == dtypes.Bool && sign < 0 {
		out[0] = 0
	}
	return out
}
