package metric

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Geometry says how a set of embeddings lies in space: whether positives are close, whether the space is used, and whether
// the encoder has collapsed.
type Geometry struct {
	// Alignment is the mean squared distance of positives on the unit sphere, in [0, 4]; see [Alignment]. Lower is closer.
	Alignment float64 `json:"alignment"`
	// Uniformity is the logarithm of the mean Gaussian potential of pairs, in [-8, 0]; see [Uniformity]. Lower is more spread out,
	// 0 is total collapse.
	Uniformity float64 `json:"uniformity"`
	// EffectiveRank is the number of dimensions in effective use, in [0, min(rows, dim)]; see [EffectiveRank].
	EffectiveRank float64 `json:"effective_rank"`
	// Std is the spread of every dimension relative to an even spread over the sphere, in [0, 1]; see [Std]. 0 is total collapse.
	Std float64 `json:"std"`
}

// MeasureGeometry returns alignment (α = 2) of two views of the same items, [n, dim] each with positives in the same row,
// and uniformity (t = 2), effective rank and std of embeddings, [m, dim']. The embeddings may be one of the views. It is an
// error if a shape does not fit, there are no views, fewer than two embeddings, or a number is not finite.
func MeasureGeometry(view1, view2, embeddings Matrix) (Geometry, error) {
	var g Geometry
	var err error
	if g.Alignment, err = Alignment(view1, view2, 2); err != nil {
		return Geometry{}, err
	}
	if g.Uniformity, err = Uniformity(embeddings, 2); err != nil {
		return Geometry{}, err
	}
	if g.EffectiveRank, err = EffectiveRank(embeddings); err != nil {
		return Geometry{}, err
	}
	if g.Std, err = Std(embeddings); err != nil {
		return Geometry{}, err
	}
	return g, nil
}

// Alignment is the mean of |x - y|^α over positives x and y, the same rows of z1 and z2, both [n, dim] with n at least 1,
// after normalising rows to length 1 (Wang and Isola 2020, "Understanding contrastive representation learning through
// alignment and uniformity on the hypersphere", section 4.1; they use α = 2). It is 0 where positives coincide and 2^α
// where they are opposite.
func Alignment(z1, z2 Matrix, alpha float64) (float64, error) {
	if err := checkPair("first views", z1, "second views", z2); err != nil {
		return 0, fmt.Errorf("alignment: %w", err)
	}
	if z1.Rows != z2.Rows || z1.Rows == 0 {
		return 0, fmt.Errorf("alignment: %d first and %d second views: there must be as many of both, and at least one", z1.Rows, z2.Rows)
	}
	if err := checkFinite("alignment", z1, z2); err != nil {
		return 0, err
	}
	z1, z2 = z1.Normalized(), z2.Normalized()
	var sum float64
	for i := range z1.Rows {
		var squared float64
		y := z2.Row(i)
		for j, x := range z1.Row(i) {
			d := float64(x) - float64(y[j])
			squared += d * d
		}
		sum += math.Pow(squared, alpha/2)
	}
	return sum / float64(z1.Rows), nil
}

// geometryRows is the number of rows above which evenly spaced ones stand for all, which bounds the time of measures
// that look at every pair.
const geometryRows = 4096

// thin returns the matrix, or geometryRows evenly spaced rows of it.
func thin(m Matrix) Matrix {
	if m.Rows <= geometryRows {
		return m
	}
	indices := make([]int, geometryRows)
	for i := range indices {
		indices[i] = i * m.Rows / geometryRows
	}
	return m.Pick(indices)
}

// Uniformity is  log mean exp(-t |x - y|^2)  over all pairs of different rows x and y of z, [n, dim] with n at least 2, after
// normalising rows to length 1 (Wang and Isola 2020, section 4.1; they use t = 2). It is 0 where all embeddings
// coincide and can be no less than -4t. Of more than 4,096 rows, 4,096 evenly spaced ones are measured.
func Uniformity(z Matrix, t float64) (float64, error) {
	if err := z.check("uniformity"); err != nil {
		return 0, err
	}
	if z.Rows < 2 {
		return 0, fmt.Errorf("uniformity: %d embeddings make no pair: at least two are needed", z.Rows)
	}
	if err := checkFinite("uniformity", z); err != nil {
		return 0, err
	}
	z = thin(z).Normalized()
	// Every block of rows is compared with the rows after its first. Distances on the sphere are 2 - 2 cos, at most 4, so
	// exp needs no care for any t in use.
	const rows = 32
	sums := make([]float64, (z.Rows+rows-1)/rows)
	lengths := make([]float64, z.Rows) // 1, or 0 for a row without direction
	for i := range z.Rows {
		lengths[i] = squaredLength(z.Row(i))
	}
	parallel(len(sums), func(b int) {
		first := b * rows
		block, rest := z.rows(first, min(first+rows, z.Rows)), z.rows(first, z.Rows)
		cosines := make([]float32, block.Rows*rest.Rows)
		products(cosines, block.Data, rest.Data, z.Cols)
		for i := range block.Rows {
			for j := i + 1; j < rest.Rows; j++ {
				squared := lengths[first+i] + lengths[first+j] - 2*float64(cosines[i*rest.Rows+j])
				sums[b] += math.Exp(-t * max(squared, 0))
			}
		}
	})
	var sum float64
	for _, s := range sums {
		sum += s
	}
	pairs := float64(z.Rows) * float64(z.Rows-1) / 2
	return math.Log(sum / pairs), nil
}

