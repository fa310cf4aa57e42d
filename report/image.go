package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"

	"golang.org/x/image/draw"
)

// Image is a picture that stands in the page itself, as a JPEG. The zero Image is none.
type Image struct {
	data          []byte
	Width, Height int // in pixels
}

// NewJPEG encodes a picture as a JPEG of a quality from 1 to 100. It is an error if the picture is too large for one.
func NewJPEG(picture image.Image, quality int) (Image, error) {
	var buffer bytes.Buffer
	if err := jpeg.Encode(&buffer, picture, &jpeg.Options{Quality: quality}); err != nil {
		return Image{}, fmt.Errorf("cannot encode a picture for the report: %w", err)
	}
	size := picture.Bounds().Size()
	return Image{data: buffer.Bytes(), Width: size.X, Height: size.Y}, nil
}

// NewThumbnail is [NewJPEG] of the picture as [Shrunk] has it.
func NewThumbnail(picture *image.RGBA, side, quality int) (Image, error) {
	return NewJPEG(Shrunk(picture, side), quality)
}

// Shrunk is the picture at a size at which its longer side is no longer than so many pixels: itself if that is so.
func Shrunk(picture *image.RGBA, side int) *image.RGBA {
	size := picture.Rect.Size()
	longer := max(size.X, size.Y)
	if longer <= side {
		return picture
	}
	small := image.NewRGBA(image.Rect(0, 0, max(1, size.X*side/longer), max(1, size.Y*side/longer)))
	draw.CatmullRom.Scale(small, small.Rect, picture, picture.Rect, draw.Src, nil)
	return small
}

// URL is the picture as a data URI, or empty for none. It is made of a fixed type and base64, so it is safe as it stands.
func (i Image) URL() template.URL {
	if len(i.data) == 0 {
		return ""
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(i.data))
}
