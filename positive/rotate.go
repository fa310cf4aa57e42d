package positive

import "math"

// rotate writes src turned by the angle, in degrees counter-clockwise about its centre, to dst: bilinear, black outside, or
// the nearest pixel of src.
func rotate(dst, src *canvas, degrees float64, edge bool) {
	dst.resize(src.height, src.width)
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	cx, cy := float64(src.width-1)/2, float64(src.height-1)/2
	for y := range dst.height {
		r, g, b := dst.lines(y)
		for x := range dst.width {
			// Where the pixel came from: the inverse turn, with the y axis pointing down.
			dx, dy := float64(x)-cx, float64(y)-cy
			fromX, fromY := cx+float64(cos*dx)-float64(sin*dy), cy+float64(sin*dx)+float64(cos*dy)
			if edge {
				fromX, fromY = min(max(fromX, 0), float64(src.width-1)), min(max(fromY, 0), float64(src.height-1))
			}
			r[x], g[x], b[x] = src.at(fromX, fromY)
		}
	}
}

// at interpolates the pixel at (x, y) bilinearly. Pixels outside are black.
func (c *canvas) at(x, y float64) (r, g, b float32) {
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	fx, fy := float32(x-float64(x0)), float32(y-float64(y0))
	for _, corner := range [...]struct {
		x, y   int
		weight float32
	}{
		{x0, y0, (1 - fx) * (1 - fy)}, {x0 + 1, y0, fx * (1 - fy)},
		{x0, y0 + 1, (1 - fx) * fy}, {x0 + 1, y0 + 1, fx * fy},
	} {
		if corner.x < 0 || corner.x >= c.width || corner.y < 0 || corner.y >= c.height {
			continue
		}
		lr, lg, lb := c.lines(corner.y)
		r += float32(corner.weight * lr[corner.x])
		g += float32(corner.weight * lg[corner.x])
		b += float32(corner.weight * lb[corner.x])
	}
	return r, g, b
}