// EffectiveRank is  exp(-Σ p_k log p_k)  with p_k = σ_k / Σ σ  over the singular values σ of m, [n, dim], as it is: rows neither
// centred nor normalised (Roy and Vetterli 2007, "The effective rank"; Garrido et al. 2023 use it as RankMe). It is k for
// k equal singular values, 1 where all rows are parallel, 0 for a matrix of zeros. Of more than 4,096 rows, 4,096
// evenly spaced ones are measured.
func EffectiveRank(m Matrix) (float64, error) {
	if err := m.check("effective rank"); err != nil {
		return 0, err
	}
	if err := checkFinite("effective rank", m); err != nil {
		return 0, err
	}
	m = thin(m)
	if m.Rows == 0 || m.Cols == 0 {
		return 0, nil
	}
	// The squares of the singular values are the eigenvalues of the smaller of m m^T and m^T m. Squaring loses those below
	// 1e-8 of the largest, whose share is too small to matter.
	dense := mat.NewDense(m.Rows, m.Cols, nil)
	for i, x := range m.Data {
		dense.RawMatrix().Data[i] = float64(x)
	}
	var gram mat.SymDense
	if m.Rows < m.Cols {
		gram.SymOuterK(1, dense)
	} else {
		gram.SymOuterK(1, dense.T())
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(&gram, false) {
		return 0, fmt.Errorf("effective rank: the singular values of a [%d, %d] matrix did not converge", m.Rows, m.Cols)
	}
	var sum float64
	sigmas := eigen.Values(nil)
	for k, squared := range sigmas {
		sigmas[k] = math.Sqrt(max(squared, 0))
		sum += sigmas[k]
	}
	if sum == 0 {
		return 0, nil
	}
	var entropy float64
	for _, sigma := range sigmas {
		if p := sigma / sum; p > 0 {
			entropy -= p * math.Log(p)
		}
	}
	return math.Exp(entropy), nil
}

// Std is  √dim  times the mean over dimensions of the (population) standard deviation over the rows of z, [n, dim] with n at
// least 1, after normalising rows to length 1. Chen and He 2021 ("Exploring simple Siamese representation learning",
// section 4.1) watch it for collapse: it is 0 where all embeddings coincide and 1 where they are spread evenly over the
// sphere. Their figures lack the factor, so their reference value is 1/√dim.
func Std(z Matrix) (float64, error) {
	if err := z.check("std"); err != nil {
		return 0, err
	}
	if z.Rows == 0 {
		return 0, fmt.Errorf("std: there are no embeddings to measure")
	}
	if err := checkFinite("std", z); err != nil {
		return 0, err
	}
	z = z.Normalized()
	mean, variance := columnMoments(z)
	var sum float64
	for j := range mean {
		sum += math.Sqrt(variance[j])
	}
	return math.Sqrt(float64(z.Cols)) * sum / float64(max(z.Cols, 1)), nil
}

// columnMoments returns the mean and the population variance of every column of a matrix of at least one row.
func columnMoments(m Matrix) (mean, variance []float64) {
	mean, variance = Centre(m), make([]float64, m.Cols)
	for i := range m.Rows {
		for j, x := range m.Row(i) {
			d := float64(x) - mean[j]
			variance[j] += d * d
		}
	}
	for j := range variance {
		variance[j] /= float64(m.Rows)
	}
	return mean, variance
}

// checkFinite returns an error naming the first number that is not one.
func checkFinite(name string, matrices ...Matrix) error {
	for _, m := range matrices {
		if err := m.checkFinite(name); err != nil {
			return err
		}
	}
	return nil
}
