package metric

import (
	ordered "cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var close12 = cmpopts.EquateApprox(0, 1e-12)

// given is a comparison whose similarities are given: [queries][items].
type given [][]float32

func (g given) size() (queries, items int) { return len(g), len(g[0]) }

func (g given) each(from, to int, f func(query, first int, similarities []float32)) {
	for query := from; query < to; query++ {
		half := len(g[query]) / 2
		f(query, 0, g[query][:half])
		f(query, half, g[query][half:])
	}
}

func (g given) among(query int, items []int) []float32 {
	out := make([]float32, len(items))
	for i, item := range items {
		out[i] = g[query][item]
	}
	return out
}

func (g given) score(relevant [][]Relevant, ks ...int) RetrievalResult {
	_, items := g.size()
	return scoreRankings(rankings(g, relevant), relevant, items, ks)
}

// ones are relevant items of gain 1.
func ones(items ...int) []Relevant {
	var out []Relevant
	for _, i := range items {
		out = append(out, Relevant{i, 1})
	}
	return out
}

func TestNDCGAgainstScikitLearn(t *testing.T) {
	type ranking struct {
		Name   string
		K      int
		Gains  [][]float64
		Scores given
		NDCG   float64
	}
	for _, c := range readGolden[ranking](t, "ndcg.json") {
		t.Run(c.Name, func(t *testing.T) {
			relevant := make([][]Relevant, len(c.Gains))
			for query, gains := range c.Gains {
				for item, gain := range gains {
					if gain > 0 {
						relevant[query] = append(relevant[query], Relevant{item, gain})
					}
				}
			}
			got := c.Scores.score(relevant, c.K).At[0]
			if got.K != c.K || math.Abs(got.NDCG-c.NDCG) > 1e-12 {
				t.Errorf("nDCG@%d is %.15g, want nDCG@%d of %.15g", got.K, got.NDCG, c.K, c.NDCG)
			}
		})
	}
}

// Two queries by hand: the first finds its items at ranks 2 and 4, the second its only one at rank 1; the third has nothing
// to find.
func TestRetrievalByHand(t *testing.T) {
	similarities := given{{0.9, 0.8, 0.7, 0.6, 0.5}, {0.1, 0.2, 0.3, 0.4, 0.5}, {1, 1, 1, 1, 1}}
	relevant := [][]Relevant{{{3, 1}, {1, 2}}, ones(4), nil}
	got := similarities.score(relevant, 1, 3, 5)
	weight := func(rank float64) float64 { return 1 / math.Log2(1+rank) }
	best := 2*weight(1) + weight(2)
	want := RetrievalResult{
		Queries: 2, MRR: (1./2 + 1) / 2, MedianRank: 1.5,
		At: []RetrievalAt{
			{K: 1, Recall: 1. / 2, Hits: 1. / 2, NDCG: 1. / 2},
			{K: 3, Recall: (1./2 + 1) / 2, Hits: 1, NDCG: (2*weight(2)/best + 1) / 2},
			{K: 5, Recall: 1, Hits: 1, NDCG: ((2*weight(2)+weight(4))/best + 1) / 2},
		},
	}
	if diff := cmp.Diff(want, got, close12); diff != "" {
		t.Error(diff)
	}
}

// The definitions with nothing tied, averaged over every order of the items: what ties are said to come to.
func TestTiesAreTheMeanOverOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		similarities := rapid.SliceOfN(rapid.SampledFrom([]float32{-0.5, 0, 0.25, 0.5}), n, n).Draw(t, "similarities")
		var relevant []Relevant
		for item, gain := range rapid.SliceOfN(rapid.IntRange(0, 3), n, n).Draw(t, "gains") {
			if gain > 0 {
				relevant = append(relevant, Relevant{item, float64(gain)})
			}
		}
		if len(relevant) == 0 {
			t.Skip("nothing to find")
		}
		k := rapid.IntRange(1, n+1).Draw(t, "k")
		got := given{similarities}.score([][]Relevant{relevant}, k)
		if diff := cmp.Diff(meanOverOrders(similarities, relevant, k), got, close12); diff != "" {
			t.Fatal(diff)
		}
	})
}

