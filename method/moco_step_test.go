package method_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
)

// normed is a method on an encoder with batch norm, whatever encoder it is given.
type normed struct{ method.ImageMethod }

func (m normed) Loss(scope *model.Scope, _ backbone.Encoder, batch method.Batch) method.Output {
	return m.ImageMethod.Loss(scope, normEncoder{}, batch)
}

// mocoPaper is algorithm 1 of He et al. 2020 with any head, and with the symmetric loss and the split batch norm of the authors'
// demo on CIFAR-10.
type mocoPaper struct {
	method.MoCo
	head   nn.MLP
	normed bool // whether the encoder has batch norm
}

// network is the query network, or with the scope "/target" the key network, on a view: rows of length 1. group says which
// rows' statistics a row is normalised with. It also returns the statistics, averaged over the groups.
func (m mocoPaper) network(p params, scope string, view [][]float64, group func(row int) int) (z [][]float64, mean, variance []float64) {
	h := times(view, p[scope+"/backbone/dense/weights"], width)
	if m.normed {
		mean, variance = make([]float64, width), make([]float64, width)
		norm := scope + "/backbone/norm/"
		for g := range m.Groups {
			var part [][]float64
			for row := range h {
				if group(row) == g {
					part = append(part, h[row])
				}
			}
			partMean, partVariance := batchNorm(part, p[norm+"scale"], p[norm+"offset"])
			for i := range width {
				mean[i] += partMean[i] / float64(m.Groups)
				variance[i] += partVariance[i] / float64(m.Groups)
			}
		}
	}
	for _, row := range h {
		for i, v := range row {
			row[i] = math.Tanh(v)
		}
	}
	z, _, _ = head(p, scope+"/projector", m.head, h)
	for _, row := range z {
		length := norm(row)
		for i := range row {
			row[i] /= length
		}
	}
	return z, mean, variance
}

// A query's group is every so many rows, a key's consecutive rows.
func (m mocoPaper) query(p params, view [][]float64) (q [][]float64, mean, variance []float64) {
	return m.network(p, "", view, func(row int) int { return row % m.Groups })
}

func (m mocoPaper) key(p params, view [][]float64) (k [][]float64, mean, variance []float64) {
	return m.network(p, "/target", view, func(row int) int { return row / (items / m.Groups) })
}

// before moves the key network after the query network, and then the running statistics of both after the batch's.
func (m mocoPaper) before(p params, in given) {
	for path := range p {
		online, isTarget := strings.CutPrefix(path, "/target")
		if !isTarget || strings.Contains(path, "/running_") {
			continue
		}
		for i, v := range p[online] {
			p[path][i] = m.Momentum*p[path][i] + (1-m.Momentum)*v
		}
	}
	if !m.normed {
		return
	}
	queries, keys := in.views[:1], in.views[1:]
	if m.Symmetric {
		queries, keys = in.views, [][][]float64{in.views[1], in.views[0]}
	}
	for _, view := range queries {
		_, mean, variance := m.query(p, view)
		m.moveStatistics(p, "", mean, variance)
	}
	for _, view := range keys {
		_, mean, variance := m.key(p, view)
		m.moveStatistics(p, "/target", mean, variance)
	}
}

func (m mocoPaper) moveStatistics(p params, scope string, mean, variance []float64) {
	rows := float64(items / m.Groups)
	for i := range mean {
		runningMean, runningVariance := p[scope+"/backbone/norm/running_mean"], p[scope+"/backbone/norm/running_variance"]
		runningMean[i] = 0.9*runningMean[i] + 0.1*mean[i]
		runningVariance[i] = 0.9*runningVariance[i] + 0.1*variance[i]*rows/(rows-1)
	}
}

func (m mocoPaper) loss(p params, in given) float64 {
	value := m.oneWay(p, in.views[0], in.views[1])
	if m.Symmetric {
		value += m.oneWay(p, in.views[1], in.views[0])
	}
	return value
}

// oneWay is equation 1, averaged over the queries.
func (m mocoPaper) oneWay(p params, queryView, keyView [][]float64) (value float64) {
	q, _, _ := m.query(p, queryView)
	k, _, _ := m.key(p, keyView)
	dot := func(a, b []float64) (sum float64) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	for i := range q {
		positive := math.Exp(dot(q[i], k[i]) / m.Temperature)
		denominator := positive
		for row := range int(p["/queue/filled"][0]) {
			denominator += math.Exp(dot(q[i], p["/queue/keys"][row*out:(row+1)*out]) / m.Temperature)
		}
		value -= math.Log(positive/denominator) / items
	}
	return value
}

