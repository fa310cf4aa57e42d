package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/alike-ml/alike/engine/parallel"
	"pgregory.net/rapid"
)

// roundoff is the most that rounding to float32 changes a number by, relative to it. A sum of n numbers, in any order, so is off by at
// most n times that, relative to the sum of their magnitudes.
const roundoff = 0x1p-24

// within fails unless each of got is as far from what is wanted as its bound allows, or is no normal number and as small.
func within(t *rapid.T, what string, got []float32, want, bounds []float64) {
	t.Helper()
	for i, v := range got {
		same := float64(v) == want[i] || v != v && want[i] != want[i]
		if !same && !(math.Abs(float64(v)-want[i]) <= bounds[i]+0x1p-126) {
			t.Fatalf("%s: element %d of %d is %g, want %g within %g", what, i, len(got), v, want[i], bounds[i])
		}
	}
}

// several returns k slices of n numbers.
func several(k, n int) [][]float64 {
	list := make([][]float64, k)
	for i := range list {
		list[i] = make([]float64, n)
	}
	return list
}

// sameForWorkers runs f with several numbers of workers at every level, checks that the bits agree, and hands the results to check.
func sameForWorkers(t *rapid.T, f func(p *parallel.Pool) [][]float32, check func(l Level, got [][]float32)) {
	for _, l := range levels() {
		atLevel(l, func() {
			var first [][]float32
			for _, p := range testPools {
				got := f(p)
				if first == nil {
					first = got
					check(l, got)
					continue
				}
				for i := range got {
					if !sameBits(got[i], first[i]) {
						t.Fatalf("%v: result %d has other bits with %d workers", l, i, p.Workers())
					}
				}
			}
		})
	}
}

var testPools = []*parallel.Pool{nil, parallel.New(2), parallel.New(3), parallel.New(8)}

func TestSoftmax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(0, 20).Draw(t, "rows"), rapid.IntRange(1, 200).Draw(t, "cols")
		r := source(t)
		x, dy := normals(r, rows*cols), normals(r, rows*cols)
		MulScalar(x, x, 20)
		if rows > 0 && cols > 1 {
			x[0] = float32(math.Inf(-1)) // As a mask does.
		}
		n := rows * cols
		want, bounds := several(2, n), several(2, n) // of the softmax and its gradient
		sums := float64(cols+8) * roundoff           // relative, of a row and what is done to its numbers
		for i := range rows {
			y, dx := want[0][i*cols:][:cols], want[1][i*cols:][:cols]
			yBound, dxBound := bounds[0][i*cols:][:cols], bounds[1][i*cols:][:cols]
			x, dy := x[i*cols:][:cols], dy[i*cols:][:cols]
			most := math.Inf(-1)
			for _, v := range x {
				most = max(most, float64(v))
			}
			var sum, sumBound float64 // the bound is relative
			for _, v := range x {
				sum += math.Exp(float64(v) - most)
			}
			for j, v := range x {
				if y[j] = math.Exp(float64(v)-most) / sum; y[j] > 0 {
					// The difference to the largest number is rounded before it is an exponent.
					yBound[j] = y[j] * roundoff * (most - float64(v))
					sumBound += yBound[j]
				}
			}
			sumBound += sums
			var inner, innerBound float64
			for j, v := range dy {
				yBound[j] += y[j] * (sumBound + 8*roundoff)
				inner += y[j] * float64(v)
				innerBound += (yBound[j] + sums*y[j]) * math.Abs(float64(v))
			}
			for j, v := range dy {
				v := float64(v)
				dx[j] = y[j] * (v - inner)
				dxBound[j] = yBound[j]*math.Abs(v-inner) + y[j]*(innerBound+4*roundoff*(math.Abs(v)+math.Abs(inner)))
			}
		}
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			out := [][]float32{make([]float32, n), make([]float32, n)}
			Softmax(p, out[0], x, rows, cols)
			SoftmaxGrad(p, out[1], out[0], dy, rows, cols)
			return out
		}, func(l Level, got [][]float32) {
			for i, what := range []string{"softmax", "softmax gradient"} {
				within(t, fmt.Sprint(l, " ", what), got[i], want[i], bounds[i])
			}
		})
	})
}

