package metric

import (
	"fmt"
	"slices"
	"sort"
)

// Neighbour is one row of a collection as seen from a query.
type Neighbour struct {
	// Index is the row's number in the collection.
	Index int
	// Similarity is the cosine of the angle between the two, in [-1, 1] up to rounding.
	Similarity float32
}

// Neighbours returns for every row of queries its k most similar rows of collection by cosine similarity, the most similar
// first; of equally similar rows the one with the lower index comes first. With fewer than k rows, all are returned. Rows
// without a direction have similarity 0 to everything (see [Matrix.Normalized]).
//
// A query that is itself in the collection finds itself, first unless it has twins with a lower index.
func Neighbours[V Vectors[V]](collection, queries V, k int) ([][]Neighbour, error) {
	if err := checkPair("collection", collection, "queries", queries); err != nil {
		return nil, err
	}
	if k < 1 {
		return nil, fmt.Errorf("neighbours: k must be at least 1, not %d", k)
	}
	return nearest(collection.compare(queries), k), nil
}

// nearest returns the k most similar items of every query, or all of fewer.
func nearest(c comparison, k int) [][]Neighbour {
	queries, items := c.size()
	k = min(k, items)
	found := make([][]Neighbour, queries)
	queryBlocks(queries, func(from, to int) {
		for query := from; query < to; query++ {
			found[query] = make([]Neighbour, 0, k)
		}
		c.each(from, to, func(query, first int, similarities []float32) {
			list := found[query]
			for j, s := range similarities {
				list = keepNearest(list, k, Neighbour{Index: first + j, Similarity: s})
			}
			found[query] = list
		})
	})
	return found
}

// keepNearest adds a candidate to a list of at most k, sorted by falling similarity. Candidates come with rising index and
// go behind their equals, which is what breaks ties by index.
func keepNearest(list []Neighbour, k int, candidate Neighbour) []Neighbour {
	if len(list) == k {
		if k == 0 || candidate.Similarity <= list[k-1].Similarity {
			return list
		}
		list = list[:k-1]
	}
	at := sort.Search(len(list), func(i int) bool { return list[i].Similarity < candidate.Similarity })
	return slices.Insert(list, at, candidate)
}
