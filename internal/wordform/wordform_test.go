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

func TestPutKeepsPunctuationAndTheCapital(t *testing.T) {
	for _, c := range [][3]string{
		{"word", "thing", "thing"}, {"(Word,", "thing", "(Thing,"}, {"Élan!", "été", "Été!"}, {"...", "thing", "...thing"}, {"A", "", ""}, {"3rd.", "4th", "4th."},
	} {
		if got := wordform.Put(c[0], c[1]); got != c[2] {
			t.Errorf("%q in the place of %q: %q, want %q", c[1], c[0], got, c[2])
		}
	}
	if got := wordform.Uncapital("Été"); got != "été" || wordform.Uncapital("") != "" || !wordform.Capital("Été") || wordform.Capital("") || wordform.Capital("3A") {
		t.Errorf("%q", got)
	}
}

func TestWordsFitTheirArticle(t *testing.T) {
	for _, c := range []struct {
		other, word, before string
		fits                bool
	}{
		{"pear", "apple", "an", false}, {"orange", "apple", "An", true}, {"pear", "lemon", "A", true}, {"orange", "Lemon", "a", false},
		{"pear", "apple", "the", true}, {"", "lemon", "a", true}, {"Orange", "apple", "an", true},
	} {
		if got := wordform.Fits(c.other, c.word, c.before); got != c.fits {
			t.Errorf("%q for %q after %q: %v", c.other, c.word, c.before, got)
		}
	}
}
