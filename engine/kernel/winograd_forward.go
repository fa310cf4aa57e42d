package kernel

import (
	"unsafe"

	"github.com/alike-ml/alike/engine/parallel"
)

// winogradForward computes y = x * w with the algorithm a. s has strides, dilations and groups of one and 3x3 weights; for
// bfloat16, even numbers of channels.
func winogradForward[T float32 | uint16](p *parallel.Pool, a *winograd, s ConvShape, mic micro, x, w, y []T) {
	convolveTiles(p, a, s, mic, x, y, func(dst []T, tap, c, rows, k, cols int) {
		src := w[(tap*s.C+c)*s.K+k:]
		switch dst := any(dst).(type) {
		case []float32:
			copyBlock(dst, mic.nr, any(src).([]float32), s.K, rows, cols, mic.nr)
		case []uint16:
			interleaveBlock(dst, any(src).([]uint16), s.K, rows, cols, mic.nr)
		}
	})
}

// winogradInputGrad computes dx from dy and w.
func winogradInputGrad[T float32 | uint16](p *parallel.Pool, a *winograd, s ConvShape, mic micro, dy, w, dx []T) {
	convolveTiles(p, a, s.turned(), mic, dy, dx, func(dst []T, tap, k, rows, c, cols int) {
		src := w[((8-tap)*s.C+c)*s.K+k:]
		switch dst := any(dst).(type) {
		case []float32:
			if cols < mic.nr {
				clear(dst[:rows*mic.nr])
			}
			transposeBlock(dst, mic.nr, any(src).([]float32), s.K, cols, rows)
		case []uint16:
			transposePairs(dst, any(src).([]uint16), s.K, cols, rows, mic.nr)
		}
	})
}

// turned returns the convolution of dy that makes dx: its weights are turned by half a turn, its input channels are the output
// channels of s, and its padding is what that of s leaves of the window.
func (s ConvShape) turned() ConvShape {
	t := s
	t.H, t.W, t.C, t.K = s.OutH(), s.OutW(), s.K, s.C
	t.PadTop, t.PadBottom, t.PadLeft, t.PadRight = s.R-1-s.PadTop, s.R-1-s.PadBottom, s.S-1-s.PadLeft, s.S-1-s.PadRight
	return t
}

// tileWeights are transformed weights: a matrix [C, K] for each element of a tile, in panels of nr columns as micro-kernels read them.
type tileWeights[T float32 | uint16] struct {
	data      []float32
	nr, depth int // columns of a panel, and its words for each
	plane     int // words from matrix to matrix
	element   int // which matrix panel hands out
}

func (u *tileWeights[T]) panel(_ []T, k0, _, j, _ int) (unsafe.Pointer, int) {
	return unsafe.Pointer(&u.data[u.element*u.plane+(j/u.nr*u.depth+k0*sizeOf[T]()/4)*u.nr]), 4 * u.nr
}

// convolveTiles computes y from x. gather writes rows of a panel of the weights, in words, for one tap, from input channel c and
// output channel k on, with zeros for columns that are missing.
//
// A task has a block of tiles and a range of columns. It transforms its windows, multiplies element by element of the tile, and transforms
// the products back.
func convolveTiles[T float32 | uint16](p *parallel.Pool, a *winograd, s ConvShape, mic micro, x, y []T, gather func(dst []T, tap, c, rows, k, cols int)) {
	g := a.grid(s.N, s.OutH(), s.OutW())
	if g.count() == 0 {
		return
	}
	elements, panels, per := a.window*a.window, (s.K+mic.nr-1)/mic.nr, 4/sizeOf[T]()
	own := matrices.get(newMatrix)
	defer matrices.put(own)
	u := tileWeights[T]{nr: mic.nr, depth: s.C / per, plane: panels*s.C/per*mic.nr + 16}
	u.data = grow[float32](own, elements*u.plane)
	const most = 32 // rows at a time
	groups := (s.C + most - 1) / most
	p.For(panels*groups, func(task int) {
		sp := pieces.get(newMatrix)
		defer pieces.put(sp)
		panel, c := task/groups, task%groups*most
		rows := min(most, s.C-c)
		tap := rows * mic.nr
		space := grow[T](sp, 9*tap)
		for t := range 9 {
			gather(space[t*tap:][:tap], t, c, rows, panel*mic.nr, min(mic.nr, s.K-panel*mic.nr))
		}
		all := elementsOf[T](u.data)
		for r := range rows / per {
			dst := all[((panel*u.depth+c/per+r)*mic.nr)*per:]
			transformed(&a.weights, dst, a.window*u.plane*per, u.plane*per, space[r*mic.nr*per:], 3*tap, tap, mic.nr*per)
		}
	})

	blocks, chunks := a.split(s.C, s.K, g.count(), mic)
	p.For(blocks*chunks, func(task int) {
		i, j := task/chunks, task%chunks
		b := tileBlock[T]{a: a, s: s, g: g, mic: mic, t0: g.count() * i / blocks, t1: g.count() * (i + 1) / blocks}
		b.j0, b.j1 = columns(j, chunks, s.K, mic.nr)
		b.run(x, u, y)
	})
}

