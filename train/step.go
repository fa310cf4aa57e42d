package train

import (
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
)

// stepper takes optimizer steps: one graph holds the method's loss, its gradient, the optimizer's update and what the method
// does after it.
type stepper struct {
	exec     *model.Exec
	sizes    []int // of the views, in pixels
	labelled bool  // whether steps are given the items' classes
}

// length is how long the run is that a stepper takes steps of.
type length struct{ steps, perEpoch int }

// newStepper prepares the step of a method. Networks compute in the given precision; weights, losses and the optimizer are
// in float32.
func newStepper(backend compute.Backend, store *model.Store, m method.Method, encoder backbone.Encoder, optimizer optim.Config, precision dtypes.DType, run length) (*stepper, error) {
	s := &stepper{labelled: method.NeedsLabels(m)}
	for _, v := range m.Views() {
		s.sizes = append(s.sizes, v.Size)
	}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, inputs []*graph.Node) []*graph.Node {
		learningRate := inputs[0]
		batch := s.batch(inputs[1:], precision)
		batch.Clock.Steps, batch.Clock.StepsPerEpoch = run.steps, run.perEpoch
		scope.Store().SetTraining(learningRate.Graph(), true)
		out := m.Loss(scope, encoder, batch)
		params := trainable(scope, learningRate.Graph())
		nodes := make([]*graph.Node, len(params))
		for i, p := range params {
			nodes[i] = p.NodeValue(out.Loss)
		}
		gradients := graph.Gradient(out.Loss, nodes...)
		optimizer.Update(scope, params, gradients, learningRate)
		if after, ok := m.(method.AfterStep); ok {
			after.AfterStep(scope, batch)
		}
		return []*graph.Node{out.Loss, optim.GlobalNorm(gradients), spread(out.Embeddings)}
	})
	s.exec = exec
	return s, err
}

// batch gives the graph's inputs, in the order of [stepper.inputs] after the learning rate, their names.
func (s *stepper) batch(inputs []*graph.Node, precision dtypes.DType) method.Batch {
	b := method.Batch{Clock: method.Clock{Step: inputs[0]}}
	for _, v := range inputs[1 : 1+len(s.sizes)] {
		b.Views = append(b.Views, graph.ConvertDType(v, precision))
	}
	if s.labelled {
		b.Labels = inputs[1+len(s.sizes)]
	}
	return b
}

// trainable lists the variables that the graph uses and the optimizer may change, by path.
func trainable(scope *model.Scope, g *graph.Graph) []*model.Variable {
	var list []*model.Variable
	for v := range scope.IterVariables() {
		if v.Trainable && v.InUseByGraph(g) {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, b *model.Variable) int { return strings.Compare(a.Path(), b.Path()) })
	return list
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
	// views holds the pixels of each view, labels the items' classes, which a method may have no use for.
	views  [][]float32
	labels []int
}

// inputs are the graph's: learning rate, step, views, and labels if the method wants them.
func (s *stepper) inputs(in stepInput) []any {
	list := []any{float32(in.learningRate), float32(in.step)}
	for i, size := range s.sizes {
		rows := len(in.views[i]) / (size * size * 3)
		list = append(list, tensors.FromFlatDataAndDimensions(in.views[i], rows, size, size, 3))
	}
	if s.labelled {
		labels := make([]int32, len(in.labels))
		for i, label := range in.labels {
			labels[i] = int32(label)
		}
		list = append(list, tensors.FromFlatDataAndDimensions(labels, len(labels)))
	}
	return list
}

// take runs one step.
func (s *stepper) take(in stepInput) (loss, gradientNorm, embeddingStd float64, err error) {
	outputs, err := s.exec.Call(s.inputs(in)...)
	if err != nil {
		return 0, 0, 0, err
	}
	values := make([]float64, len(outputs))
	for i, o := range outputs {
		values[i] = float64(tensors.ToScalar[float32](o))
		if err := o.FinalizeAll(); err != nil {
			return 0, 0, 0, err
		}
	}
	return values[0], values[1], values[2], nil
}

// shapes are those of the inputs for a batch size.
func (s *stepper) shapes(batch int) []shapes.Shape {
	list := []shapes.Shape{shapes.Make(dtypes.Float32), shapes.Make(dtypes.Float32)}
	for _, size := range s.sizes {
		list = append(list, shapes.Make(dtypes.Float32, batch, size, size, 3))
	}
	if s.labelled {
		list = append(list, shapes.Make(dtypes.Int32, batch))
	}
	return list
}

// compile builds the step's graph for a batch size before the first step, so that mistakes show before data is read.
func (s *stepper) compile(batch int) error {
	_, err := s.exec.Compile(s.shapes(batch)...)
	return err
}
