package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/nn"
)

// layer is a function of GoMLX whose gradient is checked.
type layer struct {
	name   string
	dims   [][]int // of its inputs
	output func(in []*graph.Node) *graph.Node
	double bool // works in float64 too
}

func layers() []layer {
	conv := func(stride, dilation int) func(in []*graph.Node) *graph.Node {
		return func(in []*graph.Node) *graph.Node {
			return graph.Convolve(in[0], in[1]).PadSame().Strides(stride).Dilations(dilation).Done()
		}
	}
	return []layer{
		{"dense", [][]int{{5, 7}, {7, 3}, {1, 3}}, func(in []*graph.Node) *graph.Node {
			return graph.Tanh(graph.Add(graph.MatMul(in[0], in[1]), in[2]))
		}, true},
		{"convolution", [][]int{{2, 6, 5, 3}, {3, 3, 3, 4}}, conv(1, 1), true},
		{"convolution 1x1", [][]int{{2, 4, 4, 3}, {1, 1, 3, 4}}, conv(1, 1), true},
		{"dilated convolution", [][]int{{2, 6, 6, 2}, {3, 3, 2, 3}}, conv(1, 2), true},
		{"strided convolution", [][]int{{2, 7, 7, 2}, {3, 3, 2, 3}}, conv(2, 1), true},
		{"batch norm of primitives", [][]int{{4, 3, 3, 5}}, func(in []*graph.Node) *graph.Node {
			mean := graph.ReduceAndKeep(in[0], graph.ReduceMean, 0, 1, 2)
			centred := graph.Sub(in[0], mean)
			variance := graph.ReduceAndKeep(graph.Square(centred), graph.ReduceMean, 0, 1, 2)
			return graph.Div(centred, graph.Sqrt(graph.AddScalar(variance, 1e-3)))
		}, true},
		{"batch norm", [][]int{{4, 3, 3, 5}, {5}, {5}}, func(in []*graph.Node) *graph.Node {
			y, _, _ := graph.InternalBatchNormForTraining(in[0], in[1], in[2], 1e-3, -1)
			return y
		}, true},
		{"softmax", [][]int{{4, 9}}, func(in []*graph.Node) *graph.Node { return graph.Softmax(in[0], -1) }, true},
		{"gelu", [][]int{{4, 9}}, func(in []*graph.Node) *graph.Node { return activation.Gelu(in[0]) }, true},
		{"gelu of a dense layer, twice", [][]int{{5, 7}, {7, 6}, {6, 6}}, func(in []*graph.Node) *graph.Node {
			h := graph.Reshape(graph.MatMul(in[0], in[1]), 1, -1, 6)
			return activation.Gelu(graph.MatMul(graph.Reshape(activation.Gelu(h), -1, 6), in[2]))
		}, true},
		{"layer norm", [][]int{{3, 4, 7}, {7}, {7}}, func(in []*graph.Node) *graph.Node {
			return nn.LayerNorm(in[0], []int{-1}, 1e-3, in[1], in[2], nil)
		}, true},
		{"layer norm beside a path around it", [][]int{{3, 4, 7}, {7}, {7}}, func(in []*graph.Node) *graph.Node {
			x := graph.Tanh(in[0])
			for range 2 {
				x = graph.Add(x, graph.Sin(nn.LayerNorm(x, []int{-1}, 1e-3, in[1], in[2], nil)))
			}
			return x
		}, true},
		{"maximum", [][]int{{4, 9}, {4, 9}}, func(in []*graph.Node) *graph.Node { return graph.Max(in[0], in[1]) }, true},
		{"max pool", [][]int{{2, 6, 6, 3}}, func(in []*graph.Node) *graph.Node { return graph.MaxPool(in[0]).Window(2).Done() }, true},
		{"mean pool", [][]int{{2, 6, 6, 3}}, func(in []*graph.Node) *graph.Node { return graph.MeanPool(in[0]).Window(2).Done() }, true},
		{"gather", [][]int{{6, 4}}, func(in []*graph.Node) *graph.Node {
			return graph.Gather(in[0], graph.Const(in[0].Graph(), [][]int32{{1}, {3}, {1}, {5}}))
		}, true},
		{"attention", [][]int{{2, 5, 2, 4}, {2, 6, 2, 4}, {2, 6, 2, 4}}, func(in []*graph.Node) *graph.Node {
			y, _ := graph.BackendFusedScaledDotProductAttention(in[0], in[1], in[2], compute.AttentionAxesLayoutBSHD, nil)
			return y
		}, false},
		{"attention of one projection", [][]int{{2, 5, 24}}, func(in []*graph.Node) *graph.Node {
			return attentionOf(in[0], 2, 2)
		}, false},
		{"attention of one projection with shared keys", [][]int{{2, 5, 24}}, func(in []*graph.Node) *graph.Node {
			return attentionOf(in[0], 4, 1)
		}, false},
		{"causal attention with shared keys", [][]int{{2, 4, 5, 3}, {2, 2, 5, 3}, {2, 2, 5, 3}}, func(in []*graph.Node) *graph.Node {
			y, _ := graph.BackendFusedScaledDotProductAttention(in[0], in[1], in[2], compute.AttentionAxesLayoutBHSD,
				&compute.ScaledDotProductAttentionConfig{Causal: true})
			return y
		}, false},
	}
}

