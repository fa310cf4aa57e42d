package kernel

import (
	"sync"
	"unsafe"

	"github.com/alike-ml/alike/engine/parallel"
)

// A left operand hands panels of A to the driver.
type left[T element] interface {
	// panel returns rows rows of A from row i, and of these the columns [k0, k0+kc), either in place or packed into s.a, as
	// a pointer and the steps in bytes from row to row and from column to column (from pair to pair for bfloat16).
	panel(s *scratch[T], i, rows, k0, kc int) (a unsafe.Pointer, row, col int)
}

// A right operand hands panels of B to the driver.
type right[T element] interface {
	// panel returns rows [k0, k0+kc) of B, and of these cols columns from column j, either in place or packed into dst with
	// the micro-kernel's number of columns, as a pointer and the step in bytes from row to row (from pair to pair).
	panel(dst []T, k0, kc, j, cols int) (b unsafe.Pointer, step int)
}

// product is C = alpha * A * B + beta * C with operands that pack themselves. A matrix product and the three directions of a
// convolution differ in their operands alone.
type product[T element] struct {
	micro   micro
	m, n, k int
	a       left[T]
	b       right[T]

	c           unsafe.Pointer // where column c0 of C begins
	c0          int
	cSize       int                     // bytes of an element of C
	ldc         int                     // elements from row to row of C
	cRows       func(at []int, row int) // or where rows of C begin, from the given one on, in elements
	alpha, beta uint64
	noBeta      bool           // beta is zero
	plus        unsafe.Pointer // what beta multiplies instead of C, laid out as C; nil for C
	bias        unsafe.Pointer
	relu        bool

	line, segments, aNext int // see linesLeft; zero for others
}

const (
	blockBytes = 2304 // of a row of A in one block of k: with 14 rows, a panel of A fills two thirds of a 48 KiB L1
	blockCols  = 256  // of B in one task: with a block of k, somewhat more than half of a 1 MiB L2

	panelPad = 64 // bytes between packed rows of A, so that they do not fall into the same sets of a cache
)

// blocksOfK returns into how many blocks k columns are split, and how many columns each has, the last one excepted.
func blocksOfK[T element](k int) (blocks, size int) {
	most := blockBytes / sizeOf[T]()
	blocks = max(1, (k+most-1)/most)
	size = (k + blocks - 1) / blocks
	return blocks, min((size+15)&^15, most)
}

// scratch is one worker's packing space.
type scratch[T element] struct {
	a, b []T
	t    tile

	offsets []int // see taps
	plane   []T   // see planeLeft and linesLeft
	tap     int   // what these two hold is for, in the operand's own numbers; -1 for nothing

	c      []float32 // a part of C on its way to bfloat16
	sums   []uint64  // the sums of slices of k
	shared []uint64  // the panels of B, for all tasks
}

// numbers returns n numbers in the memory of words, which grows if it must. They hold anything.
func numbers[C element](words *[]uint64, n int) []C {
	if need := (n*int(unsafe.Sizeof(C(0))) + 7) / 8; len(*words) < need {
		*words = make([]uint64, need)
	}
	return unsafe.Slice((*C)(unsafe.Pointer(&(*words)[0])), n)
}

// arena keeps scratch spaces for reuse. Unlike a sync.Pool it never forgets them.
type arena[T element] struct {
	mu   sync.Mutex
	free []*scratch[T]
}

var (
	arenaF32  arena[float32]
	arenaF64  arena[float64]
	arenaBF16 arena[uint16]
)

func (r *arena[T]) get() *scratch[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.free); n > 0 {
		s := r.free[n-1]
		r.free = r.free[:n-1]
		return s
	}
	size := sizeOf[T]()
	return &scratch[T]{
		a: make([]T, 16*(blockBytes+panelPad)/size),
		b: make([]T, blockBytes/size*blockCols),

		offsets: make([]int, blockBytes/2),
	}
}

func (r *arena[T]) put(s *scratch[T]) {
	s.t = tile{} // Hold on to no one's matrices.
	r.mu.Lock()
	r.free = append(r.free, s)
	r.mu.Unlock()
}

// grid is how a product is split into tasks: chunks of the rows and columns of C, and slices of k.
type grid struct{ rows, cols, slices int }