func TestSoftmaxOfInfinitiesAndNaN(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, l := range levels() {
		atLevel(l, func() {
			for cols := 3; cols < 40; cols++ {
				for _, first := range []float32{-inf, inf, nan} {
					x, y, top, sum := make([]float32, 2*cols), make([]float32, 2*cols), make([]float32, 2), make([]float32, 2)
					for i := range cols {
						x[i] = -inf
					}
					x[0] = first
					SoftmaxRows(y, x, top, sum, 2, cols)
					if same := top[0] == first || first != first && top[0] != top[0]; !same || sum[0] == sum[0] || y[1] == y[1] {
						t.Errorf("%v: %g among %d of -Inf: largest %g, sum %g, softmax %g, want %[2]g, NaN, NaN", l, first, cols, top[0], sum[0], y[1])
					}
					if top[1] != 0 || sum[1] != float32(cols) || y[cols] != 1/float32(cols) {
						t.Errorf("%v: of %d zeros in the next row: largest %g, sum %g, softmax %g", l, cols, top[1], sum[1], y[cols])
					}
				}
			}
		})
	}
}

func TestExpSubRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(0, 5).Draw(t, "rows"), rapid.IntRange(0, 40).Draw(t, "cols")
		r := source(t)
		x, s := normals(r, rows*cols), normals(r, rows)
		for _, l := range levels() {
			atLevel(l, func() {
				got := make([]float32, rows*cols)
				ExpSubRows(got, x, s, rows, cols)
				for i, v := range got {
					if want := math.Exp(float64(x[i] - s[i/cols])); !near(v, want, 1e-6*want) {
						t.Fatalf("%v: element %d of %d x %d is %g, want %g", l, i, rows, cols, v, want)
					}
				}
			})
		}
	})
}

// normalised are numbers h = (x - mean) * rstd with rstd = 1 / sqrt(variance + eps), and how far from each float32 may be.
type normalised struct {
	h, hBound               []float64
	mean, meanBound         float64
	variance, varianceBound float64
	rstd, rstdBound         float64
}

// normalise normalises elements at, at+step, ..., n of them, in float64. The bounds hold whichever of the numbers their sums begin at.
func normalise(x []float32, at, step, n int, eps float64) (s normalised) {
	var magnitude, most float64
	for i := range n {
		s.mean += float64(x[at+i*step]) / float64(n)
		magnitude += math.Abs(float64(x[at+i*step])) / float64(n)
	}
	for i := range n {
		d := float64(x[at+i*step]) - s.mean
		s.variance += d * d / float64(n)
		most = max(most, math.Abs(d))
	}
	sums := float64(n+8) * roundoff
	s.meanBound = sums * (magnitude + most)
	s.varianceBound = 2*sums*(s.variance+most*most) + s.meanBound*s.meanBound
	s.rstd = 1 / math.Sqrt(s.variance+eps)
	s.rstdBound = s.rstd * (s.varianceBound/(2*max(s.variance+eps-s.varianceBound, eps)) + 4*roundoff)
	for i := range n {
		v := float64(x[at+i*step])
		s.h = append(s.h, (v-s.mean)*s.rstd)
		s.hBound = append(s.hBound, s.rstd*(s.meanBound+4*roundoff*(math.Abs(v)+math.Abs(s.mean)))+math.Abs(v-s.mean)*s.rstdBound)
	}
	return s
}

