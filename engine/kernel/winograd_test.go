package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/alike-ml/alike/engine/parallel"
	"pgregory.net/rapid"
)

var winograds = []*winograd{winograd2, winograd4}

// both returns L X L^T in float64, of magnitudes if abs is set.
func (b *bilinear) both(x [][]float64, abs bool) [][]float64 {
	out := make([][]float64, len(b.matrix))
	for i, li := range b.matrix {
		for _, lj := range b.matrix {
			var sum float64
			for p, a := range li {
				for q, b := range lj {
					v := float64(a) * x[p][q] * float64(b)
					if abs {
						v = math.Abs(v)
					}
					sum += v
				}
			}
			out[i] = append(out[i], sum)
		}
	}
	return out
}

func matrixOf(rows, cols int, at func(i, j int) float64) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		for j := range cols {
			m[i] = append(m[i], at(i, j))
		}
	}
	return m
}

// pixelOr0 is x as a stack of pictures, zero outside.
func (m *images[T]) pixelOr0(n, i, j, c int) float64 {
	if i < 0 || j < 0 || i >= m.height || j >= m.width {
		return 0
	}
	return float64(m.data[((n*m.height+i)*m.width+j)*m.channels+c])
}

// The matrices compute a tile and its gradient for weights as the definition does, but for the rounding of the weights' matrix.
func TestWinogradIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := source(t)
		random := func(n int) [][]float64 { return matrixOf(n, n, func(i, j int) float64 { return r.NormFloat64() }) }
		for _, a := range winograds {
			d, g, dy := random(a.window), random(3), random(a.size)
			v := a.input.both(d, false)
			times := func(m [][]float64) [][]float64 {
				return matrixOf(a.window, a.window, func(i, j int) float64 { return v[i][j] * m[i][j] })
			}
			y, dg := a.output.both(times(a.weights.both(g, false)), false), a.weightsGrad.both(times(a.outputGrad.both(dy, false)), false)
			wantY, wantG := matrixOf(a.size, a.size, func(i, j int) float64 { return 0 }), matrixOf(3, 3, func(i, j int) float64 { return 0 })
			for i := range a.size {
				for j := range a.size {
					for p := range 3 {
						for q := range 3 {
							wantY[i][j] += d[i+p][j+q] * g[p][q]
							wantG[p][q] += d[i+p][j+q] * dy[i][j]
						}
					}
				}
			}
			for what, c := range map[string][2][][]float64{"outputs": {y, wantY}, "weight gradients": {dg, wantG}} {
				for i, row := range c[1] {
					for j, want := range row {
						if got := c[0][i][j]; math.Abs(got-want) > 2e-5 {
							t.Fatalf("size %d, %s: [%d, %d] is %g, want %g", a.size, what, i, j, got, want)
						}
					}
				}
			}
		}
	})
}

// Transforms are the products of their matrices at every level, and the same bits with AVX2 and AVX-512, and write nothing else.
func TestWinogradTransforms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, n := source(t), rapid.IntRange(1, 50).Draw(t, "n")
		for _, a := range winograds {
			for name, b := range map[string]*bilinear{
				"input": &a.input, "weights": &a.weights, "output": &a.output, "output gradient": &a.outputGrad, "weight gradient": &a.weightsGrad,
			} {
				out, in := len(b.matrix), len(b.matrix[0])
				srcCol, dstCol := n+r.IntN(3), n+r.IntN(3)
				srcRow, dstRow := in*srcCol+r.IntN(3), out*dstCol+r.IntN(3)
				src := normals(r, (in-1)*(srcRow+srcCol)+n)
				var vectors []float32
				for _, l := range levels() {
					atLevel(l, func() {
						dst := make([]float32, (out-1)*(dstRow+dstCol)+n)
						for i := range dst {
							dst[i] = 1234
						}
						b.run(dst, dstRow, dstCol, src, srcRow, srcCol, n)
						written := 0
						for c := range n {
							x := matrixOf(in, in, func(i, j int) float64 { return float64(src[i*srcRow+j*srcCol+c]) })
							want, magnitude := b.both(x, false), b.both(x, true)
							for i := range out {
								for j := range out {
									got := dst[i*dstRow+j*dstCol+c]
									if math.Abs(float64(got)-want[i][j]) > 0x1p-20*magnitude[i][j] {
										t.Fatalf("%v, size %d, %s: [%d, %d] of channel %d of %d is %g, want %g", l, a.size, name, i, j, c, n, got, want[i][j])
									}
								}
							}
						}
						for _, v := range dst {
							if v != 1234 {
								written++
							}
						}
						if written != out*out*n {
							t.Fatalf("%v, size %d, %s: wrote %d numbers, want %d", l, a.size, name, written, out*out*n)
						}
						if l == AVX2 {
							vectors = dst
						} else if vectors != nil && !sameBits(vectors, dst) {
							t.Fatalf("%v, size %d, %s: other bits than with AVX2", l, a.size, name)
						}
					})
				}
			}
		}
	})
}

