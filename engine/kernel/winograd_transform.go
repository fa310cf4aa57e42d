package kernel

import "unsafe"

// transform is one row of a two-dimensional transform for a line of tiles: lines of src, of which each tile has a number of places
// and each place n channels, become places of dst. Steps are in elements.
type transform struct {
	dst               *float32
	dstPlace, dstTile int
	src               [3]*float32
	srcPlace, srcTile int
	tiles, n          int
}

// window makes four places of t = a + cb*b: the rows of B'.
func (t transform) window(cb float32) {
	if winogradWindowSIMD(t.dst, t.src[0], t.src[1], 4*t.dstPlace, 4*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb) {
		return
	}
	t.each(4, 2, cb, 0, 1, func(t [4]float32) (out [4]float32) {
		return [4]float32{t[0] - t[2], t[1] + t[2], t[2] - t[1], t[1] - t[3]}
	}, 4)
}

// spread makes four places of t = a + cb*b: the rows of A.
func (t transform) spread(cb float32) {
	if winogradSpreadSIMD(t.dst, t.src[0], t.src[1], 4*t.dstPlace, 4*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb) {
		return
	}
	t.each(2, 2, cb, 0, 1, func(t [4]float32) (out [4]float32) {
		return [4]float32{t[0], t[0] + t[1], t[0] - t[1], t[1]}
	}, 4)
}

// fold makes two places of t = a + sign*b + sign*c: the rows of A'.
func (t transform) fold(sign float32) {
	if winogradFoldSIMD(t.dst, t.src[0], t.src[1], t.src[2], 4*t.dstPlace, 4*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, sign, sign) {
		return
	}
	t.each(4, 3, sign, sign, 1, func(t [4]float32) (out [4]float32) {
		return [4]float32{t[0] + (t[1] + t[2]), (t[1] - t[2]) - t[3]}
	}, 2)
}

// weights makes row r of the transformed weights by G, of the three lines of w.
func (t transform) weights(w []float32, line, r int) {
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
	if winogradWeightsSIMD(t.dst, t.src[0], t.src[1], t.src[2], 4*t.dstPlace, 4*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb, cc, scale) {
		return
	}
	t.each(3, 3, cb, cc, scale, func(t [4]float32) (out [4]float32) {
		ends := t[0] + t[2]
		return [4]float32{t[0], (ends + t[1]) / 2, (ends - t[1]) / 2, t[2]}
	}, 4)
}

// gather makes row r of the gradient of the weights by G', of the four lines of sums.
func (t transform) gather(sums []float32, line, r int) {
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
	if winogradGatherSIMD(t.dst, t.src[0], t.src[1], t.src[2], 4*t.dstPlace, 4*t.dstTile, 4*t.srcPlace, 4*t.srcTile, t.tiles, t.n, cb, cc, scale) {
		return
	}
	t.each(4, 3, cb, cc, scale, func(t [4]float32) (out [4]float32) {
		mean := (t[1] + t[2]) / 2
		return [4]float32{t[0] + mean, (t[1] - t[2]) / 2, mean - t[3]}
	}, 3)
}

// each is the transform in plain Go.
func (t transform) each(places, lines int, cb, cc, scale float32, finish func([4]float32) [4]float32, results int) {
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
				*at(t.dst, tile*t.dstTile+i*t.dstPlace+c) = v
			}
		}
	}
}
