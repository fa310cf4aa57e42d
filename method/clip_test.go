package method_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/positive"
)

// drawCaptions draws a caption for each picture. Two pictures come with one caption, and another one has a second caption, which came
// with some other picture.
func drawCaptions(normal func() float64, in *given) []*tensors.Tensor {
	text := worded{method.DefaultSimCSE(1), 1}.draw(normal)[0] // items 0 and 3 have one text
	in.texts = [][][]int{text}
	in.own = [][]int{{0, 3}, {1, 5}, {2, 5}, {0, 3}, {4}, {5, 1}}
	ids, mask := tokensOf(text)
	given := tensors.FromFlatDataAndDimensions([]int32{70, 71, 72, 70, 74, 75}, items)
	own := tensors.FromFlatDataAndDimensions([]int32{70, -1, 71, 99, 75, 72, -1, 70, 74, -1, 75, -1}, items, 2)
	texts := tensors.FromFlatDataAndDimensions([]int32{0, 1, 2, 0, 4, 1}, items) // as if tags had made the last of the second
	return []*tensors.Tensor{ids, mask, given, own, texts}
}

// clipPaper is Radford et al. 2021, and Zhai et al. 2023 with sigmoid.
type clipPaper struct{ method.CLIP }

func (m clipPaper) loss(p params, in given) (value float64) {
	images := times(encode(p, "/backbone", in.views[0]), p["/image_projection/weights"], m.Out)
	var texts [][]float64
	for i, tokens := range in.texts[0] {
		h := pooledWords(p, "/text/backbone", tokens, i, m.Pooling)
		texts = append(texts, times([][]float64{h}, p["/text_projection/weights"], m.Out)[0])
	}
	positive := func(i, j int) bool { return i == j || m.MultiPositive && slices.Contains(in.own[i], j) }
	logit := func(i, j int) float64 {
		return math.Exp(p["/logit_scale"][0]) * similarity(loss.Cosine, images[i], texts[j])
	}
	if m.Contrast == method.Sigmoid {
		for i := range items {
			for j := range items {
				y := -1.
				if positive(i, j) {
					y = 1
				}
				value -= math.Log(1/(1+math.Exp(-y*(logit(i, j)+p["/logit_bias"][0])))) / items
			}
		}
		return value
	}
	for anchor := range items {
		var rows, columns float64
		for other := range items {
			rows += math.Exp(logit(anchor, other))
			columns += math.Exp(logit(other, anchor))
		}
		var ofImage, ofText, captions, pictures float64
		for other := range items {
			if positive(anchor, other) {
				ofImage -= math.Log(math.Exp(logit(anchor, other)) / rows)
				captions++
			}
			if positive(other, anchor) {
				ofText -= math.Log(math.Exp(logit(other, anchor)) / columns)
				pictures++
			}
		}
		value += (ofImage/captions + ofText/pictures) / 2 / items
	}
	return value
}

func (clipPaper) before(params, given) {}

func (m clipPaper) after(p params, _ given) {
	p["/logit_scale"][0] = max(0, min(p["/logit_scale"][0], math.Log(m.MaxScale)))
}

func (clipPaper) follows(string) bool { return true }

