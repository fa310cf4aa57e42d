package optim_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
)

var backend = mustBackend()

func mustBackend() compute.Backend {
	b, err := compute.NewWithConfig("go")
	if err != nil {
		panic(err)
	}
	return b
}

// fataler is what tests and properties share.
type fataler interface{ Fatal(...any) }

// weight is a parameter in plain numbers.
type weight struct {
	path   string
	shape  []int
	w      []float64
	spared bool // decay, whatever the shape
}

// randomWeights are a layer, its bias, a scalar, a layer of zeros and a table that is spared decay.
func randomWeights(r *rand.Rand) []weight {
	return []weight{
		{path: "/layer/weights", shape: []int{3, 4}, w: normal(r, 12)},
		{path: "/layer/bias", shape: []int{4}, w: normal(r, 4)},
		{path: "/temperature", w: normal(r, 1)},
		{path: "/zero/weights", shape: []int{2, 2}, w: make([]float64, 4)},
		{path: "/zero/bias", shape: []int{2}, w: make([]float64, 2)},
		{path: "/layer/positions", shape: []int{2, 3}, w: normal(r, 6), spared: true},
	}
}

// normal returns numbers that float32 holds exactly.
func normal(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(r.NormFloat64()))
	}
	return x
}

// randomGrads are one step's gradients. Those of the third weight are zero.
func randomGrads(r *rand.Rand, weights []weight) [][]float64 {
	grads := make([][]float64, len(weights))
	for i, w := range weights {
		grads[i] = normal(r, len(w.w))
		if i == 2 {
			clear(grads[i])
		}
	}
	return grads
}

// model32 is a store that holds weights and takes optimizer steps with given gradients.
type model32 struct {
	store   *model.Store
	exec    *model.Exec
	weights []weight // as they were
}

func newModel(t fataler, c optim.Config, weights []weight) *model32 {
	m := &model32{store: model.NewStore(), weights: weights}
	for _, w := range weights {
		if _, err := m.store.CreateVariable(w.path, tensorOf(w.w, w.shape)); err != nil {
			t.Fatal(err)
		}
	}
	m.train(t, c)
	return m
}

