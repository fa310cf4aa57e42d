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
