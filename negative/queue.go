// Package negative holds where negatives come from beyond the batch at hand.
// A Queue holds past embeddings; Texts makes hard negatives of texts by rule.
package negative

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Queue holds the embeddings of the last items, newest first: He et al. 2020, "Momentum contrast for unsupervised visual
// representation learning", section 3.2. It starts empty. Its two variables, keys and filled, are not trained, and are in every
// checkpoint as all variables are.
//
// What is in the queue comes from graphs before this one. So read it before a [Queue.Push], after which it holds the embeddings
// of the graph's own items.
type Queue struct{ keys, filled *model.Variable }

// NewQueue returns the queue of that many rows of dim numbers in a scope, and makes it on first use.
func NewQueue(scope *model.Scope, rows, dim int) Queue {
	if rows < 1 || dim < 1 {
		exceptions.Panicf("negative.NewQueue: %d rows of %d numbers: both must be 1 or more", rows, dim)
	}
	return Queue{
		keys:   variable(scope, "keys", tensors.FromShape(shapes.Make(dtypes.Float32, rows, dim))),
		filled: variable(scope, "filled", tensors.FromScalar(int32(0))),
	}
}

func variable(scope *model.Scope, name string, start *tensors.Tensor) *model.Variable {
	if v := scope.GetVariable(name); v != nil {
		return v
	}
	v, err := scope.CreateVariable(name, start)
	if err != nil {
		panic(err)
	}
	return v.SetTrainable(false)
}

// Rows is how many embeddings the queue has room for.
func (q Queue) Rows() int { return q.keys.Shape().Dim(0) }

// Keys is what the queue holds: [rows, dim], float32, newest first. Only the first [Queue.Filled] rows are embeddings; the
// others are zeros.
func (q Queue) Keys(g *graph.Graph) *graph.Node { return q.keys.NodeValue(g) }

// Filled is how many embeddings the queue holds: an int32 scalar, from 0 to [Queue.Rows].
func (q Queue) Filled(g *graph.Graph) *graph.Node { return q.filled.NodeValue(g) }

// Push puts embeddings [batch, dim], of any type, in front of those in the queue, where the oldest fall out at the end. Of a
// batch larger than the queue the first rows stay. No gradient flows through the queue.
func (q Queue) Push(batch *graph.Node) {
	g, rows := batch.Graph(), q.Rows()
	if batch.Rank() != 2 || batch.Shape().Dim(1) != q.keys.Shape().Dim(1) {
		exceptions.Panicf("negative.Queue.Push: want [batch, %d] for a queue of %s, got %s", q.keys.Shape().Dim(1), q.keys.Shape(), batch.Shape())
	}
	batch = graph.StopGradient(graph.ConvertDType(batch, dtypes.Float32))
	all := graph.Concatenate([]*graph.Node{batch, q.Keys(g)}, 0)
	q.keys.SetNodeValue(graph.Slice(all, graph.AxisRange(0, rows)))
	count := graph.AddScalar(q.Filled(g), float64(batch.Shape().Dim(0)))
	q.filled.SetNodeValue(graph.MinScalar(count, float64(rows)))
}
