// Package backbone holds the encoders f of the papers: a picture or a text goes in, its representation h = f(x) comes out.
package backbone

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/nearest"
)

// An Encoder maps pictures to representations. Its weights live in the scope it is given.
type Encoder interface {
	// Features builds the graph from images [batch, size, size, 3] to representations [batch, Dim], in the type of images.
	// The size need not be the one that the encoder was made for, so that crops of several sizes share its weights.
	Features(scope *model.Scope, images *graph.Node) *graph.Node
	// Dim is the width of a representation.
	Dim() int
	// MinImageSize is the smallest picture, in pixels a side, that the encoder can take.
	MinImageSize() int
}

// Info describes an encoder for the list of what there is.
type Info struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Source      string `json:"source"`
}

// entry is a row of the table of known encoders.
type entry struct {
	Info
	build func(width float64, imageSize int) Encoder
}

// table lists every encoder by name, simplest first.
func table() []entry {
	resnet := func(name, description string, r ResNet) entry {
		return entry{Info{name, description, "He et al. 2016, Deep residual learning, table 1; torchvision/models/resnet.py"},
			func(width float64, imageSize int) Encoder {
				r.Width, r.CIFARStem = scaled(64, width), imageSize <= SmallImage
				return r
			}}
	}
	vit := func(name, description string, channels int) entry {
		return entry{Info{name, description, "Dosovitskiy et al. 2021, An image is worth 16x16 words; Touvron et al. 2021, DeiT, table 1; timm/models/vision_transformer.py"},
			func(width float64, imageSize int) Encoder {
				return newViT(rounded(channels, width, headWidth), imageSize)
			}}
	}
	return []entry{
		{Info{"smallcnn", "four strided convolutions with batch norm: small pictures, quick looks", "Alike"},
			func(width float64, _ int) Encoder { return SmallCNN{Width: scaled(32, width)} }},
		resnet("resnet10", "one basic block a stage", ResNet{Blocks: [4]int{1, 1, 1, 1}}),
		resnet("resnet18", "two basic blocks a stage", ResNet{Blocks: [4]int{2, 2, 2, 2}}),
		resnet("resnet34", "3-4-6-3 basic blocks", ResNet{Blocks: [4]int{3, 4, 6, 3}}),
		resnet("resnet50", "3-4-6-3 bottleneck blocks", ResNet{Blocks: [4]int{3, 4, 6, 3}, Bottleneck: true}),
		vit("vit_tiny", "vision transformer: 12 blocks, 192 wide, 3 heads", 192),
		vit("vit_small", "vision transformer: 12 blocks, 384 wide, 6 heads", 384),
		{Info{CLIPVision, "CLIP's vision transformer: 12 blocks, 768 wide, 12 heads, patches of 32 pixels (ViT-B/32)", "Radford et al. 2021, Learning transferable visual models from natural language supervision, section 2.4; openai/CLIP, clip/model.py"},
			func(width float64, imageSize int) Encoder {
				return newCLIPImage(rounded(768, width, headWidth), imageSize)
			}},
	}
}

// SmallImage is the largest side, in pixels, of the pictures that networks look at more finely than the published ones for
// ImageNet do.
const SmallImage = 64

// New returns the encoder of that name. Width multiplies its channels (1 is the published width); channel counts are
// rounded to multiples of 8, those of a vision transformer to multiples of 64, for its heads keep their width. ImageSize is the side, in pixels, of the pictures that it is meant for: whether they are small
// decides on its first layer, once, whatever the size of the crops that it sees.
func New(name string, width float64, imageSize int) (Encoder, error) {
	if !(width > 0 && width <= 8) {
		return nil, fmt.Errorf("backbone width %g is not a multiplier between 0 and 8: use 1 for the published width", width)
	}
	for _, e := range table() {
		if e.Name == name {
			return e.build(width, imageSize), nil
		}
	}
	return nil, fmt.Errorf("there is no backbone %q%s; there are %s", name, nearest.Suggestion(name, Names()), strings.Join(Names(), ", "))
}

// Settled is [New] for an encoder that may have settings of its own in the place of those of its name: clip, if it is not nil, which is for
// [CLIPVision] of width 1.
func Settled(name string, width float64, imageSize int, clip *CLIPImage) (Encoder, error) {
	switch {
	case clip == nil:
		return New(name, width, imageSize)
	case name != CLIPVision:
		return nil, fmt.Errorf("there are settings of %s, and the backbone is %s", CLIPVision, name)
	case width != 1:
		return nil, fmt.Errorf("backbone width is %g: it must be 1 for %s with settings of its own", width, name)
	}
	if err := clip.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return *clip, nil
}

// Names lists the encoders' names, simplest first.
func Names() []string {
	var names []string
	for _, e := range table() {
		names = append(names, e.Name)
	}
	return names
}

// Known describes every encoder, simplest first.
func Known() []Info {
	var infos []Info
	for _, e := range table() {
		infos = append(infos, e.Info)
	}
	return infos
}

// scaled is channels times width, rounded to a multiple of 8 and at least 8.
func scaled(channels int, width float64) int { return rounded(channels, width, 8) }

// rounded is channels times width, rounded to a multiple of unit and at least unit.
func rounded(channels int, width float64, unit int) int {
	return unit * max(1, int(math.Round(float64(channels)*width/float64(unit))))
}
