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

// close64 fails unless got is within bound of want, relative to scale.
func close64(t *rapid.T, what string, got []float32, want []float64, bound, scale float64) {
	t.Helper()
	for i, v := range got {
		if !(math.Abs(float64(v)-want[i]) <= bound*max(scale, math.Abs(want[i]))) {
			t.Fatalf("%s: element %d of %d is %g, want %g", what, i, len(got), v, want[i])
		}
	}
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
		y, ly, dx, dlx := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range rows {
			at := i * cols
			most := math.Inf(-1)
			for j := range cols {
				most = max(most, float64(x[at+j]))
			}
			var sum float64
			for j := range cols {
				sum += math.Exp(float64(x[at+j]) - most)
			}
			var inner, total float64
			for j := range cols {
				y[at+j] = math.Exp(float64(x[at+j])-most) / sum
				ly[at+j] = float64(x[at+j]) - most - math.Log(sum)
				inner += y[at+j] * float64(dy[at+j])
				total += float64(dy[at+j])
			}
			for j := range cols {
				dx[at+j] = y[at+j] * (float64(dy[at+j]) - inner)
				dlx[at+j] = float64(dy[at+j]) - y[at+j]*total
			}
		}
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			out := [][]float32{make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)}
			Softmax(p, out[0], x, rows, cols)
			LogSoftmax(p, out[1], x, rows, cols)
			SoftmaxGrad(p, out[2], out[0], dy, rows, cols)
			LogSoftmaxGrad(p, out[3], out[1], dy, rows, cols)
			return out
		}, func(l Level, got [][]float32) {
			close64(t, fmt.Sprint(l, " softmax"), got[0], y, 2e-5, 1e-30)
			finite := func(v float64) float64 { return max(v, -1e30) } // The difference of infinities is NaN.
			for i, v := range got[1] {
				if d := finite(float64(v)) - finite(ly[i]); !(math.Abs(d) <= 1e-4) {
					t.Fatalf("%v log-softmax: element %d is %g, want %g", l, i, v, ly[i])
				}
			}
			close64(t, fmt.Sprint(l, " softmax gradient"), got[2], dx, 1e-5, 10)
			close64(t, fmt.Sprint(l, " log-softmax gradient"), got[3], dlx, 2e-5, 100)
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

// normalise computes (x - mean) / sqrt(var + eps) over elements at, at+step, ..., n of them, in float64.
func normalise(x []float32, at, step, n int, eps float64) (h []float64, mean, variance float64) {
	for i := range n {
		mean += float64(x[at+i*step]) / float64(n)
	}
	for i := range n {
		d := float64(x[at+i*step]) - mean
		variance += d * d / float64(n)
	}
	for i := range n {
		h = append(h, (float64(x[at+i*step])-mean)/math.Sqrt(variance+eps))
	}
	return h, mean, variance
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
		y, dx, through := make([]float64, n), make([]float64, n), make([]float64, n) // through: dy behind ReLU
		for i := range through {
			through[i] = 1
		}
		mean, variance, dgamma, dbeta := make([]float64, cols), make([]float64, cols), make([]float64, cols), make([]float64, cols)
		sums := make([]float64, cols)
		for c := range cols {
			var h []float64
			h, mean[c], variance[c] = normalise(x, c, cols, rows, eps)
			for i := range rows {
				at := i*cols + c
				y[at] = h[i]*float64(gamma[c]) + float64(beta[c])
				if relu {
					if math.Abs(y[at]) < 1e-3 {
						dy[at] = 0 // Rounding decides whether it counts.
					}
					if y[at] < 0 {
						y[at], through[at] = 0, 0
					}
				}
				sums[c] += float64(dy[at])
				through[at] *= float64(dy[at])
				dbeta[c] += through[at]
				dgamma[c] += through[at] * h[i]
			}
			for i := range rows {
				dx[i*cols+c] = float64(gamma[c]) / math.Sqrt(variance[c]+eps) *
					(through[i*cols+c] - dbeta[c]/float64(rows) - h[i]*dgamma[c]/float64(rows))
			}
		}
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			make32 := func(n int) []float32 { return make([]float32, n) }
			out := [][]float32{make32(n), make32(cols), make32(cols), make32(n), make32(cols), make32(cols), make32(cols)}
			BatchNormTrain(p, out[0], x, gamma, beta, out[1], out[2], rows, cols, eps, relu)
			BatchNormGrad(p, out[3], out[4], out[5], x, dy, gamma, beta, out[1], out[2], rows, cols, eps, relu)
			ColumnSums(p, out[6], dy, rows, cols)
			return out
		}, func(l Level, got [][]float32) {
			close64(t, fmt.Sprint(l, " y"), got[0], y, 2e-5, 10)
			for c, v := range got[1] {
				if !(math.Abs(float64(v)-mean[c]) <= 1e-6*math.Abs(mean[c])+5e-6*math.Sqrt(variance[c])+1e-9) {
					t.Fatalf("%v: mean %d is %g, want %g", l, c, v, mean[c])
				}
			}
			close64(t, fmt.Sprint(l, " variance"), got[2], variance, 2e-5, 0.01)
			close64(t, fmt.Sprint(l, " dx"), got[3], dx, 1e-4, 1)
			close64(t, fmt.Sprint(l, " dgamma"), got[4], dgamma, 1e-5, float64(rows))
			close64(t, fmt.Sprint(l, " dbeta"), got[5], dbeta, 1e-6, float64(rows))
			close64(t, fmt.Sprint(l, " column sums"), got[6], sums, 1e-6, float64(rows))
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
	AddScalar(x, x, 10000)
	mean, variance := make([]float32, cols), make([]float32, cols)
	for _, l := range levels() {
		atLevel(l, func() {
			ChannelMoments(nil, x, mean, variance, rows, cols)
			for c := range cols {
				_, m, v := normalise(x, c, cols, rows, 1)
				if math.Abs(float64(mean[c])-m) > 1e-3 || math.Abs(float64(variance[c])-v) > 1e-4*v {
					t.Errorf("%v: mean %g, variance %g, want %g, %g", l, mean[c], variance[c], m, v)
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
		for i := range rows {
			h, _, variance := normalise(x, i*cols, 1, cols, eps)
			var avg, avgH float64
			for c := range cols {
				at := i*cols + c
				y[at] = h[c]*float64(gamma[c]) + float64(beta[c])
				g := float64(dy[at]) * float64(gamma[c])
				avg += g / float64(cols)
				avgH += g * h[c] / float64(cols)
				dgamma[c] += float64(dy[at]) * h[c]
				dbeta[c] += float64(dy[at])
			}
			for c := range cols {
				dx[i*cols+c] = (float64(dy[i*cols+c])*float64(gamma[c]) - avg - h[c]*avgH) / math.Sqrt(variance+eps)
			}
		}
		sameForWorkers(t, func(p *parallel.Pool) [][]float32 {
			make32 := func(n int) []float32 { return make([]float32, n) }
			out := [][]float32{make32(n), make32(rows), make32(rows), make32(n), make32(cols), make32(cols)}
			LayerNorm(p, out[0], x, gamma, beta, out[1], out[2], rows, cols, eps)
			LayerNormGrad(p, out[3], out[4], out[5], x, dy, gamma, out[1], out[2], rows, cols)
			return out
		}, func(l Level, got [][]float32) {
			close64(t, fmt.Sprint(l, " y"), got[0], y, 2e-5, 10)
			close64(t, fmt.Sprint(l, " dx"), got[3], dx, 2e-4, 10)
			close64(t, fmt.Sprint(l, " dgamma"), got[4], dgamma, 1e-5, float64(rows+10))
			close64(t, fmt.Sprint(l, " dbeta"), got[5], dbeta, 1e-6, float64(rows+10))
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
		{"ColumnSums", 1, func() { ColumnSums(benchPool, c3, x, rows, cols) }},
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
