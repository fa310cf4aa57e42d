package nn_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/nn"
)

// blockTest is a transformer block with random weights, and an input with some of its tokens masked.
type blockTest struct {
	batch, tokens, heads, width, hidden int
	x                                   []float64
	keys                                []bool
	values                              map[string][]float32
	// postNorm has the norms behind, and a dropout so small that nothing is dropped.
	postNorm bool
	// causal and quick are for norms in front: tokens look back alone, and [nn.QuickGELU] is in the place of GELU.
	causal, quick bool
}

const blockEpsilon = 1e-5

func drawBlock(t *rapid.T) blockTest {
	c := blockTest{
		batch: rapid.IntRange(1, 3).Draw(t, "batch"), tokens: rapid.IntRange(1, 5).Draw(t, "tokens"),
		heads: rapid.IntRange(1, 3).Draw(t, "heads"), hidden: rapid.IntRange(1, 9).Draw(t, "hidden"),
		postNorm: rapid.Bool().Draw(t, "post-norm"),
	}
	if !c.postNorm {
		c.causal, c.quick = rapid.Bool().Draw(t, "causal"), rapid.Bool().Draw(t, "quick")
	}
	c.width = c.heads * rapid.IntRange(1, 5).Draw(t, "width of a head")
	random := rng.New(rapid.Uint64().Draw(t, "seed"), 0, 0, 0)
	draw := func(n int) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(random.NormFloat64())
		}
		return values
	}
	for _, v := range draw(c.batch * c.tokens * c.width) {
		c.x = append(c.x, float64(v))
	}
	c.keys = make([]bool, c.batch*c.tokens)
	for i := range c.keys {
		c.keys[i] = i%c.tokens == 0 || random.IntN(2) == 0 // at least one of each item
	}
	w, h := c.width, c.hidden
	c.values = map[string][]float32{
		"/norm_1/scale": draw(w), "/norm_1/offset": draw(w), "/norm_2/scale": draw(w), "/norm_2/offset": draw(w),
		"/attention/qkv/weights": draw(w * 3 * w), "/attention/qkv/bias": draw(3 * w),
		"/attention/out/weights": draw(w * w), "/attention/out/bias": draw(w),
		"/up/weights": draw(w * h), "/up/bias": draw(h), "/down/weights": draw(h * w), "/down/bias": draw(w),
	}
	return c
}

// apply runs the block on a device in the given type, and returns y and the gradient of the sum of its squares for x.
func (c blockTest) apply(t testing.TB, name string, dtype dtypes.DType, masked bool, dropout float64) (y, gradient []float32) {
	t.Helper()
	b, err := device.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	store := model.NewStore()
	pre := nn.TransformerBlock{Heads: c.heads, Hidden: c.hidden, Epsilon: blockEpsilon, Causal: c.causal}
	if c.quick {
		pre.Activation = nn.QuickGELU
	}
	block := pre.Apply
	if c.postNorm {
		block = nn.PostNormBlock{Heads: c.heads, Hidden: c.hidden, Epsilon: blockEpsilon, Dropout: dropout, AttentionDropout: dropout}.Apply
	}
	exec, err := model.NewExec(b, store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
		var keys *graph.Node
		if masked {
			keys = graph.Const(x.Graph(), tensors.FromFlatDataAndDimensions(c.keys, c.batch, c.tokens))
		}
		store.SetTraining(x.Graph(), dropout > 0)
		y := block(scope, graph.ConvertDType(x, dtype), keys)
		if y.DType() != dtype {
			t.Errorf("y is %s, want %s", y.DType(), dtype)
		}
		y = graph.ConvertDType(y, dtypes.Float32)
		for path, values := range c.values {
			v := store.GetVariable(path)
			if v == nil {
				t.Fatalf("no variable %s", path)
			}
			if err := v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
				t.Fatal(err)
			}
		}
		return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(graph.Square(y)), x)[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	x := make([]float32, len(c.x))
	for i, v := range c.x {
		x[i] = float32(v)
	}
	outputs, err := exec.Call(tensors.FromFlatDataAndDimensions(x, c.batch, c.tokens, c.width))
	if err != nil {
		t.Fatal(err)
	}
	trainable := 0
	for v := range store.IterVariables() {
		if v.Trainable {
			trainable++
		}
	}
	if trainable != len(c.values) {
		t.Errorf("%d variables to train, want %d", trainable, len(c.values))
	}
	return tensors.MustCopyFlatData[float32](outputs[0]), tensors.MustCopyFlatData[float32](outputs[1])
}

