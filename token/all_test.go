package token_test

import (
	"slices"
	"strings"
	"testing"
)

func TestAllTextsGetTheIDsOfEach(t *testing.T) {
	tokenizer := load(t, "testdata/bert")
	texts := []string{"", "x"}
	for i := range 1000 {
		texts = append(texts, strings.Repeat("which things are alike, ", i%50))
	}
	for _, length := range []int{0, 16} {
		lists := tokenizer.EncodeAll(texts, length)
		if len(lists) != len(texts) {
			t.Fatalf("%d lists of %d texts", len(lists), len(texts))
		}
		for i, text := range texts {
			if want := tokenizer.Encode(text, length); !slices.Equal(lists[i], want) {
				t.Fatalf("%q: %v, want %v", text, lists[i], want)
			}
		}
	}
	if got := tokenizer.EncodeAll(nil, 0); len(got) != 0 {
		t.Errorf("no text has %v", got)
	}
}
