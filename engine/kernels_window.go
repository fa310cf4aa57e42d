package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

// windowCombiner is how ReduceWindow joins two elements.
var windowCombiner = map[compute.ReduceOpType]compute.OpType{
	compute.ReduceOpSum:     compute.OpTypeAdd,
	compute.ReduceOpProduct: compute.OpTypeMul,
	compute.ReduceOpMax:     compute.OpTypeMax,
	compute.ReduceOpMin:     compute.OpTypeMin,
}

// poolShape returns the kernel's description of undilated windows over the middle axes of channels-last images.
func (w windowAttr) poolShape(dims []int) (s kernel.PoolShape, ok bool) {
	if len(dims) != 4 || w.size[0] != 1 || w.size[3] != 1 || w.stride[0] != 1 || w.stride[3] != 1 ||
		w.pad[0] != [2]int{} || w.pad[3] != [2]int{} {
		return s, false
	}
	for i := range dims {
		if w.inputDilation[i] != 1 || w.windowStep[i] != 1 {
			return s, false
		}
	}
	return kernel.PoolShape{N: dims[0], H: dims[1], W: dims[2], C: dims[3], R: w.size[1], S: w.size[2],
		StrideH: w.stride[1], StrideW: w.stride[2],
		PadTop: w.pad[1][0], PadBottom: w.pad[1][1], PadLeft: w.pad[2][0], PadRight: w.pad[2][1]}, true
}

func kernelReduceWindow(n *plan.Node) kernelFunc {
	w, dtype := n.Attr.(windowAttr), n.Outputs[0].DType
	if s, ok := w.poolShape(n.Inputs[0].Shape().Dimensions); ok && dtype == dtypes.Float32 && w.kind == compute.ReduceOpMax {
		return func(b *Backend, in, out [][]byte) { kernel.MaxPool(b.pool, s, as[float32](in[0]), as[float32](out[0])) }
	}
	combine := blockFor(windowCombiner[w.kind], dtype, dtype)
	identity := identityOf(windowCombiner[w.kind], dtype)
	dims, total := n.Inputs[0].Shape().Dimensions, n.Outputs[0].Size()
	size := dtype.Size()
	return func(b *Backend, in, out [][]byte) {
		x, y := in[0], out[0]
		repeat(y, identity)
		const perChunk = 1024
		b.pool.For((total+perChunk-1)/perChunk, func(chunk int) {
			args := make([][]byte, 2)
			for i := chunk * perChunk; i < min((chunk+1)*perChunk, total); i++ {
				acc := y[i*size:][:size]
				w.each(dims, n.Outputs[0].Dimensions, i, func(at int) {
					args[0], args[1] = acc, x[at*size:][:size]
					combine(acc, args)
				})
			}
		})
	}
}

// each calls f with the flat index of every operand element under the window of an output element, in row-major order.
func (w windowAttr) each(dims, outDims []int, output int, f func(at int)) {
	place := newWalker(plan.View{Dims: outDims, Strides: make([]int, len(outDims))}, output).index
	step := strides(dims)
	taps := newWalker(plan.View{Dims: w.size, Strides: make([]int, len(w.size))}, 0)
	for range product(w.size) {
		at, inside := 0, true
		for d, tap := range taps.index {
			p := place[d]*w.stride[d] + tap*w.windowStep[d] - w.pad[d][0]
			if p < 0 || p%w.inputDilation[d] != 0 || p/w.inputDilation[d] >= dims[d] {
				inside = false
				break
			}
			at += p / w.inputDilation[d] * step[d]
		}
		if inside {
			f(at)
		}
		taps.next()
	}
}

