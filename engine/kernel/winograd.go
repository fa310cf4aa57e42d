package kernel

import (
	"sync"
	"unsafe"

	"github.com/alike-ml/alike/engine/parallel"
)

// Winograd's minimal filtering makes 2x2 outputs of a 3x3 window without stride from 4x4 inputs with 16 multiplications rather
// than 36 (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", https://arxiv.org/abs/1509.09308): inputs d,
// weights g and outputs y of a tile are transformed by both their axes,
//
//	y = A' [ (G g G') . (B' d B) ] A,    dg = G' [ (B' d B) . (A dy A') ] G,
//
// and what is left is a matrix product over the channels for each of the 16 places, in the tiles of the driver. The transforms are
// additions and halvings alone. Rows of the one-dimensional ones, with the sign of A's last row moved into G':
//
//	B': d0-d2, d1+d2, d2-d1, d1-d3    G: g0, (g0+g1+g2)/2, (g0-g1+g2)/2, g2    A': m0+m1+m2, m1-m2-m3    A: y0, y0+y1, y0-y1, y1
//
// An output is a sum of terms that cancel, so its rounding errors are those of its tile, not of its own window, and what is not
// finite makes the outputs of its tiles NaN.

// winogradPlaces is the number of products for one tile.
const winogradPlaces = 16

// winograd is a 3x3 convolution without stride: from images [n, h, w, c], the zeros around them included, to [n, oh, ow, k].
type winograd struct {
	n, h, w, c   int
	oh, ow, k    int
	top, left    int // zeros above and left of an image; negative for what is cropped
	lines, tiles int // lines of tiles of an image, tiles of a line
}

// winograd returns the forward convolution in tiles.
func (s ConvShape) winograd() winograd {
	g := winograd{n: s.N, h: s.H, w: s.W, c: s.C, oh: s.OutH(), ow: s.OutW(), k: s.K, top: s.PadTop, left: s.PadLeft}
	return g.inTiles()
}

// winogradInputGrad returns the input gradient, which is a convolution of dy with the reversed window.
func (s ConvShape) winogradInputGrad() winograd {
	g := winograd{n: s.N, h: s.OutH(), w: s.OutW(), c: s.K, oh: s.H, ow: s.W, k: s.C, top: 2 - s.PadTop, left: 2 - s.PadLeft}
	return g.inTiles()
}

func (g winograd) inTiles() winograd {
	g.lines, g.tiles = (g.oh+1)/2, (g.ow+1)/2
	return g
}

// onWinograd reports whether the convolution pays in tiles: there must be few incomplete ones, enough of them to transform the
// weights for, and enough channels for the transforms of the images not to weigh.
func (s ConvShape) onWinograd() bool {
	if s.R != 3 || s.S != 3 || s.StrideH*s.StrideW*s.DilH*s.DilW*s.Groups != 1 || min(s.C, s.K) < winogradChannels {
		return false
	}
	pays := func(g winograd) bool {
		tiles := g.lines * g.tiles
		return tiles*g.n >= 64 && 5*tiles <= 2*g.oh*g.ow && g.tiles <= 128
	}
	return pays(s.winograd()) && pays(s.winogradInputGrad())
}

const winogradChannels = 16

// pitchOf returns the distance between rows of n float32 in the transformed matrices: room for the widest panel of columns, and not
// a power of two.
func pitchOf(n int) int { return (n+31)&^31 + 16 }

// winogradSpace is one worker's memory: lines of images, transformed tiles, products.
type winogradSpace struct {
	image, left, right, out []float32
	t                       tile
}

// winogradSpaces keeps them for reuse, and winogradMatrices the matrices of a whole product.
var (
	winogradSpaces   keep[*winogradSpace]
	winogradMatrices keep[*[]float32]
)

// keep keeps things for reuse. Unlike a sync.Pool it never forgets them.
type keep[T any] struct {
	mu   sync.Mutex
	free []T
}

func (k *keep[T]) get(make func() T) T {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.free); n > 0 {
		x := k.free[n-1]
		k.free = k.free[:n-1]
		return x
	}
	return make()
}

func (k *keep[T]) put(x T) {
	k.mu.Lock()
	k.free = append(k.free, x)
	k.mu.Unlock()
}

func newWinogradSpace() *winogradSpace { return &winogradSpace{} }
func newMatrix() *[]float32            { return new([]float32) }

