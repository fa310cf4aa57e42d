package loss

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Mark says which rows and columns of a matrix of pairs have something in common: those with equal numbers, none of which is negative.
// Row is [n] and Column is [m], of one type of signed integers.
type Mark struct{ Row, Column *Node }

// Marks say which rows and columns have something in common: those that do by any of the marks. They say what a mask [n, m] does, in
// memory that grows with n + m.
type Marks []Mark

// Mask holds where a row and a column have something in common: [n, m]; nil where there are no marks.
func (ms Marks) Mask() *Node {
	if len(ms) == 0 {
		return nil
	}
	mask := ms[0].mask()
	for _, m := range ms[1:] {
		mask = LogicalOr(mask, m.mask())
	}
	return mask
}

// mask is one comparison a pair: negative numbers are made unequal before.
func (m Mark) mask() *Node {
	g, dtype := m.Row.Graph(), m.Row.DType()
	n, k := m.Row.Shape().Dim(0), m.Column.Shape().Dim(0)
	row := Max(m.Row, Scalar(g, dtype, -1))
	column := Where(LessThan(m.Column, ScalarZero(g, dtype)), Scalar(g, dtype, -2), m.Column)
	return Equal(BroadcastToDims(InsertAxes(row, 1), n, k), BroadcastToDims(InsertAxes(column, 0), n, k))
}

// numbers are 0 to n-1, [n].
func numbers(g *Graph, n int) *Node { return Iota(g, shapes.Make(dtypes.Int32, n), 0) }

// diagonal holds where a row and a column have the same number: [n, n].
func diagonal(g *Graph, n int) *Node { return Mark{numbers(g, n), numbers(g, n)}.equal() }

// equal is mask for numbers that are not negative.
func (m Mark) equal() *Node {
	n, k := m.Row.Shape().Dim(0), m.Column.Shape().Dim(0)
	return Equal(BroadcastToDims(InsertAxes(m.Row, 1), n, k), BroadcastToDims(InsertAxes(m.Column, 0), n, k))
}

// assert panics unless the marks are of n rows and m columns.
func (ms Marks) assert(function string, n, m int) {
	for _, k := range ms {
		if !k.Row.DType().IsInt() || k.Row.DType().IsUnsigned() || k.Row.DType() != k.Column.DType() ||
			k.Row.Shape().CheckDims(n) != nil || k.Column.Shape().CheckDims(m) != nil {
			exceptions.Panicf("loss.%s: marks must be signed integers [%d] and [%d], got %s and %s", function, n, m, k.Row.Shape(), k.Column.Shape())
		}
	}
}

// sides are the numbers of all marks, those of the rows and those of the columns.
func (ms Marks) sides() (rows, columns []*Node) {
	for _, m := range ms {
		rows, columns = append(rows, m.Row), append(columns, m.Column)
	}
	return rows, columns
}

// marksOf puts together what [Marks.sides] takes apart.
func marksOf(rows, columns []*Node) (ms Marks) {
	for i := range rows {
		ms = append(ms, Mark{rows[i], columns[i]})
	}
	return ms
}
