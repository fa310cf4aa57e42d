package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
)

// transformerInit draws the matrices of transformers: a standard deviation of 0.02, as BERT (Devlin et al. 2019,
// google-research/bert, modeling.py) and timm's ViT. Both cut the normal off, BERT at two deviations, timm, in effect, nowhere:
// its bounds are ±2, a hundred deviations away (timm, weight_init.py). This is timm's.
var transformerInit = Normal(0.02)

// TransformerBlock is a layer of a transformer with its norms in front, as ViT (Dosovitskiy et al. 2021, equations 2 and 3)
// and CLIP have it:
//
//	x ← x + attention(norm(x))
//	x ← x + mlp(norm(x))
//
// The MLP has one hidden layer.
type TransformerBlock struct {
	Heads int
	// Hidden is the width of the MLP's hidden layer: four times that of x in most papers.
	Hidden int
	// Epsilon is that of the layer norms.
	Epsilon float64
	// Causal lets a token look at itself and at those before it alone. It goes without keys.
	Causal bool
	// Activation is that of the MLP; nil is [GELU].
	Activation func(*graph.Node) *graph.Node
	// Init draws the matrices. Those that are nil have a standard deviation of 0.02.
	Init BlockInit
}

// BlockInit draws the four matrices of a [TransformerBlock]: those before and behind attention, and those of its MLP.
type BlockInit struct{ QKV, Out, Up, Down Init }

// Apply runs x [batch, tokens, width] through the block; width must be a multiple of Heads. Keys are as for [Attention].
func (t TransformerBlock) Apply(scope *model.Scope, x, keys *graph.Node) *graph.Node {
	normed := LayerNorm(scope.In("norm_1"), x, t.Epsilon)
	look := attention{heads: t.Heads, causal: t.Causal, qkv: t.Init.QKV, out: t.Init.Out}
	x = graph.Add(x, look.apply(scope.In("attention"), normed, keys))
	normed = LayerNorm(scope.In("norm_2"), x, t.Epsilon)
	activation := GELU
	if t.Activation != nil {
		activation = t.Activation
	}
	hidden := activation(DenseFrom(scope.In("up"), normed, t.Hidden, true, t.Init.Up.or(transformerInit)))
	return graph.Add(x, DenseFrom(scope.In("down"), hidden, x.Shape().Dim(-1), true, t.Init.Down.or(transformerInit)))
}

// PostNormBlock is a layer of a transformer with its norms behind, as Vaswani et al. 2017, section 3, and BERT (Devlin et al. 2019;
// google-research/bert, modeling.py, transformer_model) have it:
//
//	x ← norm(x + drop(attention(x)))
//	x ← norm(x + drop(mlp(x)))
//
// The MLP has one hidden layer and [GELU], drop is [Dropout].
type PostNormBlock struct {
	Heads int
	// Hidden is the width of the MLP's hidden layer.
	Hidden int
	// Epsilon is that of the layer norms.
	Epsilon float64
	// Dropout is the rate of drop, AttentionDropout that of dropping the softmax's values in the attention.
	Dropout, AttentionDropout float64
}

// Apply runs x [batch, tokens, width] through the block; width must be a multiple of Heads. Keys are as for [Attention].
func (t PostNormBlock) Apply(scope *model.Scope, x, keys *graph.Node) *graph.Node {
	mixed := attention{heads: t.Heads, dropout: t.AttentionDropout}.apply(scope.In("attention"), x, keys)
	x = LayerNorm(scope.In("norm_1"), graph.Add(x, Dropout(scope, mixed, t.Dropout)), t.Epsilon)
	hidden := GELU(DenseFrom(scope.In("up"), x, t.Hidden, true, transformerInit))
	down := DenseFrom(scope.In("down"), hidden, x.Shape().Dim(-1), true, transformerInit)
	return LayerNorm(scope.In("norm_2"), graph.Add(x, Dropout(scope, down, t.Dropout)), t.Epsilon)
}

// GELU is x Φ(x), Φ being the normal distribution function: Hendrycks and Gimpel 2016, "Gaussian error linear units". It is
// computed in float32, for 1 + erf loses all of bfloat16's digits where x is negative; the result has the type of x.
func GELU(x *graph.Node) *graph.Node {
	return graph.ConvertDType(activation.Gelu(toFloat32(x)), x.DType())
}

// QuickGELU is x σ(1.702 x), which the models that OpenAI trained as CLIP have in the place of [GELU] (openai/CLIP, clip/model.py). It
// is computed in float32; the result has the type of x.
func QuickGELU(x *graph.Node) *graph.Node {
	wide := toFloat32(x)
	return graph.ConvertDType(graph.Mul(wide, graph.Sigmoid(graph.MulScalar(wide, 1.702))), x.DType())
}