// grow returns n elements in the memory of s, which grows if it must. They hold anything.
func grow[T float32 | uint16](s *[]float32, n int) []T {
	if words := (n*sizeOf[T]() + 3) / 4; len(*s) < words {
		*s = make([]float32, words)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(*s))), n)
}

// winogradForward computes y from x and the transformed weights, which lie as [place, panel of mic.nr columns, c, mic.nr], of
// bfloat16 as pairs of c.
func winogradForward[T float32 | uint16](p *parallel.Pool, g winograd, mic micro, x, weights, y []T) {
	const most = 128 // columns at a time
	cols := min(g.k, most)
	// The transformed tiles of a task and the products of cols columns take about half of L2.
	lines := max(1, max(2*mic.mr, min(112, 10240/(g.c+cols)))/g.tiles)
	total := g.n * g.lines
	tasks := (total + lines - 1) / lines
	p.For(tasks, func(task int) {
		s := winogradSpaces.get(newWinogradSpace)
		defer winogradSpaces.put(s)
		first, end := total*task/tasks, total*(task+1)/tasks
		count := (end - first) * g.tiles
		pitch := pitchOf(g.c)
		v := grow[T](&s.left, winogradPlaces*count*pitch)
		g.eachImage(first, end, func(n, i0, i1, at int) {
			image := padded(g, &s.image, x, n, i0, i1, 0, g.c)
			for i := i0; i < i1; i++ {
				for r := range 4 {
					t := transform[T]{dst: &v[4*r*count*pitch+(at+(i-i0)*g.tiles)*pitch], dstPlace: count * pitch, dstTile: pitch}
					window(t, g, image[2*(i-i0)*(2*g.tiles+2)*g.c:], g.c, r)
				}
			}
		})
		out := pitchOf(cols)
		m := grow[float32](&s.out, winogradPlaces*count*out)
		for j0 := 0; j0 < g.k; j0 += cols {
			j1 := min(j0+cols, g.k)
			for place := range winogradPlaces {
				panels := (g.k + mic.nr - 1) / mic.nr
				b := weights[(place*panels+j0/mic.nr)*g.c*mic.nr:]
				winogradProduct(s, g, mic, v[place*count*pitch:], pitch, b, m[place*count*out:], out, count, j1-j0)
			}
			g.eachImage(first, end, func(n, i0, i1, at int) {
				for i := i0; i < i1; i++ {
					fold(s, g, y, n, i, j0, j1, m[(at+(i-i0)*g.tiles)*out:], count*out, out)
				}
			})
		}
	})
}

// eachImage calls body for the images of the lines of tiles [first, end): lines [i0, i1) of image n, whose tiles are numbered from
// at on.
func (g winograd) eachImage(first, end int, body func(n, i0, i1, at int)) {
	for line := first; line < end; {
		n, i := line/g.lines, line%g.lines
		count := min(g.lines-i, end-line)
		body(n, i, i+count, (line-first)*g.tiles)
		line += count
	}
}

// padded returns the lines of image n that the lines of tiles [i0, i1) need, with the zeros around them: channels [c0, c1) of
// 2*tiles+2 pixels each.
func padded[T float32 | uint16](g winograd, space *[]float32, x []T, n, i0, i1, c0, c1 int) []float32 {
	width, depth := 2*g.tiles+2, c1-c0
	image := grow[float32](space, (2*(i1-i0)+2)*width*depth)
	begin, end := max(0, g.left), min(width, g.left+g.w) // pixels of a line that are in the image
	for r := range 2*(i1-i0) + 2 {
		line := image[r*width*depth:][:width*depth]
		h := 2*i0 + r - g.top
		if h < 0 || h >= g.h || begin >= end {
			clear(line)
			continue
		}
		clear(line[:begin*depth])
		clear(line[end*depth:])
		src := x[((n*g.h+h)*g.w+begin-g.left)*g.c+c0:]
		if depth == g.c {
			toFloat(line[begin*depth:end*depth], src)
			continue
		}
		for j := begin; j < end; j++ {
			toFloat(line[j*depth:(j+1)*depth], src[(j-begin)*g.c:])
		}
	}
	return image
}

// toFloat fills dst with the first elements of src.
func toFloat[T float32 | uint16](dst []float32, src []T) {
	switch src := any(src).(type) {
	case []float32:
		copy(dst, src)
	case []uint16:
		BF16ToF32(dst, src)
	}
}

