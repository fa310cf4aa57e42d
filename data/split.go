package data

import (
	"fmt"
	"slices"

	"github.com/alike-ml/alike/internal/rng"
)

// holdOut tells for each of the labelled items whether it is one of the n that are held out: drawn by the seed, in proportion to
// the labels (largest remainder; -1 is one). It returns an error that calls the items what they are unless some are left on
// either side.
func holdOut(labels []int, n int, seed uint64, items string) ([]bool, error) {
	if n < 1 || n >= len(labels) {
		return nil, fmt.Errorf("cannot hold out %d of %d %s: hold out at least 1 and leave at least 1", n, len(labels), items)
	}
	return drawn(labels, n, seed), nil
}

// drawn tells for each of the labelled items whether it is one of the n that holdOut holds out.
func drawn(labels []int, n int, seed uint64) []bool {
	random := rng.New(seed, 0, 0, rng.Split)
	out := make([]bool, len(labels))
	groups := byLabel(labels)
	for g, count := range apportion(n, groups) {
		random.Shuffle(len(groups[g]), func(i, j int) { groups[g][i], groups[g][j] = groups[g][j], groups[g][i] })
		for _, i := range groups[g][:count] {
			out[i] = true
		}
	}
	return out
}

// byLabel returns the indices of the items of each label that occurs, in the order of the labels.
func byLabel(labels []int) [][]int {
	groups := make([][]int, slices.Max(labels)+2)
	for i, label := range labels {
		groups[label+1] = append(groups[label+1], i)
	}
	return slices.DeleteFunc(groups, func(g []int) bool { return len(g) == 0 })
}

// apportion shares n among groups in proportion to their lengths by the largest remainder, the earlier group first on a
// tie. The shares sum to n, and none exceeds its group when n does not exceed their total.
func apportion(n int, groups [][]int) []int {
	total := 0
	for _, g := range groups {
		total += len(g)
	}
	shares := make([]int, len(groups))
	order := make([]int, len(groups))
	left := n
	for i, g := range groups {
		shares[i] = n * len(g) / total
		left -= shares[i]
		order[i] = i
	}
	remainder := func(i int) int { return n * len(groups[i]) % total }
	slices.SortStableFunc(order, func(a, b int) int { return remainder(b) - remainder(a) })
	for _, i := range order[:left] {
		shares[i]++
	}
	return shares
}
