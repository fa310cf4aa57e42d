package loss_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/alike-ml/alike/loss"
)

// backend runs all tests' graphs: the plain Go one, chosen by name so that nothing else is looked for.
var backend = mustBackend()

func mustBackend() compute.Backend {
	b, err := compute.NewWithConfig("go")
	if err != nil {
		panic(err)
	}
	return b
}

// matrix is rows of numbers.
type matrix [][]float64

func normal(r *rand.Rand, n, dim int) matrix {
	m := make(matrix, n)
	for i := range m {
		m[i] = make([]float64, dim)
		for d := range m[i] {
			m[i][d] = r.NormFloat64()
		}
	}
	return m
}

// permuted returns the rows in another order.
func (m matrix) permuted(order []int) matrix {
	p := make(matrix, len(order))
	for i, from := range order {
		p[i] = m[from]
	}
	return p
}

// plus returns m + s·x.
func (m matrix) plus(s float64, x matrix) matrix {
	sum := make(matrix, len(m))
	for i := range m {
		for d := range m[i] {
			sum[i] = append(sum[i], m[i][d]+s*x[i][d])
		}
	}
	return sum
}

func (m matrix) float32() [][]float32 {
	f := make([][]float32, len(m))
	for i, row := range m {
		for _, v := range row {
			f[i] = append(f[i], float32(v))
		}
	}
	return f
}

// scalarLoss builds a loss from inputs of its own.
type scalarLoss func(in []*Node) *Node

// evaluator computes a loss and its gradients with respect to all inputs. It keeps the graph of every shape it has seen.
type evaluator struct{ exec *Exec }

func newEvaluator(build scalarLoss) evaluator { return newEvaluatorOn(backend, build) }

func newEvaluatorOn(backend compute.Backend, build scalarLoss) evaluator {
	exec := MustNewExec(backend, func(in []*Node) []*Node {
		l := build(in)
		return append([]*Node{l}, Gradient(l, in...)...)
	})
	exec.SetMaxCache(-1)
	return evaluator{exec}
}

// float64 computes in double precision.
func (e evaluator) float64(in ...matrix) (float64, []matrix) {
	args := make([]any, len(in))
	for i, m := range in {
		args[i] = [][]float64(m)
	}
	out := e.exec.MustCall(args...)
	grads := make([]matrix, len(in))
	for i := range in {
		grads[i] = out[1+i].Value().([][]float64)
	}
	return tensors.ToScalar[float64](out[0]), grads
}

// float32 computes in single precision, as training does.
func (e evaluator) float32(in ...matrix) (float32, [][][]float32) {
	args := make([]any, len(in))
	for i, m := range in {
		args[i] = m.float32()
	}
	out := e.exec.MustCall(args...)
	grads := make([][][]float32, len(in))
	for i := range in {
		grads[i] = out[1+i].Value().([][]float32)
	}
	return tensors.ToScalar[float32](out[0]), grads
}

// value computes a loss in float64.
func value(build scalarLoss, in ...matrix) float64 {
	v, _ := newEvaluator(build).float64(in...)
	return v
}

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %.10g, want %.10g", what, got, want)
	}
}

// finite fails the test if a number is infinite or none at all.
func finite(t testing.TB, what string, value float32, grads [][][]float32) {
	t.Helper()
	if v := float64(value); math.IsNaN(v) || math.IsInf(v, 0) {
		t.Errorf("%s: value %v", what, value)
	}
	for i, g := range grads {
		for _, row := range g {
			for _, v := range row {
				if v := float64(v); math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("%s: gradient of input %d has %v", what, i, v)
				}
			}
		}
	}
}

// named is a loss of a number of inputs, all [batch, dim].
type named struct {
	name   string
	inputs int
	least  int // smallest batch
	build  scalarLoss
}

