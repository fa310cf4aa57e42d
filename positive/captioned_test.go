package positive

import (
	"image"
	"image/color"
	"testing"
)

// TestCaptionedSheetHasEveryPictureInItsPlace, with ink above each row and below each picture, and none elsewhere.
func TestCaptionedSheetHasEveryPictureInItsPlace(t *testing.T) {
	solid := func(c color.RGBA) *image.RGBA {
		p := image.NewRGBA(image.Rect(0, 0, 64, 64))
		for i := 0; i < len(p.Pix); i += 4 {
			p.Pix[i], p.Pix[i+1], p.Pix[i+2], p.Pix[i+3] = c.R, c.G, c.B, c.A
		}
		return p
	}
	red, green, blue := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}
	sheet, err := CaptionedSheet([]SheetRow{
		{"first", []Captioned{{"0.5 red.png", solid(red)}, {"0.4 green.png", solid(green)}}},
		{"second, with a title that is far too long to be written above two pictures in full", []Captioned{{"", solid(blue)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := image.Rect(0, 0, 2*24+2*128+8, 2*24+2*(30+128+30)+8); sheet.Rect != want {
		t.Fatalf("the sheet is %v, want %v", sheet.Rect, want)
	}
	inked := func(r image.Rectangle) bool {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if sheet.RGBAAt(x, y) == sheetInk {
					return true
				}
			}
		}
		return false
	}
	for i, want := range []struct {
		x, y      int
		c         color.RGBA
		captioned bool
	}{{24, 54, red, true}, {160, 54, green, true}, {24, 54 + 196, blue, false}, {160, 54 + 196, sheetPaper, false}} {
		cell := image.Rect(want.x, want.y, want.x+128, want.y+128)
		if got := sheet.RGBAAt(want.x+64, want.y+64); got != want.c {
			t.Errorf("cell %d is %v, want %v", i, got, want.c)
		}
		if got := inked(image.Rect(cell.Min.X, cell.Max.Y, cell.Max.X, cell.Max.Y+30)); got != want.captioned {
			t.Errorf("cell %d has a caption: %v", i, got)
		}
	}
	for _, top := range []int{24, 24 + 196} {
		if !inked(image.Rect(24, top, 288, top+30)) {
			t.Errorf("no title at %d", top)
		}
	}
	if inked(image.Rect(288, 0, 312, sheet.Rect.Max.Y)) {
		t.Error("a title is written over the margin")
	}
	for name, rows := range map[string][]SheetRow{"no row": nil, "no picture": {{Title: "a"}}, "too many": {{Pictures: make([]Captioned, 1<<20)}}} {
		if _, err := CaptionedSheet(rows); err == nil {
			t.Errorf("%s: a sheet", name)
		}
	}
}
