package data

import (
	"bufio"
	"errors"
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
	decode      func(io.Reader) (image.Image, error)  // its bounds say where on the canvas of config's size it lies
	orientation func([]byte) int                      // EXIF orientation, 1 to 8
}

// formats are the formats that are read. Each is told by its first bytes alone.
var formats = []format{
	{"jpeg", []string{"\xff\xd8\xff"}, jpeg.DecodeConfig, jpeg.Decode, jpegOrientation},
	{"png", []string{"\x89PNG\r\n\x1a\n"}, png.DecodeConfig, png.Decode, pngOrientation},
	{"gif", []string{"GIF87a", "GIF89a"}, gif.DecodeConfig, gif.Decode, alwaysUpright},
	{"webp", []string{"RIFF????WEBP"}, webp.DecodeConfig, webp.Decode, webpOrientation},
	{"bmp", []string{"BM????\x00\x00\x00\x00"}, bmp.DecodeConfig, bmp.Decode, alwaysUpright},
	{"tiff", []string{"II*\x00", "MM\x00*"}, tiff.DecodeConfig, tiff.Decode, tiffOrientation},
}

// magicLen is the length of the longest magic.
const magicLen = len("RIFF????WEBP")

// readHeader tells the format and the stored size of the picture in r, reading little more than the header. It refuses
// pictures of more than maxPixels (0 for the default).
func readHeader(r io.Reader, maxPixels int) (*format, image.Config, error) {
	if maxPixels == 0 {
		maxPixels = DefaultMaxPixels
	}
	buffered := bufio.NewReader(r)
	start, err := buffered.Peek(magicLen)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, image.Config{}, err
	}
	if len(start) == 0 {
		return nil, image.Config{}, ErrEmpty
	}
	format := sniff(start)
	if format == nil {
		return nil, image.Config{}, ErrFormat
	}
	config, err := format.config(buffered)
	if err != nil {
		return nil, image.Config{}, damaged(format, err)
	}
	if config.Width <= 0 || config.Height <= 0 {
		return nil, image.Config{}, fmt.Errorf("%w: %s: %d x %d pixels", ErrDamaged, format.name, config.Width, config.Height)
	}
	if int64(config.Width) > int64(maxPixels)/int64(config.Height) {
		return nil, image.Config{}, fmt.Errorf("%w: %d x %d pixels, more than %d in all", ErrTooLarge, config.Width, config.Height, maxPixels)
	}
	return format, config, nil
}

// sniff returns the format whose magic b begins with, nil if there is none.
func sniff(b []byte) *format {
	for i := range formats {
		for _, magic := range formats[i].magic {
			if matches(magic, b) {
				return &formats[i]
			}
		}
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
