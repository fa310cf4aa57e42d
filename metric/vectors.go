package metric

import "fmt"

// Vectors are rows to search by cosine similarity and to classify: those of an encoder, or the sparse ones of words that occur.
type Vectors[V any] interface {
	Matrix | Sparse
	// shape returns the numbers of rows and columns.
	shape() (rows, cols int)
	// check returns an error unless the vectors are what their shape says. The name tells the reader of the error which ones they are.
	check(name string) error
	// Pick returns a copy of the rows at the indices.
	Pick(indices []int) V
	// dot returns the dot product of row i and row i of others, with as many columns.
	dot(i int, others V) float64
	// compare makes ready to compare queries, of as many columns, with the rows.
	compare(queries V) comparison
	// checkFinite is check, and an error naming the first row with a NaN or an infinity.
	checkFinite(name string) error
	// preparer returns what makes of these rows, and of others with as many columns, the features that a probe sees that is fitted to
	// these.
	preparer() func(V) features
	// probeDefaults are the candidates for the strength of a probe's regularisation, and the tolerance of its fit.
	probeDefaults() (cs []float64, tolerance float64)
}

// comparison has the cosine similarities of queries and items, a block at a time: all of them may not fit into memory.
type comparison interface {
	// size returns the numbers of queries and of items.
	size() (queries, items int)
	// each calls f with the similarities of a query and items first, first+1, ... for queries [from, to), until each of them
	// has seen every item once, by rising index. The similarities are f's to read only until it returns.
	each(from, to int, f func(query, first int, similarities []float32))
	// among returns the similarities of a query and the items at the indices, to the same bits.
	among(query int, items []int) []float32
}

// queryBlock is the number of queries that share a pass over a collection.
const queryBlock = 64

// queryBlocks calls f for blocks of n queries, on all processors.
func queryBlocks(n int, f func(from, to int)) {
	parallel((n+queryBlock-1)/queryBlock, func(b int) { f(b*queryBlock, min((b+1)*queryBlock, n)) })
}

// checkPair returns an error unless both are well formed and have the same number of columns.
func checkPair[V Vectors[V]](nameA string, a V, nameB string, b V) error {
	if err := a.check(nameA); err != nil {
		return err
	}
	if err := b.check(nameB); err != nil {
		return err
	}
	_, colsA := a.shape()
	if _, colsB := b.shape(); colsA != colsB {
		return fmt.Errorf("%s has %d columns and %s has %d: vectors must come from the same encoder", nameA, colsA, nameB, colsB)
	}
	return nil
}