// drawNorm draws a matrix with columns of different means and spreads.
func drawNorm(t *rapid.T, minRows int) (r *rand.Rand, x []float32, rows, cols int) {
	rows = rapid.OneOf(rapid.IntRange(minRows, 20), rapid.IntRange(200, 600)).Draw(t, "rows")
	cols = rapid.IntRange(1, 90).Draw(t, "cols")
	r = source(t)
	x = normals(r, rows*cols)
	for c := range cols {
		shift, scale := 3*float32(r.NormFloat64()), float32(math.Exp(r.NormFloat64()))
		for i := range rows {
			x[i*cols+c] = x[i*cols+c]*scale + shift
		}
	}
	return r, x, rows, cols
}

func TestBatchNorm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, x, rows, cols := drawNorm(t, 2)
		const eps = 0.1 // So large that rounding of the mean is not blown up where two values lie close together.
		gamma, beta, dy := normals(r, cols), normals(r, cols), normals(r, rows*cols)
		n := rows * cols
		relu := rapid.Bool().Draw(t, "relu")
		y, dx, yBound, dxBound := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		ofColumns, bounds := several(4, cols), several(4, cols)
		mean, variance, dgamma, dbeta := ofColumns[0], ofColumns[1], ofColumns[2], ofColumns[3]
		rounded := float64(rows+8) * roundoff // a sum of a column
		for c := range cols {
			s := normalise(x, c, cols, rows, eps)
			mean[c], variance[c], bounds[0][c], bounds[1][c] = s.mean, s.variance, s.meanBound, s.varianceBound
			scale := math.Abs(float64(gamma[c]))
			through := make([]float64, rows) // dy behind ReLU
			for i := range rows {
				at := i*cols + c
				y[at] = s.h[i]*float64(gamma[c]) + float64(beta[c])
				yBound[at] = scale*s.hBound[i] + 4*roundoff*(scale*math.Abs(s.h[i])+math.Abs(float64(beta[c])))
				if relu && math.Abs(y[at]) <= yBound[at] {
					dy[at] = 0 // Rounding decides whether it counts.
				}
				through[i] = float64(dy[at])
				if relu && y[at] < 0 {
					y[at], through[i] = 0, 0
				}
				magnitude := math.Abs(float64(dy[at]))
				dgamma[c] += through[i] * s.h[i]
				dbeta[c] += through[i]
				bounds[2][c] += magnitude * (s.hBound[i] + rounded*math.Abs(s.h[i]))
				bounds[3][c] += magnitude * rounded
			}
			for i := range rows {
				at, count := i*cols+c, float64(rows)
				dx[at] = float64(gamma[c]) * s.rstd * (through[i] - dbeta[c]/count - s.h[i]*dgamma[c]/count)
				parts := math.Abs(through[i]) + (math.Abs(dbeta[c])+math.Abs(s.h[i]*dgamma[c]))/count
				dxBound[at] = scale * (s.rstdBound*parts + s.rstd*
					(8*roundoff*parts+(bounds[3][c]+math.Abs(s.h[i])*bounds[2][c]+s.hBound[i]*math.Abs(dgamma[c]))/count))
			}
		}
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			make32 := func(n int) []float32 { return make([]float32, n) }
			out := [][]float32{make32(n), make32(cols), make32(cols), make32(n), make32(cols), make32(cols)}
			BatchNormTrain(p, out[0], x, gamma, beta, out[1], out[2], rows, cols, eps, relu)
			BatchNormGrad(p, out[3], out[4], out[5], x, dy, gamma, beta, out[1], out[2], rows, cols, eps, relu)
			return out
		}, func(l Level, got [][]float32) {
			within(t, fmt.Sprint(l, " y"), got[0], y, yBound)
			within(t, fmt.Sprint(l, " dx"), got[3], dx, dxBound)
			for i, result := range [][]float32{got[1], got[2], got[4], got[5]} {
				within(t, fmt.Sprint(l, " ", []string{"mean", "variance", "dgamma", "dbeta"}[i]), result, ofColumns[i], bounds[i])
			}
		})
	})
}

