package positive

import "math"

// canvas is a picture as the operations work on it: each row is a line of reds, then one of greens, then one of blues.
// Lines make the loops over pixels loops over contiguous memory, and keep the three channels of a pixel close.
type canvas struct {
	height, width int
	pix           []float32 // [height, 3, width]
}

// resize makes room for height x width pixels, with contents left undefined, and reuses the memory where it can.
func (c *canvas) resize(height, width int) {
	c.height, c.width = height, width
	c.pix = grow(c.pix, height*width*3)
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// row returns row y: width reds, width greens, width blues.
func (c *canvas) row(y int) []float32 { return c.pix[y*3*c.width:][:3*c.width] }

// lines returns the three lines of row y.
func (c *canvas) lines(y int) (r, g, b []float32) {
	row, w := c.row(y), c.width
	return row[:w:w], row[w : 2*w : 2*w], row[2*w:]
}

func (c *canvas) brightness(factor float32) { scaleClamp(c.pix, factor, 0) }

func (c *canvas) contrast(factor float32) {
	scaleClamp(c.pix, factor, float32((1-factor)*c.meanGray()))
}

// meanGray sums a row in float32, so that it vectorises, and the rows in float64, so that large pictures lose nothing.
func (c *canvas) meanGray() float32 {
	var total float64
	for y := range c.height {
		var sum [8]float32
		r, g, b := c.lines(y)
		addGray(&sum, r, g, b)
		for _, s := range sum {
			total += float64(s)
		}
	}
	return float32(total / float64(c.height*c.width))
}

func (c *canvas) saturation(factor float32) {
	for y := range c.height {
		r, g, b := c.lines(y)
		saturate(r, g, b, factor)
	}
}

// hue turns the hue by shift turns.
func (c *canvas) hue(shift float32) {
	sextants := 6 * (float64(shift) - math.Floor(float64(shift))) // in [0, 6], 6 by rounding only
	if sextants >= 5 {
		sextants -= 6
	}
	for y := range c.height {
		r, g, b := c.lines(y)
		rotateHue(r, g, b, float32(sextants))
	}
}

func (c *canvas) grayscale() {
	for y := range c.height {
		r, g, b := c.lines(y)
		dropColour(r, g, b)
	}
}

func (c *canvas) solarize(threshold float32) { solarize(c.pix, threshold) }

func (c *canvas) clamp() { scaleClamp(c.pix, 1, 0) }

// normalize writes (x - mean) / std, computed as scale*x + shift, to dst as pixels.
func (c *canvas) normalize(dst []float32, scale, shift *[3]float32) {
	for y := range c.height {
		r, g, b := c.lines(y)
		interleave(dst[y*3*c.width:][:3*c.width], r, g, b, scale, shift)
	}
}