// drawWinograd draws a convolution that the algorithm can compute.
func drawWinograd(t *rapid.T) ConvShape {
	one := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	s := ConvShape{
		N: one("n", 0, 3), H: one("h", 1, 11), W: one("w", 1, 11), C: one("c", 1, 40), K: one("k", 1, 40), R: 3, S: 3,
		PadTop: one("top", -1, 3), PadBottom: one("bottom", -1, 3), PadLeft: one("left", -1, 3), PadRight: one("right", -1, 3),
	}.normal()
	s.H, s.W = max(s.H, 3-s.PadTop-s.PadBottom), max(s.W, 3-s.PadLeft-s.PadRight) // There is an output.
	return s
}

// convMagnitudes adds, for every output, the magnitudes of all products on their ways through the algorithm: rounding errors
// are in proportion to it.
func (a *winograd) convMagnitudes(s ConvShape, x []float32, weight func(r, q, c, k int) float64, add func(n, i, j, k int, v float64)) {
	in, g := images[float32]{data: x, height: s.H, width: s.W, channels: s.C}, a.grid(s.N, s.OutH(), s.OutW())
	u := make([][][]float64, s.C*s.K)
	for c := range s.C {
		for k := range s.K {
			u[c*s.K+k] = a.weights.both(matrixOf(3, 3, func(i, j int) float64 { return weight(i, j, c, k) }), true)
		}
	}
	for tile := range g.count() {
		n, i0, j0 := g.at(tile)
		v := make([][][]float64, s.C)
		for c := range v {
			v[c] = a.input.both(matrixOf(a.window, a.window, func(i, j int) float64 { return in.pixelOr0(n, i0+i-s.PadTop, j0+j-s.PadLeft, c) }), true)
		}
		for k := range s.K {
			m := matrixOf(a.window, a.window, func(i, j int) (sum float64) {
				for c := range s.C {
					sum += v[c][i][j] * u[c*s.K+k][i][j]
				}
				return sum
			})
			for i, row := range a.output.both(m, true) {
				for j, v := range row {
					if i0+i < s.OutH() && j0+j < s.OutW() {
						add(n, i0+i, j0+j, k, v)
					}
				}
			}
		}
	}
}

// gradMagnitudes returns the same for every weight's gradient.
func (a *winograd) gradMagnitudes(s ConvShape, x, dy []float32) []float64 {
	in, g := images[float32]{data: x, height: s.H, width: s.W, channels: s.C}, a.grid(s.N, s.OutH(), s.OutW())
	out := images[float32]{data: dy, height: s.OutH(), width: s.OutW(), channels: s.K}
	sums := make([][][]float64, s.C*s.K)
	for q := range sums {
		sums[q] = matrixOf(a.window, a.window, func(i, j int) float64 { return 0 })
	}
	for tile := range g.count() {
		n, i0, j0 := g.at(tile)
		v, m := make([][][]float64, s.C), make([][][]float64, s.K)
		for c := range v {
			v[c] = a.input.both(matrixOf(a.window, a.window, func(i, j int) float64 { return in.pixelOr0(n, i0+i-s.PadTop, j0+j-s.PadLeft, c) }), true)
		}
		for k := range m {
			m[k] = a.outputGrad.both(matrixOf(a.size, a.size, func(i, j int) float64 { return out.pixelOr0(n, i0+i, j0+j, k) }), true)
		}
		for q, sum := range sums {
			for i, row := range sum {
				for j := range row {
					row[j] += v[q/s.K][i][j] * m[q%s.K][i][j]
				}
			}
		}
	}
	magnitude := make([]float64, 9*len(sums))
	for q, sum := range sums {
		for r, row := range a.weightsGrad.both(sum, true) {
			for t, v := range row {
				magnitude[(r*3+t)*len(sums)+q] = v
			}
		}
	}
	return magnitude
}

