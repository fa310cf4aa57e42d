package token

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A normalizer makes one spelling of several. What it returns may be the text itself, which it does not change.
type normalizer func(text []byte) []byte

// validUTF8 puts U+FFFD where bytes are not UTF-8, one for each, as Python's errors="replace" nearly does.
func validUTF8(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return eachRune(func(dst []byte, r rune) []byte { return utf8.AppendRune(dst, r) })(text)
}

// eachRune normalizes character by character.
func eachRune(appendTo func(dst []byte, r rune) []byte) normalizer {
	return func(text []byte) []byte {
		out := make([]byte, 0, len(text)+8)
		for i := 0; i < len(text); {
			r, size := utf8.DecodeRune(text[i:])
			out = appendTo(out, r)
			i += size
		}
		return out
	}
}

var lowercase = eachRune(appendLower)

func (n bertNormalizer) normalizer() normalizer {
	strip := n.stripsAccents()
	return func(text []byte) []byte {
		out := make([]byte, 0, len(text)+8)
		for i := 0; i < len(text); {
			r, size := utf8.DecodeRune(text[i:])
			out = n.appendRune(out, text[i:i+size], r, strip)
			i += size
		}
		return out
	}
}

// form is one of Unicode's normal forms. Go's puts U+034F into more than 30 marks in a row, which nobody else does: it is taken out.
func form(f norm.Form) normalizer {
	return func(text []byte) []byte {
		if f.IsNormal(text) {
			return text
		}
		normal := f.Bytes(text)
		if !bytes.Contains(text, graphemeJoiner) {
			normal = bytes.ReplaceAll(normal, graphemeJoiner, nil)
		}
		return normal
	}
}

var graphemeJoiner = []byte("\u034F")

// stripMarks takes out combining marks of every kind, as a step of its own; BERT's takes out nonspacing ones.
var stripMarks = eachRune(func(dst []byte, r rune) []byte {
	if inRanges(combiningRanges, r) {
		return dst
	}
	return utf8.AppendRune(dst, r)
})

// nmt takes out controls and makes spaces of what is like one, as SentencePiece's nmt rules do.
var nmt = eachRune(func(dst []byte, r rune) []byte {
	switch {
	case 0x1 <= r && r <= 0x8, r == 0xb, 0xe <= r && r <= 0x1f, r == 0x7f, r == 0x8f, r == 0x9f:
		return dst
	case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, 0x200b <= r && r <= 0x200f, r == 0x2028, r == 0x2029,
		r == 0x2581, r == 0xfeff, r == utf8.RuneError:
		return append(dst, ' ')
	}
	return utf8.AppendRune(dst, r)
})

func trim(left, right bool) normalizer {
	return func(text []byte) []byte {
		if left {
			text = bytes.TrimLeftFunc(text, unicode.IsSpace)
		}
		if right {
			text = bytes.TrimRightFunc(text, unicode.IsSpace)
		}
		return text
	}
}

func replaceAll(p pattern, with string) normalizer {
	return func(text []byte) []byte {
		start, end := p(text, 0)
		if start == end {
			return text
		}
		out := make([]byte, 0, len(text)+8)
		at := 0
		for start < end {
			out = append(append(out, text[at:start]...), with...)
			at = end
			start, end = p(text, at)
		}
		return append(out, text[at:]...)
	}
}

func prepend(prefix string) normalizer {
	return func(text []byte) []byte {
		if len(text) == 0 {
			return text
		}
		return append([]byte(prefix), text...)
	}
}

func byteLevelText(text []byte) []byte { return appendByteLetters(make([]byte, 0, len(text)+8), text) }
