package kernel

import "math"

// The functions of this file write f(x[i]) to dst[i]. dst and x have one length and are the same slice or do not overlap.

func apply(dst, x []float32, f func(float64) float64) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = float32(f(float64(v)))
	}
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func rsqrt(x float64) float64 { return 1 / math.Sqrt(x) }

// Exp computes e to the x.
func Exp(dst, x []float32) { apply(dst, x, math.Exp) }

// Log computes the natural logarithm of x.
func Log(dst, x []float32) { apply(dst, x, math.Log) }

// Log1p computes log(1 + x).
func Log1p(dst, x []float32) { apply(dst, x, math.Log1p) }

// Expm1 computes exp(x) - 1.
func Expm1(dst, x []float32) { apply(dst, x, math.Expm1) }

// Tanh computes the hyperbolic tangent of x.
func Tanh(dst, x []float32) { apply(dst, x, math.Tanh) }

// Erf computes the error function of x.
func Erf(dst, x []float32) { apply(dst, x, math.Erf) }

// Logistic computes 1 / (1 + exp(-x)).
func Logistic(dst, x []float32) { apply(dst, x, logistic) }

// Sqrt computes the square root of x.
func Sqrt(dst, x []float32) { apply(dst, x, math.Sqrt) }

// Rsqrt computes 1 / sqrt(x).
func Rsqrt(dst, x []float32) { apply(dst, x, rsqrt) }

// Sin computes the sine of x.
func Sin(dst, x []float32) { apply(dst, x, math.Sin) }

// Cos computes the cosine of x.
func Cos(dst, x []float32) { apply(dst, x, math.Cos) }

// Pow computes x to the power of y.
func Pow(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i, v := range x {
		dst[i] = float32(math.Pow(float64(v), float64(y[i])))
	}
}