// losses lists every loss in all forms that take matrices of one shape, with targets and queues as inputs too.
func losses(temperature float64) []named {
	list := []named{
		{"BYOL", 4, 1, func(in []*Node) *Node { return loss.BYOL(in[0], in[1], in[2], in[3]) }},
		{"BarlowTwins", 2, 1, func(in []*Node) *Node { return loss.BarlowTwins(in[0], in[1], loss.DefaultBarlowTwinsLambda) }},
		{"VICReg", 2, 2, func(in []*Node) *Node { return loss.VICReg(in[0], in[1], loss.DefaultVICReg()) }},
		{"SwAV", 4, 1, func(in []*Node) *Node {
			o := loss.DefaultSwAV()
			o.Temperature = temperature
			return loss.SwAV(in[:2], in[2:3], []*Node{in[3], in[3]}, o)
		}},
	}
	for _, s := range []loss.Similarity{loss.Cosine, loss.InnerProduct, loss.NegativeEuclidean} {
		c := loss.Contrast{Similarity: s, Temperature: temperature}
		scale := func(in []*Node) *Node { return Scalar(in[0].Graph(), in[0].DType(), -math.Log(temperature)) }
		suffix := "/" + string(s)
		list = append(list,
			named{"Guide" + suffix, 2, 2, func(in []*Node) *Node { return loss.Guide(in[0], in[1], c) }},
			named{"NTXent" + suffix, 2, 1, func(in []*Node) *Node { return loss.NTXent(in[0], in[1], c) }},
			named{"SupCon" + suffix, 2, 1, func(in []*Node) *Node {
				return loss.SupCon(in[0], in[1], halves(in[0]), c)
			}},
			named{"InfoNCE" + suffix, 3, 1, func(in []*Node) *Node { return loss.InfoNCE(in[0], in[1], in[2], nil, c) }},
			named{"CLIP" + suffix, 2, 1, func(in []*Node) *Node { return loss.CLIP(in[0], in[1], scale(in), nil, s) }},
			named{"CLIP of repeated captions" + suffix, 2, 1, func(in []*Node) *Node { return loss.CLIP(in[0], in[1], scale(in), neighbours(in[0]), s) }},
			named{"SigLIP" + suffix, 2, 1, func(in []*Node) *Node {
				return loss.SigLIP(in[0], in[1], scale(in), Scalar(in[0].Graph(), in[0].DType(), -1), nil, s)
			}},
			named{"SigLIP of repeated captions" + suffix, 2, 1, func(in []*Node) *Node {
				return loss.SigLIP(in[0], in[1], scale(in), Scalar(in[0].Graph(), in[0].DType(), -1), neighbours(in[0]), s)
			}},
			named{"SimCSE" + suffix, 2, 1, func(in []*Node) *Node {
				return loss.SimCSE(in[0], in[1], nil, nil, loss.SimCSEOptions{Contrast: c})
			}},
			named{"SimCSE hard" + suffix, 3, 1, func(in []*Node) *Node {
				return loss.SimCSE(in[0], in[1], in[2], nil, loss.SimCSEOptions{Contrast: c, HardNegativeWeight: 0.7})
			}},
			named{"Triplet" + suffix, 3, 1, func(in []*Node) *Node {
				return loss.Triplet(in[0], in[1], in[2], loss.TripletOptions{Margin: 0.5, Similarity: s})
			}},
		)
	}
	return list
}

// halves labels the items 0, 0, 1, 1, 2, ... and so on.
func halves(z *Node) *Node {
	labels := make([]int32, z.Shape().Dim(0))
	for i := range labels {
		labels[i] = int32(i / 2)
	}
	return Const(z.Graph(), labels)
}

// neighbours holds where two items have the same of [halves].
func neighbours(z *Node) *Node {
	labels, n := halves(z), z.Shape().Dim(0)
	return Equal(BroadcastToDims(InsertAxes(labels, 1), n, n), BroadcastToDims(InsertAxes(labels, 0), n, n))
}
