package backbone

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// Rarity says by what a static encoder weighs its tokens, beside what it learns of them: how rare they are in the text to learn from. Empty
// is none.
type Rarity string

// The ways to weigh tokens.
const (
	// RaritySIF is a/(a+p), p being a token's share of all tokens of the texts and a 1e-3: the smooth inverse frequency of Arora, Liang and
	// Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings", algorithm 1 and section 4.1.
	RaritySIF Rarity = "sif"
	// RarityIDF is the root of ln((1+n)/(1+d)) + 1 for a token in d of n texts: the rarity that scikit-learn's TF-IDF has, which then weighs
	// a token that two texts have in common once, not squared.
	RarityIDF Rarity = "idf"
	// RarityNone weighs all alike.
	RarityNone Rarity = "none"
)

// sifA is a in [RaritySIF].
const sifA = 1e-3

// Validate returns an error unless r is one of the ways.
func (r Rarity) Validate() error {
	if r != RaritySIF && r != RarityIDF && r != RarityNone && r != "" {
		return fmt.Errorf("rarity is %q: it must be %s, %s or %s", string(r), RaritySIF, RarityIDF, RarityNone)
	}
	return nil
}

// On says whether tokens are weighed.
func (r Rarity) On() bool { return r == RaritySIF || r == RarityIDF }

// TokenCounts says how often tokens occur in texts.
type TokenCounts struct {
	// Texts is how many texts there are, Tokens how many tokens they have.
	Texts, Tokens int
	// Times is how often each token of the vocabulary occurs, In in how many texts.
	Times, In []int
}

// Weights are those of the tokens. They are scaled so that over the tokens of the texts the mean of their squares is 1: vectors of texts
// are then as long as without them, about.
func (r Rarity) Weights(c TokenCounts) []float32 {
	weights := make([]float64, len(c.Times))
	var squares float64
	for id, times := range c.Times {
		share := float64(times) / float64(c.Tokens)
		if r == RaritySIF {
			weights[id] = sifA / (sifA + share)
		} else {
			weights[id] = math.Sqrt(math.Log(float64(1+c.Texts)/float64(1+c.In[id])) + 1)
		}
		squares += share * weights[id] * weights[id]
	}
	list := make([]float32, len(weights))
	for id, w := range weights {
		list[id] = float32(w / math.Sqrt(squares))
	}
	return list
}

// rarity is the variable of the weights [Vocabulary] in scope, which are not trained: 1 until they are assigned.
func (s Static) rarity(scope *model.Scope) *model.Variable {
	return nn.Parameter(scope, "rarity", nn.Ones, s.Vocabulary).SetTrainable(false)
}

// AssignRarity weighs the tokens of the encoder in scope, whose settings ask for it, by their counts.
func (s Static) AssignRarity(scope *model.Scope, counts TokenCounts) error {
	if len(counts.Times) > s.Vocabulary {
		return fmt.Errorf("%d tokens are counted, of which the encoder knows %d", len(counts.Times), s.Vocabulary)
	}
	weights := make([]float32, s.Vocabulary)
	copy(weights, s.Rarity.Weights(counts))
	return s.rarity(scope).SetValue(tensors.FromFlatDataAndDimensions(weights, s.Vocabulary))
}

// CopyRarity gives the encoder in scope the weights by rarity, if its settings ask for them, of the one in another scope.
func (s Static) CopyRarity(scope, from *model.Scope) error {
	if !s.Rarity.On() {
		return nil
	}
	value, err := s.rarity(from).Value()
	if err != nil {
		return err
	}
	if value, err = value.LocalClone(); err != nil {
		return err
	}
	return s.rarity(scope).SetValue(value)
}
