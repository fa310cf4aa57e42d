package kernel

import "unsafe"

// linesLeft is pixelLeft for short rows, read in place: a few lines of the image at a time are copied with their padding, and there
// the channels under a line of the window lie side by side, one window's beside the next. A panel never leaves its line of the
// grid, and the micro-kernel goes from one line of the window to the next by itself (tile.segments).
type linesLeft[T element] struct {
	taps  taps
	image []T
	width int // of a copied line, in pixels
	lines int // of the grid, for which lines are copied at a time
}

// onLines makes pr, a product whose left operand is gathered, read it in place, if a row of it is one block of k and a panel is
// most of a micro-kernel's.
func onLines[T element](pr *product[T]) {
	gathered := pr.a.(*pixelLeft[T])
	t, size := gathered.taps, sizeOf[T]()
	if len(t.dh)*len(t.dw) < 2 || t.channels != t.depth || t.run != len(t.dw) || t.cols < 7 || t.cols > halfRows ||
		pr.k*size > blockBytes || pr.micro.pairs && t.run*t.channels%2 == 1 {
		return
	}
	const copied = 24 << 10 // bytes, half of L1
	m := &linesLeft[T]{taps: t, image: gathered.image, width: (t.cols-1)*t.strideW + t.maxW - t.minW + 1}
	bytes := m.width * t.depth * size
	m.lines = max(1, min(copied/(bytes*t.strideH), t.rows))
	pr.a, pr.line, pr.segments = m, t.cols, len(t.dh)
	if len(t.dh) > 1 { // The dh are an arithmetic progression.
		pr.aNext = (t.dh[1]-t.dh[0])*bytes - t.run*t.channels*size
	}
}

func (m *linesLeft[T]) panel(s *scratch[T], i, rows, k0, kc int) (unsafe.Pointer, int, int) {
	t := &m.taps
	n, y, x := t.split(i)
	y0 := y / m.lines * m.lines
	if first := n*t.rows + y0; s.tap != first {
		s.tap = first
		m.copyLines(s, n, y0)
	}
	at := ((y-y0)*t.strideH*m.width + x*t.strideW) * t.depth
	return unsafe.Pointer(&s.plane[at]), t.strideW * t.depth * sizeOf[T](), 4
}

// copyLines copies what the taps of the lines from y0 on meet to s.plane.
func (m *linesLeft[T]) copyLines(s *scratch[T], n, y0 int) {
	t := &m.taps
	first, last := y0*t.strideH+t.minH, (min(y0+m.lines, t.rows)-1)*t.strideH+t.maxH
	pitch := m.width * t.depth
	if size := (last - first + 1) * pitch; len(s.plane) < size {
		s.plane = make([]T, size)
	}
	begin, end := max(0, t.minW), min(t.width, t.minW+m.width)
	for h := first; h <= last; h++ {
		line := s.plane[(h-first)*pitch:][:pitch]
		if h < 0 || h >= t.height || begin >= end {
			clear(line)
			continue
		}
		from, to := (begin-t.minW)*t.depth, (end-t.minW)*t.depth
		clear(line[:from])
		copy(line[from:to], m.image[((n*t.height+h)*t.width+begin)*t.depth:])
		clear(line[to:])
	}
}
