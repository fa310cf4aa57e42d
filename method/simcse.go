package method

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/negative"
	"github.com/alike-ml/alike/positive"
)

// SimCSE is Gao, Yao and Chen 2021, "SimCSE: Simple contrastive learning of sentence embeddings".
//
// Unsupervised, an item is a sentence x, which goes through the encoder f twice. Its two embeddings differ by their dropout masks
// z and z' alone and attract; the other sentences of the batch are its negatives:
//
//	h = f(x, z), h+ = f(x, z')                                                            (section 3)
//
// Supervised, an item is a premise x, a sentence x+ that it entails, and one x- that contradicts it, a hard negative, which may be
// missing (section 4). In both cases
//
//	ℓ_i = -log( exp(sim(h_i, h_i+)/τ) / Σ_j ( exp(sim(h_i, h_j+)/τ) + α^[i=j] exp(sim(h_i, h_j-)/τ) ) )
//
// which is equation 4 without hard negatives, equation 5 with them and α = 1; section 6.3 has α. The items have one, two or three
// texts; how many says which of these it is. A layer with tanh, the MLP, follows the encoder in training. Unsupervised, it is left out
// of the representation (section 6.3, table 6).
//
// The paper has every other sentence of the batch as a negative. Here those are not that are known to mean the same. A sentence's
// positive may be a view of it, f(g(x), z') in the paper's table 1, where none did as well as dropout alone. And any item may have one
// more hard negative, made of its first text by rule.
type SimCSE struct {
	Temperature        float64          `yaml:"temperature" help:"τ: divides the similarities before the softmax"`
	HardNegativeWeight float64          `yaml:"hard_negative_weight" help:"log α: added to the logit of an anchor's own hard negative; 0 weighs it as any other"`
	Pooling            backbone.Pooling `yaml:"pooling" help:"what makes one vector of all tokens': cls, the first one's, mean, or last, that of its end"`
	MLP                MLPUse           `yaml:"mlp" help:"dense layer with tanh after pooling: in training only, always, or none"`
	MaskDuplicates     bool             `yaml:"mask_duplicates" help:"a sentence that is in the batch twice is no negative of itself; the paper's code has no such rule"`
	MaskClasses        bool             `yaml:"mask_classes" help:"items of one class are no negatives of each other; needs a column of classes"`

	Positive  positive.TextConfig `yaml:"positive"`
	Negatives negative.TextConfig `yaml:"negatives"`
}

// MLPUse says where the layer after pooling takes part.
type MLPUse string

// Where the layer after pooling takes part.
const (
	MLPTraining MLPUse = "training"
	MLPAlways   MLPUse = "always"
	MLPNone     MLPUse = "none"
)

// DefaultSimCSE has the published settings for items of so many texts: τ 0.05, the first token's vector, and for single sentences an
// MLP in training only (section 6.3, table 6, and appendices A and D, table D.1; princeton-nlp/SimCSE, run_unsup_example.sh, whose --mlp_only_train it
// is, run_sup_example.sh, and hard_negative_weight in train.py).
func DefaultSimCSE(texts int) SimCSE {
	m := SimCSE{Temperature: 0.05, Pooling: backbone.PoolCLS, MLP: MLPTraining, MaskDuplicates: true}
	if texts > 1 {
		m.MLP = MLPAlways
	}
	return m
}

// Name is "simcse".
func (m SimCSE) Name() string { return "simcse" }

// Validate names the first hyper-parameter that cannot be used.
func (m SimCSE) Validate() error {
	if err := m.options().Validate(); err != nil {
		return err
	}
	if math.IsNaN(m.HardNegativeWeight) || math.IsInf(m.HardNegativeWeight, 0) {
		return fmt.Errorf("hard_negative_weight is %g: it must be finite", m.HardNegativeWeight)
	}
	if err := m.Pooling.Validate(); err != nil {
		return err
	}
	if err := m.Views().check(); err != nil {
		return err
	}
	switch m.MLP {
	case MLPTraining, MLPAlways, MLPNone:
		return nil
	}
	return fmt.Errorf("mlp is %q: it must be %s, %s or %s", string(m.MLP), MLPTraining, MLPAlways, MLPNone)
}