// attentionOf cuts x [batch, length, (heads + 2*shared) * 4] into query, key and value.
func attentionOf(x *graph.Node, heads, shared int) *graph.Node {
	at := 0
	part := func(heads int) *graph.Node {
		p := graph.Slice(x, graph.AxisRange(), graph.AxisRange(), graph.AxisRange(at, at+4*heads))
		at += 4 * heads
		return graph.Reshape(p, x.Shape().Dim(0), x.Shape().Dim(1), heads, 4)
	}
	y, _ := graph.BackendFusedScaledDotProductAttention(part(heads), part(shared), part(shared), compute.AttentionAxesLayoutBSHD, nil)
	return y
}

// TestGradients compares gradients with finite differences, in float64 (the definition of the operations) and in float32 (the
// kernels) with steps to suit.
func TestGradients(t *testing.T) {
	b := newBackend(t, "workers=2")
	for _, l := range layers() {
		t.Run(l.name, func(t *testing.T) {
			if l.double {
				checkGradient[float64](t, b, l, 1e-5, 1e-6)
			}
			checkGradient[float32](t, b, l, 1e-2, 2e-2)
		})
	}
}

func checkGradient[T float32 | float64](t *testing.T, b compute.Backend, l layer, step, tolerance float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	inputs := make([]any, len(l.dims))
	flats := make([][]T, len(l.dims))
	for i, dims := range l.dims {
		size := 1
		for _, d := range dims {
			size *= d
		}
		for range size {
			flats[i] = append(flats[i], T(r.NormFloat64()))
		}
	}
	// The loss weighs the outputs by fixed numbers, so that none is the sum of a softmax or of a normalised batch.
	loss := func(in []*graph.Node) *graph.Node {
		y := l.output(in)
		weights := graph.Sin(graph.ConvertDType(graph.IotaFull(y.Graph(), y.Shape()), y.DType()))
		return graph.ReduceAllSum(graph.Mul(y, weights))
	}
	value := graph.MustNewExec(b, func(in []*graph.Node) *graph.Node { return loss(in) })
	grad := graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node { return graph.Gradient(loss(in), in...) })
	load := func() {
		for i, dims := range l.dims {
			inputs[i] = tensors.FromFlatDataAndDimensions(flats[i], dims...)
		}
	}
	load()
	grads := grad.MustCall(inputs...)
	for i := range flats {
		got := tensors.MustCopyFlatData[T](grads[i])
		for k := 0; k < len(got); k += max(1, len(got)/12) {
			at := func(x T) float64 {
				old := flats[i][k]
				flats[i][k] = x
				load()
				flats[i][k] = old
				return float64(tensors.MustCopyFlatData[T](value.MustCall(inputs...)[0])[0])
			}
			x := flats[i][k]
			want := (at(x+T(step)) - at(x-T(step))) / (2 * step)
			if math.Abs(float64(got[k])-want) > tolerance*max(1, math.Abs(want)) {
				t.Fatalf("%s, %T: gradient %d, element %d is %v, finite differences give %v", l.name, x, i, k, got[k], want)
			}
		}
	}
}

