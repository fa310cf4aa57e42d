package nn_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/nn"
)

// dropping runs a graph that drops from ones [rows, columns], twice in each run, so many times. It returns what is left of the
// ones, dropout by dropout.
func dropping(t *testing.T, on string, store *model.Store, rows, columns int, rate float64, runs int, dtype dtypes.DType) [][]float32 {
	t.Helper()
	b, err := device.Open(on)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize) // variables keep their values on it
	exec, err := model.NewExec(b, store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
		store.SetTraining(x.Graph(), true)
		var outputs []*graph.Node
		for range 2 {
			y := nn.Dropout(scope, graph.ConvertDType(x, dtype), rate)
			if y.DType() != dtype {
				t.Errorf("y is %s, want %s", y.DType(), dtype)
			}
			outputs = append(outputs, graph.ConvertDType(y, dtypes.Float32))
		}
		return append(outputs, graph.Gradient(graph.ReduceAllSum(outputs[0]), x)[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	ones := make([]float32, rows*columns)
	for i := range ones {
		ones[i] = 1
	}
	var left [][]float32
	for range runs {
		outputs, err := exec.Call(tensors.FromFlatDataAndDimensions(ones, rows, columns))
		if err != nil {
			t.Fatal(err)
		}
		first, gradient := tensors.MustCopyFlatData[float32](outputs[0]), tensors.MustCopyFlatData[float32](outputs[2])
		if !slices.Equal(first, gradient) {
			t.Error("the gradient is not that of what was dropped")
		}
		left = append(left, first, tensors.MustCopyFlatData[float32](outputs[1]))
	}
	return left
}

// Every row of every dropout of every run has a mask of its own, the rate is the one asked for and the mean is kept.
func TestDropoutDropsEachElementByItself(t *testing.T) {
	const rows, columns, rate = 40, 500, 0.1
	for _, on := range []string{"go", "cpu"} {
		for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
			store := model.NewStore()
			nn.SetSeed(store, 1)
			seen := [][]float32{}
			for _, values := range dropping(t, on, store, rows, columns, rate, 2, dtype) {
				dropped := 0
				for i, v := range values {
					switch {
					case v == 0:
						dropped++
					case math.Abs(float64(v)*(1-rate)-1) > 0.005:
						t.Fatalf("%s: element %d is %g, want 1/(1-%g) or 0", on, i, v, rate)
					}
				}
				// Five standard errors of a share.
				if share := float64(dropped) / (rows * columns); math.Abs(share-rate) > 5*math.Sqrt(rate*(1-rate)/(rows*columns)) {
					t.Errorf("%s: a share of %g was dropped, want %g", on, share, rate)
				}
				for row := range slices.Chunk(values, columns) {
					if slices.ContainsFunc(seen, func(other []float32) bool { return slices.Equal(other, row) }) {
						t.Fatalf("%s: two rows lost the same elements", on)
					}
					seen = append(seen, row)
				}
			}
		}
	}
}

// The random state is a variable: it starts from the seed, and what is drawn after it was restored is what would have been.
func TestDropoutGoesOnFromItsState(t *testing.T) {
	start := func(seed uint64) *model.Store {
		store := model.NewStore()
		nn.SetSeed(store, seed)
		return store
	}
	run := func(store *model.Store, runs int) [][]float32 {
		return dropping(t, "cpu", store, 3, 100, 0.5, runs, dtypes.Float32)
	}
	whole := run(start(5), 3)
	for i, values := range run(start(5), 3) {
		if !slices.Equal(values, whole[i]) {
			t.Errorf("dropout %d differs between two starts from one seed", i)
		}
	}
	if slices.Equal(run(start(6), 1)[0], whole[0]) {
		t.Error("the seed does not matter")
	}
	interrupted := start(5)
	run(interrupted, 2)
	resumed := start(5)
	for v := range interrupted.IterVariables() {
		if v.Trainable {
			t.Errorf("%s would be trained", v.Path())
		}
		state := tensors.MustCopyFlatData[uint64](v.MustValue())
		if _, err := resumed.CreateVariable(v.Path(), tensors.FromFlatDataAndDimensions(state, len(state))); err != nil {
			t.Fatal(err)
		}
	}
	for i, values := range run(resumed, 1) {
		if !slices.Equal(values, whole[4+i]) {
			t.Errorf("dropout %d after resuming is another one", i)
		}
	}
}

func TestDropoutOutsideTrainingIsNothing(t *testing.T) {
	store := model.NewStore()
	outputs := run(t, backend(t), store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
		if y := nn.Dropout(scope, x, 0.5); y != x {
			t.Error("something is done")
		}
		return []*graph.Node{x}
	}, tensors.FromFlatDataAndDimensions([]float32{1, 2}, 2))
	near(t, "x", outputs[0], []float32{1, 2}, 0)
	if store.NumVariables() != 0 {
		t.Error("a random state was made")
	}
}
