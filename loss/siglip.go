package loss

import . "github.com/gomlx/gomlx/core/graph"

// SigLIP is the pairwise sigmoid loss of Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training", section 3.2 and
// algorithm 1, over the N² pairs of N images and texts:
//
//	L = -1/N Σ_i Σ_j log σ( y_ij (exp(t) f_sim(I_i, T_j) + b) ),   y_ij = 1 if i = j, -1 otherwise
//
// image and text are [batch, dim] each; logScale is t and bias is b, one number each, learned: the paper starts them at
// log 10 and -10. similarity is [Cosine] in the paper.
//
// positives, boolean [batch, batch], holds where text j is of image i too: y_ij is 1 there. nil is the paper's.
func SigLIP(image, text, logScale, bias, positives *Node, similarity Similarity) *Node {
	n, _ := assertRows("SigLIP", 1, image, text)
	assertValid("SigLIP", similarity)
	scale := Exp(asScalar("SigLIP", "logScale", logScale))
	logits := Add(Mul(scale, similarity.Pairs(image, text)), asScalar("SigLIP", "bias", bias)) // [N, N]
	signed := Where(withOwn("SigLIP", positives, logits.Graph(), n), logits, Neg(logits))
	return DivScalar(ReduceAllSum(Softplus(Neg(signed))), float64(n)) // -log σ(x) = softplus(-x)
}
