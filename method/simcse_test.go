package method_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
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

// The sizes of the test's texts. Token 0 is padding.
const (
	words  = 7 // in the vocabulary
	length = 4 // of a text, in tokens
)

// keeps says whether the test's dropout keeps a number of the representation of a row: a mask that every row has its own of.
func keeps(row, column int) bool { return (3*row+2*column+row/items)%4 != 0 }

// wordEncoder is hidden = tanh(e W + mean(e) V), e being the vectors of the tokens, the mean that of the real ones, and W's part
// under dropout: each token knows of all, and padding of nothing that matters.
func wordEncoder(scope *model.Scope, tokens backbone.Tokens) *graph.Node {
	rows := tokens.IDs.Shape().Dim(0)
	table := nn.Parameter(scope, "table", nn.Normal(1), words, width).NodeValue(tokens.IDs)
	e := graph.Gather(table, graph.InsertAxes(tokens.IDs, -1)) // [rows, length, width]
	real := graph.ConvertDType(graph.InsertAxes(tokens.Mask, -1), dtypes.Float32)
	mean := graph.Div(graph.ReduceSum(graph.Mul(e, real), 1), graph.ReduceSum(real, 1))
	kept := make([]float32, 0, rows*width)
	for row := range rows {
		for column := range width {
			kept = append(kept, map[bool]float32{true: 4. / 3}[keeps(row, column)])
		}
	}
	dropout := graph.Reshape(graph.Const(e.Graph(), kept), rows, 1, width)
	own := graph.Mul(nn.Dense(scope.At("own"), e, width, false), dropout)
	return graph.Tanh(graph.Add(own, graph.InsertAxes(nn.Dense(scope.At("others"), mean, width, false), 1)))
}

// worded is a method on items of so many texts.
type worded struct {
	method.TextMethod
	texts int
}

func (w worded) NeedsLabels() bool { return method.NeedsLabels(w.TextMethod) }

// draw draws texts of one to four tokens. Some of what means the same is in the batch twice.
func (w worded) draw(normal func() float64) [][][]int {
	texts := make([][][]int, w.texts)
	for text := range texts {
		texts[text] = make([][]int, items)
		for item := range items {
			tokens := make([]int, length)
			for i := range 1 + (item+text)%length {
				tokens[i] = 1 + int(math.Abs(normal())*1000)%(words-1)
			}
			texts[text][item] = tokens
		}
	}
	texts[0][3] = texts[0][0]
	if w.texts > 1 {
		texts[1][1] = texts[0][4]
		texts[1][5] = texts[1][2]
	}
	if w.texts > 2 {
		texts[2][2] = texts[0][5]
		texts[2][4] = texts[1][0]
		texts[2][3] = texts[1][3]
		texts[w.texts-1][1] = texts[0][1] // which no rule applied to, where the last text is made
	}
	return texts
}

// tokensOf are a text's tokens and mask as a graph's inputs.
func tokensOf(text [][]int) (ids, mask *tensors.Tensor) {
	var flat []int32
	var real []bool
	for _, tokens := range text {
		for _, token := range tokens {
			flat, real = append(flat, int32(token)), append(real, token != 0)
		}
	}
	return tensors.FromFlatDataAndDimensions(flat, items, length), tensors.FromFlatDataAndDimensions(real, items, length)
}

// simcsePaper is Gao et al. 2021 with the authors' hard_negative_weight.
type simcsePaper struct{ method.SimCSE }

// embed is the embedding of a text that is the given row of what the encoder sees.
func (m simcsePaper) embed(p params, tokens []int, row int) []float64 {
	h := [][]float64{pooledWords(p, "/backbone", tokens, row, m.Pooling)}
	for _, layer := range []string{"/projector", "/backbone/dense"} {
		if bias, found := p[layer+"/bias"]; found {
			h = times(h, p[layer+"/weights"], width)
			for i := range width {
				h[0][i] = math.Tanh(h[0][i] + bias[i])
			}
		}
	}
	return h[0]
}

