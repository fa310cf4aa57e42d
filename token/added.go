package token

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"
)

// An added token is looked for in the text itself, before words are made of it: "[MASK]" is one token, and not three words.
type added struct {
	Content    string `json:"content"`
	ID         int32  `json:"id"`
	SingleWord bool   `json:"single_word"` // only between characters that are not part of a word
	LStrip     bool   `json:"lstrip"`      // takes the space before it along
	RStrip     bool   `json:"rstrip"`      // takes the space behind it along
	Normalized bool   `json:"normalized"`  // is looked for after normalization
	Special    bool   `json:"special"`
}

// A matcher finds the first of its tokens in a text, of several that begin there the longest.
type matcher struct {
	byFirst [256][]added // longest first
	any     bool
}

// A match is a token found at text[start:end]; without one, both are the text's length.
type match struct {
	start, end int
	id         int32
}

func newMatcher(tokens []added) matcher {
	var m matcher
	for _, a := range tokens {
		if a.Content == "" {
			continue
		}
		list := &m.byFirst[a.Content[0]]
		*list = append(*list, a)
		m.any = true
	}
	for _, list := range m.byFirst {
		slices.SortStableFunc(list, func(a, b added) int { return len(b.Content) - len(a.Content) })
	}
	return m
}

func (m *matcher) find(text []byte) match {
	if m.any {
		for i, c := range text {
			for _, a := range m.byFirst[c] {
				if len(text)-i < len(a.Content) || string(text[i:i+len(a.Content)]) != a.Content {
					continue
				}
				start, end := i, i+len(a.Content)
				if a.SingleWord && (endsInWord(text[:start]) || beginsInWord(text[end:])) {
					continue
				}
				if a.LStrip {
					start = len(bytes.TrimRightFunc(text[:start], unicode.IsSpace))
				}
				if a.RStrip {
					end = len(text) - len(bytes.TrimLeftFunc(text[end:], unicode.IsSpace))
				}
				return match{start, end, a.ID}
			}
		}
	}
	return match{start: len(text), end: len(text)}
}

func endsInWord(text []byte) bool {
	r, _ := utf8.DecodeLastRune(text)
	return len(text) > 0 && isWord(r)
}

func beginsInWord(text []byte) bool {
	r, _ := utf8.DecodeRune(text)
	return len(text) > 0 && isWord(r)
}

// isWord tells the characters of \w as Unicode's technical standard 18 has it. Oniguruma's, in patterns, is another.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}
