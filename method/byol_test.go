package method_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/positive"
)

// byolPaper is algorithm 1 of Grill et al. 2020.
type byolPaper struct{ method.BYOL }

func (m byolPaper) mlp() nn.MLP {
	return nn.MLP{Layers: 2, Hidden: m.Hidden, Out: m.Out, HiddenNorm: true}
}

// project is the projection of a view by the network whose parameters begin so, and the statistics of its norm.
func (m byolPaper) project(p params, network string, view [][]float64) (z [][]float64, mean, variance []float64) {
	return head(p, network+"/projector", m.mlp(), encode(p, network+"/backbone", view))
}

func (m byolPaper) predict(p params, view [][]float64) (q [][]float64, mean, variance []float64) {
	z, _, _ := m.project(p, "", view)
	return head(p, "/predictor", m.mlp(), z)
}

func (m byolPaper) loss(p params, in given) (value float64) {
	for i := range in.views {
		prediction, _, _ := m.predict(p, in.views[i])
		target, _, _ := m.project(p, "/target", in.views[1-i])
		for row, q := range prediction {
			for c := range q {
				d := q[c]/norm(q) - target[row][c]/norm(target[row])
				value += d * d / items
			}
		}
	}
	return value
}

// before moves the running statistics of all three norms: towards the first view's, then towards the second's.
func (m byolPaper) before(p params, in given) {
	for _, view := range in.views {
		_, mean, variance := m.project(p, "", view)
		moveStatistics(p, "/projector/layer_0/norm/", mean, variance)
		_, mean, variance = m.predict(p, view)
		moveStatistics(p, "/predictor/layer_0/norm/", mean, variance)
		_, mean, variance = m.project(p, "/target", view)
		moveStatistics(p, "/target/projector/layer_0/norm/", mean, variance)
	}
}

// moveStatistics moves the running statistics of a norm towards those of a batch of [items] rows.
func moveStatistics(p params, path string, mean, variance []float64) {
	for i := range mean {
		p[path+"running_mean"][i] = 0.9*p[path+"running_mean"][i] + 0.1*mean[i]
		p[path+"running_variance"][i] = 0.9*p[path+"running_variance"][i] + 0.1*variance[i]*items/(items-1)
	}
}

// after is the moving average. The first step is step 1.
func (m byolPaper) after(p params, in given) {
	tau := 1 - (1-m.Tau)*(math.Cos(math.Pi*float64(in.step+1)/float64(in.steps))+1)/2
	for path, target := range p {
		online, isTarget := strings.CutPrefix(path, "/target")
		if !isTarget || strings.Contains(path, "/running_") {
			continue
		}
		for i := range target {
			target[i] = tau*target[i] + (1-tau)*p[online][i]
		}
	}
}

func (m byolPaper) follows(string) bool { return true }

// smallBYOL is BYOL with heads of a few numbers, and a target that moves visibly.
func smallBYOL() method.BYOL {
	m := method.DefaultBYOL(32)
	m.Hidden, m.Out, m.Tau = 6, out, 0.4
	return m
}

// A few BYOL steps, on either device, against the same steps in plain float64 with finite differences: loss, parameters, the
// target network and the running statistics of all norms. Plain SGD sees the size of the loss, which LARS does not.
func TestBYOLStepsAreThoseOfThePaper(t *testing.T) {
	lars := optim.DefaultLARS()
	lars.WeightDecay, lars.Trust = 0.1, 0.02
	sgd := optim.DefaultSGD()
	sgd.Mask, sgd.WeightDecay = optim.Exclude1D, 0.01
	for _, c := range []struct {
		name      string
		tau       float64
		optimizer optim.Config
		rate      float64
	}{
		{"the paper's", 0.4, lars, 0.5},
		{"sgd", 0.4, sgd, 0.1},
		{"a target that starts at once", 0, sgd, 0.1},
		{"a target that stands still", 1, sgd, 0.1},
	} {
		for _, d := range []string{"cpu", "go"} {
			t.Run(c.name+" on "+d, func(t *testing.T) {
				m := smallBYOL()
				m.Tau = c.tau
				testSteps(t, d, m, byolPaper{m}, c.optimizer, c.rate)
			})
		}
	}
}

