package loss

import . "github.com/gomlx/gomlx/core/graph"

// BYOL is the symmetric regression of Grill et al. 2020, "Bootstrap Your Own Latent", equation 2, averaged over the batch:
//
//	L = |p̄1 - t̄2|² + |p̄2 - t̄1|² = (2 - 2 cos(p1, t2)) + (2 - 2 cos(p2, t1))
//
// p1 and p2 are the online network's predictions q(z) for the two views, t1 and t2 the target network's projections,
// [batch, dim] each. The targets are constants: no gradient flows into them.
func BYOL(p1, p2, t1, t2 *Node) *Node {
	assertRows("BYOL", 1, p1, p2, t1, t2)
	regression := func(prediction, target *Node) *Node {
		cosine := Cosine.Rows(prediction, StopGradient(target))
		return ReduceAllMean(MulScalar(OneMinus(cosine), 2))
	}
	return Add(regression(p1, t2), regression(p2, t1))
}