// TestSameBitsForAnyNumberOfWorkers runs every layer and its gradient with 1, 2, 3 and 8 workers, on tensors that are cut into several
// chunks.
func TestSameBitsForAnyNumberOfWorkers(t *testing.T) {
	for _, l := range layers() {
		var want string
		for _, workers := range []int{1, 2, 3, 8} {
			b := newBackend(t, fmt.Sprintf("workers=%d", workers))
			got := bitsOf(b, l)
			if workers == 1 {
				want = got
			} else if got != want {
				t.Errorf("%s: %d workers give other bits than one", l.name, workers)
			}
		}
	}
}

func bitsOf(b compute.Backend, l layer) string {
	exec := graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node {
		y := l.output(in)
		return append(graph.Gradient(graph.ReduceAllSum(graph.Sin(y)), in...), y)
	})
	r := rand.New(rand.NewPCG(3, 4))
	var inputs []any
	for _, dims := range l.dims {
		// A larger batch than for finite differences.
		dims = append([]int{}, dims...)
		if dims[0] == l.dims[0][0] {
			dims[0] *= 150
		}
		size := 1
		for _, d := range dims {
			size *= d
		}
		flat := make([]float32, size)
		for k := range flat {
			flat[k] = float32(r.NormFloat64())
		}
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(flat, dims...))
	}
	var bits []byte
	for _, out := range exec.MustCall(inputs...) {
		for _, v := range tensors.MustCopyFlatData[float32](out) {
			u := math.Float32bits(v)
			bits = append(bits, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
		}
	}
	return string(bits)
}

// TestBFloat16ConvolutionIsNearFloat32 compares a convolution of bfloat16 and its gradients with those of float32 on the same values.
func TestBFloat16ConvolutionIsNearFloat32(t *testing.T) {
	b := newBackend(t, "workers=2")
	r := rand.New(rand.NewPCG(5, 6))
	var inputs []any
	for _, dims := range [][]int{{2, 7, 7, 16}, {3, 3, 16, 24}} {
		flat := make([]float32, dims[0]*dims[1]*dims[2]*dims[3])
		for i := range flat {
			flat[i] = float32(r.IntN(33)-16) / 16 // exact in bfloat16
		}
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(flat, dims...))
	}
	results := make(map[dtypes.DType][]*tensors.Tensor)
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		results[dtype] = graph.MustNewExec(b, func(x, w *graph.Node) []*graph.Node {
			narrow := []*graph.Node{graph.ConvertDType(x, dtype), graph.ConvertDType(w, dtype)}
			y := graph.Convolve(narrow[0], narrow[1]).PadSame().Strides(2).Done()
			all := append(graph.Gradient(graph.ReduceAllSum(y), narrow...), y)
			for i := range all {
				all[i] = graph.ConvertDType(all[i], dtypes.Float32)
			}
			return all
		}).MustCall(inputs...)
	}
	for i, want := range results[dtypes.Float32] {
		got := tensors.MustCopyFlatData[float32](results[dtypes.BFloat16][i])
		for k, w := range tensors.MustCopyFlatData[float32](want) {
			if math.Abs(float64(got[k]-w)) > max(1, math.Abs(float64(w)))/128 {
				t.Fatalf("result %d, element %d is %v in bfloat16, %v in float32", i, k, got[k], w)
			}
		}
	}
}
