package nn_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/nn"
)

// Each group, of every groups-th row, comes out, with its gradients, as a batch of its own does from batch norm, and the running
// statistics are the mean of those of the groups. The input has rows of values (row, value, feature), as pictures have pixels.
func TestSplitBatchNormIsBatchNormOfEachGroup(t *testing.T) {
	b := backend(t)
	rapid.Check(t, func(rt *rapid.T) {
		groups, each := rapid.IntRange(1, 4).Draw(rt, "groups"), rapid.IntRange(2, 4).Draw(rt, "rows of a group")
		inner, features := rapid.IntRange(1, 3).Draw(rt, "inner"), rapid.IntRange(1, 3).Draw(rt, "features")
		row, rows := inner*features, groups*each
		x := rapid.SliceOfN(rapid.Float32Range(-3, 3), rows*row, rows*row).Draw(rt, "x")
		start := func() *model.Store {
			store := model.NewStore()
			norm := store.RootScope().At("norm")
			norm.VariableWithValue("scale", []float32{2, -0.5, 1.5}[:features])
			norm.VariableWithValue("offset", []float32{0.1, 0.2, 0.3}[:features])
			norm.VariableWithValue("running_mean", []float32{1, 2, 3}[:features]).SetTrainable(false)
			return store
		}
		normalise := func(store *model.Store, x []float32, split int) [][]float32 {
			return run(t, b, store, func(scope *model.Scope, in *graph.Node) []*graph.Node {
				g := in.Graph()
				store.SetTraining(g, true)
				nn.SplitBatchNorm(scope, g, split)
				y := nn.BatchNorm(scope.In("norm"), in, nn.FullNorm)
				loss := graph.ReduceAllSum(graph.Mul(y, graph.Sin(graph.AddScalar(in, 1))))
				scale := store.GetVariable("/norm/scale").NodeValue(g)
				return append([]*graph.Node{y}, graph.Gradient(loss, in, scale)...)
			}, tensors.FromFlatDataAndDimensions(x, len(x)/row, inner, features))
		}
		whole := start()
		got := normalise(whole, x, groups)

		y, dx := make([]float32, len(x)), make([]float32, len(x))
		dScale, mean, variance := make([]float32, features), make([]float32, features), make([]float32, features)
		for group := range groups {
			var part []float32
			for r := group; r < rows; r += groups {
				part = append(part, x[r*row:(r+1)*row]...)
			}
			store := start()
			outputs := normalise(store, part, 1)
			for i := range each {
				r := i*groups + group
				copy(y[r*row:], outputs[0][i*row:(i+1)*row])
				copy(dx[r*row:], outputs[1][i*row:(i+1)*row])
			}
			ownMean := tensors.MustCopyFlatData[float32](store.GetVariable("/norm/running_mean").MustValue())
			ownVariance := tensors.MustCopyFlatData[float32](store.GetVariable("/norm/running_variance").MustValue())
			for f := range features {
				dScale[f] += outputs[2][f]
				mean[f] += ownMean[f] / float32(groups)
				variance[f] += ownVariance[f] / float32(groups)
			}
		}
		near(t, "y", got[0], y, 1e-3)
		near(t, "gradient of x", got[1], dx, 2e-2)
		near(t, "gradient of the scale", got[2], dScale, 1e-2)
		near(t, "running mean", tensors.MustCopyFlatData[float32](whole.GetVariable("/norm/running_mean").MustValue()), mean, 1e-5)
		near(t, "running variance", tensors.MustCopyFlatData[float32](whole.GetVariable("/norm/running_variance").MustValue()), variance, 1e-4)
	})
}

// The batch is split in the scope and the graph that say so, in no others, and in training alone.
func TestSplitBatchNormStaysInItsScopeAndItsGraph(t *testing.T) {
	b := backend(t)
	x := tensors.FromFlatDataAndDimensions([]float32{1, 2, 4, 8}, 4, 1)
	norms := func(training, split bool) [][]float32 {
		store := model.NewStore()
		return run(t, b, store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
			store.SetTraining(x.Graph(), training)
			if split {
				nn.SplitBatchNorm(scope.At("split"), x.Graph(), 2)
			}
			return []*graph.Node{
				nn.BatchNorm(scope.At("split").In("deep").In("norm"), x, nn.FullNorm),
				nn.BatchNorm(scope.At("other").In("norm"), x, nn.FullNorm),
			}
		}, x)
	}
	plain, split := norms(true, false), norms(true, true)
	if slices.Equal(split[0], plain[0]) {
		t.Error("the batch is not split")
	}
	near(t, "a network beside", split[1], plain[1], 0)
	near(t, "a later graph", norms(true, false)[0], plain[0], 0)
	near(t, "inference", norms(false, true)[0], norms(false, false)[0], 0)
}

