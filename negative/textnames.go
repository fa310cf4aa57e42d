package negative

import (
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/alike-ml/alike/internal/wordform"
)

// Names are the capitalised names of texts, by the word before them: "in", "at", "from", "to" or "near", so that places, mostly,
// stand in for places.
type Names struct{ after map[string][]string }

// maxNames is how many names are kept of those after one word, the first that were met twice, and maxCandidates how many are
// watched for a second time.
const (
	maxNames      = 1000
	maxCandidates = 20_000
)

var (
	notNames = set("i i'm i'll i've i'd mr mrs ms dr st ok tv monday tuesday wednesday thursday friday saturday sunday " +
		"january february march april may june july august september october november december")
	beforeNames = set("in at from to near")
	// afterNames are words that show that the name before them is whole.
	afterNames = set("in at from to near on and or for with by is are was were will has had that which who where when after before during")
)

// GatherNames reads texts once for the names in them that are met twice or more after one word. It keeps at most 1,000 for each.
func GatherNames(texts iter.Seq[string]) *Names {
	n := &Names{after: map[string][]string{}}
	met := map[string]int{}
	for text := range texts {
		words := strings.Fields(text)
		for _, s := range namesIn(words) {
			key, name := words[s.start-1], s.written(words)
			id := key + " " + name
			if times, known := met[id]; !known && len(met) >= maxCandidates || times >= 2 {
				continue
			}
			if met[id]++; met[id] == 2 && len(n.after[key]) < maxNames {
				n.after[key] = append(n.after[key], strings.Clone(name))
			}
		}
	}
	return n
}

// Swap puts another name that followed the same word in the texts in the place of a name, drawn at random both. It does not apply
// where there is no name that is clearly whole: one after "in", "at", "from", "to" or "near" and before punctuation or a word such
// as "on".
func (n *Names) Swap(text string, r *rand.Rand) (string, bool) {
	words := strings.Fields(text)
	type swap struct {
		s      span
		others []string
	}
	var swaps []swap
	for _, s := range namesIn(words) {
		name := s.written(words)
		others := slices.DeleteFunc(slices.Clone(n.after[words[s.start-1]]), func(o string) bool { return o == name })
		if len(others) > 0 {
			swaps = append(swaps, swap{s, others})
		}
	}
	if len(swaps) == 0 {
		return "", false
	}
	s := swaps[r.IntN(len(swaps))]
	return s.s.put(words, s.others[r.IntN(len(s.others))]), true
}

// span is a run of words.
type span struct{ start, end int }

// namesIn finds the runs of capitalised words that are whole names. Texts of capitals, days, months and titles have none.
func namesIn(words []string) []span {
	var list []span
	capitals, letters := 0, 0
	for _, w := range words {
		if _, core, _ := wordform.Trim(w); core != "" {
			letters++
			if wordform.Capital(core) {
				capitals++
			}
		}
	}
	if 2*capitals > letters {
		return nil
	}
	for i := 1; i < len(words); i++ {
		if !beforeNames[words[i-1]] {
			continue
		}
		s := span{i, i}
		for s.end < len(words) && partOfName(words[s.end]) {
			s.end++
			if hasEnd(words[s.end-1]) {
				break
			}
		}
		whole := s.end == len(words) || s.end > i && hasEnd(words[s.end-1]) || afterNames[words[min(s.end, len(words)-1)]]
		if _, core, _ := wordform.Trim(words[min(s.end, len(words)-1)]); s.end > i && (whole || core == "") {
			list = append(list, s)
		}
	}
	return list
}

// partOfName holds for a capitalised word of two letters or more without punctuation before it or within.
func partOfName(word string) bool {
	before, core, _ := wordform.Trim(word)
	return before == "" && len(core) > 1 && wordform.Capital(core) && !notNames[strings.ToLower(core)] && !strings.ContainsAny(core, ".'’&/:")
}

// written is a name without the punctuation after it.
func (s span) written(words []string) string {
	_, core, _ := wordform.Trim(strings.Join(words[s.start:s.end], " "))
	return core
}

// put returns the words with another name in the place of the span, before the punctuation after it.
func (s span) put(words []string, name string) string {
	_, _, after := wordform.Trim(words[s.end-1])
	return strings.Join(slices.Concat(words[:s.start], []string{name + after}, words[s.end:]), " ")
}
