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

// stepper takes optimizer steps: one graph holds the method's loss, its gradient and the optimizer's update.
type stepper struct {
	exec   *model.Exec
	method method.Method
	sizes  []int // of the views, in pixels
}

// newStepper prepares the step of a method. Networks compute in the given precision; weights, losses and the optimizer are
// in float32.
func newStepper(backend compute.Backend, store *model.Store, m method.Method, encoder backbone.Encoder, optimizer optim.Config, precision dtypes.DType) (*stepper, error) {
	s := &stepper{method: m}
	for _, v := range m.Views() {
		s.sizes = append(s.sizes, v.Size)
	}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, inputs []*graph.Node) []*graph.Node {
		learningRate, views := inputs[0], inputs[1:]
		scope.Store().SetTraining(learningRate.Graph(), true)
		for i, v := range views {
			views[i] = graph.ConvertDType(v, precision)
		}
		out := m.Loss(scope, encoder, method.Batch{Views: views})
		params := trainable(scope, learningRate.Graph())
		nodes := make([]*graph.Node, len(params))
		for i, p := range params {
			nodes[i] = p.NodeValue(out.Loss)
		}
		gradients := graph.Gradient(out.Loss, nodes...)
		optimizer.Update(scope, params, gradients, learningRate)
		return []*graph.Node{out.Loss, optim.GlobalNorm(gradients), spread(out.Embeddings)}
	})
	s.exec = exec
	return s, err
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

// take runs one step on a batch of views, one tensor a view.
func (s *stepper) take(learningRate float64, views []*tensors.Tensor) (loss, gradientNorm, embeddingStd float64, err error) {
	inputs := []any{float32(learningRate)}
	for _, v := range views {
		inputs = append(inputs, v)
	}
	outputs, err := s.exec.Call(inputs...)
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

// compile builds the step's graph for a batch size before the first step, so that mistakes show before data is read.
func (s *stepper) compile(batch int) error {
	inputs := []shapes.Shape{shapes.Make(dtypes.Float32)}
	for _, size := range s.sizes {
		inputs = append(inputs, shapes.Make(dtypes.Float32, batch, size, size, 3))
	}
	_, err := s.exec.Compile(inputs...)
	return err
}
