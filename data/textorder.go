package data

import (
	"slices"

	"github.com/alike-ml/alike/internal/rng"
)

// shuffledRows returns the rows of an epoch, batch after batch of size rows: those of the permutation drawn from
// rng.New(seed, epoch, 0, rng.Shuffle), without the last of it that fill no batch.
//
// With a window of 2 or more, every so many batches are sorted by length, so that the rows of a batch need as little padding as
// possible, and then all batches of the epoch are shuffled. Which rows meet in a batch still differs from epoch to epoch; rows of
// unlike length seldom do.
func shuffledRows(t *Text, seed uint64, epoch, size, window int) []int {
	random := rng.New(seed, epoch, 0, rng.Shuffle)
	order := random.Perm(t.Len())
	order = order[:len(order)/size*size]
	if window < 2 {
		return order
	}
	sortWindows(t, order, size, window)
	random.Shuffle(len(order)/size, func(i, j int) {
		for k := range size {
			order[i*size+k], order[j*size+k] = order[j*size+k], order[i*size+k]
		}
	})
	return order
}

// rowsInOrder returns all rows, batch after batch of size rows: in the order of the file, or, with a window of 2 or more, every so
// many batches sorted by length.
func rowsInOrder(t *Text, size, window int) []int {
	order := make([]int, t.Len())
	for i := range order {
		order[i] = i
	}
	if window > 1 {
		sortWindows(t, order, size, window)
	}
	return order
}

// sortWindows sorts every window batches of size rows by length; equals stay in their order.
func sortWindows(t *Text, rows []int, size, window int) {
	window = min(window, len(rows)/size+1)
	for part := range slices.Chunk(rows, size*window) {
		slices.SortStableFunc(part, func(a, b int) int { return t.Length(a) - t.Length(b) })
	}
}
