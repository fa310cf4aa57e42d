package loss

import . "github.com/gomlx/gomlx/core/graph"

// VICRegOptions are the weights of the three terms of [VICReg].
type VICRegOptions struct {
	// Lambda weighs the invariance, Mu the variance and Nu the covariance.
	Lambda, Mu, Nu float64
}

// DefaultVICReg returns λ = 25, μ = 25, ν = 1: Bardes et al. 2022, "VICReg: Variance-Invariance-Covariance Regularization
// for Self-Supervised Learning", section 4.2.
func DefaultVICReg() VICRegOptions { return VICRegOptions{Lambda: 25, Mu: 25, Nu: 1} }

// VICReg is the loss of Bardes et al. 2022, "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised
// Learning", equations 1 to 6:
//
//	L    = λ s(z1, z2) + μ (v(z1) + v(z2)) + ν (c(z1) + c(z2))
//	s    = mean squared difference of the views, over batch and dimensions
//	v(z) = mean over dimensions of max(0, 1 - sqrt(Var(z_d) + 1e-4))
//	c(z) = 1/dim Σ_{i≠j} Cov(z)_ij²
//
// with unbiased variance and covariance. Two details follow the authors' main_vicreg.py (and lightly) rather than the
// paper: s is a mean over dimensions too, and the variance terms of the two views are averaged, not added.
//
// z1 and z2 are the two views, [batch, dim] each, of at least two items.
func VICReg(z1, z2 *Node, o VICRegOptions) *Node {
	assertRows("VICReg", 2, z1, z2)
	invariance := ReduceAllMean(Square(Sub(z1, z2)))
	variance := MulScalar(Add(varianceHinge(z1), varianceHinge(z2)), 0.5)
	covariance := Add(covariancePenalty(z1), covariancePenalty(z2))
	return Add(Add(MulScalar(invariance, o.Lambda), MulScalar(variance, o.Mu)), MulScalar(covariance, o.Nu))
}

// varianceHinge is v(z): how far the standard deviations of the columns of z stay below 1.
func varianceHinge(z *Node) *Node {
	const epsilon = 1e-4
	unbiased := float64(z.Shape().Dim(0) - 1)
	variance := DivScalar(ReduceSum(Square(centre(z)), 0), unbiased)
	return ReduceAllMean(MaxScalar(OneMinus(Sqrt(AddScalar(variance, epsilon))), 0))
}

// covariancePenalty is c(z): the squared covariances between different columns of z.
func covariancePenalty(z *Node) *Node {
	unbiased := float64(z.Shape().Dim(0) - 1)
	centred := centre(z)
	covariance := DivScalar(Einsum("bi,bj->ij", centred, centred), unbiased)
	return DivScalar(ReduceAllSum(Square(offDiagonal(covariance))), float64(z.Shape().Dim(1)))
}
