package engine_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/nn"

	"github.com/alike-ml/alike/engine"
)

// normGradients returns y and the gradients of its weighted sum, computed in the given dtype and returned in float32.
func normGradients(dtype dtypes.DType, norm func(x, gamma, beta *graph.Node) *graph.Node) func(in []*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node {
		var cast []*graph.Node
		for _, x := range in {
			cast = append(cast, graph.ConvertDType(x, dtype))
		}
		y := graph.ConvertDType(norm(cast[0], cast[1], cast[2]), dtypes.Float32)
		weights := graph.Sin(graph.IotaFull(y.Graph(), y.Shape()))
		return append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Mul(y, weights)), in...)...)
	}
}

// layerNorm is written by GoMLX as one operation whose gradients are those of its steps; stepwiseNorm as its steps alone, since the
// axis is negative.
func layerNorm(x, gamma, beta *graph.Node) *graph.Node {
	return nn.LayerNorm(x, []int{2}, 1e-3, gamma, beta, nil)
}

func stepwiseNorm(x, gamma, beta *graph.Node) *graph.Node {
	return nn.LayerNorm(x, []int{-1}, 1e-3, gamma, beta, nil)
}

// sampleNorm divides by the standard deviation of a sample, which is another function.
func sampleNorm(x, gamma, beta *graph.Node) *graph.Node {
	centred := graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, -1))
	n := float64(x.Shape().Dim(-1))
	variance := graph.MulScalar(graph.ReduceAndKeep(graph.Square(centred), graph.ReduceSum, -1), 1/(n-1))
	h := graph.Div(centred, graph.Sqrt(graph.AddScalar(variance, 1e-3)))
	return graph.Add(graph.Mul(h, graph.ExpandLeftToRank(gamma, 3)), graph.ExpandLeftToRank(beta, 3))
}

// TestLayerNormIsOneOperation: in float32 and bfloat16, forward and backward; what is not quite a layer norm stays as it is.
func TestLayerNormIsOneOperation(t *testing.T) {
	const items, length, width = 3, 50, 200
	inputs := func() []any { // tensors belong to one backend
		r := rand.New(rand.NewPCG(1, 2))
		var all []any
		for _, dims := range [][]int{{items, length, width}, {width}, {width}} {
			values := make([]float32, shapes.Make(dtypes.Float32, dims...).Size())
			for i := range values {
				values[i] = float32(r.NormFloat64()) + 0.5
			}
			all = append(all, tensors.FromFlatDataAndDimensions(values, dims...))
		}
		return all
	}
	for _, test := range []struct {
		name    string
		dtype   dtypes.DType
		norm    func(x, gamma, beta *graph.Node) *graph.Node
		matched bool
		bound   float64 // of the difference from float64, relative to the largest element
	}{
		{"float32", dtypes.Float32, layerNorm, true, 1e-5},
		{"bfloat16", dtypes.BFloat16, layerNorm, true, 2e-2},
		{"float32 in steps", dtypes.Float32, stepwiseNorm, true, 1e-5},
		{"bfloat16 in steps", dtypes.BFloat16, stepwiseNorm, true, 2e-2},
		{"of a sample", dtypes.Float32, sampleNorm, false, 1e-5},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := graph.MustNewExec(newBackend(t, "workers=1"), normGradients(dtypes.Float64, test.norm)).MustCall(inputs()...)
			var first [][]float32
			for _, workers := range []string{"workers=1", "workers=2", "workers=3", "workers=8"} {
				b := newBackend(t, workers)
				var trace bytes.Buffer
				b.(*engine.Backend).Trace(&trace)
				got := graph.MustNewExec(b, normGradients(test.dtype, test.norm)).MustCall(inputs()...)
				b.(*engine.Backend).Trace(nil)
				for _, op := range []string{" LayerNorm ", " LayerNormGrad "} {
					if strings.Contains(trace.String(), op) != test.matched {
						t.Fatalf("%s: want%s in the plan: %v\n%s", workers, op, test.matched, trace.String())
					}
				}
				if test.matched && strings.Contains(trace.String(), "Sqrt") {
					t.Fatalf("%s: steps of the norm are in the plan:\n%s", workers, trace.String())
				}
				for i := range got {
					values := tensors.MustCopyFlatData[float32](got[i])
					if first = append(first, values); len(first) > len(got) && !sameFloats(values, first[i]) {
						t.Errorf("%s: result %d has other bits", workers, i)
					}
					if d := distance(values, tensors.MustCopyFlatData[float32](want[i])); !(d <= test.bound) {
						t.Errorf("%s: result %d is off by %.3g", workers, i, d)
					}
				}
			}
		})
	}
}

// distance returns the largest difference relative to the largest element of want.
func distance(got, want []float32) float64 {
	var most, d float64
	for i, v := range want {
		most = max(most, math.Abs(float64(v)))
		d = max(d, math.Abs(float64(got[i]-v)))
	}
	return d / most
}

func sameFloats(a, b []float32) bool {
	for i, v := range a {
		if math.Float32bits(v) != math.Float32bits(b[i]) {
			return false
		}
	}
	return true
}
