package kernel

import (
	"unsafe"

	"github.com/alike-ml/alike/engine/parallel"
)

// winogradWeightGrad computes dw, the gradient of the weights, from x and dy with the algorithm a. s has strides, dilations and groups of
// one and 3x3 weights.
//
// A task has a slice of the tiles and a range of the input and output channels. It keeps its sums, a matrix [input channels, output channels]
// for each element of a tile, while it goes through its tiles block by block. The slices are summed in their order at the end.
func winogradWeightGrad[T float32 | uint16](p *parallel.Pool, a *winograd, s ConvShape, mic micro, x, dy, dw []T) {
	g, size := a.grid(s.N, s.OutH(), s.OutW()), 9*s.C*s.K
	slices, chunksC, chunksK := gradSplit(s.C, s.K, g.count())
	own := matrices.get(newMatrix)
	defer matrices.put(own)
	partial := grow[float32](own, slices*size)
	p.For(slices*chunksC*chunksK, func(task int) {
		slice, i, j := task/(chunksC*chunksK), task/chunksK%chunksC, task%chunksK
		b := gradBlock[T]{a: a, s: s, g: g, mic: mic, t0: g.count() * slice / slices, t1: g.count() * (slice + 1) / slices}
		b.c0, b.c1 = s.C*i/chunksC, s.C*(i+1)/chunksC
		b.k0, b.k1 = columns(j, chunksK, s.K, mic.nr)
		b.run(x, dy, partial[slice*size:])
	})
	const chunk = 1 << 13
	p.For((size+chunk-1)/chunk, func(task int) {
		from, to := task*chunk, min((task+1)*chunk, size)
		sum := room(dw[from:to], partial[from:to])
		copy(sum, partial[from:to])
		for slice := 1; slice < slices; slice++ {
			Add(sum, sum, partial[slice*size+from:slice*size+to])
		}
		stored(dw[from:to], sum)
	})
}

// gradTiles is how many tiles a weight gradient transforms at a time, an even number.
const gradTiles = 64

// gradSplit returns into how many slices of tiles and chunks of input and output channels a weight gradient is split. The slices change
// bits, so they depend on the shape alone.
func gradSplit(c, k, tiles int) (slices, chunksC, chunksK int) {
	const (
		channels = 128 // of a chunk at most
		enough   = 16  // tasks, for load balance
	)
	chunksC, chunksK = max(1, (c+channels-1)/channels), max(1, (k+channels-1)/channels)
	slices = max(1, min((enough+chunksC*chunksK-1)/(chunksC*chunksK), tiles/gradTiles))
	return slices, chunksC, chunksK
}

// gradBlock is a weight gradient of the tiles [t0, t1), the input channels [c0, c1) and the output channels [k0, k1).
type gradBlock[T float32 | uint16] struct {
	a                      *winograd
	s                      ConvShape
	g                      tileGrid
	mic                    micro
	t0, t1, c0, c1, k0, k1 int
}

func (b *gradBlock[T]) run(x, dy []T, dw []float32) {
	a, s, cs, ks, per := b.a, b.s, b.c1-b.c0, b.k1-b.k0, 4/sizeOf[T]()
	elements := a.window * a.window
	own := pieces.get(newMatrix)
	defer pieces.put(own)
	edge := elements * max(cs, ks)
	space := grow[float32](own, planesSize(elements, cs, ks)+planesSize(elements, gradTiles/per, cs)+planesSize(elements, gradTiles/per, ks)+2*edge)
	sums := newPlanes(&space, elements, cs, ks)
	v, m := newPlanes(&space, elements, gradTiles/per, cs), newPlanes(&space, elements, gradTiles/per, ks)

	in := images[T]{data: x, height: s.H, width: s.W, channels: s.C}
	out := images[T]{data: dy, height: s.OutH(), width: s.OutW(), channels: s.K}
	sp := arenaOf[T]().get()
	defer arenaOf[T]().put(sp)
	left, right := wordsLeft[T]{ld: v.ld, trans: true}, wordsRight[T]{ld: m.ld}
	pr := product[T]{micro: b.mic, a: &left, b: &right, cSize: 4, ldc: sums.ld,
		alpha: bitsOf(float32(1)), beta: bitsOf(float32(1)), noBeta: true}
	blocks := max(1, (b.t1-b.t0+gradTiles-1)/gradTiles)
	for block := range blocks {
		t0, t1 := b.t0+(b.t1-b.t0)*block/blocks, b.t0+(b.t1-b.t0)*(block+1)/blocks
		b.windows(&a.input, v, in, t0, t1, s.PadTop, s.PadLeft, a.window, b.c0, b.c1, space)
		b.windows(&a.outputGrad, m, out, t0, t1, 0, 0, a.size, b.k0, b.k1, space)
		for e := range elements {
			left.data, right.data, pr.c = v.data[e*v.plane:], m.data[e*m.plane:], unsafe.Pointer(&sums.data[e*sums.plane])
			for j := 0; j < ks; j += blockCols {
				pr.block(sp, 0, cs, j, min(j+blockCols, ks), 0, t1-t0)
			}
		}
		pr.noBeta = false
	}
	for c := range cs {
		a.weightsGrad.run(dw[(b.c0+c)*s.K+b.k0:], 3*s.C*s.K, s.C*s.K, sums.data[c*sums.ld:], a.window*sums.plane, sums.plane, ks)
	}
}

// windows transforms the windows of size x size pixels of the tiles [t0, t1), moved up and left, to the rows of m: a row for each tile, or of
// bfloat16 for each pair of tiles, of which the last may be alone.
func (b *gradBlock[T]) windows(by *bilinear, m planes, of images[T], t0, t1, up, left, size, c0, c1 int, space []float32) {
	row := b.a.window * m.plane
	at := func(t int) (n, i, j int) {
		n, i, j = b.g.at(t)
		return n, i - up, j - left
	}
	switch of := any(&of).(type) {
	case *images[float32]:
		for t := t0; t < t1; t++ {
			n, i, j := at(t)
			src, srcRow, srcCol := of.square(space, of.holds(i, j, size), n, i, j, size, c0, c1)
			by.run(m.data[(t-t0)*m.ld:], row, m.plane, src, srcRow, srcCol, c1-c0)
		}
	case *images[uint16]:
		halves := elementsOf[uint16](space)
		first, second := halves[:len(halves)/2], halves[len(halves)/2:]
		for t := t0; t < t1; t += 2 {
			n, i, j := at(t)
			n2, i2, j2 := 0, -size, 0 // nothing but zeros
			if t+1 < t1 {
				n2, i2, j2 = at(t + 1)
			}
			inPlace := of.holds(i, j, size) && of.holds(i2, j2, size)
			src, srcRow, srcCol := of.square(first, inPlace, n, i, j, size, c0, c1)
			src2, _, _ := of.square(second, inPlace, n2, i2, j2, size, c0, c1)
			by.runPairs(elementsOf[uint16](m.data[(t-t0)/2*m.ld:]), 2*row, 2*m.plane, src, src2, srcRow, srcCol, c1-c0)
		}
	}
}
