package train

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
)

// The collapse measure of the graph is the one of metric, and 1 and 0 at its ends.
func TestSpreadIsTheStdOfMetric(t *testing.T) {
	const rows, dim = 400, 16
	random := rng.New(1, 0, 0, 0)
	values := make([]float32, rows*dim)
	for i := range values {
		values[i] = float32(3 + random.NormFloat64())
	}
	spreadOf := func(values []float32) float64 {
		backend, err := device.Open(device.Default)
		if err != nil {
			t.Fatal(err)
		}
		defer backend.Finalize()
		out, err := graph.CallOnce(backend, spread, tensors.FromFlatDataAndDimensions(values, rows, dim))
		if err != nil {
			t.Fatal(err)
		}
		return float64(tensors.ToScalar[float32](out))
	}
	want, err := metric.Std(metric.Matrix{Rows: rows, Cols: dim, Data: values})
	if err != nil {
		t.Fatal(err)
	}
	if got := spreadOf(values); math.Abs(got-want) > 1e-4 {
		t.Errorf("spread %g, want %g", got, want)
	}
	for i := range values {
		values[i] -= 3
	}
	if got := spreadOf(values); math.Abs(got-1) > 0.01 {
		t.Errorf("a filled sphere has a spread of %g", got)
	}
	for i := range values {
		values[i] = float32(i % dim)
	}
	if got := spreadOf(values); got > 1e-3 {
		t.Errorf("a single point has a spread of %g", got)
	}
}

// A step tells the norm of the gradient that it takes, uses the rate it is given, and leaves alone what is not a parameter.
func TestStepTakesTheGradientItTells(t *testing.T) {
	backend, err := device.Open(device.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	encoder, err := backbone.New("smallcnn", 0.25, 16)
	if err != nil {
		t.Fatal(err)
	}
	l := imageLearner{method.DefaultSimCLR(16), encoder, dtypes.Float32}
	store := model.NewStore()
	nn.SetSeed(store, 1)
	plain := optim.Config{Name: optim.SGD, LearningRate: 1, Scaling: optim.NoScaling, Mask: optim.All}
	s, err := newStepper(backend, store, l, plain, length{steps: 2, perEpoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	const batch, rate = 4, 0.125
	if err := s.compile(batch); err != nil {
		t.Fatal(err)
	}
	before := parameters(store)
	in := stepInput{0, rate, l.random(batch, rng.New(2, 0, 0, 0))}
	loss, norm, std, err := s.take(in)
	if err != nil {
		t.Fatal(err)
	}
	if !(loss > 0) || !(std > 0.1) || !(norm > 0) {
		t.Errorf("loss %g, gradient %g, spread %g", loss, norm, std)
	}
	moved := 0.0
	for path, after := range parameters(store) {
		for i, v := range after {
			d := float64(v - before[path][i])
			moved += d * d
		}
	}
	if got := math.Sqrt(moved) / rate; math.Abs(got-norm) > 1e-3*norm {
		t.Errorf("the parameters moved by %g times the rate, along a gradient of norm %g", got, norm)
	}
	if again, _, _, err := s.take(in); err != nil || !(again < loss) {
		t.Errorf("the loss went from %g to %g along its gradient (%v)", loss, again, err)
	}
}

// plainMethod is a method with nothing but what a step gives it: the loss is the step's number plus the sum of the labels, and
// after every step it counts one more and keeps the value that the weight has by then.
type plainMethod struct{ method.SimCLR }

func (plainMethod) NeedsLabels() bool { return true }

func (plainMethod) Loss(scope *model.Scope, _ backbone.Encoder, batch method.Batch) method.Output {
	w := nn.Parameter(scope.At("own"), "weight", nn.Ones, 1, 1).NodeValue(batch.Clock.Step)
	labels := graph.ReduceAllSum(graph.ConvertDType(batch.Labels, dtypes.Float32))
	loss := graph.Add(graph.Add(batch.Clock.Step, labels), graph.ReduceAllSum(w))
	return method.Output{Loss: loss, Embeddings: graph.Reshape(batch.Views[0], batch.Views[0].Shape().Dim(0), -1)}
}

func (plainMethod) AfterStep(scope *model.Scope, batch method.Batch) {
	w := scope.At("own").GetVariable("weight").NodeValue(batch.Clock.Step)
	nn.Parameter(scope.At("own"), "kept", nn.Zeros, 1, 1).SetTrainable(false).SetNodeValue(w)
	count := nn.Parameter(scope.At("own"), "count", nn.Zeros).SetTrainable(false)
	count.SetNodeValue(graph.AddScalar(count.NodeValue(w), float64(batch.Clock.Steps*batch.Clock.StepsPerEpoch)))
}

// A method is told the step, the labels and the run's length, and acts after the optimizer, once a step.
func TestAMethodIsToldOfTheStepAndActsAfterIt(t *testing.T) {
	backend, err := device.Open(device.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	l := imageLearner{plainMethod{method.DefaultSimCLR(8)}, nil, dtypes.Float32}
	store := model.NewStore()
	plain := optim.Config{Name: optim.SGD, LearningRate: 1, Scaling: optim.NoScaling, Mask: optim.All}
	s, err := newStepper(backend, store, l, plain, length{steps: 6, perEpoch: 2})
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]float32, 2*8*8*3)
	arrays := l.arrays([][]float32{pixels, pixels}, []int{30, 4})
	for step := range 3 {
		loss, _, _, err := s.take(stepInput{step, 0.25, arrays})
		if err != nil {
			t.Fatal(err)
		}
		if want := float64(step) + 34 + 1 - 0.25*float64(step); loss != want {
			t.Errorf("step %d: loss %g, want %g", step, loss, want)
		}
		kept := tensors.MustCopyFlatData[float32](store.GetVariable("/own/kept").MustValue())[0]
		count := tensors.MustCopyFlatData[float32](store.GetVariable("/own/count").MustValue())[0]
		if want := 1 - 0.25*float32(step+1); kept != want || count != 12*float32(step+1) {
			t.Errorf("after step %d the weight was %g, want %g, and the count %g", step, kept, want, count)
		}
	}
}

func parameters(store *model.Store) map[string][]float32 {
	values := map[string][]float32{}
	for v := range store.IterVariables() {
		if v.Trainable {
			values[v.Path()] = tensors.MustCopyFlatData[float32](v.MustValue())
		}
	}
	return values
}