// winogradProduct computes [count, c] times [c, cols] for one place.
func winogradProduct[T float32 | uint16](s *winogradSpace, g winograd, mic micro, a []T, pitch int, b []T, c []float32, out, count, cols int) {
	t := &s.t
	t.alpha, t.beta, t.segments, t.aNext, t.bias = bitsOf(float32(1)), bitsOf(float32(1)), 1, 0, nil
	t.aRow, t.aCol, t.bStep = sizeOf[T]()*pitch, 4, 4*mic.nr
	blocks, size := blocksOfK[T](g.c)
	panels := (count + mic.mr - 1) / mic.mr
	for kb := range blocks {
		from := kb * size
		t.k, t.flags, t.cols = min(size, g.c-from)*sizeOf[T]()/4, 0, -1
		if kb > 0 {
			t.flags = tileReadC
		}
		for j := 0; j < cols; j += mic.nr {
			t.setColumns(min(mic.nr, cols-j), mic.nr)
			t.b = unsafe.Pointer(&b[j*g.c+from*mic.nr])
			for q := range panels {
				i := count * q / panels
				t.rows = count*(q+1)/panels - i
				t.a, t.c = unsafe.Pointer(&a[i*pitch+from]), unsafe.Pointer(&c[i*out+j])
				linear(t.cOff[:t.rows], 0, 4*out)
				mic.run[t.rows-1](t)
			}
		}
	}
	*t = tile{} // Hold on to no one's matrices.
}

// fold makes the columns [j0, j1) of the outputs of line i of image n from the products of its tiles.
func fold[T float32 | uint16](s *winogradSpace, g winograd, y []T, n, i, j0, j1 int, m []float32, place, pitch int) {
	for r := range min(2, g.oh-2*i) {
		t := transform[T]{src: [3]*float32{&m[4*r*place], &m[4*place], &m[8*place]}, srcPlace: place, srcTile: pitch, tiles: g.tiles, n: j1 - j0}
		if r == 1 {
			t.src[0], t.src[1], t.src[2] = &m[4*place], &m[8*place], &m[12*place]
		}
		sign := float32(1 - 2*r)
		to := y[((n*g.oh+2*i+r)*g.ow)*g.k+j0:]
		if g.ow%2 == 0 {
			t.dst, t.dstPlace, t.dstTile = &to[0], g.k, 2*g.k
			t.fold(sign)
			continue
		}
		line := grow[T](&s.image, 2*g.tiles*(j1-j0))
		t.dst, t.dstPlace, t.dstTile = &line[0], j1-j0, 2*(j1-j0)
		t.fold(sign)
		for j := range g.ow {
			copy(to[j*g.k:][:j1-j0], line[j*(j1-j0):])
		}
	}
}

// window transforms a line of tiles of a padded image of the given depth by B, row r of the result, to t's destination.
func window[T float32 | uint16](t transform[T], g winograd, image []float32, depth, r int) {
	line := (2*g.tiles + 2) * depth
	a, b, sign := r, 2, float32(-1)
	switch r {
	case 1:
		sign = 1
	case 2:
		b = 1
	case 3:
		a, b = 1, 3
	}
	t.src = [3]*float32{&image[a*line], &image[b*line]}
	t.srcPlace, t.srcTile, t.tiles, t.n = depth, 2*depth, g.tiles, depth
	t.window(sign)
}

// spread transforms a line of tiles of padded output gradients of the given depth by A, row r of the result, to t's destination.
func spread[T float32 | uint16](t transform[T], g winograd, image []float32, depth, r int) {
	line := 2 * g.tiles * depth
	a, b, sign := 0, line, float32(0)
	switch r {
	case 1:
		sign = 1
	case 2:
		sign = -1
	case 3:
		a, b = line, 0
	}
	t.src = [3]*float32{&image[a], &image[b]}
	t.srcPlace, t.srcTile, t.tiles, t.n = depth, 2*depth, g.tiles, depth
	t.spread(sign)
}

// convWinograd is ConvForward32 and ConvForwardBF16 in tiles.
func convWinograd[T float32 | uint16](p *parallel.Pool, s ConvShape, mic micro, x, w, y []T) {
	own, wide := winogradMatrices.get(newMatrix), winogradMatrices.get(newMatrix)
	defer winogradMatrices.put(own)
	defer winogradMatrices.put(wide)
	panels, from := (s.K+mic.nr-1)/mic.nr, floatWeights(p, wide, w)
	weights := grow[T](own, winogradPlaces*panels*s.C*mic.nr)
	p.For(4*panels, func(task int) {
		r, j := task/panels, task%panels
		t := transform[T]{dst: &weights[(4*r*panels+j)*s.C*mic.nr], dstPlace: panels * s.C * mic.nr, dstTile: mic.nr,
			srcPlace: s.C * s.K, srcTile: s.K, tiles: s.C, n: min(mic.nr, s.K-j*mic.nr)}
		if mic.pairs {
			t.pairs, t.dstTile = true, 2*mic.nr
		}
		t.weights(from[j*mic.nr:], 3*s.C*s.K, r)
	})
	winogradForward(p, s.winograd(), mic, x, weights, y)
}