// magnitudes returns the magnitudes on the way of every output, every input's gradient and every weight's gradient.
func (a *winograd) magnitudes(s ConvShape, x, w, dy []float32) (y, dx, dw []float64) {
	y, dx = make([]float64, len(dy)), make([]float64, len(x))
	a.convMagnitudes(s, x, func(r, q, c, k int) float64 { return float64(w[((r*3+q)*s.C+c)*s.K+k]) },
		func(n, i, j, k int, v float64) { y[((n*s.OutH()+i)*s.OutW()+j)*s.K+k] = v })
	a.convMagnitudes(s.turned(), dy, func(r, q, k, c int) float64 { return float64(w[((8-r*3-q)*s.C+c)*s.K+k]) },
		func(n, i, j, c int, v float64) { dx[((n*s.H+i)*s.W+j)*s.C+c] = v })
	return y, dx, a.gradMagnitudes(s, x, dy)
}

// Both algorithms compute what the definition says, within their bound, whatever the shape, and the same bits for any number of workers.
func TestWinograd(t *testing.T) {
	pools := testPools
	rapid.Check(t, func(t *rapid.T) {
		s := drawWinograd(t)
		r := source(t)
		x, w, dy := normals(r, s.N*s.H*s.W*s.C), normals(r, 9*s.C*s.K), normals(r, s.N*s.OutH()*s.OutW()*s.K)
		y, dx, dw := make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(w))
		s.eachProduct(func(xi, wi, yi int) {
			y[yi] += float64(x[xi]) * float64(w[wi])
			dx[xi] += float64(dy[yi]) * float64(w[wi])
			dw[wi] += float64(dy[yi]) * float64(x[xi])
		})
		a := rapid.SampledFrom(winograds).Draw(t, "algorithm")
		magnitudeY, magnitudeX, magnitudeW := a.magnitudes(s, x, w, dy)
		for name, c := range map[string]struct {
			want, magnitude []float64
			terms           int
			run             func(p *parallel.Pool, dst []float32)
		}{
			"forward":    {y, magnitudeY, s.C, func(p *parallel.Pool, dst []float32) { winogradForward(p, a, s, microF32(s.K), x, w, dst) }},
			"input grad": {dx, magnitudeX, s.K, func(p *parallel.Pool, dst []float32) { winogradInputGrad(p, a, s, microF32(s.C), dy, w, dst) }},
			"weight grad": {dw, magnitudeW, a.grid(s.N, s.OutH(), s.OutW()).count(),
				func(p *parallel.Pool, dst []float32) { winogradWeightGrad(p, a, s, microF32(s.K), x, dy, dst) }},
		} {
			var vectors []float32
			for _, l := range levels() {
				atLevel(l, func() {
					var first []float32
					for _, p := range pools {
						got := normals(r, len(c.want)) // Must be overwritten.
						c.run(p, got)
						if first == nil {
							first = got
							checkClose(t, fmt.Sprint(l, " ", name), got, c.want, c.magnitude, c.terms+a.roundings)
						} else if !sameBits(first, got) {
							t.Fatalf("%v %s: other bits with %d workers", l, name, p.Workers())
						}
					}
					if l == AVX2 {
						vectors = first
					} else if vectors != nil && !sameBits(vectors, first) {
						t.Fatalf("%v %s: other bits than with AVX2", l, name)
					}
				})
			}
		}
	})
}

