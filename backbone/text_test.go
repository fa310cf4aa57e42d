package backbone_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/nn"
)

// padded are texts of random tokens, padded with others to length.
type padded struct {
	ids    []int32
	mask   []bool
	length int
}

func (p padded) rows() int { return len(p.ids) / p.length }

// pad lays texts side by side, and fills up with tokens that are not theirs.
func pad(r *rand.Rand, texts [][]int32, length, vocabulary int) padded {
	p := padded{length: length}
	for _, text := range texts {
		for i := range length {
			id := int32(r.IntN(vocabulary))
			if i < len(text) {
				id = text[i]
			}
			p.ids, p.mask = append(p.ids, id), append(p.mask, i < len(text))
		}
	}
	return p
}

// drawTexts are some texts of 1 to most tokens.
func drawTexts(r *rand.Rand, count, most, vocabulary int) [][]int32 {
	texts := make([][]int32, count)
	for i := range texts {
		texts[i] = make([]int32, 1+r.IntN(most))
		for j := range texts[i] {
			texts[i][j] = int32(r.IntN(vocabulary))
		}
	}
	return texts
}

// textRun says how an encoder is run on texts.
type textRun struct {
	on       string // device
	dtype    dtypes.DType
	pooling  backbone.Pooling
	training bool
	store    *model.Store // nil for random weights
}

