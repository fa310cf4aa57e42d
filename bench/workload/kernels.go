package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/bench/timing"
	"github.com/alike-ml/alike/internal/rng"
)

// gemm is a matrix product of 2048 x 2048 by 2048 x 2048.
func gemm(backend compute.Backend, dtype dtypes.DType) ([]timing.Case, error) {
	const n = 2048
	random := rng.New(0, 0, 0, 0)
	a, b := normals(random, dtype, n, n), normals(random, dtype, n, n)
	s, err := seconds(backend, func(_ *model.Scope, a, b *Node) *Node { return MatMul(a, b) }, a, b)
	return []timing.Case{{Name: fmt.Sprintf("%d x %d x %d", n, n, n), Seconds: s, FLOPs: 2 * n * n * n}}, err
}

// convolutions are those of 3x3 in a ResNet-18 with CIFAR stem on 128 pictures of 32x32: forward, and the gradients of
// input and weights.
func convolutions(backend compute.Backend, dtype dtypes.DType) ([]timing.Case, error) {
	const n = 128
	var cases []timing.Case
	for _, shape := range []struct{ channels, side int }{{64, 32}, {128, 16}, {256, 8}, {512, 4}} {
		random := rng.New(0, 0, 0, 0)
		x := normals(random, dtype, n, shape.side, shape.side, shape.channels)
		dy := normals(random, dtype, n, shape.side, shape.side, shape.channels)
		w := normals(random, dtype, 3, 3, shape.channels, shape.channels)
		for _, direction := range []struct {
			name string
			f    func(_ *model.Scope, x, w, dy *Node) *Node
		}{
			{"forward", func(_ *model.Scope, x, w, _ *Node) *Node { return conv3x3(x, w) }},
			{"input gradient", func(_ *model.Scope, x, w, dy *Node) *Node { return pullBack(conv3x3(x, w), dy, x) }},
			{"weight gradient", func(_ *model.Scope, x, w, dy *Node) *Node { return pullBack(conv3x3(x, w), dy, w) }},
		} {
			s, err := seconds(backend, direction.f, x, w, dy)
			if err != nil {
				return nil, err
			}
			cases = append(cases, timing.Case{
				Name:    fmt.Sprintf("%d channels, %dx%d, %s", shape.channels, shape.side, shape.side, direction.name),
				Seconds: s,
				FLOPs:   2 * 9 * n * float64(shape.side*shape.side) * float64(shape.channels*shape.channels),
			})
		}
	}
	return cases, nil
}

func conv3x3(x, w *Node) *Node { return Convolve(x, w).PadSame().Done() }

// pullBack is the gradient of y·dy with respect to x.
func pullBack(y, dy, x *Node) *Node { return Gradient(ReduceAllSum(Mul(y, dy)), x)[0] }

// normals returns a tensor of standard normal values in float32 or bfloat16.
func normals(random *rand.Rand, dtype dtypes.DType, dims ...int) *tensors.Tensor {
	size := 1
	for _, d := range dims {
		size *= d
	}
	values := make([]float32, size)
	for i := range values {
		values[i] = float32(random.NormFloat64())
	}
	if dtype == dtypes.Float32 {
		return tensors.FromFlatDataAndDimensions(values, dims...)
	}
	halves := make([]bfloat16.BFloat16, size)
	for i, v := range values {
		halves[i] = bfloat16.FromFloat32(v)
	}
	return tensors.FromFlatDataAndDimensions(halves, dims...)
}
