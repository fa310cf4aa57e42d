package metric

import (
	"fmt"
	"iter"
	"math"
	"slices"
)

// Sparse is a [Rows, Cols] matrix of vectors, one a row, that are zero nearly everywhere: row i is Values[Starts[i]:Starts[i+1]] in
// the columns Columns[Starts[i]:Starts[i+1]], which rise, and zero in all others. Starts has Rows+1 numbers.
type Sparse struct {
	Rows, Cols int
	Starts     []int
	Columns    []int32
	Values     []float32
}

// row returns what is in row i, sharing the memory.
func (s Sparse) row(i int) (columns []int32, values []float32) {
	from, to := s.Starts[i], s.Starts[i+1]
	return s.Columns[from:to], s.Values[from:to]
}

func (s Sparse) shape() (rows, cols int) { return s.Rows, s.Cols }

func (s Sparse) check(name string) error {
	if s.Rows < 0 || s.Cols < 0 || len(s.Starts) != s.Rows+1 || s.Starts[0] != 0 ||
		s.Starts[s.Rows] != len(s.Values) || len(s.Columns) != len(s.Values) {
		return fmt.Errorf("%s: a sparse [%d, %d] matrix cannot have %d starts, %d columns and %d values",
			name, s.Rows, s.Cols, len(s.Starts), len(s.Columns), len(s.Values))
	}
	if !slices.IsSorted(s.Starts) {
		return fmt.Errorf("%s: a row ends before it starts", name)
	}
	for i := range s.Rows {
		columns, _ := s.row(i)
		for j, c := range columns {
			if c < 0 || int(c) >= s.Cols || j > 0 && c <= columns[j-1] {
				return fmt.Errorf("%s: the columns of row %d must rise from 0 to below %d", name, i, s.Cols)
			}
		}
	}
	return nil
}

// Pick returns a copy of the rows at the indices.
func (s Sparse) Pick(indices []int) Sparse {
	out := Sparse{Rows: len(indices), Cols: s.Cols, Starts: make([]int, 1, len(indices)+1)}
	for _, i := range indices {
		columns, values := s.row(i)
		out.Columns, out.Values = append(out.Columns, columns...), append(out.Values, values...)
		out.Starts = append(out.Starts, len(out.Values))
	}
	return out
}

// Normalized returns a copy whose rows have length 1, as [Matrix.Normalized] does.
func (s Sparse) Normalized() Sparse {
	unit := s
	unit.Values = make([]float32, len(s.Values))
	for i := range s.Rows {
		_, values := s.row(i)
		length := math.Sqrt(squaredLength(values))
		if length == 0 || math.IsNaN(length) || math.IsInf(length, 0) {
			continue
		}
		for j, x := range values {
			unit.Values[s.Starts[i]+j] = float32(float64(x) / length)
		}
	}
	return unit
}

// inverted compares sparse rows by way of the columns they share.
type inverted struct {
	items, queries Sparse // unit rows
	postings       Sparse // row c has the items with something in column c
}

func (s Sparse) compare(queries Sparse) comparison {
	unit := s.Normalized()
	return inverted{items: unit, queries: queries.Normalized(), postings: unit.transposed()}
}

// transposed returns the [Cols, Rows] matrix.
func (s Sparse) transposed() Sparse {
	out := Sparse{
		Rows: s.Cols, Cols: s.Rows, Starts: make([]int, s.Cols+1),
		Columns: make([]int32, len(s.Columns)), Values: make([]float32, len(s.Values)),
	}
	for _, c := range s.Columns {
		out.Starts[c+1]++
	}
	for c := range s.Cols {
		out.Starts[c+1] += out.Starts[c]
	}
	free := slices.Clone(out.Starts)
	for i := range s.Rows {
		columns, values := s.row(i)
		for j, c := range columns {
			out.Columns[free[c]], out.Values[free[c]] = int32(i), values[j]
			free[c]++
		}
	}
	return out
}

func (v inverted) size() (queries, items int) { return v.queries.Rows, v.items.Rows }

func (v inverted) each(from, to int, f func(query, first int, similarities []float32)) {
	similarities := make([]float32, v.items.Rows)
	for query := from; query < to; query++ {
		clear(similarities)
		columns, values := v.queries.row(query)
		for i, c := range columns {
			items, weights := v.postings.row(int(c))
			for j, item := range items {
				similarities[item] += float32(values[i] * weights[j]) // rounded, so that nothing is fused: as in among
			}
		}
		f(query, 0, similarities)
	}
}

func (v inverted) among(query int, items []int) []float32 {
	similarities := make([]float32, len(items))
	for i, item := range items {
		for x, y := range common(v.queries, query, v.items, item) {
			similarities[i] += float32(x * y)
		}
	}
	return similarities
}

func (s Sparse) dot(i int, others Sparse) (sum float64) {
	for x, y := range common(s, i, others, i) {
		sum += float64(x) * float64(y)
	}
	return sum
}

// common walks through the values that row i of a and row j of b have in the same columns, by rising column.
func common(a Sparse, i int, b Sparse, j int) iter.Seq2[float32, float32] {
	return func(yield func(x, y float32) bool) {
		columnsA, valuesA := a.row(i)
		columnsB, valuesB := b.row(j)
		for i, j := 0, 0; i < len(columnsA) && j < len(columnsB); {
			switch {
			case columnsA[i] < columnsB[j]:
				i++
			case columnsA[i] > columnsB[j]:
				j++
			case !yield(valuesA[i], valuesB[j]):
				return
			default:
				i++
				j++
			}
		}
	}
}
