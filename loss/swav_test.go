package loss_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/loss"
)

func sinkhorn(scores matrix, epsilon float64, iterations int) [][]float32 {
	return MustExecOnce(backend, func(scores *Node) *Node { return loss.Sinkhorn(scores, epsilon, iterations) },
		scores.float32()).Value().([][]float32)
}

// plainSinkhorn is the published code's: exponentials, then columns and rows scaled in turn.
func plainSinkhorn(scores matrix, epsilon float64, iterations int) matrix {
	rows, prototypes := len(scores), len(scores[0])
	q := make(matrix, rows)
	for i := range q {
		for _, s := range scores[i] {
			q[i] = append(q[i], math.Exp(s/epsilon))
		}
	}
	for range iterations {
		for k := range prototypes {
			sum := 0.0
			for i := range q {
				sum += q[i][k]
			}
			for i := range q {
				q[i][k] /= sum * float64(prototypes)
			}
		}
		for i := range q {
			sum := 0.0
			for _, v := range q[i] {
				sum += v
			}
			for k := range q[i] {
				q[i][k] /= sum
			}
		}
	}
	return q
}

func TestSinkhornMatchesTheScalingForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, prototypes := rapid.IntRange(1, 6).Draw(t, "rows"), rapid.IntRange(1, 7).Draw(t, "prototypes")
		iterations := rapid.IntRange(1, 4).Draw(t, "iterations")
		scores := normal(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), rows, prototypes)
		want := plainSinkhorn(scores, 0.5, iterations)
		for i, row := range sinkhorn(scores, 0.5, iterations) {
			for k, got := range row {
				if math.Abs(float64(got)-want[i][k]) > 1e-5 {
					t.Fatalf("code %d of row %d: %g, want %g", k, i, got, want[i][k])
				}
			}
		}
	})
}

// Rows sum to 1 exactly, columns come nearer to rows/K with every iteration.
func TestSinkhornBalances(t *testing.T) {
	const rows, prototypes = 64, 8
	scores := normal(rand.New(rand.NewPCG(1, 1)), rows, prototypes)
	for i := range scores {
		scores[i][0] += 3 // every row's favourite
	}
	imbalance := func(iterations int) float64 {
		share := make([]float64, prototypes)
		for i, row := range sinkhorn(scores, 0.5, iterations) {
			sum := 0.0
			for k, v := range row {
				sum += float64(v)
				share[k] += float64(v) / (rows / prototypes)
			}
			near(t, "row sum", sum, 1, 1e-5)
			if i == 0 && slices.Min(row) < 0 {
				t.Errorf("negative codes %v", row)
			}
		}
		return max(slices.Max(share)-1, 1-slices.Min(share))
	}
	if three, ten := imbalance(3), imbalance(10); three > 0.2 || ten > three/2 {
		t.Errorf("columns are off balance by %g after 3 iterations and %g after 10", three, ten)
	}
}

// Scores whose exponentials overflow float32 by far, and a prototype that no row likes.
func TestSinkhornKeepsRange(t *testing.T) {
	codes := sinkhorn(matrix{{50, -50, -90}, {-50, 50, -90}, {40, 45, -90}}, 0.05, 3)
	for _, row := range codes {
		near(t, "row sum", float64(row[0]+row[1]+row[2]), 1, 1e-5)
	}
}

func TestSinkhornHasNoGradientAndIsFloat32(t *testing.T) {
	scores := normal(rand.New(rand.NewPCG(2, 2)), 3, 4)
	out := MustExecOnceN(backend, func(scores *Node) []*Node {
		codes := loss.Sinkhorn(scores, 0.5, 3)
		if codes.DType() != dtypes.Float32 {
			t.Errorf("codes of %s scores are %s, want float32", scores.DType(), codes.DType())
		}
		// The second term has the gradient 1 everywhere.
		total := Add(ReduceAllSum(Square(codes)), ConvertDType(ReduceAllSum(scores), dtypes.Float32))
		return Gradient(total, scores)
	}, [][]float64(scores))
	for _, row := range out[0].Value().([][]float64) {
		for _, g := range row {
			near(t, "gradient", g, 1, 0)
		}
	}
}

