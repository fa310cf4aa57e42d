package jpeg

import (
	"bytes"
	"encoding/binary"
)

// lookBits is how many bits of a code and what follows it are looked up at once.
const lookBits = 9

// The classes of tables.
const (
	dcClass = 0
	acClass = 1
)

// longest is the most bits that a code and the number after it have: 16, and 15 for the number.
const longest = 31

// endOfBlock is the symbol that says that the rest of the block is 0; 0xf0 says that the next 16 coefficients are 0.
const endOfBlock = 0x00

// huffman decodes the codes of one table.
type huffman struct {
	defined    bool
	definition []byte // as it stands in the file; most files have the same
	values     []byte // the part of definition with the symbols, in the order of their codes

	// look tells what the next lookBits bits begin with. For a code and a number that both fit, it is
	// number<<16 | run<<8 | bits of both. For a code that fits while its number is 0 or does not fit, it is
	// symbol<<8 | bits of the code. For longer codes it is 0.
	look [1 << lookBits]int32

	// limit[n] is the end of the codes of n bits, which is the start of those of n+1 bits, as the top bits of 16.
	limit [17]uint32
	// first[n] is the index in values of the code of n bits that is all zeros, were it one.
	first [17]int32
}

// define builds the table from its definition: the number of codes of each length, then the symbols (C.2). It returns
// false when the lengths make no prefix code, or when a symbol is none for 8-bit pictures (tables F.1 and F.2).
func (h *huffman) define(class byte, definition []byte) bool {
	for _, symbol := range definition[16:] {
		if class == dcClass && symbol > 11 || class == acClass && symbol&15 == 0 && symbol != endOfBlock && symbol != 0xf0 {
			return false
		}
	}
	h.defined = true
	if bytes.Equal(h.definition, definition) {
		return true
	}
	h.definition = append(h.definition[:0], definition...)
	h.values = h.definition[16:]
	clear(h.look[:])
	code, index := uint32(0), 0
	for n := 1; n <= 16; n++ {
		code <<= 1
		h.first[n] = int32(index) - int32(code)
		for range definition[n-1] {
			if n <= lookBits {
				h.lookUp(code, n, h.values[index])
			}
			code++
			index++
		}
		if code > 1<<n {
			h.defined, h.definition = false, nil
			return false
		}
		h.limit[n] = code << (16 - n)
	}
	return true
}

// lookUp fills in look for a symbol whose code has n bits.
func (h *huffman) lookUp(code uint32, n int, symbol byte) {
	free := lookBits - n
	if int(code) >= 1<<n {
		return // define reports it
	}
	run, size := int32(symbol>>4), int(symbol&15)
	for rest := range 1 << free {
		entry := int32(symbol)<<8 | int32(n)
		if size > 0 && size <= free {
			number := extend(int32(rest>>(free-size)), size)
			entry = number<<16 | run<<8 | int32(n+size)
		}
		h.look[int(code)<<free|rest] = entry
	}
}

// decode returns the symbol at the top of next, the number after it, and the bits of both; 0 bits when there is none.
// It is right for every code, and the symbol is 0 where look has the number.
func (h *huffman) decode(next uint64) (symbol byte, number int32, bits int) {
	entry := h.look[next>>(64-lookBits)]
	if entry>>16 != 0 {
		return 0, entry >> 16, int(entry & 0xff)
	}
	symbol, bits = byte(entry>>8), int(entry&0xff)
	if entry == 0 {
		if symbol, bits = h.long(next); bits == 0 {
			return 0, 0, 0
		}
	}
	if size := int(symbol & 15); size > 0 {
		number = extend(int32(next<<bits>>(64-size)), size)
		bits += size
	}
	return symbol, number, bits
}

// long returns the symbol of the code at the top of next that has more than lookBits bits, and its length; 0 for none.
func (h *huffman) long(next uint64) (symbol byte, bits int) {
	code := uint32(next >> 48)
	for n := lookBits + 1; n <= 16; n++ {
		if code < h.limit[n] {
			return h.values[int32(code>>(16-n))+h.first[n]], n
		}
	}
	return 0, 0
}

// extend turns the bits that follow a code into the number they mean (F.2.2.1).
func extend(bits int32, size int) int32 {
	if bits < 1<<(size-1) {
		return bits - 1<<size + 1
	}
	return bits
}

// bitReader reads the entropy-coded data of a scan (F.2.2.5), up to the next marker.
type bitReader struct {
	data []byte
	at   int    // next byte
	next uint64 // the next bits, from the top
	have int    // how many bits of next count
	zero int    // how many of these are zeros beyond the data
}

// fill returns next and have with at least 56 bits in them. Past the data it makes up zeros.
func (r *bitReader) fill(next uint64, have int) (uint64, int) {
	if r.at+8 <= len(r.data) {
		if x := binary.BigEndian.Uint64(r.data[r.at:]); !hasFF(x) {
			// Bits of the last byte that does not fit whole get in too; they will be there again, as they are.
			next |= x >> (have & 63)
			r.at += (63 - have) >> 3
			return next, have | 56
		}
	}
	for have < 56 {
		b := byte(0)
		switch {
		case r.at >= len(r.data):
			r.zero += 8
		case r.data[r.at] != 0xff:
			b = r.data[r.at]
			r.at++
		case r.at+1 < len(r.data) && r.data[r.at+1] == 0:
			b = 0xff
			r.at += 2
		default: // a marker
			r.zero += 8
		}
		next |= uint64(b) << (56 - have)
		have += 8
	}
	return next, have
}

// hasFF reports whether one of the bytes of x is 0xff.
func hasFF(x uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	return (x & ^(x+ones))&tops != 0
}

// marker reads on to the marker that ends the data and returns it. It returns 0 unless all bits were used but those that
// fill the last byte, and no more.
func (r *bitReader) marker() byte {
	r.next, r.have = r.fill(r.next, r.have)
	if left := r.have - r.zero; left < 0 || left >= 8 || r.at+2 > len(r.data) {
		return 0
	}
	m := r.data[r.at+1] // a marker is at hand, as fewer than 56 bits were
	*r = bitReader{data: r.data, at: r.at + 2}
	return m
}
