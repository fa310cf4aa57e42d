// Package metric scores representations: k-nearest-neighbour and linear-probe accuracy, retrieval, correlation with what
// people judge alike, the geometry of embeddings, and the 2-D map that shows them. The vectors of words that texts are
// scored against are made here too.
//
// Everything here is a pure function of plain values. The same input gives the same bits for any number of processors,
// because every sum has a fixed order and work is cut in the same places however many share it.
package metric

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// ErrNotFinite is wrapped by the error of vectors that are not numbers throughout.
var ErrNotFinite = errors.New("a NaN or an infinity")

// Matrix is a [Rows, Cols] matrix of vectors, one a row, stored row by row: element (i, j) is Data[i*Cols+j].
type Matrix struct {
	Rows, Cols int
	Data       []float32
}

// NewMatrix returns a [rows, cols] matrix of zeros.
func NewMatrix(rows, cols int) Matrix {
	return Matrix{Rows: rows, Cols: cols, Data: make([]float32, rows*cols)}
}

// Row returns row i, a vector of Cols numbers that shares the matrix's memory.
func (m Matrix) Row(i int) []float32 {
	return m.Data[i*m.Cols : (i+1)*m.Cols : (i+1)*m.Cols]
}

// Normalized returns a copy whose rows have length 1, so that dot products of rows are cosine similarities. A row without
// a direction (all zeros, or with a NaN or an infinity in it) becomes all zeros: it is orthogonal to everything.
func (m Matrix) Normalized() Matrix {
	unit := NewMatrix(m.Rows, m.Cols)
	parallel(m.Rows, func(i int) {
		row := m.Row(i)
		length := math.Sqrt(squaredLength(row))
		if length == 0 || math.IsNaN(length) || math.IsInf(length, 0) {
			return
		}
		out := unit.Row(i)
		for j, x := range row {
			out[j] = float32(float64(x) / length)
		}
	})
	return unit
}

// squaredLength is the sum of squares in float64, where no finite float32 vector overflows or vanishes.
func squaredLength(row []float32) float64 {
	var sum float64
	for _, x := range row {
		sum += float64(x) * float64(x)
	}
	return sum
}

// rows returns rows [from, to) as a matrix that shares the memory.
func (m Matrix) rows(from, to int) Matrix {
	return Matrix{Rows: to - from, Cols: m.Cols, Data: m.Data[from*m.Cols : to*m.Cols]}
}

// Pick returns a copy of the rows at the indices, [len(indices), Cols].
func (m Matrix) Pick(indices []int) Matrix {
	out := NewMatrix(len(indices), m.Cols)
	for i, at := range indices {
		copy(out.Row(i), m.Row(at))
	}
	return out
}

// check returns an error unless the matrix is what its shape says. The name tells the reader of the error which one it is.
func (m Matrix) check(name string) error {
	if m.Rows < 0 || m.Cols < 0 || len(m.Data) != m.Rows*m.Cols {
		return fmt.Errorf("%s: a [%d, %d] matrix cannot hold %d numbers", name, m.Rows, m.Cols, len(m.Data))
	}
	return nil
}

func (m Matrix) checkFinite(name string) error {
	if err := m.check(name); err != nil {
		return err
	}
	for i := range m.Rows {
		if sum := squaredLength(m.Row(i)); math.IsNaN(sum) || math.IsInf(sum, 0) {
			return fmt.Errorf("%s: row %d of %d has %w", name, i, m.Rows, ErrNotFinite)
		}
	}
	return nil
}

// parallel calls f(0) ... f(n-1) on GOMAXPROCS goroutines and returns when all are done. Calls must not depend on each
// other: which goroutine makes which call, and when, is left open.
func parallel(n int, f func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	group.Wait()
}

// Centre is the mean of the rows, [Cols]; of no rows it is NaN.
func Centre(m Matrix) []float64 {
	sum := make([]float64, m.Cols)
	for i := range m.Rows {
		for j, x := range m.Row(i) {
			sum[j] += float64(x)
		}
	}
	for j := range sum {
		sum[j] /= float64(m.Rows)
	}
	return sum
}

// Less returns the rows without a middle [Cols], such as [Centre].
func (m Matrix) Less(middle []float64) Matrix {
	rest := NewMatrix(m.Rows, m.Cols)
	for i := range m.Rows {
		row := rest.Row(i)
		for j, x := range m.Row(i) {
			row[j] = float32(float64(x) - middle[j])
		}
	}
	return rest
}