// TestBatchNormOfBF16 holds batch norm of bfloat16 to that of the same numbers in float32, rounded.
func TestBatchNormOfBF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, x, rows, cols := drawNorm(t, 2)
		const eps = 0.1
		gamma, beta, dy := normals(r, cols), normals(r, cols), normals(r, rows*cols)
		relu := rapid.Bool().Draw(t, "relu")
		hx, hdy := halves(x), halves(dy)
		x, dy = widen(nil, hx), widen(nil, hdy)
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			vector := func() []float32 { return make([]float32, cols) }
			y, mean, variance, dx, dgamma, dbeta := make([]float32, len(x)), vector(), vector(), make([]float32, len(x)), vector(), vector()
			BatchNormTrain(p, y, x, gamma, beta, mean, variance, rows, cols, eps, relu)
			BatchNormGrad(p, dx, dgamma, dbeta, x, dy, gamma, beta, mean, variance, rows, cols, eps, relu)
			hy, hmean, hvariance, hdx, hdgamma, hdbeta := make([]uint16, len(x)), vector(), vector(), slices.Clone(hdy), vector(), vector()
			BatchNormTrain(p, hy, hx, gamma, beta, hmean, hvariance, rows, cols, eps, relu)
			BatchNormGrad(p, hdx, hdgamma, hdbeta, hx, hdx, gamma, beta, hmean, hvariance, rows, cols, eps, relu) // over dy
			want := [][]float32{widen(nil, halves(y)), mean, variance, widen(nil, halves(dx)), dgamma, dbeta}
			got := [][]float32{widen(nil, hy), hmean, hvariance, widen(nil, hdx), hdgamma, hdbeta}
			for i := range got {
				if !sameBits(got[i], want[i]) {
					t.Fatalf("result %d of bfloat16 is not that of float32", i)
				}
			}
			return got
		}, func(Level, [][]float32) {})
	})
}

// A large mean beside a small spread is where sums of plain squares lose everything.
func TestChannelMomentsFarFromZero(t *testing.T) {
	const rows, cols = 5000, 3
	r := rand.New(rand.NewPCG(5, 6))
	x := normals(r, rows*cols)
	ScaleShift(x, x, 1, 10000)
	mean, variance := make([]float32, cols), make([]float32, cols)
	for _, l := range levels() {
		atLevel(l, func() {
			ChannelMoments(nil, x, mean, variance, rows, cols)
			for c := range cols {
				s := normalise(x, c, cols, rows, 1)
				if math.Abs(float64(mean[c])-s.mean) > 1e-3 || math.Abs(float64(variance[c])-s.variance) > 1e-4*s.variance {
					t.Errorf("%v: mean %g, variance %g, want %g, %g", l, mean[c], variance[c], s.mean, s.variance)
				}
			}
		})
	}
}

