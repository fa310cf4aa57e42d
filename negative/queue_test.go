package negative_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/negative"
)

const dim = 2

func backend(t testing.TB) compute.Backend {
	t.Helper()
	b, err := compute.NewWithConfig("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// push gives the queue a batch in a graph of its own, and returns what the graph saw in it before and after.
func push(t testing.TB, b compute.Backend, store *model.Store, rows int, batch []float32) (outputs []*tensors.Tensor) {
	t.Helper()
	exec, err := model.NewExec(b, store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
		queue := negative.NewQueue(scope.In("queue"), rows, dim)
		keys, filled := queue.Keys(x.Graph()), queue.Filled(x.Graph())
		queue.Push(x)
		return []*graph.Node{keys, filled, queue.Keys(x.Graph()), queue.Filled(x.Graph())}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	if outputs, err = exec.Call(tensors.FromFlatDataAndDimensions(batch, len(batch)/dim, dim)); err != nil {
		t.Fatal(err)
	}
	return outputs
}

// For any length and any batches, larger ones and ones that do not divide it among them, the queue is a plain list: a batch goes
// in front, and what is beyond the end falls out. A graph reads what earlier graphs pushed.
func TestQueueKeepsTheNewestRows(t *testing.T) {
	b := backend(t)
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.IntRange(1, 9).Draw(rt, "rows")
		store := model.NewStore()
		var list []float32
		next := float32(0)
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 12), 1, 6).Draw(rt, "batches") {
			batch := make([]float32, n*dim)
			for i := range batch {
				next++
				batch[i] = next
			}
			outputs := push(t, b, store, rows, batch)
			check := func(when string, keys, filled *tensors.Tensor) {
				padded := slices.Concat(list, make([]float32, rows*dim-len(list)))
				if got := tensors.MustCopyFlatData[float32](keys); !slices.Equal(got, padded) {
					rt.Fatalf("%s: the queue holds %v, want %v", when, got, padded)
				}
				if got := tensors.ToScalar[int32](filled); int(got) != len(list)/dim {
					rt.Fatalf("%s: %d rows are filled, want %d", when, got, len(list)/dim)
				}
			}
			check("before the push", outputs[0], outputs[1])
			list = slices.Concat(batch, list)
			list = list[:min(len(list), rows*dim)]
			check("after the push", outputs[2], outputs[3])
			check("in the variables", store.GetVariable("/queue/keys").MustValue(), store.GetVariable("/queue/filled").MustValue())
		}
	})
}

// What a loss gets out of the queue, and what is pushed, is without gradient, and the queue is not trained.
func TestQueueIsWithoutGradient(t *testing.T) {
	b := backend(t)
	store := model.NewStore()
	exec, err := model.NewExec(b, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		queue := negative.NewQueue(scope.In("queue"), 3, dim)
		queue.Push(graph.ConvertDType(x, dtypes.BFloat16))
		return graph.Gradient(graph.ReduceAllSum(queue.Keys(x.Graph())), x)[0]
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	outputs, err := exec.Call(tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, 4}, 2, dim))
	if err != nil {
		t.Fatal(err)
	}
	if got := tensors.MustCopyFlatData[float32](outputs[0]); !slices.Equal(got, make([]float32, 4)) {
		t.Errorf("gradient %v flows through the queue", got)
	}
	if got := tensors.MustCopyFlatData[float32](store.GetVariable("/queue/keys").MustValue()); !slices.Equal(got, []float32{1, 2, 3, 4, 0, 0}) {
		t.Errorf("the queue holds %v of a bfloat16 batch", got)
	}
	for v := range store.IterVariables() {
		if v.Trainable {
			t.Errorf("%s is trainable", v.Path())
		}
	}
}

func TestWhatNoQueueCanBeMadeOf(t *testing.T) {
	b := backend(t)
	for name, build := range map[string]func(*model.Scope, *graph.Node){
		"no rows":        func(scope *model.Scope, _ *graph.Node) { negative.NewQueue(scope, 0, dim) },
		"no numbers":     func(scope *model.Scope, _ *graph.Node) { negative.NewQueue(scope, 3, 0) },
		"a wider batch":  func(scope *model.Scope, x *graph.Node) { negative.NewQueue(scope, 3, dim+1).Push(x) },
		"a batch of one": func(scope *model.Scope, x *graph.Node) { negative.NewQueue(scope, 3, dim).Push(graph.Reshape(x, -1)) },
	} {
		exec, err := model.NewExec(b, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			build(scope.In("queue"), x)
			return x
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := exec.Call(tensors.FromFlatDataAndDimensions([]float32{1, 2}, 1, dim)); err == nil || !strings.Contains(err.Error(), "negative.") {
			t.Errorf("%s: error %v", name, err)
		}
		exec.Finalize()
	}
}
