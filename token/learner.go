package token

import "cmp"

// A learner makes a vocabulary by byte-pair encoding (https://arxiv.org/abs/1508.07909, algorithm 1): it begins with single
// characters, and merges, again and again, the two symbols that stand beside each other most often. The counts of pairs are kept
// up to date word by word, so that a merge costs what it changes.
type learner struct {
	symbols []string // the text of each
	ids     map[string]int32
	join    func(a, b string) string

	words []learnedWord
	pairs map[pair]*pairCount
	best  queue[candidate]
}

type learnedWord struct {
	symbols []int32
	count   int
}

type pair struct{ a, b int32 }

// A pairCount is how often a pair is met, and the words in which it may be.
type pairCount struct {
	count int
	words []int32
}

// A candidate is a pair and what its count was when it was put into the queue.
type candidate struct {
	pair
	count int
}

// newLearner returns a learner whose merges are called what join makes of their parts.
func newLearner(join func(a, b string) string) *learner {
	l := &learner{ids: map[string]int32{}, join: join, pairs: map[pair]*pairCount{}}
	l.best.before = func(x, y candidate) bool {
		if x.count != y.count {
			return x.count > y.count
		}
		return cmp.Or(cmp.Compare(l.symbols[x.a], l.symbols[y.a]), cmp.Compare(l.symbols[x.b], l.symbols[y.b])) < 0
	}
	return l
}

// symbol returns the id of a symbol, a new one when it is not known.
func (l *learner) symbol(text string) int32 {
	id, known := l.ids[text]
	if !known {
		id = int32(len(l.symbols))
		l.ids[text] = id
		l.symbols = append(l.symbols, text)
	}
	return id
}

// addWord adds a word that was met count times.
func (l *learner) addWord(symbols []int32, count int) {
	l.words = append(l.words, learnedWord{symbols, count})
	l.count(int32(len(l.words)-1), 1)
}

// count adds the pairs of a word to the counts, or takes them out when sign is -1.
func (l *learner) count(word int32, sign int) {
	w := l.words[word]
	for i := 1; i < len(w.symbols); i++ {
		p := pair{w.symbols[i-1], w.symbols[i]}
		c := l.pairs[p]
		if c == nil {
			c = &pairCount{}
			l.pairs[p] = c
		}
		c.count += sign * w.count
		if sign > 0 && (len(c.words) == 0 || c.words[len(c.words)-1] != word) {
			c.words = append(c.words, word)
		}
	}
}

// learn merges until there are size symbols or no pair is met minCount times. It returns the merges in order. Of pairs met equally
// often, the first by its text is merged.
func (l *learner) learn(size, minCount int) []pair {
	for p, c := range l.pairs {
		l.best.push(candidate{p, c.count})
	}
	var merges []pair
	for len(l.symbols) < size && len(l.best.items) > 0 {
		next := l.best.pop()
		switch count := l.pairs[next.pair].count; {
		case count > next.count: // it is in the queue once more, with this count
			continue
		case count < next.count:
			if count >= minCount {
				l.best.push(candidate{next.pair, count})
			}
			continue
		}
		if next.count < minCount {
			break
		}
		l.merge(next.pair)
		merges = append(merges, next.pair)
	}
	return merges
}

// merge makes one symbol of a pair wherever it is.
func (l *learner) merge(p pair) {
	joined := l.symbol(l.join(l.symbols[p.a], l.symbols[p.b]))
	grown := map[pair]bool{}
	words := l.pairs[p].words
	l.pairs[p].words = nil
	for _, word := range words {
		symbols := l.words[word].symbols
		if !contains(symbols, p) {
			continue
		}
		l.count(word, -1)
		merged := symbols[:0]
		for i := 0; i < len(symbols); i++ {
			if i+1 < len(symbols) && symbols[i] == p.a && symbols[i+1] == p.b {
				merged = append(merged, joined)
				i++
			} else {
				merged = append(merged, symbols[i])
			}
		}
		l.words[word].symbols = merged
		l.count(word, 1)
		for i := 1; i < len(merged); i++ {
			if merged[i-1] == joined || merged[i] == joined {
				grown[pair{merged[i-1], merged[i]}] = true
			}
		}
	}
	for g := range grown { // in any order: the queue's is complete
		l.best.push(candidate{g, l.pairs[g].count})
	}
}

func contains(symbols []int32, p pair) bool {
	for i := 1; i < len(symbols); i++ {
		if symbols[i-1] == p.a && symbols[i] == p.b {
			return true
		}
	}
	return false
}
