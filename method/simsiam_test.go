package method_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/positive"
)

// simsiamPaper is algorithm 1 of Chen and He 2021.
type simsiamPaper struct {
	method.SimSiam
	stopped [2][][]float64 // the projections as they are before a step: constants to its gradient
}

// project is z and the statistics of its norm.
func (m *simsiamPaper) project(p params, view [][]float64) (z [][]float64, mean, variance []float64) {
	hidden := m.Hidden
	if hidden == 0 {
		hidden = width
	}
	mlp := nn.MLP{Layers: m.Layers, Hidden: hidden, Out: m.Out, HiddenNorm: true}
	z, _, _ = head(p, "/projector", mlp, encode(p, "/backbone", view))
	mean, variance = batchNorm(z, slices.Repeat([]float64{1}, m.Out), nil)
	return z, mean, variance
}

// before keeps the projections and moves the running statistics of their norm.
func (m *simsiamPaper) before(p params, in given) {
	for i, view := range in.views {
		z, mean, variance := m.project(p, view)
		m.stopped[i] = z
		moveStatistics(p, "/projector/norm/", mean, variance)
	}
}

func (m *simsiamPaper) loss(p params, in given) (value float64) {
	mlp := nn.MLP{Layers: 2, Hidden: m.Predictor, Out: m.Out, HiddenNorm: true, OutBias: true}
	for i, view := range in.views {
		z, _, _ := m.project(p, view)
		prediction, _, _ := head(p, "/predictor", mlp, z)
		for row := range prediction {
			value -= similarity(loss.Cosine, prediction[row], m.stopped[1-i][row]) / items / 2
		}
	}
	return value
}

func (m *simsiamPaper) after(params, given) {}

func (m *simsiamPaper) follows(path string) bool {
	return !strings.Contains(path, "/running_") || strings.HasPrefix(path, "/projector/norm/")
}

// smallSimSiam is SimSiam with heads of a few numbers.
func smallSimSiam() method.SimSiam {
	m := method.DefaultSimSiam(32)
	m.Hidden, m.Out, m.Predictor = 6, out, 5
	return m
}

// A few SimSiam steps, on either device, against the same steps in plain float64 with finite differences.
func TestSimSiamStepsAreThoseOfThePaper(t *testing.T) {
	lars := optim.DefaultLARS()
	lars.WeightDecay, lars.Trust = 0.1, 0.02
	sgd := optim.DefaultSGD()
	sgd.Mask, sgd.WeightDecay = optim.Exclude1D, 0.01
	for _, c := range []struct {
		name      string
		change    func(*method.SimSiam)
		optimizer optim.Config
		rate      float64
	}{
		{"the paper's for CIFAR-10", func(*method.SimSiam) {}, sgd, 0.2},
		{"three layers", func(m *method.SimSiam) { m.Layers, m.Hidden = 3, 8 }, sgd, 0.1},
		{"as wide as the encoder", func(m *method.SimSiam) { m.Hidden = 0 }, sgd, 0.1},
		{"lars", func(*method.SimSiam) {}, lars, 0.5},
	} {
		for _, d := range []string{"cpu", "go"} {
			t.Run(c.name+" on "+d, func(t *testing.T) {
				m := smallSimSiam()
				c.change(&m)
				testSteps(t, d, m, &simsiamPaper{SimSiam: m}, c.optimizer, c.rate)
			})
		}
	}
}

// The projector's last norm has no parameters; the predictor's last layer has a bias and no norm.
func TestSimSiamTrainsThePartsOfItsHeads(t *testing.T) {
	want := []string{"/backbone/dense/weights", "/predictor/layer_1/bias"}
	for _, part := range []string{"/predictor", "/projector"} {
		want = append(want, part+"/layer_0/norm/offset", part+"/layer_0/norm/scale", part+"/layer_0/weights", part+"/layer_1/weights")
	}
	slices.Sort(want)
	if got := trainedBy(t, smallSimSiam()); !slices.Equal(got, want) {
		t.Errorf("trained are %v, want %v", got, want)
	}
}

// Chen and He 2021, section 3 and facebookresearch/simsiam for large pictures, appendix D for small ones.
func TestSimSiamDefaultsArePublished(t *testing.T) {
	for _, c := range []struct {
		size, layers, hidden int
		blur                 float64
	}{{32, 2, 2048, 0}, {64, 2, 2048, 0}, {65, 3, 0, 0.5}, {224, 3, 0, 0.5}} {
		m := method.DefaultSimSiam(c.size)
		if err := m.Validate(); err != nil {
			t.Errorf("%d px: %v", c.size, err)
		}
		want := positive.MoCoV2(c.size)
		want.Blur = c.blur
		if c.size <= method.SmallImage {
			want.CenterCrop = 1
		}
		if m.Layers != c.layers || m.Hidden != c.hidden || m.Out != 2048 || m.Predictor != 512 || !slices.Equal(m.Views(), []positive.ImageConfig{want, want}) {
			t.Errorf("%d px: %+v", c.size, m)
		}
	}
}

func TestSimSiamValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*method.SimSiam)
	}{
		{"projector_layers", func(m *method.SimSiam) { m.Layers = 0 }},
		{"projector_layers", func(m *method.SimSiam) { m.Layers = 9 }},
		{"projector_hidden", func(m *method.SimSiam) { m.Hidden = -1 }},
		{"projector_out", func(m *method.SimSiam) { m.Out = 1 }},
		{"predictor_hidden", func(m *method.SimSiam) { m.Predictor = 0 }},
		{"augment.flip", func(m *method.SimSiam) { m.Augment.Flip = 2 }},
	} {
		m := method.DefaultSimSiam(32)
		c.change(&m)
		checkNames(t, m, c.want)
	}
}
