package kernel

import "math"

// partials is the number of partial results of a sum: element i goes to partial result i % partials, and those are joined by
// halves. The order of the additions is so the same at every SIMD level. An error bound is (n/64 + 6) * 2^-24 times the sum of
// the magnitudes.
const partials = 64

// join adds up the partial results by halves.
func join(s *[partials]float32) float32 {
	for half := partials / 2; half > 0; half /= 2 {
		for i := range half {
			s[i] += s[i+half]
		}
	}
	return s[0]
}

// Sum returns the sum of x, the same bits at every SIMD level.
func Sum(x []float32) float32 {
	var out float32
	if len(x) == 0 || sumSIMD(&out, &x[0], len(x)) {
		return out
	}
	var s [partials]float32
	for i, v := range x {
		s[i%partials] += v
	}
	return join(&s)
}

// Dot returns the sum of a[i] * b[i]. Each product and its addition are rounded once at the SIMD levels, twice in plain Go.
func Dot(a, b []float32) float32 {
	b = b[:len(a)]
	var out float32
	if len(a) == 0 || dotSIMD(&out, &a[0], &b[0], len(a)) {
		return out
	}
	var s [partials]float32
	for i, v := range a {
		s[i%partials] += v * b[i]
	}
	return join(&s)
}

// RowMax returns the largest element of x, NaN if there is one, and -Inf if x is empty.
func RowMax(x []float32) float32 {
	out := float32(math.Inf(-1))
	if len(x) == 0 || rowMaxSIMD(&out, &x[0], len(x)) {
		return out
	}
	for _, v := range x {
		out = max(out, v)
	}
	return out
}

// RowMin returns the smallest element of x, NaN if there is one, and +Inf if x is empty.
func RowMin(x []float32) float32 {
	out := float32(math.Inf(1))
	if len(x) == 0 || rowMinSIMD(&out, &x[0], len(x)) {
		return out
	}
	for _, v := range x {
		out = min(out, v)
	}
	return out
}
