package positive

import (
	"image"
	"image/color"
	"testing"

	"github.com/alike-ml/alike/internal/rng"
)

// A rotated drawing on white paper has white corners where its edge is what lies outside, and black ones else; in the middle there is no
// difference.
func TestRotationShowsTheEdgeOrBlack(t *testing.T) {
	picture := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for y := range 32 {
		for x := range 32 {
			c := color.RGBA{255, 255, 255, 255}
			if x >= 12 && x < 20 && y >= 4 && y < 28 {
				c = color.RGBA{200, 30, 30, 255}
			}
			picture.SetRGBA(x, y, c)
		}
	}
	views := make(map[Fill]*image.RGBA)
	for _, fill := range []Fill{FillBlack, FillEdge, ""} {
		c := plain(32)
		c.CropScale, c.CropRatio = [2]float64{1, 1}, [2]float64{1, 1}
		c.Rotate, c.RotateDegrees, c.RotateFill = 1, 45, fill
		p, err := NewPipeline(c)
		if err != nil {
			t.Fatal(err)
		}
		values := make([]float32, p.Len())
		p.View(values, picture, rng.New(1, 0, 3, 0))
		views[fill] = p.Picture(values)
	}
	white, black := color.RGBA{255, 255, 255, 255}, color.RGBA{0, 0, 0, 255}
	for fill, corner := range map[Fill]color.RGBA{FillBlack: black, "": black, FillEdge: white} {
		for _, at := range []image.Point{{0, 0}, {31, 0}, {0, 31}, {31, 31}} {
			if got := views[fill].RGBAAt(at.X, at.Y); got != corner {
				t.Errorf("%q: the corner %v is %v, want %v", fill, at, got, corner)
			}
		}
	}
	if views[FillBlack].RGBAAt(16, 16) != views[FillEdge].RGBAAt(16, 16) || views[FillEdge].RGBAAt(16, 16) == white {
		t.Error("the middle differs, or the drawing is gone")
	}
}
