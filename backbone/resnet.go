package backbone

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// ResNet is the residual network of He et al. 2016, "Deep residual learning for image recognition", as torchvision builds
// it: the stride of a bottleneck sits in its 3x3 convolution.
//
// Its first layer is the ImageNet stem, a 7x7 convolution of stride 2 and 3x3 max pooling of stride 2, or, for pictures of
// up to [SmallImage] pixels, the CIFAR stem of SimCLR (Chen et al. 2020, appendix B.9), a 3x3 convolution of stride 1 and no
// max pooling.
type ResNet struct {
	// Blocks is the number of residual blocks in each of the four stages.
	Blocks [4]int
	// Width is the number of channels of the first stage; each later stage doubles it. 64 is the published one.
	Width int
	// Bottleneck uses 1x1-3x3-1x1 blocks that widen fourfold, as from ResNet-50 up.
	Bottleneck bool
	// CIFARStem is for small pictures.
	CIFARStem bool
}

// Dim is the number of channels after the last stage: 512 for ResNet-18 and 2048 for ResNet-50 at the published width.
func (r ResNet) Dim() int { return 8 * r.Width * r.expansion() }

// MinImageSize is 8: three stages halve the picture.
func (r ResNet) MinImageSize() int { return 8 }

// Features maps images [batch, size, size, 3] to [batch, Dim].
func (r ResNet) Features(scope *model.Scope, images *graph.Node) *graph.Node {
	x := r.stem(scope.In("stem"), images)
	for stage, blocks := range r.Blocks {
		for i := range blocks {
			stride := 1
			if stage > 0 && i == 0 {
				stride = 2
			}
			x = r.block(scope.In("stage_%d_block_%d", stage, i), x, r.Width<<stage, stride)
		}
	}
	return globalMean(x)
}

func (r ResNet) stem(scope *model.Scope, images *graph.Node) *graph.Node {
	if r.CIFARStem {
		return convNormReLU(scope, images, r.Width, 3, 1)
	}
	x := convNormReLU(scope, images, r.Width, 7, 2)
	return graph.MaxPool(x).Window(3).Strides(2).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
}

// block is relu(residual(x) + shortcut(x)). The shortcut is a 1x1 convolution where the shape changes (option B of the
// paper), otherwise the identity.
func (r ResNet) block(scope *model.Scope, x *graph.Node, width, stride int) *graph.Node {
	out := width * r.expansion()
	shortcut := x
	if stride != 1 || x.Shape().Dim(-1) != out {
		shortcut = convNorm(scope.In("shortcut"), x, out, 1, stride)
	}
	if r.Bottleneck {
		x = convNormReLU(scope.In("reduce"), x, width, 1, 1)
		x = convNormReLU(scope.In("spatial"), x, width, 3, stride)
		x = convNorm(scope.In("expand"), x, out, 1, 1)
	} else {
		x = convNormReLU(scope.In("first"), x, width, 3, stride)
		x = convNorm(scope.In("second"), x, out, 3, 1)
	}
	return nn.ReLU(graph.Add(x, shortcut))
}

func (r ResNet) expansion() int {
	if r.Bottleneck {
		return 4
	}
	return 1
}
