package loss

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
)

// TripletOptions are the settings of [Triplet].
type TripletOptions struct {
	// Margin is by how much a positive must be more similar than a negative, 0 or above.
	Margin float64
	// Similarity is f_sim; [NegativeEuclidean] gives the loss over distances.
	Similarity Similarity
}

// DefaultTriplet returns Euclidean distances and the margin 1 of PyTorch's TripletMarginLoss.
func DefaultTriplet() TripletOptions { return TripletOptions{Margin: 1, Similarity: NegativeEuclidean} }

// Validate reports an unknown similarity or a negative margin.
func (o TripletOptions) Validate() error {
	if !(o.Margin >= 0) {
		return fmt.Errorf("margin is %g: it must be at least 0", o.Margin)
	}
	return o.Similarity.Validate()
}

// Triplet is the hinge over triplets of Weinberger and Saul 2009, "Distance Metric Learning for Large Margin Nearest
// Neighbor Classification" (FaceNet, Schroff et al. 2015, equation 2, squares the distances), averaged over the batch:
//
//	max(0, margin - f_sim(a, p) + f_sim(a, n))
//
// which over Euclidean distances is max(0, |a-p| - |a-n| + margin). anchor, positive and negative are [batch, dim] each.
func Triplet(anchor, positive, negative *Node, o TripletOptions) *Node {
	assertRows("Triplet", 1, anchor, positive, negative)
	assertValid("Triplet", o)
	gap := Sub(o.Similarity.Rows(anchor, negative), o.Similarity.Rows(anchor, positive))
	return ReduceAllMean(MaxScalar(AddScalar(gap, o.Margin), 0))
}
