// Package wordform takes written words apart, for the rules that make texts of texts.
package wordform

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Trim takes off what is no letter or digit at a word's ends: before + core + after is the word. The core is empty, and all is before
// it, where the word has neither.
func Trim(word string) (before, core, after string) {
	inside := func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }
	start := strings.IndexFunc(word, inside)
	if start < 0 {
		return word, "", ""
	}
	end := strings.LastIndexFunc(word, inside)
	_, size := utf8.DecodeRuneInString(word[end:])
	return word[:start], word[start : end+size], word[end+size:]
}

// Capital tells whether a word begins with a capital.
func Capital(word string) bool {
	first, _ := utf8.DecodeRuneInString(word)
	return unicode.IsUpper(first)
}

// Uncapital is a word without a capital at its beginning.
func Uncapital(word string) string { return withFirst(word, unicode.ToLower) }

// Put is a written word with another in the place of its core, which begins with a capital where the core does.
func Put(word, other string) string {
	before, core, after := Trim(word)
	if Capital(core) {
		other = withFirst(other, unicode.ToUpper)
	}
	return before + other + after
}

func withFirst(word string, change func(rune) rune) string {
	first, size := utf8.DecodeRuneInString(word)
	if size == 0 {
		return word
	}
	return string(change(first)) + word[size:]
}

// Fits tells whether a word can stand in the place of another after a word as it is written before both: behind "a" and "an" both
// begin with a vowel, or neither does.
func Fits(other, word, before string) bool {
	if !strings.EqualFold(before, "a") && !strings.EqualFold(before, "an") {
		return true
	}
	return vowelFirst(other) == vowelFirst(word)
}

func vowelFirst(word string) bool { return word != "" && strings.IndexByte("aeiouAEIOU", word[0]) >= 0 }
