package kernel

import "unsafe"

// element is what matrices hold; uint16 is the bits of a bfloat16.
type element interface{ float32 | float64 | uint16 }

// columnPitch returns the distance between the columns of a panel of A that is packed column by column: of a large panel, each column
// begins a cache line.
func columnPitch(rows int) int {
	if rows > 8 {
		return 16
	}
	return rows
}

func sizeOf[T element]() int { return int(unsafe.Sizeof(*new(T))) }

// lanes32 returns p as the assembly's pointer to 32-bit lanes.
func lanes32[T element](p *T) *uint32 { return (*uint32)(unsafe.Pointer(p)) }

// copyBlock copies rows x cols elements of src to dst and fills dst with zeros from column cols up to column fill. src and dst
// begin at the block's first element; srcLD and dstLD are their row strides.
func copyBlock[T float32 | float64](dst []T, dstLD int, src []T, srcLD, rows, cols, fill int) {
	size := sizeOf[T]()
	if rows == 0 || fill == 0 {
		return
	}
	if ActiveLevel() == AVX512 && size*fill <= 128 {
		_, _ = dst[(rows-1)*dstLD+fill-1], src[(rows-1)*srcLD+cols-1]
		copyRowsAVX512(lanes32(&dst[0]), dstLD*size, lanes32(&src[0]), srcLD*size, rows,
			uint32(1<<(cols*size/4)-1), uint32(1<<(fill*size/4)-1))
		return
	}
	for i := range rows {
		row := dst[i*dstLD:][:fill]
		clear(row[copy(row, src[i*srcLD:][:cols]):])
	}
}

// transposeBlock writes the transpose of rows x cols elements of src to dst, which begin at the block's first element.
func transposeBlock[T float32 | float64 | uint32](dst []T, dstLD int, src []T, srcLD, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	_, _ = dst[(cols-1)*dstLD+rows-1], src[(rows-1)*srcLD+cols-1]
	if size := int(unsafe.Sizeof(*new(T))); ActiveLevel() == AVX512 && size == 4 {
		for i := 0; i < rows; i += 16 {
			transposeStripAVX512((*uint32)(unsafe.Pointer(&dst[i])), dstLD*size,
				(*uint32)(unsafe.Pointer(&src[i*srcLD])), srcLD*size, min(16, rows-i), cols)
		}
		return
	}
	for j0 := 0; j0 < cols; j0 += 16 {
		for i := range rows {
			row := src[i*srcLD:][:cols]
			for j := j0; j < min(j0+16, cols); j++ {
				dst[j*dstLD+i] = row[j]
			}
		}
	}
}

// interleaveBlock packs rows x cols bfloat16 of src by pairs of rows: dst[(i/2*fill+j)*2+i%2] = src[i, j], with zeros for
// columns from cols up to fill and for the row after an odd last one. fill is at most 32.
func interleaveBlock(dst []uint16, src []uint16, srcLD, rows, cols, fill int) {
	if pairs := rows / 2; pairs > 0 {
		_, _ = dst[pairs*fill*2-1], src[(2*pairs-1)*srcLD+cols-1]
		interleaveRowsAVX512(&dst[0], fill*4, &src[0], srcLD*2, pairs, uint32(1<<cols-1), uint32(1<<fill-1))
	}
	if rows%2 == 1 {
		last := dst[(rows-1)*fill:][:2*fill]
		clear(last)
		for j, v := range src[(rows-1)*srcLD:][:cols] {
			last[2*j] = v
		}
	}
}

// transposePairs packs the transpose of rows x cols bfloat16 of src by pairs of columns: dst[(j/2*fill+i)*2+j%2] = src[i, j].
// fill is the number of rows that dst has room for; the others, and the column after an odd last one, become zeros.
func transposePairs(dst []uint16, src []uint16, srcLD, rows, cols, fill int) {
	pairs := (cols + 1) / 2
	if rows < fill || cols%2 == 1 {
		clear(dst[:pairs*fill*2])
	}
	if cols >= 2 {
		_, _ = dst[(cols/2-1)*fill*2+2*rows-1], src[(rows-1)*srcLD+cols-1]
		for i := 0; i < rows; i += 16 {
			transposeStripAVX512(lanes32(&dst[2*i]), fill*4, lanes32(&src[i*srcLD]), srcLD*2, min(16, rows-i), cols/2)
		}
	}
	if cols%2 == 1 {
		for i := range rows {
			dst[(cols/2*fill+i)*2] = src[i*srcLD+cols-1]
		}
	}
}

// gatherSpans copies len(offsets) spans of n elements from src[offset:] to dst[i*ld:]. Offsets are in bytes; a negative one
// stands for zeros. ahead is how many bytes after a span the one lies that the next block will want, 0 if it is not known.
func gatherSpans[T element](dst []T, ld int, src []T, offsets []int, n, ahead int) {
	if len(offsets) == 0 || n == 0 {
		return
	}
	size := sizeOf[T]()
	if ActiveLevel() == AVX512 {
		_ = dst[(len(offsets)-1)*ld+n-1]
		to, from := (*byte)(unsafe.Pointer(&dst[0])), (*byte)(unsafe.Pointer(unsafe.SliceData(src)))
		switch {
		case n*size%4 != 0:
			gatherBytesAVX512(to, ld*size, from, &offsets[0], len(offsets), n*size)
		case n*size <= 64:
			gatherLanesAVX512(to, ld*size, from, &offsets[0], len(offsets), uint32(1<<(n*size/4)-1), ahead)
		default:
			gatherSpansAVX512(to, ld*size, from, &offsets[0], len(offsets), n*size)
		}
		return
	}
	for i, at := range offsets {
		span := dst[i*ld:][:n]
		if at < 0 {
			clear(span)
		} else {
			copy(span, src[at/size:])
		}
	}
}

// gatherPairs writes pairs of bfloat16: dst[i*ld+2*j] and the element after it are src[offsets[2*i]:][j] and
// src[offsets[2*i+1]:][j], for n <= 16 values of j. Offsets are as in gatherSpans, and of an even number.
func gatherPairs(dst []uint16, ld int, src []uint16, offsets []int, n, ahead int) {
	pairs := len(offsets) / 2
	if pairs == 0 || n == 0 {
		return
	}
	_ = dst[(pairs-1)*ld+2*n-1]
	gatherPairsAVX512((*byte)(unsafe.Pointer(&dst[0])), ld*2, (*byte)(unsafe.Pointer(unsafe.SliceData(src))),
		&offsets[0], pairs, uint32(1<<n-1), ahead)
}
