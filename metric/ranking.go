package metric

import (
	"fmt"
	"math"
	"slices"
)

// Relevant is an item that a query should find.
type Relevant struct {
	// Index is the item's row in the collection.
	Index int
	// Gain is how relevant it is, above 0; where items are relevant or not, 1.
	Gain float64
}

// level is one similarity that relevant items of a query have: where in the query's ranking the items of it lie. The order
// among them is nowhere: they are equally similar.
type level struct {
	above    int     // items more similar
	size     int     // items of this similarity, relevant or not
	relevant int     // those of them that are relevant
	gain     float64 // the sum of their gains
}

// rankings returns the levels of the relevant items of every query, the most similar first.
func rankings(c comparison, relevant [][]Relevant) [][]level {
	queries, _ := c.size()
	levels, thresholds := make([][]level, queries), make([][]float32, queries)
	queryBlocks(queries, func(from, to int) {
		for query := from; query < to; query++ {
			levels[query], thresholds[query] = relevantLevels(c, query, relevant[query])
		}
		c.each(from, to, func(query, _ int, similarities []float32) {
			countAbove(levels[query], thresholds[query], similarities)
		})
		for query := from; query < to; query++ {
			// So far above has those between a level and the one before.
			above := 0
			for i := range levels[query] {
				l := &levels[query][i]
				l.above += above
				above = l.above + l.size
			}
		}
	})
	return levels
}

// relevantLevels returns the levels of a query before any item is counted, and their similarities, falling.
func relevantLevels(c comparison, query int, relevant []Relevant) (levels []level, thresholds []float32) {
	items := make([]int, len(relevant))
	for i, r := range relevant {
		items[i] = r.Index
	}
	similarities := c.among(query, items)
	thresholds = slices.Clone(similarities)
	slices.Sort(thresholds)
	thresholds = slices.Compact(thresholds)
	slices.Reverse(thresholds)
	levels = make([]level, len(thresholds))
	for i, s := range similarities {
		l := &levels[levelOf(thresholds, s)]
		l.relevant++
		l.gain += relevant[i].Gain
	}
	return levels, thresholds
}

// countAbove counts items, by their similarities, at the level they are of, or above the highest level they exceed.
func countAbove(levels []level, thresholds, similarities []float32) {
	if len(thresholds) == 0 {
		return
	}
	lowest := thresholds[len(thresholds)-1]
	for _, s := range similarities {
		if s < lowest {
			continue
		}
		at := levelOf(thresholds, s)
		if s == thresholds[at] {
			levels[at].size++
		} else {
			levels[at].above++
		}
	}
}

// levelOf returns the first of the falling thresholds that is no higher than s; there must be one.
func levelOf(thresholds []float32, s float32) int {
	from, to := 0, len(thresholds)-1
	for from < to {
		if middle := (from + to) / 2; thresholds[middle] > s {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return from
}

// checkRelevant returns an error unless every query's relevant items are different ones of the collection, with gains.
func checkRelevant(relevant [][]Relevant, queries, items int) error {
	if len(relevant) != queries {
		return fmt.Errorf("%d queries have %d lists of relevant items", queries, len(relevant))
	}
	some := false
	seen := map[int]bool{}
	for query, list := range relevant {
		clear(seen)
		for _, r := range list {
			some = true
			switch {
			case r.Index < 0 || r.Index >= items:
				return fmt.Errorf("query %d: item %d is not one of the collection's %d", query, r.Index, items)
			case seen[r.Index]:
				return fmt.Errorf("query %d: item %d is listed twice", query, r.Index)
			case !(r.Gain > 0) || math.IsInf(r.Gain, 0):
				return fmt.Errorf("query %d: the gain of item %d is %g and must be above 0", query, r.Index, r.Gain)
			}
			seen[r.Index] = true
		}
	}
	if !some {
		return fmt.Errorf("no query has a relevant item: there is nothing to find")
	}
	return nil
}
