package backbone

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// ViT is the vision transformer of Dosovitskiy et al. 2021, "An image is worth 16x16 words", in the sizes of Touvron et al.
// 2021, "Training data-efficient image transformers" (DeiT), as timm builds it (vit_tiny_patch16_224,
// vit_small_patch16_224): the picture is cut into square patches, each a token by a linear map; a class token goes in front;
// learned positions are added; and after the blocks the class token, normalised, is the representation.
//
// A picture of another size than the one that the weights are for has other positions: those of the grid of patches are
// resampled bicubically to its own, as DINO does (Caron et al. 2021; facebookresearch/dino, vision_transformer.py). Pixels
// that fill no patch, at the right and at the bottom, are left out, as a convolution without padding leaves them out.
type ViT struct {
	// Width is that of a token: a multiple of headWidth.
	Width int
	// Depth is the number of blocks.
	Depth int
	// Patch is the side of a patch in pixels.
	Patch int
	// Grid is the number of patches a side in the pictures that the weights are for.
	Grid int
}

// All sizes from tiny to base share these.
const (
	vitDepth = 12

	headWidth    = 64
	vitEpsilon   = 1e-6 // timm, vision_transformer.py
	vitExpansion = 4    // of the MLPs
)

// newViT is the transformer of the given width for pictures of the given side. Patches have the published 16 pixels, and an
// eighth of the picture up to [SmallImage] pixels: 4 for CIFAR's 32 and 8 for Tiny ImageNet's 64, as Lee et al. 2021,
// "Vision transformer for small-size datasets", has them (aanna0701/SPT_LSA_ViT, create_model.py), so 64 tokens.
func newViT(width, imageSize int) ViT {
	patch := 16
	if imageSize <= SmallImage {
		patch = eighth(imageSize)
	}
	return ViT{Width: width, Depth: vitDepth, Patch: patch, Grid: max(1, imageSize/patch)}
}

// eighth is an eighth of a side in pixels, at least one.
func eighth(size int) int { return max(1, int(math.Round(float64(size)/8))) }

// Dim is the width of a token.
func (v ViT) Dim() int { return v.Width }

// MinImageSize is one patch.
func (v ViT) MinImageSize() int { return v.Patch }

// Features maps images [batch, size, size, 3] to [batch, Width].
func (v ViT) Features(scope *model.Scope, images *graph.Node) *graph.Node {
	x := v.tokens(scope, images)
	block := nn.TransformerBlock{Heads: v.Width / headWidth, Hidden: vitExpansion * v.Width, Epsilon: vitEpsilon}
	for i := range v.Depth {
		x = block.Apply(scope.In("block_%d", i), x, nil)
	}
	return nn.LayerNorm(scope.In("norm"), first(x), vitEpsilon)
}

// first is the first token of each item: [batch, tokens, width] -> [batch, width].
func first(x *graph.Node) *graph.Node {
	return graph.Reshape(graph.Slice(x, graph.AxisRange(), graph.AxisElem(0)), -1, x.Shape().Dim(2))
}

// tokens maps images to the class token and the patches with their positions: [batch, 1 + grid², Width]. The map of patches is
// drawn as the paper's code and timm's jax mode draw it, the class token and the positions as timm does. Both are spared weight
// decay with the biases, as in timm (no_weight_decay), the class token for its single axis.
func (v ViT) tokens(scope *model.Scope, images *graph.Node) *graph.Node {
	patches := nn.Dense(scope.In("patches"), cut(images, v.Patch), v.Width, true)
	class := nn.Parameter(scope, "class", nn.Normal(1e-6), v.Width).NodeValue(images)
	nn.SpareDecay(scope, "positions")
	positions := nn.Parameter(scope, "positions", nn.Normal(0.02), 1+v.Grid*v.Grid, v.Width).NodeValue(images)
	return placed(class, patches, positions, v.Grid, images.Shape().Dim(1)/v.Patch)
}

// cut cuts images [batch, size, size, 3] into grid x grid patches of so many pixels a side, rows first: [batch, grid², patch*patch*3].
func cut(images *graph.Node, patch int) *graph.Node {
	grid := images.Shape().Dim(1) / patch
	used := graph.AxisRange(0, grid*patch)
	x := graph.Slice(images, graph.AxisRange(), used, used)
	x = graph.Reshape(x, -1, grid, patch, grid, patch, 3)
	return graph.Reshape(graph.TransposeAllAxes(x, 0, 1, 3, 2, 4, 5), -1, grid*grid, patch*patch*3)
}

// placed puts the class token [width] in front of patches [batch, grid², width], and adds positions [1 + from², width], of which those of
// the patches are resampled from their grid to this one: [batch, 1 + grid², width].
func placed(class, patches, positions *graph.Node, from, grid int) *graph.Node {
	batch, width := patches.Shape().Dim(0), patches.Shape().Dim(2)
	class = graph.Add(graph.InsertAxes(class, 0), graph.Slice(positions, graph.AxisRange(0, 1)))
	rest := resample(graph.Slice(positions, graph.AxisRange(1)), from, grid)
	toAll := func(x *graph.Node) *graph.Node {
		x = graph.ConvertDType(graph.InsertAxes(x, 0), patches.DType())
		return graph.BroadcastToDims(x, batch, x.Shape().Dim(1), width)
	}
	return graph.Concatenate([]*graph.Node{toAll(class), graph.Add(patches, toAll(rest))}, 1)
}
