package train

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
)

// learner is what a step is built of: a method with an encoder for what it learns from, pictures, sentences, or pictures with captions.
type learner interface {
	// method is how it learns.
	method() method.Method
	// shapes are those of a batch's arrays, in the order that all others have them in: one list for each graph that a run needs.
	shapes(batch int) [][]shapes.Shape
	// batch gives the arrays of a batch their names.
	batch(inputs []*graph.Node) method.Batch
	// loss builds the method's graph, and represent the part of it that [method.Chunked] calls so. A view that is nil in the arrays of a
	// batch is nil in the batch.
	loss(scope *model.Scope, batch method.Batch) method.Output
	represent(scope *model.Scope, batch method.Batch) []*graph.Node
	// views is the number of rows that an item has in the network.
	views() int
	// random is a batch to time steps with.
	random(batch int, r *rand.Rand) []*tensors.Tensor
}

// steps takes optimizer steps on batches.
type steps interface {
	// compile builds what there is to build for a batch size.
	compile(batch int) error
	// take runs one step.
	take(in stepInput) (loss, gradientNorm, embeddingStd float64, err error)
	// memory is how many bytes a step is planned to need, the store's variables and the batch included; 0 where the device does not tell.
	memory(batch int) (int64, error)
}

// stepper takes optimizer steps: one graph holds the method's loss, its gradient, the optimizer's update and what the method
// does after it.
type stepper struct {
	learner
	exec *model.Exec
}

// length is how long the run is that a stepper takes steps of.
type length struct{ steps, perEpoch int }

// at is the place of a step in the run.
func (l length) at(step *graph.Node) method.Clock {
	return method.Clock{Step: step, Steps: l.steps, StepsPerEpoch: l.perEpoch}
}

// newStepper prepares the steps of a learner. Losses and the optimizer are in float32.
func newStepper(backend compute.Backend, store *model.Store, l learner, optimizer optim.Config, run length) (*stepper, error) {
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, inputs []*graph.Node) []*graph.Node {
		learningRate := inputs[0]
		batch := l.batch(inputs[2:])
		batch.Clock = run.at(inputs[1])
		scope.Store().SetTraining(learningRate.Graph(), true)
		out := l.loss(scope, batch)
		params := trainable(scope, learningRate.Graph())
		gradients := graph.Gradient(out.Loss, nodesOf(params, out.Loss)...)
		optimizer.Update(scope, params, gradients, learningRate)
		if after, ok := l.method().(method.AfterStep); ok {
			after.AfterStep(scope, batch)
		}
		return []*graph.Node{out.Loss, optim.GlobalNorm(gradients), leastSpread(out)}
	})
	return &stepper{l, exec}, err
}

// trainable lists the variables that the graph uses and the optimizer may change, by path.
func trainable(scope *model.Scope, g *graph.Graph) []*model.Variable {
	var list []*model.Variable
	for v := range scope.IterVariables() {
		if v.Trainable && v.InUseByGraph(g) {
			list = append(list, v)
		}
	}
	return byPath(list)
}

// byPath are variables in the order of their paths, each once.
func byPath(list []*model.Variable) []*model.Variable {
	slices.SortFunc(list, func(a, b *model.Variable) int { return strings.Compare(a.Path(), b.Path()) })
	return slices.Compact(list)
}

// nodesOf are the values of variables in a graph.
func nodesOf(variables []*model.Variable, g graph.GraphProvider) (list []*graph.Node) {
	for _, v := range variables {
		list = append(list, v.NodeValue(g))
	}
	return list
}

// leastSpread is the spread of a method's embeddings, the smaller of two.
func leastSpread(out method.Output) *graph.Node {
	least := spread(out.Embeddings)
	if out.Texts != nil {
		least = graph.Min(least, spread(out.Texts))
	}
	return least
}

// spread is the collapse measure of Chen and He 2021, section 4.1, scaled to 1: √dim times the mean, over the dimensions, of
// the standard deviation of the normalised embeddings [rows, dim].
func spread(z *graph.Node) *graph.Node {
	z = graph.StopGradient(z)
	unit := loss.Normalize(z)
	deviation := graph.Sqrt(graph.ReduceVariance(unit, 0))
	root := graph.Sqrt(graph.Scalar(z.Graph(), z.DType(), z.Shape().Dim(1)))
	return graph.Mul(graph.ReduceAllMean(deviation), root)
}

// stepInput is what a step is taken on.
type stepInput struct {
	// step counts the steps before this one.
	step         int
	learningRate float64
	// arrays are the batch's.
	arrays []*tensors.Tensor
}

// items is the size of the batch.
func (in stepInput) items() int { return in.arrays[0].Shape().Dim(0) }

// take runs one step.
func (s *stepper) take(in stepInput) (loss, gradientNorm, embeddingStd float64, err error) {
	inputs := []any{float32(in.learningRate), float32(in.step)}
	for _, array := range in.arrays {
		inputs = append(inputs, array)
	}
	outputs, err := s.exec.Call(inputs...)
	if err != nil {
		return 0, 0, 0, err
	}
	values := make([]float64, len(outputs))
	for i, o := range outputs {
		if values[i], err = scalarOf(o); err != nil {
			return 0, 0, 0, err
		}
	}
	return values[0], values[1], values[2], nil
}

// inputShapes are those of the learning rate, the step and a batch: one list for each graph.
func (s *stepper) inputShapes(batch int) [][]shapes.Shape {
	var lists [][]shapes.Shape
	for _, arrays := range s.shapes(batch) {
		lists = append(lists, append([]shapes.Shape{shapes.Make(dtypes.Float32), shapes.Make(dtypes.Float32)}, arrays...))
	}
	return lists
}

// compile builds the step's graphs for a batch size before the first step, so that mistakes show before data is read.
func (s *stepper) compile(batch int) error {
	for _, inputs := range s.inputShapes(batch) {
		if _, err := s.exec.Compile(inputs...); err != nil {
			return err
		}
	}
	return nil
}

func (s *stepper) memory(batch int) (most int64, err error) {
	for _, inputs := range s.inputShapes(batch) {
		g, err := s.exec.Compile(inputs...)
		if err != nil {
			return 0, err
		}
		most = max(most, device.Peak(g.Executable()))
	}
	return most, nil
}
