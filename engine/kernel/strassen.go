package kernel

import (
	"unsafe"

	"github.com/alike-ml/alike/engine/parallel"
)

// Strassen's algorithm ("Gaussian elimination is not optimal", 1969) multiplies matrices that are cut into quadrants,
//
//	C11 C12   A11 A12   B11 B12
//	C21 C22 = A21 A22 * B21 B22
//
// with seven products of sums of quadrants instead of eight. One level of it takes 7/8 of the multiplications of a large product. The sums
// are made where operands are packed, and a product is added to the one or two quadrants of C that it belongs to while it is in the registers
// of the micro-kernel, as in Huang, Smith, Henry and van de Geijn, "Strassen's algorithm reloaded" (2016). So nothing but packing and C is
// passed over more often than by the definition.
//
// Quadrants are local. A task has a block of rows of C, the halves of which are the upper and the lower quadrants. Its columns are cut
// into pairs of panels of 32 columns, and k into blocks of two halves. All these depend on the shape alone, so that the bits do.
//
// Sums of quadrants pass through other numbers than the definition's. Results have errors in proportion to the largest elements of the two
// rows of A and the two columns of B that meet in the quadrants, and where a row of A is zero, C is only near zero. A NaN or infinite element of A
// makes its row of C NaN or infinite and can reach the row that is paired with it; one of B, the column. docs/engine-kernels.md has the bounds.
// Where that is not wanted, [Gemm.Direct] chooses the definition's sums.

// strassenFor reports whether g is computed by Strassen's algorithm, because it takes less time. It depends on the shape alone, so that the bits do.
func strassenFor(g Gemm) bool {
	rows := 512 // below that the sums of B are used too little
	if g.TransA {
		rows = 1024 // The definition's panels of A are in place as a rule.
	}
	return !g.Direct && g.Batch <= 1 && g.Alpha == 1 && g.Beta == 0 && g.M >= rows && g.N >= 4*strassenCols && g.K >= 192 && g.K%2 == 0
}

// strassenGemm computes g by Strassen's algorithm, for an even K. The last row, if M is odd, and the columns beyond the last pair of panels
// are computed by the definition.
func strassenGemm(p *parallel.Pool, g Gemm) {
	checked := gemm[float32](g)
	checked.Batch = 1
	checked.check()
	rows, cols := g.M&^1, g.N/strassenCols*strassenCols
	if rows > 0 && cols > 0 {
		newStrassen(g.part(0, rows, 0, cols)).run(p)
	}
	for _, rest := range []Gemm{g.part(0, g.M, cols, g.N), g.part(rows, g.M, 0, cols)} {
		rest.Direct = true
		Gemm32(p, rest)
	}
}

// part returns the product that computes the rows [i0, i1) and the columns [j0, j1) of C.
func (g Gemm) part(i0, i1, j0, j1 int) Gemm {
	from := func(x []float32, at int) []float32 { return x[min(at, len(x)):] }
	left, right := i0*g.LDA, j0
	if g.TransA {
		left = i0
	}
	if g.TransB {
		right = j0 * g.LDB
	}
	g.M, g.N = i1-i0, j1-j0
	g.A, g.B, g.C = from(g.A, left), from(g.B, right), from(g.C, i0*g.LDC+j0)
	if g.Plus != nil {
		g.Plus = from(g.Plus, i0*g.LDC+j0)
	}
	if g.Bias != nil {
		g.Bias = g.Bias[j0:]
	}
	return g
}

// strassenSum numbers the sums of quadrants that the products multiply, of A as well as of B.
type strassenSum int

const (
	sum11and22 strassenSum = iota
	sum21and22
	sum11
	sum22
	sum11and12
	sum21less11
	sum12less22
	strassenSums
)

