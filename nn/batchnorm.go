package nn

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// PyTorch's defaults (torch.nn.BatchNorm2d), which the published recipes were tuned with. PyTorch calls its momentum 0.1:
// the share of the new batch; here it is the share of the past, as in the batch norm paper.
const (
	batchNormEpsilon  = 1e-5
	batchNormMomentum = 0.9
)

// Norm says which parts a batch norm has.
type Norm struct {
	// Affine adds a learned scale (from 1) and offset (from 0) per feature. Barlow Twins and SimCLR's last layer go without
	// one or both.
	Scale, Offset bool
}

// FullNorm has scale and offset: the usual batch norm.
var FullNorm = Norm{Scale: true, Offset: true}

// BatchNorm normalises each feature (last axis) of x [..., features] over all other axes: Ioffe and Szegedy 2015,
// "Batch Normalization", algorithm 1.
//
//	y = γ (x - μ)/√(σ² + ε) + β
//
// While training, μ and σ² (biased) are the batch's, with gradient, and the running statistics move towards the batch's
// mean and unbiased variance, without gradient. Otherwise the running statistics are used. Statistics are computed in
// float32; the result has the type of x. [SplitBatchNorm] divides the batch into groups with statistics of their own.
func BatchNorm(scope *model.Scope, x *graph.Node, norm Norm) *graph.Node {
	features := x.Shape().Dim(-1)
	g := x.Graph()
	runningMean := Parameter(scope, "running_mean", Zeros, features).SetTrainable(false)
	runningVar := Parameter(scope, "running_variance", Ones, features).SetTrainable(false)
	scale, offset := graph.Ones(g, runningMean.Shape()), graph.Zeros(g, runningMean.Shape())
	if norm.Scale {
		scale = Parameter(scope, "scale", Ones, features).NodeValue(g)
	}
	if norm.Offset {
		offset = Parameter(scope, "offset", Zeros, features).NodeValue(g)
	}

	if !scope.IsTraining(g) {
		y := affine(toFloat32(x), runningMean.NodeValue(g), runningVar.NodeValue(g), scale, offset)
		return graph.ConvertDType(y, x.DType())
	}
	y, mean, variance, rows := normaliseGroups(x, scale, offset, groupsOf(scope, g))
	unbiased := graph.MulScalar(variance, float64(rows)/max(float64(rows-1), 1))
	moveTowards(runningMean, mean)
	moveTowards(runningVar, unbiased)
	return y
}

// normalise returns the batch-normalised x, in its type, and the batch's mean and biased variance [features], in float32. It is one
// operation on a device that has it, and primitive operations, with the same gradients, on one that has not.
func normalise(x, scale, offset *graph.Node) (y, mean, variance *graph.Node) {
	dtype := x.DType()
	x = toFloat32(x)
	if x.Graph().Backend().Capabilities().Operations[compute.OpTypeBatchNormForTraining] {
		y, mean, variance = graph.InternalBatchNormForTraining(x, scale, offset, batchNormEpsilon, -1)
		return graph.ConvertDType(y, dtype), mean, variance
	}
	axes := make([]int, x.Rank()-1)
	for i := range axes {
		axes[i] = i
	}
	mean = graph.ReduceMean(x, axes...)
	variance = graph.ReduceMean(graph.Square(graph.Sub(x, alongFeatures(mean, x))), axes...)
	y = affine(x, mean, variance, scale, offset)
	return graph.ConvertDType(y, dtype), mean, variance
}

// affine is γ (x - μ)/√(σ² + ε) + β.
func affine(x, mean, variance, scale, offset *graph.Node) *graph.Node {
	factor := graph.Div(scale, graph.Sqrt(graph.AddScalar(variance, batchNormEpsilon)))
	y := graph.Mul(graph.Sub(x, alongFeatures(mean, x)), alongFeatures(factor, x))
	return graph.Add(y, alongFeatures(offset, x))
}

// alongFeatures broadcasts v [features] over all but the last axis of x.
func alongFeatures(v, x *graph.Node) *graph.Node {
	dims := make([]int, x.Rank())
	for i := range dims {
		dims[i] = 1
	}
	dims[len(dims)-1] = v.Shape().Dim(0)
	return graph.BroadcastToShape(graph.Reshape(v, dims...), x.Shape())
}

func moveTowards(running *model.Variable, batch *graph.Node) {
	old := running.NodeValue(batch)
	batch = graph.StopGradient(batch)
	running.SetNodeValue(graph.Add(graph.MulScalar(old, batchNormMomentum), graph.MulScalar(batch, 1-batchNormMomentum)))
}

func toFloat32(x *graph.Node) *graph.Node {
	if x.DType() == dtypes.Float32 {
		return x
	}
	return graph.ConvertDType(x, dtypes.Float32)
}
