package main

import (
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/optim"
)

// A network is an encoder and what it is trained with. bench/peers/networks.py holds the same ones for PyTorch.
type network struct {
	// features maps items to representations [items, dim] in the given type.
	features func(scope *model.Scope, items *graph.Node, dtype dtypes.DType) *graph.Node
	dim      int
	// items is how many there are in a view of the training step.
	items int
	// view draws one view of n items.
	view func(random *rand.Rand, n int) *tensors.Tensor
	// flops is how many operations the matrix products and convolutions take for one item.
	flops     float64
	optimizer optim.Config
}

var networks = map[string]network{
	"resnet18": {
		features:  resNet18Features,
		dim:       resNet18.Dim(),
		items:     64,
		view:      func(random *rand.Rand, n int) *tensors.Tensor { return normals(random, dtypes.Float32, n, 32, 32, 3) },
		flops:     resNet18FLOPs(),
		optimizer: optim.DefaultSGD(),
	},
	"vit_tiny": {
		features: func(scope *model.Scope, images *graph.Node, dtype dtypes.DType) *graph.Node {
			return vitTiny.features(scope, embedPatches(scope, graph.ConvertDType(images, dtype), vitTiny.width))
		},
		dim:       vitTiny.width,
		items:     16,
		view:      func(random *rand.Rand, n int) *tensors.Tensor { return normals(random, dtypes.Float32, n, 224, 224, 3) },
		flops:     vitTiny.flops() + 2*float64(vitTiny.tokens)*patch*patch*3*float64(vitTiny.width),
		optimizer: optim.DefaultAdamW(),
	},
	"text": {
		features: func(scope *model.Scope, ids *graph.Node, dtype dtypes.DType) *graph.Node {
			return text.features(scope, embedTokens(scope, ids, text.width, dtype))
		},
		dim:       text.width,
		items:     64,
		view:      func(random *rand.Rand, n int) *tensors.Tensor { return tokens(random, n, text.tokens) },
		flops:     text.flops(),
		optimizer: optim.DefaultAdamW(),
	},
}

var (
	resNet18 = backbone.ResNet{Blocks: [4]int{2, 2, 2, 2}, Width: 64, CIFARStem: true}
	vitTiny  = transformer{tokens: 196, width: 192, depth: 12, heads: 3}
	text     = transformer{tokens: 32, width: 384, depth: 6, heads: 6}
)

func resNet18Features(scope *model.Scope, images *graph.Node, dtype dtypes.DType) *graph.Node {
	return resNet18.Features(scope, graph.ConvertDType(images, dtype))
}

// resNet18FLOPs counts a picture of 32x32: the stem, and in each of four stages four 3x3 convolutions and, but for the
// first, a 1x1 shortcut.
func resNet18FLOPs() float64 {
	products := 32 * 32 * 9 * 3 * 64
	for stage, in := range []int{64, 64, 128, 256} {
		side, out := 32>>stage, 64<<stage
		products += side * side * (9*in*out + 3*9*out*out)
		if stage > 0 {
			products += side * side * in * out
		}
	}
	return 2 * float64(products)
}

// tokens draws n sentences of random words.
func tokens(random *rand.Rand, n, length int) *tensors.Tensor {
	ids := make([]int32, n*length)
	for i := range ids {
		ids[i] = int32(random.IntN(vocabulary))
	}
	return tensors.FromFlatDataAndDimensions(ids, n, length)
}