// NeedsLabels says whether classes decide on what is a negative.
func (m SimCSE) NeedsLabels() bool { return m.MaskClasses }

// Views makes a positive and a hard negative of texts, where there are rules for either.
func (m SimCSE) Views() TextViews { return TextViews{m.Positive, m.Negatives} }

// Sentence has the MLP only where it is for more than training.
func (m SimCSE) Sentence() Sentence { return Sentence{Pooling: m.Pooling, Dense: m.MLP == MLPAlways} }

// Loss builds cl_forward of the authors' simcse/models.py.
func (m SimCSE) Loss(scope *model.Scope, encoder backbone.TextEncoder, batch Batch) Output {
	return m.Compare(scope, m.Represent(scope, encoder, batch), batch)
}

// Represent gives h, h+ and, where there are any, h- of all items: their texts go through the encoder together, as rows of one batch.
func (m SimCSE) Represent(scope *model.Scope, encoder backbone.TextEncoder, batch Batch) []*graph.Node {
	return []*graph.Node{m.Sentence().Represent(scope, encoder, stack(twice(batch.Texts)))}
}

// Compare goes from representations, through the MLP if it is for training only, to the loss.
func (m SimCSE) Compare(scope *model.Scope, represented []*graph.Node, batch Batch) Output {
	h := represented[0]
	if m.MLP == MLPTraining {
		h = denseTanh(scope.At("projector"), h)
	}
	h = inFloat32(h)
	texts := twice(batch.Texts)
	n := texts[0].IDs.Shape().Dim(0)
	of := func(first, end int) *graph.Node { return graph.Slice(h, graph.AxisRange(first*n, end*n)) }
	var hard *graph.Node
	if len(texts) > 2 {
		hard = of(2, len(texts))
	}
	contrast := batch.losses().SimCSE(of(0, 1), of(1, 2), hard, m.spared(batch.Texts, batch.Labels), m.options())
	return Output{Loss: contrast, Embeddings: h}
}

func (m SimCSE) options() loss.SimCSEOptions {
	return loss.SimCSEOptions{
		Contrast:           loss.Contrast{Similarity: loss.Cosine, Temperature: m.Temperature},
		HardNegativeWeight: m.HardNegativeWeight,
	}
}

// spared marks where another item's text is no negative of an anchor: its positive if one of the two items' texts that mean the same
// is the other's, or if they are of one class; its hard negative if that is the anchor or its positive. The last of the hard negatives,
// where they are made, is none for any anchor if it is no other text than the one it was made of, which no rule applied to.
// Rows are the N anchors, and columns their positives or, with k hard negatives for each anchor, the (1+k)N of both.
func (m SimCSE) spared(texts []backbone.Tokens, labels *graph.Node) (marks loss.Marks) {
	n, blocks := texts[0].IDs.Shape().Dim(0), len(twice(texts))-1
	var number []*graph.Node // of each text
	for _, t := range texts {
		number = append(number, numbered(t))
	}
	// of are columns that are marked in one of their blocks of N alone.
	of := func(block int, x *graph.Node) *graph.Node {
		list := slices.Repeat([]*graph.Node{graph.AddScalar(graph.ZerosLike(x), -1)}, blocks)
		list[block] = x
		return graph.Concatenate(list, 0)
	}
	if m.MaskDuplicates {
		alike, hard := number[:min(2, len(number))], number[min(2, len(number)):]
		for _, mine := range alike {
			for _, other := range alike {
				marks = append(marks, loss.Mark{Row: mine, Column: graph.Concatenate(append([]*graph.Node{other}, hard...), 0)})
			}
		}
	}
	if m.MaskClasses {
		marks = append(marks, loss.Mark{Row: labels, Column: of(0, labels)})
	}
	if m.Negatives.On() {
		last := number[len(number)-1]
		zero := graph.ZerosLike(last)
		unchanged := graph.Where(graph.Equal(number[0], last), zero, graph.AddScalar(zero, -1))
		marks = append(marks, loss.Mark{Row: graph.BroadcastToDims(graph.ScalarZero(zero.Graph(), zero.DType()), n), Column: of(blocks-1, unchanged)})
	}
	return marks
}
