package method_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

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

// The sizes of the test's training steps.
const (
	items  = 5 // pictures in a batch
	pixels = 2 * 2 * 3
	width  = 4 // of the representation
	out    = 3 // of the embedding
	steps  = 3
)

// tanhEncoder is h = tanh(flatten(x) W): small enough for plain arithmetic, and smooth.
type tanhEncoder struct{}

func (tanhEncoder) Dim() int          { return width }
func (tanhEncoder) MinImageSize() int { return 1 }
func (tanhEncoder) Features(scope *model.Scope, images *graph.Node) *graph.Node {
	return graph.Tanh(nn.Dense(scope.In("dense"), graph.Reshape(images, -1, pixels), width, false))
}

var _ backbone.Encoder = tanhEncoder{}

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

// simclr is algorithm 1 of the paper in plain float64: the loss of the rows, the first views of all items and then the second
// ones. It also returns the last batch norm's statistics of the batch.
func simclr(m method.SimCLR, p params, views [][]float64) (value float64, mean, variance []float64) {
	x := times(views, p["/backbone/dense/weights"], width)
	for _, row := range x {
		for i, v := range row {
			row[i] = math.Tanh(v)
		}
	}
	hidden := m.Hidden
	if hidden == 0 {
		hidden = width
	}
	for layer := range m.Layers {
		path, last := fmt.Sprintf("/projector/layer_%d/", layer), layer == m.Layers-1
		columns := hidden
		if last {
			columns = out
		}
		x = times(x, p[path+"weights"], columns)
		mean, variance = batchNorm(x, p[path+"norm/scale"], p[path+"norm/offset"])
		for _, row := range x {
			for i, v := range row {
				if !last {
					row[i] = max(v, 0)
				}
			}
		}
	}
	for i := range x {
		positive := (i + items) % len(x)
		denominator := 0.0
		for k := range x {
			if k != i && !(m.Decoupled && k == positive) {
				denominator += math.Exp(similarity(m.Similarity, x[i], x[k]) / m.Temperature)
			}
		}
		value += (math.Log(denominator) - similarity(m.Similarity, x[i], x[positive])/m.Temperature) / float64(len(x))
	}
	return value, mean, variance
}