// splitProduct splits a product of the given shape. Chunks of C do not change a bit of the result. Slices of k do: they
// are summed at the end. All depend on the shape alone.
func splitProduct[T element](m, n, k int, mic micro) grid {
	const (
		smallTask = 2 << 20 // operations; about ten microseconds of one core
		enough    = 12      // tasks, for load balance; more only where they stay large
		most      = 256
	)
	g := grid{rows: 1, cols: max(1, (n+blockCols-1)/blockCols), slices: 1}
	blocks, _ := blocksOfK[T](k)
	if m*n <= 1<<20 && m/(16*mic.mr)*g.cols < enough { // C has few rows to share. The fewer chunks it can have, the more slices.
		chunks := max(1, m/(4*mic.mr)) * max(1, n/(2*mic.nr))
		g.slices = min(16, max(1, blocks/2), max(1, 1<<22/max(m*n, 1)), max(2, 2*enough/chunks))
	}
	ops := 2 * m * n * k
	for {
		tasks := g.rows * g.cols * g.slices
		rows, cols := m/g.rows, n/g.cols
		switch {
		case tasks >= most || ops/tasks < 2*smallTask || tasks >= enough && rows < 1024:
			return g
		case rows >= 8*mic.mr && (rows >= cols || cols < 4*mic.nr):
			g.rows *= 2
		case cols >= 4*mic.nr:
			g.cols *= 2
		default:
			return g
		}
	}
}

// inPlaceRows is up to how many rows of C the panels of B are read in place by a goroutine that computes them all.
const inPlaceRows = 512

// readsInPlace reports whether the panels of a matrix B are read where they lie, as panels for each slice of k or for a few rows of C do not
// pay for being packed.
func readsInPlace[T element](mic micro, m, n, k int) bool {
	return mic.masked && (m <= 2*mic.mr || splitProduct[T](m, n, k, mic).slices > 1)
}

// columns returns the columns of C that belong to chunk i of n chunks.
func columns(i, chunks, n, nr int) (j0, j1 int) {
	panels := (n + nr - 1) / nr
	return panels * i / chunks * nr, min(panels*(i+1)/chunks*nr, n)
}

// run computes the product over the workers of p.
func (pr *product[T]) run(p *parallel.Pool, spaces *arena[T]) {
	if pr.m == 0 || pr.n == 0 {
		return
	}
	g := splitProduct[T](pr.m, pr.n, pr.k, pr.micro)
	if g.slices > 1 {
		pr.runSlices(p, spaces, g)
		return
	}
	if g.rows > 1 && pr.k > 0 {
		shared := *pr
		defer spaces.put(shared.share(p, spaces))
		pr = &shared
	}
	p.For(g.rows*g.cols, func(task int) {
		s := spaces.get()
		defer spaces.put(s)
		i, j := task/g.cols, task%g.cols
		j0, j1 := columns(j, g.cols, pr.n, pr.micro.nr)
		pr.block(s, pr.rowOf(i, g.rows), pr.rowOf(i+1, g.rows), j0, j1, 0, pr.k)
	})
}

// share packs B once for all tasks, into the scratch space that it returns.
func (pr *product[T]) share(p *parallel.Pool, spaces *arena[T]) *scratch[T] {
	nr, rows := pr.micro.nr, (pr.k+1)&^1
	panels := (pr.n + nr - 1) / nr
	s := spaces.get()
	packed := &packedRight[T]{panels: numbers[T](&s.shared, panels*rows*nr), rows: rows, nr: nr}
	p.For(panels, func(q int) {
		pr.b.panel(packed.panels[q*rows*nr:], 0, pr.k, q*nr, min(nr, pr.n-q*nr))
	})
	pr.b = packed
	return s
}

// rowOf returns the row of C where chunk i of n chunks begins.
func (pr *product[T]) rowOf(i, n int) int {
	line := max(1, pr.line)
	return pr.m / line * i / n * line
}

// panels returns into how many panels the rows [i0, i1) of A are split, and where panel q begins. A panel does not leave its line.
func (pr *product[T]) panels(i0, i1 int) (n int, start func(q int) int) {
	line := i1 - i0
	if pr.line > 0 {
		line = pr.line
	}
	perLine := (line + pr.micro.mr - 1) / pr.micro.mr
	return (i1 - i0) / max(1, line) * perLine, func(q int) int { return i0 + q/perLine*line + line*(q%perLine)/perLine }
}

