package kernel

import (
	"slices"
	"unsafe"
)

// taps says which pixels of an image each row of an implicit matrix is made of. Row (n, i, j) of the grid
// [images, rows, cols] holds, for every pair of dh and dw, the channels [first, first+channels) of the pixel
//
//	(i*strideH + dh, j*strideW + dw) of image n,
//
// or zeros where there is no such pixel. Its columns are numbered (tap of h, tap of w, channel).
type taps struct {
	rows, cols       int // of the grid
	strideH, strideW int
	dh, dw           []int

	height, width, depth int // of the image; depth is all its channels
	first, channels      int

	run int // taps of one dh whose channels lie side by side in the image: all or one

	// For pixels whose taps all lie inside the image: where the taps are from the pixel's own place, in elements, and the
	// extremes of dh and dw.
	deltas                 []int
	minH, maxH, minW, maxW int
}

// prepare computes run, deltas and extremes.
func (t taps) prepare() taps {
	t.run = 1
	if t.channels == t.depth && len(t.dw) > 1 && t.dw[len(t.dw)-1]-t.dw[0] == len(t.dw)-1 {
		t.run = len(t.dw) // They ascend by one.
	}
	if len(t.dh) == 0 || len(t.dw) == 0 {
		return t
	}
	for _, dh := range t.dh {
		for _, dw := range t.dw {
			t.deltas = append(t.deltas, (dh*t.width+dw)*t.depth)
		}
	}
	t.minH, t.maxH, t.minW, t.maxW = slices.Min(t.dh), slices.Max(t.dh), slices.Min(t.dw), slices.Max(t.dw)
	return t
}

// split returns the image, row and column of a row of the implicit matrix.
func (t *taps) split(row int) (n, i, j int) {
	n, row = row/(t.rows*t.cols), row%(t.rows*t.cols)
	return n, row / t.cols, row % t.cols
}

// forwardTaps returns the taps of group g of the convolution.
func (s ConvShape) forwardTaps(g int) taps {
	t := taps{
		rows: s.OutH(), cols: s.OutW(), strideH: s.StrideH, strideW: s.StrideW,
		dh: make([]int, s.R), dw: make([]int, s.S),
		height: s.H, width: s.W, depth: s.C, first: g * (s.C / s.Groups), channels: s.C / s.Groups,
	}
	for r := range t.dh {
		t.dh[r] = r*s.DilH - s.PadTop
	}
	for i := range t.dw {
		t.dw[i] = i*s.DilW - s.PadLeft
	}
	return t.prepare()
}

// gradTaps returns the taps of dy that make the pixels (h0 + i*StrideH, w0 + j*StrideW) of dx, and which rows rs and columns ss
// of the weights they meet.
func (s ConvShape) gradTaps(g, h0, w0 int) (t taps, rs, ss []int) {
	t = taps{
		rows: (s.H - h0 + s.StrideH - 1) / s.StrideH, cols: (s.W - w0 + s.StrideW - 1) / s.StrideW, strideH: 1, strideW: 1,
		height: s.OutH(), width: s.OutW(), depth: s.K, first: g * (s.K / s.Groups), channels: s.K / s.Groups,
	}
	rs, t.dh = meetingTaps(h0+s.PadTop, s.R, s.StrideH, s.DilH)
	ss, t.dw = meetingTaps(w0+s.PadLeft, s.S, s.StrideW, s.DilW)
	return t.prepare(), rs, ss
}

// meetingTaps returns the window positions r for which some output position o has o*stride + r*dilation == at, and those o,
// which ascend.
func meetingTaps(at, window, stride, dilation int) (rs, os []int) {
	for r := window - 1; r >= 0; r-- {
		if d := at - r*dilation; d%stride == 0 {
			rs, os = append(rs, r), append(os, d/stride)
		}
	}
	return rs, os
}

// offsets writes, for every tap of row (n, i, j) of the grid, where its channels begin in the image, in bytes of elements of the
// given size, or -1 where there is no pixel.
func (t *taps) offsets(dst []int, n, i, j, size int) {
	h0, w0 := i*t.strideH, j*t.strideW
	if h0+t.minH >= 0 && h0+t.maxH < t.height && w0+t.minW >= 0 && w0+t.maxW < t.width {
		pixel := (((n*t.height+h0)*t.width+w0)*t.depth + t.first) * size
		for q, d := range t.deltas {
			dst[q] = pixel + d*size
		}
		return
	}
	q := 0
	for _, dh := range t.dh {
		h := h0 + dh
		if uint(h) >= uint(t.height) {
			for range t.dw {
				dst[q] = -1
				q++
			}
			continue
		}
		line := (((n*t.height+h)*t.width+w0)*t.depth + t.first) * size
		for _, dw := range t.dw {
			dst[q] = line + dw*t.depth*size
			if uint(w0+dw) >= uint(t.width) {
				dst[q] = -1
			}
			q++
		}
	}
}

// next returns the row of the grid after (n, i, j).
func (t *taps) next(n, i, j int) (int, int, int) {
	if j++; j < t.cols {
		return n, i, j
	}
	if i++; i < t.rows {
		return n, i, 0
	}
	return n + 1, 0, 0
}

// tapOffsets writes the same for one tap and many rows.
func (t *taps) tapOffsets(dst []int, row, tap, size int) {
	dh, dw := t.dh[tap/len(t.dw)], t.dw[tap%len(t.dw)]
	n, i, j := t.split(row)
	for len(dst) > 0 {
		h := i*t.strideH + dh
		line := (n*t.height+h)*t.width*t.depth + t.first
		count := min(len(dst), t.cols-j)
		inside := uint(h) < uint(t.height)
		for q := range count {
			w := (j+q)*t.strideW + dw
			dst[q] = -1
			if inside && uint(w) < uint(t.width) {
				dst[q] = (line + w*t.depth) * size
			}
		}
		dst, j = dst[count:], 0
		if i++; i == t.rows {
			n, i = n+1, 0
		}
	}
}

