package data

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alike-ml/alike/internal/nearest"
)

// picker returns which of the columns that are there to read.
type picker func(there []string) ([]string, error)

// pick is the picker of the options. Without columns for texts in them, the only column there is becomes it.
func (o TextOptions) pick(there []string) ([]string, error) {
	if len(o.Texts) == 0 {
		rest := slices.DeleteFunc(slices.Clone(there), func(c string) bool { return c == o.Class || c == o.Score })
		if len(rest) != 1 {
			return nil, fmt.Errorf("name the columns of the texts: there are %s", listColumns(there))
		}
		o.Texts = rest
	}
	return o.columns(), nil
}

// pickColumns returns which columns of a file to read, and where each is among those that there are.
func pickColumns(there []string, pick picker) (columns []string, at []int, err error) {
	if columns, err = pick(there); err != nil {
		return nil, nil, err
	}
	for _, c := range columns {
		i := slices.Index(there, c)
		if i < 0 {
			return nil, nil, noColumn(c, there)
		}
		if slices.Contains(there[i+1:], c) {
			return nil, nil, fmt.Errorf("there are two columns %q: give them different names, or go by their numbers, without a header", c)
		}
		at = append(at, i)
	}
	return columns, at, nil
}

// noColumn is the error of a column that is not there.
func noColumn(column string, there []string) error {
	hint := nearest.Suggestion(column, there)
	if _, err := strconv.Atoi(column); err == nil {
		hint = " (columns of csv and tsv files go by number when header is false)"
	}
	return fmt.Errorf("no column %q%s: there are %s", column, hint, listColumns(there))
}

// trimmed are the names without the space around them.
func trimmed(names []string) []string {
	trimmed := make([]string, len(names))
	for i, name := range names {
		trimmed[i] = strings.TrimSpace(name)
	}
	return trimmed
}

// numbered are the names of n columns that have none.
func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
	}
	return names
}

// listColumns writes the names of columns in a line.
func listColumns(names []string) string {
	const most, widest = 20, 40
	var quoted []string
	for _, name := range names[:min(most, len(names))] {
		if r := []rune(name); len(r) > widest {
			name = string(r[:widest]) + "…"
		}
		quoted = append(quoted, strconv.Quote(name))
	}
	list := strings.Join(quoted, ", ")
	if len(names) > most {
		list += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return list
}
