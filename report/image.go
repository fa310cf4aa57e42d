package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"image/png"
)

// Image is an encoded picture that stands in the page itself. The zero Image is none.
type Image struct {
	mime          string
	data          []byte
	Width, Height int // in pixels
}

// NewPNG encodes a picture without loss.
func NewPNG(picture image.Image) (Image, error) {
	var buffer bytes.Buffer
	if err := png.Encode(&buffer, picture); err != nil {
		return Image{}, fmt.Errorf("cannot encode a picture for the report: %w", err)
	}
	return newImage("image/png", buffer.Bytes(), picture), nil
}

// NewJPEG encodes a picture as a JPEG of a quality from 1 to 100, which for photos takes a fraction of the space.
func NewJPEG(picture image.Image, quality int) (Image, error) {
	var buffer bytes.Buffer
	if err := jpeg.Encode(&buffer, picture, &jpeg.Options{Quality: quality}); err != nil {
		return Image{}, fmt.Errorf("cannot encode a picture for the report: %w", err)
	}
	return newImage("image/jpeg", buffer.Bytes(), picture), nil
}

func newImage(mime string, data []byte, picture image.Image) Image {
	size := picture.Bounds().Size()
	return Image{mime: mime, data: data, Width: size.X, Height: size.Y}
}

// URL is the picture as a data URI, or empty for none. It is made of a fixed type and base64, so it is safe as it stands.
func (i Image) URL() template.URL {
	if len(i.data) == 0 {
		return ""
	}
	return template.URL("data:" + i.mime + ";base64," + base64.StdEncoding.EncodeToString(i.data))
}
