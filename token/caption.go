package token

import (
	"bytes"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// cleanCaption does what open_clip's tokenizer does first (mlfoundations/open_clip, tokenizer.py, _clean_lower): ftfy's repairs, HTML's
// character references resolved twice, spaces made one, capitals made small. Of ftfy's repairs (rspeer/python-ftfy 6.3, fix_text)
// one is left out: text that was decoded with a wrong encoding ("sÃ³" for "só") is not guessed back.
func cleanCaption(text []byte) []byte {
	if !isPlain(text) {
		repaired := repair(string(validUTF8(text)))
		text = []byte(unescapeHTML(unescapeHTML(repaired)))
	}
	text = lowerAsPython(bytes.Join(bytes.Fields(text), []byte{' '}))
	return bytes.ReplaceAll(text, iotaBelow, []byte{' '})
}

// iotaBelow, U+0345, is the one character that no part of CLIP's expression matches: its capital is a letter, itself it is a mark.
var iotaBelow = []byte("\u0345")

// isPlain tells that there is nothing to repair or to resolve.
func isPlain(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf || c == '&' || c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// repair applies ftfy's repairs line by line, until nothing changes. From the first line with a "<" on, the text counts as
// HTML whose references are somebody else's to resolve.
func repair(text string) string {
	var b strings.Builder
	unescape := true
	for line := range strings.SplitAfterSeq(text, "\n") {
		unescape = unescape && !strings.Contains(line, "<")
		for range maxRepairs {
			before := line
			if unescape {
				line = reference.ReplaceAllStringFunc(line, resolveReference)
			}
			line = terminalEscape.ReplaceAllString(repairCharacters(line), "")
			line = string(form(norm.NFC)([]byte(line)))
			if line == before {
				break
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

// maxRepairs keeps a line of nothing but "&amp;amp;amp;" from taking an hour.
const maxRepairs = 100

var (
	beginsAsEscape = regexp.MustCompile("^\x1b\\[[0-9;]*[a-zA-Z]")
	terminalEscape = regexp.MustCompile("\x1b\\[[0-9;]*[a-zA-Z]")
	reference      = regexp.MustCompile(`&#?[0-9A-Za-z]{1,24};`)
)

// repairCharacters does what ftfy does to single characters: C1 controls are those of Windows-1252, ligatures and half- or
// full-width forms are taken apart, quotes uncurled, line breaks made one, controls removed.
func repairCharacters(line string) string {
	line = strings.ReplaceAll(line, "\r\n", "\n")
	var b strings.Builder
	for i, r := range line {
		switch {
		case 0x80 <= r && r < 0xa0:
			r = windows1252[r-0x80]
		case r == 0x3000:
			r = ' '
		case 0xff01 <= r && r < 0xfff0:
			b.WriteString(norm.NFKC.String(string(r)))
			continue
		}
		if parts, found := ligatures[r]; found {
			b.WriteString(parts)
			continue
		}
		switch {
		case r == 0x2bc, 0x2018 <= r && r <= 0x201b:
			r = '\''
		case 0x201c <= r && r <= 0x201f:
			r = '"'
		case r == '\r', r == 0x2028, r == 0x2029, r == 0x85:
			r = '\n'
		case r == 0x1b && beginsAsEscape.MatchString(line[i:]):
			// removed as a whole afterwards
		case r < 0x20 && r != '\t' && r != '\n' && r != '\f', r == 0x7f, 0x206a <= r && r < 0x2070, r == 0xfeff, 0xfff9 <= r && r < 0xfffd:
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// ligatures of Latin letters; ŉ with its quote uncurled.
var ligatures = map[rune]string{
	'Ĳ': "IJ", 'ĳ': "ij", 'ŉ': "'n", 'Ǳ': "DZ", 'ǲ': "Dz", 'ǳ': "dz", 'Ǆ': "DŽ", 'ǅ': "Dž", 'ǆ': "dž", 'Ǉ': "LJ", 'ǈ': "Lj", 'ǉ': "lj",
	'Ǌ': "NJ", 'ǋ': "Nj", 'ǌ': "nj", 'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "ſt", 'ﬆ': "st",
}

// windows1252 are the characters of its bytes 0x80 to 0x9f.
var windows1252 = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")

// resolveReference resolves one reference that ends in ";", if it is known; names written in capitals too, as &EACUTE;.
func resolveReference(name string) string {
	resolved := unescapeHTML(name)
	if resolved == name && name == strings.ToUpper(name) {
		resolved = strings.ToUpper(unescapeHTML(strings.ToLower(name)))
	}
	if strings.Contains(resolved, ";") {
		return name
	}
	return resolved
}

// unescapeHTML resolves references as Python's html.unescape does. Numbers that HTML forbids are removed, where Go's html package
// keeps them.
func unescapeHTML(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	var b strings.Builder
	for text != "" {
		at := strings.IndexByte(text, '&')
		if at < 0 {
			break
		}
		b.WriteString(text[:at])
		text = text[at:]
		if resolved, length := numericReference(text); length > 0 {
			b.WriteString(resolved)
			text = text[length:]
			continue
		}
		if strings.HasPrefix(text, "&#") { // no number
			b.WriteByte('&')
			text = text[1:]
			continue
		}
		end := len(text)
		if next := strings.IndexByte(text[1:], '&'); next >= 0 {
			end = next + 1
		}
		b.WriteString(html.UnescapeString(text[:end]))
		text = text[end:]
	}
	return b.String() + text
}

var number = regexp.MustCompile(`^&#(?:([0-9]+)|[xX]([0-9a-fA-F]+));?`)

// numericReference resolves a reference like &#38; or &#x26; that text begins with; its length is 0 when there is none.
func numericReference(text string) (resolved string, length int) {
	m := number.FindStringSubmatch(text)
	if m == nil {
		return "", 0
	}
	digits, base := m[1], 10
	if digits == "" {
		digits, base = m[2], 16
	}
	code, err := strconv.ParseInt(digits, base, 32)
	r := rune(code)
	switch {
	case err != nil, r == 0, r > unicode.MaxRune, 0xd800 <= r && r < 0xe000:
		r = utf8.RuneError
	case r == '\r':
	case 0x80 <= r && r < 0xa0:
		r = windows1252[r-0x80]
	case r < 0x9, r == 0xb, 0xe <= r && r < 0x20, r == 0x7f, 0xfdd0 <= r && r < 0xfdf0, r&0xfffe == 0xfffe:
		return "", len(m[0])
	}
	return string(r), len(m[0])
}

// lowerAsPython makes small letters as Python's str.lower: İ becomes two characters, and a Σ at a word's end ς.
func lowerAsPython(text []byte) []byte {
	out := make([]byte, 0, len(text)+8)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == 'Σ' && isCased(bytes.TrimRightFunc(text[:i], isIgnoredByCase), utf8.DecodeLastRune) &&
			!isCased(bytes.TrimLeftFunc(text[i+size:], isIgnoredByCase), utf8.DecodeRune) {
			out = append(out, "ς"...)
		} else {
			out = appendLower(out, r)
		}
		i += size
	}
	return out
}

func isCased(text []byte, decode func([]byte) (rune, int)) bool {
	r, _ := decode(text)
	return len(text) > 0 && unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

// isIgnoredByCase tells what does not end a word when it is asked whether letters stand before or behind.
func isIgnoredByCase(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:··״‘’․‧︓﹕﹒＇．：", r)
}
