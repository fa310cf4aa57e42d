package engine

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

func kernelCopy(_ *Backend, in, out [][]byte) { copy(out[0], in[0]) }

// kernelIota counts along the only axis.
func kernelIota(n *plan.Node) kernelFunc {
	shape := n.Outputs[0]
	convert := convertBlock(dtypes.Int64, shape.DType)
	return func(_ *Backend, _, out [][]byte) {
		counts := make([]int64, shape.Size())
		for i := range counts {
			counts[i] = int64(i)
		}
		if isHalf(shape.DType) {
			wide := make([]float32, len(counts))
			convert(bytesOf(wide), [][]byte{bytesOf(counts)})
			storeHalf(out[0], wide, shape.DType)
			return
		}
		convert(out[0], [][]byte{bytesOf(counts)})
	}
}

func kernelTranspose(n *plan.Node) kernelFunc {
	source, target := n.Inputs[0].Shape(), n.Outputs[0]
	own := strides(source.Dimensions)
	c := stridedCopy{dims: target.Dimensions, dst: side{strides: strides(target.Dimensions)}}
	for _, axis := range n.Attr.(plan.Axes) {
		c.src.strides = append(c.src.strides, own[axis])
	}
	size := target.DType.Size()
	if batch, rows, cols, ok := c.matrices(); ok && size == 4 {
		return func(b *Backend, in, out [][]byte) {
			kernel.Transpose(b.pool, as[float32](out[0]), as[float32](in[0]), batch, rows, cols)
		}
	}
	return func(b *Backend, in, out [][]byte) { c.run(b, out[0], in[0], size) }
}

// matrices reports whether the copy transposes a batch of packed matrices, and their source dimensions.
func (c stridedCopy) matrices() (batch, rows, cols int, ok bool) {
	c = c.collapse()
	if len(c.dims) == 2 {
		c.dims = append([]int{1}, c.dims...)
		c.src.strides = append([]int{c.dims[1] * c.dims[2]}, c.src.strides...)
	}
	if len(c.dims) != 3 {
		return 0, 0, 0, false
	}
	batch, rows, cols = c.dims[0], c.dims[2], c.dims[1]
	return batch, rows, cols, slices.Equal(c.src.strides, []int{rows * cols, 1, cols})
}

func kernelReverse(n *plan.Node) kernelFunc {
	dims := n.Outputs[0].Dimensions
	c := stridedCopy{dims: dims, dst: side{strides: strides(dims)}, src: side{strides: strides(dims)}}
	reversed := make(map[int]bool)
	for _, axis := range n.Attr.(plan.Axes) {
		reversed[axis] = true
	}
	for axis := range reversed {
		c.src.base += (dims[axis] - 1) * c.src.strides[axis]
		c.src.strides[axis] *= -1
	}
	size := n.Outputs[0].DType.Size()
	return func(b *Backend, in, out [][]byte) { c.run(b, out[0], in[0], size) }
}

func kernelSlice(n *plan.Node) kernelFunc {
	attr, dims := n.Attr.(sliceAttr), n.Outputs[0].Dimensions
	c := stridedCopy{dims: dims, dst: side{strides: strides(dims)}, src: side{strides: strides(n.Inputs[0].Shape().Dimensions)}}
	for axis := range dims {
		c.src.base += attr.starts[axis] * c.src.strides[axis]
		c.src.strides[axis] *= attr.strides[axis]
	}
	size := n.Outputs[0].DType.Size()
	return func(b *Backend, in, out [][]byte) { c.run(b, out[0], in[0], size) }
}

func kernelConcatenate(n *plan.Node) kernelFunc {
	axis, size := n.Attr.(int), n.Outputs[0].DType.Size()
	target := strides(n.Outputs[0].Dimensions)
	var copies []stridedCopy
	at := 0
	for _, v := range n.Inputs {
		dims := v.Shape().Dimensions
		copies = append(copies, stridedCopy{dims: dims, dst: side{at * target[axis], target}, src: side{strides: strides(dims)}})
		at += dims[axis]
	}
	return func(b *Backend, in, out [][]byte) {
		for i, c := range copies {
			c.run(b, out[0], in[i], size)
		}
	}
}

