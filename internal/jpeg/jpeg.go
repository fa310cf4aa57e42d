// Package jpeg decodes the JPEG files that nearly all photos are, fast and without garbage: baseline, 8 bits, gray or
// Y'CbCr with 4:4:4, 4:2:2, 4:4:0 or 4:2:0 chroma, in one scan. The pixels are those of image/jpeg, to the last bit.
// Everything else, damaged files among it, gets [ErrOther] and is for image/jpeg to judge.
//
// Section numbers in comments are those of ITU-T T.81, the JPEG standard.
package jpeg

import (
	"encoding/binary"
	"errors"
	"image"
)

// ErrOther is the error of every file that this package leaves to image/jpeg.
var ErrOther = errors.New("not a plain baseline JPEG file")

// Decoder decodes one file after another and keeps its tables and memory. The zero value is ready.
type Decoder struct {
	width, height int
	restart       int // MCUs between restart markers, 0 for none
	components    []component
	frame         [3]component // memory of components
	scan          []byte       // all that follows the header of the scan

	quant        [4][64]int32 // in zigzag order
	quantDefined [4]bool
	huffman      [2][2]huffman // by class and slot
	bits         bitReader
	block        block
}

// component is one of the colour channels.
type component struct {
	id, quant byte
	h, v      int // blocks of an MCU, across and down
	dc, ac    *huffman

	previous int32  // DC coefficient of the last block
	rows     []byte // pixels of one row of MCUs, stride bytes a row
	stride   int
}

const (
	markerSOF0  = 0xc0
	markerDHT   = 0xc4
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDRI   = 0xdd
	markerRST0  = 0xd0
	markerAPP0  = 0xe0
	markerAdobe = 0xee // APP14
	markerCOM   = 0xfe
)

// Header reads b up to its scan and returns the size of the picture. b must not change until [Decoder.Pixels] is done.
func (d *Decoder) Header(b []byte) (width, height int, err error) {
	d.components, d.restart = nil, 0
	d.quantDefined = [4]bool{}
	for class := range d.huffman {
		for slot := range d.huffman[class] {
			d.huffman[class][slot].defined = false
		}
	}
	if len(b) < 2 || b[0] != 0xff || b[1] != markerSOI {
		return 0, 0, ErrOther
	}
	for b = b[2:]; len(b) >= 4; {
		size := 2 + int(binary.BigEndian.Uint16(b[2:])) // the marker, and the segment from its length on
		if b[0] != 0xff || size < 4 || size > len(b) {
			return 0, 0, ErrOther
		}
		if !d.segment(b[1], b[4:size]) {
			return 0, 0, ErrOther
		}
		if b[1] == markerSOS {
			d.scan = b[size:]
			return d.width, d.height, nil
		}
		b = b[size:]
	}
	return 0, 0, ErrOther
}

// segment reads one segment of the header. It returns false for all that is not plain.
func (d *Decoder) segment(marker byte, b []byte) bool {
	switch {
	case marker == markerSOF0:
		return d.readFrame(b)
	case marker == markerDHT:
		return d.readHuffman(b)
	case marker == markerDQT:
		return d.readQuant(b)
	case marker == markerDRI:
		if len(b) != 2 {
			return false
		}
		d.restart = int(binary.BigEndian.Uint16(b))
		return true
	case marker == markerSOS:
		return d.readScan(b)
	case marker == markerAdobe:
		const transform = 11 // 0 says that the channels are red, green and blue
		return len(b) <= transform || string(b[:5]) != "Adobe" || b[transform] != 0
	}
	return marker >= markerAPP0 && marker <= markerAPP0+15 || marker == markerCOM
}

// readFrame reads the frame header (B.2.2).
func (d *Decoder) readFrame(b []byte) bool {
	if d.components != nil || len(b) < 6 || b[0] != 8 {
		return false
	}
	d.height, d.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	count := int(b[5])
	if count != 1 && count != 3 || len(b) != 6+3*count || d.width == 0 || d.height == 0 {
		return false
	}
	d.components = d.frame[:count]
	for i := range d.components {
		c := &d.components[i]
		c.id, c.h, c.v, c.quant = b[6+3*i], int(b[7+3*i]>>4), int(b[7+3*i]&15), b[8+3*i]
		if c.quant > 3 {
			return false
		}
	}
	if count == 1 { // its factors mean nothing (A.2.2), but must be valid
		c := &d.components[0]
		valid := (c.h == 1 || c.h == 2 || c.h == 4) && (c.v == 1 || c.v == 2 || c.v == 4)
		c.h, c.v = 1, 1
		return valid
	}
	y, cb, cr := d.components[0], d.components[1], d.components[2]
	return y.id != cb.id && y.id != cr.id && cb.id != cr.id &&
		[3]byte{y.id, cb.id, cr.id} != [3]byte{'R', 'G', 'B'} &&
		(y.h == 1 || y.h == 2) && (y.v == 1 || y.v == 2) &&
		cb.h == 1 && cb.v == 1 && cr.h == 1 && cr.v == 1
}

// readQuant reads quantization tables of 8 bits (B.2.4.1).
func (d *Decoder) readQuant(b []byte) bool {
	for ; len(b) >= 65; b = b[65:] {
		if b[0] > 3 {
			return false
		}
		d.quantDefined[b[0]] = true
		table := &d.quant[b[0]]
		for i := range table {
			table[i] = int32(b[1+i])
		}
	}
	return len(b) == 0
}

// readHuffman reads Huffman tables (B.2.4.2).
func (d *Decoder) readHuffman(b []byte) bool {
	for len(b) > 17 {
		class, slot := b[0]>>4, b[0]&15
		if class > acClass || slot > 1 {
			return false
		}
		total := 0
		for _, n := range b[1:17] {
			total += int(n)
		}
		if total == 0 || total > 256 || 17+total > len(b) {
			return false
		}
		if !d.huffman[class][slot].define(class, b[1:17+total]) {
			return false
		}
		b = b[17+total:]
	}
	return len(b) == 0
}

// readScan reads the header of a scan of all components (B.2.3).
func (d *Decoder) readScan(b []byte) bool {
	n := len(d.components)
	if n == 0 || len(b) != 4+2*n || int(b[0]) != n {
		return false
	}
	for i := range d.components {
		c := &d.components[i]
		id, dc, ac := b[1+2*i], b[2+2*i]>>4, b[2+2*i]&15
		if id != c.id || dc > 1 || ac > 1 || !d.quantDefined[c.quant] {
			return false
		}
		c.dc, c.ac = &d.huffman[dcClass][dc], &d.huffman[acClass][ac]
		if !c.dc.defined || !c.ac.defined {
			return false
		}
	}
	return b[1+2*n] == 0 && b[2+2*n] == 63 && b[3+2*n] == 0
}

// Pixels decodes the picture whose header was read into dst, which must have its size and Min at (0,0).
func (d *Decoder) Pixels(dst *image.RGBA) error {
	if dst.Rect != image.Rect(0, 0, d.width, d.height) {
		return errors.New("jpeg: the destination has another size")
	}
	if !d.readMCUs(dst) {
		return ErrOther
	}
	return nil
}