// block computes the part [i0, i1) x [j0, j1) of C from the columns [k0, k1) of A on the calling goroutine.
func (pr *product[T]) block(s *scratch[T], i0, i1, j0, j1, k0, k1 int) {
	nr := pr.micro.nr
	blocks, size := blocksOfK[T](k1 - k0)
	panels, start := pr.panels(i0, i1)
	unit := 1
	if pr.micro.pairs {
		unit = 2
	}
	t := &s.t
	t.alpha, t.segments, t.aNext = pr.alpha, max(1, pr.segments), pr.aNext
	var starts [blockCols / goCols]unsafe.Pointer // of the panels of B; no micro-kernel is narrower than goCols
	for kb := range blocks {
		from := k0 + kb*size
		kc := min(size, k1-from)
		t.k = (kc + unit - 1) / unit / t.segments
		t.beta, t.flags, t.cols = bitsOf(float32(1)), tileReadC, -1
		if pr.cSize == 8 {
			t.beta = bitsOf(float64(1))
		}
		if kb == 0 {
			t.beta = pr.beta
			if pr.noBeta {
				t.flags = 0
			}
		}
		last := kb == blocks-1
		if last && pr.relu {
			t.flags |= tileReLU
		}
		for q, j := 0, j0; j < j1; q, j = q+1, j+nr {
			starts[q], t.bStep = pr.b.panel(s.b[q*nr*size:], from, kc, j, min(nr, j1-j))
		}
		s.tap = -1
		for q := range panels {
			i := start(q)
			rows := start(q+1) - i
			t.a, t.aRow, t.aCol = pr.a.panel(s, i, rows, from, kc)
			t.rows = rows
			pr.rowsOfC(t.cOff[:rows], i)
			for r := range rows {
				t.cOff[r] *= pr.cSize
			}
			for q, j := 0, j0; j < j1; q, j = q+1, j+nr {
				cols := min(nr, j1-j)
				run := pr.micro.run[rows-1]
				if cols <= pr.micro.half {
					run = pr.micro.narrow[rows-1]
				}
				t.setColumns(cols, nr)
				t.b = starts[q]
				t.c = unsafe.Add(pr.c, (j-pr.c0)*pr.cSize)
				t.plus = t.c
				if kb == 0 && pr.plus != nil {
					t.plus = unsafe.Add(pr.plus, (j-pr.c0)*pr.cSize)
				}
				t.bias = nil
				if last && pr.bias != nil {
					t.bias = unsafe.Add(pr.bias, j*pr.cSize)
				}
				run(t)
			}
		}
	}
}

// rowsOfC writes where the rows of C begin, from the given one on, in elements.
func (pr *product[T]) rowsOfC(at []int, row int) {
	if pr.cRows != nil {
		pr.cRows(at, row)
	} else {
		linear(at, row, pr.ldc)
	}
}

func linear(at []int, row, ld int) {
	for i := range at {
		at[i] = (row + i) * ld
	}
}

// runSlices computes the product of a long k in slices of k, and sums them in their order.
func (pr *product[T]) runSlices(p *parallel.Pool, spaces *arena[T], g grid) {
	if pr.cSize == 8 {
		sumSlices[float64](p, pr, spaces, g)
	} else {
		sumSlices[float32](p, pr, spaces, g)
	}
}

func sumSlices[C float32 | float64, T element](p *parallel.Pool, pr *product[T], spaces *arena[T], g grid) {
	own := spaces.get()
	defer spaces.put(own)
	partial := numbers[C](&own.sums, g.slices*pr.m*pr.n)
	p.For(g.slices*g.rows*g.cols, func(task int) {
		s := spaces.get()
		defer spaces.put(s)
		slice, i, j := task/(g.rows*g.cols), task/g.cols%g.rows, task%g.cols
		j0, j1 := columns(j, g.cols, pr.n, pr.micro.nr)
		part := *pr
		part.c, part.ldc, part.cRows = unsafe.Pointer(&partial[slice*pr.m*pr.n]), pr.n, nil
		part.noBeta, part.plus, part.bias, part.relu = true, nil, nil, false
		part.block(s, pr.m*i/g.rows, pr.m*(i+1)/g.rows, j0, j1, pr.k*slice/g.slices&^1, sliceEnd(pr.k, slice, g.slices))
	})
	const chunk = 1 << 13 // elements of C, or one row
	rows := max(1, chunk/pr.n)
	p.For((pr.m+rows-1)/rows, func(task int) {
		for i := task * rows; i < min((task+1)*rows, pr.m); i++ {
			var at [1]int
			pr.rowsOfC(at[:], i)
			c := unsafe.Slice((*C)(unsafe.Add(pr.c, at[0]*pr.cSize)), pr.n)
			if pr.noBeta {
				copy(c, partial[i*pr.n:])
			} else {
				if pr.plus != nil {
					copy(c, unsafe.Slice((*C)(unsafe.Add(pr.plus, at[0]*pr.cSize)), pr.n))
				}
				scaleInto(c, scalarOf[C](pr.beta))
				addInto(c, partial[i*pr.n:])
			}
			for s := 1; s < g.slices; s++ {
				addInto(c, partial[(s*pr.m+i)*pr.n:])
			}
			if pr.bias != nil {
				addInto(c, unsafe.Slice((*C)(pr.bias), pr.n))
			}
			if pr.relu {
				for j, v := range c {
					if v < 0 {
						c[j] = 0
					}
				}
			}
		}
	})
}

