package data

import (
	"bytes"
	"encoding/binary"
	"image"
)

// The EXIF orientations (CIPA DC-008, tag 0x0112): where the stored picture's first row and column belong.
const (
	upright        = 1
	orientationTag = 0x0112
)

func alwaysUpright([]byte) int { return upright }

// tiffOrientation returns the orientation in the first directory of a TIFF file, the layout that EXIF data has too.
// Whatever is missing, malformed or out of range means upright.
func tiffOrientation(b []byte) int {
	if v, ok := tiffShort(b, orientationTag); ok && v >= 1 && v <= 8 {
		return v
	}
	return upright
}

// tiffShort returns the only number, of 16 bits, that the first directory of a TIFF file has under a tag.
func tiffShort(b []byte, tag uint16) (value int, ok bool) {
	order := tiffOrder(b)
	if order == nil || len(b) < 8 {
		return 0, false
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 0, false
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			return 0, false
		}
		if order.Uint16(entries) == tag { // then type, count and value
			const short = 3
			return int(order.Uint16(entries[8:])), order.Uint16(entries[2:]) == short && order.Uint32(entries[4:]) == 1
		}
		entries = entries[12:]
	}
	return 0, false
}

func tiffOrder(b []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(b, []byte("II*\x00")):
		return binary.LittleEndian
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		return binary.BigEndian
	}
	return nil
}

// jpegOrientation finds the EXIF segment (APP1) among those before the first scan.
func jpegOrientation(b []byte) int {
	const app1, sos, fill = 0xe1, 0xda, 0xff
	for b = b[2:]; len(b) >= 4 && b[0] == 0xff; {
		if b[1] == fill {
			b = b[1:]
			continue
		}
		size := 2 + int(binary.BigEndian.Uint16(b[2:])) // the marker, and the segment from its length field on
		if b[1] == sos || size < 4 || size > len(b) {
			return upright
		}
		if exif, ok := bytes.CutPrefix(b[4:size], []byte("Exif\x00\x00")); ok && b[1] == app1 {
			return tiffOrientation(exif)
		}
		b = b[size:]
	}
	return upright
}

// pngOrientation finds the eXIf chunk (PNG, third edition, 11.3.3.4).
func pngOrientation(b []byte) int {
	for b = b[8:]; len(b) >= 12; {
		size := 12 + int64(binary.BigEndian.Uint32(b)) // length, type, data and checksum
		if size > int64(len(b)) {
			return upright
		}
		if string(b[4:8]) == "eXIf" {
			return tiffOrientation(b[8 : size-4])
		}
		b = b[size:]
	}
	return upright
}

// webpOrientation finds the EXIF chunk of an extended WebP file (RFC 9649, 2.7). Some writers put JPEG's prefix before it.
func webpOrientation(b []byte) int {
	for id, chunk := range webpChunks(b[webpHeaderLen:]) {
		if id == "EXIF" {
			return tiffOrientation(bytes.TrimPrefix(chunk, []byte("Exif\x00\x00")))
		}
	}
	return upright
}

// orient writes src to dst as an orientation from 2 to 8 says it is to be seen.
//
//	2  mirrored left to right   3  turned by 180 degrees       4  mirrored top to bottom
//	5  transposed               6  to be turned 90 clockwise   7  transposed across the other diagonal
//	8  to be turned 90 anticlockwise
func orient(dst, src *image.RGBA, orientation int) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	right, down := 4, src.Stride // steps in src.Pix
	var start, dx, dy int        // where in src the first pixel of dst is; steps for one pixel right and down in dst
	switch orientation {
	case 2:
		start, dx, dy = (w-1)*right, -right, down
	case 3:
		start, dx, dy = (w-1)*right+(h-1)*down, -right, -down
	case 4:
		start, dx, dy = (h-1)*down, right, -down
	case 5:
		start, dx, dy = 0, down, right
	case 6:
		start, dx, dy = (h-1)*down, -down, right
	case 7:
		start, dx, dy = (w-1)*right+(h-1)*down, -down, -right
	case 8:
		start, dx, dy = (w-1)*right, down, -right
	}
	if orientation >= 5 {
		w, h = h, w
	}
	resize(dst, w, h)
	out := dst.Pix
	for y := range h {
		at := start + y*dy
		for range w {
			copy(out[:4], src.Pix[at:at+4])
			out = out[4:]
			at += dx
		}
	}
}
