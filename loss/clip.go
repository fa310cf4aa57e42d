package loss

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// CLIP is the symmetric cross-entropy of Radford et al. 2021, "Learning Transferable Visual Models From Natural Language
// Supervision", section 2.3 and figure 3. With the logits s_ij = exp(t) f_sim(I_i, T_j) of N pairs:
//
//	L = ½ mean_i -log( exp(s_ii) / Σ_j exp(s_ij) ) + ½ mean_i -log( exp(s_ii) / Σ_j exp(s_ji) )
//
// image and text are [batch, dim] each; logScale is t, one number, learned: the paper starts it at log(1/0.07) and keeps it
// below log 100 after each step, which is the caller's to do. similarity is [Cosine] in the paper.
//
// positives, boolean [batch, batch], holds where text j is of image i too; an image's own is one whatever it says. An anchor's
// term is then the mean of -log over its positives, which all stay in the sum below (Yang et al. 2022, "Unified Contrastive
// Learning in Image-Text-Label Space", equations 2 to 4). nil is the paper's: an image's own text is its only one.
func CLIP(image, text, logScale, positives *Node, similarity Similarity) *Node {
	n, _ := assertRows("CLIP", 1, image, text)
	assertValid("CLIP", similarity)
	positives = withOwn("CLIP", positives, image.Graph(), n)
	scale := Exp(asScalar("CLIP", "logScale", logScale))
	logits := Mul(scale, similarity.Pairs(image, text)) // [N, N]
	imageToText := crossEntropyOn(positives, logits)
	textToImage := crossEntropyOn(Transpose(positives, 0, 1), Transpose(logits, 0, 1))
	return MulScalar(Add(imageToText, textToImage), 0.5)
}

// crossEntropyOn returns the mean over the rows of logits [n, m] of the mean cross-entropy of a row's right answers, of which each
// has one at least.
func crossEntropyOn(right, logits *Node) *Node {
	share := Div(sumOver(right, logits), ReduceSum(ConvertDType(right, logits.DType()), -1))
	return ReduceAllMean(Sub(logSumExp(logits), share))
}

// withOwn returns positives [n, n], nil for none, with the diagonal.
func withOwn(function string, positives *Node, g *Graph, n int) *Node {
	own := diagonal(g, n)
	if positives == nil {
		return own
	}
	if positives.DType() != dtypes.Bool || !slices.Equal(positives.Shape().Dimensions, own.Shape().Dimensions) {
		exceptions.Panicf("loss.%s: positives must be booleans %v, got %s", function, own.Shape().Dimensions, positives.Shape())
	}
	return LogicalOr(own, positives)
}
