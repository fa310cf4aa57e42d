package loss

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// SimCSEOptions are the numbers of [SimCSE].
type SimCSEOptions struct {
	Contrast
	// HardNegativeWeight is log α: it is added to the logit of an anchor's own hard negative. The authors' code calls it
	// hard_negative_weight (princeton-nlp/SimCSE, simcse/models.py).
	HardNegativeWeight float64
}

// DefaultSimCSE returns cosine similarity with τ = 0.05 and no extra weight: Gao et al. 2021, "SimCSE: Simple Contrastive
// Learning of Sentence Embeddings", appendix D and tables D.1 and 7 (princeton-nlp/SimCSE, run_unsup_example.sh and run_sup_example.sh).
func DefaultSimCSE() SimCSEOptions {
	return SimCSEOptions{Contrast: Contrast{Similarity: Cosine, Temperature: 0.05}}
}

// SimCSE is the loss of Gao et al. 2021, "SimCSE: Simple Contrastive Learning of Sentence Embeddings": equation 4 without
// hard negatives, equation 5 with them (and section 6.3's weight α, 1 in the equation), averaged over the N anchors h_i:
//
//	-log( exp(sim(h_i, h_i+)/τ) / Σ_j ( exp(sim(h_i, h_j+)/τ) + α^[i=j] exp(sim(h_i, h_j-)/τ) ) )
//
// z1 are the anchors h, z2 the positives h+ (the same sentences under other dropout masks, or entailed ones), [batch, dim] each.
// hard are the hard negatives h-, nil for none: [k batch, dim], row m batch + i being of anchor i. The paper has k = 1; with more,
// the sum runs over all.
//
// spared, boolean, says which of an anchor's negatives are none, and leaves them out of its sum: [batch, batch] over the
// positives of the others or, with hard negatives, [batch, (1+k) batch] over both. What it says of an anchor's own positive does not
// matter. nil is the paper's: all are negatives.
func SimCSE(z1, z2, hard, spared *Node, o SimCSEOptions) *Node {
	n, _ := assertRows("SimCSE", 1, z1, z2)
	assertValid("SimCSE", o)
	logits := o.pairs(z1, z2) // [N, N]
	own := diagonal(z1.Graph(), n)
	if hard != nil {
		k := assertHard("SimCSE", hard, z1)
		unlike := o.pairs(z1, hard)
		unlike = Where(repeatedColumns(own, k), AddScalar(unlike, o.HardNegativeWeight), unlike)
		logits = Concatenate([]*Node{logits, unlike}, 1) // [N, (1+k)N]
		own = Concatenate([]*Node{own, repeatedColumns(ZerosLike(own), k)}, 1)
	}
	if spared != nil {
		if spared.DType() != dtypes.Bool || !slices.Equal(spared.Shape().Dimensions, logits.Shape().Dimensions) {
			exceptions.Panicf("loss.SimCSE: spared must be booleans %v, got %s", logits.Shape().Dimensions, spared.Shape())
		}
		logits = only(LogicalOr(own, LogicalNot(spared)), logits)
	}
	return crossEntropyOnDiagonal(logits)
}

// assertHard panics unless hard has a whole number of rows for each row of anchors, which it returns.
func assertHard(function string, hard, anchors *Node) (k int) {
	s, n := hard.Shape(), anchors.Shape().Dim(0)
	if s.Rank() != 2 || s.Dim(1) != anchors.Shape().Dim(1) || s.Dim(0)%n != 0 || s.DType != anchors.DType() {
		exceptions.Panicf("loss.%s: hard negatives must be a multiple of the %d rows of %s, got %s", function, n, anchors.Shape(), s)
	}
	return s.Dim(0) / n
}

// repeatedColumns is x [n, m] k times side by side.
func repeatedColumns(x *Node, k int) *Node { return Concatenate(slices.Repeat([]*Node{x}, k), 1) }