// floatWeights returns w as float32, in the memory of space if it is bfloat16.
func floatWeights[T float32 | uint16](p *parallel.Pool, space *[]float32, w []T) []float32 {
	half, ok := any(w).([]uint16)
	if !ok {
		return any(w).([]float32)
	}
	wide := grow[float32](space, len(w))
	const chunk = 1 << 14
	p.For((len(w)+chunk-1)/chunk, func(i int) {
		from, to := i*chunk, min((i+1)*chunk, len(w))
		BF16ToF32(wide[from:to], half[from:to])
	})
	return wide
}

// inputGradWinograd is ConvInputGrad32 and ConvInputGradBF16 in tiles.
func inputGradWinograd[T float32 | uint16](p *parallel.Pool, s ConvShape, mic micro, dy, w, dx []T) {
	own, wide := winogradMatrices.get(newMatrix), winogradMatrices.get(newMatrix)
	defer winogradMatrices.put(own)
	defer winogradMatrices.put(wide)
	panels, source := (s.C+mic.nr-1)/mic.nr, floatWeights(p, wide, w)
	weights := grow[T](own, winogradPlaces*panels*s.K*mic.nr)
	const most = 64
	chunks := (s.K + most - 1) / most
	p.For(panels*chunks, func(task int) {
		space := winogradSpaces.get(newWinogradSpace)
		defer winogradSpaces.put(space)
		j, k0 := task/chunks, task%chunks*most
		rows, cols := min(mic.nr, s.C-j*mic.nr), min(most, s.K-k0)
		u := grow[T](&space.left, winogradPlaces*rows*most)
		for r := range 4 {
			t := transform[T]{dst: &u[4*r*rows*most], dstPlace: rows * most, dstTile: most,
				srcPlace: s.C * s.K, srcTile: s.K, tiles: rows, n: cols}
			t.weights(source[j*mic.nr*s.K+k0:], 3*s.C*s.K, r)
		}
		// Reversing the window swaps the first and the last row and column of what it becomes.
		reversed := [4]int{3, 1, 2, 0}
		for place := range winogradPlaces {
			to, from := ((place*panels+j)*s.K+k0)*mic.nr, (4*reversed[place/4]+reversed[place%4])*rows*most
			switch u := any(u).(type) {
			case []float32:
				transposeBlock(any(weights).([]float32)[to:], mic.nr, u[from:], most, rows, cols)
			case []uint16:
				transposePairs(any(weights).([]uint16)[to:], u[from:], most, rows, cols, mic.nr)
			}
		}
	})
	winogradForward(p, s.winogradInputGrad(), mic, dy, weights, dx)
}

