package metric

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// DefaultRetrievalKs returns the lengths of lists that cross-modal retrieval is scored at (Radford et al. 2021, "CLIP", table 13).
func DefaultRetrievalKs() []int { return []int{1, 5, 10} }

// RetrievalResult is how well queries found their relevant items.
type RetrievalResult struct {
	// Queries is the number that had something to find, which the means are over.
	Queries int
	// At has the scores of the first k items found, in the order that the ks were given in.
	At []RetrievalAt
	// MRR is the mean of 1/rank of the first relevant item, in (0, 1].
	MRR float64
	// MedianRank is the median of the rank, from 1, of the first relevant item; of an even number of queries, the mean of the
	// middle two.
	MedianRank float64
}

// RetrievalAt scores the first K items found, in means over the queries.
type RetrievalAt struct {
	K int
	// Recall is the share of a query's relevant items that is among them, in [0, 1].
	Recall float64
	// Hits is the share of queries with a relevant item among them, in [0, 1]: what papers on pictures with several captions
	// each call recall at k (Faghri et al. 2018, "VSE++"). With one relevant item a query, it is Recall.
	Hits float64
	// NDCG is  Σ gain/log2(1 + rank)  over them, divided by that of the best order, in [0, 1] (Järvelin and Kekäläinen 2002,
	// "Cumulated gain-based evaluation of IR techniques"). Gains are used as they are, as by trec_eval and scikit-learn.
	NDCG float64
}

// Retrieval scores a search by cosine similarity: every query, a row of queries [m, dim], ranks all rows of collection [n, dim],
// and should have the items of its list in relevant, of m lists, in front. Queries without relevant items are left out.
// Without ks, those of [DefaultRetrievalKs] are scored.
//
// Equally similar items have no order, so a query's score is its mean over all orders of them (McSherry and Najork 2008, "Computing
// information retrieval performance measures efficiently in the presence of tied scores"): an encoder that maps everything
// to one point scores as chance does, not as the order of the files has it. For ranks that is the mean rank.
//
// Similarities are computed in blocks and counted, so that memory grows with the vectors and the relevant items alone.
//
// It is an error if a shape does not fit, an item is listed twice for a query or not in the collection, a gain is not
// positive, a k is below 1, or there is nothing to find.
func Retrieval[V Vectors[V]](collection, queries V, relevant [][]Relevant, ks ...int) (RetrievalResult, error) {
	if err := checkPair("collection", collection, "queries", queries); err != nil {
		return RetrievalResult{}, fmt.Errorf("retrieval: %w", err)
	}
	items, _ := collection.shape()
	rows, _ := queries.shape()
	if err := checkRelevant(relevant, rows, items); err != nil {
		return RetrievalResult{}, fmt.Errorf("retrieval: %w", err)
	}
	ks, err := checkKs(ks)
	if err != nil {
		return RetrievalResult{}, err
	}
	return scoreRankings(rankings(collection.compare(queries), relevant), relevant, items, ks), nil
}

// ChanceRetrieval is what [Retrieval] comes to, on average, in a collection of so many items in random order.
func ChanceRetrieval(items int, relevant [][]Relevant, ks ...int) (RetrievalResult, error) {
	if err := checkRelevant(relevant, len(relevant), items); err != nil {
		return RetrievalResult{}, fmt.Errorf("retrieval: %w", err)
	}
	ks, err := checkKs(ks)
	if err != nil {
		return RetrievalResult{}, err
	}
	levels := make([][]level, len(relevant))
	for i, list := range relevant {
		if len(list) == 0 {
			continue
		}
		levels[i] = []level{{size: items, relevant: len(list)}}
		for _, r := range list {
			levels[i][0].gain += r.Gain
		}
	}
	return scoreRankings(levels, relevant, items, ks), nil
}

func checkKs(ks []int) ([]int, error) {
	if len(ks) == 0 {
		return DefaultRetrievalKs(), nil
	}
	if k := slices.Min(ks); k < 1 {
		return nil, fmt.Errorf("retrieval: k must be at least 1, not %d", k)
	}
	return ks, nil
}

