package loss

import . "github.com/gomlx/gomlx/core/graph"

// CLIP is the symmetric cross-entropy of Radford et al. 2021, "Learning Transferable Visual Models From Natural Language
// Supervision", section 2.3 and figure 3. With the logits s_ij = exp(t) f_sim(I_i, T_j) of N pairs:
//
//	L = ½ mean_i -log( exp(s_ii) / Σ_j exp(s_ij) ) + ½ mean_i -log( exp(s_ii) / Σ_j exp(s_ji) )
//
// image and text are [batch, dim] each; logScale is t, one number, learned: the paper starts it at log(1/0.07) and keeps it
// below log 100 after each step, which is the caller's to do. similarity is [Cosine] in the paper.
func CLIP(image, text, logScale *Node, similarity Similarity) *Node {
	assertRows("CLIP", 1, image, text)
	assertValid("CLIP", similarity)
	scale := Exp(asScalar("CLIP", "logScale", logScale))
	logits := Mul(scale, similarity.Pairs(image, text)) // [N, N]
	imageToText := crossEntropyOnDiagonal(logits)
	textToImage := crossEntropyOnDiagonal(Transpose(logits, 0, 1))
	return MulScalar(Add(imageToText, textToImage), 0.5)
}