func TestLayerNorm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, x, rows, cols := drawNorm(t, 0)
		const eps = 0.1 // So large that rounding of the mean is not blown up where two values lie close together.
		gamma, beta, dy := normals(r, cols), normals(r, cols), normals(r, rows*cols)
		n := rows * cols
		y, dx, dgamma, dbeta := make([]float64, n), make([]float64, n), make([]float64, cols), make([]float64, cols)
		yBound, dxBound, dgammaBound, dbetaBound := make([]float64, n), make([]float64, n), make([]float64, cols), make([]float64, cols)
		ofRow, ofColumn := float64(cols+8)*roundoff, float64(rows+8)*roundoff // sums
		for i := range rows {
			s := normalise(x, i*cols, 1, cols, eps)
			var avg, avgH, avgBound, avgHBound float64
			for c := range cols {
				at, h, count := i*cols+c, s.h[c], float64(cols)
				y[at] = h*float64(gamma[c]) + float64(beta[c])
				yBound[at] = math.Abs(float64(gamma[c]))*(s.hBound[c]+4*roundoff*math.Abs(h)) + 4*roundoff*math.Abs(float64(beta[c]))
				g := float64(dy[at]) * float64(gamma[c])
				avg += g / count
				avgH += g * h / count
				avgBound += ofRow * math.Abs(g) / count
				avgHBound += math.Abs(g) * (s.hBound[c] + ofRow*math.Abs(h)) / count
				dgamma[c] += float64(dy[at]) * h
				dbeta[c] += float64(dy[at])
				dgammaBound[c] += math.Abs(float64(dy[at])) * (s.hBound[c] + ofColumn*math.Abs(h))
				dbetaBound[c] += math.Abs(float64(dy[at])) * ofColumn
			}
			for c := range cols {
				at, h := i*cols+c, s.h[c]
				g := float64(dy[at]) * float64(gamma[c])
				dx[at] = (g - avg - h*avgH) * s.rstd
				parts := math.Abs(g) + math.Abs(avg) + math.Abs(h*avgH)
				dxBound[at] = s.rstdBound*parts + s.rstd*(8*roundoff*parts+avgBound+math.Abs(h)*avgHBound+s.hBound[c]*math.Abs(avgH))
			}
		}
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			make32 := func(n int) []float32 { return make([]float32, n) }
			out := [][]float32{make32(n), make32(rows), make32(rows), make32(n), make32(cols), make32(cols)}
			LayerNorm(p, out[0], x, gamma, beta, out[1], out[2], rows, cols, eps)
			LayerNormGrad(p, out[3], out[4], out[5], x, dy, gamma, out[1], out[2], rows, cols)
			return out
		}, func(l Level, got [][]float32) {
			within(t, fmt.Sprint(l, " y"), got[0], y, yBound)
			within(t, fmt.Sprint(l, " dx"), got[3], dx, dxBound)
			within(t, fmt.Sprint(l, " dgamma"), got[4], dgamma, dgammaBound)
			within(t, fmt.Sprint(l, " dbeta"), got[5], dbeta, dbetaBound)
		})
	})
}

func BenchmarkRows(b *testing.B) {
	const rows, cols = 131072, 64
	r := rand.New(rand.NewPCG(1, 2))
	x, y, z := normals(r, rows*cols), normals(r, rows*cols), make([]float32, rows*cols)
	c1, c2, c3, c4, c5 := normals(r, cols), normals(r, cols), make([]float32, cols), make([]float32, cols), make([]float32, cols)
	stat := normals(r, rows*cols/384)
	for _, f := range []struct {
		name   string
		passes float64 // times that a matrix is read or written
		run    func()
	}{
		{"copy", 2, func() { forRows(benchPool, rows, cols, func(r int) { copy(z[r*cols:][:cols], x[r*cols:]) }) }},
		{"ChannelMoments", 1, func() { ChannelMoments(benchPool, x, c3, c4, rows, cols) }},
		{"ChannelScaleShift", 2, func() { ChannelScaleShift(benchPool, z, x, c1, c2, rows, cols, true) }},
		{"BatchNormTrain", 3, func() { BatchNormTrain(benchPool, z, x, c1, c2, c3, c4, rows, cols, 1e-5, true) }},
		{"BatchNormGrad", 5, func() { BatchNormGrad(benchPool, z, c3, c5, x, y, c1, c2, c2, c4, rows, cols, 1e-5, true) }},
		{"Softmax_64", 2, func() { Softmax(benchPool, z, x, rows, cols) }},
		{"Softmax_1024", 2, func() { Softmax(benchPool, z, x, rows/16, cols*16) }},
		{"LayerNorm_384", 2, func() { LayerNorm(benchPool, z, x, x[:384], y[:384], nil, nil, rows/6, cols*6, 1e-5) }},
		{"LayerNormGrad_384", 3, func() {
			LayerNormGrad(benchPool, z, nil, nil, x, y, y[:384], stat, stat, rows/6, cols*6)
		}},
		{"Transpose", 2, func() { Transpose(benchPool, z, x, 64, 2048, 64) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.run()
			}
			b.ReportMetric(f.passes*4*rows*cols*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
