// Package data finds pictures and texts and hands them out in batches.
//
// [OpenImageFolder] indexes a folder of photos, with or without classes and splits. [Decode] turns the bytes of one file
// into pixels. [TrainLoader] and [EvalBatches] walk an index with workers, in an order that depends only on the seed.
// Memory holds the index and a few batches, never the pictures.
//
// [OpenText] reads sentences, pairs or triplets from a file of text, cleans them and keeps them in a temporary file, from which
// rows are read in any order; [TrainTextLoader] and [EvalTextBatches] walk them as they are tokenised.
//
// [OpenPairs] reads a table of pictures and captions: an index of pictures as above, and their captions as texts.
// [TrainPairLoader] walks them, each picture with one of its captions an epoch.
//
// A file that cannot be read is skipped and listed in [Skipped]; it never ends a run, unless nothing readable is left.
package data

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"io"

	"github.com/alike-ml/alike/internal/jpeg"
)

// DefaultMaxPixels is the most pixels (width times height) a picture may have by default. It is the size at which Pillow
// refuses to open a file as a decompression bomb: twice Image.MAX_IMAGE_PIXELS, which is 1 GiB / 4 / 3
// (https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.Image.open).
const DefaultMaxPixels = 2 * (1 << 30 / 4 / 3)

// What can be wrong with the bytes of a picture. Errors of this package wrap one of these; test with [errors.Is].
var (
	// ErrEmpty is the error of a file without a byte in it.
	ErrEmpty = errors.New("empty file")
	// ErrFormat is the error of bytes that are no picture in a format this package reads.
	ErrFormat = errors.New("not a JPEG, PNG, GIF, WebP, BMP or TIFF image")
	// ErrTooLarge is the error of a picture whose header announces more pixels than the limit.
	ErrTooLarge = errors.New("image too large")
	// ErrDamaged is the error of a picture that is truncated, contradicts itself or uses a rare feature that is not read.
	ErrDamaged = errors.New("damaged or unsupported image")
)

// Decode returns the pixels of a JPEG, PNG, GIF (its first frame), WebP, BMP or TIFF file: opaque, upright, with Min at
// (0,0). The format is told by the content, whatever the file was called. Transparent pixels are blended over white, and
// the EXIF orientation of JPEG, PNG, WebP and TIFF files is applied. Pictures of more than [DefaultMaxPixels] are refused
// by their header, before their pixels take memory.
//
// The error wraps [ErrEmpty], [ErrFormat], [ErrTooLarge] or [ErrDamaged].
func Decode(b []byte) (*image.RGBA, error) {
	dst := new(image.RGBA)
	if err := new(Decoder).DecodeInto(dst, b); err != nil {
		return nil, err
	}
	return dst, nil
}

// Decoder decodes one picture after another, reusing its working memory. The zero value is ready. A Decoder serves one
// goroutine at a time.
type Decoder struct {
	// MaxPixels is the most pixels (width times height) a picture may have; 0 means DefaultMaxPixels.
	MaxPixels int

	jpeg   jpeg.Decoder
	stored image.RGBA // pixels as stored, before the EXIF orientation is applied
}

// DecodeInto is [Decode] into dst, whose Pix is reused when it is large enough. After an error the content of dst is
// unspecified.
func (d *Decoder) DecodeInto(dst *image.RGBA, b []byte) error {
	format, err := identify(b)
	if err != nil {
		return err
	}
	orientation := format.orientation(b)
	if orientation == upright {
		return d.decodeStored(dst, format, b)
	}
	if err := d.decodeStored(&d.stored, format, b); err != nil {
		return err
	}
	orient(dst, &d.stored, orientation)
	return nil
}

// decodeStored decodes b as it is stored. The decoders read hostile bytes, and most are other people's: should one panic,
// that is one damaged picture, not the end of a run.
func (d *Decoder) decodeStored(dst *image.RGBA, format *format, b []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %s: %v", ErrDamaged, format.name, p)
		}
	}()
	if format.name == "jpeg" {
		if done, err := d.decodePlainJPEG(dst, b); done {
			return err
		}
	}
	config, err := format.header(bytes.NewReader(b), d.MaxPixels)
	if err != nil {
		return err
	}
	img, err := format.decode(bytes.NewReader(b))
	if err != nil {
		return damaged(format, err)
	}
	resize(dst, config.Width, config.Height)
	if !img.Bounds().In(dst.Rect) {
		return fmt.Errorf("%w: %s: pixels outside the %d x %d of the header", ErrDamaged, format.name, config.Width, config.Height)
	}
	flatten(dst, img)
	return nil
}

// decodePlainJPEG decodes the kind of file that nearly all photos are in half the time. It is not done with any other,
// nor with a damaged one.
func (d *Decoder) decodePlainJPEG(dst *image.RGBA, b []byte) (done bool, err error) {
	w, h, err := d.jpeg.Header(b)
	if err != nil {
		return false, nil
	}
	if err := checkSize(w, h, d.MaxPixels); err != nil {
		return true, err
	}
	resize(dst, w, h)
	return d.jpeg.Pixels(dst) == nil, nil
}

// damaged wraps a format decoder's error, giving an early end of the data its plain name.
func damaged(format *format, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %s: file ends early", ErrDamaged, format.name)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// resize makes dst a w by h picture with Min at (0,0), keeping its memory where that is large enough.
func resize(dst *image.RGBA, w, h int) {
	if n := w * h * 4; cap(dst.Pix) < n {
		dst.Pix = make([]byte, n)
	} else {
		dst.Pix = dst.Pix[:n]
	}
	dst.Stride = w * 4
	dst.Rect = image.Rect(0, 0, w, h)
}

// flatten draws img over white. The first frame of a GIF may cover a part of dst only.
func flatten(dst *image.RGBA, img image.Image) {
	o, ok := img.(interface{ Opaque() bool })
	if ok && o.Opaque() && img.Bounds() == dst.Rect {
		draw.Draw(dst, dst.Rect, img, image.Point{}, draw.Src)
		return
	}
	draw.Draw(dst, dst.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(dst, img.Bounds(), img, img.Bounds().Min, draw.Over)
}