// pooledWords is the wordEncoder in a scope on a text that is the given row of what it sees.
func pooledWords(p params, scope string, tokens []int, row int, pooling backbone.Pooling) []float64 {
	real := slices.DeleteFunc(slices.Clone(tokens), func(token int) bool { return token == 0 })
	var e [][]float64
	mean := [][]float64{make([]float64, width)}
	for _, token := range real {
		e = append(e, p[scope+"/table"][token*width:(token+1)*width])
		for i := range width {
			mean[0][i] += e[len(e)-1][i] / float64(len(real))
		}
	}
	others := times(mean, p[scope+"/others/weights"], width)[0]
	h := make([]float64, width)
	hidden := times(e, p[scope+"/own/weights"], width)
	for i := range width {
		for t := range hidden {
			if keeps(row, i) {
				hidden[t][i] *= 4. / 3
			} else {
				hidden[t][i] = 0
			}
			hidden[t][i] = math.Tanh(hidden[t][i] + others[i])
			h[i] += hidden[t][i] / float64(len(real))
		}
		switch pooling {
		case backbone.PoolCLS:
			h[i] = hidden[0][i]
		case backbone.PoolLast:
			h[i] = hidden[len(real)-1][i]
		}
	}
	return h
}

func (m simcsePaper) loss(p params, in given) (value float64) {
	anchors, positives := in.texts[0], in.texts[0]
	if len(in.texts) > 1 {
		positives = in.texts[1]
	}
	var h, plus [items][]float64
	hard := in.texts[min(2, len(in.texts)):]
	minus := make([][items][]float64, len(hard))
	for i := range items {
		h[i], plus[i] = m.embed(p, anchors[i], i), m.embed(p, positives[i], items+i)
		for k := range hard {
			minus[k][i] = m.embed(p, hard[k][i], (2+k)*items+i)
		}
	}
	term := func(a, b []float64, bonus float64) float64 {
		return math.Exp(similarity(loss.Cosine, a, b)/m.Temperature + bonus)
	}
	for i := range items {
		sum := 0.0
		for j := range items {
			if i == j || !m.together(in, anchors, positives, i, j) {
				sum += term(h[i], plus[j], 0)
			}
			for k := range hard {
				if m.MaskDuplicates && (slices.Equal(hard[k][j], anchors[i]) || slices.Equal(hard[k][j], positives[i])) {
					continue
				}
				if m.Negatives.On() && k == len(hard)-1 && slices.Equal(hard[k][j], anchors[j]) {
					continue
				}
				bonus := 0.0
				if i == j {
					bonus = m.HardNegativeWeight
				}
				sum += term(h[i], minus[k][j], bonus)
			}
		}
		value -= math.Log(term(h[i], plus[i], 0)/sum) / items
	}
	return value
}

// together says whether two items' sentences are known to mean the same.
func (m simcsePaper) together(in given, anchors, positives [][]int, i, j int) bool {
	if m.MaskClasses && in.labels[i] >= 0 && in.labels[i] == in.labels[j] {
		return true
	}
	return m.MaskDuplicates && (slices.Equal(anchors[i], anchors[j]) || slices.Equal(anchors[i], positives[j]) ||
		slices.Equal(positives[i], anchors[j]) || slices.Equal(positives[i], positives[j]))
}

func (simcsePaper) before(params, given) {}
func (simcsePaper) after(params, given)  {}
func (simcsePaper) follows(string) bool  { return true }

