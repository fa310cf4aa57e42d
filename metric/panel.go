package metric

import "gonum.org/v1/gonum/blas/gonum"

const (
	// panelRows is the number of rows of a collection that are compared with a query at a time.
	panelRows = 512
	// panelColumns is the number of columns that are read before the next query's turn: 128 of 512 rows are 256 KiB, which
	// stay in the second-level cache while every query of a block reads them.
	panelColumns = 128
)

// dense compares the rows of matrices.
type dense struct {
	panels  []panel
	items   int
	queries Matrix // unit rows
}

func (m Matrix) shape() (rows, cols int) { return m.Rows, m.Cols }

func (m Matrix) dot(i int, others Matrix) (sum float64) {
	y := others.Row(i)
	for j, x := range m.Row(i) {
		sum += float64(x) * float64(y[j])
	}
	return sum
}

func (m Matrix) compare(queries Matrix) comparison {
	unit := m.Normalized()
	panels := make([]panel, (m.Rows+panelRows-1)/panelRows)
	parallel(len(panels), func(i int) {
		panels[i] = newPanel(unit, i*panelRows, min((i+1)*panelRows, m.Rows))
	})
	return dense{panels: panels, items: m.Rows, queries: queries.Normalized()}
}

func (d dense) size() (queries, items int) { return d.queries.Rows, d.items }

func (d dense) each(from, to int, f func(query, first int, similarities []float32)) {
	queries := d.queries.rows(from, to)
	buffer := make([]float32, queries.Rows*panelRows)
	for _, p := range d.panels {
		similarities := buffer[:queries.Rows*p.rows]
		p.products(similarities, queries)
		for i := range queries.Rows {
			f(from+i, p.first, similarities[i*p.rows:][:p.rows])
		}
	}
}

func (d dense) among(query int, items []int) []float32 {
	picked := panel{rows: len(items), columns: make([]float32, len(items)*d.queries.Cols)}
	for i, item := range items {
		p := d.panels[item/panelRows]
		for j := range d.queries.Cols {
			picked.columns[j*picked.rows+i] = p.columns[j*p.rows+item-p.first]
		}
	}
	similarities := make([]float32, len(items))
	picked.products(similarities, d.queries.rows(query, query+1))
	return similarities
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