// pixelLeft is the implicit matrix of taps as left operand: a row for every pixel of the grid.
type pixelLeft[T element] struct {
	taps  taps
	image []T
}

func (m *pixelLeft[T]) panel(s *scratch[T], i, rows, k0, kc int) (unsafe.Pointer, int, int) {
	size := sizeOf[T]()
	pitch := (blockBytes + panelPad) / size
	t := &m.taps
	if len(t.dh)*len(t.dw) == 0 {
		kc = 0
	}
	var h, w, pixels [16]int // of the rows: the place of their pixel, and where its channels begin
	var offsets [16]int
	n, y, x := t.split(i)
	for r := range rows {
		h[r], w[r] = y*t.strideH, x*t.strideW
		pixels[r] = ((n*t.height+h[r])*t.width+w[r])*t.depth + t.first
		n, y, x = t.next(n, y, x)
	}
	span := t.run * t.channels
	for k := k0; k < k0+kc; {
		tap, from := k/span*t.run, k%span
		count := min(span-from, k0+kc-k)
		dh, dw := t.dh[tap/len(t.dw)], t.dw[tap%len(t.dw)]
		start := (dh*t.width+dw)*t.depth + from
		ragged := false
		for r := range rows {
			offsets[r] = (pixels[r] + start) * size
			if uint(h[r]+dh) >= uint(t.height) {
				offsets[r] = -1
			} else if left := w[r] + dw; left < 0 || left+t.run > t.width {
				offsets[r] = -1
				ragged = true
			}
		}
		dst := s.a[k-k0:]
		gatherSpans(dst, pitch, m.image, offsets[:rows], count, 0)
		for r := 0; ragged && r < rows; r++ {
			if left := w[r] + dw; offsets[r] < 0 && uint(h[r]+dh) < uint(t.height) {
				begin := max(from, min(-left, t.run)*t.channels)
				end := min(from+count, (t.width-left)*t.channels)
				if begin < end {
					copy(dst[r*pitch+begin-from:], m.image[pixels[r]+start+begin-from:][:end-begin])
				}
			}
		}
		k += count
	}
	if size == 2 {
		for r := range rows {
			s.a[r*pitch+kc] = 0 // The second of the last pair.
		}
		return unsafe.Pointer(&s.a[0]), pitch * size, 4
	}
	return unsafe.Pointer(&s.a[0]), pitch * size, size
}

// tapsOffsets returns room for n offsets.
func (s *scratch[T]) tapsOffsets(n int) []int {
	if len(s.offsets) < n {
		s.offsets = make([]int, n)
	}
	return s.offsets[:n]
}

// prefetchBytes is the most that a weight gradient prefetches into L2 for its next block of pixels.
const prefetchBytes = 256 << 10

// pixelLeftT is the transpose of the implicit matrix as left operand: a column for every pixel of the grid.
type pixelLeftT[T element] struct {
	taps  taps
	image []T
}

func (m *pixelLeftT[T]) panel(s *scratch[T], i, rows, k0, kc int) (unsafe.Pointer, int, int) {
	size, pitch := sizeOf[T](), columnPitch(rows)
	c := m.taps.channels
	ahead := kc * m.taps.strideH * m.taps.strideW * m.taps.depth * size
	if ahead > prefetchBytes {
		ahead = 0
	}
	even := (kc + 1) &^ 1
	for r := 0; r < rows && kc > 0; {
		tap, from := (i+r)/c, (i+r)%c
		n := min(c-from, rows-r)
		offsets := s.tapsOffsets(even)
		if s.tap != tap {
			offsets[even-1] = -1
			m.taps.tapOffsets(offsets[:kc], k0, tap, size)
			s.tap = tap
		}
		image := m.image[min(from, len(m.image)):]
		switch dst := any(s.a).(type) {
		case []uint16:
			gatherPairs(dst[2*r:], 2*pitch, any(image).([]uint16), offsets, n, ahead)
		default:
			gatherSpans(s.a[r:], pitch, image, offsets[:kc], n, ahead)
		}
		r += n
	}
	if size == 2 {
		return unsafe.Pointer(&s.a[0]), 4, pitch * 4
	}
	return unsafe.Pointer(&s.a[0]), size, pitch * size
}

// tapRight is the right operand of an input gradient: the weights that the taps (rs, ss) meet, transposed to
// [taps, K/Groups, C/Groups]. w begins at the group's first output channel.
type tapRight[T float32 | uint16] struct {
	w      []T
	s      ConvShape
	rs, ss []int
	nr     int
}

func (m *tapRight[T]) panel(dst []T, k0, kc, j, cols int) (unsafe.Pointer, int) {
	cg, kg := m.s.C/m.s.Groups, m.s.K/m.s.Groups
	if cols < m.nr {
		clear(dst[:kc*m.nr])
	}
	for k := k0; k < k0+kc; {
		tap, from := k/kg, k%kg
		n := min(kg-from, k0+kc-k)
		r, s := m.rs[tap/len(m.ss)], m.ss[tap%len(m.ss)]
		to, w := dst[(k-k0)*m.nr:], m.w[((r*m.s.S+s)*cg+j)*m.s.K+from:]
		switch to := any(to).(type) {
		case []float32:
			transposeBlock(to, m.nr, any(w).([]float32), m.s.K, cols, n)
		case []uint16: // K/Groups is even, and so is n.
			transposePairs(to, any(w).([]uint16), m.s.K, cols, n, m.nr)
		}
		k += n
	}
	return unsafe.Pointer(&dst[0]), m.nr * 4
}
