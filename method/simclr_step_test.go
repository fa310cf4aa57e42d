package method_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
)

// simclrPaper is algorithm 1 of Chen et al. 2020.
type simclrPaper struct{ method.SimCLR }

// rows are the embeddings of all views, the first views of all items and then the second ones, and the statistics of the last
// batch norm.
func (m simclrPaper) rows(p params, in given) (z [][]float64, mean, variance []float64) {
	hidden := m.Hidden
	if hidden == 0 {
		hidden = width
	}
	mlp := nn.MLP{Layers: m.Layers, Hidden: hidden, Out: m.Out, HiddenNorm: true, OutNorm: true}
	return head(p, "/projector", mlp, encode(p, "/backbone", slices.Concat(in.views...)))
}

func (m simclrPaper) loss(p params, in given) (value float64) {
	x, _, _ := m.rows(p, in)
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
	return value
}

// before moves the running statistics of the last batch norm towards the batch's.
func (m simclrPaper) before(p params, in given) {
	x, mean, variance := m.rows(p, in)
	rows := float64(len(x))
	runningMean, runningVariance := p[m.lastNorm()+"running_mean"], p[m.lastNorm()+"running_variance"]
	for i := range mean {
		runningMean[i] = 0.9*runningMean[i] + 0.1*mean[i]
		runningVariance[i] = 0.9*runningVariance[i] + 0.1*variance[i]*rows/(rows-1)
	}
}

func (m simclrPaper) after(params, given) {}

func (m simclrPaper) follows(path string) bool {
	return !strings.Contains(path, "/running_") || strings.HasPrefix(path, m.lastNorm())
}

func (m simclrPaper) lastNorm() string { return fmt.Sprintf("/projector/layer_%d/norm/", m.Layers-1) }

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
				testSteps(t, d, m, simclrPaper{m}, c.optimizer, c.rate)
			})
		}
	}
}

// What is trained are the parts of the head: no biases where a norm follows, and no offset in the last layer's norm.
func TestSimCLRTrainsThePartsOfItsHead(t *testing.T) {
	for layers := 1; layers <= 3; layers++ {
		m := method.DefaultSimCLR(32)
		m.Layers = layers
		want := []string{"/backbone/dense/weights"}
		for layer := range layers {
			path := fmt.Sprintf("/projector/layer_%d/", layer)
			want = append(want, path+"weights", path+"norm/scale")
			if layer < layers-1 {
				want = append(want, path+"norm/offset")
			}
		}
		slices.Sort(want)
		if got := trainedBy(t, m); !slices.Equal(got, want) {
			t.Errorf("%d layers: trained are %v, want %v", layers, got, want)
		}
	}
}