// What is trained are encoder, projector and predictor, the last layers without bias. What follows them are copies of the first two:
// the target has no predictor.
func TestBYOLTrainsTheOnlineNetworkAndTheTargetHasNoPredictor(t *testing.T) {
	want := []string{"/backbone/dense/weights"}
	for _, part := range []string{"/predictor", "/projector"} {
		want = append(want, part+"/layer_0/norm/offset", part+"/layer_0/norm/scale", part+"/layer_0/weights", part+"/layer_1/weights")
	}
	if got := trainedBy(t, smallBYOL()); !slices.Equal(got, want) {
		t.Errorf("trained are %v, want %v", got, want)
	}
	backend, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	store, exec := stepOf(t, backend, smallBYOL(), optim.DefaultSGD(), 0.1)
	defer exec.Finalize()
	targets := 0
	for v := range store.IterVariables() {
		online, isTarget := strings.CutPrefix(v.Path(), "/target")
		if !isTarget {
			continue
		}
		targets++
		if v.Trainable || strings.HasPrefix(online, "/predictor") {
			t.Errorf("the target has %s, trainable %t", v.Path(), v.Trainable)
		}
		if !slices.Equal(floats(v.MustValue()), floats(store.GetVariable(online).MustValue())) {
			t.Errorf("%s does not start as a copy", v.Path())
		}
	}
	if targets != 1+4+2 { // the encoder's weights, the projector's, the projector's running statistics
		t.Errorf("the target has %d variables", targets)
	}
}

// The last step of a run has τ = 1: it leaves the target as it is, to the bit. Those before move it, the later the less.
func TestBYOLTargetStandsStillInTheLastStep(t *testing.T) {
	backend, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	m := smallBYOL()
	store, exec := stepOf(t, backend, m, optim.DefaultSGD(), 0)
	defer exec.Finalize()
	random := rng.New(3, 0, 0, 0)
	perturbed(t, store, random.NormFloat64)
	const path = "/backbone/dense/weights"
	left := math.Inf(1) // share of the way to the online network
	for step := range steps {
		before, online := floats(store.GetVariable("/target"+path).MustValue()), floats(store.GetVariable(path).MustValue())
		inputs, _ := draw(m, random.NormFloat64, step)
		if _, err := exec.Call(asAny(inputs)...); err != nil {
			t.Fatal(err)
		}
		after := floats(store.GetVariable("/target" + path).MustValue())
		if step == steps-1 {
			if !slices.Equal(before, after) {
				t.Error("the last step moved the target")
			}
			break
		}
		share := (after[0] - before[0]) / (online[0] - before[0])
		if !(share > 0 && share < left && share < 1-m.Tau) {
			t.Errorf("step %d moved the target %g of the way, the one before %g", step, share, left)
		}
		left = share
	}
}

// The target normalises with the statistics of its batch, not with its running ones: those may be anything.
func TestBYOLTargetTakesItsBatchsStatistics(t *testing.T) {
	backend, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	m := smallBYOL()
	lossWith := func(mean float32) float64 {
		store, exec := stepOf(t, backend, m, optim.DefaultSGD(), 0.1)
		defer exec.Finalize()
		setAll(t, store, "/target/projector/layer_0/norm/running_mean", mean)
		inputs, _ := draw(m, rng.New(4, 0, 0, 0).NormFloat64, 0)
		outputs, err := exec.Call(asAny(inputs)...)
		if err != nil {
			t.Fatal(err)
		}
		return float64(tensors.ToScalar[float32](outputs[0]))
	}
	if a, b := lossWith(0), lossWith(50); a != b {
		t.Errorf("the loss is %g, and %g with another running mean in the target", a, b)
	}
}

// setAll sets all values of a variable.
func setAll(t *testing.T, store *model.Store, path string, value float32) {
	v := store.GetVariable(path)
	values := make([]float32, v.Shape().Size())
	for i := range values {
		values[i] = value
	}
	if err := v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
		t.Fatal(err)
	}
}

