package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
	"io"
	"iter"
	"math"

	"golang.org/x/image/webp"
)

const (
	webpHeaderLen = 12 // "RIFF", the size of the rest, "WEBP"
	frameInfoLen  = 16 // position, size, duration and flags of a frame of an animation
)

// webpChunks yields the whole chunks of a RIFF file after its header: each has a name of four letters, the size of its
// data, and the data, padded to even length (RFC 9649, 2.3).
func webpChunks(b []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(b) >= 8 {
			size := int64(binary.LittleEndian.Uint32(b[4:]))
			if size > int64(len(b)-8) || !yield(string(b[:4]), b[8:8+size]) {
				return
			}
			b = b[min(8+size+size&1, int64(len(b))):]
		}
	}
}

// decodeWebP decodes a WebP file; of an animation, which package webp does not read, the first frame.
func decodeWebP(r io.Reader) (image.Image, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if int64(binary.LittleEndian.Uint32(b[4:])) > int64(len(b)-8) {
		return nil, io.ErrUnexpectedEOF
	}
	for id, chunk := range webpChunks(b[webpHeaderLen:]) {
		if id == "ANMF" {
			canvas, err := webp.DecodeConfig(bytes.NewReader(b))
			if err != nil {
				return nil, err
			}
			return decodeWebPFrame(chunk, image.Rect(0, 0, canvas.Width, canvas.Height))
		}
	}
	return decodeWebPStill(bytes.NewReader(b))
}

// decodeWebPStill is webp.Decode with the right colours: lossy WebP has luma from 16 to 235 and chroma from 16 to 240 (RFC
// 9649, 2.5, by ITU-R BT.601), which package webp returns as they are in a type whose values go from 0 to 255.
func decodeWebPStill(r io.Reader) (image.Image, error) {
	img, err := webp.Decode(r)
	switch img := img.(type) {
	case *image.YCbCr:
		stretch(img)
	case *image.NYCbCrA:
		stretch(&img.YCbCr)
	}
	return img, err
}

// stretch spreads luma and chroma over the full range.
func stretch(img *image.YCbCr) {
	var luma, chroma [256]uint8
	for v := range 256 {
		luma[v] = clip(math.Round(float64(v-16) * 255 / 219))
		chroma[v] = clip(128 + math.Round(float64(v-128)*255/224))
	}
	for i, v := range img.Y {
		img.Y[i] = luma[v]
	}
	for i, v := range img.Cb {
		img.Cb[i] = chroma[v]
	}
	for i, v := range img.Cr {
		img.Cr[i] = chroma[v]
	}
}

func clip(v float64) uint8 { return uint8(min(max(v, 0), 255)) }

// decodeWebPFrame decodes a frame of an animation (RFC 9649, 2.7.1.1) by making a file of it.
func decodeWebPFrame(frame []byte, canvas image.Rectangle) (image.Image, error) {
	if len(frame) < frameInfoLen {
		return nil, errors.New("webp: frame ends early")
	}
	x, y := 2*uint24(frame), 2*uint24(frame[3:])
	place := image.Rect(x, y, x+uint24(frame[6:])+1, y+uint24(frame[9:])+1)
	if !place.In(canvas) {
		return nil, errors.New("webp: frame outside the canvas")
	}
	const hasAlpha = 0x10
	extended := make([]byte, 10) // flags, and the size less 1
	copy(extended[4:], frame[6:12])
	bitstream := frame[frameInfoLen:]
	if bytes.HasPrefix(bitstream, []byte("ALPH")) {
		extended[0] = hasAlpha
	}
	var file bytes.Buffer
	file.WriteString("RIFF")
	file.Write(binary.LittleEndian.AppendUint32(nil, uint32(len("WEBPVP8X----")+len(extended)+len(bitstream))))
	file.WriteString("WEBPVP8X")
	file.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(extended))))
	file.Write(extended)
	file.Write(bitstream)
	img, err := decodeWebPStill(&file)
	if err != nil {
		return nil, err
	}
	placed := image.NewNRGBA(place)
	draw.Draw(placed, place, img, img.Bounds().Min, draw.Src)
	return placed, nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