// scoreRankings means the scores of the queries that have levels, in a collection of so many items.
func scoreRankings(levels [][]level, relevant [][]Relevant, items int, ks []int) RetrievalResult {
	discounts := newDiscounts(min(slices.Max(ks), items))
	ranks, reciprocals := make([]float64, len(levels)), make([]float64, len(levels))
	scores := make([][]RetrievalAt, len(levels))
	var memo reciprocalMemo
	parallel(len(levels), func(i int) {
		if len(levels[i]) == 0 {
			return
		}
		first := levels[i][0]
		// The first of r among n in random order has the mean place (n + 1)/(r + 1).
		ranks[i] = float64(first.above) + float64(first.size+1)/float64(first.relevant+1)
		reciprocals[i] = memo.mean(first)
		scores[i] = make([]RetrievalAt, len(ks))
		for j, k := range ks {
			scores[i][j] = scoreRanking(levels[i], relevant[i], min(k, items), discounts)
		}
	})

	result := RetrievalResult{At: make([]RetrievalAt, len(ks))}
	var scored []float64
	for i, at := range scores {
		if at == nil {
			continue
		}
		result.Queries++
		result.MRR += reciprocals[i]
		scored = append(scored, ranks[i])
		for j := range ks {
			result.At[j].Recall += at[j].Recall
			result.At[j].Hits += at[j].Hits
			result.At[j].NDCG += at[j].NDCG
		}
	}
	n := float64(result.Queries)
	result.MRR /= n
	for j, k := range ks {
		at := &result.At[j]
		*at = RetrievalAt{K: k, Recall: at.Recall / n, Hits: at.Hits / n, NDCG: at.NDCG / n}
	}
	slices.Sort(scored)
	result.MedianRank = (scored[(len(scored)-1)/2] + scored[len(scored)/2]) / 2
	return result
}

// scoreRanking scores the first k items found by one query.
func scoreRanking(levels []level, relevant []Relevant, k int, discounts discounts) RetrievalAt {
	at := RetrievalAt{Hits: hitsWithin(levels[0], k)}
	var gain float64
	for _, l := range levels {
		// Of the level's places this many are among the first k, and each item of it is as likely in any of them.
		places := min(max(k-l.above, 0), l.size)
		share := float64(places) / float64(l.size)
		at.Recall += share * float64(l.relevant) / float64(len(relevant))
		gain += l.gain / float64(l.size) * discounts.between(l.above, l.above+places)
	}
	gains := make([]float64, len(relevant))
	for i, r := range relevant {
		gains[i] = r.Gain
	}
	slices.Sort(gains)
	slices.Reverse(gains)
	var best float64
	for i, g := range gains[:min(k, len(gains))] {
		best += g * discounts.between(i, i+1)
	}
	at.NDCG = gain / best
	return at
}

// hitsWithin is the probability that one of a level's relevant items is among the first k of all.
func hitsWithin(l level, k int) float64 {
	missed := 1.0
	for place := range min(max(k-l.above, 0), l.size) {
		missed *= float64(max(l.size-l.relevant-place, 0)) / float64(l.size-place)
	}
	return 1 - missed
}

// discounts has at i the sum of the weights 1/log2(1 + rank) of ranks 1 to i.
type discounts []float64

func newDiscounts(n int) discounts {
	d := make(discounts, n+1)
	for rank := 1; rank <= n; rank++ {
		d[rank] = d[rank-1] + 1/math.Log2(1+float64(rank))
	}
	return d
}

// between sums the weights of the places [from, to), counted from 0; there are none beyond the last.
func (d discounts) between(from, to int) float64 {
	if from >= to {
		return 0
	}
	return d[to] - d[from]
}

// reciprocalMemo remembers means of 1/rank, which take time for large levels. Those of chance are the same for many queries.
type reciprocalMemo struct{ known sync.Map }

// mean is the mean of 1/rank of the first relevant item of a level.
func (m *reciprocalMemo) mean(l level) float64 {
	if l.size == l.relevant {
		return 1 / float64(l.above+1)
	}
	l.gain = 0
	if known, ok := m.known.Load(l); ok {
		return known.(float64)
	}
	// It stands in a place with the probability that none stands in the places before and one does here.
	var mean float64
	none := 1.0
	for place := range l.size - l.relevant + 1 {
		here := none * float64(l.relevant) / float64(l.size-place)
		mean += here / float64(l.above+place+1)
		none -= here
	}
	m.known.Store(l, mean)
	return mean
}
