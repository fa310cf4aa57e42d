package positive

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"sync"
)

// Pipeline draws views of pictures as an ImageConfig says. It is safe for use by many goroutines at once and, once each
// has drawn a view or two, allocates nothing.
type Pipeline struct {
	config       ImageConfig
	blurRadius   int
	scale, shift [3]float32 // the normalisation as scale*x + shift
	scratch      sync.Pool  // of *scratch
}

// scratch is the memory of one view at work.
type scratch struct {
	view, middle, other canvas
	resampler           resampler
	blurrer             blurrer
}

// NewPipeline prepares a configuration. The error is that of Validate.
func NewPipeline(config ImageConfig) (*Pipeline, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("augmentation: %w", err)
	}
	p := &Pipeline{config: config, blurRadius: config.blurTaps() / 2}
	p.scale, p.shift = affine(config.Mean, config.Std)
	p.scratch.New = func() any { return new(scratch) }
	return p, nil
}

// blurTaps is the width of the blur's kernel in pixels: odd, and 23 for a tenth of 224, as in SimCLR's official code.
func (c ImageConfig) blurTaps() int { return int(c.BlurKernel*float64(c.Size))/2*2 + 1 }

// Config returns the configuration that the pipeline was made of.
func (p *Pipeline) Config() ImageConfig { return p.config }

// Len is the number of values in a view, size * size * 3.
func (p *Pipeline) Len() int { return p.config.Size * p.config.Size * 3 }

// View draws a random view of src with the numbers of r and writes it to dst, [size, size, 3], normalised. The view
// depends on nothing but the configuration, the picture and the state of r. An empty picture or a dst whose length is
// not Len() is a mistake in the calling program, and panics.
func (p *Pipeline) View(dst []float32, src *image.RGBA, r *rand.Rand) {
	p.check(dst, src)
	d := p.config.draw(src.Rect.Dx(), src.Rect.Dy(), r)
	s := p.scratch.Get().(*scratch)
	defer p.scratch.Put(s)

	size := p.config.Size
	s.resampler.x.build(d.crop.Dx(), size, 0, size, p.config.Interpolation, d.flip)
	s.resampler.y.build(d.crop.Dy(), size, 0, size, p.config.Interpolation, false)
	p.resize(s, src, d.crop)
	if d.rotate {
		rotate(&s.other, &s.view, d.degrees, p.config.RotateFill == FillEdge)
		s.view, s.other = s.other, s.view
	}
	if d.jitter {
		for _, op := range d.order {
			p.jitter(&s.view, op, &d)
		}
	}
	if d.grayscale {
		s.view.grayscale()
	}
	if d.blur {
		s.blurrer.run(&s.other, &s.middle, &s.view, p.blurRadius, d.sigma)
		s.view, s.other = s.other, s.view
	}
	if d.solarize {
		s.view.solarize(float32(p.config.SolarizeThreshold))
	}
	s.view.normalize(dst, &p.scale, &p.shift)
}

// jitter applies one of the four colour operations, unless its range is the point where it does nothing.
func (p *Pipeline) jitter(c *canvas, op jitterOp, d *draws) {
	switch {
	case op == brightness && p.config.Brightness > 0:
		c.brightness(float32(d.brightness))
	case op == contrast && p.config.Contrast > 0:
		c.contrast(float32(d.contrast))
	case op == saturation && p.config.Saturation > 0:
		c.saturation(float32(d.saturation))
	case op == hue && p.config.Hue > 0:
		c.hue(float32(d.hue))
	}
}

// Center writes the view of src that evaluation uses to dst, [size, size, 3], normalised: the shorter side is resized to
// size / CenterCrop, with the same filter as View, and the middle is cut out. It draws nothing, and panics as View does.
func (p *Pipeline) Center(dst []float32, src *image.RGBA) {
	p.check(dst, src)
	s := p.scratch.Get().(*scratch)
	defer p.scratch.Put(s)

	size, width, height := p.config.Size, src.Rect.Dx(), src.Rect.Dy()
	shorter := max(size, int(math.Round(float64(size)/p.config.CenterCrop)))
	// As in torchvision: the longer side is rounded down, the middle to even.
	w, h := shorter, shorter
	if width > height {
		w = int(float64(shorter) * float64(width) / float64(height))
	} else {
		h = int(float64(shorter) * float64(height) / float64(width))
	}
	left := int(math.RoundToEven(float64(w-size) / 2))
	top := int(math.RoundToEven(float64(h-size) / 2))
	s.resampler.x.build(width, w, left, size, p.config.Interpolation, false)
	s.resampler.y.build(height, h, top, size, p.config.Interpolation, false)
	p.resize(s, src, image.Rect(0, 0, width, height))
	s.view.normalize(dst, &p.scale, &p.shift)
}

// resize runs the prepared resampler on a part of src, counted from its corner, into s.view. Bicubic interpolation
// overshoots; the values are clamped to [0, 1], as they are where a resize returns bytes.
func (p *Pipeline) resize(s *scratch, src *image.RGBA, crop image.Rectangle) {
	s.view.resize(p.config.Size, p.config.Size)
	s.resampler.run(&s.view, crop.Dx(), func(line []float32, y int) {
		bytesToFloats(line, src.Pix[(crop.Min.Y+y)*src.Stride+4*crop.Min.X:][:len(line)])
	})
	if p.config.Interpolation == Bicubic {
		s.view.clamp()
	}
}

func (p *Pipeline) check(dst []float32, src *image.RGBA) {
	if len(dst) != p.Len() {
		panic(fmt.Sprintf("positive: a view of side %d has %d values, dst has %d", p.config.Size, p.Len(), len(dst)))
	}
	if src.Rect.Empty() {
		panic("positive: the picture has no pixels")
	}
}
