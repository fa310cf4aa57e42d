package loss

import . "github.com/gomlx/gomlx/core/graph"

// DefaultGuide returns cosine similarity with τ = 0.1, as lightly's DCLLoss has it.
func DefaultGuide() Contrast { return Contrast{Similarity: Cosine, Temperature: 0.1} }

// Guide is the contrastive loss that the project starts from, the mean over all 2N anchors i of
//
//	-log( exp(f_sim(x_i, x_j)/τ) / Σ_{k ≠ i,j} exp(f_sim(x_i, x_k)/τ) )
//
// where x_j, the anchor's positive, is the other view of its item. The denominator leaves the positive out: it is the
// decoupled form, L_DC of Yeh et al. 2022, "Decoupled Contrastive Learning", equation 6. It can be negative. [NTXent]
// keeps the positive in.
//
// z1 and z2 are the two views, [batch, dim] each, of at least two items: one item alone has no negatives.
func Guide(z1, z2 *Node, c Contrast) *Node {
	n, _ := assertRows("Guide", 2, z1, z2)
	assertValid("Guide", c)
	x := twoViews(z1, z2)
	similarity := c.pairs(x, x) // [2N, 2N]
	self, positive := pairMasks(x.Graph(), n)
	negative := LogicalNot(LogicalOr(self, positive))
	return ReduceAllMean(Sub(logSumExp(only(negative, similarity)), sumOver(positive, similarity)))
}