func kernelSelectAndScatter(n *plan.Node) kernelFunc {
	w, dtype := n.Attr.(windowAttr), n.Outputs[0].DType
	if s, ok := w.poolShape(n.Inputs[0].Shape().Dimensions); ok && dtype == dtypes.Float32 && w.kind == compute.ReduceOpMax {
		return func(b *Backend, in, out [][]byte) {
			kernel.MaxPoolGrad(b.pool, s, as[float32](in[0]), as[float32](in[1]), as[float32](out[0]))
		}
	}
	better := compute.OpTypeGreaterThan
	if w.kind == compute.ReduceOpMin {
		better = compute.OpTypeLessThan
	}
	precedes := storedComparison(better, dtype)
	add := storedBlock(compute.OpTypeAdd, dtype)
	dims, outDims, size := n.Inputs[0].Shape().Dimensions, n.Inputs[1].Shape().Dimensions, dtype.Size()
	return func(_ *Backend, in, out [][]byte) {
		clear(out[0])
		args := make([][]byte, 2)
		for i := range product(outDims) {
			best := -1
			w.each(dims, outDims, i, func(at int) {
				if best < 0 || precedes(in[0], at, best) {
					best = at
				}
			})
			if best >= 0 {
				args[0], args[1] = out[0][best*size:][:size], in[1][i*size:][:size]
				add(args[0], args)
			}
		}
	}
}

// storedComparison returns a function that compares elements i and j of a tensor. NaN comes before everything but NaN.
func storedComparison(op compute.OpType, dtype dtypes.DType) func(data []byte, i, j int) bool {
	size := dtype.Size()
	compare := blockFor(op, dtype, dtypes.Bool)
	element := func(data []byte, i int) []byte {
		x := data[i*size:][:size]
		if isHalf(dtype) {
			wide := make([]float32, 1)
			loadHalf(wide, x, dtype)
			return bytesOf(wide)
		}
		return x
	}
	isNaN := func([]byte) bool { return false }
	if test := floatTestBlock(compute.OpTypeIsNaN, registerType(dtype)); test != nil {
		isNaN = func(x []byte) bool {
			result := []byte{0}
			test(result, [][]byte{x})
			return result[0] != 0
		}
	}
	return func(data []byte, i, j int) bool {
		x, y := element(data, i), element(data, j)
		if isNaN(x) || isNaN(y) {
			return isNaN(x) && !isNaN(y)
		}
		result := []byte{0}
		compare(result, [][]byte{x, y})
		return result[0] != 0
	}
}

func kernelArgMinMax(n *plan.Node) kernelFunc {
	attr, operand := n.Attr.(argAttr), n.Inputs[0].Shape()
	op := compute.OpTypeGreaterThan
	if attr.isMin {
		op = compute.OpTypeLessThan
	}
	precedes := storedComparison(op, operand.DType)
	convert := convertBlock(dtypes.Int64, n.Outputs[0].DType)
	size := n.Outputs[0].DType.Size()
	length := operand.Dimensions[attr.axis]
	step := strides(operand.Dimensions)[attr.axis]
	total := n.Outputs[0].Size()
	return func(b *Backend, in, out [][]byte) {
		perChunk := max(1, 4096/length)
		b.pool.For((total+perChunk-1)/perChunk, func(chunk int) {
			for i := chunk * perChunk; i < min((chunk+1)*perChunk, total); i++ {
				base := i/step*step*length + i%step
				best := 0
				for k := 1; k < length; k++ {
					if precedes(in[0], base+k*step, base+best*step) {
						best = k
					}
				}
				convert(out[0][i*size:][:size], [][]byte{bytesOf([]int64{int64(best)})})
			}
		})
	}
}

func kernelCumSum(n *plan.Node) kernelFunc {
	attr, shape := n.Attr.(cumSumAttr), n.Outputs[0]
	add := storedBlock(compute.OpTypeAdd, shape.DType)
	length, step := shape.Dimensions[attr.axis], strides(shape.Dimensions)[attr.axis]
	size := shape.DType.Size()
	return func(b *Backend, in, out [][]byte) {
		if len(out[0]) == 0 {
			return
		}
		// Rows of step elements, one after the other along the axis, are summed as wholes.
		width := step * size
		b.pool.For(shape.Size()/(length*step), func(i int) {
			x, y := in[0][i*length*width:][:length*width], out[0][i*length*width:][:length*width]
			sum := make([]byte, width)
			args := make([][]byte, 2)
			for k := range length {
				if attr.options.Reverse {
					k = length - 1 - k
				}
				if attr.options.Exclusive {
					copy(y[k*width:], sum)
				}
				args[0], args[1] = sum, x[k*width:][:width]
				add(sum, args)
				if !attr.options.Exclusive {
					copy(y[k*width:], sum)
				}
			}
		})
	}
}