// meanOverOrders sorts every order of the items stably and takes the mean of the scores.
func meanOverOrders(similarities []float32, relevant []Relevant, k int) RetrievalResult {
	gains := make([]float64, len(similarities))
	for _, r := range relevant {
		gains[r.Index] = r.Gain
	}
	best := slices.Sorted(slices.Values(gains))
	slices.Reverse(best)
	dcg := func(gains []float64) (sum float64) {
		for i, gain := range gains[:min(k, len(gains))] {
			sum += gain / math.Log2(float64(i+2))
		}
		return sum
	}
	sum := RetrievalResult{Queries: 1, At: []RetrievalAt{{K: k}}}
	at := &sum.At[0]
	var orders float64
	permute(len(similarities), func(order []int) {
		orders++
		order = slices.Clone(order)
		slices.SortStableFunc(order, func(a, b int) int {
			return ordered.Compare(similarities[b], similarities[a])
		})
		ranked := make([]float64, len(order))
		for place, item := range order {
			ranked[place] = gains[item]
		}
		first := slices.IndexFunc(ranked, func(gain float64) bool { return gain > 0 })
		sum.MRR += 1 / float64(first+1)
		sum.MedianRank += float64(first + 1)
		at.Hits += float64(boolInt(first < k))
		for _, gain := range ranked[:min(k, len(ranked))] {
			at.Recall += float64(boolInt(gain > 0)) / float64(len(relevant))
		}
		at.NDCG += dcg(ranked) / dcg(best)
	})
	for _, x := range []*float64{&sum.MRR, &sum.MedianRank, &at.Hits, &at.Recall, &at.NDCG} {
		*x /= orders
	}
	return sum
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// permute calls f with every order of 0 ... n-1.
func permute(n int, f func(order []int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var swap func(from int)
	swap = func(from int) {
		if from == n {
			f(order)
			return
		}
		for i := from; i < n; i++ {
			order[from], order[i] = order[i], order[from]
			swap(from + 1)
			order[from], order[i] = order[i], order[from]
		}
	}
	swap(0)
}

// Ranks are counted in blocks; the nearest-neighbour search sorts. Small integers make many ties.
func TestRetrievalRanksAsNeighboursDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cols := rapid.IntRange(1, 3).Draw(t, "cols")
		collection := drawMatrix(t, "collection", rapid.IntRange(1, 700).Draw(t, "n"), cols)
		queries := drawMatrix(t, "queries", rapid.IntRange(1, 70).Draw(t, "m"), cols)
		r := generator(rapid.Uint64().Draw(t, "seed"))
		relevant := drawRelevant(r, queries.Rows, collection.Rows)
		got := rankings(collection.compare(queries), relevant)
		sorted, err := Neighbours(collection, queries, collection.Rows)
		if err != nil {
			t.Fatal(err)
		}
		for query, list := range sorted {
			if diff := cmp.Diff(levelsOfSorted(list, relevant[query]), got[query], cmp.AllowUnexported(level{})); diff != "" {
				t.Fatalf("query %d: %s", query, diff)
			}
		}
	})
}

// drawRelevant gives each query up to four items, with gains of 1 to 3.
func drawRelevant(r *rand.Rand, queries, items int) [][]Relevant {
	relevant := make([][]Relevant, queries)
	for query := range relevant {
		for _, item := range r.Perm(items)[:min(r.IntN(5), items)] {
			relevant[query] = append(relevant[query], Relevant{item, float64(1 + r.IntN(3))})
		}
	}
	relevant[0] = ones(0)
	return relevant
}

func levelsOfSorted(list []Neighbour, relevant []Relevant) []level {
	levels := []level{}
	for first := 0; first < len(list); {
		l := level{above: first}
		for end := first; end < len(list) && list[end].Similarity == list[first].Similarity; end++ {
			l.size++
			if i := slices.IndexFunc(relevant, func(r Relevant) bool { return r.Index == list[end].Index }); i >= 0 {
				l.relevant++
				l.gain += relevant[i].Gain
			}
		}
		if l.relevant > 0 {
			levels = append(levels, l)
		}
		first += l.size
	}
	return levels
}