// With the codes q held fixed, the gradient of a crop t's scores is the mean over the large crops s ≠ t of
// (softmax(scores/τ) - q_s)/τ, over the batch and the number of predictions.
func TestSwAVGradient(t *testing.T) {
	const n, prototypes, queued = 3, 4, 5
	r := rand.New(rand.NewPCG(3, 3))
	in := []matrix{normal(r, n, prototypes), normal(r, n, prototypes), normal(r, n, prototypes), normal(r, n, prototypes)}
	queue := []matrix{normal(r, queued, prototypes), normal(r, queued, prototypes)}
	o := loss.DefaultSwAV()
	for name, withQueue := range map[string]bool{"batch": false, "queue": true} {
		var codes [][][]float32
		for s := range 2 {
			scores := in[s]
			if withQueue {
				scores = slices.Concat(scores, queue[s])
			}
			codes = append(codes, sinkhorn(scores, o.Epsilon, o.Iterations)[:n])
		}
		e := newEvaluator(func(nodes []*Node) *Node {
			if withQueue {
				return loss.SwAV(nodes[:2], nodes[2:4], nodes[4:], o)
			}
			return loss.SwAV(nodes[:2], nodes[2:], nil, o)
		})
		args := in
		if withQueue {
			args = slices.Concat(in, queue)
		}
		got, grads := e.float64(args...)
		want := 0.0
		for crop, scores := range in {
			for i := range scores {
				p := softmax(scores[i], o.Temperature)
				for k := range p {
					g := 0.0
					for s := range 2 {
						if s != crop {
							q := float64(codes[s][i][k])
							g += (p[k] - q) / o.Temperature / n / (2 * 3)
							want -= q * math.Log(p[k]) / n / (2 * 3)
						}
					}
					near(t, name+": gradient", grads[crop][i][k], g, 1e-5)
				}
			}
		}
		near(t, name+": value", got, want, 1e-4)
	}
}

// A queue that does not join is none; one that does is there.
func TestSwAVQueueJoinsWhenItIsSaidTo(t *testing.T) {
	const n, prototypes, queued = 3, 4, 5
	r := rand.New(rand.NewPCG(4, 4))
	in := []matrix{normal(r, n, prototypes), normal(r, n, prototypes), normal(r, n, prototypes)}
	queue := []matrix{normal(r, queued, prototypes), normal(r, queued, prototypes)}
	of := func(join *bool, args ...matrix) float64 {
		return value(func(nodes []*Node) *Node {
			o := loss.DefaultSwAV()
			if join != nil {
				o.QueueJoins = Const(nodes[0].Graph(), *join)
			}
			return loss.SwAV(nodes[:2], nodes[2:3], nodes[3:], o)
		}, args...)
	}
	yes, no := true, false
	with, without := of(nil, slices.Concat(in, queue)...), of(nil, in...)
	if math.Abs(with-without) < 0.01 {
		t.Fatalf("the queue makes no difference: %g and %g", with, without)
	}
	near(t, "a queue that joins", of(&yes, slices.Concat(in, queue)...), with, 1e-6)
	near(t, "a queue that does not join", of(&no, slices.Concat(in, queue)...), without, 1e-6)
}

func softmax(x []float64, temperature float64) []float64 {
	p := make([]float64, len(x))
	sum := 0.0
	for i := range x {
		p[i] = math.Exp((x[i] - slices.Max(x)) / temperature)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// Where no crop prefers a prototype, codes and predictions are uniform.
func TestSwAVOfEqualScores(t *testing.T) {
	build := func(in []*Node) *Node {
		return loss.SwAV([]*Node{in[0], in[0]}, []*Node{in[0]}, nil, loss.DefaultSwAV())
	}
	scores := matrix{{2, 2, 2, 2, 2}, {1, 1, 1, 1, 1}, {0, 0, 0, 0, 0}}
	near(t, "SwAV", value(build, scores), math.Log(5), 1e-6)
}