// A few steps, on either device, against the same steps in plain float64 with finite differences: all weights, the scale with its limits
// and the bias, of which neither decays.
func TestCLIPStepsAreThoseOfThePaper(t *testing.T) {
	sgd := optim.DefaultSGD()
	sgd.WeightDecay, sgd.Mask = 0.1, optim.Exclude1D
	for _, c := range []struct {
		name   string
		change func(*method.CLIP)
	}{
		{"repeated captions", func(*method.CLIP) {}},
		{"the paper's plain form", func(m *method.CLIP) { m.MultiPositive = false }},
		{"a scale at its upper limit", func(m *method.CLIP) { m.MaxScale = 2 }},
		{"a scale at its lower limit", func(m *method.CLIP) { m.Temperature = 1 }},
		{"mean of words", func(m *method.CLIP) { m.Pooling = backbone.PoolMean }},
		{"SigLIP", func(m *method.CLIP) { m.Contrast, m.Bias = method.Sigmoid, -1 }},
		{"SigLIP's plain form", func(m *method.CLIP) { m.Contrast, m.Bias, m.MultiPositive = method.Sigmoid, -1, false }},
		{"frozen pictures", func(m *method.CLIP) { m.FreezeImage = true }},
	} {
		for _, d := range []string{"cpu", "go"} {
			t.Run(c.name+" on "+d, func(t *testing.T) {
				m := method.DefaultCLIP(8, method.Softmax)
				m.Temperature, m.Out = 0.5, out
				c.change(&m)
				testSteps(t, d, m, clipPaper{m}, sgd, 0.2)
			})
		}
	}
}

// Whatever the optimizer made of it, the scale is from 1 to its maximum after a step.
func TestCLIPKeepsTheScaleInItsLimits(t *testing.T) {
	backend, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	m := method.DefaultCLIP(8, method.Softmax)
	for value, want := range map[float32]float64{9: math.Log(100), 4: 4, -0.5: 0} {
		store := model.NewStore()
		if _, err := store.CreateVariable("/logit_scale", tensors.FromScalar(value)); err != nil {
			t.Fatal(err)
		}
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, step *graph.Node) *graph.Node {
			m.AfterStep(scope, method.Batch{Clock: method.Clock{Step: step}})
			return step
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := exec.Call(float32(0)); err != nil {
			t.Fatal(err)
		}
		exec.Finalize()
		if got := floats(store.GetVariable("/logit_scale").MustValue())[0]; !near(got, want, 1e-6) {
			t.Errorf("%g becomes %g, want %g", value, got, want)
		}
	}
}

// Radford et al. 2021, section 2.5; Zhai et al. 2023, section 3.2.
func TestCLIPDefaultsArePublished(t *testing.T) {
	want := method.CLIP{Contrast: method.Softmax, Temperature: 0.07, MaxScale: 100, Out: 512, MultiPositive: true,
		Pooling: backbone.PoolLast, Augment: positive.CLIP(224)}
	if got := method.DefaultCLIP(224, method.Softmax); got != want || got.Validate() != nil {
		t.Errorf("%+v, %v", got, got.Validate())
	}
	want.Contrast, want.Temperature, want.Bias = method.Sigmoid, 0.1, -10
	if got := method.DefaultCLIP(224, method.Sigmoid); got != want || got.Validate() != nil {
		t.Errorf("%+v, %v", got, got.Validate())
	}
}

// The logits' scale starts at 1/τ, and sigmoid's bias where it is said to: for the published settings at ln(1/0.07), and at ln 10 and -10.
func TestCLIPStartsFromItsTemperature(t *testing.T) {
	backend, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	for contrast, want := range map[method.CLIPContrast]map[string]float64{
		method.Softmax: {"/logit_scale": math.Log(1 / 0.07)},
		method.Sigmoid: {"/logit_scale": math.Log(10), "/logit_bias": -10},
	} {
		store, exec := stepOf(t, backend, method.DefaultCLIP(8, contrast), optim.DefaultSGD(), 0.1)
		defer exec.Finalize()
		for path, start := range want {
			if got := floats(store.GetVariable(path).MustValue())[0]; !near(got, start, 1e-6) {
				t.Errorf("%s: %s starts at %g, not %g", contrast, path, got, start)
			}
		}
	}
}

