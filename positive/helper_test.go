package positive

import (
	"image"
	"math"
	"testing"
)

func mustPipeline(t testing.TB, config ImageConfig) *Pipeline {
	t.Helper()
	p, err := NewPipeline(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// photo makes a picture with smooth shapes, edges and grain, every channel different.
func photo(width, height int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	grain := uint32(1)
	for y := range height {
		for x := range width {
			p := m.Pix[m.PixOffset(x, y):][:4]
			for c := range 3 {
				grain = grain*1664525 + 1013904223
				v := 128 + 90*math.Sin(float64(x*(c+1))/17+float64(y)/(11+5*float64(c))) + float64(grain>>27)
				if (x/9+y/7)%5 == c {
					v = 255 - v
				}
				p[c] = uint8(min(max(v, 0), 255))
			}
			p[3] = 255
		}
	}
	return m
}
