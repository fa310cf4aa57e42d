package engine

import (
	"github.com/alike-ml/alike/engine/plan"
)

// stridedCopy copies elements between two tensors: element (i0, i1, ...) of dims goes from src.base + sum(ik * src.strides[k]) to
// the same place of dst. Transposing, slicing, reversing, padding and joining are all such copies.
type stridedCopy struct {
	dims     []int
	dst, src side
}

type side struct {
	base    int
	strides []int
}

// strides returns those of a row-major tensor.
func strides(dims []int) []int { return plan.DenseView(dims).Strides }

// run copies elements of the given size.
func (c stridedCopy) run(b *Backend, dst, src []byte, size int) {
	switch size {
	case 1:
		copyStrided(b, c, dst, src)
	case 2:
		copyStrided(b, c, as[uint16](dst), as[uint16](src))
	case 4:
		copyStrided(b, c, as[uint32](dst), as[uint32](src))
	case 8:
		copyStrided(b, c, as[uint64](dst), as[uint64](src))
	}
}

func copyStrided[T unsigned](b *Backend, c stridedCopy, dst, src []T) {
	c = c.collapse()
	inner := len(c.dims) - 1
	width, dstStep, srcStep := c.dims[inner], c.dst.strides[inner], c.src.strides[inner]
	outer := c.dims[:inner]
	rows := plan.View{Dims: outer}.Size()
	if rows == 0 || width == 0 {
		return
	}
	perChunk := max(1, chunkElements/width)
	b.pool.For((rows+perChunk-1)/perChunk, func(chunk int) {
		to := newWalker(plan.View{Dims: outer, Strides: c.dst.strides[:inner]}, chunk*perChunk)
		from := newWalker(plan.View{Dims: outer, Strides: c.src.strides[:inner]}, chunk*perChunk)
		for range min(perChunk, rows-chunk*perChunk) {
			d, s := c.dst.base+to.offset, c.src.base+from.offset
			if dstStep == 1 && srcStep == 1 {
				copy(dst[d:d+width], src[s:s+width])
			} else {
				for i := range width {
					dst[d+i*dstStep] = src[s+i*srcStep]
				}
			}
			to.next()
			from.next()
		}
	})
}

// collapse drops axes of size one and merges neighbours that both sides walk as one. At least one axis stays.
func (c stridedCopy) collapse() stridedCopy {
	out := stridedCopy{dst: side{base: c.dst.base}, src: side{base: c.src.base}}
	for i, d := range c.dims {
		if d == 1 {
			continue
		}
		last := len(out.dims) - 1
		if last >= 0 && out.dst.strides[last] == c.dst.strides[i]*d && out.src.strides[last] == c.src.strides[i]*d {
			out.dims[last] *= d
			out.dst.strides[last], out.src.strides[last] = c.dst.strides[i], c.src.strides[i]
			continue
		}
		out.dims = append(out.dims, d)
		out.dst.strides = append(out.dst.strides, c.dst.strides[i])
		out.src.strides = append(out.src.strides, c.src.strides[i])
	}
	if len(out.dims) == 0 {
		out.dims, out.dst.strides, out.src.strides = []int{1}, []int{1}, []int{1}
	}
	return out
}