// winogradShapes are those of layers, in many blocks of tiles and channels, with ragged ones, whole and cut tiles.
var winogradShapes = []ConvShape{
	{N: 9, H: 16, W: 18, C: 32, K: 48, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 5, H: 13, W: 11, C: 150, K: 40, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 3, H: 9, W: 8, C: 20, K: 270, R: 3, S: 3},
	{N: 40, H: 4, W: 4, C: 131, K: 133, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 1, H: 7, W: 7, C: 600, K: 96, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 17, H: 2, W: 2, C: 64, K: 64, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
}

// Layers come out the same, but for rounding, as by the definition, and as the same bits for any number of workers, whichever algorithm
// they are given to.
func TestWinogradLayers(t *testing.T) {
	pools := testPools
	for _, s := range winogradShapes {
		s = s.normal()
		r := rand.New(rand.NewPCG(1, 2))
		x, w, dy := normals(r, s.N*s.H*s.W*s.C), normals(r, 9*s.C*s.K), normals(r, s.N*s.OutH()*s.OutW()*s.K)
		direct := s
		direct.Direct = true
		chosen := winogradFor[float32](s)
		if chosen == nil {
			t.Errorf("%+v: no algorithm is chosen", s)
			continue
		}
		for _, l := range levels() {
			atLevel(l, func() {
				for name, run := range map[string]func(p *parallel.Pool, s ConvShape, a *winograd) []float32{
					"forward": func(p *parallel.Pool, s ConvShape, a *winograd) []float32 {
						y := normals(r, len(dy))
						if a != nil {
							winogradForward(p, a, s, microF32(s.K), x, w, y)
						} else {
							ConvForward32(p, s, x, w, y)
						}
						return y
					},
					"input grad": func(p *parallel.Pool, s ConvShape, a *winograd) []float32 {
						dx := normals(r, len(x))
						if a != nil {
							winogradInputGrad(p, a, s, microF32(s.C), dy, w, dx)
						} else {
							ConvInputGrad32(p, s, dy, w, dx)
						}
						return dx
					},
					"weight grad": func(p *parallel.Pool, s ConvShape, a *winograd) []float32 {
						dw := normals(r, len(w))
						if a != nil {
							winogradWeightGrad(p, a, s, microF32(s.K), x, dy, dw)
						} else {
							ConvWeightGrad32(p, s, x, dy, dw)
						}
						return dw
					},
				} {
					want := run(pools[1], direct, nil)
					var square float64
					for _, v := range want {
						square += float64(v) * float64(v)
					}
					rms := math.Sqrt(square / float64(len(want)))
					for _, a := range winograds {
						first := run(pools[0], s, a)
						for i, v := range first {
							if d := math.Abs(float64(v - want[i])); !(d < 2e-5*rms) {
								t.Fatalf("%v %s %+v, size %d: element %d is %g, want %g", l, name, s, a.size, i, v, want[i])
							}
						}
						for _, p := range pools[1:] {
							if !sameBits(first, run(p, s, a)) {
								t.Fatalf("%v %s %+v, size %d: other bits with %d workers", l, name, s, a.size, p.Workers())
							}
						}
						if a == chosen && !sameBits(first, run(pools[1], s, nil)) {
							t.Fatalf("%v %s %+v: size %d is chosen but not used", l, name, s, a.size)
						}
					}
				}
			})
		}
	}
}

// An infinite or NaN pixel reaches every output whose window holds it, and none of a tile that does not see it.
func TestWinogradSpreadsNaNOverTiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := ConvShape{N: 2, H: 9, W: 9, C: 3, K: 5, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1}.normal()
		r := source(t)
		x, w := normals(r, s.N*s.H*s.W*s.C), normals(r, 9*s.C*s.K)
		bad := rapid.IntRange(0, len(x)-1).Draw(t, "bad")
		before := x[bad]
		value := rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(t, "value")
		at := bad / s.C
		h, q := at/s.W%s.H, at%s.W
		for _, a := range winograds {
			for _, l := range levels() {
				atLevel(l, func() {
					clean, y := make([]float32, s.N*s.H*s.W*s.K), make([]float32, s.N*s.H*s.W*s.K)
					x[bad] = before
					winogradForward(nil, a, s, microF32(s.K), x, w, clean)
					x[bad] = float32(value)
					winogradForward(nil, a, s, microF32(s.K), x, w, y)
					for i, v := range y {
						pixel := i / s.K
						n, row, col := pixel/(s.H*s.W), pixel/s.W%s.H, pixel%s.W
						inside := func(d, size int) bool { return d >= -1 && d <= size }
						row0, col0 := row/a.size*a.size, col/a.size*a.size
						same := n == at/(s.H*s.W)
						if same && inside(h-row, 1) && inside(q-col, 1) {
							if d := float64(v); !math.IsNaN(d) && !math.IsInf(d, 0) {
								t.Fatalf("%v, size %d: output %d is %g", l, a.size, i, v)
							}
						} else if !(same && inside(h-row0, a.size) && inside(q-col0, a.size)) && v != clean[i] {
							t.Fatalf("%v, size %d: output %d is %g, was %g", l, a.size, i, v, clean[i])
						}
					}
				})
			}
		}
	})
}

