package positive

import (
	"fmt"
	"image"
)

// Buffer is a picture of float32 colours in [0, 1], [height, width, 3] in row-major order: red, green and blue of a pixel
// lie together. The operations on it are torchvision's functional operations on float tensors; all but ResizedCrop
// change it in place. They are the reference for Pipeline, which applies the same ones without allocating. Pix must have
// Height * Width * 3 values.
type Buffer struct {
	Height, Width int
	Pix           []float32
}

// FromImage copies an opaque picture, as torchvision's to_tensor does.
func FromImage(src *image.RGBA) Buffer {
	b := Buffer{src.Rect.Dy(), src.Rect.Dx(), make([]float32, 3*src.Rect.Dx()*src.Rect.Dy())}
	line := make([]float32, 4*b.Width)
	for y := range b.Height {
		bytesToFloats(line, src.Pix[y*src.Stride:][:len(line)])
		for x := range b.Width {
			copy(b.Pix[3*(y*b.Width+x):][:3], line[4*x:])
		}
	}
	return b
}

// AdjustBrightness multiplies by factor, at least 0, and clamps to [0, 1].
func AdjustBrightness(b Buffer, factor float64) {
	b.edit(func(c *canvas) { c.brightness(float32(factor)) })
}

// AdjustContrast blends with the mean of the grayscale picture: factor*x + (1-factor)*mean, clamped to [0, 1].
func AdjustContrast(b Buffer, factor float64) {
	b.edit(func(c *canvas) { c.contrast(float32(factor)) })
}

// AdjustSaturation blends with the grayscale picture: factor*x + (1-factor)*gray, clamped to [0, 1].
func AdjustSaturation(b Buffer, factor float64) {
	b.edit(func(c *canvas) { c.saturation(float32(factor)) })
}

// AdjustHue turns the hue by shift turns, through HSV.
func AdjustHue(b Buffer, shift float64) {
	b.edit(func(c *canvas) { c.hue(float32(shift)) })
}

// Grayscale sets all three channels to .2989 red + .587 green + .114 blue.
func Grayscale(b Buffer) { b.edit((*canvas).grayscale) }

// Solarize inverts the values at or above threshold.
func Solarize(b Buffer, threshold float64) {
	b.edit(func(c *canvas) { c.solarize(float32(threshold)) })
}

// Clamp limits the values to [0, 1], where bicubic interpolation overshoots.
func Clamp(b Buffer) { b.edit((*canvas).clamp) }

// HFlip mirrors left and right.
func HFlip(b Buffer) {
	b.edit(func(c *canvas) {
		for i := range 3 * c.height {
			line := c.pix[i*c.width:][:c.width]
			for l, r := 0, c.width-1; l < r; l, r = l+1, r-1 {
				line[l], line[r] = line[r], line[l]
			}
		}
	})
}

// GaussianBlur blurs with a square kernel of an odd number of taps on a side and deviation sigma, above 0, in pixels. The
// border is reflected without repeating the outermost pixel. Taps lighter than 1e-7 of the middle one are left out, which
// moves no value by more than 1e-6.
func GaussianBlur(b Buffer, kernel int, sigma float64) {
	b.edit(func(c *canvas) {
		var blur blurrer
		var middle, out canvas
		blur.run(&out, &middle, c, kernel/2, sigma)
		*c = out
	})
}

// Rotate turns the picture counter-clockwise about its centre by an angle in degrees, with bilinear interpolation.
// What comes from outside is black.
func Rotate(b Buffer, degrees float64) {
	b.edit(func(c *canvas) {
		var out canvas
		rotate(&out, c, degrees, false)
		*c = out
	})
}

// Normalize sets every channel to (x - mean) / std.
func Normalize(b Buffer, mean, std [3]float32) {
	scale, shift := affine(mean, std)
	fromPixels(b.Pix, b.Height, b.Width).normalize(b.Pix, &scale, &shift)
}

// affine turns (x - mean) / std into scale*x + shift.
func affine(mean, std [3]float32) (scale, shift [3]float32) {
	for i := range 3 {
		scale[i] = 1 / std[i]
		shift[i] = -mean[i] / std[i]
	}
	return scale, shift
}

// ResizedCrop returns the crop resized to height x width pixels with an antialiased filter. Nothing outside the crop
// is looked at. Bicubic interpolation may overshoot [0, 1]; the result is not clamped. The error says where the
// crop leaves the picture.
func ResizedCrop(b Buffer, crop image.Rectangle, height, width int, interpolation Interpolation) (Buffer, error) {
	if crop.Empty() || !crop.In(image.Rect(0, 0, b.Width, b.Height)) {
		return Buffer{}, fmt.Errorf("crop %v is not inside the %d x %d picture", crop, b.Width, b.Height)
	}
	if height < 1 || width < 1 {
		return Buffer{}, fmt.Errorf("cannot resize to %d x %d pixels", width, height)
	}
	var s resampler
	s.x.build(crop.Dx(), width, 0, width, interpolation, false)
	s.y.build(crop.Dy(), height, 0, height, interpolation, false)
	var out canvas
	out.resize(height, width)
	s.run(&out, crop.Dx(), func(line []float32, y int) {
		row := b.Pix[3*((crop.Min.Y+y)*b.Width+crop.Min.X):]
		for x := range crop.Dx() {
			copy(line[4*x:][:3], row[3*x:])
		}
	})
	result := Buffer{height, width, make([]float32, 3*height*width)}
	out.toPixels(result.Pix)
	return result, nil
}

// edit lets f work on the picture as a canvas and copies the result back.
func (b Buffer) edit(f func(*canvas)) {
	c := fromPixels(b.Pix, b.Height, b.Width)
	f(c)
	c.toPixels(b.Pix)
}

// fromPixels copies [height, width, 3] values into a canvas.
func fromPixels(pix []float32, height, width int) *canvas {
	c := &canvas{height, width, make([]float32, 3*height*width)}
	for y := range height {
		r, g, b := c.lines(y)
		for x := range width {
			p := pix[3*(y*width+x):][:3]
			r[x], g[x], b[x] = p[0], p[1], p[2]
		}
	}
	return c
}

// toPixels copies a canvas to [height, width, 3] values.
func (c *canvas) toPixels(dst []float32) {
	c.normalize(dst, &[3]float32{1, 1, 1}, &[3]float32{})
}
