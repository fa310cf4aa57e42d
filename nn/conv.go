package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Conv is a two-dimensional convolution without bias: x [batch, height, width, in] -> [batch, ⌈height/stride⌉,
// ⌈width/stride⌉, out], with a square kernel and kernel/2 zeros of padding on every side, as torchvision's ResNet pads.
// The weights [kernel, kernel, in, out] are drawn with variance 2/(kernel² out): He et al. 2015, equation 14, the
// "fan_out" mode of torchvision's ResNet.
func Conv(scope *model.Scope, x *graph.Node, out, kernel, stride int) *graph.Node {
	in := x.Shape().Dim(-1)
	w := weight(scope, x, "weights", HeNormal(kernel*kernel*out), kernel, kernel, in, out)
	pad := kernel / 2
	return graph.Convolve(x, w).
		PaddingPerDim([][2]int{{pad, pad}, {pad, pad}}).
		Strides(stride).
		Done()
}
