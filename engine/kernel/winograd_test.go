package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/alike-ml/alike/engine/parallel"
	"pgregory.net/rapid"
)

func drawWinograd(t *rapid.T) ConvShape {
	one := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	return ConvShape{
		N: one("n", 1, 5), H: one("h", 3, 12), W: one("w", 3, 12), R: 3, S: 3, C: one("c", 1, 80), K: one("k", 1, 80),
		PadTop: one("top", -1, 3), PadBottom: one("bottom", 0, 3), PadLeft: one("left", -1, 3), PadRight: one("right", 0, 3),
	}.normal()
}

// TestWinograd compares the convolutions in tiles with float64. Rounding errors are those of a tile, so they are held against the
// size of a sum of so many products of normals.
func TestWinograd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawWinograd(t)
		if s.OutH() < 1 || s.OutW() < 1 {
			t.Skip("no output")
		}
		r := source(t)
		x, w := normals(r, s.N*s.H*s.W*s.C), normals(r, 9*s.C*s.K)
		dy := normals(r, s.N*s.OutH()*s.OutW()*s.K)
		y, dx, dw := make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(w))
		s.eachProduct(func(xi, wi, yi int) {
			y[yi] += float64(x[xi]) * float64(w[wi])
			dx[xi] += float64(dy[yi]) * float64(w[wi])
			dw[wi] += float64(dy[yi]) * float64(x[xi])
		})
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			gy, gdx, gdw := normals(r, len(y)), normals(r, len(dx)), normals(r, len(dw))
			convWinograd(p, s, microF32(s.K), x, w, gy)
			inputGradWinograd(p, s, microF32(s.C), dy, w, gdx)
			weightGradWinograd(p, s, microF32(s.K), x, dy, gdw)
			return [][]float32{gy, gdx, gdw}
		}, func(l Level, got [][]float32) {
			close := func(what string, got []float32, want []float64, terms int) {
				bound := 0x1p-19 * (4 + math.Sqrt(float64(terms)))
				for i, v := range got {
					if !(math.Abs(float64(v)-want[i]) <= bound) {
						t.Fatalf("%v %s: element %d is %g, want %g within %g", l, what, i, v, want[i], bound)
					}
				}
			}
			close("forward", got[0], y, 9*s.C)
			close("input grad", got[1], dx, 9*s.K)
			close("weight grad", got[2], dw, s.N*s.OutH()*s.OutW())
		})
	})
}

// TestWinogradNotFinite checks that what is not finite reaches every output that reads it, and none outside of its tiles.
func TestWinogradNotFinite(t *testing.T) {
	s := ConvShape{N: 2, H: 8, W: 8, C: 16, K: 16, R: 3, S: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1}.normal()
	r := rand.New(rand.NewPCG(1, 2))
	w := normals(r, 9*s.C*s.K)
	for _, l := range levels() {
		atLevel(l, func() {
			for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
				x, y := normals(r, s.N*s.H*s.W*s.C), make([]float32, s.N*s.H*s.W*s.K)
				const h, column = 3, 4
				x[((s.H+h)*s.W+column)*s.C+5] = bad
				convWinograd(nil, s, microF32(s.K), x, w, y)
				for i, v := range y {
					n, row, col := i/(s.H*s.W*s.K), i/(s.W*s.K)%s.H, i/s.K%s.W
					reads := n == 1 && max(row-h, h-row) <= 1 && max(col-column, column-col) <= 1
					near := n == 1 && max(row-h, h-row) <= 2 && max(col-column, column-col) <= 2
					if finite := v-v == 0; reads && finite || !near && !finite {
						t.Fatalf("%v: with %g at (%d, %d), output (%d, %d) is %g", l, bad, h, column, row, col, v)
					}
				}
			}
		})
	}
}

// TestWinogradBF16 compares the convolutions of bfloat16 in tiles with float64: two roundings of transformed operands and one of
// the result.
func TestWinogradBF16(t *testing.T) {
	if !detectedBF16 {
		t.Skip("this processor does not multiply bfloat16")
	}
	rapid.Check(t, func(t *rapid.T) {
		s := drawWinograd(t)
		s.C, s.K = s.C+s.C%2, s.K+s.K%2
		if s.OutH() < 1 || s.OutW() < 1 {
			t.Skip("no output")
		}
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
		var first [][]float32
		for _, p := range testPools {
			hy, hdx, hdw := make([]uint16, len(y)), make([]uint16, len(dx)), make([]uint16, len(dw))
			convWinograd(p, s, microBF16(s.K), hx, hw, hy)
			inputGradWinograd(p, s, microBF16(s.C), hdy, hw, hdx)
			weightGradWinograd(p, s, microBF16(s.K), hx, hdy, hdw)
			got := [][]float32{widen(p, hy), widen(p, hdx), widen(p, hdw)}
			if first == nil {
				first = got
				close64(t, "forward", got[0], y, 0x1p-8, 12*math.Sqrt(float64(9*s.C)))
				close64(t, "input grad", got[1], dx, 0x1p-8, 12*math.Sqrt(float64(9*s.K)))
				close64(t, "weight grad", got[2], dw, 0x1p-8, 12*math.Sqrt(float64(s.N*s.OutH()*s.OutW())))
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
