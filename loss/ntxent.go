package loss

import . "github.com/gomlx/gomlx/core/graph"

// DefaultNTXent returns cosine similarity with τ = 0.1: Chen et al. 2020, "A Simple Framework for Contrastive Learning of
// Visual Representations", section 5.1 and table 5 (0.5 is their choice for CIFAR-10, appendix B.9).
func DefaultNTXent() Contrast { return Contrast{Similarity: Cosine, Temperature: 0.1} }

// NTXent is SimCLR's normalised temperature-scaled cross-entropy: Chen et al. 2020, "A Simple Framework for Contrastive
// Learning of Visual Representations", equation 1, averaged over all 2N anchors i whose positive j is the other view:
//
//	ℓ_ij = -log( exp(sim(z_i, z_j)/τ) / Σ_k 1[k ≠ i] exp(sim(z_i, z_k)/τ) )
//
// The denominator leaves the anchor itself out and keeps the positive. [Guide] leaves the positive out too.
//
// z1 and z2 are the two views, [batch, dim] each.
func NTXent(z1, z2 *Node, c Contrast) *Node {
	n, _ := assertRows("NTXent", 1, z1, z2)
	assertValid("NTXent", c)
	z := twoViews(z1, z2)
	similarity := c.pairs(z, z) // [2N, 2N]
	self, positive := pairMasks(z.Graph(), n)
	return ReduceAllMean(Sub(logSumExp(only(LogicalNot(self), similarity)), sumOver(positive, similarity)))
}
