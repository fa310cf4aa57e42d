package backbone

import (
	"fmt"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// Static gives every token a vector of its own, whatever stands around it: with the mean over a text's tokens ([PoolMean]) the bag of
// words of Wieting et al. 2016, "Towards universal paraphrastic sentence embeddings" (PARAGRAM-PHRASE, their word averaging), and
// StaticEmbedding of sentence-transformers. It has no layers and is hundreds of times faster than a transformer.
type Static struct {
	Width      int `yaml:"width" json:"width" help:"width of a token's vector"`
	Vocabulary int `yaml:"vocabulary" json:"vocabulary" help:"number of different tokens"`
	// A weight for each token is a shorter way for training to say that a word hardly matters than to shrink its vector. Rarity says so
	// before the first step.
	Weights bool    `yaml:"weights" json:"weights" help:"give each token a weight beside its vector, both trained"`
	Rarity  Rarity  `yaml:"rarity" json:"rarity,omitempty" help:"weigh tokens by how rare they are in the text to learn from: sif, idf, or none"`
	Dropout float64 `yaml:"dropout" json:"dropout" help:"share of a text's tokens that is left out in training; the rest is scaled up"`
}

// NewStatic has Wieting et al.'s 300 channels, GloVe's and word2vec's largest, a weight for each token, and the dropout of whole words
// that Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods for text classification", find best, 0.3.
func NewStatic(vocabulary int) Static {
	return Static{Width: 300, Vocabulary: vocabulary, Weights: true, Rarity: RarityNone, Dropout: 0.3}
}

// Validate names the first field whose value cannot be used, and what it must be.
func (s Static) Validate() error {
	if s.Width < 1 || s.Width > maxWidth {
		return fmt.Errorf("width is %d: it must be from 1 to %d", s.Width, maxWidth)
	}
	if s.Vocabulary < 1 || s.Vocabulary > maxVocabulary {
		return fmt.Errorf("vocabulary is %d: it must be from 1 to %d", s.Vocabulary, maxVocabulary)
	}
	if err := s.Rarity.Validate(); err != nil {
		return err
	}
	if !(s.Dropout >= 0 && s.Dropout < 1) {
		return fmt.Errorf("dropout is %g: it must be from 0 to below 1", s.Dropout)
	}
	return nil
}

// Dim is the width of a token's vector.
func (s Static) Dim() int { return s.Width }

// MaxLength is 0: texts may have any length.
func (s Static) MaxLength() int { return 0 }

// Tokens is the number of different tokens.
func (s Static) Tokens() int { return s.Vocabulary }

// Words is the table of vectors [Vocabulary, Width] in scope, drawn on first use.
func (s Static) Words(scope *model.Scope) *model.Variable {
	return embeddings(scope, "words", s.Vocabulary, s.Width)
}

// Hidden maps tokens [batch, length] to their vectors [batch, length, Width].
func (s Static) Hidden(scope *model.Scope, tokens Tokens) *graph.Node {
	x := lookUp(s.Words(scope), tokens.IDs)
	weight := graph.Ones(x.Graph(), shapes.Make(x.DType(), tokens.IDs.Shape().Dimensions...))
	if s.Weights {
		weight = lookUp(nn.Parameter(scope, "weights", nn.Ones, s.Vocabulary), tokens.IDs) // one axis: spared weight decay
	}
	if s.Rarity.On() {
		weight = graph.Mul(weight, lookUp(s.rarity(scope), tokens.IDs))
	}
	weight = graph.InsertAxes(nn.Dropout(scope, weight, s.Dropout), -1)
	return graph.ConvertDType(graph.Mul(x, graph.BroadcastToShape(weight, x.Shape())), tokens.Precision())
}
