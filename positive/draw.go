package positive

import (
	"image"
	"math"
	"math/rand/v2"
)

// draws is everything random about one view.
type draws struct {
	crop                                  image.Rectangle
	flip                                  bool
	rotate                                bool
	degrees                               float64
	jitter                                bool
	order                                 [4]jitterOp
	brightness, contrast, saturation, hue float64
	grayscale                             bool
	blur                                  bool
	sigma                                 float64
	solarize                              bool
}

// jitterOp is one of the operations of the colour jitter.
type jitterOp int

const (
	brightness jitterOp = iota
	contrast
	saturation
	hue
)

// draw takes the numbers of a view of a width x height picture from r. Every number is taken whether it is used or not,
// so that two configurations that differ in one probability agree in everything else.
func (c *ImageConfig) draw(width, height int, r *rand.Rand) draws {
	var d draws
	d.crop = c.drawCrop(width, height, r)
	d.flip = r.Float64() < c.Flip
	d.rotate = r.Float64() < c.Rotate
	d.degrees = uniform(r, -c.RotateDegrees, c.RotateDegrees)
	d.jitter = r.Float64() < c.Jitter
	d.order = [4]jitterOp{brightness, contrast, saturation, hue}
	for i := 3; i > 0; i-- { // Fisher and Yates: each of the 24 orders is as likely
		j := r.IntN(i + 1)
		d.order[i], d.order[j] = d.order[j], d.order[i]
	}
	d.brightness = uniform(r, max(0, 1-c.Brightness), 1+c.Brightness)
	d.contrast = uniform(r, max(0, 1-c.Contrast), 1+c.Contrast)
	d.saturation = uniform(r, max(0, 1-c.Saturation), 1+c.Saturation)
	d.hue = uniform(r, -c.Hue, c.Hue)
	d.grayscale = r.Float64() < c.Grayscale
	d.blur = r.Float64() < c.Blur
	d.sigma = uniform(r, c.BlurSigma[0], c.BlurSigma[1])
	d.solarize = r.Float64() < c.Solarize
	return d
}

// drawCrop is torchvision's RandomResizedCrop.get_params: the area is uniform in CropScale, the logarithm of
// width / height uniform in that of CropRatio. A crop that does not fit is drawn again; after ten tries the largest
// middle crop whose shape is allowed is taken.
func (c *ImageConfig) drawCrop(width, height int, r *rand.Rand) image.Rectangle {
	area := float64(width) * float64(height)
	logLow, logHigh := math.Log(c.CropRatio[0]), math.Log(c.CropRatio[1])
	for range 10 {
		a := area * uniform(r, c.CropScale[0], c.CropScale[1])
		ratio := math.Exp(uniform(r, logLow, logHigh))
		w := int(math.RoundToEven(math.Sqrt(a * ratio)))
		h := int(math.RoundToEven(math.Sqrt(a / ratio)))
		if 0 < w && w <= width && 0 < h && h <= height {
			top, left := r.IntN(height-h+1), r.IntN(width-w+1)
			return image.Rect(left, top, left+w, top+h)
		}
	}
	w, h := width, height
	if ratio := float64(width) / float64(height); ratio < c.CropRatio[0] {
		h = max(1, int(math.RoundToEven(float64(width)/c.CropRatio[0])))
	} else if ratio > c.CropRatio[1] {
		w = max(1, int(math.RoundToEven(float64(height)*c.CropRatio[1])))
	}
	top, left := (height-h)/2, (width-w)/2
	return image.Rect(left, top, left+w, top+h)
}

// uniform draws from [low, high).
func uniform(r *rand.Rand, low, high float64) float64 { return low + float64((high-low)*r.Float64()) }
