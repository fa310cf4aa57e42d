package data

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	layout "github.com/parquet-go/parquet-go/format"
)

// A few bytes of a page may stand for any number of values: a run is a value and how often it is there, the differences between numbers may
// take no bits at all, and a text may begin as the one before it (https://parquet.apache.org/docs/file-format/data-pages/encodings/). What
// is counted here is how many values there are, before there is memory for them. A page that ends early ends the count.

// oldDictionary is the encoding PLAIN_DICTIONARY, which older writers call what newer ones call RLE_DICTIONARY.
const oldDictionary layout.Encoding = 2

// values checks what is in an unpacked page.
func (c pageCheck) values(header *layout.PageHeader, page *bufio.Reader) error {
	encoding := header.DataPageHeader.V.Encoding
	switch header.Type {
	case layout.DataPage:
		for _, highest := range []int{c.column.MaxRepetitionLevel, c.column.MaxDefinitionLevel} {
			if highest == 0 {
				continue
			}
			if err := prefixed(page, func(r *bufio.Reader) error { return levels(r, highest) }); err != nil {
				return err
			}
		}
	case layout.DataPageV2:
		encoding = header.DataPageHeaderV2.V.Encoding
	default: // a dictionary has its values one after the other
		return nil
	}
	switch encoding {
	case oldDictionary, layout.RLEDictionary:
		width, err := page.ReadByte()
		if err != nil {
			return nil
		}
		return runs(page, int(width))
	case layout.RLE: // of booleans
		return prefixed(page, func(r *bufio.Reader) error { return runs(r, 1) })
	case layout.DeltaBinaryPacked:
		_, err := deltas(page)
		return err
	case layout.DeltaLengthByteArray, layout.DeltaByteArray:
		sum, err := deltas(page)
		if err == nil && encoding == layout.DeltaByteArray {
			var rest int64
			rest, err = deltas(page)
			sum += rest
		}
		if err == nil && sum > mostPageBytes {
			err = fmt.Errorf("has texts of %d bytes, and may have %d at most: write the file with smaller pages", sum, int64(mostPageBytes))
		}
		return err
	}
	return nil
}

// levels checks those of a page, of which the highest is given, and reads them all. There are none if that is 0.
func levels(r *bufio.Reader, highest int) (err error) {
	if highest > 0 {
		err = runs(r, bits.Len(uint(highest)))
	}
	io.Copy(io.Discard, r)
	return err
}

// prefixed checks a part of a page that begins with its length, and reads all of it.
func prefixed(page *bufio.Reader, check func(*bufio.Reader) error) error {
	var length [4]byte
	if _, err := io.ReadFull(page, length[:]); err != nil {
		return nil
	}
	part := io.LimitReader(page, int64(binary.LittleEndian.Uint32(length[:])))
	err := check(bufio.NewReader(part))
	io.Copy(io.Discard, part)
	return err
}

// runs counts the values, of so many bits, of runs and groups of eight until the reader ends.
func runs(r *bufio.Reader, width int) error {
	for n := uint64(0); ; {
		head, err := binary.ReadUvarint(r)
		if err != nil {
			return nil
		}
		count, skip := head>>1, (width+7)/8
		if count > mostPageValues {
			count = mostPageValues + 1
		}
		if head&1 == 1 {
			count, skip = 8*count, int(count)*width
		}
		if n += count; n > mostPageValues {
			return errManyValues
		}
		if _, err := r.Discard(skip); err != nil {
			return nil
		}
	}
}

// deltas reads the numbers of 32 bits that are written by their differences, and returns the sum of those above 0.
func deltas(r *bufio.Reader) (sum int64, err error) {
	var head [3]uint64 // the numbers of a block, the parts of a block, the numbers of all
	for i := range head {
		if head[i], err = binary.ReadUvarint(r); err != nil {
			return 0, nil
		}
	}
	first, err := binary.ReadVarint(r)
	if err != nil {
		return 0, nil
	}
	block, parts, left := head[0], head[1], head[2]
	if left > mostPageValues {
		return 0, errManyValues
	}
	if left == 0 || parts == 0 || parts > 1<<16 || block > 1<<16 {
		return 0, nil
	}
	d := deltaSum{r: r, number: int32(first), left: left - 1, part: block / parts}
	d.sum = int64(max(d.number, 0))
	widths := make([]byte, parts)
	for ok := true; ok && d.left > 0; {
		least, err := binary.ReadVarint(r)
		if err != nil {
			break
		}
		if _, err := io.ReadFull(r, widths); err != nil {
			break
		}
		for _, width := range widths {
			if ok = ok && d.add(int32(least), uint(width)); d.left == 0 {
				break
			}
		}
	}
	return d.sum, nil
}

// deltaSum adds up numbers.
type deltaSum struct {
	r      *bufio.Reader
	number int32 // the last
	sum    int64
	left   uint64 // numbers to come
	part   uint64 // the differences of a part of a block
}

// add reads a part of a block, of differences of so many bits above the least. It returns false where the page ends.
func (d *deltaSum) add(least int32, width uint) bool {
	in := bitReader{r: d.r, width: width}
	for range d.part {
		difference, err := in.next()
		if err != nil {
			return false
		}
		if d.left > 0 { // the last part is filled up
			d.number += least + int32(difference)
			d.sum += int64(max(d.number, 0))
			d.left--
		}
	}
	return true
}

// bitReader reads numbers of so many bits, the lowest first.
type bitReader struct {
	r     io.ByteReader
	width uint
	bits  uint64
	have  uint
}

func (b *bitReader) next() (uint64, error) {
	for b.have < b.width {
		c, err := b.r.ReadByte()
		if err != nil {
			return 0, err
		}
		b.bits |= uint64(c) << b.have
		b.have += 8
	}
	n := b.bits & (1<<b.width - 1)
	b.bits >>= b.width
	b.have -= b.width
	return n, nil
}