// gradient is the central difference of the loss along every parameter.
func gradient(m method.SimCLR, p params, views [][]float64) params {
	const h = 1e-6
	g := params{}
	for path, values := range p {
		g[path] = make([]float64, len(values))
		for i, v := range values {
			values[i] = v + h
			above, _, _ := simclr(m, p, views)
			values[i] = v - h
			below, _, _ := simclr(m, p, views)
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

// descend is one step of SGD or LARS with momentum (You et al. 2017, algorithm 1); matrices alone decay and adapt.
func descend(c optim.Config, p, g, momentum params, rate float64) {
	for path, w := range p {
		matrix := path[len(path)-len("weights"):] == "weights"
		scaled := slices.Clone(g[path])
		if matrix {
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

// A few SimCLR steps, on either device, against the same steps in plain float64 with finite differences.
func TestSimCLRStepsAreThoseOfThePaper(t *testing.T) {
	base := method.DefaultSimCLR(32)
	base.Out = out
	lars := optim.DefaultLARS()
	lars.WeightDecay, lars.Trust = 0.1, 0.02
	sgd := optim.DefaultSGD()
	sgd.Mask, sgd.WeightDecay = optim.Exclude1D, 0.01
	for _, c := range []struct {
		name      string
		change    func(*method.SimCLR)
		optimizer optim.Config
		rate      float64
	}{
		{"the paper's", func(*method.SimCLR) {}, lars, 0.5},
		{"sgd", func(*method.SimCLR) {}, sgd, 0.1},
		{"decoupled", func(m *method.SimCLR) { m.Decoupled = true }, sgd, 0.1},
		{"version 2 head", func(m *method.SimCLR) { m.Layers, m.Hidden = 3, 6 }, lars, 0.5},
		{"linear head", func(m *method.SimCLR) { m.Layers = 1 }, sgd, 0.1},
		{"dot product", func(m *method.SimCLR) { m.Similarity = loss.InnerProduct }, sgd, 0.02},
		{"euclidean", func(m *method.SimCLR) { m.Similarity = loss.NegativeEuclidean }, sgd, 0.1},
		{"cold", func(m *method.SimCLR) { m.Temperature = 0.05 }, sgd, 0.01},
	} {
		for _, d := range []string{"cpu", "go"} {
			t.Run(c.name+" on "+d, func(t *testing.T) {
				m := base
				c.change(&m)
				testSteps(t, d, m, c.optimizer, c.rate)
			})
		}
	}
}

func testSteps(t *testing.T, deviceName string, m method.SimCLR, optimizer optim.Config, rate float64) {
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	backend, err := device.Open(deviceName)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	store := model.NewStore()
	nn.SetSeed(store, 1)
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, views []*graph.Node) []*graph.Node {
		store.SetTraining(views[0].Graph(), true)
		output := m.Loss(scope, tanhEncoder{}, method.Batch{Views: views})
		var trained []*model.Variable
		var nodes []*graph.Node
		for v := range store.IterVariables() {
			if v.Trainable {
				trained, nodes = append(trained, v), append(nodes, v.NodeValue(output.Loss))
			}
		}
		gradients := graph.Gradient(output.Loss, nodes...)
		optimizer.Update(scope, trained, gradients, graph.Scalar(views[0].Graph(), output.Loss.DType(), rate))
		return []*graph.Node{output.Loss, output.Embeddings}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()

	random := rng.New(7, 0, 0, 0)
	draw := func() (*tensors.Tensor, [][]float64) {
		flat, rows := make([]float32, items*pixels), make([][]float64, items)
		for i := range flat {
			flat[i] = float32(random.NormFloat64())
			rows[i/pixels] = append(rows[i/pixels], float64(flat[i]))
		}
		return tensors.FromFlatDataAndDimensions(flat, items, 2, 2, 3), rows
	}
	first, firstRows := draw()
	second, secondRows := draw()
	views := append(firstRows, secondRows...)
	if _, err := exec.Compile(first.Shape(), second.Shape()); err != nil {
		t.Fatal(err)
	}
	p := params{}
	for v := range store.IterVariables() {
		if v.Trainable {
			p[v.Path()] = perturb(t, v, random.NormFloat64)
		}
	}
	checkPaths(t, m, p)

	momentum := params{}
	for path, values := range p {
		momentum[path] = make([]float64, len(values))
	}
	lastNorm := fmt.Sprintf("/projector/layer_%d/norm/", m.Layers-1)
	runningMean, runningVariance := make([]float64, out), []float64{1, 1, 1}
	for step := range steps {
		want, mean, variance := simclr(m, p, views)
		outputs, err := exec.Call(first, second)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(tensors.ToScalar[float32](outputs[0])); !near(got, want, 1e-5) {
			t.Fatalf("step %d: loss %g, want %g", step, got, want)
		}
		if shape := outputs[1].Shape(); !slices.Equal(shape.Dimensions, []int{2 * items, out}) {
			t.Fatalf("embeddings are %s", shape)
		}
		before := p.clone()
		descend(optimizer, p, gradient(m, p, views), momentum, rate)
		for path, values := range p {
			got := tensors.MustCopyFlatData[float32](store.GetVariable(path).MustValue())
			for i := range values {
				if !near(float64(got[i]), values[i], 1e-4) {
					t.Fatalf("step %d: %s[%d] went from %g to %g, want %g", step, path, i, before[path][i], got[i], values[i])
				}
			}
		}
		for i := range out {
			const rows = 2 * items
			runningMean[i] = 0.9*runningMean[i] + 0.1*mean[i]
			runningVariance[i] = 0.9*runningVariance[i] + 0.1*variance[i]*rows/(rows-1)
		}
		for name, want := range map[string][]float64{"running_mean": runningMean, "running_variance": runningVariance} {
			got := tensors.MustCopyFlatData[float32](store.GetVariable(lastNorm + name).MustValue())
			for i := range want {
				if !near(float64(got[i]), want[i], 1e-5) {
					t.Fatalf("step %d: the last norm's %s[%d] is %g, want %g", step, name, i, got[i], want[i])
				}
			}
		}
	}
}

func near(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*max(1, math.Abs(want))
}

// perturb moves a variable away from the ones and zeros that norms start from, and returns its values.
func perturb(t *testing.T, v *model.Variable, normal func() float64) []float64 {
	t.Helper()
	flat := tensors.MustCopyFlatData[float32](v.MustValue())
	values := make([]float64, len(flat))
	for i := range flat {
		flat[i] += float32(0.2 * normal())
		values[i] = float64(flat[i])
	}
	if err := v.SetValue(tensors.FromFlatDataAndDimensions(flat, v.Shape().Dimensions...)); err != nil {
		t.Fatal(err)
	}
	return values
}

// checkPaths compares what is trained with the parts of the head: no biases where a norm follows, and no offset in the last
// layer's norm.
func checkPaths(t *testing.T, m method.SimCLR, p params) {
	t.Helper()
	want := []string{"/backbone/dense/weights"}
	for layer := range m.Layers {
		path := fmt.Sprintf("/projector/layer_%d/", layer)
		want = append(want, path+"weights", path+"norm/scale")
		if layer < m.Layers-1 {
			want = append(want, path+"norm/offset")
		}
	}
	var got []string
	for path := range p {
		got = append(got, path)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("trained are %v, want %v", got, want)
	}
}
