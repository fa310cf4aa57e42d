// Package nearest suggests the name that somebody probably meant.
package nearest

import (
	"fmt"
	"strings"
)

// Suggestion returns ` (did you mean "x"?)` for the known name nearest to the given one, or "" when none is near.
func Suggestion(name string, known []string) string {
	if best := Name(name, known); best != "" {
		return fmt.Sprintf(" (did you mean %q?)", best)
	}
	return ""
}

// Name returns the known name with the smallest edit distance to the given one, case aside, the first of equals, or ""
// when even that would change more than half of the name (of a single letter, all of it) or four letters.
func Name(name string, known []string) string {
	best, least := "", min(4, max(1, len(name)/2))+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
func distance(a, b string) int {
	previous2, previous, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], previous2[j-2]+1)
			}
		}
		previous2, previous, row = previous, row, previous2
	}
	return previous[len(b)]
}
