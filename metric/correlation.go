package metric

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrConstant is wrapped by the error of a correlation with numbers that are all equal: nothing can rise or fall with them.
var ErrConstant = errors.New("all numbers are equal, so that the correlation is undefined")

// Pearson is the correlation coefficient of pairs (x_i, y_i), in [-1, 1]: the cosine of the angle between x and y once the mean of
// each is taken away. It is 1 where the pairs lie on a rising line, and -1 on a falling one.
//
// It is an error if there are not as many x as y, fewer than two pairs, a number that is not finite ([ErrNotFinite]), or all
// x or all y are equal ([ErrConstant]).
func Pearson(x, y []float64) (float64, error) {
	if err := checkCorrelation(x, y); err != nil {
		return 0, fmt.Errorf("pearson: %w", err)
	}
	return correlation(x, y), nil
}

// Spearman is the rank correlation of pairs (x_i, y_i), in [-1, 1]: [Pearson] of the ranks, where equal numbers share the mean of
// the ranks they take up. It is 1 where y rises with x throughout, however steeply, and -1 where it falls.
//
// The sentence similarity tasks are scored by this one number over all pairs of a data set (Gao et al. 2021, "SimCSE",
// appendix B, which found papers that average it over parts of the data, and other scores, under the same name).
//
// Errors are those of [Pearson].
func Spearman(x, y []float64) (float64, error) {
	if err := checkCorrelation(x, y); err != nil {
		return 0, fmt.Errorf("spearman: %w", err)
	}
	return correlation(ranks(x), ranks(y)), nil
}

// checkCorrelation returns an error unless a correlation of x and y is defined.
func checkCorrelation(x, y []float64) error {
	if len(x) != len(y) {
		return fmt.Errorf("%d first and %d second numbers: there must be as many of both", len(x), len(y))
	}
	if len(x) < 2 {
		return fmt.Errorf("a correlation needs two pairs of numbers, not %d", len(x))
	}
	for _, side := range []struct {
		name    string
		numbers []float64
	}{{"first", x}, {"second", y}} {
		for i, v := range side.numbers {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("%s number %d of %d is %w", side.name, i, len(side.numbers), ErrNotFinite)
			}
		}
		if slices.Min(side.numbers) == slices.Max(side.numbers) {
			return fmt.Errorf("the %s numbers are %g throughout: %w", side.name, side.numbers[0], ErrConstant)
		}
	}
	return nil
}

// correlation is Pearson of numbers that are finite and not all equal.
func correlation(x, y []float64) float64 {
	x, y = centred(x), centred(y)
	var xy, xx, yy float64
	for i, v := range x {
		xy += v * y[i]
		xx += v * v
		yy += y[i] * y[i]
	}
	return min(max(xy/math.Sqrt(xx)/math.Sqrt(yy), -1), 1)
}

// centred returns the numbers less their mean. They are divided by the largest first, which changes no correlation, and keeps
// sums and squares of any finite numbers from overflowing.
func centred(x []float64) []float64 {
	scale := max(slices.Max(x), -slices.Min(x))
	out := make([]float64, len(x))
	var mean float64
	for i, v := range x {
		out[i] = v / scale
		mean += out[i]
	}
	mean /= float64(len(x))
	for i := range out {
		out[i] -= mean
	}
	return out
}

// ranks returns the place of every number in rising order, from 1; equal numbers share the mean of their places.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(x[i], x[j]) })
	out := make([]float64, len(x))
	for first := 0; first < len(order); {
		end := first + 1
		for end < len(order) && x[order[end]] == x[order[first]] {
			end++
		}
		for _, i := range order[first:end] {
			out[i] = float64(first+1+end) / 2
		}
		first = end
	}
	return out
}