// weightGradWinograd is ConvWeightGrad32 and ConvWeightGradBF16 in tiles.
//
// A task sums one row of places for up to 128 input channels over a slice of the tiles.
func weightGradWinograd[T float32 | uint16](p *parallel.Pool, s ConvShape, mic micro, x, dy, dw []T) {
	const (
		most      = 128 // input channels
		tileBlock = 192
	)
	g := s.winograd()
	if mic.pairs {
		g.tiles = (g.tiles + 1) &^ 1
	}
	grads := winograd{n: s.N, h: g.oh, w: g.ow, c: s.K, tiles: g.tiles - 1} // dy: lines of 2*tiles pixels, zeros behind it
	chunks := (s.C + most - 1) / most
	total := g.n * g.lines
	slices := max(1, min(8/chunks, total*g.tiles/(2*tileBlock)))
	lines := max(1, tileBlock/g.tiles)
	own := winogradMatrices.get(newMatrix)
	defer winogradMatrices.put(own)
	size := winogradPlaces * s.C * s.K
	sums := grow[float32](own, slices*size)
	p.For(4*chunks*slices, func(task int) {
		space := winogradSpaces.get(newWinogradSpace)
		defer winogradSpaces.put(space)
		slice, r, chunk := task/(4*chunks), task/chunks%4, task%chunks
		c0, c1 := chunk*most, min((chunk+1)*most, s.C)
		begin, end := total*slice/slices, total*(slice+1)/slices
		left, right := pitchOf(c1-c0), pitchOf(s.K)
		step := 1
		if mic.pairs {
			step = 2
		}
		for first := begin; first < end; first += lines {
			last := min(first+lines, end)
			count := (last - first) * g.tiles
			v := grow[T](&space.left, 4*count*left)
			w := grow[T](&space.right, 4*count*right)
			g.eachImage(first, last, func(n, i0, i1, at int) {
				image := padded(g, &space.image, x, n, i0, i1, c0, c1)
				for i := range i1 - i0 {
					t := transform[T]{dst: &v[(at+i*g.tiles)*left], pairs: mic.pairs, dstPlace: count * left, dstTile: step * left}
					window(t, g, image[2*i*(2*g.tiles+2)*(c1-c0):], c1-c0, r)
				}
				image = padded(grads, &space.image, dy, n, i0, i1, 0, s.K)
				for i := range i1 - i0 {
					t := transform[T]{dst: &w[(at+i*g.tiles)*right], pairs: mic.pairs, dstPlace: count * right, dstTile: step * right}
					spread(t, g, image[2*i*2*g.tiles*s.K:], s.K, r)
				}
			})
			for place := range 4 {
				c := sums[slice*size+((4*r+place)*s.C+c0)*s.K:]
				weightProduct(space, mic, v[place*count*left:], left, w[place*count*right:], right, c, count, c1-c0, s.K, first > begin)
			}
		}
	})
	winogradGather(p, s, sums, slices, dw)
}

// weightProduct computes the product of the transpose of a [count, rows] and b [count, cols], and adds it to c if add is set.
func weightProduct[T float32 | uint16](s *winogradSpace, mic micro, a []T, left int, b []T, right int, c []float32, count, rows, cols int, add bool) {
	t := &s.t
	t.alpha, t.beta, t.segments, t.aNext, t.bias = bitsOf(float32(1)), bitsOf(float32(1)), 1, 0, nil
	t.aRow, t.aCol, t.bStep, t.k, t.cols = 4, 4*left, 4*right, count*sizeOf[T]()/4, -1
	t.flags = 0
	if add {
		t.flags = tileReadC
	}
	width := sizeOf[T]()
	panels := (rows + mic.mr - 1) / mic.mr
	for j := 0; j < cols; j += mic.nr {
		t.setColumns(min(mic.nr, cols-j), mic.nr)
		t.b = unsafe.Pointer(&b[j*4/width])
		for q := range panels {
			i := rows * q / panels
			t.rows = rows*(q+1)/panels - i
			t.a, t.c = unsafe.Pointer(&a[i*4/width]), unsafe.Pointer(&c[i*cols+j])
			linear(t.cOff[:t.rows], 0, 4*cols)
			mic.run[t.rows-1](t)
		}
	}
	*t = tile{} // Hold on to no one's matrices.
}

// winogradGather sums the slices of the products and makes dw of them.
func winogradGather[T float32 | uint16](p *parallel.Pool, s ConvShape, sums []float32, slices int, dw []T) {
	size, rows := winogradPlaces*s.C*s.K, max(1, 4096/s.K)
	p.For((s.C+rows-1)/rows, func(task int) {
		space := winogradSpaces.get(newWinogradSpace)
		defer winogradSpaces.put(space)
		c0, c1 := task*rows, min((task+1)*rows, s.C)
		n := (c1 - c0) * s.K
		for place := range winogradPlaces {
			sum := sums[(place*s.C+c0)*s.K:][:n]
			for slice := 1; slice < slices; slice++ {
				Add(sum, sum, sums[slice*size+(place*s.C+c0)*s.K:])
			}
		}
		for r := range 3 {
			t := transform[float32]{dstTile: s.K, srcPlace: s.C * s.K, srcTile: s.K, tiles: c1 - c0, n: s.K}
			at := (3*r*s.C + c0) * s.K // of the row's first weight in dw
			switch dw := any(dw).(type) {
			case []float32:
				t.dst, t.dstPlace = &dw[at], s.C*s.K
				t.gather(sums[c0*s.K:], 4*s.C*s.K, r)
			case []uint16:
				wide := grow[float32](&space.out, 3*n)
				t.dst, t.dstPlace = &wide[0], n
				t.gather(sums[c0*s.K:], 4*s.C*s.K, r)
				for q := range 3 {
					F32ToBF16(dw[at+q*s.C*s.K:][:n], wide[q*n:])
				}
			}
		}
	})
}
