package positive

import (
	"slices"
	"testing"
)

func TestTextsThatNameASide(t *testing.T) {
	for text, want := range map[string]bool{
		"man running: facing right": true,
		"Left-hand gloves":          true,
		"the WESTERN wall":          true,
		"turn ↩":                    true,
		"👉":                         true,
		"copyright":                 false,
		"up and down ↑":             false,
		"a bright leftover":         false,
		"":                          false,
	} {
		if NamesSides(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
	if !slices.IsSorted(sideWords) {
		t.Error("the words are not in order")
	}
}
