package kernel

import "unsafe"

// matrixLeft is the left operand of a matrix product, op(A).
type matrixLeft[T float32 | float64] struct {
	a     []T
	ld    int
	trans bool
	pack  bool // copy panels, because A in place would fight for few sets of the caches
}

func (m *matrixLeft[T]) panel(s *scratch[T], i, rows, k0, kc int) (unsafe.Pointer, int, int) {
	dst, size := s.a, sizeOf[T]()
	at := i*m.ld + k0
	if m.trans {
		at = k0*m.ld + i
	}
	src := m.a[min(at, len(m.a)):]
	switch {
	case kc == 0:
		return unsafe.Pointer(&dst[0]), size, size
	case !m.pack && m.trans:
		return unsafe.Pointer(&src[0]), size, m.ld * size
	case !m.pack:
		return unsafe.Pointer(&src[0]), m.ld * size, size
	case m.trans:
		pitch := columnPitch(rows)
		copyBlock(dst, pitch, src, m.ld, kc, rows, rows)
		return unsafe.Pointer(&dst[0]), size, pitch * size
	}
	pitch := (blockBytes + panelPad) / size
	for r := range rows {
		copy(dst[r*pitch:][:kc], src[r*m.ld:])
	}
	return unsafe.Pointer(&dst[0]), pitch * size, size
}

// matrixRight is the right operand of a matrix product, op(B), for micro-kernels of nr columns.
type matrixRight[T float32 | float64] struct {
	b       []T
	ld      int
	trans   bool
	inPlace bool // see readsInPlace
	nr      int
}

func (m *matrixRight[T]) panel(dst []T, k0, kc, j, cols int) (unsafe.Pointer, int) {
	size := sizeOf[T]()
	switch {
	case kc == 0:
	case m.trans:
		if cols < m.nr {
			clear(dst[:kc*m.nr])
		}
		transposeBlock(dst, m.nr, m.b[j*m.ld+k0:], m.ld, cols, kc)
	case m.inPlace:
		return unsafe.Pointer(&m.b[k0*m.ld+j]), m.ld * size
	default:
		copyBlock(dst, m.nr, m.b[k0*m.ld+j:], m.ld, kc, cols, m.nr)
	}
	return unsafe.Pointer(&dst[0]), m.nr * size
}

// halfLeft is matrixLeft for bfloat16.
type halfLeft struct {
	a     []uint16
	ld    int
	trans bool
	pack  bool // as of matrixLeft
}

func (m *halfLeft) panel(s *scratch[uint16], i, rows, k0, kc int) (unsafe.Pointer, int, int) {
	dst := s.a
	switch {
	case kc == 0:
		return unsafe.Pointer(&dst[0]), 4, 4
	case !m.pack && !m.trans && kc%2 == 0: // After an odd last one there has to be a zero.
		return unsafe.Pointer(&m.a[i*m.ld+k0]), m.ld * 2, 4
	case m.trans:
		pitch := columnPitch(rows)
		interleaveBlock(dst, m.a[k0*m.ld+i:], m.ld, kc, rows, pitch)
		return unsafe.Pointer(&dst[0]), 4, pitch * 4
	}
	const pitch = (blockBytes + panelPad) / 2
	for r := range rows {
		row := dst[r*pitch:][:kc+1]
		row[copy(row[:kc], m.a[(i+r)*m.ld+k0:])] = 0
	}
	return unsafe.Pointer(&dst[0]), pitch * 2, 4
}

// packedRight is a right operand whose panels were packed before, each with all rows of B, one after the other.
type packedRight[T element] struct {
	panels   []T
	rows, nr int
}

func (m *packedRight[T]) panel(_ []T, k0, kc, j, cols int) (unsafe.Pointer, int) {
	return unsafe.Pointer(&m.panels[min(j*m.rows+k0*m.nr, len(m.panels)-1)]), m.nr * max(sizeOf[T](), 4)
}

// halfRight is matrixRight for bfloat16.
type halfRight struct {
	b     []uint16
	ld    int
	trans bool
	nr    int
}

func (m *halfRight) panel(dst []uint16, k0, kc, j, cols int) (unsafe.Pointer, int) {
	nr := m.nr
	switch {
	case kc == 0:
	case m.trans:
		transposePairs(dst, m.b[j*m.ld+k0:], m.ld, cols, kc, nr)
	default:
		interleaveBlock(dst, m.b[k0*m.ld+j:], m.ld, kc, cols, nr)
	}
	return unsafe.Pointer(&dst[0]), nr * 4
}
