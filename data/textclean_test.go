package data

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestCleanedTexts(t *testing.T) {
	for text, want := range map[string]string{
		"as it is":                           "as it is",
		"  two  spaces\tand\r\nlines\u00a0 ": "two spaces and lines",
		"\x00nul\x1b[0m":                     "nul [0m",
		"u\u0308ber":                         "über",
		"\u212b":                             "Å",
		"wide\u3000空白":                       "wide 空白",
		"👩\u200d🚀":                           "👩\u200d🚀",
		"a \u0301":                           "a \u0301",
	} {
		got, err := DefaultTextOptions().clean(text)
		if err != nil || got != want {
			t.Errorf("%q becomes %q (%v), want %q", text, got, err, want)
		}
		if got, err := (TextOptions{}).clean(text); err != nil || got != text {
			t.Errorf("%q becomes %q (%v) without cleaning", text, got, err)
		}
	}
	opt := DefaultTextOptions()
	opt.MinChars, opt.MaxChars = 2, 3
	for text, want := range map[string]DropReason{
		"é": TooShort, "e\u0301": TooShort, " a ": TooShort, "大": TooShort, "大大": "", "abc": "", "ae\u0301o": "", "abcd": TooLong, "a  b": "",
		"": Empty, "\u00a0\n": Empty, "a\xffb": InvalidUTF8, "\xed\xa0\x80": InvalidUTF8, strings.Repeat("a", 100): TooLong,
	} {
		_, err := opt.clean(text)
		var bad *badRow
		if errors.As(err, &bad); want == "" && err != nil || want != "" && (bad == nil || bad.reason != want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestCleaningTwiceIsCleaningOnce, and what comes out is NFC, with single spaces between words and the words that went in.
func TestCleaningTwiceIsCleaningOnce(t *testing.T) {
	runes := rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune(" \t\n\u00a0\u2003\u0301\u0308\u200d\x00aeué가")))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(runes).Draw(t, "text")
		opt := DefaultTextOptions()
		opt.MinChars = 0
		got, err := opt.clean(text)
		if err != nil {
			if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsControl(r) }) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := opt.clean(got)
		if err != nil || again != got {
			t.Fatalf("%q becomes %q and then %q (%v)", text, got, again, err)
		}
		if !norm.NFC.IsNormalString(got) || !utf8.ValidString(got) {
			t.Fatalf("%q becomes %q", text, got)
		}
		words := strings.Split(got, " ")
		want := strings.Fields(strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, norm.NFC.String(text)))
		if strings.Join(words, "|") != strings.Join(want, "|") {
			t.Fatalf("%q has the words %q, want %q", text, words, want)
		}
	})
}
