package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/alike-ml/alike/engine/parallel"
	"pgregory.net/rapid"
)

func TestPooling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		s := PoolShape{N: one("n", 0, 3), H: one("h", 1, 8), W: one("w", 1, 8), C: one("c", 1, 40), R: one("r", 1, 3), S: one("s", 1, 3),
			StrideH: one("strideH", 0, 3), StrideW: one("strideW", 0, 3),
			PadTop: one("top", 0, 2), PadBottom: one("bottom", 0, 2), PadLeft: one("left", 0, 2), PadRight: one("right", 0, 2)}
		r := source(t)
		x := normals(r, s.N*s.H*s.W*s.C)
		for i := range x {
			x[i] = float32(math.Round(float64(x[i]) * 2)) // Ties.
		}
		if len(x) > 0 && rapid.Bool().Draw(t, "nan") {
			x[r.IntN(len(x))] = float32(math.NaN())
		}
		oh, ow := s.OutH(), s.OutW()
		dy := normals(r, s.N*oh*ow*s.C)
		most, dMost := make([]float64, len(dy)), make([]float64, len(x))
		// Of the windows that a number is in, R x S numbers are added at most.
		rounded := float64(s.R*s.S+4) * roundoff
		dMostBound := make([]float64, len(x))
		for n := range s.N {
			for i := range oh {
				for j := range ow {
					for c := range s.C {
						out := ((n*oh+i)*ow+j)*s.C + c
						var cells []int
						for a := range s.R {
							for b := range s.S {
								h, w := i*max(s.StrideH, 1)+a-s.PadTop, j*max(s.StrideW, 1)+b-s.PadLeft
								if h >= 0 && h < s.H && w >= 0 && w < s.W {
									cells = append(cells, ((n*s.H+h)*s.W+w)*s.C+c)
								}
							}
						}
						best := -1
						most[out] = math.Inf(-1)
						for _, cell := range cells {
							v := float64(x[cell])
							if best < 0 || v > most[out] || v != v && most[out] == most[out] {
								best, most[out] = cell, v
							}
						}
						if best >= 0 {
							dMost[best] += float64(dy[out])
							dMostBound[best] += rounded * math.Abs(float64(dy[out]))
						}
					}
				}
			}
		}
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			out := [][]float32{make([]float32, len(dy)), make([]float32, len(x))}
			MaxPool(p, s, x, out[0])
			MaxPoolGrad(p, s, x, dy, out[1])
			return out
		}, func(l Level, got [][]float32) {
			for i, v := range got[0] {
				if float64(v) != most[i] && (v == v || most[i] == most[i]) {
					t.Fatalf("%v max: element %d is %g, want %g", l, i, v, most[i])
				}
			}
			within(t, fmt.Sprint(l, " max gradient"), got[1], dMost, dMostBound)
		})
	})
}