// want is y by the papers' equations, in float64.
func (c blockTest) want(masked bool) []float64 {
	y := slices.Clone(c.x)
	w, perItem := c.width, c.tokens*c.width
	for item := range c.batch {
		x := y[item*perItem:][:perItem]
		before := func(norm string, x []float64) []float64 {
			if c.postNorm {
				return x
			}
			return c.norm(norm, x)
		}
		behind := func(norm string, x []float64) {
			if c.postNorm {
				copy(x, c.norm(norm, x))
			}
		}
		qkv := c.dense("/attention/qkv", before("/norm_1", x), w, 3*w)
		mixed := make([]float64, perItem)
		dim := w / c.heads
		for head := range c.heads {
			for i := range c.tokens {
				weights := make([]float64, c.tokens)
				var sum float64
				for j := range c.tokens {
					if masked && !c.keys[item*c.tokens+j] || c.causal && j > i {
						continue
					}
					var score float64
					for d := range dim {
						score += qkv[i*3*w+head*dim+d] * qkv[j*3*w+w+head*dim+d]
					}
					weights[j] = math.Exp(score / math.Sqrt(float64(dim)))
					sum += weights[j]
				}
				for j := range c.tokens {
					for d := range dim {
						mixed[i*w+head*dim+d] += weights[j] / sum * qkv[j*3*w+2*w+head*dim+d]
					}
				}
			}
		}
		for i, v := range c.dense("/attention/out", mixed, w, w) {
			x[i] += v
		}
		behind("/norm_1", x)
		hidden := c.dense("/up", before("/norm_2", x), w, c.hidden)
		for i, v := range hidden {
			hidden[i] = v * math.Erfc(-v/math.Sqrt2) / 2
			if c.quick {
				hidden[i] = v / (1 + math.Exp(-1.702*v))
			}
		}
		for i, v := range c.dense("/down", hidden, c.hidden, w) {
			x[i] += v
		}
		behind("/norm_2", x)
	}
	return y
}

func (c blockTest) norm(path string, x []float64) []float64 {
	scale, offset := c.values[path+"/scale"], c.values[path+"/offset"]
	y := make([]float64, len(x))
	for row := 0; row < len(x); row += c.width {
		var mean, square float64
		for _, v := range x[row : row+c.width] {
			mean += v / float64(c.width)
		}
		for _, v := range x[row : row+c.width] {
			square += (v - mean) * (v - mean) / float64(c.width)
		}
		for i := range c.width {
			y[row+i] = (x[row+i]-mean)/math.Sqrt(square+blockEpsilon)*float64(scale[i]) + float64(offset[i])
		}
	}
	return y
}

func (c blockTest) dense(path string, x []float64, in, out int) []float64 {
	weights, bias := c.values[path+"/weights"], c.values[path+"/bias"]
	y := make([]float64, len(x)/in*out)
	for row := range len(x) / in {
		for o := range out {
			y[row*out+o] = float64(bias[o])
			for i := range in {
				y[row*out+o] += x[row*in+i] * float64(weights[i*out+o])
			}
		}
	}
	return y
}

// closeTo allows a difference of a share of the largest value, or of a tenth where all are smaller: what comes near 0 is a
// difference of larger numbers.
func closeTo(t testing.TB, what string, got []float32, want []float64, share float64) {
	t.Helper()
	largest := 0.1
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= share*largest) {
			t.Fatalf("%s[%d] = %g, want %g", what, i, got[i], want[i])
		}
	}
}

// wantGradient is that of the sum of the squares of y for x, by differences.
func (c blockTest) wantGradient(masked bool) []float64 {
	const step = 1e-5
	loss := func() (sum float64) {
		for _, v := range c.want(masked) {
			sum += v * v
		}
		return sum
	}
	gradient := make([]float64, len(c.x))
	for i, v := range c.x {
		c.x[i] = v + step
		gradient[i] = loss()
		c.x[i] = v - step
		gradient[i] = (gradient[i] - loss()) / (2 * step)
		c.x[i] = v
	}
	return gradient
}

// With the norms in front and behind, with and without a mask, on both devices: one has attention and norms as single operations,
// the other does not. Dropout that drops nothing takes attention the way of dropout.
func TestTransformerBlockIsItsEquations(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := drawBlock(rt)
		masked := !c.causal && rapid.Bool().Draw(rt, "masked")
		dropout := rapid.SampledFrom([]float64{0, 1e-12}).Draw(rt, "dropout")
		want, wantGradient := c.want(masked), c.wantGradient(masked)
		for _, name := range []string{"go", "cpu"} {
			y, gradient := c.apply(t, name, dtypes.Float32, masked, dropout)
			closeTo(t, "y on "+name, y, want, 1e-4)
			closeTo(t, "the gradient on "+name, gradient, wantGradient, 1e-3)
		}
	})
}

func TestTransformerBlockInBFloat16(t *testing.T) {
	for seed := 7; seed < 11; seed++ {
		c := rapid.Custom(drawBlock).Example(seed)
		want := c.want(!c.causal)
		for _, name := range []string{"go", "cpu"} {
			for _, dropout := range []float64{0, 1e-12} {
				y, _ := c.apply(t, name, dtypes.BFloat16, !c.causal, dropout)
				closeTo(t, "y on "+name, y, want, 0.03)
			}
		}
	}
}

// What float32 is for in a norm: the mean of numbers that bfloat16 can hold but whose sum it cannot.
func TestLayerNormOfBFloat16IsComputedInFloat32(t *testing.T) {
	const width = 512
	x := make([]bfloat16.BFloat16, width)
	for i := range x {
		x[i] = bfloat16.FromFloat32(float32(1 + i%2))
	}
	for _, name := range []string{"go", "cpu"} {
		b, err := device.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Finalize()
		y := run(t, b, model.NewStore(), func(scope *model.Scope, x *graph.Node) []*graph.Node {
			return []*graph.Node{graph.ConvertDType(nn.LayerNorm(scope, x, 1e-6), dtypes.Float32)}
		}, tensors.FromFlatDataAndDimensions(x, 1, width))[0]
		for i, v := range y {
			if want := float64(2*(i%2) - 1); math.Abs(float64(v)-want) > 1e-2 {
				t.Fatalf("%s: y[%d] = %g, want %g", name, i, v, want)
			}
		}
	}
}
