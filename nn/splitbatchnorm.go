package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// splitKey is where a graph keeps, by scope, the number of groups of [SplitBatchNorm].
const splitKey = "alike_batch_norm_groups"

// SplitBatchNorm makes every batch norm below a scope of graph g, while training, take the statistics of each of so many groups
// of the batch apart, as if each were on a device of its own: row i is in group i mod groups. Networks in other scopes, and other
// graphs, stay as they are. The batch must be a multiple of groups.
//
// It is what the shuffled batch norm of He et al. 2020, "Momentum contrast for unsupervised visual representation learning",
// section 3.3, comes to on one device (facebookresearch/moco, colab CIFAR-10 demo, SplitBatchNorm): the key network's rows are
// reordered by [Interleave], so that no statistics tell a query which key is its own. On one device, shuffling alone changes
// nothing, as all rows share their statistics; split batch norm is what stops the leak.
func SplitBatchNorm(scope *model.Scope, g *graph.Graph, groups int) {
	scope.SetGraphParam(g, splitKey, groups)
}

// groupsOf is the number of groups that batch norm in a scope splits the batch into.
func groupsOf(scope *model.Scope, g *graph.Graph) int {
	if groups, found := scope.GetGraphParam(g, splitKey); found {
		return groups.(int)
	}
	return 1
}

// normaliseGroups is [normalise] for each group of rows of x [batch, ..., features] by itself. The groups become features of
// their own, as in the demo. The mean and the variance are averages over the groups; rows counts the values behind each.
func normaliseGroups(x, scale, offset *graph.Node, groups int) (y, mean, variance *graph.Node, rows int) {
	features := x.Shape().Dim(-1)
	rows = x.Shape().Size() / features / groups
	if groups == 1 {
		y, mean, variance = normalise(x, scale, offset)
		return y, mean, variance, rows
	}
	each := multiple("SplitBatchNorm", x, groups)
	apart := graph.TransposeAllAxes(graph.Reshape(x, each, groups, -1, features), 0, 2, 1, 3)
	apart = graph.Reshape(apart, each, -1, groups*features)
	y, mean, variance = normalise(apart, repeated(scale, groups), repeated(offset, groups))
	y = graph.TransposeAllAxes(graph.Reshape(y, each, -1, groups, features), 0, 2, 1, 3)
	average := func(v *graph.Node) *graph.Node { return graph.ReduceMean(graph.Reshape(v, groups, features), 0) }
	return graph.Reshape(y, x.Shape().Dimensions...), average(mean), average(variance), rows
}

// repeated is v [features] so many times over: [times*features].
func repeated(v *graph.Node, times int) *graph.Node {
	features := v.Shape().Dim(0)
	return graph.Reshape(graph.BroadcastToDims(graph.Reshape(v, 1, features), times, features), -1)
}

// Interleave reorders the rows of x [batch, ...]: of groups consecutive parts of the batch it takes the first row of each, then
// the second of each, and so on. A consecutive part so becomes a group of [SplitBatchNorm], and rows that were in one group are
// spread over as many as there are. [Deinterleave] puts them back.
func Interleave(x *graph.Node, groups int) *graph.Node {
	return swapRows(x, groups, multiple("Interleave", x, groups))
}

// Deinterleave puts rows back where they were before [Interleave].
func Deinterleave(x *graph.Node, groups int) *graph.Node {
	return swapRows(x, multiple("Deinterleave", x, groups), groups)
}

// swapRows sees the rows of x as a matrix [a, b] and transposes it.
func swapRows(x *graph.Node, a, b int) *graph.Node {
	swapped := graph.TransposeAllAxes(graph.Reshape(x, a, b, -1), 1, 0, 2)
	return graph.Reshape(swapped, x.Shape().Dimensions...)
}

// multiple is the number of rows of x [batch, ...] in each of so many groups, which must be equal.
func multiple(function string, x *graph.Node, groups int) int {
	batch := x.Shape().Dim(0)
	if groups < 1 || batch%groups != 0 {
		exceptions.Panicf("nn.%s: a batch of %d is not a multiple of %d groups", function, batch, groups)
	}
	return batch / groups
}
