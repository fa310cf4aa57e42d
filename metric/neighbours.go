package metric

import (
	"fmt"
	"slices"
	"sort"

	"gonum.org/v1/gonum/blas/gonum"
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

const (
	// panelRows is the number of rows of a collection that are compared with a query at a time.
	panelRows = 512
	// panelColumns is the number of columns that are read before the next query's turn: 128 of 512 rows are 256 KiB, which
	// stay in the second-level cache while every query of a block reads them.
	panelColumns = 128
	// queryBlock is the number of queries that share a pass over the collection.
	queryBlock = 64
)

// neighbours is Neighbours over unit rows, with k no larger than the collection.
func neighbours(collection, queries Matrix, k int) [][]Neighbour {
	panels := make([]panel, (collection.Rows+panelRows-1)/panelRows)
	parallel(len(panels), func(i int) {
		panels[i] = newPanel(collection, i*panelRows, min((i+1)*panelRows, collection.Rows))
	})
	found := make([][]Neighbour, queries.Rows)
	parallel((queries.Rows+queryBlock-1)/queryBlock, func(b int) {
		first := b * queryBlock
		block := queries.rows(first, min(first+queryBlock, queries.Rows))
		nearest(found[first:first+block.Rows], panels, block, k)
	})
	return found
}

// nearest fills found with the k nearest rows of the collection for each of a few queries.
func nearest(found [][]Neighbour, collection []panel, queries Matrix, k int) {
	for i := range found {
		found[i] = make([]Neighbour, 0, k)
	}
	buffer := make([]float32, queries.Rows*panelRows)
	for _, p := range collection {
		similarities := buffer[:queries.Rows*p.rows]
		p.products(similarities, queries)
		for i := range found {
			for j, s := range similarities[i*p.rows:][:p.rows] {
				found[i] = keepNearest(found[i], k, Neighbour{Index: p.first + j, Similarity: s})
			}
		}
	}
}

// panel holds some rows of a collection column by column, so that one number of a query meets the same column of all of
// them in one vector instruction.
type panel struct {
	first, rows int
	columns     []float32 // [cols, rows]
}

func newPanel(m Matrix, from, to int) panel {
	p := panel{first: from, rows: to - from, columns: make([]float32, (to-from)*m.Cols)}
	for i := range p.rows {
		for j, x := range m.Row(from + i) {
			p.columns[j*p.rows+i] = x
		}
	}
	return p
}

// products fills out, [queries, rows], with the dot products of queries and the rows of the panel. Each is summed from the
// first column to the last, so equal rows have equal products wherever they stand.
func (p panel) products(out []float32, queries Matrix) {
	clear(out)
	var blas gonum.Implementation
	for first := 0; first < queries.Cols; first += panelColumns {
		for i := range queries.Rows {
			sums := out[i*p.rows:][:p.rows]
			for j, x := range queries.Row(i)[first:min(first+panelColumns, queries.Cols)] {
				blas.Saxpy(p.rows, x, p.columns[(first+j)*p.rows:], 1, sums, 1)
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
