package method_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
)

// A paper is a method written a second time, in plain float64 arithmetic, to hold its training steps against.
type paper interface {
	// before does what a step does to variables that are not trained, ahead of its loss.
	before(p params, in given)
	// loss is a step's loss. It leaves p as it is.
	loss(p params, in given) float64
	// after does what follows the optimizer's step.
	after(p params, in given)
	// follows says whether the variable at a path is one that the paper keeps up, and so one to compare.
	follows(path string) bool
}

// given is what a step is given.
type given struct {
	views  [][][]float64 // [view][item][pixel]
	texts  [][][]int     // [text][item][token]
	own    [][]int       // [item]: items whose texts are captions of the item's picture too
	labels []int32
	clock
}

// clock is the place of a step in the test's run.
type clock struct{ step, steps, perEpoch int }

// The sizes of the test's training steps.
const (
	items  = 6 // pictures in a batch
	pixels = 2 * 2 * 3
	width  = 4 // of the representation
	out    = 3 // of the embedding
	steps  = 3

	stepsPerEpoch = 2
)

// tanhEncoder is h = tanh(flatten(x) W): small enough for plain arithmetic, and smooth.
type tanhEncoder struct{}

func (tanhEncoder) Dim() int          { return width }
func (tanhEncoder) MinImageSize() int { return 1 }
func (tanhEncoder) Features(scope *model.Scope, images *graph.Node) *graph.Node {
	return graph.Tanh(nn.Dense(scope.In("dense"), graph.Reshape(images, -1, pixels), width, false))
}

var _ backbone.Encoder = tanhEncoder{}

// normEncoder is h = tanh(norm(flatten(x) W)): batch norm as an encoder has it.
type normEncoder struct{ tanhEncoder }

func (normEncoder) Features(scope *model.Scope, images *graph.Node) *graph.Node {
	h := nn.Dense(scope.In("dense"), graph.Reshape(images, -1, pixels), width, false)
	return graph.Tanh(nn.BatchNorm(scope.In("norm"), h, nn.FullNorm))
}

// params are a network's parameters by path, in float64.
type params map[string][]float64

func (p params) clone() params {
	c := params{}
	for path, values := range p {
		c[path] = slices.Clone(values)
	}
	return c
}

// times is x [rows, in] times w [in, columns].
func times(x [][]float64, w []float64, columns int) [][]float64 {
	y := make([][]float64, len(x))
	for r, row := range x {
		y[r] = make([]float64, columns)
		for i, v := range row {
			for c := range columns {
				y[r][c] += v * w[i*columns+c]
			}
		}
	}
	return y
}

// batchNorm normalises every column and returns the columns' means and biased variances. A nil offset is none.
func batchNorm(x [][]float64, scale, offset []float64) (mean, variance []float64) {
	n := float64(len(x))
	mean, variance = make([]float64, len(x[0])), make([]float64, len(x[0]))
	for c := range x[0] {
		for _, row := range x {
			mean[c] += row[c] / n
		}
		for _, row := range x {
			variance[c] += (row[c] - mean[c]) * (row[c] - mean[c]) / n
		}
		for _, row := range x {
			row[c] = (row[c] - mean[c]) / math.Sqrt(variance[c]+1e-5) * scale[c]
			if offset != nil {
				row[c] += offset[c]
			}
		}
	}
	return mean, variance
}

func similarity(kind loss.Similarity, a, b []float64) float64 {
	var dot, aa, bb, distance float64
	for i := range a {
		dot += a[i] * b[i]
		aa += a[i] * a[i]
		bb += b[i] * b[i]
		distance += (a[i] - b[i]) * (a[i] - b[i])
	}
	switch kind {
	case loss.Cosine:
		return dot / math.Sqrt(aa*bb)
	case loss.InnerProduct:
		return dot
	default:
		return -math.Sqrt(distance)
	}
}

// gradient is the central difference of the loss along every trained parameter.
func gradient(ref paper, p params, trained []string, in given) params {
	const h = 1e-6
	g := params{}
	for _, path := range trained {
		values := p[path]
		g[path] = make([]float64, len(values))
		for i, v := range values {
			values[i] = v + h
			above := ref.loss(p, in)
			values[i] = v - h
			below := ref.loss(p, in)
			values[i] = v
			g[path][i] = (above - below) / (2 * h)
		}
	}
	return g
}

func norm(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}

