package kernel

import "math"

// Sum returns the sum of x.
func Sum(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return float32(s)
}

// Dot returns the sum of a[i] * b[i].
func Dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s float64
	for i, v := range a {
		s += float64(v) * float64(b[i])
	}
	return float32(s)
}

// RowMax returns the largest element of x, NaN if there is one, and -Inf if x is empty.
func RowMax(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// RowMin returns the smallest element of x, NaN if there is one, and +Inf if x is empty.
func RowMin(x []float32) float32 {
	m := float32(math.Inf(1))
	for _, v := range x {
		m = min(m, v)
	}
	return m
}