// An encoder that maps everything to one point knows nothing.
func TestCollapseScoresAsChance(t *testing.T) {
	collection, queries := NewMatrix(600, 3), NewMatrix(40, 3)
	for _, m := range []Matrix{collection, queries} {
		for i := range m.Data {
			m.Data[i] = 0.5
		}
	}
	relevant := drawRelevant(generator(7), queries.Rows, collection.Rows)
	got, err := Retrieval(collection, queries, relevant, 1, 10, 1000)
	if err != nil {
		t.Fatal(err)
	}
	chance, err := ChanceRetrieval(collection.Rows, relevant, 1, 10, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(chance, got); diff != "" {
		t.Error(diff)
	}
	if recall := chance.At[1].Recall; math.Abs(recall-10./600) > 1e-12 || chance.At[2].Recall != 1 {
		t.Errorf("recall@10 by chance is %g of 600, recall@1000 %g", recall, chance.At[2].Recall)
	}
}

// With one relevant item among n, the mean of 1/rank by chance is the harmonic number over n.
func TestChanceRetrievalClosedForms(t *testing.T) {
	got, err := ChanceRetrieval(4, [][]Relevant{ones(2), ones(0)}, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := RetrievalResult{Queries: 2, MRR: (1 + 1./2 + 1./3 + 1./4) / 4, MedianRank: 2.5,
		At: []RetrievalAt{{K: 2, Recall: 0.5, Hits: 0.5, NDCG: (1 + 1/math.Log2(3)) / 4}}}
	if diff := cmp.Diff(want, got, close12); diff != "" {
		t.Error(diff)
	}
}

func TestRetrievalIsTheSameForAnyNumberOfProcessors(t *testing.T) {
	r := generator(3)
	collection, queries := gaussianMatrix(900, 5, r), gaussianMatrix(200, 5, r)
	relevant := drawRelevant(r, queries.Rows, collection.Rows)
	onEveryNumberOfProcessors(t, func() any {
		result, err := Retrieval(collection, queries, relevant)
		if err != nil {
			t.Fatal(err)
		}
		return result
	})
}

func TestRetrievalRefusesBadInput(t *testing.T) {
	collection, queries := NewMatrix(3, 2), NewMatrix(2, 2)
	for _, c := range []struct {
		relevant [][]Relevant
		ks       []int
		want     string
	}{
		{[][]Relevant{ones(0)}, nil, "2 queries have 1 lists"},
		{[][]Relevant{nil, nil}, nil, "no query has a relevant item"},
		{[][]Relevant{nil, ones(3)}, nil, "query 1: item 3 is not one of the collection's 3"},
		{[][]Relevant{nil, ones(-1)}, nil, "query 1: item -1 is not"},
		{[][]Relevant{ones(1, 2, 1), nil}, nil, "query 0: item 1 is listed twice"},
		{[][]Relevant{{{0, 0}}, nil}, nil, "the gain of item 0 is 0"},
		{[][]Relevant{{{0, math.NaN()}}, nil}, nil, "the gain of item 0 is NaN"},
		{[][]Relevant{{{0, math.Inf(1)}}, nil}, nil, "the gain of item 0 is +Inf"},
		{[][]Relevant{ones(0), nil}, []int{5, 0}, "k must be at least 1, not 0"},
	} {
		_, err := Retrieval(collection, queries, c.relevant, c.ks...)
		wantError(t, err, "retrieval: ")
		wantError(t, err, c.want)
	}
	_, err := Retrieval(collection, NewMatrix(2, 3), [][]Relevant{nil, nil})
	wantError(t, err, "collection has 2 columns and queries has 3")
	_, err = ChanceRetrieval(3, [][]Relevant{ones(3)})
	wantError(t, err, "item 3 is not one of the collection's 3")
	_, err = ChanceRetrieval(3, [][]Relevant{ones(1)}, -1)
	wantError(t, err, "k must be at least 1")
}

func BenchmarkRetrieval(b *testing.B) {
	r := generator(1)
	collection, queries := gaussianMatrix(10000, 256, r), gaussianMatrix(1000, 256, r)
	relevant := make([][]Relevant, queries.Rows)
	for i := range relevant {
		relevant[i] = ones(i)
	}
	for b.Loop() {
		if _, err := Retrieval(collection, queries, relevant); err != nil {
			b.Fatal(err)
		}
	}
}