// What is trained, with each of the encoders frozen and with none.
func TestCLIPTrainsWhatIsNotFrozen(t *testing.T) {
	images := []string{"/backbone/dense/weights"}
	texts := []string{"/text/backbone/others/weights", "/text/backbone/own/weights", "/text/backbone/table"}
	rest := []string{"/image_projection/weights", "/logit_scale", "/text_projection/weights"}
	for _, c := range []struct {
		change func(*method.CLIP)
		want   []string
	}{
		{func(*method.CLIP) {}, slices.Concat(images, texts, rest)},
		{func(m *method.CLIP) { m.FreezeImage = true }, slices.Concat(texts, rest)},
		{func(m *method.CLIP) { m.FreezeText = true }, slices.Concat(images, rest)},
		{func(m *method.CLIP) { m.Contrast = method.Sigmoid }, slices.Concat(images, texts, rest, []string{"/logit_bias"})},
	} {
		m := method.DefaultCLIP(8, method.Softmax)
		c.change(&m)
		slices.Sort(c.want)
		if got := trainedBy(t, m); !slices.Equal(got, c.want) {
			t.Errorf("%+v trains %v, want %v", m, got, c.want)
		}
	}
}

// A frozen encoder is as outside training: its batch norm has its running statistics, and keeps them.
func TestFrozenEncodersAreAsOutsideTraining(t *testing.T) {
	backend, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	m := method.DefaultCLIP(8, method.Softmax)
	m.FreezeImage = true
	inputs, _ := draw(m, func() float64 { return 1 }, 0)
	store := model.NewStore()
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		store.SetTraining(in[0].Graph(), true)
		batch := method.Batch{Views: in[2:3], Texts: []backbone.Tokens{{IDs: in[3], Mask: in[4]}}, Captions: method.Captions{Given: in[5], Own: in[6], Texts: in[7]}}
		training := m.Loss(scope, normEncoder{}, wordEncoder, batch).Embeddings
		if !scope.IsTraining(in[0].Graph()) {
			t.Error("the rest of the graph is no longer in training")
		}
		store.SetTraining(in[0].Graph(), false)
		scope = scope.ResetVisited()
		return []*graph.Node{training, m.Space().ProjectImage(scope, m.Space().Image(scope, normEncoder{}, in[2]))}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	nn.SetSeed(store, 1)
	outputs, err := exec.Call(asAny(inputs)...)
	if err != nil {
		t.Fatal(err)
	}
	if training, calm := floats(outputs[0]), floats(outputs[1]); !slices.Equal(training, calm) {
		t.Errorf("embeddings are %v in training and %v outside", training, calm)
	}
	for path, want := range map[string]float64{"/backbone/norm/running_mean": 0, "/backbone/norm/running_variance": 1} {
		v := store.GetVariable(path)
		if v == nil {
			t.Fatalf("no variable %s", path)
		}
		for _, got := range floats(v.MustValue()) {
			if got != want {
				t.Errorf("%s moved to %g", path, got)
			}
		}
	}
}

func TestCLIPNamesTheField(t *testing.T) {
	for want, change := range map[string]func(*method.CLIP){
		"contrast":                          func(m *method.CLIP) { m.Contrast = "max" },
		"temperature":                       func(m *method.CLIP) { m.Temperature = 0.001 },
		"temperature is 2: it must be from": func(m *method.CLIP) { m.Temperature = 2 },
		"max_scale":                         func(m *method.CLIP) { m.MaxScale = 0.5 },
		"bias":                              func(m *method.CLIP) { m.Bias = math.Inf(-1) },
		"out":                               func(m *method.CLIP) { m.Out = 1 },
		"pooling":                           func(m *method.CLIP) { m.Pooling = "max" },
		"freeze_text":                       func(m *method.CLIP) { m.FreezeImage, m.FreezeText = true, true },
		"caption.tags":                      func(m *method.CLIP) { m.Caption.Tags = 2 },
		"augment.size":                      func(m *method.CLIP) { m.Augment.Size = 0 },
	} {
		m := method.DefaultCLIP(8, method.Softmax)
		change(&m)
		if err := m.Validate(); err == nil || !strings.HasPrefix(err.Error(), want+" ") {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
}
