package kernel

import "unsafe"

// Winograd's minimal filtering (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016) computes a 3x3 convolution
// without strides with fewer multiplications than its definition has. y is cut into tiles of m x m outputs, which see windows of
// n x n inputs, n = m + 2. For one channel of x and one of y, with d the window and g the weights,
//
//	tile = A^T [ (G g G^T) . (B^T d B) ] A
//
// where . multiplies element by element, and A^T is m x n, G is n x 3, B^T is n x n. The products are summed over input channels before
// A^T is applied, so each of the n*n elements is a matrix product of its own, [tiles, C] times [C, K]. It takes n*n multiplications for
// m*m outputs instead of 9*m*m: 16 instead of 36 for m = 2, 36 instead of 144 for m = 4. The matrices are in winograd_transform.go.
//
//   - The input gradient is the same with the weights turned by half a turn and transposed (winograd_forward.go).
//   - The weight gradient is the transpose of this: G^T [ sum over tiles of (A dtile A^T) . (B^T d B) ] G (winograd_weightgrad.go).
//
// Nothing of this is exact, even for integers: the sums over a window pass through other numbers, of both signs and of larger magnitude.
// docs/engine-kernels.md has the bounds. An infinite or NaN input makes all outputs of the tiles that see it NaN or infinite, others than
// its window's too. Where that is not wanted, [ConvShape.Direct] chooses the definition's sums.
//
// bfloat16 is transformed in float32 and rounded again for the products, which only tiles of 2 x 2 bear. All matrices of transformed
// numbers are counted in words of 32 bits, a float32 or a pair of bfloat16, as the micro-kernels read them.

// winogradFor returns the algorithm for s, or nil if the definition's sums are about as fast or are asked for. It depends on s alone, so
// that the bits do.
func winogradFor[T float32 | uint16](s ConvShape) *winograd {
	if s.Direct || s.R != 3 || s.S != 3 || s.Groups != 1 || max(s.StrideH, s.StrideW, s.DilH, s.DilW) > 1 || min(s.C, s.K) < 16 {
		return nil
	}
	algorithms := []*winograd{winograd2, winograd4}
	if sizeOf[T]() == 2 {
		algorithms = algorithms[:1]
		if s.C%2+s.K%2 > 0 {
			return nil
		}
	}
	var best *winograd
	fewest := 0.9 * 9 * float64(s.N*s.OutH()*s.OutW())
	for _, a := range algorithms {
		if c := a.cost(s); c < fewest {
			best, fewest = a, c
		}
	}
	return best
}

// cost estimates the time of s, in that of multiplications of C x K channels.
func (a *winograd) cost(s ConvShape) float64 {
	const (
		moves   = 6 // vector operations for an element in a transform, with its loads and stores
		weights = 4 // the same for the weights, in units of C x K
	)
	tiles, elements := float64(a.grid(s.N, s.OutH(), s.OutW()).count()), float64(a.window*a.window)
	return elements * (tiles*(1+moves*(1/float64(s.C)+1/float64(s.K))) + weights)
}

// tileGrid numbers the tiles of size x size outputs of images that have rows x cols tiles.
type tileGrid struct{ size, images, rows, cols int }

// grid returns the tiles of images of rows x cols outputs.
func (a *winograd) grid(images, rows, cols int) tileGrid {
	return tileGrid{size: a.size, images: images, rows: (rows + a.size - 1) / a.size, cols: (cols + a.size - 1) / a.size}
}

func (g tileGrid) count() int { return g.images * g.rows * g.cols }

// at returns the image of a tile and its first output.
func (g tileGrid) at(tile int) (n, i, j int) {
	n, tile = tile/(g.rows*g.cols), tile%(g.rows*g.cols)
	return n, tile / g.cols * g.size, tile % g.cols * g.size
}

// images is a stack of channels-last pictures.
type images[T float32 | uint16] struct {
	data                    []T
	height, width, channels int
}

// holds reports whether a picture has the size x size pixels from row i and column j on.
func (m *images[T]) holds(i, j, size int) bool {
	return i >= 0 && j >= 0 && i+size <= m.height && j+size <= m.width
}

// square returns size x size pixels of picture n, from row i and column j on, and of these the channels [c0, c1), with the steps from row
// to row and from pixel to pixel: in place, which the picture must hold, or copied to space, with zeros where it has none.
func (m *images[T]) square(space []T, inPlace bool, n, i, j, size, c0, c1 int) (data []T, row, col int) {
	if inPlace {
		return m.data[((n*m.height+i)*m.width+j)*m.channels+c0:], m.width * m.channels, m.channels
	}
	channels := c1 - c0
	left, right := min(max(-j, 0), size), max(min(size, m.width-j), 0)
	for r := range size {
		line := space[r*size*channels:][:size*channels]
		if uint(i+r) >= uint(m.height) || left >= right {
			clear(line)
			continue
		}
		clear(line[:left*channels])
		clear(line[right*channels:])
		at := ((n*m.height+i+r)*m.width+j+left)*m.channels + c0
		if channels == m.channels {
			copy(line[left*channels:right*channels], m.data[at:])
			continue
		}
		for q := left; q < right; q++ {
			copy(line[q*channels:][:channels], m.data[at:])
			at += m.channels
		}
	}
	return space, size * channels, channels
}

// planes are matrices of words, one for each element of a tile.
type planes struct {
	data      []float32
	ld, plane int // words from row to row, and from matrix to matrix
}

// paddedSteps returns the steps of matrices of rows x cols words, whose rows begin cache lines and have room for a micro-kernel's columns. The
// same elements of different rows and matrices fall into different sets of a cache.
func paddedSteps(rows, cols int) (ld, plane int) {
	ld = (cols+31)&^31 + 16
	return ld, rows*ld + 16
}

// newPlanes takes count matrices off the front of space.
func newPlanes(space *[]float32, count, rows, cols int) planes {
	m := planes{data: *space}
	m.ld, m.plane = paddedSteps(rows, cols)
	*space = (*space)[count*m.plane:]
	return m
}

// planesSize is how many words count matrices take.
func planesSize(count, rows, cols int) int {
	_, plane := paddedSteps(rows, cols)
	return count * plane
}

// elementsOf returns words as elements.
func elementsOf[T float32 | uint16](words []float32) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*4/sizeOf[T]())
}

// wordsLeft is a left operand that lies in place as words; or its transpose does, in words of one column or of a pair of them.
type wordsLeft[T float32 | uint16] struct {
	data  []float32
	ld    int
	trans bool
}

func (m *wordsLeft[T]) panel(_ *scratch[T], i, _, k0, _ int) (unsafe.Pointer, int, int) {
	k := k0 * sizeOf[T]() / 4
	if m.trans {
		return unsafe.Pointer(&m.data[k*m.ld+i]), 4, 4 * m.ld
	}
	return unsafe.Pointer(&m.data[i*m.ld+k]), 4 * m.ld, 4
}

// wordsRight is a right operand that lies in place as words, of one row or of a pair of them, with room behind every row for
// a micro-kernel's columns.
type wordsRight[T float32 | uint16] struct {
	data []float32
	ld   int
}

func (m *wordsRight[T]) panel(_ []T, k0, _, j, _ int) (unsafe.Pointer, int) {
	return unsafe.Pointer(&m.data[k0*sizeOf[T]()/4*m.ld+j]), 4 * m.ld
}

// arenaOf returns the scratch spaces for products of T.
func arenaOf[T float32 | uint16]() *arena[T] {
	var r any = &arenaF32
	if sizeOf[T]() == 2 {
		r = &arenaBF16
	}
	return r.(*arena[T])
}
