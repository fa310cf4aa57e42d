package engine

import (
	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

// rowChunks runs over chunks of rows of float32 or 16-bit floats, which are widened a chunk at a time.
type rowChunks struct {
	rows, cols, perChunk int
	dtype                dtypes.DType
}

func newRowChunks(v plan.Value) rowChunks {
	shape := v.Shape()
	cols := shape.Dimensions[shape.Rank()-1]
	return rowChunks{rows: shape.Size() / max(cols, 1), cols: cols, perChunk: max(1, chunkElements/max(cols, 1)), dtype: shape.DType}
}

func (c rowChunks) count() int { return (c.rows + c.perChunk - 1) / c.perChunk }

// span returns the rows [from, to) of chunk i.
func (c rowChunks) span(i int) (from, to int) { return i * c.perChunk, min((i+1)*c.perChunk, c.rows) }

// read returns the rows [from, to) of a tensor as float32: in place, or widened into scratch.
func (c rowChunks) read(data, scratch []byte, from, to int) []float32 {
	size := c.dtype.Size()
	data = data[from*c.cols*size : to*c.cols*size]
	if !isHalf(c.dtype) {
		return as[float32](data)
	}
	wide := as[float32](scratch)[:len(data)/2]
	loadHalf(wide, data, c.dtype)
	return wide
}

// target returns where to write the rows [from, to), and what to call afterwards.
func (c rowChunks) target(data, scratch []byte, from, to int) (rows []float32, done func()) {
	size := c.dtype.Size()
	data = data[from*c.cols*size : to*c.cols*size]
	if !isHalf(c.dtype) {
		return as[float32](data), func() {}
	}
	wide := as[float32](scratch)[:len(data)/2]
	return wide, func() { storeHalf(data, wide, c.dtype) }
}

// vector returns a vector of columns as float32, in memory of its own if it must be widened.
func (c rowChunks) vector(data []byte) []float32 {
	if !isHalf(c.dtype) {
		return as[float32](data)
	}
	wide := make([]float32, len(data)/2)
	loadHalf(wide, data, c.dtype)
	return wide
}

func kernelLayerNormTrain(n *plan.Node) kernelFunc {
	c, epsilon := newRowChunks(n.Inputs[0]), float32(n.Attr.(plan.LayerNorm).Epsilon)
	return func(b *Backend, in, out [][]byte) {
		gamma, beta := c.vector(in[1]), c.vector(in[2])
		mean, rstd := as[float32](out[1]), as[float32](out[2])
		b.pool.For(c.count(), func(i int) {
			from, to := c.span(i)
			scratch := b.heap.get(4 * c.perChunk * c.cols)
			x := c.read(in[0], scratch, from, to)
			y, done := c.target(out[0], scratch, from, to)
			kernel.LayerNorm(nil, y, x, gamma, beta, mean[from:to], rstd[from:to], to-from, c.cols, epsilon)
			done()
			b.heap.put(scratch)
		})
	}
}

// kernelLayerNormGrad adds the chunks' gradients of gamma and beta in order.
func kernelLayerNormGrad(n *plan.Node) kernelFunc {
	c := newRowChunks(n.Inputs[0])
	return func(b *Backend, in, out [][]byte) {
		gamma, mean, rstd := c.vector(in[2]), as[float32](in[3]), as[float32](in[4])
		memory := b.heap.get(4 * 2 * c.cols * (c.count() + 1))
		partial := as[float32](memory)
		b.pool.For(c.count(), func(i int) {
			from, to := c.span(i)
			bytes := 4 * c.perChunk * c.cols
			scratch := b.heap.get(2 * bytes)
			x, dy := c.read(in[0], scratch, from, to), c.read(in[1], scratch[bytes:], from, to)
			dx, done := c.target(out[0], scratch, from, to)
			own := partial[2*(i+1)*c.cols:]
			kernel.LayerNormGrad(nil, dx, own[:c.cols], own[c.cols:], x, dy, gamma, mean[from:to], rstd[from:to], to-from, c.cols)
			done()
			b.heap.put(scratch)
		})
		sum := partial[:2*c.cols]
		clear(sum)
		for i := range c.count() {
			kernel.Add(sum, sum, partial[2*(i+1)*c.cols:][:2*c.cols])
		}
		for i, half := range [][]float32{sum[:c.cols], sum[c.cols:]} {
			if isHalf(c.dtype) {
				storeHalf(out[1+i], half, c.dtype)
			} else {
				copy(as[float32](out[1+i]), half)
			}
		}
		b.heap.put(memory)
	}
}
