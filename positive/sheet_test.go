package positive

import (
	"image"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/alike-ml/alike/internal/rng"
)

func TestSheet(t *testing.T) {
	p := mustPipeline(t, SimCLRSmall(32))
	pictures := []*image.RGBA{photo(64, 85), photo(300, 40)}
	columns := []Column{{"view 1", p}, {"view 2", p}, {"view 3", p}}
	random := func(row, column int) *rand.Rand { return rng.New(1, 0, row, column) }
	sheet, err := Sheet(pictures, columns, random)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sheet.Rect, image.Rect(0, 0, 24+128+24+3*128+2*8+24, 24+30+2*128+8+24); got != want {
		t.Fatalf("the sheet is %v, want %v", got, want)
	}

	// Row 1, column 2 shows that view, each pixel 4 x 4.
	view := make([]float32, p.Len())
	p.View(view, pictures[1], random(1, 1))
	want, left, top := p.Picture(view), 24+128+24+128+8, 24+30+128+8
	for y := range 128 {
		for x := range 128 {
			if got, want := sheet.RGBAAt(left+x, top+y), want.RGBAAt(x/4, y/4); got != want {
				t.Fatalf("pixel %d, %d of the view is %v, want %v", x, y, got, want)
			}
		}
	}
	// There is ink above each column, and none between the columns.
	for j, x := range []int{24, 176, 312, 448} {
		if !hasInk(sheet, image.Rect(x, 24, x+128, 54)) {
			t.Errorf("column %d has no caption", j)
		}
		if hasInk(sheet, image.Rect(x-8, 24, x, sheet.Rect.Max.Y)) {
			t.Errorf("the margin left of column %d is not clean", j)
		}
	}
	again, err := Sheet(pictures, columns, random)
	if err != nil || !slices.Equal(sheet.Pix, again.Pix) {
		t.Errorf("the same sheet drawn twice differs (error %v)", err)
	}
}

func hasInk(m *image.RGBA, r image.Rectangle) bool {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if m.RGBAAt(x, y) != sheetPaper {
				return true
			}
		}
	}
	return false
}

func TestSheetRefusesNothing(t *testing.T) {
	p := mustPipeline(t, SimCLRSmall(32))
	if _, err := Sheet(nil, []Column{{"view", p}}, nil); err == nil {
		t.Error("a sheet without pictures was drawn")
	}
	if _, err := Sheet([]*image.RGBA{photo(4, 4)}, nil, nil); err == nil {
		t.Error("a sheet without columns was drawn")
	}
}

// A view's bytes come back out of its normalisation.
func TestPictureUndoesNormalisation(t *testing.T) {
	c := ImageConfig{
		Size: 19, Interpolation: Bilinear, CropScale: [2]float64{1, 1}, CropRatio: [2]float64{1, 1}, CenterCrop: 1,
		Mean: ImageNetMean, Std: ImageNetStd,
	}
	p, src := mustPipeline(t, c), photo(19, 19)
	view := make([]float32, p.Len())
	p.Center(view, src)
	if !slices.Equal(p.Picture(view).Pix, src.Pix) {
		t.Error("the picture changed")
	}
}