// descend is one step of SGD or LARS with momentum (You et al. 2017, algorithm 1). Matrices alone decay and adapt, unless the mask
// is for all; the others may have a rate of their own, in the proportion of the two configured ones.
func descend(c optim.Config, p, g, momentum params, rate float64) {
	for path := range g {
		w := p[path]
		matrix := strings.HasSuffix(path, "weights") || strings.HasSuffix(path, "table")
		covered := c.Mask == optim.All || matrix
		scaled, rate := slices.Clone(g[path]), rate
		if !matrix && c.BiasLearningRate > 0 {
			rate *= c.BiasLearningRate / c.LearningRate
		}
		if covered {
			for i := range scaled {
				scaled[i] += c.WeightDecay * w[i]
			}
			if c.Name == optim.LARS {
				trust := c.Trust * norm(w) / norm(scaled)
				for i := range scaled {
					scaled[i] *= trust
				}
			}
		}
		for i := range w {
			momentum[path][i] = c.Momentum*momentum[path][i] + scaled[i]
			w[i] -= rate * momentum[path][i]
		}
	}
}

// testSteps takes a few training steps of a method on a device, each on other views, and compares the loss and all variables
// with those of the paper.
func testSteps(t *testing.T, deviceName string, m method.Method, ref paper, optimizer optim.Config, rate float64) {
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	backend, err := device.Open(deviceName)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	random := rng.New(7, 0, 0, 0)
	store, exec := stepOf(t, backend, m, optimizer, rate)
	defer exec.Finalize()
	p, trained := perturbed(t, store, random.NormFloat64)
	momentum := params{}
	for _, path := range trained {
		momentum[path] = make([]float64, len(p[path]))
	}
	for step := range steps {
		input, in := draw(m, random.NormFloat64, step)
		outputs, err := exec.Call(asAny(input)...)
		if err != nil {
			t.Fatal(err)
		}
		before := p.clone()
		ref.before(p, in)
		if got, want := float64(tensors.ToScalar[float32](outputs[0])), ref.loss(p, in); !near(got, want, 1e-5) {
			t.Fatalf("step %d: loss %g, want %g", step, got, want)
		}
		descend(optimizer, p, gradient(ref, p, trained, in), momentum, rate)
		ref.after(p, in)
		for _, path := range slices.Sorted(maps.Keys(p)) {
			if !ref.follows(path) {
				continue
			}
			got := floats(store.GetVariable(path).MustValue())
			for i, want := range p[path] {
				if !near(got[i], want, 1e-4) {
					t.Fatalf("step %d: %s[%d] went from %g to %g, want %g", step, path, i, before[path][i], got[i], want)
				}
			}
		}
	}
}

func near(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*max(1, math.Abs(want))
}

// stepOf compiles a training step as package train takes it: the method's graph, its gradients, the optimizer, what follows.
func stepOf(t *testing.T, backend compute.Backend, m method.Method, optimizer optim.Config, rate float64) (*model.Store, *model.Exec) {
	t.Helper()
	store := model.NewStore()
	nn.SetSeed(store, 1)
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, inputs []*graph.Node) []*graph.Node {
		g := inputs[0].Graph()
		store.SetTraining(g, true)
		batch := method.Batch{Clock: method.Clock{Step: inputs[0], Steps: steps, StepsPerEpoch: stepsPerEpoch}}
		if method.NeedsLabels(m) {
			batch.Labels = inputs[1]
		}
		output := lossOf(m, scope, batch, inputs[2:])
		var trained []*model.Variable
		var nodes []*graph.Node
		for v := range store.IterVariables() {
			if v.Trainable {
				trained, nodes = append(trained, v), append(nodes, v.NodeValue(g))
			}
		}
		optimizer.Update(scope, trained, graph.Gradient(output.Loss, nodes...), graph.Scalar(g, dtypes.Float32, rate))
		if after, ok := m.(method.AfterStep); ok {
			after.AfterStep(scope, batch)
		}
		return []*graph.Node{output.Loss, output.Embeddings}
	})
	if err != nil {
		t.Fatal(err)
	}
	input, _ := draw(m, func() float64 { return 0 }, 0)
	var inputs []shapes.Shape
	for _, x := range input {
		inputs = append(inputs, x.Shape())
	}
	if _, err := exec.Compile(inputs...); err != nil {
		t.Fatal(err)
	}
	return store, exec
}

// lossOf builds the loss of a method on the small encoder for what it learns from.
func lossOf(m method.Method, scope *model.Scope, batch method.Batch, inputs []*graph.Node) method.Output {
	if m, ok := m.(method.TextMethod); ok {
		for ; len(inputs) > 0; inputs = inputs[2:] {
			batch.Texts = append(batch.Texts, backbone.Tokens{IDs: inputs[0], Mask: inputs[1]})
		}
		return m.Loss(scope, wordEncoder, batch)
	}
	if m, ok := m.(method.PairMethod); ok {
		batch.Views = inputs[:1]
		batch.Texts = []backbone.Tokens{{IDs: inputs[1], Mask: inputs[2]}}
		batch.Captions = method.Captions{Given: inputs[3], Own: inputs[4], Texts: inputs[5]}
		return m.Loss(scope, tanhEncoder{}, wordEncoder, batch)
	}
	batch.Views = inputs
	return m.(method.ImageMethod).Loss(scope, tanhEncoder{}, batch)
}