func kernelPad(n *plan.Node) kernelFunc {
	source, target := n.Inputs[0].Shape().Dimensions, n.Outputs[0].Dimensions
	c := stridedCopy{dims: slices.Clone(source), dst: side{strides: strides(target)}, src: side{strides: strides(source)}}
	for axis, p := range n.Attr.(padAttr) {
		// Element i of the source goes to place Start + i * step; those that have a place are first, ..., last.
		step := p.Interior + 1
		first := max(0, (-p.Start+step-1)/step)
		last := min(source[axis]-1, floorDiv(target[axis]-1-p.Start, step))
		c.dims[axis] = max(0, last-first+1)
		c.src.base += first * c.src.strides[axis]
		c.dst.base += (p.Start + first*step) * c.dst.strides[axis]
		c.dst.strides[axis] *= step
	}
	size := n.Outputs[0].DType.Size()
	return func(b *Backend, in, out [][]byte) {
		repeat(out[0], in[1])
		c.run(b, out[0], in[0], size)
	}
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func kernelDynamicSlice(n *plan.Node) kernelFunc {
	operand, window := n.Inputs[0].Shape(), n.Outputs[0].Dimensions
	starts := readersOf(n.Inputs[1:])
	return func(b *Backend, in, out [][]byte) {
		c := stridedCopy{dims: window, dst: side{strides: strides(window)}, src: side{strides: strides(operand.Dimensions)}}
		c.src.base = windowStart(operand.Dimensions, window, in[1:], starts)
		c.run(b, out[0], in[0], operand.DType.Size())
	}
}

func kernelDynamicUpdateSlice(n *plan.Node) kernelFunc {
	operand, window := n.Inputs[0].Shape(), n.Inputs[1].Shape().Dimensions
	starts := readersOf(n.Inputs[2:])
	return func(b *Backend, in, out [][]byte) {
		copy(out[0], in[0])
		c := stridedCopy{dims: window, dst: side{strides: strides(operand.Dimensions)}, src: side{strides: strides(window)}}
		c.dst.base = windowStart(operand.Dimensions, window, in[2:], starts)
		c.run(b, out[0], in[1], operand.DType.Size())
	}
}

// windowStart returns the flat index of a window's first element, moved so that the window fits.
func windowStart(dims, window []int, in [][]byte, read []reader) int {
	base := 0
	for axis, step := range strides(dims) {
		base += min(max(read[axis](in[axis], 0), 0), dims[axis]-window[axis]) * step
	}
	return base
}

// reader returns element i of an integer tensor.
type reader func(data []byte, i int) int

func readersOf(in []plan.Value) []reader {
	var all []reader
	for _, v := range in {
		all = append(all, readerOf(v.Shape().DType))
	}
	return all
}

func readerOf(dtype dtypes.DType) reader {
	switch dtype {
	case dtypes.Int8:
		return readInt[int8]
	case dtypes.Int16:
		return readInt[int16]
	case dtypes.Int32:
		return readInt[int32]
	case dtypes.Int64:
		return readInt[int64]
	case dtypes.Uint8:
		return readInt[uint8]
	case dtypes.Uint16:
		return readInt[uint16]
	case dtypes.Uint32:
		return readInt[uint32]
	}
	return readInt[uint64]
}

func readInt[T signed | unsigned](data []byte, i int) int { return int(as[T](data)[i]) }

// scatterCombiner is how a scatter joins an update with what is there.
var scatterCombiner = map[compute.OpType]compute.OpType{
	compute.OpTypeScatterSum: compute.OpTypeAdd,
	compute.OpTypeScatterMax: compute.OpTypeMax,
	compute.OpTypeScatterMin: compute.OpTypeMin,
}

// windows describes the windows that a Gather reads or a Scatter updates: for each index vector, a window of operand, and its
// place in the other tensor (the output, or the updates).
type windows struct {
	vectors      plan.View // of the indices, without the vector axis
	vectorStep   int       // between the elements of a vector
	axes         []int     // operand axis of each element
	operand      []int     // operand dimensions
	size         []int     // of a window, by operand axis
	batchStrides []int     // of the other tensor, by axis of vectors
	otherStrides []int     // of the other tensor, by operand axis
	read         reader
}

func newWindows(indices, operand, other plan.Value, vectorAxis int, windowAxes, collapsed, axes []int) windows {
	w := windows{axes: axes, operand: operand.Shape().Dimensions, read: readerOf(indices.Shape().DType), vectorStep: 1}
	dims, own := indices.Shape().Dimensions, strides(indices.Shape().Dimensions)
	for i := range dims {
		if i == vectorAxis {
			w.vectorStep = own[i]
			continue
		}
		w.vectors.Dims = append(w.vectors.Dims, dims[i])
		w.vectors.Strides = append(w.vectors.Strides, own[i])
	}
	otherDims, otherOwn := other.Shape().Dimensions, strides(other.Shape().Dimensions)
	for i := range otherDims {
		if !slices.Contains(windowAxes, i) {
			w.batchStrides = append(w.batchStrides, otherOwn[i])
		}
	}
	next := 0
	for axis := range w.operand {
		if slices.Contains(collapsed, axis) {
			w.size, w.otherStrides = append(w.size, 1), append(w.otherStrides, 0)
			continue
		}
		w.size = append(w.size, otherDims[windowAxes[next]])
		w.otherStrides = append(w.otherStrides, otherOwn[windowAxes[next]])
		next++
	}
	return w
}

// start returns the flat operand index of the window that the vector at the given place of indices names, and whether it fits; with
// clamp, it is moved to fit.
func (w windows) start(indices []byte, at int, clamp bool) (base int, fits bool) {
	step := strides(w.operand)
	for k, axis := range w.axes {
		i := w.read(indices, at+k*w.vectorStep)
		if limit := w.operand[axis] - w.size[axis]; clamp {
			i = min(max(i, 0), limit)
		} else if i < 0 || i > limit {
			return 0, false
		}
		base += i * step[axis]
	}
	return base, true
}

func kernelGather(n *plan.Node) kernelFunc {
	attr := n.Attr.(gatherAttr)
	w := newWindows(n.Inputs[1], n.Inputs[0], n.Value(0), attr.vectorAxis, attr.offsetAxes, attr.collapsed, attr.startMap)
	count, size := w.vectors.Size(), n.Outputs[0].DType.Size()
	window := stridedCopy{dims: w.size, dst: side{strides: w.otherStrides}, src: side{strides: strides(w.operand)}}
	perChunk := max(1, chunkElements/max(1, plan.View{Dims: w.size}.Size()))
	serial := &Backend{} // without a pool: the windows themselves are spread over the workers
	return func(b *Backend, in, out [][]byte) {
		if len(out[0]) == 0 {
			return
		}
		b.pool.For((count+perChunk-1)/perChunk, func(chunk int) {
			from := newWalker(w.vectors, chunk*perChunk)
			to := newWalker(plan.View{Dims: w.vectors.Dims, Strides: w.batchStrides}, chunk*perChunk)
			for range min(perChunk, count-chunk*perChunk) {
				c := window
				c.src.base, _ = w.start(in[1], from.offset, true)
				c.dst.base = to.offset
				c.run(serial, out[0], in[0], size)
				from.next()
				to.next()
			}
		})
	}
}

// kernelScatter applies the updates one after the other: they may meet.
func kernelScatter(n *plan.Node) kernelFunc {
	attr := n.Attr.(scatterAttr)
	w := newWindows(n.Inputs[1], n.Inputs[0], n.Inputs[2], attr.vectorAxis, attr.windowAxes, attr.inserted, attr.operandOf)
	dtype := n.Outputs[0].DType
	combine := storedBlock(scatterCombiner[n.Op], dtype)
	size := dtype.Size()
	rows := stridedCopy{dims: w.size, dst: side{strides: strides(w.operand)}, src: side{strides: w.otherStrides}}.collapse()
	inner := len(rows.dims) - 1
	width, contiguous := rows.dims[inner], rows.dst.strides[inner] == 1 && rows.src.strides[inner] == 1
	if !contiguous {
		inner, width = inner+1, 1
	}
	return func(_ *Backend, in, out [][]byte) {
		copy(out[0], in[0])
		if len(in[2]) == 0 {
			return
		}
		at := newWalker(w.vectors, 0)
		from := newWalker(plan.View{Dims: w.vectors.Dims, Strides: w.batchStrides}, 0)
		args := make([][]byte, 2)
		for range w.vectors.Size() {
			if base, fits := w.start(in[1], at.offset, false); fits {
				dst := newWalker(plan.View{Dims: rows.dims[:inner], Strides: rows.dst.strides[:inner]}, 0)
				src := newWalker(plan.View{Dims: rows.dims[:inner], Strides: rows.src.strides[:inner]}, 0)
				for range (plan.View{Dims: rows.dims[:inner]}).Size() {
					d := out[0][(base+dst.offset)*size:][:width*size]
					args[0], args[1] = d, in[2][(from.offset+src.offset)*size:][:width*size]
					combine(d, args)
					dst.next()
					src.next()
				}
			}
			at.next()
			from.next()
		}
	}
}

// storedBlock returns the function of an operation on elements as they lie in memory, not in register type.
func storedBlock(op compute.OpType, dtype dtypes.DType) blockFunc {
	f := blockFor(op, dtype, dtype)
	if !isHalf(dtype) {
		return f
	}
	return func(dst []byte, args [][]byte) {
		wide := make([][]byte, len(args))
		for i, a := range args {
			x := make([]float32, len(a)/2)
			loadHalf(x, a, dtype)
			wide[i] = bytesOf(x)
		}
		f(wide[0], wide)
		storeHalf(dst, as[float32](wide[0]), dtype)
	}
}
