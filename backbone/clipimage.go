package backbone

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// CLIPImage is the vision transformer of Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision",
// section 2.4 (openai/CLIP, clip/model.py): that of [ViT] with a map of patches without bias and a norm before the first block as well. The
// class token behind the last norm is the representation.
//
// A picture of another size than the one that the weights are for has positions resampled to its own grid, as [ViT] does it and as
// transformers interpolates them (modeling_clip.py, interpolate_pos_encoding); open_clip's resampling is antialiased, which differs when
// pictures are smaller.
type CLIPImage struct {
	Layers      int     `yaml:"layers" json:"layers" help:"number of blocks"`
	Width       int     `yaml:"width" json:"width" help:"width of a token, a multiple of the heads"`
	Heads       int     `yaml:"heads" json:"heads" help:"number of attention's heads"`
	Feedforward int     `yaml:"feedforward" json:"feedforward" help:"width of the hidden layer of a block's MLP"`
	Patch       int     `yaml:"patch" json:"patch" help:"side of a patch in pixels"`
	Grid        int     `yaml:"grid" json:"grid" help:"number of patches a side in the pictures that the weights are for"`
	QuickGELU   bool    `yaml:"quick_gelu" json:"quick_gelu" help:"x sigmoid(1.702 x) in the MLPs, as OpenAI's models have it, in the place of GELU"`
	Epsilon     float64 `yaml:"epsilon" json:"epsilon" help:"what layer norms add to the variance"`
}

// CLIPVision is the name of [CLIPImage] among the encoders.
const CLIPVision = "clip_vit"

// newCLIPImage has the settings of ViT-B/32 (table 20) at the given width, for pictures of the given side: patches of 32 pixels, and an
// eighth of the picture up to [SmallImage] pixels, as [ViT] has them there. GELU is open_clip's choice for what it trains itself.
func newCLIPImage(width, imageSize int) CLIPImage {
	patch := 32
	if imageSize <= SmallImage {
		patch = eighth(imageSize)
	}
	return CLIPImage{
		Layers: 12, Width: width, Heads: width / headWidth, Feedforward: 4 * width, Patch: patch, Grid: max(1, imageSize/patch), Epsilon: 1e-5,
	}
}

// maxPatches is the most patches a side: more would take gigabytes for the attention of a few pictures.
const maxPatches = 1 << 10

// Validate names the first field whose value cannot be used, and what it must be.
func (v CLIPImage) Validate() error {
	for _, f := range []struct {
		name            string
		value, low, top int
	}{
		{"layers", v.Layers, 1, maxLayers}, {"width", v.Width, 1, maxWidth}, {"heads", v.Heads, 1, maxWidth},
		{"feedforward", v.Feedforward, 1, 8 * maxWidth}, {"patch", v.Patch, 1, maxPatches}, {"grid", v.Grid, 1, maxPatches},
	} {
		if f.value < f.low || f.value > f.top {
			return fmt.Errorf("%s is %d: it must be from %d to %d", f.name, f.value, f.low, f.top)
		}
	}
	if v.Width%v.Heads != 0 {
		return fmt.Errorf("width is %d: it must be a multiple of the %d heads", v.Width, v.Heads)
	}
	if !(v.Epsilon > 0 && v.Epsilon < 1) {
		return fmt.Errorf("epsilon is %g: it must be above 0 and below 1", v.Epsilon)
	}
	return nil
}

// Dim is the width of a token.
func (v CLIPImage) Dim() int { return v.Width }

// MinImageSize is one patch.
func (v CLIPImage) MinImageSize() int { return v.Patch }

// Features maps images [batch, size, size, 3] to [batch, Width].
func (v CLIPImage) Features(scope *model.Scope, images *graph.Node) *graph.Node {
	x := nn.LayerNorm(scope.In("norm_before"), v.tokens(scope, images), v.Epsilon)
	block := clipBlock(v.Layers, v.Width, v.QuickGELU)
	block.Heads, block.Hidden, block.Epsilon = v.Heads, v.Feedforward, v.Epsilon
	for i := range v.Layers {
		x = block.Apply(scope.In("block_%d", i), x, nil)
	}
	return nn.LayerNorm(scope.In("norm"), first(x), v.Epsilon)
}

// tokens maps images to the class token and the patches with their positions, [batch, 1 + grid², Width], drawn as in openai/CLIP,
// clip/model.py, VisionTransformer. Positions decay as the matrices do, unlike [ViT]'s (mlfoundations/open_clip, main.py: what has fewer
// than two axes is spared).
func (v CLIPImage) tokens(scope *model.Scope, images *graph.Node) *graph.Node {
	drawn := nn.Normal(1 / math.Sqrt(float64(v.Width)))
	patches := nn.Dense(scope.In("patches"), cut(images, v.Patch), v.Width, false)
	class := nn.Parameter(scope, "class", drawn, v.Width).NodeValue(images)
	positions := nn.Parameter(scope, "positions", drawn, 1+v.Grid*v.Grid, v.Width).NodeValue(images)
	return placed(class, patches, positions, v.Grid, images.Shape().Dim(1)/v.Patch)
}