// strassenProducts are Strassen's products: of which sums, to which quadrant of C (11, 12, 21, 22) they are added, and to which twin they are
// added with a sign. They are in an order in which every quadrant gets its last product not as a twin.
var strassenProducts = [7]struct {
	a, b        strassenSum
	c, twin     int // twin is noTwin if there is none
	sign        float32
	first, last bool // of those for c
	twinFirst   bool // of those for twin
}{
	{a: sum11and22, b: sum11and22, c: 0, twin: 3, sign: 1, first: true, twinFirst: true},
	{a: sum11, b: sum12less22, c: 1, twin: 3, sign: 1, first: true},
	{a: sum21and22, b: sum11, c: 2, twin: 3, sign: -1, first: true},
	{a: sum22, b: sum21less11, c: 2, twin: 0, sign: 1, last: true},
	{a: sum11and12, b: sum22, c: 1, twin: 0, sign: -1, last: true},
	{a: sum12less22, b: sum21and22, c: 0, twin: noTwin, last: true},
	{a: sum21less11, b: sum11and12, c: 3, twin: noTwin, last: true},
}

const noTwin = -1

const (
	strassenRows   = 128     // of C in a block, at most
	strassenCols   = 2 * 32  // of C in a pair of panels
	strassenDepth  = 2 * 288 // of k in a block, at most
	strassenTasks  = 12      // that a product has at least, if it has enough pairs
	strassenShared = 8 << 20 // bytes of the sums of B that are packed for all tasks at a time
)

// strassenProduct is a product by Strassen's algorithm. N is a multiple of strassenCols, M and K are even.
//
// The sums of B are packed for all tasks, a few blocks of k at a time. Those of A are packed by the task that uses them, which has one block of
// rows and a range of pairs of panels.
type strassenProduct struct {
	Gemm
	micro               micro
	depths, rows, pairs int // how many blocks of k, blocks of rows, and pairs of panels of columns there are
	chunks              int // of pairs, for tasks

	first, end  int // blocks of k whose sums of B are in shared
	shared      []float32
	left, right int // elements of the sums for a block of k and a block of rows, or a pair of panels, at most
}

func newStrassen(g Gemm) *strassenProduct {
	s := &strassenProduct{Gemm: g, micro: microF32(strassenCols), pairs: g.N / strassenCols,
		depths: (g.K + strassenDepth - 1) / strassenDepth, rows: (g.M + strassenRows - 1) / strassenRows}
	depth, half := 0, (g.M/2+s.rows-1)/s.rows
	for q := range s.depths {
		depth = max(depth, s.depth(q))
	}
	s.left, s.right = int(strassenSums)*s.leftPanel(depth, half, s.panels(half)), int(strassenSums)*depth*strassenCols/2
	s.chunks = max(1, min(s.pairs/4, (strassenTasks+s.rows-1)/s.rows))
	return s
}

// run computes the product over the workers of p.
func (s *strassenProduct) run(p *parallel.Pool) {
	own := matrices.get(newMatrix)
	defer matrices.put(own)
	group := max(1, strassenShared/(4*s.pairs*s.right))
	s.shared = grow[float32](own, min(group, s.depths)*s.pairs*s.right)
	for s.first = 0; s.first < s.depths; s.first = s.end {
		s.end = min(s.first+group, s.depths)
		p.For((s.end-s.first)*s.pairs, func(i int) { s.packRight(s.first+i/s.pairs, i%s.pairs) })
		p.For(s.rows*s.chunks, func(i int) { s.task(i/s.chunks, i%s.chunks) })
	}
}

// sharedAt returns the sums of B for a block of k and a pair of panels.
func (s *strassenProduct) sharedAt(q, pair int) []float32 {
	return s.shared[((q-s.first)*s.pairs+pair)*s.right:]
}

// from returns where block q of k begins, an even number, and depth how many columns of A half of it has.
func (s *strassenProduct) from(q int) int {
	if q == s.depths {
		return s.K
	}
	return s.K * q / s.depths &^ 31
}

func (s *strassenProduct) depth(q int) int { return (s.from(q+1) - s.from(q)) / 2 }

