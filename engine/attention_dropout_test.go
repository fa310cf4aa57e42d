package engine_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/engine"
)

// droppedAttention is attention whose weights go through dropout, as transformers write it: of query, key and value [batch, length, heads,
// width], or of the three side by side in one tensor.
type droppedAttention struct {
	dims    [4]int
	masked  bool
	packed  bool
	before  float64 // what queries are divided by
	rescale float64 // what the weights that stay are multiplied by
}

// attend takes keys, above 0 where a key may be looked at, and draws, above -0.5 where dropout keeps a weight.
func (a droppedAttention) attend(qkv []*graph.Node, keys, draws *graph.Node) *graph.Node {
	if a.packed {
		whole, width := qkv[0], a.dims[2]*a.dims[3]
		qkv = nil
		for i := range 3 {
			part := graph.Slice(whole, graph.AxisRange(), graph.AxisRange(), graph.AxisRange(i*width, (i+1)*width))
			qkv = append(qkv, graph.Reshape(part, a.dims[:]...))
		}
	}
	float := dtypes.Float32
	if qkv[0].DType() == dtypes.Float64 {
		float = dtypes.Float64
	}
	scores := graph.ConvertDType(graph.Einsum("bqhd,bkhd->bhqk", graph.DivScalar(qkv[0], a.before), qkv[1]), float)
	if a.masked {
		seen := graph.BroadcastToShape(graph.InsertAxes(graph.GreaterThan(keys, graph.ZerosLike(keys)), 1, 1), scores.Shape())
		scores = graph.Where(seen, scores, graph.BroadcastToShape(graph.Scalar(keys.Graph(), float, -math.MaxFloat32), scores.Shape()))
	}
	weights := graph.Softmax(scores, -1)
	keep := graph.GreaterThan(draws, graph.Scalar(draws.Graph(), dtypes.Float32, -0.5))
	weights = graph.Where(keep, graph.MulScalar(weights, a.rescale), graph.ZerosLike(weights))
	return graph.Einsum("bhqk,bkhd->bqhd", graph.ConvertDType(weights, qkv[2].DType()), qkv[2])
}

// results are the output and the gradients, computed in the given dtype and returned in float32.
func (a droppedAttention) results(dtype dtypes.DType) func(in []*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node {
		keys, draws, qkv := in[0], in[1], in[2:]
		var cast []*graph.Node
		for _, x := range qkv {
			cast = append(cast, graph.ConvertDType(x, dtype))
		}
		y := graph.ConvertDType(a.attend(cast, keys, draws), dtypes.Float32)
		weights := graph.Sin(graph.IotaFull(y.Graph(), y.Shape()))
		return append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Sin(graph.Add(y, weights))), qkv...)...)
	}
}

// inputs are numbers that bfloat16 holds.
func (a droppedAttention) inputs(r *rand.Rand) (all []any) {
	batch, length, heads, width := a.dims[0], a.dims[1], a.dims[2], a.dims[3]
	dims := [][]int{{batch, length}, {batch, heads, length, length}}
	if a.packed {
		dims = append(dims, []int{batch, length, 3 * heads * width})
	} else {
		dims = append(dims, a.dims[:], a.dims[:], a.dims[:])
	}
	for _, d := range dims {
		values := make([]float32, shapes.Make(dtypes.Float32, d...).Size())
		for i := range values {
			values[i] = bfloat16.FromFloat32(float32(r.NormFloat64())).Float32()
		}
		if len(all) == 0 {
			for i := range length {
				values[i] = -1 // The first item has no key at all.
			}
		}
		all = append(all, tensors.FromFlatDataAndDimensions(values, d...))
	}
	return all
}

// Attention with dropout is one operation, forward and backward, in float32 and bfloat16, of random shapes. It gives what float64 gives step by
// step, items without a key included, and the same bits for any number of workers.
func TestAttentionWithDropoutIsOneOperation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := droppedAttention{
			dims: [4]int{rapid.IntRange(1, 3).Draw(rt, "batch"), rapid.IntRange(2, 40).Draw(rt, "length"),
				rapid.IntRange(1, 3).Draw(rt, "heads"), rapid.IntRange(1, 40).Draw(rt, "width")},
			masked: rapid.Bool().Draw(rt, "masked"), packed: rapid.Bool().Draw(rt, "packed"),
			before:  rapid.SampledFrom([]float64{1.5, 2.5}).Draw(rt, "before"),
			rescale: rapid.SampledFrom([]float64{1, 1.25}).Draw(rt, "rescale"),
		}
		seed := rapid.Uint64().Draw(rt, "seed")
		inputs := func() []any { return a.inputs(rand.New(rand.NewPCG(seed, 0))) } // tensors belong to one backend
		want := graph.MustNewExec(newBackend(t, "workers=1"), a.results(dtypes.Float64)).MustCall(inputs()...)
		for dtype, bound := range map[dtypes.DType]float64{dtypes.Float32: 2e-5, dtypes.BFloat16: 4e-2} {
			var first [][]float32
			for _, workers := range []int{1, 2, 3, 8} {
				b := newBackend(t, fmt.Sprintf("workers=%d", workers))
				var trace bytes.Buffer
				b.(*engine.Backend).Trace(&trace)
				got := graph.MustNewExec(b, a.results(dtype)).MustCall(inputs()...)
				b.(*engine.Backend).Trace(nil)
				for op, there := range map[string]bool{"FusedScaledDotProductAttention ": true, "FusedScaledDotProductAttentionVJP ": true, "FusedSoftmax": false,
					"DotGeneral": false, "Exp": false, "Pad": false, "Slice": false} {
					if strings.Contains(trace.String(), op) != there {
						rt.Fatalf("%v: want %s in the plan: %v\n%s", dtype, op, there, trace.String())
					}
				}
				for i := range got {
					values := tensors.MustCopyFlatData[float32](got[i])
					if first = append(first, values); len(first) > len(got) && !sameFloats(values, first[i]) {
						rt.Errorf("%v, %d workers: result %d has other bits", dtype, workers, i)
					}
					// Relative to the largest element, or to 1 if all are smaller: there may be nothing but zeros.
					if d := distance(append(values, 1), append(tensors.MustCopyFlatData[float32](want[i]), 1)); !(d <= bound) {
						rt.Errorf("%v, %d workers: result %d is off by %.3g", dtype, workers, i, d)
					}
				}
			}
		}
	})
}