// Grill et al. 2020, sections 3.1 and 3.2 and appendix B for large pictures; lightly's widths and solo-learn's views for small ones.
func TestBYOLDefaultsArePublished(t *testing.T) {
	for _, c := range []struct {
		size, hidden int
		views        [2]positive.ImageConfig
	}{
		{32, 1024, positive.BYOLSmall(32)}, {64, 1024, positive.BYOLSmall(64)},
		{65, 4096, positive.BYOL(65)}, {224, 4096, positive.BYOL(224)},
	} {
		m := method.DefaultBYOL(c.size)
		if err := m.Validate(); err != nil {
			t.Errorf("%d px: %v", c.size, err)
		}
		if m.Tau != 0.99 || m.Hidden != c.hidden || m.Out != 256 || !slices.Equal(m.Views(), c.views[:]) {
			t.Errorf("%d px: %+v", c.size, m)
		}
		testPairDiffers(t, m.Views(), c.size)
	}
}

// testPairDiffers checks table 6 of Grill et al. 2020: the first view is always blurred, the second seldom, and solarized at times;
// small pictures are not blurred.
func testPairDiffers(t *testing.T, views []positive.ImageConfig, size int) {
	t.Helper()
	blur := [2]float64{1, 0.1}
	if size <= method.SmallImage {
		blur = [2]float64{}
	}
	for i, v := range views {
		if v.Size != size || v.Blur != blur[i] || v.Solarize != 0.2*float64(i) || v.Flip != 0.5 || v.Grayscale != 0.2 || v.CropScale != [2]float64{0.08, 1} {
			t.Errorf("%d px: view %d is %+v", size, i+1, v)
		}
		if v.Jitter != 0.8 || v.Brightness != 0.4 || v.Contrast != 0.4 || v.Saturation != 0.2 || v.Hue != 0.1 {
			t.Errorf("%d px: jitter of view %d is %+v", size, i+1, v)
		}
	}
}

func TestBYOLValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*method.BYOL)
	}{
		{"tau", func(m *method.BYOL) { m.Tau = -0.1 }},
		{"tau", func(m *method.BYOL) { m.Tau = 1.1 }},
		{"tau", func(m *method.BYOL) { m.Tau = math.NaN() }},
		{"hidden", func(m *method.BYOL) { m.Hidden = 0 }},
		{"hidden", func(m *method.BYOL) { m.Hidden = 1 << 20 }},
		{"projector_out", func(m *method.BYOL) { m.Out = 1 }},
		{"augment_1.flip", func(m *method.BYOL) { m.Augment1.Flip = 2 }},
		{"augment_2.solarize", func(m *method.BYOL) { m.Augment2.Solarize = -1 }},
		{"augment_2.size", func(m *method.BYOL) { m.Augment2.Size = 33 }},
	} {
		m := method.DefaultBYOL(32)
		c.change(&m)
		checkNames(t, m, c.want)
	}
}

// checkNames checks that a method's complaint is about a field.
func checkNames(t *testing.T, m method.Method, field string) {
	t.Helper()
	if err := m.Validate(); err == nil || !strings.HasPrefix(err.Error(), field+" ") {
		t.Errorf("error %v, want one about %s", err, field)
	}
}

// The loss has no gradient along the target's parameters.
func TestBYOLTargetGetsNoGradient(t *testing.T) {
	backend, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	m := smallBYOL()
	store := model.NewStore()
	nn.SetSeed(store, 1)
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, views []*graph.Node) []*graph.Node {
		g := views[0].Graph()
		store.SetTraining(g, true)
		out := m.Loss(scope, tanhEncoder{}, method.Batch{Views: views})
		var targets []*graph.Node
		for v := range store.IterVariables() {
			if strings.HasPrefix(v.Path(), "/target/") && !strings.Contains(v.Path(), "/running_") {
				targets = append(targets, v.NodeValue(g))
			}
		}
		return graph.Gradient(out.Loss, targets...)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	inputs, _ := draw(m, rng.New(5, 0, 0, 0).NormFloat64, 0)
	gradients, err := exec.Call(asAny(inputs[2:])...)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gradients {
		for _, v := range floats(g) {
			if v != 0 {
				t.Fatalf("the target's gradient is %v", floats(g))
			}
		}
	}
	if len(gradients) != 5 {
		t.Errorf("the target has %d parameters", len(gradients))
	}
}
