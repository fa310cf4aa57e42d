package token

import (
	"unicode"
	"unicode/utf8"
)

// The classes of characters are the reference's, whose tables of Unicode stand still while Go's grow with its releases: the
// same text has to give the same ids whatever a program was built with.

// A class says what becomes of a character in BERT's reading.
type class uint8

const (
	letter      class = iota // anything else
	space                    // ends a word
	punctuation              // a word of its own
	removed                  // controls, formats, private use
	mark                     // nonspacing marks
)

// planeClasses are the classes of the characters below U+10000.
var planeClasses = func() (classes [0x10000]class) {
	for r := range rune(0x80) {
		classes[r] = asciiClass(r)
	}
	for _, t := range []struct {
		ranges []rune
		class  class
	}{{spaceRanges, space}, {removedRanges, removed}, {markRanges, mark}, {punctuationRanges, punctuation}} {
		for i := 0; i < len(t.ranges); i += 2 {
			for r := t.ranges[i]; r <= t.ranges[i+1] && r < 0x10000; r++ {
				classes[r] = t.class
			}
		}
	}
	return classes
}()

func asciiClass(r rune) class {
	switch {
	case '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		return letter
	case '!' <= r && r <= '~':
		return punctuation
	case r == ' ', r == '\t', r == '\n', r == '\r':
		return space
	}
	return removed
}

func classOf(r rune) class {
	switch {
	case r < 0x10000:
		return planeClasses[r]
	case inRanges(removedRanges, r):
		return removed
	case inRanges(markRanges, r):
		return mark
	case inRanges(punctuationRanges, r):
		return punctuation
	}
	return letter
}

// spaceRanges are the spaces beyond ASCII, but U+0085, which counts as a control.
var spaceRanges = []rune{0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f, 0x3000, 0x3000}

// inRanges looks for r among first and last of each range, in order.
func inRanges(ranges []rune, r rune) bool {
	low, high := 0, len(ranges)/2
	for low < high {
		switch middle := (low + high) / 2; {
		case r < ranges[2*middle]:
			high = middle
		case r > ranges[2*middle+1]:
			low = middle + 1
		default:
			return true
		}
	}
	return false
}

// isIdeograph tells the blocks of Chinese characters that BERT makes words of. Extension E begins at U+2B820; the reference
// begins it at U+2B920, and so does every vocabulary that was made with it.
func isIdeograph(r rune) bool {
	return r >= 0x3400 && (r <= 0x4dbf || 0x4e00 <= r && r <= 0x9fff || 0xf900 <= r && r <= 0xfaff ||
		0x20000 <= r && r <= 0x2a6df || 0x2a700 <= r && r <= 0x2b81f || 0x2b920 <= r && r <= 0x2ceaf || 0x2f800 <= r && r <= 0x2fa1f)
}

// appendLower appends the lower case of one character. Of all characters only İ becomes two.
func appendLower(dst []byte, r rune) []byte {
	if r == 'İ' {
		return append(dst, "i̇"...)
	}
	return utf8.AppendRune(dst, unicode.ToLower(r))
}
