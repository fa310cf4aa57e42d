package kernel

import "github.com/alike-ml/alike/engine/parallel"

// Transpose writes the transpose of src [rows, cols] to dst [cols, rows], batch times over, matrices packed one after
// the other. dst must not overlap src.
func Transpose(p *parallel.Pool, dst, src []float32, batch, rows, cols int) {
	const block = 32
	blocks := (rows + block - 1) / block
	p.For(batch*blocks, func(i int) {
		b, r0 := i/blocks, i%blocks*block
		dst, src := dst[b*rows*cols:][:rows*cols], src[b*rows*cols:][:rows*cols]
		for c0 := 0; c0 < cols; c0 += block {
			for r := r0; r < min(r0+block, rows); r++ {
				for c := c0; c < min(c0+block, cols); c++ {
					dst[c*rows+r] = src[r*cols+c]
				}
			}
		}
	})
}
