package backbone

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// CLIPText is the text encoder of Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision",
// section 2.4 (openai/CLIP, clip/model.py): learned embeddings of words and positions are summed, blocks with their norms in front
// follow, in which a token sees itself and those before it alone, and a norm. The vector of a text is the state of its last token,
// [PoolLast], which has seen them all.
type CLIPText struct {
	Layers     int     `yaml:"layers" json:"layers" help:"number of blocks"`
	Width      int     `yaml:"width" json:"width" help:"width of a hidden state, a multiple of the heads"`
	Heads      int     `yaml:"heads" json:"heads" help:"number of attention's heads"`
	Positions  int     `yaml:"positions" json:"positions" help:"most tokens of a text, special ones included: the context"`
	Vocabulary int     `yaml:"vocabulary" json:"vocabulary" help:"number of different tokens"`
	QuickGELU  bool    `yaml:"quick_gelu" json:"quick_gelu" help:"x sigmoid(1.702 x) in the MLPs, as OpenAI's models have it, in the place of GELU"`
	Epsilon    float64 `yaml:"epsilon" json:"epsilon" help:"what layer norms add to the variance"`
}

// NewCLIPText has CLIP's settings (section 2.4; openai/CLIP, clip/model.py) at the given depth and width: heads of 64 channels, MLPs
// four times as wide as a hidden state, 77 positions, and the epsilon of PyTorch's norms. GELU is open_clip's choice for what it
// trains itself.
func NewCLIPText(layers, width, vocabulary int) CLIPText {
	return CLIPText{Layers: layers, Width: width, Heads: max(1, width/headWidth), Positions: 77, Vocabulary: vocabulary, Epsilon: 1e-5}
}

// Validate names the first field whose value cannot be used, and what it must be.
func (t CLIPText) Validate() error {
	for _, f := range []struct {
		name            string
		value, low, top int
	}{
		{"layers", t.Layers, 1, maxLayers}, {"width", t.Width, 1, maxWidth}, {"heads", t.Heads, 1, maxWidth},
		{"positions", t.Positions, 1, maxVocabulary}, {"vocabulary", t.Vocabulary, 1, maxVocabulary},
	} {
		if f.value < f.low || f.value > f.top {
			return fmt.Errorf("%s is %d: it must be from %d to %d", f.name, f.value, f.low, f.top)
		}
	}
	if t.Width%t.Heads != 0 {
		return fmt.Errorf("width is %d: it must be a multiple of the %d heads", t.Width, t.Heads)
	}
	if !(t.Epsilon > 0 && t.Epsilon < 1) {
		return fmt.Errorf("epsilon is %g: it must be above 0 and below 1", t.Epsilon)
	}
	return nil
}

// Dim is the width of a hidden state.
func (t CLIPText) Dim() int { return t.Width }

// MaxLength is the most tokens of a text.
func (t CLIPText) MaxLength() int { return t.Positions }

// Tokens is the number of different tokens.
func (t CLIPText) Tokens() int { return t.Vocabulary }

// Feedforward is the width of the hidden layer of a block's MLP.
func (t CLIPText) Feedforward() int { return 4 * t.Width }

// Hidden maps tokens [batch, length], length at most Positions, to hidden states [batch, length, Width]. Padding is behind a text, where
// none of its tokens looks.
func (t CLIPText) Hidden(scope *model.Scope, tokens Tokens) *graph.Node {
	length := tokens.IDs.Shape().Dim(1)
	if length > t.Positions {
		panic(fmt.Sprintf("texts of %d tokens: the encoder has %d positions", length, t.Positions))
	}
	words := nn.Parameter(scope, "words", nn.Normal(0.02), t.Vocabulary, t.Width)
	positions := nn.Parameter(scope, "positions", nn.Normal(0.01), t.Positions, t.Width).NodeValue(tokens.IDs)
	x := lookUp(words, tokens.IDs)
	positions = graph.InsertAxes(graph.Slice(positions, graph.AxisRange(0, length)), 0)
	x = graph.ConvertDType(graph.Add(x, graph.BroadcastToShape(positions, x.Shape())), tokens.Precision())
	block := t.block()
	for i := range t.Layers {
		x = block.Apply(scope.In("block_%d", i), x, nil)
	}
	return nn.LayerNorm(scope.In("norm"), x, t.Epsilon)
}

// block is one of the blocks.
func (t CLIPText) block() nn.TransformerBlock {
	b := clipBlock(t.Layers, t.Width, t.QuickGELU)
	b.Heads, b.Hidden, b.Epsilon, b.Causal = t.Heads, t.Feedforward(), t.Epsilon, true
	return b
}

// clipBlock is one of CLIP's blocks, whose matrices are drawn narrower the deeper the network is (openai/CLIP, clip/model.py,
// initialize_parameters).
func clipBlock(layers, width int, quick bool) nn.TransformerBlock {
	w := float64(width)
	residual := nn.Normal(1 / math.Sqrt(w*2*float64(layers)))
	b := nn.TransformerBlock{Init: nn.BlockInit{QKV: nn.Normal(1 / math.Sqrt(w)), Out: residual, Up: nn.Normal(1 / math.Sqrt(2*w)), Down: residual}}
	if quick {
		b.Activation = nn.QuickGELU
	}
	return b
}
