package backbone

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// resample maps a grid x [from*from, width], rows first, to [to*to, width] bicubically, one axis after the other. It is the
// identity when the sides are equal.
func resample(x *graph.Node, from, to int) *graph.Node {
	if from == to {
		return x
	}
	width := x.Shape().Dim(1)
	weights := graph.Const(x.Graph(), tensors.FromFlatDataAndDimensions(bicubic(from, to), to, from))
	x = graph.MatMul(weights, graph.Reshape(x, from, from*width))
	x = graph.Einsum("tf,rfw->rtw", weights, graph.Reshape(x, to, from, width))
	return graph.Reshape(x, to*to, width)
}

// bicubic is the matrix [to, from] that resamples a line: PyTorch's F.interpolate with mode bicubic, without aligned corners
// and without antialiasing. The kernel is that of Keys 1981, "Cubic convolution interpolation for digital image processing",
// with a = -0.75; beyond the ends, the line goes on with its last values.
func bicubic(from, to int) []float32 {
	const a = -0.75
	kernel := func(d float64) float64 {
		switch d = math.Abs(d); {
		case d <= 1:
			return ((a+2)*d-(a+3))*d*d + 1
		case d < 2:
			return ((a*d-5*a)*d+8*a)*d - 4*a
		}
		return 0
	}
	matrix := make([]float32, to*from)
	for i := range to {
		at := (float64(i)+0.5)*float64(from)/float64(to) - 0.5
		first := int(math.Floor(at)) - 1
		for j := first; j < first+4; j++ {
			matrix[i*from+min(max(j, 0), from-1)] += float32(kernel(at - float64(j)))
		}
	}
	return matrix
}
