package token

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// The expressions by which GPT-2 (openai/gpt-2, encoder.py) and CLIP (openai/CLIP, simple_tokenizer.py) split text into words,
// as tokenizer.json has them, and the same written out.
const (
	gpt2Expression = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	clipExpression = `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`
)

// A kind of character is what the expressions tell apart.
type kind uint8

const (
	otherKind kind = iota
	letterKind
	numberKind
	spaceKind
)

func kindOf(r rune) kind {
	if r < utf8.RuneSelf {
		return asciiKinds[r]
	}
	switch {
	case unicode.IsLetter(r):
		return letterKind
	case unicode.In(r, unicode.N):
		return numberKind
	case unicode.IsSpace(r):
		return spaceKind
	}
	return otherKind
}

var asciiKinds = func() (kinds [utf8.RuneSelf]kind) {
	for c := range rune(utf8.RuneSelf) {
		switch {
		case unicode.IsLetter(c):
			kinds[c] = letterKind
		case unicode.IsDigit(c):
			kinds[c] = numberKind
		case unicode.IsSpace(c):
			kinds[c] = spaceKind
		}
	}
	return kinds
}()

// run returns how many bytes of characters of one kind text begins with.
func run(text []byte, k kind) int {
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		if kindOf(r) != k {
			return i
		}
		i += size
	}
	return len(text)
}

var contractions = [][]byte{[]byte("'s"), []byte("'t"), []byte("'re"), []byte("'ve"), []byte("'m"), []byte("'ll"), []byte("'d")}

// contraction returns the length of the English ending that text begins with, 0 for none.
func contraction(text []byte) int {
	if text[0] == '\'' {
		for _, c := range contractions {
			if bytes.HasPrefix(text, c) {
				return len(c)
			}
		}
	}
	return 0
}

// gpt2Pattern matches, one after the other, words with the space before them: every character is part of a match.
func gpt2Pattern(text []byte, from int) (start, end int) {
	rest := text[from:]
	if len(rest) == 0 {
		return from, from
	}
	if n := contraction(rest); n > 0 {
		return from, from + n
	}
	before := 0
	if rest[0] == ' ' && len(rest) > 1 {
		before = 1
	}
	r, _ := utf8.DecodeRune(rest[before:])
	if k := kindOf(r); k != spaceKind {
		return from, from + before + run(rest[before:], k)
	}
	n := run(rest, spaceKind)
	if _, size := utf8.DecodeLastRune(rest[:n]); n < len(rest) && size < n {
		n -= size // the last space belongs to what follows
	}
	return from, from + n
}

// clipPattern matches CLIP's special tokens and words.
func clipPattern(text []byte, from int) (start, end int) {
	start, end = clipWord(text, from)
	for _, special := range []string{"<|startoftext|>", "<|endoftext|>"} {
		if bytes.HasPrefix(text[start:], []byte(special)) {
			return start, start + len(special)
		}
	}
	return start, end
}

// clipWord matches words: English endings, runs of letters, single digits, runs of anything else but spaces.
func clipWord(text []byte, from int) (start, end int) {
	start = from + run(text[from:], spaceKind)
	rest := text[start:]
	if len(rest) == 0 {
		return start, start
	}
	if n := contraction(rest); n > 0 {
		return start, start + n
	}
	r, size := utf8.DecodeRune(rest)
	if k := kindOf(r); k != numberKind {
		size = run(rest, k)
	}
	return start, start + size
}

// wordsAndSigns matches runs of characters of words, and runs of others, but spaces: `\w+|[^\w\s]+`.
func wordsAndSigns(text []byte, from int) (start, end int) {
	start = from + run(text[from:], spaceKind)
	for end = start; end < len(text); {
		r, size := utf8.DecodeRune(text[end:])
		first, _ := utf8.DecodeRune(text[start:])
		if kindOf(r) == spaceKind || isWord(r) != isWord(first) {
			break
		}
		end += size
	}
	return start, end
}

// byteLetters are the characters that byte-level vocabularies write bytes as: itself what can be seen, U+0100 and on what cannot
// (openai/gpt-2, encoder.py, bytes_to_unicode).
var byteLetters = func() (letters [256]rune) {
	next := rune(0x100)
	for b := range letters {
		if '!' <= b && b <= '~' || 0xa1 <= b && b <= 0xac || 0xae <= b {
			letters[b] = rune(b)
		} else {
			letters[b] = next
			next++
		}
	}
	return letters
}()

// appendByteLetters appends the characters that stand for the bytes of text.
func appendByteLetters(dst, text []byte) []byte {
	for _, c := range text {
		dst = utf8.AppendRune(dst, byteLetters[c])
	}
	return dst
}

// byteOfLetter is what a character stands for.
var byteOfLetter = func() map[rune]byte {
	bytes := map[rune]byte{}
	for b, letter := range byteLetters {
		bytes[letter] = byte(b)
	}
	return bytes
}()
