package backbone

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// SmallCNN is four 3x3 convolutions of stride 2, each with batch norm and a rectifier, their widths Width, 2 Width, 4 Width
// and 8 Width, then the mean over positions. It has no paper: it is the least network that learns something from small
// pictures.
type SmallCNN struct {
	// Width is the number of channels after the first convolution.
	Width int
}

// Dim is 8 Width.
func (c SmallCNN) Dim() int { return 8 * c.Width }

// MinImageSize is 8: below it, the last layers see a single position.
func (c SmallCNN) MinImageSize() int { return 8 }

// Features maps images [batch, size, size, 3] to [batch, 8 Width].
func (c SmallCNN) Features(scope *model.Scope, images *graph.Node) *graph.Node {
	x := images
	for i, channels := range []int{c.Width, 2 * c.Width, 4 * c.Width, 8 * c.Width} {
		x = convNormReLU(scope.In("stage_%d", i), x, channels, 3, 2)
	}
	return globalMean(x)
}

// convNormReLU is a convolution, batch norm and a rectifier.
func convNormReLU(scope *model.Scope, x *graph.Node, channels, kernel, stride int) *graph.Node {
	return nn.ReLU(convNorm(scope, x, channels, kernel, stride))
}

// convNorm is a convolution and batch norm.
func convNorm(scope *model.Scope, x *graph.Node, channels, kernel, stride int) *graph.Node {
	x = nn.Conv(scope.In("conv"), x, channels, kernel, stride)
	return nn.BatchNorm(scope.In("norm"), x, nn.FullNorm)
}

// globalMean is the mean over positions: [batch, height, width, channels] -> [batch, channels].
func globalMean(x *graph.Node) *graph.Node { return graph.ReduceMean(x, 1, 2) }
