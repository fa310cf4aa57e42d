package data

import (
	"cmp"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// format is one file format of pictures.
type format struct {
	name  string
	magic []string // how its files begin; '?' stands for any byte

	config      func(io.Reader) (image.Config, error) // reads the header only
	scattered   bool                                  // the header may lie anywhere in the file
	decode      func(io.Reader) (image.Image, error)  // its bounds say where on the canvas of config's size it lies
	orientation func([]byte) int                      // EXIF orientation, 1 to 8
}

// formats are the formats that are read. Each is told by its first bytes alone.
var formats = []format{
	{"jpeg", []string{"\xff\xd8\xff"}, jpeg.DecodeConfig, false, jpeg.Decode, jpegOrientation},
	{"png", []string{"\x89PNG\r\n\x1a\n"}, png.DecodeConfig, false, png.Decode, pngOrientation},
	{"gif", []string{"GIF87a", "GIF89a"}, gif.DecodeConfig, false, gif.Decode, alwaysUpright},
	{"webp", []string{"RIFF????WEBP"}, webp.DecodeConfig, false, decodeWebP, webpOrientation},
	{"bmp", []string{"BM????\x00\x00\x00\x00"}, bmp.DecodeConfig, false, bmp.Decode, alwaysUpright},
	{"tiff", []string{"II*\x00", "MM\x00*"}, tiff.DecodeConfig, true, decodeTIFF, tiffOrientation},
}

// magicLen is the length of the longest magic.
const magicLen = len("RIFF????WEBP")

// identify returns the format of a file that begins with b, which holds at least magicLen bytes of a longer file.
func identify(b []byte) (*format, error) {
	if len(b) == 0 {
		return nil, ErrEmpty
	}
	for i := range formats {
		for _, magic := range formats[i].magic {
			if matches(magic, b) {
				return &formats[i], nil
			}
		}
	}
	return nil, ErrFormat
}

// header reads the header of a file of the format. It refuses pictures of more than maxPixels (0 for the default).
func (f *format) header(r io.Reader, maxPixels int) (image.Config, error) {
	config, err := f.config(r)
	if err != nil {
		return image.Config{}, damaged(f, err)
	}
	return config, checkSize(config.Width, config.Height, maxPixels)
}

func checkSize(w, h, maxPixels int) error {
	maxPixels = cmp.Or(maxPixels, DefaultMaxPixels)
	if w <= 0 || h <= 0 {
		return fmt.Errorf("%w: %d x %d pixels", ErrDamaged, w, h)
	}
	if w > maxPixels/h {
		return fmt.Errorf("%w: %d x %d pixels, more than %d in all", ErrTooLarge, w, h, maxPixels)
	}
	return nil
}

func matches(magic string, b []byte) bool {
	if len(b) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != b[i] {
			return false
		}
	}
	return true
}