// train makes the graph that updates the model's weights.
func (m *model32) train(t fataler, c optim.Config) {
	exec, err := model.NewExec(backend, m.store, func(scope *model.Scope, inputs []*Node) {
		var params []*model.Variable
		for _, w := range m.weights {
			if at, name := model.SplitPath(w.path); w.spared {
				nn.SpareDecay(scope.At("%s", strings.TrimPrefix(at, "/")), name)
			}
			params = append(params, scope.Store().GetVariable(w.path))
		}
		c.Update(scope, params, inputs[1:], inputs[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	m.exec = exec
}

func (m *model32) step(t fataler, rate float64, grads [][]float64) {
	args := []any{float32(rate)}
	for i, g := range grads {
		args = append(args, tensorOf(g, m.weights[i].shape))
	}
	if _, err := m.exec.Call(args...); err != nil {
		t.Fatal(err)
	}
}

// value returns a copy of a variable's numbers.
func (m *model32) value(path string) []float64 {
	var x []float64
	for _, v := range tensors.MustCopyFlatData[float32](m.store.GetVariable(path).MustValue()) {
		x = append(x, float64(v))
	}
	return x
}

func tensorOf(x []float64, shape []int) *tensors.Tensor {
	flat := make([]float32, len(x))
	for i, v := range x {
		flat[i] = float32(v)
	}
	return tensors.FromFlatDataAndDimensions(flat, shape...)
}

// plain is an optimizer written a second time, in float64 and one number after the other, after PyTorch's SGD and AdamW
// and Barlow Twins' LARS.
type plain struct {
	c          optim.Config
	t          int
	first, sec [][]float64
}

func (p *plain) step(rate float64, weights []weight, grads [][]float64) {
	if p.first == nil {
		for _, w := range weights {
			p.first = append(p.first, make([]float64, len(w.w)))
			p.sec = append(p.sec, make([]float64, len(w.w)))
		}
	}
	p.t++
	total := 0.0
	for _, g := range grads {
		total += norm(g) * norm(g)
	}
	shorten := 1.0
	if total = math.Sqrt(total); p.c.ClipNorm > 0 && total > p.c.ClipNorm {
		shorten = p.c.ClipNorm / total
	}
	for i, w := range weights {
		g := slices.Clone(grads[i])
		for k := range g {
			g[k] *= shorten
		}
		vector := len(w.shape) < 2
		lr := rate
		if vector && p.c.BiasLearningRate != 0 {
			lr = rate / p.c.LearningRate * p.c.BiasLearningRate
		}
		decay := p.c.WeightDecay
		masked := (vector || w.spared) && p.c.Mask == optim.Exclude1D
		if masked {
			decay = 0
		}
		if p.c.Name == "adamw" {
			p.adamW(i, w.w, g, lr, decay)
			continue
		}
		for k := range g {
			g[k] += decay * w.w[k]
		}
		if p.c.Name == "lars" && !masked && norm(w.w) > 0 && norm(g) > 0 {
			ratio := p.c.Trust * norm(w.w) / norm(g)
			for k := range g {
				g[k] *= ratio
			}
		}
		for k := range g {
			buffer := &p.first[i][k]
			*buffer = p.c.Momentum**buffer + g[k]
			if p.c.Nesterov {
				w.w[k] -= lr * (g[k] + p.c.Momentum**buffer)
			} else {
				w.w[k] -= lr * *buffer
			}
		}
	}
}

func (p *plain) adamW(i int, w, g []float64, lr, decay float64) {
	for k := range g {
		w[k] -= lr * decay * w[k]
		p.first[i][k] = p.c.Beta1*p.first[i][k] + (1-p.c.Beta1)*g[k]
		p.sec[i][k] = p.c.Beta2*p.sec[i][k] + (1-p.c.Beta2)*g[k]*g[k]
		mean := p.first[i][k] / (1 - math.Pow(p.c.Beta1, float64(p.t)))
		square := p.sec[i][k] / (1 - math.Pow(p.c.Beta2, float64(p.t)))
		w[k] -= lr * mean / (math.Sqrt(square) + p.c.Epsilon)
	}
}

func norm(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

func TestUpdateMatchesPlainArithmetic(t *testing.T) {
	sgd := optim.Config{Name: "sgd", LearningRate: 0.1, Scaling: optim.NoScaling, Mask: optim.All}
	lars := optim.Config{Name: "lars", LearningRate: 0.2, Scaling: optim.NoScaling, Mask: optim.Exclude1D, Trust: 0.3, WeightDecay: 0.5, Momentum: 0.9}
	adamW := optim.Config{Name: "adamw", LearningRate: 0.01, Scaling: optim.NoScaling, Mask: optim.Exclude1D, WeightDecay: 0.5, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	with := func(c optim.Config, change func(*optim.Config)) optim.Config {
		change(&c)
		return c
	}
	for name, c := range map[string]optim.Config{
		"sgd":             sgd,
		"sgd momentum":    with(sgd, func(c *optim.Config) { c.Momentum = 0.9 }),
		"sgd decay":       with(sgd, func(c *optim.Config) { c.WeightDecay = 0.5; c.Momentum = 0.5 }),
		"sgd masked":      with(sgd, func(c *optim.Config) { c.WeightDecay = 0.5; c.Mask = optim.Exclude1D }),
		"sgd nesterov":    with(sgd, func(c *optim.Config) { c.Momentum = 0.9; c.Nesterov = true; c.WeightDecay = 0.1 }),
		"sgd clipped":     with(sgd, func(c *optim.Config) { c.ClipNorm = 1 }),
		"lars":            lars,
		"lars no decay":   with(lars, func(c *optim.Config) { c.WeightDecay = 0 }),
		"lars all":        with(lars, func(c *optim.Config) { c.Mask = optim.All }),
		"lars bias rate":  with(lars, func(c *optim.Config) { c.BiasLearningRate = 0.0048 }),
		"lars nesterov":   with(lars, func(c *optim.Config) { c.Nesterov = true }),
		"adamw":           adamW,
		"adamw all":       with(adamW, func(c *optim.Config) { c.Mask = optim.All }),
		"adamw no beta1":  with(adamW, func(c *optim.Config) { c.Beta1 = 0 }),
		"adamw no beta2":  with(adamW, func(c *optim.Config) { c.Beta2 = 0 }),
		"adamw bias rate": with(adamW, func(c *optim.Config) { c.BiasLearningRate = 0.05; c.ClipNorm = 2 }),
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			weights := randomWeights(r)
			m := newModel(t, c, weights)
			want := plain{c: c}
			for step := range 6 {
				grads := randomGrads(r, weights)
				rate := c.LearningRate * float64(6-step) / 6
				m.step(t, rate, grads)
				want.step(rate, weights, grads)
				for _, w := range weights {
					for k, got := range m.value(w.path) {
						if !(math.Abs(got-w.w[k]) <= 3e-6*max(1, math.Abs(w.w[k]))) {
							t.Fatalf("step %d, %s at %d: %.9g, want %.9g", step, w.path, k, got, w.w[k])
						}
					}
				}
			}
		})
	}
}

// firstStep returns how far one step with a rate of 1 moves each of a set of random weights, and the weights and
// gradients before it.
func firstStep(t *testing.T, c optim.Config) (moved [][]float64, weights []weight, grads [][]float64) {
	r := rand.New(rand.NewPCG(3, 4))
	weights = randomWeights(r)
	grads = randomGrads(r, weights)
	m := newModel(t, c, weights)
	m.step(t, 1, grads)
	for _, w := range weights {
		after := m.value(w.path)
		for k := range after {
			after[k] -= w.w[k]
		}
		moved = append(moved, after)
	}
	return moved, weights, grads
}

func TestLARSLeavesBiasesAndNormsAlone(t *testing.T) {
	c := optim.DefaultLARS()
	c.WeightDecay, c.Trust = 0.5, 0.3
	moved, weights, grads := firstStep(t, c)
	for i, w := range weights {
		if len(w.shape) > 1 {
			continue
		}
		for k := range w.w {
			if math.Abs(moved[i][k]+grads[i][k]) > 1e-6 {
				t.Errorf("%s moved by %g, its gradient is %g", w.path, moved[i][k], grads[i][k])
			}
		}
	}
}

// With decay inside the trust ratio a layer's step is exactly η|w| long; with decay added after it, it would be longer.
func TestLARSAddsDecayBeforeTheTrustRatio(t *testing.T) {
	c := optim.DefaultLARS()
	c.WeightDecay, c.Trust = 10, 0.3
	moved, weights, _ := firstStep(t, c)
	if got, want := norm(moved[0]), 0.3*norm(weights[0].w); math.Abs(got-want) > 1e-5 {
		t.Errorf("the layer moved by %g, want %g", got, want)
	}
}

func TestLARSAdaptsWithoutDecay(t *testing.T) {
	c := optim.DefaultLARS()
	c.WeightDecay, c.Trust = 0, 0.3
	moved, weights, _ := firstStep(t, c)
	if got, want := norm(moved[0]), 0.3*norm(weights[0].w); math.Abs(got-want) > 1e-5 {
		t.Errorf("the layer moved by %g, want %g", got, want)
	}
}

func TestLARSTakesZeroWeightsAsTheyAre(t *testing.T) {
	moved, weights, grads := firstStep(t, optim.DefaultLARS())
	for i, w := range weights {
		if !strings.HasPrefix(w.path, "/zero") {
			continue
		}
		for k := range w.w {
			if math.Abs(moved[i][k]+grads[i][k]) > 1e-6 {
				t.Errorf("%s moved by %g, its gradient is %g", w.path, moved[i][k], grads[i][k])
			}
		}
	}
}

func TestLARCExcludesNothing(t *testing.T) {
	c := optim.DefaultLARC()
	moved, weights, _ := firstStep(t, c)
	if got, want := norm(moved[1]), c.Trust*norm(weights[1].w); math.Abs(got-want) > 1e-6 {
		t.Errorf("the bias moved by %g, want %g", got, want)
	}
}

// Barlow Twins trains weights at 0.2 and biases and norms at 0.0048, both under one schedule.
func TestBiasesHaveTheirOwnRate(t *testing.T) {
	c := optim.DefaultLARS()
	c.LearningRate, c.BiasLearningRate = 0.2, 0.0048
	moved, weights, grads := firstStep(t, c)
	for k := range weights[1].w {
		if want := -grads[1][k] * 0.0048 / 0.2; math.Abs(moved[1][k]-want) > 1e-6 {
			t.Errorf("the bias moved by %g, want %g", moved[1][k], want)
		}
	}
	if got, want := norm(moved[0]), c.Trust*norm(weights[0].w); math.Abs(got-want) > 1e-6 {
		t.Errorf("the layer moved by %g, want %g", got, want)
	}
}

// The first step of Adam is the sign of the gradient, whatever its size, if the bias correction is exact.
func TestAdamWFirstStepIsTheSign(t *testing.T) {
	c := optim.DefaultAdamW()
	c.Beta2, c.WeightDecay, c.Epsilon = 0.999, 0, 1e-12
	weights := []weight{{path: "/w", shape: []int{3}, w: []float64{0, 0, 0}}}
	m := newModel(t, c, weights)
	m.step(t, 1, [][]float64{{1e-4, -3, 200}})
	for k, want := range []float64{-1, 1, -1} {
		if got := m.value("/w")[k]; math.Abs(got-want) > 1e-6 {
			t.Errorf("entry %d moved by %.8g, want %g", k, got, want)
		}
	}
}

func TestOrderOfParametersMakesNoDifference(t *testing.T) {
	for _, c := range []optim.Config{optim.DefaultSGD(), optim.DefaultLARS(), optim.DefaultAdamW()} {
		c.ClipNorm = 0.5
		r := rand.New(rand.NewPCG(5, 6))
		weights := randomWeights(r)
		grads := randomGrads(r, weights)
		straight := newModel(t, c, weights)
		straight.step(t, 0.1, grads)
		slices.Reverse(weights)
		slices.Reverse(grads)
		reversed := newModel(t, c, weights)
		reversed.step(t, 0.1, grads)
		for _, w := range weights {
			if a, b := straight.value(w.path), reversed.value(w.path); !slices.Equal(a, b) {
				t.Errorf("%s, %s: %v, in the other order %v", c.Name, w.path, a, b)
			}
		}
	}
}

// A checkpoint is all variables of the store: a model made from them goes on as the first would have.
func TestStoreHoldsAllOfTheOptimizer(t *testing.T) {
	nesterov := optim.DefaultSGD()
	nesterov.Nesterov = true
	for _, c := range []optim.Config{nesterov, optim.DefaultLARS(), optim.DefaultAdamW()} {
		r := rand.New(rand.NewPCG(7, 8))
		weights := randomWeights(r)
		whole := newModel(t, c, weights)
		for range 3 {
			whole.step(t, 0.1, randomGrads(r, weights))
		}
		resumed := &model32{store: model.NewStore(), weights: weights}
		for v := range whole.store.IterVariables() {
			if own := strings.HasPrefix(v.Path(), "/optimizer/"); own == v.Trainable {
				t.Errorf("%s: variable %s: trainable is %v", c.Name, v.Path(), v.Trainable)
			}
			copied, err := v.MustValue().Clone()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := resumed.store.CreateVariable(v.Path(), copied); err != nil {
				t.Fatal(err)
			}
		}
		resumed.train(t, c)
		grads := randomGrads(r, weights)
		whole.step(t, 0.1, grads)
		resumed.step(t, 0.1, grads)
		for _, w := range weights {
			if a, b := whole.value(w.path), resumed.value(w.path); !slices.Equal(a, b) {
				t.Errorf("%s, %s: %v, resumed %v", c.Name, w.path, a, b)
			}
		}
	}
}

func TestGlobalNorm(t *testing.T) {
	got := MustExecOnce(backend, func(a, b *Node) *Node { return optim.GlobalNorm([]*Node{a, b}) },
		[][]float32{{1, 2}, {2, 4}}, []float32{10, 10})
	if tensors.ToScalar[float32](got) != 15 {
		t.Errorf("norm %v, want 15", got)
	}
}

func TestClipLeavesShortGradientsAlone(t *testing.T) {
	c := optim.DefaultSGD()
	clipped := c
	clipped.ClipNorm = 1000
	a, _, _ := firstStep(t, c)
	b, _, _ := firstStep(t, clipped)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("moved by %v, clipped by %v", a, b)
	}
}

func TestClipTakesZeroGradients(t *testing.T) {
	c := optim.DefaultSGD()
	c.ClipNorm, c.WeightDecay = 1, 0
	m := newModel(t, c, []weight{{path: "/w", shape: []int{2}, w: []float64{1, 2}}})
	m.step(t, 1, [][]float64{{0, 0}})
	if got := m.value("/w"); !slices.Equal(got, []float64{1, 2}) {
		t.Errorf("weights %v, want [1 2]", got)
	}
}

func TestUpdatePanicsWithANameAndShapes(t *testing.T) {
	build := func(c optim.Config, args ...any) error {
		store := model.NewStore()
		if _, err := store.CreateVariable("/w", tensorOf(make([]float64, 3), []int{3})); err != nil {
			t.Fatal(err)
		}
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, inputs []*Node) {
			c.Update(scope, []*model.Variable{store.GetVariable("/w")}, inputs[1:], inputs[0])
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = exec.Call(args...)
		return err
	}
	for _, x := range []struct {
		what string
		c    optim.Config
		args []any
	}{
		{"2 gradients", optim.DefaultSGD(), []any{float32(1), []float32{1, 2, 3}, []float32{1}}},
		{"[2]", optim.DefaultSGD(), []any{float32(1), []float32{1, 2}}},
		{"scalar", optim.DefaultSGD(), []any{[]float32{1}, []float32{1, 2, 3}}},
		{"name", optim.Config{Name: "adam"}, []any{float32(1), []float32{1, 2, 3}}},
	} {
		err := build(x.c, x.args...)
		if err == nil || !strings.Contains(err.Error(), "optim.Config.Update") || !strings.Contains(err.Error(), x.what) {
			t.Errorf("error %v, want one with the function's name and %q", err, x.what)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	for _, name := range optim.Names() {
		c, err := optim.Default(name)
		if err != nil || c.Name != name || c.Validate() != nil {
			t.Errorf("default %s: %v, %v, %v", name, c, err, c.Validate())
		}
	}
	if err := optim.DefaultLARC().Validate(); err != nil {
		t.Error(err)
	}
	if _, err := optim.Default("adam"); err == nil {
		t.Error(`default "adam": no error`)
	}
	for _, x := range []struct {
		from   optim.Config
		option string
		change func(*optim.Config)
	}{
		{optim.DefaultSGD(), "name", func(c *optim.Config) { c.Name = "SGD" }},
		{optim.DefaultSGD(), "mask", func(c *optim.Config) { c.Mask = "" }},
		{optim.DefaultSGD(), "scaling", func(c *optim.Config) { c.Scaling = "log" }},
		{optim.DefaultSGD(), "learning_rate", func(c *optim.Config) { c.LearningRate = 0 }},
		{optim.DefaultSGD(), "learning_rate", func(c *optim.Config) { c.LearningRate = math.NaN() }},
		{optim.DefaultSGD(), "learning_rate", func(c *optim.Config) { c.LearningRate = math.Inf(1) }},
		{optim.DefaultSGD(), "bias_learning_rate", func(c *optim.Config) { c.BiasLearningRate = -1 }},
		{optim.DefaultSGD(), "weight_decay", func(c *optim.Config) { c.WeightDecay = -1 }},
		{optim.DefaultSGD(), "clip_norm", func(c *optim.Config) { c.ClipNorm = -1 }},
		{optim.DefaultSGD(), "momentum", func(c *optim.Config) { c.Momentum = 1 }},
		{optim.DefaultSGD(), "trust", func(c *optim.Config) { c.Trust = 0.001 }},
		{optim.DefaultSGD(), "beta1", func(c *optim.Config) { c.Beta1 = 0.9 }},
		{optim.DefaultSGD(), "nesterov", func(c *optim.Config) { c.Nesterov, c.Momentum = true, 0 }},
		{optim.DefaultLARS(), "trust", func(c *optim.Config) { c.Trust = 0 }},
		{optim.DefaultAdamW(), "momentum", func(c *optim.Config) { c.Momentum = 0.9 }},
		{optim.DefaultAdamW(), "nesterov", func(c *optim.Config) { c.Nesterov = true }},
		{optim.DefaultAdamW(), "beta2", func(c *optim.Config) { c.Beta2 = 1 }},
		{optim.DefaultAdamW(), "epsilon", func(c *optim.Config) { c.Epsilon = 0 }},
	} {
		c := x.from
		x.change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), x.option+" is ") {
			t.Errorf("%+v: error %v, want one on %s", c, err, x.option)
		}
	}
}

func TestScaling(t *testing.T) {
	for _, x := range []struct {
		scaling optim.Scaling
		rate    float64
		batch   int
		want    float64
	}{
		{optim.LinearScaling, 0.3, 256, 0.3},
		{optim.LinearScaling, 0.3, 4096, 4.8}, // SimCLR's ImageNet run
		{optim.SqrtScaling, 0.075, 4096, 4.8}, // which the other rule was made to meet
		{optim.NoScaling, 0.6, 512, 0.6},
	} {
		c := optim.DefaultLARS()
		c.LearningRate, c.Scaling = x.rate, x.scaling
		if got := c.Rate(x.batch); math.Abs(got-x.want) > 1e-12 {
			t.Errorf("%s: rate %g for a batch of %d, want %g", x.scaling, got, x.batch, x.want)
		}
	}
}

// On random shapes, SGD without momentum or decay is w - rate·g.
func TestSGDOnRandomShapes(t *testing.T) {
	c := optim.Config{Name: "sgd", LearningRate: 0.5, Scaling: optim.NoScaling, Mask: optim.All}
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(1, 4), 0, 4).Draw(t, "shape")
		size := 1
		for _, d := range shape {
			size *= d
		}
		number := rapid.Float64Range(-10, 10)
		w := rapid.SliceOfN(number, size, size).Draw(t, "w")
		g := rapid.SliceOfN(number, size, size).Draw(t, "g")
		m := newModel(t, c, []weight{{path: "/w", shape: shape, w: w}})
		m.step(t, 0.5, [][]float64{g})
		for k, got := range m.value("/w") {
			if want := w[k] - 0.5*g[k]; math.Abs(got-want) > 1e-5 {
				t.Fatalf("entry %d: %g, want %g", k, got, want)
			}
		}
	})
}