// split returns into how many blocks of tiles and chunks of columns a convolution is split. They do not change a bit of the result.
func (a *winograd) split(c, k, tiles int, mic micro) (blocks, chunks int) {
	const (
		space  = 512 << 10 // bytes of transformed windows and products of a task
		enough = 12        // tasks, for load balance
	)
	block := min(max(space/(4*a.window*a.window*(c+k)), 28), 112)
	if c*k >= 128*128 {
		block = max(block, 56) // so that transformed weights are not read too often
	}
	blocks, chunks = (tiles+block-1)/block, 1
	for blocks*chunks < enough && tiles/blocks >= 28 {
		blocks *= 2
	}
	for blocks*chunks < enough && k/chunks >= 4*mic.nr {
		chunks *= 2
	}
	return blocks, chunks
}

// tileBlock is the tiles [t0, t1) and the columns [j0, j1) of a convolution.
type tileBlock[T float32 | uint16] struct {
	a              *winograd
	s              ConvShape
	g              tileGrid
	mic            micro
	t0, t1, j0, j1 int
}

func (b *tileBlock[T]) run(x []T, u tileWeights[T], y []T) {
	a, s, tiles, cols, per := b.a, b.s, b.t1-b.t0, b.j1-b.j0, 4/sizeOf[T]()
	elements := a.window * a.window
	own := pieces.get(newMatrix)
	defer pieces.put(own)
	edge := elements * max(s.C, cols)
	space := grow[float32](own, planesSize(elements, tiles, s.C/per)+planesSize(elements, tiles, cols)+edge)
	v, m := newPlanes(&space, elements, tiles, s.C/per), newPlanes(&space, elements, tiles, cols)
	square := elementsOf[T](space)

	in, windows := images[T]{data: x, height: s.H, width: s.W, channels: s.C}, elementsOf[T](v.data)
	for t := range tiles {
		n, i, j := b.g.at(b.t0 + t)
		i, j = i-s.PadTop, j-s.PadLeft
		src, row, col := in.square(square, in.holds(i, j, a.window), n, i, j, a.window, 0, s.C)
		transformed(&a.input, windows[t*v.ld*per:], a.window*v.plane*per, v.plane*per, src, row, col, s.C)
	}

	sp := arenaOf[T]().get()
	defer arenaOf[T]().put(sp)
	left := wordsLeft[T]{ld: v.ld}
	pr := product[T]{micro: b.mic, a: &left, b: &u, c0: b.j0, cSize: 4, ldc: m.ld, alpha: bitsOf(float32(1)), noBeta: true}
	for e := range elements {
		left.data, u.element, pr.c = v.data[e*v.plane:], e, unsafe.Pointer(&m.data[e*m.plane])
		for j := b.j0; j < b.j1; j += blockCols {
			pr.block(sp, 0, tiles, j, min(j+blockCols, b.j1), 0, s.C)
		}
	}

	height, width := s.OutH(), s.OutW()
	for t := range tiles {
		n, i, j := b.g.at(b.t0 + t)
		src := m.data[t*m.ld:]
		at := ((n*height+i)*width+j)*s.K + b.j0
		if i+a.size <= height && j+a.size <= width {
			transformedTo(&a.output, y[at:], width*s.K, s.K, src, a.window*m.plane, m.plane, cols)
			continue
		}
		transformedTo(&a.output, square, a.size*cols, cols, src, a.window*m.plane, m.plane, cols)
		for r := range min(a.size, height-i) {
			for q := range min(a.size, width-j) {
				copy(y[at+(r*width+q)*s.K:][:cols], square[(r*a.size+q)*cols:])
			}
		}
	}
}
