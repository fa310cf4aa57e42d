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

// Block sizes of the search: a block of the collection (128 rows of 512 numbers are 256 KiB) stays in the second-level
// cache while every query of a block of queries reads it.
const (
	queryBlock      = 32
	collectionBlock = 128
)

// Neighbours returns for every row of queries its k most similar rows of collection by cosine similarity, the most similar
// first; of equally similar rows the one with the lower index comes first. With fewer than k rows, all are returned. Rows
// without a direction have similarity 0 to everything (see [Matrix.Normalized]).
//
// A query that is itself in the collection finds itself, first unless it has twins with a lower index.
func Neighbours(collection, queries Matrix, k int) ([][]Neighbour, error) {
	if err := checkPair("collection", collection, "queries", queries); err != nil {
		return nil, err
	}
	if k < 1 {
		return nil, fmt.Errorf("neighbours: k must be at least 1, not %d", k)
	}
	return neighbours(collection.Normalized(), queries.Normalized(), min(k, collection.Rows)), nil
}

// checkPair returns an error unless both matrices are well formed and have the same number of columns.
func checkPair(nameA string, a Matrix, nameB string, b Matrix) error {
	if err := a.check(nameA); err != nil {
		return err
	}
	if err := b.check(nameB); err != nil {
		return err
	}
	if a.Cols != b.Cols {
		return fmt.Errorf("%s has %d columns and %s has %d: vectors must come from the same encoder", nameA, a.Cols, nameB, b.Cols)
	}
	return nil
}

// neighbours is Neighbours over unit rows, with k no larger than the collection.
func neighbours(collection, queries Matrix, k int) [][]Neighbour {
	found := make([][]Neighbour, queries.Rows)
	blocks := (queries.Rows + queryBlock - 1) / queryBlock
	parallel(blocks, func(b int) {
		first := b * queryBlock
		block := queries.rows(first, min(first+queryBlock, queries.Rows))
		nearest(found[first:first+block.Rows], collection, block, k)
	})
	return found
}

// nearest fills found with the k nearest rows of the collection for each of a few queries.
func nearest(found [][]Neighbour, collection, queries Matrix, k int) {
	for i := range found {
		found[i] = make([]Neighbour, 0, k)
	}
	similarities := make([]float32, queries.Rows*collectionBlock)
	for first := 0; first < collection.Rows; first += collectionBlock {
		block := collection.rows(first, min(first+collectionBlock, collection.Rows))
		products(similarities, queries.Data, block.Data, queries.Cols)
		for i := range found {
			for j, s := range similarities[i*block.Rows:][:block.Rows] {
				found[i] = keepNearest(found[i], k, Neighbour{Index: first + j, Similarity: s})
			}
		}
	}
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