// A few SimCSE steps, on either device, against the same steps in plain float64 with finite differences.
func TestSimCSEStepsAreThoseOfThePaper(t *testing.T) {
	sgd := optim.DefaultSGD()
	sgd.WeightDecay = 0.01
	plain := func(m *method.SimCSE) { m.MaskDuplicates = false }
	for _, c := range []struct {
		name   string
		texts  int
		change func(*method.SimCSE)
	}{
		{"unsupervised", 1, func(*method.SimCSE) {}},
		{"the paper's plain form", 1, plain},
		{"unsupervised, mean", 1, func(m *method.SimCSE) { m.Pooling, m.MLP = backbone.PoolMean, method.MLPNone }},
		{"classes", 1, func(m *method.SimCSE) { m.MaskClasses = true }},
		{"pairs", 2, func(*method.SimCSE) {}},
		{"triplets", 3, func(*method.SimCSE) {}},
		{"triplets with weight", 3, func(m *method.SimCSE) { m.HardNegativeWeight, m.MaskClasses = 0.7, true }},
		{"the paper's plain triplets", 3, plain},
		{"made negatives", 3, func(m *method.SimCSE) { m.Negatives.Number = true }},
		{"made negatives, the paper's plain form", 3, func(m *method.SimCSE) { m.Negatives.Number, m.MaskDuplicates = true, false }},
		{"made negatives beside given ones", 4, func(m *method.SimCSE) { m.Negatives.Number, m.HardNegativeWeight = true, 0.7 }},
		{"mean of triplets, an MLP in training only", 3, func(m *method.SimCSE) { m.Pooling, m.MLP = backbone.PoolMean, method.MLPTraining }},
	} {
		for _, d := range []string{"cpu", "go"} {
			t.Run(c.name+" on "+d, func(t *testing.T) {
				m := method.DefaultSimCSE(c.texts)
				m.Temperature = 0.5 // at 0.05 float32 has too few digits for the test's tolerance
				c.change(&m)
				testSteps(t, d, worded{m, c.texts}, simcsePaper{m}, sgd, 0.1)
			})
		}
	}
}

// How many texts of an item an encoder sees, by how many its row has.
func TestSimCSECountsWhatItMakesOfTexts(t *testing.T) {
	for _, c := range []struct {
		change func(*method.SimCSE)
		want   [3]int
	}{
		{func(*method.SimCSE) {}, [3]int{1, 2, 3}},
		{func(m *method.SimCSE) { m.Positive.Delete = 0.1 }, [3]int{2, 2, 3}},
		{func(m *method.SimCSE) { m.Negatives.Negation = true }, [3]int{3, 3, 4}},
		{func(m *method.SimCSE) { m.Positive.Crop, m.Negatives.Entity = 0.1, true }, [3]int{3, 3, 4}},
	} {
		m := method.DefaultSimCSE(1)
		c.change(&m)
		for i, want := range c.want {
			if got := m.Views().Count(i + 1); got != want {
				t.Errorf("%+v: a row of %d has %d texts, want %d", m.Views(), i+1, got, want)
			}
		}
	}
}

// Gao et al. 2021, section 6.3 and appendices A and D; princeton-nlp/SimCSE, the two example scripts and train.py.
func TestSimCSEDefaultsArePublished(t *testing.T) {
	for texts, mlp := range map[int]method.MLPUse{1: method.MLPTraining, 2: method.MLPAlways, 3: method.MLPAlways} {
		want := method.SimCSE{Temperature: 0.05, Pooling: backbone.PoolCLS, MLP: mlp, MaskDuplicates: true}
		if got := method.DefaultSimCSE(texts); got != want || got.Validate() != nil {
			t.Errorf("%d texts: %+v, %v", texts, got, got.Validate())
		}
	}
}

// What is saved with the encoder is what inference uses: the MLP of the supervised form, and none of the unsupervised.
func TestSimCSETrainsTheMLPWhereItBelongs(t *testing.T) {
	for use, layer := range map[method.MLPUse]string{method.MLPTraining: "/projector", method.MLPAlways: "/backbone/dense", method.MLPNone: ""} {
		m := method.DefaultSimCSE(1)
		m.MLP = use
		want := []string{"/backbone/others/weights", "/backbone/own/weights", "/backbone/table"}
		if layer != "" {
			want = append(want, layer+"/bias", layer+"/weights")
		}
		slices.Sort(want)
		if got := trainedBy(t, worded{m, 1}); !slices.Equal(got, want) {
			t.Errorf("mlp %s trains %v, want %v", use, got, want)
		}
		if got := m.Sentence(); got != (method.Sentence{Pooling: backbone.PoolCLS, Dense: use == method.MLPAlways}) {
			t.Errorf("mlp %s: inference has %+v", use, got)
		}
	}
}