// trainedBy are the paths of the variables that a method trains.
func trainedBy(t *testing.T, m method.Method) (paths []string) {
	t.Helper()
	backend, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	store, exec := stepOf(t, backend, m, optim.DefaultSGD(), 0.1)
	defer exec.Finalize()
	for v := range store.IterVariables() {
		if v.Trainable {
			paths = append(paths, v.Path())
		}
	}
	slices.Sort(paths)
	return paths
}

// draw gives a step views of noise or texts, and labels of two classes and of none: as the graph's inputs (step, labels, and a
// view, or the tokens and the mask of a text, at a time) and for the paper.
func draw(m method.Method, normal func() float64, step int) (inputs []*tensors.Tensor, in given) {
	in.clock = clock{step, steps, stepsPerEpoch}
	in.labels = []int32{0, 1, 0, 1, -1, -1}
	inputs = []*tensors.Tensor{tensors.FromScalar(float32(step)), tensors.FromFlatDataAndDimensions(in.labels, items)}
	if m, ok := m.(worded); ok {
		in.texts = m.draw(normal)
		for _, text := range in.texts {
			ids, mask := tokensOf(text)
			inputs = append(inputs, ids, mask)
		}
		return inputs, in
	}
	views := 1
	if m, ok := m.(method.ImageMethod); ok {
		views = len(m.Views())
	}
	for range views {
		flat, rows := make([]float32, items*pixels), make([][]float64, items)
		for i := range flat {
			flat[i] = float32(normal())
			rows[i/pixels] = append(rows[i/pixels], float64(flat[i]))
		}
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(flat, items, 2, 2, 3))
		in.views = append(in.views, rows)
	}
	if _, ok := m.(method.PairMethod); ok {
		captions := drawCaptions(normal, &in)
		inputs = append(inputs, captions...)
	}
	return inputs, in
}

func asAny(list []*tensors.Tensor) []any {
	var values []any
	for _, x := range list {
		values = append(values, x)
	}
	return values
}

// perturbed moves all weights, a target network's too, away from the ones and zeros that norms start from and from each other.
// It returns the values of all variables, and the paths of those that are trained.
func perturbed(t *testing.T, store *model.Store, normal func() float64) (p params, trained []string) {
	t.Helper()
	p = params{}
	for v := range store.IterVariables() {
		path := v.Path()
		if strings.HasPrefix(path, "/optimizer/") {
			continue
		}
		if v.Trainable || strings.HasPrefix(path, "/target/") && !strings.Contains(path, "/running_") {
			flat := tensors.MustCopyFlatData[float32](v.MustValue())
			for i := range flat {
				flat[i] += float32(0.2 * normal())
			}
			if err := v.SetValue(tensors.FromFlatDataAndDimensions(flat, v.Shape().Dimensions...)); err != nil {
				t.Fatal(err)
			}
		}
		if v.Trainable {
			trained = append(trained, path)
		}
		p[path] = floats(v.MustValue())
	}
	slices.Sort(trained)
	return p, trained
}

// floats are a tensor's values.
func floats(x *tensors.Tensor) []float64 {
	if x.DType() == dtypes.Int32 {
		return widen(tensors.MustCopyFlatData[int32](x))
	}
	return widen(tensors.MustCopyFlatData[float32](x))
}

func widen[T int32 | float32](values []T) []float64 {
	list := make([]float64, len(values))
	for i, v := range values {
		list[i] = float64(v)
	}
	return list
}

// encode is the tanhEncoder in a scope.
func encode(p params, scope string, x [][]float64) [][]float64 {
	h := times(x, p[scope+"/dense/weights"], width)
	for _, row := range h {
		for i, v := range row {
			row[i] = math.Tanh(v)
		}
	}
	return h
}

// head is the MLP in a scope. It also returns the statistics of its last batch norm.
func head(p params, scope string, m nn.MLP, x [][]float64) (y [][]float64, mean, variance []float64) {
	for layer := range m.Layers {
		path, last := fmt.Sprintf("%s/layer_%d/", scope, layer), layer == m.Layers-1
		columns, norm := m.Hidden, m.HiddenNorm
		if last {
			columns, norm = m.Out, m.OutNorm
		}
		x = times(x, p[path+"weights"], columns)
		for _, row := range x {
			for i, bias := range p[path+"bias"] {
				row[i] += bias
			}
		}
		if norm {
			mean, variance = batchNorm(x, p[path+"norm/scale"], p[path+"norm/offset"])
		}
		for _, row := range x {
			for i, v := range row {
				if !last {
					row[i] = max(v, 0)
				}
			}
		}
	}
	return x, mean, variance
}
