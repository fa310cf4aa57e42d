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
// The MLP has one hidden layer and [GELU].
type TransformerBlock struct {
	Heads int
	// Hidden is the width of the MLP's hidden layer: four times that of x in most papers.
	Hidden int
	// Epsilon is that of the layer norms.
	Epsilon float64
}

// Apply runs x [batch, tokens, width] through the block; width must be a multiple of Heads. Keys are as for [Attention].
func (t TransformerBlock) Apply(scope *model.Scope, x, keys *graph.Node) *graph.Node {
	normed := LayerNorm(scope.In("norm_1"), x, t.Epsilon)
	x = graph.Add(x, Attention(scope.In("attention"), normed, t.Heads, keys))
	normed = LayerNorm(scope.In("norm_2"), x, t.Epsilon)
	hidden := GELU(DenseFrom(scope.In("up"), normed, t.Hidden, true, transformerInit))
	return graph.Add(x, DenseFrom(scope.In("down"), hidden, x.Shape().Dim(-1), true, transformerInit))
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
	mixed := attention(scope.In("attention"), x, t.Heads, keys, t.AttentionDropout)
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
