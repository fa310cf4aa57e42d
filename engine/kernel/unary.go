package kernel

import "math"

// The functions of this file write f(x[i]) to dst[i]. dst and x have one length and are the same slice or do not overlap.
// Bounds are in units in the last place (ulp) of float32 and hold at every SIMD level; zeros, infinities and NaN give what
// package math gives.

func apply(dst, x []float32, f func(float64) float64) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = float32(f(float64(v)))
	}
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func normalCDF(x float64) float64 { return 0.5 * (1 + math.Erf(x/math.Sqrt2)) }

func gelu(x float64) float64 { return x * normalCDF(x) }

func geluSlope(x float64) float64 { return normalCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi) }

func rsqrt(x float64) float64 { return 1 / math.Sqrt(x) }

// Abs computes |x|.
func Abs(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || absSIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, math.Abs)
}

// Exp computes e to the x, within 1.5 ulp; results below the smallest normal number are rounded to denormal ones.
func Exp(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || expSIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, math.Exp)
}

// Log computes the natural logarithm of x, within 1.5 ulp.
func Log(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || logSIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, math.Log)
}

// Log1p computes log(1 + x), within 3 ulp.
func Log1p(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || log1pSIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, math.Log1p)
}

// Expm1 computes exp(x) - 1, within 2 ulp.
func Expm1(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || expm1SIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, math.Expm1)
}

// Tanh computes the hyperbolic tangent of x, within 4 ulp.
func Tanh(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || tanhSIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, math.Tanh)
}

// Erf computes the error function of x, within 8 ulp.
func Erf(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || erfSIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, math.Erf)
}

// Gelu computes x * Phi(x), Phi being the normal distribution function (Hendrycks and Gimpel 2016,
// https://arxiv.org/abs/1606.08415), within 2^-20 * |x|.
func Gelu(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || geluSIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, gelu)
}

// GeluGrad computes dy * (Phi(x) + x * phi(x)), the gradient of [Gelu], phi being the normal density; within 2^-20 * |dy|.
func GeluGrad(dst, dy, x []float32) {
	dy, x = dy[:len(dst)], x[:len(dst)]
	if len(dst) == 0 || geluGradSIMD(&dst[0], &dy[0], &x[0], len(dst)) {
		return
	}
	for i, v := range x {
		dst[i] = dy[i] * float32(geluSlope(float64(v)))
	}
}

// Logistic computes 1 / (1 + exp(-x)), within 3 ulp where the result is at least 0x1p-126; smaller ones become zero.
func Logistic(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || logisticSIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, logistic)
}

// Sqrt computes the square root of x, correctly rounded.
func Sqrt(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || sqrtSIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, math.Sqrt)
}

// Rsqrt computes 1 / sqrt(x), within 1.5 ulp.
func Rsqrt(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || rsqrtSIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	apply(dst, x, rsqrt)
}

// Sin computes the sine of x, correctly rounded but for rare last bits, in plain Go at every level.
func Sin(dst, x []float32) { apply(dst, x, math.Sin) }

// Cos computes the cosine of x, correctly rounded but for rare last bits, in plain Go at every level.
func Cos(dst, x []float32) { apply(dst, x, math.Cos) }

// Pow computes x to the power of y, correctly rounded but for rare last bits, in plain Go at every level.
func Pow(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i, v := range x {
		dst[i] = float32(math.Pow(float64(v), float64(y[i])))
	}
}
