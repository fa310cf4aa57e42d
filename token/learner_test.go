package token

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Counting every pair anew before each merge, as algorithm 1 of the paper has it, finds the same merges.
func TestMergesAreThoseOfCountingAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.MapOf(rapid.StringMatching(`[abc]{1,9}`), rapid.IntRange(1, 5)).Draw(t, "words")
		size, minCount := rapid.IntRange(3, 30).Draw(t, "size"), rapid.IntRange(1, 4).Draw(t, "min count")
		l := newLearner(func(a, b string) string { return a + b })
		for _, c := range []string{"a", "b", "c"} {
			l.symbol(c)
		}
		plain := map[string][]string{}
		for word := range words {
			var symbols []int32
			for _, r := range word {
				symbols = append(symbols, l.symbol(string(r)))
			}
			l.addWord(symbols, words[word])
			plain[word] = strings.Split(word, "")
		}
		var got [][2]string
		for _, p := range l.learn(size, minCount) {
			got = append(got, [2]string{l.symbols[p.a], l.symbols[p.b]})
		}
		if diff := cmp.Diff(mergesByCountingAnew(plain, words, size, minCount), got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func mergesByCountingAnew(words map[string][]string, counts map[string]int, size, minCount int) (merges [][2]string) {
	symbols := map[string]bool{"a": true, "b": true, "c": true}
	for len(symbols) < size {
		pairs := map[[2]string]int{}
		for word, parts := range words {
			for i := 1; i < len(parts); i++ {
				pairs[[2]string{parts[i-1], parts[i]}] += counts[word]
			}
		}
		var best [2]string
		for p, count := range pairs {
			if c := pairs[best]; count > c || count == c && slices.Compare(p[:], best[:]) < 0 {
				best = p
			}
		}
		if pairs[best] < minCount {
			return merges
		}
		merges = append(merges, best)
		symbols[best[0]+best[1]] = true
		for word, parts := range words {
			var merged []string
			for i := 0; i < len(parts); i++ {
				if i+1 < len(parts) && parts[i] == best[0] && parts[i+1] == best[1] {
					merged = append(merged, parts[i]+parts[i+1])
					i++
				} else {
					merged = append(merged, parts[i])
				}
			}
			words[word] = merged
		}
	}
	return merges
}
