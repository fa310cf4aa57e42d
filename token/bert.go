package token

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// bertNormalizer is the normalization of BERT's basic tokenizer (google-research/bert, tokenization.py): control characters go,
// every space becomes ' ', a Chinese character a word, accents go, and letters become small. It works character by
// character, so that the order of combining marks that are not accents stays as it was; no vocabulary has such.
type bertNormalizer struct {
	Clean       bool  `json:"clean_text"`
	Ideographs  bool  `json:"handle_chinese_chars"`
	StripAccent *bool `json:"strip_accents"` // as Lowercase where it is not set
	Lowercase   bool  `json:"lowercase"`
}

func (n bertNormalizer) stripsAccents() bool {
	if n.StripAccent != nil {
		return *n.StripAccent
	}
	return n.Lowercase
}

// appendRune appends what becomes of one character: nothing, one character or several.
func (n bertNormalizer) appendRune(dst, raw []byte, r rune, strip bool) []byte {
	if n.Clean {
		switch classOf(r) {
		case removed:
			return dst
		case space:
			return append(dst, ' ')
		}
	}
	ideograph := n.Ideographs && isIdeograph(r)
	if ideograph {
		dst = append(dst, ' ')
	}
	if strip {
		dst = n.appendStripped(dst, raw, r)
	} else {
		dst = n.appendCase(dst, r)
	}
	if ideograph {
		dst = append(dst, ' ')
	}
	return dst
}

// appendStripped appends the letters of a character, without the marks it is made of (normal form D).
func (n bertNormalizer) appendStripped(dst, raw []byte, r rune) []byte {
	if hangulFirst <= r && r <= hangulLast { // taken apart by arithmetic; The Unicode Standard, section 3.12
		s := r - hangulFirst
		dst = utf8.AppendRune(dst, 0x1100+s/588)
		dst = utf8.AppendRune(dst, 0x1161+s%588/28)
		if s%28 > 0 {
			dst = utf8.AppendRune(dst, 0x11a7+s%28)
		}
		return dst
	}
	parts := norm.NFD.Properties(raw).Decomposition()
	if parts == nil || r == lateDecomposition {
		parts = raw
	}
	for len(parts) > 0 {
		part, size := utf8.DecodeRune(parts)
		parts = parts[size:]
		if classOf(part) != mark {
			dst = n.appendCase(dst, part)
		}
	}
	return dst
}

const (
	hangulFirst, hangulLast = '가', '힣'
	// lateDecomposition, 𑤸, decomposes since Unicode 13, which the reference's tables do not know.
	lateDecomposition = '\U00011938'
)

func (n bertNormalizer) appendCase(dst []byte, r rune) []byte {
	if n.Lowercase {
		return appendLower(dst, r)
	}
	return utf8.AppendRune(dst, r)
}

// bertScanner reads as BERT does: the normalization above, and words between spaces, each character of punctuation a word.
type bertScanner struct {
	normalizer bertNormalizer
	strip      bool
	// Of an ASCII character: its class, and the character that it becomes.
	class   [utf8.RuneSelf]class
	becomes [utf8.RuneSelf]byte
}

func newBertScanner(n bertNormalizer) *bertScanner {
	s := &bertScanner{normalizer: n, strip: n.stripsAccents()}
	for c := range byte(utf8.RuneSelf) {
		s.class[c], s.becomes[c] = s.classOf(rune(c)), c
		if n.Lowercase && 'A' <= c && c <= 'Z' {
			s.becomes[c] = c + 'a' - 'A'
		}
	}
	return s
}

// classOf tells a normalized character's class. Controls that were not taken out are letters, or spaces.
func (s *bertScanner) classOf(r rune) class {
	switch c := classOf(r); {
	case c != removed:
		return c
	case s.normalizer.Clean:
		return removed
	case unicode.IsSpace(r):
		return space
	}
	return letter
}

func (s *bertScanner) scan(to sink, b *buffers, text []byte, _ bool) bool {
	word := b.word[:0]
	defer func() { b.word = word }()
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[i:])
			raw := text[i : i+size]
			if r == utf8.RuneError {
				raw = replacement
			}
			b.char = s.normalizer.appendRune(b.char[:0], raw, r, s.strip)
			for rest := b.char; len(rest) > 0; {
				r, size := utf8.DecodeRune(rest)
				switch s.classOf(r) {
				case space:
					if !to.word(word) {
						return false
					}
					word = word[:0]
				case punctuation:
					if !to.word(word) || !to.word(rest[:size]) {
						return false
					}
					word = word[:0]
				default:
					word = append(word, rest[:size]...)
				}
				rest = rest[size:]
			}
			i += size
			continue
		}
		switch i++; s.class[c] {
		case letter:
			word = append(word, s.becomes[c])
		case space:
			if !to.word(word) {
				return false
			}
			word = word[:0]
		case punctuation:
			if !to.word(word) || !to.word(text[i-1:i]) {
				return false
			}
			word = word[:0]
		}
	}
	return to.word(word)
}

// replacement stands for bytes that are not UTF-8.
var replacement = []byte("\uFFFD")
