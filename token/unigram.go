package token

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"unicode/utf8"
)

// unigram takes a word apart into the tokens whose log-probabilities have the largest sum (https://arxiv.org/abs/1804.10959),
// found by Viterbi's algorithm.
type unigram struct {
	pieces       []scored // ordered by text
	ids          map[string]int32
	unknown      int32 // -1: what has no token is left out
	unknownScore float64
	byteFallback bool
}

type scored struct {
	text  string
	id    int32
	score float64
}

// unknownPenalty is SentencePiece's kUnkPenalty: an unknown character is less likely than the least likely token.
const unknownPenalty = 10

func newUnigram(pieces []scored, unknown int32, byteFallback bool) *unigram {
	m := &unigram{ids: map[string]int32{}, unknown: unknown, byteFallback: byteFallback}
	least := math.Inf(1)
	for _, p := range pieces {
		m.ids[p.text] = p.id
		least = min(least, p.score)
	}
	m.unknownScore = least - unknownPenalty
	for _, p := range pieces {
		if m.ids[p.text] == p.id && p.text != "" {
			m.pieces = append(m.pieces, p)
		}
	}
	slices.SortFunc(m.pieces, func(a, b scored) int { return cmp.Compare(a.text, b.text) })
	return m
}

// A way to a place in a word: the best one's sum, its last token, and where that begins.
type way struct {
	score float64
	start int
	id    int32
	there bool
}

func (m *unigram) appendTokens(ids []int32, word []byte) []int32 {
	ways := make([]way, len(word)+1)
	ways[0].there = true
	for start := 0; start < len(word); {
		_, size := utf8.DecodeRune(word[start:])
		single := false // the first character is a token
		here := ways[start].score
		m.prefixes(word[start:], func(p scored) {
			to := &ways[start+len(p.text)]
			if score := here + p.score; !to.there || score > to.score {
				*to = way{score, start, p.id, true}
			}
			single = single || len(p.text) == size
		})
		if !single {
			to := &ways[start+size]
			if score := here + m.unknownScore; !to.there || score > to.score {
				*to = way{score, start, m.unknown, true}
			}
		}
		start += size
	}
	var backwards []way
	var ends []int
	for end := len(word); end > 0; end = ways[end].start {
		backwards, ends = append(backwards, ways[end]), append(ends, end)
	}
	for i := len(backwards) - 1; i >= 0; i-- {
		w := backwards[i]
		if w.id != m.unknown {
			ids = append(ids, w.id)
			continue
		}
		first := w.start
		for i > 0 && backwards[i-1].id == m.unknown { // side by side they are one
			i--
		}
		if m.byteFallback {
			if with, all := appendByteTokens(m.ids, ids, word[first:ends[i]]); all {
				ids = with
				continue
			}
		}
		if m.unknown >= 0 {
			ids = append(ids, m.unknown)
		}
	}
	return ids
}

// prefixes visits the tokens that text begins with, shortest first.
func (m *unigram) prefixes(text []byte, visit func(scored)) {
	low, high := 0, len(m.pieces) // of the tokens that begin with text[:n]
	for n := 0; n < len(text) && low < high; n++ {
		c := text[n]
		low += sort.Search(high-low, func(i int) bool {
			t := m.pieces[low+i].text
			return len(t) > n && t[n] >= c
		})
		high = low + sort.Search(high-low, func(i int) bool { return m.pieces[low+i].text[n] > c })
		if low < high && len(m.pieces[low].text) == n+1 {
			visit(m.pieces[low])
		}
	}
}

// wordLevel has a token for a whole word or none.
type wordLevel struct {
	ids     map[string]int32
	unknown int32
}

func (m *wordLevel) appendTokens(ids []int32, word []byte) []int32 {
	if id, known := m.ids[string(word)]; known {
		return append(ids, id)
	}
	if m.unknown >= 0 {
		return append(ids, m.unknown)
	}
	return ids
}
