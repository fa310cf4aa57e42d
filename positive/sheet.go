package positive

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Column is a column of a contact sheet: what is written above it, and the pipeline that draws its views.
type Column struct {
	Caption  string
	Pipeline *Pipeline
}

// The layout of a contact sheet, in pixels.
const (
	sheetMargin   = 24  // around the sheet
	sheetGap      = 8   // between cells
	sheetDivide   = 24  // between the originals and the views
	sheetCaption  = 30  // height of the captions
	sheetFontSize = 15  // of the captions
	sheetMinCell  = 128 // views smaller than this are enlarged

	maxSheetPixels = 100_000_000 // 400 MB
)

var (
	sheetPaper = color.RGBA{248, 248, 246, 255}
	sheetEmpty = color.RGBA{236, 236, 233, 255} // beside a picture that does not fill its cell
	sheetInk   = color.RGBA{64, 64, 64, 255}
)

// Sheet draws a contact sheet: one row a picture, first the picture itself, then one view of it a column, with the
// normalisation undone. Small views are enlarged by a whole factor without smoothing, so that what is shown is what the
// network sees. random gives the generator of the view in a row and column, both counted from 0. The error says what is missing.
func Sheet(pictures []*image.RGBA, columns []Column, random func(row, column int) *rand.Rand) (*image.RGBA, error) {
	if len(pictures) == 0 || len(columns) == 0 {
		return nil, errors.New("a contact sheet needs at least one picture and one column of views")
	}
	face, err := captionFace()
	if err != nil {
		return nil, err
	}
	cell := sheetMinCell
	for _, c := range columns {
		cell = max(cell, c.Pipeline.config.Size)
	}
	at := func(row, column int) image.Rectangle {
		x, y := sheetMargin+column*(cell+sheetGap), sheetMargin+sheetCaption+row*(cell+sheetGap)
		if column > 0 {
			x += sheetDivide - sheetGap
		}
		return image.Rect(x, y, x+cell, y+cell)
	}
	last := at(len(pictures)-1, len(columns))
	if last.Max.X > maxSheetPixels/last.Max.Y {
		return nil, fmt.Errorf("a contact sheet of %d x %d pixels is too large: draw fewer or smaller views", last.Max.X, last.Max.Y)
	}
	sheet := image.NewRGBA(image.Rect(0, 0, last.Max.X+sheetMargin, last.Max.Y+sheetMargin))
	draw.Draw(sheet, sheet.Rect, image.NewUniform(sheetPaper), image.Point{}, draw.Src)

	drawCaption(sheet, face, at(0, 0), "original")
	for j, c := range columns {
		drawCaption(sheet, face, at(0, j+1), c.Caption)
	}
	for i, picture := range pictures {
		drawCell(sheet, at(i, 0), picture)
		for j, c := range columns {
			values := make([]float32, c.Pipeline.Len())
			c.Pipeline.View(values, picture, random(i, j))
			drawCell(sheet, at(i, j+1), c.Pipeline.Picture(values))
		}
	}
	return sheet, nil
}

// captionFace is the Go font, which is part of the program, in the size of captions.
func captionFace() (font.Face, error) {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("the font of captions cannot be read: %w", err)
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: sheetFontSize, DPI: 72, Hinting: font.HintingFull})
}

// drawCaption writes a text above a cell of the first row, cut off at the cell's width.
func drawCaption(sheet *image.RGBA, face font.Face, cell image.Rectangle, text string) {
	box := image.Rect(cell.Min.X, cell.Min.Y-sheetCaption, cell.Max.X, cell.Min.Y)
	d := font.Drawer{
		Dst:  sheet.SubImage(box).(*image.RGBA),
		Src:  image.NewUniform(sheetInk),
		Face: face,
		Dot:  fixed.P(box.Min.X, box.Max.Y-10),
	}
	d.DrawString(text)
}

// drawCell draws a picture in the middle of a cell, as large as fits: enlarged by a whole factor without smoothing where
// that is at least 2, so that its pixels show, and else resized in its own shape.
func drawCell(sheet *image.RGBA, cell image.Rectangle, picture *image.RGBA) {
	draw.Draw(sheet, cell, image.NewUniform(sheetEmpty), image.Point{}, draw.Src)
	side, w, h := cell.Dx(), picture.Rect.Dx(), picture.Rect.Dy()
	longer := max(w, h)
	if factor := side / longer; factor >= 2 {
		draw.NearestNeighbor.Scale(sheet, centered(cell, factor*w, factor*h), picture, picture.Rect, draw.Src, nil)
		return
	}
	box := centered(cell, max(1, w*side/longer), max(1, h*side/longer))
	draw.CatmullRom.Scale(sheet, box, picture, picture.Rect, draw.Src, nil)
}

// centered is the rectangle of w x h pixels in the middle of a cell.
func centered(cell image.Rectangle, w, h int) image.Rectangle {
	x, y := cell.Min.X+(cell.Dx()-w)/2, cell.Min.Y+(cell.Dy()-h)/2
	return image.Rect(x, y, x+w, y+h)
}
