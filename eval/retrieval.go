package eval

import (
	"fmt"

	"github.com/alike-ml/alike/metric"
)

// Retrieval says how well queries find what belongs to them: see [metric.Retrieval].
type Retrieval struct {
	RetrievalScores
	// Queries is the number that had something to find, Items that of what they searched.
	Queries   int                 `json:"queries"`
	Items     int                 `json:"items"`
	Baselines *RetrievalBaselines `json:"baselines,omitempty"`
}

// RetrievalScores are those of one search. Recall, Hits and NDCG have the score of the first k items found at k; see
// [metric.RetrievalAt].
type RetrievalScores struct {
	Recall     map[int]float64 `json:"recall"`
	Hits       map[int]float64 `json:"hits"`
	NDCG       map[int]float64 `json:"ndcg"`
	MRR        float64         `json:"mrr"`
	MedianRank float64         `json:"median_rank"`
}

// RetrievalBaselines are the same scores without learning.
type RetrievalBaselines struct {
	// TFIDF searches by TF-IDF vectors, with the rarity of words counted in the items. It is null where queries or items are
	// not texts, or no item has a word.
	TFIDF *RetrievalScores `json:"tfidf"`
	// RandomInit is the same encoder with the weights it started from.
	RandomInit RetrievalScores `json:"random_init"`
	// Chance ranks the items at random.
	Chance RetrievalScores `json:"chance"`
}

// Search is what to look for, and where.
type Search struct {
	// Queries and Items are texts. Where either is nil, as with pictures, there is no TF-IDF to compare with.
	Queries, Items []string
	// Relevant has what each query should find among the items.
	Relevant [][]metric.Relevant
}

// SearchRows are the pairs in which each query and each item of a search stands first.
type SearchRows struct {
	Queries, Items []int
}

// SearchOfPairs is the search in which every first text should find the second texts it is paired with. Texts that occur more than
// once are one query and one item: none is counted as wrong for being found in place of its twin.
func SearchOfPairs(first, second []string) (s Search, at SearchRows, err error) {
	if len(first) != len(second) {
		return s, at, fmt.Errorf("retrieval: %d first and %d second texts make no pairs", len(first), len(second))
	}
	var queries, items firsts
	type pair struct{ query, item int }
	known := map[pair]bool{}
	for i, text := range first {
		p := pair{queries.number(text, i), items.number(second[i], i)}
		if p.query == len(s.Relevant) {
			s.Relevant = append(s.Relevant, nil)
		}
		if !known[p] {
			known[p] = true
			s.Relevant[p.query] = append(s.Relevant[p.query], metric.Relevant{Index: p.item, Gain: 1})
		}
	}
	s.Queries, s.Items = queries.texts, items.texts
	return s, SearchRows{queries.rows, items.rows}, nil
}

// firsts are different texts, each with the row in which it stands first.
type firsts struct {
	numbers map[string]int
	texts   []string
	rows    []int
}

// number returns the place of a row's text among the different ones, which it joins if it is new.
func (f *firsts) number(text string, row int) int {
	n, known := f.numbers[text]
	if !known {
		if f.numbers == nil {
			f.numbers = map[string]int{}
		}
		n = len(f.texts)
		f.numbers[text] = n
		f.texts, f.rows = append(f.texts, text), append(f.rows, row)
	}
	return n
}

// SearchVectors are what an encoder made of the queries, [queries, dim], and the items, [items, dim], of a search.
type SearchVectors struct {
	Queries, Items metric.Matrix
}

// ScoreRetrieval scores a search by an encoder's vectors, at the ks, or at those of [metric.DefaultRetrievalKs] without any.
// Without untrained vectors there are no baselines. Errors are those of [metric.Retrieval].
func ScoreRetrieval(s Search, trained SearchVectors, untrained *SearchVectors, ks ...int) (*Retrieval, error) {
	own, err := metric.Retrieval(trained.Items, trained.Queries, s.Relevant, ks...)
	if err != nil {
		return nil, err
	}
	r := &Retrieval{RetrievalScores: newRetrievalScores(own), Queries: own.Queries, Items: trained.Items.Rows}
	if untrained == nil {
		return r, nil
	}
	random, err := metric.Retrieval(untrained.Items, untrained.Queries, s.Relevant, ks...)
	if err != nil {
		return nil, fmt.Errorf("the untrained encoder: %w", err)
	}
	chance, err := metric.ChanceRetrieval(trained.Items.Rows, s.Relevant, ks...)
	if err != nil {
		return nil, err
	}
	r.Baselines = &RetrievalBaselines{RandomInit: newRetrievalScores(random), Chance: newRetrievalScores(chance)}
	if s.Queries == nil || s.Items == nil {
		return r, nil
	}
	if words, err := metric.FitTFIDF(s.Items, metric.TFIDFOptions{}); err == nil {
		found, err := metric.Retrieval(words.Vectors(s.Items), words.Vectors(s.Queries), s.Relevant, ks...)
		if err != nil {
			return nil, fmt.Errorf("tf-idf: %w", err)
		}
		scores := newRetrievalScores(found)
		r.Baselines.TFIDF = &scores
	}
	return r, nil
}

func newRetrievalScores(r metric.RetrievalResult) RetrievalScores {
	s := RetrievalScores{
		Recall: map[int]float64{}, Hits: map[int]float64{}, NDCG: map[int]float64{},
		MRR: r.MRR, MedianRank: r.MedianRank,
	}
	for _, at := range r.At {
		s.Recall[at.K], s.Hits[at.K], s.NDCG[at.K] = at.Recall, at.Hits, at.NDCG
	}
	return s
}
