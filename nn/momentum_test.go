package nn_test

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// A target network starts as a copy, follows the weights alone, is not trained, and is left alone by a second start.
func TestMomentumPairFollowsTheOnlineNetwork(t *testing.T) {
	b := backend(t)
	store := model.NewStore()
	nn.SetSeed(store, 1)
	head := nn.MLP{Layers: 2, Hidden: 3, Out: 2, HiddenNorm: true}
	x := tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, -1, 0, 5, 2, 2}, 4, 2)
	build := func(follow bool) func(*model.Scope, *graph.Node) []*graph.Node {
		return func(scope *model.Scope, x *graph.Node) []*graph.Node {
			store.SetTraining(x.Graph(), true)
			pair := nn.MomentumPair{Online: scope.At("online"), Target: scope.At("target").In("online")}
			y := head.Apply(scope.At("online"), x)
			pair.Start()
			if follow {
				pair.Follow(graph.Scalar(x.Graph(), y.DType(), 0.75))
			}
			return []*graph.Node{y, head.Apply(scope.At("target").In("online"), x)}
		}
	}
	outputs := run(t, b, store, build(false), x)
	near(t, "the target's output", outputs[1], outputs[0], 0)

	value := func(path string) []float32 {
		v := store.GetVariable(path)
		if v == nil {
			t.Fatalf("there is no %s", path)
		}
		return tensors.MustCopyFlatData[float32](v.MustValue())
	}
	set := func(path string, values ...float32) {
		v := store.GetVariable(path)
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
	set("/online/layer_0/norm/offset", 4, 8, 0)
	set("/online/layer_0/norm/running_mean", 100, 100, 100)
	statistics := value("/target/online/layer_0/norm/running_mean")
	run(t, b, store, build(true), x)
	near(t, "the target's offset", value("/target/online/layer_0/norm/offset"), []float32{1, 2, 0}, 1e-6)
	near(t, "the target's weights", value("/target/online/layer_1/weights"), value("/online/layer_1/weights"), 1e-6)
	for i, v := range value("/target/online/layer_0/norm/running_mean") {
		if v > 10 || v == statistics[i] {
			t.Errorf("the target's running mean went from %g to %g: it has statistics of its own", statistics[i], v)
		}
	}
	for v := range store.RootScope().At("target").IterVariables() {
		if v.Trainable {
			t.Errorf("%s is trainable", v.Path())
		}
	}
}