// Unsupervised, the encoder sees every sentence twice in one batch: what tells its two embeddings apart is dropout alone.
func TestSimCSEViewsDifferByDropoutAlone(t *testing.T) {
	backend, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	m := method.DefaultSimCSE(1)
	calls := 0
	exec, err := model.NewExec(backend, model.NewStore(), func(scope *model.Scope, inputs []*graph.Node) []*graph.Node {
		var seen backbone.Tokens
		encoder := func(scope *model.Scope, tokens backbone.Tokens) *graph.Node {
			calls++
			seen = tokens
			return wordEncoder(scope, tokens)
		}
		out := m.Loss(scope, encoder, method.Batch{Texts: []backbone.Tokens{{IDs: inputs[0], Mask: inputs[1]}}})
		return []*graph.Node{seen.IDs, seen.Mask, out.Embeddings}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	text := worded{m, 1}.draw(rng.New(3, 0, 0, 0).NormFloat64)[0]
	ids, mask := tokensOf(text)
	out, err := exec.Call(ids, mask)
	if err != nil {
		t.Fatal(err)
	}
	if calls != 1 {
		t.Errorf("the encoder is built %d times", calls)
	}
	seen, real := tensors.MustCopyFlatData[int32](out[0]), tensors.MustCopyFlatData[bool](out[1])
	if half := items * length; len(seen) != 2*half || !slices.Equal(seen[:half], seen[half:]) || !slices.Equal(real[:half], real[half:]) {
		t.Errorf("it sees %v with the mask %v", seen, real)
	}
	if z := floats(out[2]); slices.Equal(z[:items*width], z[items*width:]) {
		t.Error("the two embeddings of a sentence are the same: the test shows nothing")
	}
}

// Whatever stands where a mask says that nothing is, the representation is the same.
func TestRepresentationsDoNotSeePadding(t *testing.T) {
	backend, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	for _, s := range []method.Sentence{{Pooling: backbone.PoolCLS}, {Pooling: backbone.PoolMean}, {Pooling: backbone.PoolMean, Dense: true}} {
		store := model.NewStore()
		nn.SetSeed(store, 1)
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, inputs []*graph.Node) *graph.Node {
			return s.Represent(scope, wordEncoder, backbone.Tokens{IDs: inputs[0], Mask: inputs[1]})
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		text := worded{method.DefaultSimCSE(1), 1}.draw(rng.New(3, 0, 0, 0).NormFloat64)[0]
		ids, mask := tokensOf(text)
		other := tensors.MustCopyFlatData[int32](ids)
		for i, real := range tensors.MustCopyFlatData[bool](mask) {
			if !real {
				other[i] = 5
			}
		}
		var got [2][]float64
		for i, x := range []*tensors.Tensor{ids, tensors.FromFlatDataAndDimensions(other, items, length)} {
			h, err := exec.Call1(x, mask)
			if err != nil {
				t.Fatal(err)
			}
			got[i] = floats(h)
		}
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%+v: padding shows", s)
		}
	}
}

func TestSimCSENamesTheField(t *testing.T) {
	for want, change := range map[string]func(*method.SimCSE){
		"temperature":          func(m *method.SimCSE) { m.Temperature = 0 },
		"hard_negative_weight": func(m *method.SimCSE) { m.HardNegativeWeight = math.NaN() },
		"pooling":              func(m *method.SimCSE) { m.Pooling = "max" },
		"mlp":                  func(m *method.SimCSE) { m.MLP = "sometimes" },
	} {
		m := method.DefaultSimCSE(1)
		change(&m)
		if err := m.Validate(); err == nil || !strings.HasPrefix(err.Error(), want+" ") {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
}