// Rows that were in one group are spread over all groups, as evenly as it goes, and come back to their places.
func TestInterleaveSpreadsGroups(t *testing.T) {
	b := backend(t)
	rapid.Check(t, func(rt *rapid.T) {
		groups, each := rapid.IntRange(1, 6).Draw(rt, "groups"), rapid.IntRange(1, 9).Draw(rt, "rows of a group")
		rows := groups * each
		x := make([]float32, rows)
		for i := range x {
			x[i] = float32(i)
		}
		outputs := run(t, b, model.NewStore(), func(_ *model.Scope, x *graph.Node) []*graph.Node {
			mixed := nn.Interleave(x, groups)
			return []*graph.Node{mixed, nn.Deinterleave(mixed, groups)}
		}, tensors.FromFlatDataAndDimensions(x, rows, 1, 1))
		near(t, "put back", outputs[1], x, 0)
		together := map[[2]int]int{} // rows by the group they were in and the one they are in
		for i, v := range outputs[0] {
			together[[2]int{int(v) % groups, i % groups}]++
		}
		for pair, n := range together {
			if most := (each + groups - 1) / groups; n > most {
				rt.Errorf("%d rows of group %d are in group %d, at most %d should be", n, pair[0], pair[1], most)
			}
		}
	})
}

// On one device the order of rows changes nothing, as all share their statistics: shuffling alone does not keep keys from telling
// whose they are. With split batch norm it does: a row is normalised with others than those it is with as a query.
func TestShufflingAloneChangesNothing(t *testing.T) {
	b := backend(t)
	x := tensors.FromFlatDataAndDimensions([]float32{1, 2, 4, 3, -3, 0}, 6, 1)
	norms := func(groups int) [][]float32 {
		store := model.NewStore()
		return run(t, b, store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
			store.SetTraining(x.Graph(), true)
			nn.SplitBatchNorm(scope, x.Graph(), groups)
			norm := func(x *graph.Node) *graph.Node { return nn.BatchNorm(scope.At("norm"), x, nn.FullNorm) }
			return []*graph.Node{norm(x), nn.Deinterleave(norm(nn.Interleave(x, 2)), 2)}
		}, x)
	}
	whole, split := norms(1), norms(2)
	near(t, "shuffled rows", whole[1], whole[0], 1e-5)
	for i := range split[0] {
		if d := math.Abs(float64(split[0][i] - split[1][i])); d < 0.01 {
			t.Errorf("row %d is %g as a query and %g as a key, of the same picture", i, split[0][i], split[1][i])
		}
	}
}

func TestGroupsMustDivideTheBatch(t *testing.T) {
	for name, build := range map[string]func(scope *model.Scope, x *graph.Node) *graph.Node{
		"SplitBatchNorm": func(scope *model.Scope, x *graph.Node) *graph.Node {
			scope.Store().SetTraining(x.Graph(), true)
			nn.SplitBatchNorm(scope, x.Graph(), 2)
			return nn.BatchNorm(scope.In("norm"), x, nn.FullNorm)
		},
		"Interleave":   func(_ *model.Scope, x *graph.Node) *graph.Node { return nn.Interleave(x, 2) },
		"Deinterleave": func(_ *model.Scope, x *graph.Node) *graph.Node { return nn.Deinterleave(x, 2) },
	} {
		exec, err := model.NewExec(backend(t), model.NewStore(), build)
		if err != nil {
			t.Fatal(err)
		}
		_, err = exec.Call(tensors.FromFlatDataAndDimensions([]float32{1, 2, 3}, 3, 1))
		if err == nil || !strings.Contains(err.Error(), "nn."+name+": a batch of 3 is not a multiple of 2 groups") {
			t.Errorf("%s: error %v", name, err)
		}
		exec.Finalize()
	}
}
