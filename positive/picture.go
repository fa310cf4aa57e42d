package positive

import (
	"fmt"
	"image"
)

// Picture turns a view of the pipeline, [size, size, 3], back into a picture to look at: it undoes the normalisation and
// rounds to bytes. It panics when the view has another size.
func (p *Pipeline) Picture(view []float32) *image.RGBA {
	if len(view) != p.Len() {
		panic(fmt.Sprintf("positive: Picture: view has %d values, want %d", len(view), p.Len()))
	}
	picture := image.NewRGBA(image.Rect(0, 0, p.config.Size, p.config.Size))
	for i := range p.config.Size * p.config.Size {
		for c := range 3 {
			value := float32(view[3*i+c]*p.config.Std[c]) + p.config.Mean[c]
			picture.Pix[4*i+c] = uint8(float32(clamp01(value)*255) + 0.5)
		}
		picture.Pix[4*i+3] = 255
	}
	return picture
}
