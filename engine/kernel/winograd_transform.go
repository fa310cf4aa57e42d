package kernel

import "unsafe"

// transform is one row of a two-dimensional transform for a line of tiles: lines of src, of which each tile has a number of places
// and each place n channels, become places of dst. Steps are in elements.
//
// dst is float32, or bfloat16, where the processor has it: as it is, or, with pairs set, as pairs of a tile and the next, of which
// there must be an even number. The step of pairs is that from one pair to the next.
type transform[T float32 | uint16] struct {
	dst               *T
	pairs             bool
	dstPlace, dstTile int
	src               [3]*float32
	srcPlace, srcTile int
	tiles, n          int
}

// window makes four places of t = a + cb*b: the rows of B'.
func (t transform[T]) window(cb float32) {
	if dst, ok := any(t.dst).(*uint16); ok {
		if t.pairs {
			winogradWindowPairsAVX512(dst, t.src[0], t.src[1], 2*t.dstPlace, 2*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb)
			return
		}
		winogradWindowHalfAVX512(dst, t.src[0], t.src[1], 2*t.dstPlace, 2*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb)
		return
	}
	dst := any(t.dst).(*float32)
	if winogradWindowSIMD(dst, t.src[0], t.src[1], 4*t.dstPlace, 4*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb) {
		return
	}
	t.each(dst, 4, 2, cb, 0, 1, func(t [4]float32) (out [4]float32) {
		return [4]float32{t[0] - t[2], t[1] + t[2], t[2] - t[1], t[1] - t[3]}
	}, 4)
}

// spread makes four places of t = a + cb*b: the rows of A.
func (t transform[T]) spread(cb float32) {
	if dst, ok := any(t.dst).(*uint16); ok {
		winogradSpreadPairsAVX512(dst, t.src[0], t.src[1], 2*t.dstPlace, 2*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb)
		return
	}
	dst := any(t.dst).(*float32)
	if winogradSpreadSIMD(dst, t.src[0], t.src[1], 4*t.dstPlace, 4*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb) {
		return
	}
	t.each(dst, 2, 2, cb, 0, 1, func(t [4]float32) (out [4]float32) {
		return [4]float32{t[0], t[0] + t[1], t[0] - t[1], t[1]}
	}, 4)
}

// fold makes two places of t = a + sign*b + sign*c: the rows of A'.
func (t transform[T]) fold(sign float32) {
	if dst, ok := any(t.dst).(*uint16); ok {
		winogradFoldHalfAVX512(dst, t.src[0], t.src[1], t.src[2], 2*t.dstPlace, 2*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, sign, sign)
		return
	}
	dst := any(t.dst).(*float32)
	if winogradFoldSIMD(dst, t.src[0], t.src[1], t.src[2], 4*t.dstPlace, 4*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, sign, sign) {
		return
	}
	t.each(dst, 4, 3, sign, sign, 1, func(t [4]float32) (out [4]float32) {
		return [4]float32{t[0] + (t[1] + t[2]), (t[1] - t[2]) - t[3]}
	}, 2)
}

// weights makes row r of the transformed weights by G, of the three lines of w.
func (t transform[T]) weights(w []float32, line, r int) {
	t.src = [3]*float32{&w[0], &w[line], &w[2*line]}
	cb, cc, scale := float32(0), float32(0), float32(1)
	switch r {
	case 1:
		cb, cc, scale = 1, 1, 0.5
	case 2:
		cb, cc, scale = -1, 1, 0.5
	case 3:
		t.src[0] = &w[2*line]
	}
	if dst, ok := any(t.dst).(*uint16); ok {
		if t.pairs {
			winogradWeightsPairsAVX512(dst, t.src[0], t.src[1], t.src[2], 2*t.dstPlace, 2*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb, cc, scale)
			return
		}
		winogradWeightsHalfAVX512(dst, t.src[0], t.src[1], t.src[2], 2*t.dstPlace, 2*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb, cc, scale)
		return
	}
	dst := any(t.dst).(*float32)
	if winogradWeightsSIMD(dst, t.src[0], t.src[1], t.src[2], 4*t.dstPlace, 4*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb, cc, scale) {
		return
	}
	t.each(dst, 3, 3, cb, cc, scale, func(t [4]float32) (out [4]float32) {
		ends := t[0] + t[2]
		return [4]float32{t[0], (ends + t[1]) / 2, (ends - t[1]) / 2, t[2]}
	}, 4)
}

// gather makes row r of the gradient of the weights by G', of the four lines of sums.
func (t transform[T]) gather(sums []float32, line, r int) {
	t.src = [3]*float32{&sums[0], &sums[line], &sums[2*line]}
	cb, cc, scale := float32(0.5), float32(0.5), float32(1)
	switch r {
	case 1:
		t.src[0] = &sums[line]
		t.src[1] = &sums[2*line]
		cb, cc, scale = -1, 0, 0.5
	case 2:
		t.src[0] = &sums[3*line]
		cb, cc, scale = -0.5, -0.5, -1
	}
	dst := any(t.dst).(*float32)
	if winogradGatherSIMD(dst, t.src[0], t.src[1], t.src[2], 4*t.dstPlace, 4*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb, cc, scale) {
		return
	}
	t.each(dst, 4, 3, cb, cc, scale, func(t [4]float32) (out [4]float32) {
		mean := (t[1] + t[2]) / 2
		return [4]float32{t[0] + mean, (t[1] - t[2]) / 2, mean - t[3]}
	}, 3)
}

// each is the transform in plain Go.
func (t transform[T]) each(dst *float32, places, lines int, cb, cc, scale float32, finish func([4]float32) [4]float32, results int) {
	at := func(p *float32, i int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i)) }
	for tile := range t.tiles {
		for c := range t.n {
			var sums [4]float32
			for i := range places {
				from := tile*t.srcTile + i*t.srcPlace + c
				sums[i] = *at(t.src[0], from) + float32(cb**at(t.src[1], from))
				if lines == 3 {
					sums[i] += float32(cc * *at(t.src[2], from))
				}
				sums[i] *= scale
			}
			out := finish(sums)
			for i, v := range out[:results] {
				*at(dst, tile*t.dstTile+i*t.dstPlace+c) = v
			}
		}
	}
}
