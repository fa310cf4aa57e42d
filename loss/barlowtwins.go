package loss

import . "github.com/gomlx/gomlx/core/graph"

// DefaultBarlowTwinsLambda is λ of [BarlowTwins] in the authors' main.py (facebookresearch/barlowtwins, --lambd); the paper
// rounds it to 0.005.
const DefaultBarlowTwinsLambda = 0.0051

// BarlowTwins is the redundancy reduction of Zbontar et al. 2021, "Barlow Twins: Self-Supervised Learning via Redundancy
// Reduction", equations 1 and 2:
//
//	L = Σ_i (1 - C_ii)² + λ Σ_i Σ_{j≠i} C_ij²,   C = ẑ1ᵀ ẑ2 / N
//
// ẑ are the embeddings normalised over the batch: zero mean and unit (biased) variance a column, with the ε = 1e-5 of the
// affine-free batch norm in the authors' code.
//
// z1 and z2 are the two views, [batch, dim] each.
func BarlowTwins(z1, z2 *Node, lambda float64) *Node {
	n, dim := assertRows("BarlowTwins", 1, z1, z2)
	c := DivScalar(Einsum("bi,bj->ij", standardize(z1), standardize(z2)), float64(n)) // [dim, dim]
	diagonal := sumOver(diagonal(c.Graph(), dim), c)
	invariance := ReduceAllSum(Square(OneMinus(diagonal)))
	redundancy := ReduceAllSum(Square(offDiagonal(c)))
	return Add(invariance, MulScalar(redundancy, lambda))
}

// standardize gives each column of z, [batch, dim], the mean 0 and the variance 1 over the batch.
func standardize(z *Node) *Node {
	const epsilon = 1e-5
	centred := centre(z)
	variance := ReduceAndKeep(Square(centred), ReduceMean, 0)
	return Div(centred, Sqrt(AddScalar(variance, epsilon)))
}

// centre subtracts from each column of z, [batch, dim], its mean over the batch.
func centre(z *Node) *Node {
	return Sub(z, ReduceAndKeep(z, ReduceMean, 0))
}
