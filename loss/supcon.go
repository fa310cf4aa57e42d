package loss

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// DefaultSupCon returns cosine similarity with τ = 0.1: Khosla et al. 2020, "Supervised Contrastive Learning", section 4.
func DefaultSupCon() Contrast { return Contrast{Similarity: Cosine, Temperature: 0.1} }

// SupCon is the supervised contrastive loss: Khosla et al. 2020, "Supervised Contrastive Learning", equation 2 (L_out, the
// sum over positives outside the logarithm), averaged over all 2N anchors i:
//
//	-1/|P(i)| Σ_{p ∈ P(i)} log( exp(z_i·z_p/τ) / Σ_{a ≠ i} exp(z_i·z_a/τ) )
//
// P(i) are the rows with the anchor's label, without the anchor: its other view and all views of its class. The factor
// τ/τ_base of the authors' code is left out, as in the paper. An item with a negative label belongs to no class and has
// only its other view as a positive, so labels that are all negative, or all different, give [NTXent].
//
// z1 and z2 are the two views, [batch, dim] each; labels are integers, [batch].
func SupCon(z1, z2, labels *Node, c Contrast) *Node {
	n, _ := assertRows("SupCon", 1, z1, z2)
	assertValid("SupCon", c)
	assertLabels("SupCon", labels, z1)
	z := twoViews(z1, z2)
	similarity := c.pairs(z, z) // [2N, 2N]
	self, otherView := pairMasks(z.Graph(), n)
	positive := LogicalOr(otherView, LogicalAnd(sameClass(labels), LogicalNot(self)))

	denominator := logSumExp(only(LogicalNot(self), similarity)) // [2N]
	count := ReduceSum(ConvertDType(positive, z.DType()), -1)    // |P(i)|
	return ReduceAllMean(Sub(denominator, Div(sumOver(positive, similarity), count)))
}

// sameClass holds where two rows of [twoViews] have the same label that is not negative: [N] gives [2N, 2N].
func sameClass(labels *Node) *Node {
	n := labels.Shape().Dim(0)
	known := GreaterOrEqual(labels, ScalarZero(labels.Graph(), labels.DType()))
	both := Concatenate([]*Node{known, known}, 0)
	return LogicalAnd(sameOfTwoViews(labels), BroadcastToDims(InsertAxes(both, 1), 2*n, 2*n))
}

// assertLabels panics unless there is an integer for each row of z.
func assertLabels(function string, labels, z *Node) {
	if labels.Rank() != 1 || labels.Shape().Dim(0) != z.Shape().Dim(0) || !labels.DType().IsInt() {
		exceptions.Panicf("loss.%s: labels must be integers [batch], got %s for views of %s", function, labels.Shape(), z.Shape())
	}
}
