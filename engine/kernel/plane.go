package kernel

import "unsafe"

// plane numbers the pixels of images with a gap of zeros after every line and after every image, so wide that no tap of a
// convolution reaches across it: pixel (n, i, j) has the number (n*height+i)*width + j, and the pixel that a tap (dh, dw) of it
// means has that number plus dh*width + dw, be it inside the image or not.
//
// The weight gradient of a convolution without strides sums over these numbers: so the matrix that is gathered elsewhere lies in
// memory as it is, in a copy of the images with gaps. What a tap finds in a gap of dy is multiplied by zero, so an infinite pixel
// of x makes all weights of its channel NaN.
type plane struct{ images, height, width int }

// planeOf returns the plane for the taps t of a convolution of the given number of images, without strides.
func planeOf(t *taps, images int) plane {
	return plane{
		images: images,
		height: max(t.rows, t.rows+t.maxH, t.height, t.height-t.minH),
		width:  max(t.cols, t.cols+t.maxW, t.width, t.width-t.minW),
	}
}

// each calls body for the spans of numbers in [from, to): count numbers from at on, which are the pixels from the given one on of
// images of rows x cols, or gaps if pixel is -1.
func (l plane) each(from, to, rows, cols int, body func(at, count, pixel int)) {
	for at := from; at < to; {
		count, pixel := min(-at, to-at), -1
		if at >= 0 {
			line, j := at/l.width, at%l.width
			n, i := line/l.height, line%l.height
			count = min(l.width-j, to-at)
			if n < l.images && i < rows && j < cols {
				count, pixel = min(cols-j, to-at), (n*rows+i)*cols+j
			}
		}
		body(at, count, pixel)
		at += count
	}
}

// planeLeft is pixelLeftT with a column for every number of a plane.
type planeLeft struct {
	taps  taps
	plane plane
	image []float32
}

func (m *planeLeft) panel(s *scratch[float32], i, rows, k0, kc int) (unsafe.Pointer, int, int) {
	t, c := &m.taps, m.taps.channels
	lowest, highest := t.minH*m.plane.width+t.minW, t.maxH*m.plane.width+t.maxW
	if s.tap < 0 {
		s.tap = 0
		if n := (kc + highest - lowest) * c; len(s.plane) < n {
			s.plane = make([]float32, n)
		}
		m.plane.each(k0+lowest, k0+kc+highest, t.height, t.width, func(at, count, pixel int) {
			dst := s.plane[(at-k0-lowest)*c:][:count*c]
			if pixel < 0 {
				clear(dst)
			} else {
				copy(dst, m.image[pixel*c:])
			}
		})
	}
	span, pitch := t.run*c, columnPitch(rows)
	for r := 0; r < rows && kc > 0; {
		tap, from := (i+r)/span*t.run, (i+r)%span
		count := min(span-from, rows-r)
		src := s.plane[(t.dh[tap/len(t.dw)]*m.plane.width+t.dw[tap%len(t.dw)]-lowest)*c+from:]
		if count == rows {
			return unsafe.Pointer(&src[0]), 4, 4 * c
		}
		copyBlock(s.a[r:], pitch, src, c, kc, count, count)
		r += count
	}
	return unsafe.Pointer(&s.a[0]), 4, 4 * pitch
}

// planeRight is the right operand beside planeLeft: a row for every number of a plane, zeros for gaps.
type planeRight struct {
	plane        plane
	rows, cols   int // of dy
	dy           []float32
	channels, nr int // of dy; columns of the micro-kernel
}

func (m *planeRight) panel(dst []float32, k0, kc, j, cols int) (unsafe.Pointer, int) {
	nr := m.nr
	m.plane.each(k0, k0+kc, m.rows, m.cols, func(at, count, pixel int) {
		to := dst[(at-k0)*nr:][:count*nr]
		if pixel < 0 {
			clear(to)
		} else {
			copyBlock(to, nr, m.dy[pixel*m.channels+j:], m.channels, count, cols, nr)
		}
	})
	return unsafe.Pointer(&dst[0]), nr * 4
}