// What the algorithm does not cover, what would gain nothing and what is asked to be direct is computed by the definition.
func TestWinogradIsChosenByShape(t *testing.T) {
	base := ConvShape{N: 8, H: 16, W: 16, C: 64, K: 64, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1}
	if a := winogradFor[float32](base.normal()); a != winograd4 {
		t.Errorf("%+v: got %v, want tiles of 4 x 4", base, a)
	}
	for what, change := range map[string]func(s *ConvShape){
		"direct": func(s *ConvShape) { s.Direct = true }, "a stride": func(s *ConvShape) { s.StrideW = 2 },
		"dilation": func(s *ConvShape) { s.DilH = 2 }, "groups": func(s *ConvShape) { s.Groups = 2 },
		"another window": func(s *ConvShape) { s.S = 1 }, "few channels": func(s *ConvShape) { s.C = 3 },
		"one tile": func(s *ConvShape) { s.N, s.H, s.W = 1, 2, 2 }, "no images": func(s *ConvShape) { s.N = 0 },
		"no outputs": func(s *ConvShape) { s.H, s.PadTop, s.PadBottom = 2, 0, 0 },
	} {
		s := base
		change(&s)
		if a := winogradFor[float32](s.normal()); a != nil {
			t.Errorf("%s: got tiles of %d", what, a.size)
		}
	}
}

// Transforms of bfloat16 are those of float32 with vector instructions, rounded. A zero of plain Go is never -0, as theirs may be.
func TestWinogradTransformsOfBF16(t *testing.T) {
	if !detectedBF16 {
		t.Skip("this processor does not multiply bfloat16")
	}
	defer SetLevel(SetLevel(AVX512))
	rapid.Check(t, func(t *rapid.T) {
		r, n := source(t), rapid.IntRange(1, 50).Draw(t, "n")
		for _, c := range []struct {
			name string
			of   *bilinear
		}{
			{"input", &winograd2.input}, {"weights", &winograd2.weights}, {"output", &winograd2.output}, {"output gradient", &winograd2.outputGrad},
		} {
			name, b := c.name, c.of
			out, in := len(b.matrix), len(b.matrix[0])
			x, x2 := normals(r, in*in*n), normals(r, in*in*n)
			h, h2 := halves(x), halves(x2)
			transform := func(x []float32) []uint16 {
				y := make([]float32, out*out*n)
				b.run(y, out*n, n, x, in*n, n, n)
				return halves(y)
			}
			want, want2, got := transform(x), transform(x2), make([]uint16, 2*out*out*n)
			same := func(form string, of []uint16, step int) {
				for i, v := range of {
					if got[step*i] != v {
						t.Fatalf("%s, %s: element %d of channel %d of %d is %#x, want %#x", name, form, i/n, i%n, n, got[step*i], v)
					}
				}
			}
			if b.half != nil {
				b.runHalf(got, out*n, n, h, in*n, n, n)
				same("half", want, 1)
			}
			if b.narrow != nil {
				b.runNarrow(got, out*n, n, x, in*n, n, n)
				same("narrow", want, 1)
			}
			if b.pairs != nil {
				b.runPairs(got, 2*out*n, 2*n, h, h2, in*n, n, n)
				same("first of pairs", want, 2)
				got = got[1:]
				same("second of pairs", want2, 2)
			}
		}
	})
}

