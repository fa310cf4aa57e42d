package method_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/positive"
)

// barlowPaper is algorithm 1 of Zbontar et al. 2021.
type barlowPaper struct{ method.BarlowTwins }

func (m barlowPaper) project(p params, view [][]float64) (z [][]float64, mean, variance []float64) {
	mlp := nn.MLP{Layers: m.Layers, Hidden: m.Hidden, Out: m.Out, HiddenNorm: true}
	return head(p, "/projector", mlp, encode(p, "/backbone", view))
}

func (m barlowPaper) loss(p params, in given) (value float64) {
	ones := slices.Repeat([]float64{1}, m.Out)
	var z [2][][]float64
	for i, view := range in.views {
		z[i], _, _ = m.project(p, view)
		batchNorm(z[i], ones, nil)
	}
	for i := range m.Out {
		for j := range m.Out {
			c := 0.0
			for row := range items {
				c += z[0][row][i] * z[1][row][j] / items
			}
			if i == j {
				value += (1 - c) * (1 - c)
			} else {
				value += m.Lambda * c * c
			}
		}
	}
	return m.Scale * value
}

// before moves the running statistics of the last batch norm towards the first view's, then towards the second's.
func (m barlowPaper) before(p params, in given) {
	for _, view := range in.views {
		if _, mean, variance := m.project(p, view); mean != nil {
			moveStatistics(p, m.lastNorm(), mean, variance)
		}
	}
}

func (m barlowPaper) after(params, given) {}

func (m barlowPaper) follows(path string) bool {
	return !strings.Contains(path, "/running_") || strings.HasPrefix(path, m.lastNorm())
}

func (m barlowPaper) lastNorm() string { return fmt.Sprintf("/projector/layer_%d/norm/", m.Layers-2) }

// smallBarlowTwins has heads of a few numbers, and a λ that shows.
func smallBarlowTwins() method.BarlowTwins {
	m := method.DefaultBarlowTwins(32)
	m.Hidden, m.Out, m.Scale, m.Lambda = 6, out, 1, 0.3
	return m
}

// A few Barlow Twins steps, on either device, against the same steps in plain float64 with finite differences.
func TestBarlowTwinsStepsAreThoseOfThePaper(t *testing.T) {
	lars := optim.DefaultLARS()
	lars.WeightDecay, lars.Trust = 0.1, 0.02
	twoRates := lars
	twoRates.LearningRate, twoRates.BiasLearningRate = 0.2, 0.05
	sgd := optim.DefaultSGD()
	sgd.Mask, sgd.WeightDecay = optim.Exclude1D, 0.01
	for _, c := range []struct {
		name      string
		change    func(*method.BarlowTwins)
		optimizer optim.Config
		rate      float64
	}{
		{"the paper's", func(*method.BarlowTwins) {}, twoRates, 0.5},
		{"one rate", func(*method.BarlowTwins) {}, lars, 0.5},
		{"sgd", func(*method.BarlowTwins) {}, sgd, 0.05},
		{"λ of the paper", func(m *method.BarlowTwins) { m.Lambda = 0.0051 }, sgd, 0.05},
		{"scaled", func(m *method.BarlowTwins) { m.Scale = 0.1 }, sgd, 0.5},
		{"linear projector", func(m *method.BarlowTwins) { m.Layers = 1 }, sgd, 0.05},
	} {
		for _, d := range []string{"cpu", "go"} {
			t.Run(c.name+" on "+d, func(t *testing.T) {
				m := smallBarlowTwins()
				c.change(&m)
				testSteps(t, d, m, barlowPaper{m}, c.optimizer, c.rate)
			})
		}
	}
}

// The projector has no biases, and its last layer no norm.
func TestBarlowTwinsTrainsTheProjectorOfThePaper(t *testing.T) {
	want := []string{
		"/backbone/dense/weights",
		"/projector/layer_0/norm/offset", "/projector/layer_0/norm/scale", "/projector/layer_0/weights",
		"/projector/layer_1/norm/offset", "/projector/layer_1/norm/scale", "/projector/layer_1/weights",
		"/projector/layer_2/weights",
	}
	if got := trainedBy(t, smallBarlowTwins()); !slices.Equal(got, want) {
		t.Errorf("trained are %v, want %v", got, want)
	}
}

// facebookresearch/barlowtwins main.py for large pictures; vturrisi/solo-learn scripts/pretrain/cifar/barlow.yaml for small ones.
func TestBarlowTwinsDefaultsArePublished(t *testing.T) {
	for _, c := range []struct {
		size, width int
		scale       float64
		views       [2]positive.ImageConfig
	}{
		{32, 2048, 0.1, positive.BYOLSmall(32)}, {64, 2048, 0.1, positive.BYOLSmall(64)},
		{65, 8192, 1, positive.BYOL(65)}, {224, 8192, 1, positive.BYOL(224)},
	} {
		m := method.DefaultBarlowTwins(c.size)
		if err := m.Validate(); err != nil {
			t.Errorf("%d px: %v", c.size, err)
		}
		if m.Lambda != 0.0051 || m.Scale != c.scale || m.Layers != 3 || m.Hidden != c.width || m.Out != c.width || !slices.Equal(m.Views(), c.views[:]) {
			t.Errorf("%d px: %+v", c.size, m)
		}
		testPairDiffers(t, m.Views(), c.size)
	}
}

func TestBarlowTwinsValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*method.BarlowTwins)
	}{
		{"lambda", func(m *method.BarlowTwins) { m.Lambda = -1 }},
		{"lambda", func(m *method.BarlowTwins) { m.Lambda = math.NaN() }},
		{"lambda", func(m *method.BarlowTwins) { m.Lambda = math.Inf(1) }},
		{"loss_scale", func(m *method.BarlowTwins) { m.Scale = 0 }},
		{"loss_scale", func(m *method.BarlowTwins) { m.Scale = math.NaN() }},
		{"loss_scale", func(m *method.BarlowTwins) { m.Scale = math.Inf(1) }},
		{"projector_layers", func(m *method.BarlowTwins) { m.Layers = 0 }},
		{"projector_layers", func(m *method.BarlowTwins) { m.Layers = 9 }},
		{"projector_hidden", func(m *method.BarlowTwins) { m.Hidden = 0 }},
		{"projector_out", func(m *method.BarlowTwins) { m.Out = 1 }},
		{"augment_1.flip", func(m *method.BarlowTwins) { m.Augment1.Flip = 2 }},
		{"augment_2.flip", func(m *method.BarlowTwins) { m.Augment2.Flip = 2 }},
		{"augment_2.size", func(m *method.BarlowTwins) { m.Augment2.Size = 16 }},
	} {
		m := method.DefaultBarlowTwins(32)
		c.change(&m)
		checkNames(t, m, c.want)
	}
}