// vectors runs an encoder on texts and returns their vectors [rows, width].
func (r textRun) vectors(t testing.TB, encoder backbone.Text, texts padded) []float32 {
	t.Helper()
	b, err := device.Open(r.on)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	store := r.store
	if store == nil {
		store = model.NewStore()
	}
	exec, err := model.NewExec(b, store, func(scope *model.Scope, ids, mask *graph.Node) *graph.Node {
		store.SetTraining(ids.Graph(), r.training)
		tokens := backbone.Tokens{IDs: ids, Mask: mask, DType: r.dtype}
		hidden := encoder.Hidden(scope, tokens)
		if want := []int{texts.rows(), texts.length, encoder.Dim()}; hidden.DType() != tokens.Precision() || !slices.Equal(hidden.Shape().Dimensions, want) {
			t.Errorf("hidden states are %s, want %s %v", hidden.Shape(), tokens.Precision(), want)
		}
		if r.store == nil {
			random(t, store, 3)
		}
		return graph.ConvertDType(backbone.Pool(hidden, mask, r.pooling), dtypes.Float32)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	h, err := exec.Call1(tensors.FromFlatDataAndDimensions(texts.ids, texts.rows(), texts.length),
		tensors.FromFlatDataAndDimensions(texts.mask, texts.rows(), texts.length))
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](h)
}

// smallTexts are small encoders of all kinds for a vocabulary.
func smallTexts(vocabulary int) map[string]backbone.Text {
	t := backbone.NewTransformer(2, 24, vocabulary)
	t.Heads, t.Positions = 3, 12
	noTypes := t
	noTypes.Types = 0
	s := backbone.NewStatic(vocabulary)
	s.Width = 24
	plain := s
	plain.Weights = false
	return map[string]backbone.Text{"transformer": t, "transformer without types": noTypes, "static": s, "static without weights": plain,
		"clip": smallCLIP(vocabulary)}
}

// smallCLIP is a small encoder of CLIP's.
func smallCLIP(vocabulary int) backbone.CLIPText {
	c := backbone.NewCLIPText(2, 24, vocabulary)
	c.Heads, c.Positions = 3, 12
	return c
}

// A text has one vector, whatever it is padded with and to, and whichever texts are beside it.
func TestPaddingDoesNotChangeATextsVector(t *testing.T) {
	const vocabulary = 20
	encoders := smallTexts(vocabulary)
	rapid.Check(t, func(rt *rapid.T) {
		r := rng.New(rapid.Uint64().Draw(rt, "seed"), 0, 0, 0)
		run := textRun{on: rapid.SampledFrom([]string{"go", "cpu"}).Draw(rt, "device"),
			pooling: rapid.SampledFrom([]backbone.Pooling{backbone.PoolCLS, backbone.PoolMean, backbone.PoolLast}).Draw(rt, "pooling")}
		encoder := encoders[rapid.SampledFrom(slices.Sorted(maps.Keys(encoders))).Draw(rt, "encoder")]
		texts := drawTexts(r, rapid.IntRange(1, 4).Draw(rt, "texts"), 8, vocabulary)
		together := run.vectors(t, encoder, pad(r, texts, rapid.IntRange(8, 12).Draw(rt, "length"), vocabulary))
		for i, text := range texts {
			alone := run.vectors(t, encoder, pad(r, [][]int32{text}, len(text), vocabulary))
			for d, want := range alone {
				if got := together[i*encoder.Dim()+d]; !(math.Abs(float64(got-want)) < 1e-5) {
					rt.Fatalf("number %d of text %d is %g among others and %g alone", d, i, got, want)
				}
			}
		}
	})
}

// With float32 weights, norms and softmax, a vector in bfloat16 points where that in float32 does.
func TestTextEncodersInBFloat16(t *testing.T) {
	r := rng.New(1, 0, 0, 0)
	texts := pad(r, drawTexts(r, 3, 8, 20), 8, 20)
	for name, encoder := range smallTexts(20) {
		for _, on := range []string{"go", "cpu"} {
			want := textRun{on: on, pooling: backbone.PoolMean}.vectors(t, encoder, texts)
			got := textRun{on: on, pooling: backbone.PoolMean, dtype: dtypes.BFloat16}.vectors(t, encoder, texts)
			for row := range slices.Chunk(got, encoder.Dim()) {
				var product, a, b float64
				for i, v := range row {
					product, a, b = product+float64(v)*float64(want[i]), a+float64(v)*float64(v), b+float64(want[i])*float64(want[i])
				}
				if cosine := product / math.Sqrt(a*b); !(cosine > 0.999) {
					t.Errorf("%s on %s: the cosine is %g", name, on, cosine)
				}
				want = want[encoder.Dim():]
			}
		}
	}
}

// In training, a text that is in the batch twice has two vectors, and other ones in the next step; the same seed, or the random
// state of a checkpoint, gives the same ones again. Outside training there is one.
func TestDropoutMakesViews(t *testing.T) {
	texts := padded{ids: []int32{4, 7, 9, 4, 7, 9}, mask: []bool{true, true, true, true, true, true}, length: 3}
	for name, encoder := range smallTexts(20) {
		if name == "clip" {
			continue // it has no dropout
		}
		start := func(states ...uint64) *model.Store {
			store := model.NewStore()
			nn.SetSeed(store, 7)
			if len(states) > 0 {
				if _, err := store.CreateVariable("/"+model.RNGStateVariableName, tensors.FromFlatDataAndDimensions(states, len(states))); err != nil {
					t.Fatal(err)
				}
			}
			return store
		}
		step := func(store *model.Store, training bool) []float32 {
			return textRun{on: "cpu", pooling: backbone.PoolMean, training: training, store: store}.vectors(t, encoder, texts)
		}
		store := start()
		first := step(store, true)
		state := tensors.MustCopyFlatData[uint64](store.GetVariable("/" + model.RNGStateVariableName).MustValue())
		if slices.Equal(first[:encoder.Dim()], first[encoder.Dim():]) {
			t.Errorf("%s: two views are the same", name)
		}
		second := step(start(state...), true)
		if slices.Equal(first, second) {
			t.Errorf("%s: two steps have the same views", name)
		}
		if !slices.Equal(step(start(), true), first) || !slices.Equal(step(start(state...), true), second) {
			t.Errorf("%s: the same state gives other views", name)
		}
		if calm := step(start(), false); !slices.Equal(calm[:encoder.Dim()], calm[encoder.Dim():]) {
			t.Errorf("%s: two vectors of one text outside training", name)
		}
	}
}

// Every weight that the texts have a use for has a part in what is learned, in training as well, where attention is computed in
// another way.
func TestGradientsReachEveryParameterOfTextEncoders(t *testing.T) {
	r := rng.New(2, 0, 0, 0)
	texts := pad(r, drawTexts(r, 6, 8, 20), 8, 20)
	b, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	for name, encoder := range smallTexts(20) {
		for _, training := range []bool{false, true} {
			store := model.NewStore()
			var parameters []*model.Variable
			exec, err := model.NewExec(b, store, func(scope *model.Scope, ids, mask *graph.Node) []*graph.Node {
				store.SetTraining(ids.Graph(), training)
				h := backbone.Pool(encoder.Hidden(scope, backbone.Tokens{IDs: ids, Mask: mask}), mask, backbone.PoolMean)
				var nodes []*graph.Node
				for v := range store.IterVariables() {
					if v.Trainable {
						parameters, nodes = append(parameters, v), append(nodes, v.NodeValue(h))
					}
				}
				weighted := graph.Mul(h, graph.Sin(graph.ConvertDType(graph.Iota(h.Graph(), h.Shape(), 1), h.DType())))
				return graph.Gradient(graph.ReduceAllSum(graph.Mul(weighted, h)), nodes...)
			})
			if err != nil {
				t.Fatal(err)
			}
			gradients, err := exec.Call(tensors.FromFlatDataAndDimensions(texts.ids, 6, 8), tensors.FromFlatDataAndDimensions(texts.mask, 6, 8))
			if err != nil {
				t.Fatal(err)
			}
			for i, g := range gradients {
				var norm float64
				for _, v := range tensors.MustCopyFlatData[float32](g) {
					norm += float64(v) * float64(v)
				}
				if !(norm > 0) || math.IsInf(norm, 0) {
					t.Errorf("%s: the gradient of %s has the norm %g", name, parameters[i].Path(), norm)
				}
			}
			exec.Finalize()
		}
	}
}

// The mean of the tokens' vectors, each times its weight, in plain sums.
func TestStaticIsAWeightedBagOfWords(t *testing.T) {
	const vocabulary, width = 9, 4
	r := rng.New(4, 0, 0, 0)
	texts := drawTexts(r, 5, 6, vocabulary)
	words, weights := make([]float32, vocabulary*width), make([]float32, vocabulary)
	for i := range words {
		words[i] = float32(r.NormFloat64())
	}
	for i := range weights {
		weights[i] = float32(r.Float64())
	}
	rarity := make([]float32, vocabulary)
	for i := range rarity {
		rarity[i] = float32(r.Float64())
	}
	store := model.NewStore()
	for path, value := range map[string]*tensors.Tensor{"/words": tensors.FromFlatDataAndDimensions(words, vocabulary, width),
		"/weights": tensors.FromFlatDataAndDimensions(weights, vocabulary), "/rarity": tensors.FromFlatDataAndDimensions(rarity, vocabulary)} {
		if _, err := store.CreateVariable(path, value); err != nil {
			t.Fatal(err)
		}
	}
	encoder := backbone.Static{Width: width, Vocabulary: vocabulary, Weights: true, Rarity: backbone.RarityIDF}
	got := textRun{on: "cpu", pooling: backbone.PoolMean, store: store}.vectors(t, encoder, pad(r, texts, 7, vocabulary))
	for i, text := range texts {
		for d := range width {
			var want float64
			for _, id := range text {
				want += float64(weights[id]) * float64(rarity[id]) * float64(words[int(id)*width+d]) / float64(len(text))
			}
			if math.Abs(float64(got[i*width+d])-want) > 1e-6 {
				t.Errorf("text %d: number %d is %g, want %g", i, d, got[i*width+d], want)
			}
		}
	}
}

// The state of a token is the same whatever follows it.
func TestCLIPLooksBackAlone(t *testing.T) {
	encoder, own := smallCLIP(20), []bool{true, true, true, false, false} // the last of its own is pooled
	texts := padded{[]int32{4, 7, 9, 1, 2, 4, 7, 9, 18, 3, 5, 7, 9, 1, 2}, slices.Concat(own, own, own), 5}
	v := slices.Collect(slices.Chunk(textRun{on: "cpu", pooling: backbone.PoolLast}.vectors(t, encoder, texts), encoder.Dim()))
	if !slices.Equal(v[0], v[1]) {
		t.Errorf("%v before some tokens, %v before others", v[0], v[1])
	}
	if slices.Equal(v[0], v[2]) {
		t.Error("it does not see the tokens before either")
	}
}

// openai/CLIP, clip/model.py, initialize_parameters and CLIP.__init__, at ViT-B/32's sizes but for a smaller vocabulary.
func TestCLIPIsDrawnAsPublished(t *testing.T) {
	config, err := backbone.NewText("clip", 5000)
	if err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	textRun{on: "cpu", pooling: backbone.PoolLast, store: store}.vectors(t, *config.CLIP, padded{[]int32{1}, []bool{true}, 1})
	for path, want := range map[string]float64{
		"/words": 0.02, "/positions": 0.01, "/block_0/attention/qkv/weights": math.Pow(512, -0.5), "/block_11/attention/out/weights": math.Pow(512*24, -0.5),
		"/block_0/up/weights": math.Pow(1024, -0.5), "/block_11/down/weights": math.Pow(512*24, -0.5),
	} {
		var square float64
		values := tensors.MustCopyFlatData[float32](store.GetVariable(path).MustValue())
		for _, v := range values {
			square += float64(v) * float64(v) / float64(len(values))
		}
		if got := math.Sqrt(square); math.Abs(got/want-1) > 0.02 {
			t.Errorf("%s has the deviation %.4g, want %.4g", path, got, want)
		}
	}
	if c := config.CLIP; c.Layers != 12 || c.Heads != 8 || c.Positions != 77 || c.Epsilon != 1e-5 || store.GetVariable("/block_0/up/weights").Shape().Dim(1) != 2048 {
		t.Errorf("it has %+v", *c)
	}
}

func TestSpecialTokensAreLeftOut(t *testing.T) {
	b, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	ids := tensors.FromFlatDataAndDimensions([]int32{2, 5, 3, 2, 3, 0}, 2, 3)
	mask := tensors.FromFlatDataAndDimensions([]bool{true, true, true, true, true, false}, 2, 3)
	got := tensors.MustCopyFlatData[bool](graph.MustExecOnce(b, func(ids, mask *graph.Node) *graph.Node {
		return backbone.Tokens{IDs: ids, Mask: mask}.Without(2, 3).Mask
	}, ids, mask))
	if want := []bool{false, true, false, false, false, false}; !slices.Equal(got, want) {
		t.Errorf("the mask is %v, want %v", got, want)
	}
}

func TestTransformersHaveThePublishedSettings(t *testing.T) {
	for _, name := range backbone.TextNames() {
		config, err := backbone.NewText(name, 30522)
		if err != nil {
			t.Fatal(err)
		}
		if x := config.Transformer; x != nil && (x.Dropout != 0.1 || x.AttentionDropout != 0.1 || x.Epsilon != 1e-12 || x.Positions != 512 ||
			x.Types != 2 || x.Feedforward != 4*x.Width || x.Heads*64 != x.Width && name != "minilm") {
			t.Errorf("%s has %+v", name, *x)
		}
	}
	if _, err := backbone.NewText("bert_larg", 30522); err == nil || !strings.Contains(err.Error(), "did you mean") {
		t.Errorf("error %v suggests nothing", err)
	}
}

func TestTextEncodersRefuseWhatCannotBe(t *testing.T) {
	transformer := func(change func(*backbone.Transformer)) backbone.TextConfig {
		x := backbone.NewTransformer(2, 64, 10)
		change(&x)
		return backbone.TextConfig{Transformer: &x}
	}
	static := func(change func(*backbone.Static)) backbone.TextConfig {
		x := backbone.NewStatic(10)
		change(&x)
		return backbone.TextConfig{Static: &x}
	}
	both := transformer(func(*backbone.Transformer) {})
	both.Static = static(func(*backbone.Static) {}).Static
	for _, c := range []struct {
		config backbone.TextConfig
		want   string
	}{
		{backbone.TextConfig{}, "one encoder"},
		{both, "one encoder"},
		{transformer(func(x *backbone.Transformer) { x.Layers = -1 }), "layers is -1"},
		{transformer(func(x *backbone.Transformer) { x.Heads = 0 }), "heads is 0"},
		{transformer(func(x *backbone.Transformer) { x.Heads = 3 }), "multiple of the 3 heads"},
		{transformer(func(x *backbone.Transformer) { x.Vocabulary = 0 }), "vocabulary is 0"},
		{transformer(func(x *backbone.Transformer) { x.Dropout = 1 }), "dropout is 1"},
		{transformer(func(x *backbone.Transformer) { x.AttentionDropout = math.NaN() }), "attention_dropout is NaN"},
		{transformer(func(x *backbone.Transformer) { x.Epsilon = 0 }), "epsilon is 0"},
		{static(func(x *backbone.Static) { x.Width = 1 << 20 }), "width is 1048576"},
		{static(func(x *backbone.Static) { x.Vocabulary = -1 }), "vocabulary is -1"},
		{static(func(x *backbone.Static) { x.Dropout = -0.1 }), "dropout is -0.1"},
	} {
		if _, err := c.config.Encoder(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one with %q", c.config, err, c.want)
		}
	}
	if err := backbone.Pooling("max").Validate(); err == nil || !strings.Contains(err.Error(), "cls, mean or last") {
		t.Errorf("pooling: %v", err)
	}
}
