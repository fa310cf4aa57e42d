package metric

import (
	"strings"
	"unicode"
)

// words returns the words of a text in small letters: every run of two or more letters, digits or underscores, as scikit-learn's
// text vectorizers cut it (CountVectorizer, token_pattern).
func words(text string) []string {
	runs := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_'
	})
	kept := runs[:0]
	for _, run := range runs {
		if len([]rune(run)) > 1 {
			kept = append(kept, run)
		}
	}
	return kept
}

// WordOverlap is the Jaccard index of the words of two texts, in [0, 1]: the words they share as a share of the words they have
// together. Words are those of [TFIDF]. It is 0 if neither text has any.
func WordOverlap(a, b string) float64 {
	inA, both := map[string]bool{}, map[string]bool{}
	for _, word := range words(a) {
		inA[word], both[word] = true, true
	}
	shared := map[string]bool{}
	for _, word := range words(b) {
		both[word] = true
		if inA[word] {
			shared[word] = true
		}
	}
	if len(both) == 0 {
		return 0
	}
	return float64(len(shared)) / float64(len(both))
}
