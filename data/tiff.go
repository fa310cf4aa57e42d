package data

import (
	"bytes"
	"image"
	"io"

	"golang.org/x/image/tiff"
)

// decodeTIFF is tiff.Decode with the right black and white of a fax: its black runs are ones (TIFF 6.0, sections 10 and 11), and ones are
// white where the file says so; package tiff makes black runs black whatever the file says.
func decodeTIFF(r io.Reader) (image.Image, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	img, err := tiff.Decode(bytes.NewReader(b))
	if gray, ok := img.(*image.Gray); ok && err == nil && whiteFax(b) {
		for i, v := range gray.Pix {
			gray.Pix[i] = 255 - v
		}
	}
	return img, err
}

// whiteFax tells whether a TIFF file is compressed as a fax and has ones for white.
func whiteFax(b []byte) bool {
	const (
		compressionTag, group3, group4 = 259, 3, 4
		photometricTag, onesAreWhite   = 262, 1
	)
	compression, _ := tiffShort(b, compressionTag)
	photometric, ok := tiffShort(b, photometricTag)
	return (compression == group3 || compression == group4) && ok && photometric == onesAreWhite
}
