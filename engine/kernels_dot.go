package engine

import (
	"slices"

	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

// matrix says how an operand of a DotGeneral is seen as a batch of matrices [batch, kept, contracted]: as it lies in memory, with
// the last two axes exchanged if transposed, or, where its axes are interleaved, after a copy.
type matrix struct {
	transposed bool
	repack     *stridedCopy
	elements   int
}

// dotSizes are the sizes of batch @ [m, k] x [k, n].
type dotSizes struct{ batch, m, n, k int }

func newMatrix(v plan.Value, batch, contract []int) (m matrix, batchSize, kept, contracted int) {
	dims := v.Shape().Dimensions
	keptAxes := slices.DeleteFunc(sequence(len(dims)), func(a int) bool {
		return slices.Contains(batch, a) || slices.Contains(contract, a)
	})
	size := func(axes []int) int {
		p := 1
		for _, a := range axes {
			p *= dims[a]
		}
		return p
	}
	m.elements = size(sequence(len(dims)))
	inOrder := func(axes ...[]int) bool {
		// Axes of size one may stand anywhere.
		order := slices.DeleteFunc(slices.Concat(axes...), func(a int) bool { return dims[a] == 1 })
		return slices.IsSorted(order)
	}
	switch {
	case inOrder(batch, keptAxes, contract):
	case inOrder(batch, contract, keptAxes):
		m.transposed = true
	default:
		own := strides(dims)
		c := &stridedCopy{}
		for _, a := range slices.Concat(batch, keptAxes, contract) {
			c.dims = append(c.dims, dims[a])
			c.src.strides = append(c.src.strides, own[a])
		}
		c.dst.strides = strides(c.dims)
		m.repack = c
	}
	return m, size(batch), size(keptAxes), size(contract)
}

// arrange returns the operand's matrices, and the memory to give back afterwards.
func (m matrix) arrange(b *Backend, data []byte, size int) (matrices, borrowed []byte) {
	if m.repack == nil {
		return data, nil
	}
	borrowed = b.heap.get(m.elements * size)
	m.repack.run(b, borrowed, data, size)
	return borrowed, borrowed
}

func kernelDot(n *plan.Node) kernelFunc {
	attr := n.Attr.(dotAttr)
	var s dotSizes
	var lhs, rhs matrix
	lhs, s.batch, s.m, s.k = newMatrix(n.Inputs[0], attr.lhsBatch, attr.lhsContract)
	rhs, _, s.n, _ = newMatrix(n.Inputs[1], attr.rhsBatch, attr.rhsContract)
	dtype := n.Inputs[0].Shape().DType
	size := dtype.Size()
	multiply := gemmFor(dtype, n.Outputs[0].DType)
	if attr.bias || attr.plus {
		multiply = nil
	}
	return func(b *Backend, in, out [][]byte) {
		x, freeX := lhs.arrange(b, in[0], size)
		y, freeY := rhs.arrange(b, in[1], size)
		switch {
		case len(out[0]) == 0:
		case multiply == nil:
			g := s.gemm32(x, y, out[0], lhs.transposed, !rhs.transposed)
			further := in[2:]
			if attr.bias {
				g.Bias, further = as[float32](further[0]), further[1:]
			}
			if attr.plus {
				g.Plus = as[float32](further[0])
			}
			g.Direct = b.plain
			kernel.Gemm32(b.pool, g)
		default:
			multiply(b, s, x, y, out[0], lhs.transposed, !rhs.transposed)
		}
		b.heap.put(freeX)
		b.heap.put(freeY)
	}
}

// gemmFunc multiplies batches of packed matrices: x is [m, k], or [k, m] if transX, y is [k, n], or [n, k] if transY.
type gemmFunc func(b *Backend, s dotSizes, x, y, out []byte, transX, transY bool)

func gemmFor(dtype, out dtypes.DType) gemmFunc {
	switch dtype {
	case dtypes.Float32:
		return gemm32
	case dtypes.Float64:
		return gemm64
	case dtypes.BFloat16:
		return func(b *Backend, s dotSizes, x, y, z []byte, transX, transY bool) {
			gemmBF16(b, s, x, y, z, transX, transY, out)
		}
	case dtypes.Float16:
		return func(b *Backend, s dotSizes, x, y, z []byte, transX, transY bool) {
			gemmF16(b, s, x, y, z, transX, transY, out)
		}
	case dtypes.Int8:
		return gemmInteger[int8]
	case dtypes.Int16:
		return gemmInteger[int16]
	case dtypes.Int32:
		return gemmInteger[int32]
	case dtypes.Int64:
		return gemmInteger[int64]
	case dtypes.Uint8:
		return gemmInteger[uint8]
	case dtypes.Uint16:
		return gemmInteger[uint16]
	case dtypes.Uint32:
		return gemmInteger[uint32]
	}
	return gemmInteger[uint64]
}

func (s dotSizes) rows(transX, transY bool) (ldx, ldy int) {
	ldx, ldy = s.k, s.n
	if transX {
		ldx = s.m
	}
	if transY {
		ldy = s.k
	}
	return max(ldx, 1), max(ldy, 1)
}

func gemm32(b *Backend, s dotSizes, x, y, out []byte, transX, transY bool) {
	g := s.gemm32(x, y, out, transX, transY)
	g.Direct = b.plain
	kernel.Gemm32(b.pool, g)
}

func (s dotSizes) gemm32(x, y, out []byte, transX, transY bool) kernel.Gemm {
	ldx, ldy := s.rows(transX, transY)
	return kernel.Gemm{M: s.m, N: s.n, K: s.k, A: as[float32](x), B: as[float32](y), C: as[float32](out),
		LDA: ldx, LDB: ldy, LDC: s.n, TransA: transX, TransB: transY, Alpha: 1,
		Batch: s.batch, StrideA: s.m * s.k, StrideB: s.k * s.n, StrideC: s.m * s.n}
}

func gemm64(b *Backend, s dotSizes, x, y, out []byte, transX, transY bool) {
	ldx, ldy := s.rows(transX, transY)
	kernel.Gemm64(b.pool, kernel.GemmDouble{M: s.m, N: s.n, K: s.k, A: as[float64](x), B: as[float64](y), C: as[float64](out),
		LDA: ldx, LDB: ldy, LDC: s.n, TransA: transX, TransB: transY, Alpha: 1,
		Batch: s.batch, StrideA: s.m * s.k, StrideB: s.k * s.n, StrideC: s.m * s.n})
}

func gemmBF16(b *Backend, s dotSizes, x, y, out []byte, transX, transY bool, dtype dtypes.DType) {
	ldx, ldy := s.rows(transX, transY)
	g := kernel.GemmHalf{M: s.m, N: s.n, K: s.k, A: as[uint16](x), B: as[uint16](y),
		LDA: ldx, LDB: ldy, LDC: s.n, TransA: transX, TransB: transY, Alpha: 1,
		Batch: s.batch, StrideA: s.m * s.k, StrideB: s.k * s.n, StrideC: s.m * s.n}
	if dtype == dtypes.Float32 {
		g.C = as[float32](out)
	} else {
		g.CHalf = as[uint16](out)
	}
	kernel.GemmBF16(b.pool, g)
}

// gemmF16 widens: there is no kernel for float16.
func gemmF16(b *Backend, s dotSizes, x, y, out []byte, transX, transY bool, dtype dtypes.DType) {
	wideX, wideY := b.widen(x, dtypes.Float16), b.widen(y, dtypes.Float16)
	defer b.heap.put(wideX)
	defer b.heap.put(wideY)
	if dtype == dtypes.Float32 {
		gemm32(b, s, wideX, wideY, out, transX, transY)
		return
	}
	wide := b.heap.get(2 * len(out))
	defer b.heap.put(wide)
	gemm32(b, s, wideX, wideY, wide, transX, transY)
	b.narrow(out, wide, dtype)
}

func gemmInteger[T signed | unsigned](b *Backend, s dotSizes, xb, yb, outb []byte, transX, transY bool) {
	x, y, out := as[T](xb), as[T](yb), as[T](outb)
	xRow, xCol, yRow, yCol := s.k, 1, s.n, 1
	if transX {
		xRow, xCol = 1, s.m
	}
	if transY {
		yRow, yCol = 1, s.k
	}
	b.pool.For(s.batch*s.m, func(i int) {
		batch, row := i/s.m, i%s.m
		x, y, out := x[batch*s.m*s.k+row*xRow:], y[batch*s.k*s.n:], out[i*s.n:][:s.n]
		clear(out)
		for k := range s.k {
			v := x[k*xCol]
			for j := range out {
				out[j] += v * y[k*yRow+j*yCol]
			}
		}
	})
}
