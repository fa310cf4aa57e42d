package kernel

import "math"

// partials is the number of partial results of a sum: element i goes to partial result i % partials, and those are joined by
// halves. The order of the additions is so the same at every SIMD level. An error bound is (n/64 + 6) * 2^-24 times the sum of
// the magnitudes.
const partials = 64

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
	var s [partials]float32
	n := len(x) &^ (partials - 1)
	if n == 0 || !sumSIMD(&s[0], &x[0], n) {
		n = 0
	}
	for i, v := range x[n:] {
		s[i%partials] += v
	}
	return join(&s)
}

// Dot returns the sum of a[i] * b[i]. Products and sums are rounded once at the SIMD levels, twice in plain Go.
func Dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s [partials]float32
	n := len(a) &^ (partials - 1)
	if n == 0 || !dotSIMD(&s[0], &a[0], &b[0], n) {
		n = 0
	}
	for i, v := range a[n:] {
		s[i%partials] += v * b[n+i]
	}
	return join(&s)
}

// RowMax returns the largest element of x, NaN if there is one, and -Inf if x is empty.
func RowMax(x []float32) float32 {
	m := float32(math.Inf(-1))
	var best, nan [16]float32
	if len(x) >= 16 && rowMaxSIMD(&best[0], &nan[0], &x[0], len(x)) {
		for i := range extremeLanes() {
			m = max(m, best[i]+nan[i])
		}
		return m
	}
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// RowMin returns the smallest element of x, NaN if there is one, and +Inf if x is empty.
func RowMin(x []float32) float32 {
	m := float32(math.Inf(1))
	var best, nan [16]float32
	if len(x) >= 16 && rowMinSIMD(&best[0], &nan[0], &x[0], len(x)) {
		for i := range extremeLanes() {
			m = min(m, best[i]+nan[i])
		}
		return m
	}
	for _, v := range x {
		m = min(m, v)
	}
	return m
}

// extremeLanes returns how many candidates the assembly leaves.
func extremeLanes() int {
	if ActiveLevel() == AVX512 {
		return 16
	}
	return 8
}
