package positive

import (
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/draw"
)

// SheetRow is a row of a sheet of captioned pictures, with a title above it.
type SheetRow struct {
	Title    string
	Pictures []Captioned
}

// Captioned is a picture and what is written below it.
type Captioned struct {
	Caption string
	Picture *image.RGBA
}

// CaptionedSheet draws rows of pictures, each in a cell of 128 x 128 pixels with its caption below. Titles and captions are cut off where
// the row or the cell ends. The error is that there is no picture, or that there are too many for one sheet.
func CaptionedSheet(rows []SheetRow) (*image.RGBA, error) {
	widest := 0
	for _, row := range rows {
		widest = max(widest, len(row.Pictures))
	}
	if widest == 0 {
		return nil, errors.New("a contact sheet needs at least one picture")
	}
	face, err := captionFace()
	if err != nil {
		return nil, err
	}
	const line = sheetCaption + sheetMinCell + sheetCaption + sheetGap // title, pictures and captions
	width, height := 2*sheetMargin+widest*(sheetMinCell+sheetGap)-sheetGap, 2*sheetMargin+len(rows)*line-sheetGap
	if height > maxSheetPixels/width {
		return nil, fmt.Errorf("a contact sheet of %d x %d pixels is too large: show fewer pictures", width, height)
	}
	sheet := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(sheet, sheet.Rect, image.NewUniform(sheetPaper), image.Point{}, draw.Src)
	for i, row := range rows {
		top := sheetMargin + i*line + sheetCaption
		drawCaption(sheet, face, image.Rect(sheetMargin, top, width-sheetMargin, top+sheetMinCell), row.Title)
		for j, p := range row.Pictures {
			left := sheetMargin + j*(sheetMinCell+sheetGap)
			cell := image.Rect(left, top, left+sheetMinCell, top+sheetMinCell)
			drawCell(sheet, cell, p.Picture)
			drawCaption(sheet, face, cell.Add(image.Pt(0, sheetMinCell+sheetCaption)), p.Caption)
		}
	}
	return sheet, nil
}