// addInto adds x to dst.
func addInto[C float32 | float64](dst, x []C) {
	switch dst := any(dst).(type) {
	case []float32:
		Add(dst, dst, any(x).([]float32))
	case []float64:
		for i, v := range any(x).([]float64)[:len(dst)] {
			dst[i] += v
		}
	}
}

// scaleInto multiplies dst by s.
func scaleInto[C float32 | float64](dst []C, s C) {
	for i := range dst {
		dst[i] *= s
	}
}

// sliceEnd returns where slice i of k ends; slices begin at even columns.
func sliceEnd(k, i, slices int) int {
	if i == slices-1 {
		return k
	}
	return k * (i + 1) / slices &^ 1
}

// halfRows is the number of rows of C that wait as float32 before they are rounded to bfloat16.
const halfRows = 512

// runHalf computes pr over the workers of p and rounds it to bfloat16 in dst.
func runHalf(p *parallel.Pool, pr *product[uint16], dst []uint16) {
	if pr.m == 0 || pr.n == 0 {
		return
	}
	at := func(row int) int {
		var at [1]int
		pr.rowsOfC(at[:], row)
		return at[0]
	}
	part := *pr
	part.cRows = nil
	g := splitProduct[uint16](pr.m, pr.n, pr.k, pr.micro)
	if g.slices == 1 && (g.rows > 1 || pr.m > halfRows) && pr.k > 0 {
		defer arenaBF16.put(part.share(p, &arenaBF16))
	}
	if g.slices > 1 {
		own := arenaBF16.get()
		defer arenaBF16.put(own)
		c := numbers[float32](&own.shared, pr.m*pr.n)
		part.c, part.ldc = unsafe.Pointer(&c[0]), pr.n
		part.runSlices(p, &arenaBF16, g)
		forRows(p, pr.m, pr.n, func(i int) { F32ToBF16(dst[at(i):][:pr.n], c[i*pr.n:]) })
		return
	}
	p.For(g.rows*g.cols, func(task int) {
		s := arenaBF16.get()
		defer arenaBF16.put(s)
		if s.c == nil {
			s.c = make([]float32, halfRows*blockCols)
		}
		i, j := task/g.cols, task%g.cols
		j0, j1 := columns(j, g.cols, pr.n, pr.micro.nr)
		rows := halfRows / max(1, pr.line) * max(1, pr.line)
		for from, end := pr.rowOf(i, g.rows), pr.rowOf(i+1, g.rows); from < end; from += rows {
			to, part := min(from+rows, end), part
			part.c, part.c0, part.ldc = unsafe.Pointer(&s.c[0]), j0, j1-j0
			part.cRows = func(at []int, row int) { linear(at, row-from, j1-j0) }
			part.block(s, from, to, j0, j1, 0, pr.k)
			if pr.cRows == nil && pr.ldc == j1-j0 {
				F32ToBF16(dst[from*pr.ldc:to*pr.ldc], s.c)
				continue
			}
			var at [16]int
			for r := from; r < to; r++ {
				q := (r - from) % len(at)
				if q == 0 {
					pr.rowsOfC(at[:min(len(at), to-r)], r)
				}
				F32ToBF16(dst[at[q]+j0:][:j1-j0], s.c[(r-from)*(j1-j0):])
			}
		}
	})
}
