package backbone

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// Transformer is the encoder of Devlin et al. 2019, "BERT: Pre-training of deep bidirectional transformers for language
// understanding", without the layer on top of its first token (the pooler): learned embeddings of words, positions and token types
// are summed and normalised, and blocks with their norms behind follow (google-research/bert, modeling.py; transformers,
// modeling_bert.py). Liu et al. 2019, "RoBERTa", and Sanh et al. 2019, "DistilBERT", differ from it in their sizes only.
//
// In training, dropout acts on the embeddings, on the attention's weights and on what attention and MLP add: what makes two views of
// one text, for each row has a draw of its own.
type Transformer struct {
	Layers           int     `yaml:"layers" json:"layers" help:"number of blocks"`
	Width            int     `yaml:"width" json:"width" help:"width of a hidden state, a multiple of the heads"`
	Heads            int     `yaml:"heads" json:"heads" help:"number of attention's heads"`
	Feedforward      int     `yaml:"feedforward" json:"feedforward" help:"width of the hidden layer of a block's MLP"`
	Positions        int     `yaml:"positions" json:"positions" help:"most tokens of a text, special ones included"`
	Vocabulary       int     `yaml:"vocabulary" json:"vocabulary" help:"number of different tokens"`
	Types            int     `yaml:"types" json:"types" help:"number of token types, of which a text's tokens have the first; 0 for none"`
	Dropout          float64 `yaml:"dropout" json:"dropout" help:"share of embeddings and of what blocks add that is dropped in training"`
	AttentionDropout float64 `yaml:"attention_dropout" json:"attention_dropout" help:"share of attention's weights that is dropped in training"`
	Epsilon          float64 `yaml:"epsilon" json:"epsilon" help:"what layer norms add to the variance"`
}

// NewTransformer has BERT's settings (google-research/bert, modeling.py, BertConfig, and modeling.py's layer_norm, whose epsilon is
// TensorFlow's 1e-12) at the given depth and width: heads of 64 channels, MLPs four times as wide as a hidden state, dropout 0.1,
// 512 positions and two types.
func NewTransformer(layers, width, vocabulary int) Transformer {
	return Transformer{
		Layers: layers, Width: width, Heads: max(1, width/headWidth), Feedforward: 4 * width, Positions: 512, Vocabulary: vocabulary,
		Types: 2, Dropout: 0.1, AttentionDropout: 0.1, Epsilon: 1e-12,
	}
}

// Limits of what a configuration may ask for: larger ones are mistakes, and would take gigabytes a layer.
const (
	maxLayers     = 128
	maxWidth      = 1 << 14
	maxVocabulary = 1 << 22
)

// Validate names the first field whose value cannot be used, and what it must be.
func (t Transformer) Validate() error {
	for _, f := range []struct {
		name            string
		value, low, top int
	}{
		{"layers", t.Layers, 0, maxLayers}, {"width", t.Width, 1, maxWidth}, {"heads", t.Heads, 1, maxWidth},
		{"feedforward", t.Feedforward, 1, 8 * maxWidth}, {"positions", t.Positions, 1, maxVocabulary},
		{"vocabulary", t.Vocabulary, 1, maxVocabulary}, {"types", t.Types, 0, maxVocabulary},
	} {
		if f.value < f.low || f.value > f.top {
			return fmt.Errorf("%s is %d: it must be from %d to %d", f.name, f.value, f.low, f.top)
		}
	}
	if t.Width%t.Heads != 0 {
		return fmt.Errorf("width is %d: it must be a multiple of the %d heads", t.Width, t.Heads)
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"dropout", t.Dropout}, {"attention_dropout", t.AttentionDropout}} {
		if !(f.value >= 0 && f.value < 1) {
			return fmt.Errorf("%s is %g: it must be from 0 to below 1", f.name, f.value)
		}
	}
	if !(t.Epsilon > 0 && t.Epsilon < 1) {
		return fmt.Errorf("epsilon is %g: it must be above 0 and below 1", t.Epsilon)
	}
	return nil
}

// Dim is the width of a hidden state.
func (t Transformer) Dim() int { return t.Width }

// MaxLength is the most tokens of a text.
func (t Transformer) MaxLength() int { return t.Positions }

// Tokens is the number of different tokens.
func (t Transformer) Tokens() int { return t.Vocabulary }

// Hidden maps tokens [batch, length], length at most Positions, to hidden states [batch, length, Width].
func (t Transformer) Hidden(scope *model.Scope, tokens Tokens) *graph.Node {
	x := t.embed(scope.In("embeddings"), tokens)
	block := nn.PostNormBlock{Heads: t.Heads, Hidden: t.Feedforward, Epsilon: t.Epsilon,
		Dropout: t.Dropout, AttentionDropout: t.AttentionDropout}
	for i := range t.Layers {
		x = block.Apply(scope.In("block_%d", i), x, tokens.Mask)
	}
	return x
}

// embed sums the embeddings of words, positions and the first token type: [batch, length, Width].
func (t Transformer) embed(scope *model.Scope, tokens Tokens) *graph.Node {
	length := tokens.IDs.Shape().Dim(1)
	if length > t.Positions {
		panic(fmt.Sprintf("texts of %d tokens: the encoder has %d positions", length, t.Positions))
	}
	first := func(name string, rows, count int) *graph.Node {
		table := embeddings(scope, name, rows, t.Width).NodeValue(tokens.IDs)
		return graph.InsertAxes(graph.Slice(table, graph.AxisRange(0, count)), 0)
	}
	x := lookUp(embeddings(scope, "words", t.Vocabulary, t.Width), tokens.IDs)
	rest := first("positions", t.Positions, length)
	if t.Types > 0 {
		rest = graph.Add(rest, graph.BroadcastToShape(first("types", t.Types, 1), rest.Shape()))
	}
	x = graph.ConvertDType(graph.Add(x, graph.BroadcastToShape(rest, x.Shape())), tokens.Precision())
	return nn.Dropout(scope, nn.LayerNorm(scope.In("norm"), x, t.Epsilon), t.Dropout)
}

// embeddings is a table of rows vectors, drawn as BERT's are (Devlin et al. 2019; google-research/bert, modeling.py,
// initializer_range).
func embeddings(scope *model.Scope, name string, rows, width int) *model.Variable {
	return nn.Parameter(scope, name, nn.Normal(0.02), rows, width)
}

// lookUp returns the rows of a table [rows, ...] that ids [batch, length] name: [batch, length, ...].
func lookUp(table *model.Variable, ids *graph.Node) *graph.Node {
	return graph.Gather(table.NodeValue(ids), graph.InsertAxes(ids, -1))
}
