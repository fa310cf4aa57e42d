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
)

// swavPaper is a step of train in facebookresearch/swav, main_swav.py. What it takes as given while it looks for the gradient
// are the codes and, in a step that leaves them alone, the prototypes. Its queues are those of the authors, which start empty.
type swavPaper struct {
	method.SwAV
	codes  [][][]float64 // of each large crop, [picture][prototype]
	frozen []float64
	queues [2][][]float64 // of each large crop, newest first
}

const (
	prototypesPath = "/prototypes/weights"
	swavNorm       = "/projector/layer_0/norm/"
)

// embeddings are the unit rows of all crops, one crop after the other, and the statistics of the head's batch norm.
func (m *swavPaper) embeddings(p params, in given) (z [][]float64, mean, variance []float64) {
	hidden := m.Hidden
	if hidden == 0 {
		hidden = width
	}
	mlp := nn.MLP{Layers: 2, Hidden: hidden, Out: m.Out, HiddenNorm: true, OutBias: true}
	z, mean, variance = head(p, "/projector", mlp, encode(p, "/backbone", slices.Concat(in.views...)))
	for _, row := range z {
		unit(row)
	}
	return z, mean, variance
}

// unit gives a vector the length 1.
func unit(v []float64) {
	length := norm(v)
	for i := range v {
		v[i] /= length
	}
}

// scores are the products of rows with all prototypes, and c is where these lie one after the other.
func scores(rows [][]float64, c []float64) [][]float64 {
	list := make([][]float64, len(rows))
	for r, row := range rows {
		for prototype := range slices.Chunk(c, len(row)) {
			product := 0.0
			for i, v := range row {
				product += v * prototype[i]
			}
			list[r] = append(list[r], product)
		}
	}
	return list
}

// sinkhorn is distributed_sinkhorn of the authors' code.
func (m *swavPaper) sinkhorn(scores [][]float64) [][]float64 {
	rows, prototypes := len(scores), len(scores[0])
	q := make([][]float64, rows)
	for r, row := range scores {
		for _, s := range row {
			q[r] = append(q[r], math.Exp(s/m.Epsilon))
		}
	}
	for range m.Iterations {
		for k := range prototypes {
			sum := 0.0
			for r := range q {
				sum += q[r][k]
			}
			for r := range q {
				q[r][k] /= sum * float64(prototypes)
			}
		}
		for r := range q {
			sum := 0.0
			for _, v := range q[r] {
				sum += v
			}
			for k := range q[r] {
				q[r][k] /= sum * float64(rows)
			}
		}
	}
	for r := range q {
		for k := range q[r] {
			q[r][k] *= float64(rows)
		}
	}
	return q
}

func (m *swavPaper) before(p params, in given) {
	c := p[prototypesPath]
	for prototype := range slices.Chunk(c, m.Out) {
		unit(prototype)
	}
	m.frozen = nil
	if in.step < m.FreezeSteps {
		m.frozen = slices.Clone(c)
	}
	z, mean, variance := m.embeddings(p, in)
	rows := float64(len(z))
	for i := range mean {
		runningMean, runningVariance := p[swavNorm+"running_mean"], p[swavNorm+"running_variance"]
		runningMean[i] = 0.9*runningMean[i] + 0.1*mean[i]
		runningVariance[i] = 0.9*runningVariance[i] + 0.1*variance[i]*rows/(rows-1)
	}
	m.codes = m.codesOf(z, c, func(large int, own [][]float64) [][]float64 { return m.earlier(p, in, large, own) })
}

// earlier are the embeddings that join those of a large crop in this step, whose own it pushes to the queue: nothing before the
// epoch that starts it, when it is all zeros, nor until its last row is none.
func (m *swavPaper) earlier(p params, in given, large int, own [][]float64) (rows [][]float64) {
	if m.Queue == 0 {
		return nil
	}
	queue := &m.queues[large]
	if in.step/in.perEpoch >= m.QueueEpochs {
		if *queue == nil {
			*queue = make([][]float64, m.Queue)
		}
		if (*queue)[m.Queue-1] != nil {
			rows = *queue
		}
		*queue = slices.Concat(own, *queue)[:m.Queue]
	}
	// The variable has the newest of all rows, since it is not waited for.
	path := fmt.Sprintf("/queue/crop_%d/", large)
	keys := p[path+"keys"]
	copy(keys, slices.Concat(slices.Concat(own...), keys))
	p[path+"filled"][0] = min(float64(m.Queue), p[path+"filled"][0]+items)
	return rows
}

