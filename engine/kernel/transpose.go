package kernel

import "github.com/alike-ml/alike/engine/parallel"

// Transpose writes the transpose of src [rows, cols] to dst [cols, rows], batch times over, matrices packed one after
// the other. dst must not overlap src.
func Transpose(p *parallel.Pool, dst, src []float32, batch, rows, cols int) {
	const block = 64
	if rows == 0 || cols == 0 {
		return
	}
	blocks := (rows + block - 1) / block
	p.For(batch*blocks, func(i int) {
		b, r0 := i/blocks, i%blocks*block
		dst, src := dst[b*rows*cols:][:rows*cols], src[b*rows*cols:][:rows*cols]
		transposeBlock(dst[r0:], rows, src[r0*cols:], cols, min(block, rows-r0), cols)
	})
}