// block returns the first row of a block of rows, and how many rows each of its quadrants has.
func (s *strassenProduct) block(r int) (i, half int) {
	i = s.M / 2 * r / s.rows * 2
	return i, (s.M/2*(r+1)/s.rows*2 - i) / 2
}

// panels returns into how many panels the rows of a quadrant are split.
func (s *strassenProduct) panels(half int) int { return (half + s.micro.mr - 1) / s.micro.mr }

// leftSteps returns the distances between rows and between columns of the sums of A, which are packed row by row, or, if A is transposed, column by
// column in panels.
func (s *strassenProduct) leftSteps(depth int) (row, col int) {
	if s.TransA {
		return 1, columnPitch(s.micro.mr)
	}
	return depth + panelPad/4, 1
}

// leftPanel returns where a panel of rows begins in a sum of A.
func (s *strassenProduct) leftPanel(depth, half, panel int) int {
	row, col := s.leftSteps(depth)
	if s.TransA {
		return panel * depth * col
	}
	return half * panel / s.panels(half) * row
}

// packLeft packs the sums of A for a block of k and a block of rows.
func (s *strassenProduct) packLeft(dst []float32, q, r int) {
	k, depth := s.from(q), s.depth(q)
	i, half := s.block(r)
	row, col := s.leftSteps(depth)
	panels := s.panels(half)
	plane := s.leftPanel(depth, half, panels)
	if !s.TransA {
		upper := s.A[i*s.LDA+k:]
		lower := upper[half*s.LDA:]
		quadrantSums(dst, plane, row, upper, upper[depth:], lower, lower[depth:], s.LDA, half, depth)
		return
	}
	for panel := range panels {
		from := half * panel / panels
		upper := s.A[k*s.LDA+i+from:]
		lower := upper[half:]
		quadrantSums(dst[s.leftPanel(depth, half, panel):], plane, col, upper, upper[depth*s.LDA:], lower, lower[depth*s.LDA:], s.LDA,
			depth, half*(panel+1)/panels-from)
	}
}

// packRight packs the sums of B for a block of k and a pair of panels, in panels of the micro-kernel's columns.
func (s *strassenProduct) packRight(q, pair int) {
	dst, k, depth, nr := s.sharedAt(q, pair), s.from(q), s.depth(q), s.micro.nr
	plane := depth * strassenCols / 2
	if !s.TransB {
		for j := 0; j < strassenCols/2; j += nr {
			upper := s.B[k*s.LDB+pair*strassenCols+j:]
			lower := upper[depth*s.LDB:]
			quadrantSums(dst[j*depth:], plane, nr, upper, upper[strassenCols/2:], lower, lower[strassenCols/2:], s.LDB, depth, nr)
		}
		return
	}
	own := pieces.get(newMatrix)
	defer pieces.put(own)
	quadrant := depth * nr
	x := grow[float32](own, 4*quadrant)
	for j := 0; j < strassenCols/2; j += nr {
		for i := range 4 {
			transposeBlock(x[i*quadrant:], nr, s.B[(pair*strassenCols+i%2*strassenCols/2+j)*s.LDB+k+i/2*depth:], s.LDB, nr, depth)
		}
		quadrantSums(dst[j*depth:], plane, nr, x, x[quadrant:], x[2*quadrant:], x[3*quadrant:], nr, depth, nr)
	}
}

// task computes a block of rows of a chunk of pairs of panels, for the blocks of k whose sums of B are in shared.
func (s *strassenProduct) task(r, chunk int) {
	space := pieces.get(newMatrix)
	defer pieces.put(space)
	left := grow[float32](space, s.left)
	t := strassenTiles{strassenProduct: s}
	for t.q = s.first; t.q < s.end; t.q++ {
		s.packLeft(left, t.q, r)
		for pair := s.pairs * chunk / s.chunks; pair < s.pairs*(chunk+1)/s.chunks; pair++ {
			t.run(left, s.sharedAt(t.q, pair), r, pair)
		}
	}
}

// strassenTiles computes tiles of C one after the other.
type strassenTiles struct {
	*strassenProduct
	q    int // the block of k
	tile tile
}

