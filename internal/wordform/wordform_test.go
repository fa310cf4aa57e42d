package wordform_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/alike-ml/alike/internal/wordform"
)

func TestTrim(t *testing.T) {
	for _, c := range [][4]string{
		{"word", "", "word", ""}, {"(\"Don't!\")", "(\"", "Don't", "!\")"}, {"...", "...", "", ""}, {"", "", "", ""}, {"»é«", "»", "é", "«"}, {"3.5%", "", "3.5", "%"},
	} {
		if before, core, after := wordform.Trim(c[0]); before != c[1] || core != c[2] || after != c[3] {
			t.Errorf("%q: %q, %q, %q, want %q, %q, %q", c[0], before, core, after, c[1], c[2], c[3])
		}
	}
}

// The three parts are the word, and of its ends only the core's are letters or digits.
func TestTrimLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.String().Draw(t, "word")
		before, core, after := wordform.Trim(word)
		if before+core+after != word {
			t.Fatalf("%q became %q, %q, %q", word, before, core, after)
		}
		inside := func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }
		if strings.ContainsFunc(before+after, inside) || core != strings.TrimFunc(core, func(c rune) bool { return !inside(c) }) {
			t.Fatalf("%q became %q, %q, %q", word, before, core, after)
		}
	})
}
