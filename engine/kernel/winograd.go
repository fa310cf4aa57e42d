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

// winogradSpace is one worker's memory.
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

// grow returns the first n elements of s, anew if it has not as many.
func grow(s *[]float32, n int) []float32 {
	if len(*s) < n {
		*s = make([]float32, n)
	}
	return (*s)[:n]
}

// forward computes y from x and the transformed weights, which lie as [place, panel of mic.nr columns, c, mic.nr].
func (g winograd) forward(p *parallel.Pool, mic micro, x, weights, y []float32) {
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
		v := grow(&s.left, winogradPlaces*count*pitch)
		g.eachImage(first, end, func(n, i0, i1, at int) {
			image := g.padded(&s.image, x, n, i0, i1, 0, g.c)
			for i := i0; i < i1; i++ {
				g.window(v[(at+(i-i0)*g.tiles)*pitch:], count*pitch, pitch, image[2*(i-i0)*(2*g.tiles+2)*g.c:], g.c, 0, 4)
			}
		})
		out := pitchOf(cols)
		m := grow(&s.out, winogradPlaces*count*out)
		for j0 := 0; j0 < g.k; j0 += cols {
			j1 := min(j0+cols, g.k)
			for place := range winogradPlaces {
				panels := (g.k + mic.nr - 1) / mic.nr
				b := weights[(place*panels+j0/mic.nr)*g.c*mic.nr:]
				g.product(s, mic, v[place*count*pitch:], pitch, b, m[place*count*out:], out, count, j1-j0)
			}
			g.eachImage(first, end, func(n, i0, i1, at int) {
				for i := i0; i < i1; i++ {
					g.fold(s, y, n, i, j0, j1, m[(at+(i-i0)*g.tiles)*out:], count*out, out)
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
func (g winograd) padded(space *[]float32, x []float32, n, i0, i1, c0, c1 int) []float32 {
	width, depth := 2*g.tiles+2, c1-c0
	image := grow(space, (2*(i1-i0)+2)*width*depth)
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
			copy(line[begin*depth:end*depth], src)
			continue
		}
		for j := begin; j < end; j++ {
			copy(line[j*depth:(j+1)*depth], src[(j-begin)*g.c:])
		}
	}
	return image
}

// window transforms a line of tiles of a padded image of the given depth by B, rows [r0, r1) of the result.
func (g winograd) window(v []float32, place, pitch int, image []float32, depth, r0, r1 int) {
	line := (2*g.tiles + 2) * depth
	for r := r0; r < r1; r++ {
		a, b, sign := r, 2, float32(-1)
		switch r {
		case 1:
			sign = 1
		case 2:
			b = 1
		case 3:
			a, b = 1, 3
		}
		transform{&v[4*(r-r0)*place], place, pitch, [3]*float32{&image[a*line], &image[b*line]}, depth, 2 * depth, g.tiles, depth}.window(sign)
	}
}

// product computes [count, c] times [c, cols] for one place.
func (g winograd) product(s *winogradSpace, mic micro, a []float32, pitch int, b, c []float32, out, count, cols int) {
	t := &s.t
	t.alpha, t.beta, t.segments, t.aNext, t.bias = bitsOf(float32(1)), bitsOf(float32(1)), 1, 0, nil
	t.aRow, t.aCol, t.bStep = 4*pitch, 4, 4*mic.nr
	blocks, size := blocksOfK[float32](g.c)
	panels := (count + mic.mr - 1) / mic.mr
	for kb := range blocks {
		from := kb * size
		t.k, t.flags, t.cols = min(size, g.c-from), 0, -1
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
func (g winograd) fold(s *winogradSpace, y []float32, n, i, j0, j1 int, m []float32, place, pitch int) {
	for r := range min(2, g.oh-2*i) {
		t := transform{src: [3]*float32{&m[4*r*place], &m[4*place], &m[8*place]}, srcPlace: place, srcTile: pitch, tiles: g.tiles, n: j1 - j0}
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
		line := grow(&s.image, 2*g.tiles*(j1-j0))
		t.dst, t.dstPlace, t.dstTile = &line[0], j1-j0, 2*(j1-j0)
		t.fold(sign)
		for j := range g.ow {
			copy(to[j*g.k:][:j1-j0], line[j*(j1-j0):])
		}
	}
}

// winogradForward32 is ConvForward32 in tiles.
func (s ConvShape) winogradForward32(p *parallel.Pool, x, w, y []float32) {
	mic := microF32(s.K)
	own := winogradMatrices.get(newMatrix)
	defer winogradMatrices.put(own)
	panels := (s.K + mic.nr - 1) / mic.nr
	weights := grow(own, winogradPlaces*panels*s.C*mic.nr)
	p.For(4*panels, func(task int) {
		r, j := task/panels, task%panels
		t := transform{dst: &weights[(4*r*panels+j)*s.C*mic.nr], dstPlace: panels * s.C * mic.nr, dstTile: mic.nr,
			srcPlace: s.C * s.K, srcTile: s.K, tiles: s.C, n: min(mic.nr, s.K-j*mic.nr)}
		t.weights(w[j*mic.nr:], 3*s.C*s.K, r)
	})
	s.winograd().forward(p, mic, x, weights, y)
}

// winogradInputGrad32 is ConvInputGrad32 in tiles.
func (s ConvShape) winogradInputGrad32(p *parallel.Pool, dy, w, dx []float32) {
	mic := microF32(s.C)
	own := winogradMatrices.get(newMatrix)
	defer winogradMatrices.put(own)
	panels := (s.C + mic.nr - 1) / mic.nr
	weights := grow(own, winogradPlaces*panels*s.K*mic.nr)
	const most = 64
	chunks := (s.K + most - 1) / most
	p.For(panels*chunks, func(task int) {
		space := winogradSpaces.get(newWinogradSpace)
		defer winogradSpaces.put(space)
		j, k0 := task/chunks, task%chunks*most
		rows, cols := min(mic.nr, s.C-j*mic.nr), min(most, s.K-k0)
		u := grow(&space.left, winogradPlaces*rows*most)
		for r := range 4 {
			t := transform{dst: &u[4*r*rows*most], dstPlace: rows * most, dstTile: most,
				srcPlace: s.C * s.K, srcTile: s.K, tiles: rows, n: cols}
			t.weights(w[j*mic.nr*s.K+k0:], 3*s.C*s.K, r)
		}
		// Reversing the window swaps the first and the last row and column of what it becomes.
		reversed := [4]int{3, 1, 2, 0}
		for place := range winogradPlaces {
			from := 4*reversed[place/4] + reversed[place%4]
			transposeBlock(weights[((place*panels+j)*s.K+k0)*mic.nr:], mic.nr, u[from*rows*most:], most, rows, cols)
		}
	})
	s.winogradInputGrad().forward(p, mic, dy, weights, dx)
}

// winogradWeightGrad32 is ConvWeightGrad32 in tiles.
//
// A task sums one row of places for up to 64 input channels over a slice of the tiles.
func (s ConvShape) winogradWeightGrad32(p *parallel.Pool, x, dy, dw []float32) {
	const (
		most      = 64 // input channels
		tileBlock = 96
	)
	g, mic := s.winograd(), microF32(s.K)
	grads := winograd{n: s.N, h: g.oh, w: g.ow, c: s.K, tiles: g.tiles - 1} // dy, zeros behind it; see spread.
	chunks := (s.C + most - 1) / most
	total := g.n * g.lines
	slices := max(1, min(8/chunks, total*g.tiles/(2*tileBlock)))
	lines := max(1, tileBlock/g.tiles)
	own := winogradMatrices.get(newMatrix)
	defer winogradMatrices.put(own)
	size := winogradPlaces * s.C * s.K
	sums := grow(own, slices*size)
	p.For(4*chunks*slices, func(task int) {
		space := winogradSpaces.get(newWinogradSpace)
		defer winogradSpaces.put(space)
		slice, r, chunk := task/(4*chunks), task/chunks%4, task%chunks
		c0, c1 := chunk*most, min((chunk+1)*most, s.C)
		begin, end := total*slice/slices, total*(slice+1)/slices
		left, right := pitchOf(c1-c0), pitchOf(s.K)
		for first := begin; first < end; first += lines {
			last := min(first+lines, end)
			count := (last - first) * g.tiles
			v := grow(&space.left, 4*count*left)
			w := grow(&space.right, 4*count*right)
			g.eachImage(first, last, func(n, i0, i1, at int) {
				image := g.padded(&space.image, x, n, i0, i1, c0, c1)
				for i := i0; i < i1; i++ {
					g.window(v[(at+(i-i0)*g.tiles)*left:], count*left, left, image[2*(i-i0)*(2*g.tiles+2)*(c1-c0):], c1-c0, r, r+1)
				}
				image = grads.padded(&space.image, dy, n, i0, i1, 0, s.K)
				for i := i0; i < i1; i++ {
					g.spread(w[(at+(i-i0)*g.tiles)*right:], count*right, right, image[2*(i-i0)*2*g.tiles*s.K:], s.K, r)
				}
			})
			for place := range 4 {
				c := sums[slice*size+((4*r+place)*s.C+c0)*s.K:]
				weightProduct(space, mic, v[place*count*left:], left, w[place*count*right:], right, c, count, c1-c0, s.K, first > begin)
			}
		}
	})
	s.winogradGather(p, sums, slices, dw)
}

// spread transforms a line of tiles of padded output gradients of the given depth by A, row r of the result.
func (g winograd) spread(w []float32, place, pitch int, image []float32, depth, r int) {
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
	transform{&w[0], place, pitch, [3]*float32{&image[a], &image[b]}, depth, 2 * depth, g.tiles, depth}.spread(sign)
}

// weightProduct computes the product of the transpose of a [count, rows] and b [count, cols], and adds it to c if add is set.
func weightProduct(s *winogradSpace, mic micro, a []float32, left int, b []float32, right int, c []float32, count, rows, cols int, add bool) {
	t := &s.t
	t.alpha, t.beta, t.segments, t.aNext, t.bias = bitsOf(float32(1)), bitsOf(float32(1)), 1, 0, nil
	t.aRow, t.aCol, t.bStep, t.k, t.cols = 4, 4*left, 4*right, count, -1
	t.flags = 0
	if add {
		t.flags = tileReadC
	}
	panels := (rows + mic.mr - 1) / mic.mr
	for j := 0; j < cols; j += mic.nr {
		t.setColumns(min(mic.nr, cols-j), mic.nr)
		t.b = unsafe.Pointer(&b[j])
		for q := range panels {
			i := rows * q / panels
			t.rows = rows*(q+1)/panels - i
			t.a, t.c = unsafe.Pointer(&a[i]), unsafe.Pointer(&c[i*cols+j])
			linear(t.cOff[:t.rows], 0, 4*cols)
			mic.run[t.rows-1](t)
		}
	}
	*t = tile{} // Hold on to no one's matrices.
}

// winogradGather sums the slices of the products and makes dw of them.
func (s ConvShape) winogradGather(p *parallel.Pool, sums []float32, slices int, dw []float32) {
	size, rows := winogradPlaces*s.C*s.K, max(1, 4096/s.K)
	p.For((s.C+rows-1)/rows, func(task int) {
		c0, c1 := task*rows, min((task+1)*rows, s.C)
		for place := range winogradPlaces {
			sum := sums[(place*s.C+c0)*s.K:][:(c1-c0)*s.K]
			for slice := 1; slice < slices; slice++ {
				Add(sum, sum, sums[slice*size+(place*s.C+c0)*s.K:])
			}
		}
		for r := range 3 {
			t := transform{dst: &dw[(3*r*s.C+c0)*s.K], dstPlace: s.C * s.K, dstTile: s.K,
				srcPlace: s.C * s.K, srcTile: s.K, tiles: c1 - c0, n: s.K}
			t.gather(sums[c0*s.K:], 4*s.C*s.K, r)
		}
	})
}