// run adds the products of the sums of A for a block of rows, and of B for a pair of panels.
func (t *strassenTiles) run(left, right []float32, r, pair int) {
	x, nr := &t.tile, t.micro.nr
	i, half := t.block(r)
	x.k = t.depth(t.q)
	row, col := t.leftSteps(x.k)
	x.aRow, x.aCol, x.bStep, x.segments = 4*row, 4*col, 4*nr, 1
	x.alpha, x.beta = bitsOf(float32(1)), bitsOf(float32(1))
	x.setColumns(nr, nr)
	panels := t.panels(half)
	for j := 0; j < strassenCols/2; j += nr {
		for panel := range panels {
			from := half * panel / panels
			x.rows = half*(panel+1)/panels - from
			t.multiply(left[t.leftPanel(x.k, half, panel):], t.leftPanel(x.k, half, panels), right[j*x.k:], i+from, half, pair*strassenCols+j)
		}
	}
}

// multiply adds the products of a panel of each sum of A, plane elements apart, and of B to a tile in each quadrant of C, whose first row and column
// are those given for C11.
func (t *strassenTiles) multiply(left []float32, plane int, right []float32, row, half, col int) {
	x := &t.tile
	linear(x.cOff[:x.rows], 0, 4*t.LDC)
	run := t.micro.run[x.rows-1]
	at := row*t.LDC + col
	quadrants := [4]int{at, at + strassenCols/2, at + half*t.LDC, at + half*t.LDC + strassenCols/2}
	for i := range strassenProducts {
		pr := &strassenProducts[i]
		x.a, x.b = unsafe.Pointer(&left[int(pr.a)*plane]), unsafe.Pointer(&right[int(pr.b)*x.k*strassenCols/2])
		x.c = unsafe.Pointer(&t.C[quadrants[pr.c]])
		x.plus, x.bias, x.flags = x.c, nil, tileWide|tileReadC
		if pr.first && t.q == 0 {
			if t.Plus == nil {
				x.flags = tileWide
			} else {
				x.plus = unsafe.Pointer(&t.Plus[quadrants[pr.c]])
			}
		}
		if pr.last && t.q == t.depths-1 {
			if t.Bias != nil {
				x.bias = unsafe.Pointer(&t.Bias[col+pr.c%2*strassenCols/2])
			}
			if t.ReLU {
				x.flags |= tileReLU
			}
		}
		x.twin = nil
		if pr.twin != noTwin {
			x.twin, x.twinSign = unsafe.Pointer(&t.C[quadrants[pr.twin]]), pr.sign
			x.twinPlus = x.twin
			if pr.twinFirst && t.q == 0 {
				x.twinPlus = nil
				if t.Plus != nil {
					x.twinPlus = unsafe.Pointer(&t.Plus[quadrants[pr.twin]])
				}
			}
		}
		run(x)
	}
}

// quadrantSums writes the sums of rows x n elements of four quadrants to dst: the first to dst[i*dstRow:], each further one plane elements on. Rows
// of the quadrants are srcRow elements apart.
func quadrantSums(dst []float32, plane, dstRow int, x11, x12, x21, x22 []float32, srcRow, rows, n int) {
	_ = dst[6*plane+(rows-1)*dstRow+n-1]
	last := (rows-1)*srcRow + n - 1
	_, _, _, _ = x11[last], x12[last], x21[last], x22[last]
	if quadrantSumsSIMD(&dst[0], 4*plane, 4*dstRow, &x11[0], &x12[0], &x21[0], &x22[0], 4*srcRow, rows, n) {
		return
	}
	for i := range rows {
		for j := range n {
			at := i*srcRow + j
			x11, x12, x21, x22 := x11[at], x12[at], x21[at], x22[at]
			for p, sum := range [strassenSums]float32{x11 + x22, x21 + x22, x11, x22, x11 + x12, x21 - x11, x12 - x22} {
				dst[p*plane+i*dstRow+j] = sum
			}
		}
	}
}