// after puts the keys in front of the queue.
func (m mocoPaper) after(p params, in given) {
	keys, _, _ := m.key(p, in.views[1])
	if m.Symmetric {
		first, _, _ := m.key(p, in.views[0])
		keys = append(first, keys...)
	}
	queue := slices.Concat(slices.Concat(keys...), p["/queue/keys"])
	copy(p["/queue/keys"], queue)
	p["/queue/filled"][0] = min(p["/queue/filled"][0]+float64(len(keys)), float64(m.Queue))
}

func (mocoPaper) follows(string) bool { return true }

// The heads of the two versions, as the papers have them.
var (
	headV1 = nn.MLP{Layers: 1, Out: out, OutBias: true}
	headV2 = nn.MLP{Layers: 2, Hidden: width, Out: out, OutBias: true}
)

// A few steps of both versions, on either device, against the same steps in plain float64 with finite differences: loss, weights,
// key network, batch norm's statistics and queue, which is empty, then partly filled, then wraps.
func TestMoCoStepsAreThoseOfThePaper(t *testing.T) {
	base := method.DefaultMoCo(224)
	base.Out, base.Queue, base.Momentum, base.Groups = out, 8, 0.9, 1
	sgd := optim.DefaultSGD()
	sgd.WeightDecay = 0.01
	for _, c := range []struct {
		name   string
		change func(*method.MoCo)
		normed bool
	}{
		{"the paper's", func(*method.MoCo) {}, false},
		{"a queue that is never full", func(m *method.MoCo) { m.Queue = 100 }, false},
		{"a queue shorter than the batch", func(m *method.MoCo) { m.Queue = 4 }, false},
		{"symmetric", func(m *method.MoCo) { m.Symmetric, m.Queue = true, 15 }, false},
		{"keys of a network that stays", func(m *method.MoCo) { m.Momentum = 1 }, false},
		{"batch norm", func(*method.MoCo) {}, true},
		{"split batch norm", func(m *method.MoCo) { m.Groups = 2 }, true},
		{"split batch norm, symmetric", func(m *method.MoCo) { m.Groups, m.Symmetric = 2, true }, true},
	} {
		m := base
		c.change(&m)
		m2 := method.MoCoV2{MoCo: m}
		m2.Temperature = 0.2
		for _, version := range []struct {
			method method.ImageMethod
			paper  mocoPaper
		}{
			{m, mocoPaper{m, headV1, c.normed}},
			{m2, mocoPaper{m2.MoCo, headV2, c.normed}},
		} {
			if c.normed {
				version.method = normed{version.method}
			}
			for _, d := range []string{"cpu", "go"} {
				t.Run(fmt.Sprintf("%s of %s on %s", c.name, version.method.Name(), d), func(t *testing.T) {
					testSteps(t, d, version.method, version.paper, sgd, 0.1)
				})
			}
		}
	}
}

// Encoder and head of the key network start as copies of the query network's, and are not trained. The heads are the papers':
// linear, and two layers without batch norm, all with biases.
func TestMoCoStartsFromACopy(t *testing.T) {
	for _, c := range []struct {
		method method.ImageMethod
		want   []string
	}{
		{method.DefaultMoCo(224), []string{"/backbone/dense/weights", "/projector/layer_0/bias", "/projector/layer_0/weights"}},
		{method.DefaultMoCoV2(224), []string{"/backbone/dense/weights", "/projector/layer_0/bias", "/projector/layer_0/weights",
			"/projector/layer_1/bias", "/projector/layer_1/weights"}},
	} {
		backend, err := device.Open("go")
		if err != nil {
			t.Fatal(err)
		}
		m := c.method
		store, exec := stepOf(t, backend, oneGroup(m), optim.DefaultSGD(), 0.1)
		values := map[string][]float32{}
		var trained, targets []string
		for v := range store.IterVariables() {
			if strings.HasPrefix(v.Path(), "/optimizer/") || strings.HasPrefix(v.Path(), "/queue/") {
				continue
			}
			values[v.Path()] = tensors.MustCopyFlatData[float32](v.MustValue())
			if v.Trainable {
				trained = append(trained, v.Path())
			}
		}
		for path := range maps.Keys(values) {
			if online, is := strings.CutPrefix(path, "/target"); is {
				targets = append(targets, online)
				if !slices.Equal(values[path], values[online]) {
					t.Errorf("%s: %s starts otherwise than %s", m.Name(), path, online)
				}
			}
		}
		slices.Sort(trained)
		slices.Sort(targets)
		if !slices.Equal(trained, c.want) || !slices.Equal(targets, c.want) {
			t.Errorf("%s: trained are %v and copied %v, want %v", m.Name(), trained, targets, c.want)
		}
		exec.Finalize()
		backend.Finalize()
	}
}

// oneGroup is either version of MoCo with a batch that is not split.
func oneGroup(m method.ImageMethod) method.ImageMethod {
	switch m := m.(type) {
	case method.MoCo:
		m.Groups = 1
		return m
	case method.MoCoV2:
		m.Groups = 1
		return m
	}
	return m
}