// codesOf are the codes of each large crop. Earlier embeddings, if there are any, stand before its own.
func (m *swavPaper) codesOf(z [][]float64, c []float64, earlier func(large int, own [][]float64) [][]float64) (codes [][][]float64) {
	for large := range 2 {
		own := z[large*items : (large+1)*items]
		with := own
		if earlier != nil {
			with = slices.Concat(earlier(large, own), own)
		}
		codes = append(codes, m.sinkhorn(scores(with, c))[len(with)-items:])
	}
	return codes
}

func (m *swavPaper) loss(p params, in given) float64 {
	c := p[prototypesPath]
	if m.frozen != nil {
		c = m.frozen
	}
	z, _, _ := m.embeddings(p, in)
	return m.swapped(scores(z, c), m.codes)
}

// swapped is the mean, over the large crops and the crops that are another, of how badly codes are predicted.
func (m *swavPaper) swapped(scores [][]float64, codes [][][]float64) (value float64) {
	crops := len(scores) / items
	for large, code := range codes {
		for crop := range crops {
			if crop == large {
				continue
			}
			for i, q := range code {
				row, sum := scores[crop*items+i], 0.0
				for _, v := range row {
					sum += math.Exp(v / m.Temperature)
				}
				for k := range q {
					value -= q[k] * (row[k]/m.Temperature - math.Log(sum)) / float64(items*(crops-1)*2)
				}
			}
		}
	}
	return value
}

func (m *swavPaper) after(params, given) {}

func (m *swavPaper) follows(path string) bool {
	return !strings.Contains(path, "/running_") || strings.HasPrefix(path, swavNorm)
}

// A few SwAV steps, on either device, against the same steps in plain float64 with finite differences.
func TestSwAVStepsAreThoseOfThePaper(t *testing.T) {
	base := method.DefaultSwAV(32)
	base.Out, base.Prototypes = out, 4
	larc := optim.DefaultLARC()
	larc.WeightDecay, larc.Trust = 0.1, 0.02
	sgd := optim.DefaultSGD()
	sgd.WeightDecay = 0.01
	for _, c := range []struct {
		name      string
		change    func(*method.SwAV)
		optimizer optim.Config
		rate      float64
	}{
		{"two crops", func(*method.SwAV) {}, larc, 0.5},
		{"sgd", func(*method.SwAV) {}, sgd, 0.1},
		{"small crops", func(m *method.SwAV) { m.SmallCrops = 2 }, larc, 0.5},
		{"frozen at first", func(m *method.SwAV) { m.FreezeSteps = 2 }, larc, 0.5},
		{"frozen at first, sgd", func(m *method.SwAV) { m.FreezeSteps = 2 }, sgd, 0.1},
		{"queue of two batches", func(m *method.SwAV) { m.Queue = 2 * items }, larc, 0.5},
		{"queue of a batch and a half", func(m *method.SwAV) { m.Queue = 8 }, larc, 0.5},
		{"queue from an epoch on", func(m *method.SwAV) { m.Queue, m.QueueEpochs = items, 1 }, larc, 0.5},
		{"all of it", func(m *method.SwAV) { m.SmallCrops, m.FreezeSteps, m.Queue, m.Hidden = 3, 1, items, 6 }, larc, 0.5},
		{"other numbers", func(m *method.SwAV) { m.Temperature, m.Epsilon, m.Iterations = 0.2, 0.1, 1 }, sgd, 0.02},
	} {
		for _, d := range []string{"cpu", "go"} {
			t.Run(c.name+" on "+d, func(t *testing.T) {
				m := base
				c.change(&m)
				testSteps(t, d, m, &swavPaper{SwAV: m}, c.optimizer, c.rate)
			})
		}
	}
}