// TestWinogradBF16 compares the convolutions of bfloat16 in tiles with float64: two roundings of transformed operands, those in
// float32, and one of the result.
func TestWinogradBF16(t *testing.T) {
	if !detectedBF16 {
		t.Skip("this processor does not multiply bfloat16")
	}
	rapid.Check(t, func(t *rapid.T) {
		s := drawWinograd(t)
		s.C, s.K = s.C+s.C%2, s.K+s.K%2
		r := source(t)
		x, w := normals(r, s.N*s.H*s.W*s.C), normals(r, 9*s.C*s.K)
		dy := normals(r, s.N*s.OutH()*s.OutW()*s.K)
		hx, hw, hdy := halves(x), halves(w), halves(dy)
		y, dx, dw := make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(w))
		s.eachProduct(func(xi, wi, yi int) {
			y[yi] += float64(x[xi]) * float64(w[wi])
			dx[xi] += float64(dy[yi]) * float64(w[wi])
			dw[wi] += float64(dy[yi]) * float64(x[xi])
		})
		a := winograd2
		magnitudeY, magnitudeX, magnitudeW := a.magnitudes(s, x, w, dy)
		var first [][]float32
		for _, p := range testPools {
			hy, hdx, hdw := make([]uint16, len(y)), make([]uint16, len(dx)), make([]uint16, len(dw))
			winogradForward(p, a, s, microBF16(s.K), hx, hw, hy)
			winogradInputGrad(p, a, s, microBF16(s.C), hdy, hw, hdx)
			winogradWeightGrad(p, a, s, microBF16(s.K), hx, hdy, hdw)
			got := [][]float32{widen(p, hy), widen(p, hdx), widen(p, hdw)}
			if first == nil {
				first = got
				checkCloseBF16(t, "forward", got[0], y, magnitudeY, 2, s.C+a.roundings)
				checkCloseBF16(t, "input grad", got[1], dx, magnitudeX, 2, s.K+a.roundings)
				checkCloseBF16(t, "weight grad", got[2], dw, magnitudeW, 2, a.grid(s.N, s.OutH(), s.OutW()).count()+a.roundings)
				continue
			}
			for i := range got {
				if !sameBits(got[i], first[i]) {
					t.Fatalf("result %d has other bits with %d workers", i, p.Workers())
				}
			}
		}
	})
}

// BenchmarkWinogradError measures the rounding errors of layers with 16 x 16 pixels, against float64 and in units of the root mean square of
// the results: of the definition's sums in float32, which tiles of size 0 stand for, and of the tiles.
func BenchmarkWinogradError(b *testing.B) {
	for _, channels := range []int{64, 512} {
		s := ConvShape{N: 4, H: 16, W: 16, C: channels, K: channels, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1}.normal()
		r := rand.New(rand.NewPCG(1, 2))
		x, w, dy := normals(r, s.N*s.H*s.W*s.C), normals(r, 9*s.C*s.K), normals(r, s.N*s.H*s.W*s.K)
		const some = 8 // output channels that are checked
		y, dw := make([]float64, len(dy)), make([]float64, len(w))
		s.eachProductOf(some, func(xi, wi, yi int) {
			y[yi] += float64(x[xi]) * float64(w[wi])
			dw[wi] += float64(dy[yi]) * float64(x[xi])
		})
		for _, size := range []int{0, 2, 4} {
			run := func(name string, want []float64, compute func(got []float32)) {
				b.Run(fmt.Sprintf("%s/%dchannels_size%d", name, channels, size), func(b *testing.B) {
					got := make([]float32, len(want))
					for b.Loop() {
						compute(got)
					}
					var square, squared, most float64
					for i, v := range want {
						if i%s.K < some {
							d := math.Abs(float64(got[i]) - v)
							square, squared, most = square+v*v, squared+d*d, max(most, d)
						}
					}
					b.ReportMetric(math.Sqrt(squared/square)*1e7, "rms_e-7")
					b.ReportMetric(most/math.Sqrt(square/float64(len(want)/s.K*some))*1e7, "max_e-7")
					b.ReportMetric(0, "ns/op")
				})
			}
			run("forward", y, func(got []float32) {
				if a := map[int]*winograd{2: winograd2, 4: winograd4}[size]; a != nil {
					winogradForward(benchPool, a, s, microF32(s.K), x, w, got)
					return
				}
				direct := s
				direct.Direct = true
				ConvForward32(benchPool, direct, x, w, got)
			})
			run("weightgrad", dw, func(got []float32) {
				if a := map[int]*winograd{2: winograd2, 4: winograd4}[size]; a != nil {
					winogradWeightGrad(benchPool, a, s, microF32(s.K), x, dy, got)
					return
				}
				direct := s
				direct.Direct = true
				ConvWeightGrad32(benchPool, direct, x, dy, got)
			})
		}
	}
}
