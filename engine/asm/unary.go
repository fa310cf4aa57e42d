package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func unaryProgram(p *program) {
	for _, f := range []struct {
		name, doc string
		body      func(v *vec, x reg.VecVirtual) reg.VecVirtual
	}{
		{"abs", "computes |x|.", func(v *vec, x reg.VecVirtual) reg.VecVirtual { return v.and(x, v.bits(0x7fffffff)) }},
		{"sqrt", "computes the square root of x.", (*vec).sqrt},
		{"rsqrt", "computes 1 / sqrt(x).", func(v *vec, x reg.VecVirtual) reg.VecVirtual { return v.div(v.constant(1), v.sqrt(x)) }},
		{"exp", "computes e to the x.", (*vec).exp},
		{"expm1", "computes exp(x) - 1.", (*vec).expm1},
		{"log", "computes the natural logarithm of x.", (*vec).log},
		{"log1p", "computes log(1 + x).", (*vec).log1p},
		{"tanh", "computes the hyperbolic tangent of x.", (*vec).tanh},
		{"logistic", "computes 1 / (1 + exp(-x)).", (*vec).logistic},
		{"erf", "computes the error function of x.", (*vec).erf},
		{"gelu", "computes x * Phi(x).", func(v *vec, x reg.VecVirtual) reg.VecVirtual { return v.mul(x, v.normalCDF(x)) }},
	} {
		p.both(f.name, f.doc, []string{"dst", "x"}, nil, func(v *vec, _ []reg.VecVirtual, at func(i int) operand.Mem) {
			v.store(f.body(v, v.load(at(1))), at(0))
		})
	}
	p.both("geluGrad", "computes dy * (Phi(x) + x * phi(x)).", []string{"dst", "dy", "x"}, nil,
		func(v *vec, _ []reg.VecVirtual, at func(i int) operand.Mem) {
			v.store(v.mul(v.load(at(1)), v.geluSlope(v.load(at(2)))), at(0))
		})
	p.both("expSub", "computes exp(x - s).", []string{"dst", "x"}, []string{"s"}, func(v *vec, s []reg.VecVirtual, at func(i int) operand.Mem) {
		v.store(v.exp(v.sub(v.load(at(1)), s[0])), at(0))
	})
}

// reduce splits x into n*ln 2 + r, |r| <= ln 2 / 2, and returns n and exp(r) - 1 - r, and r. ln 2 is in two parts, the first with
// so few bits that its product with n is exact. The polynomial is that of Cephes' expf (S. Moshier).
func (v *vec) reduce(x reg.VecVirtual) (n, r, rest reg.VecVirtual) {
	n = v.round(v.mul(x, v.constant(math.Log2E)))
	r = v.fnma(n, v.constant(0.693359375), x)
	r = v.fnma(n, v.constant(-2.12194440e-4), r)
	p := v.polynomial(r, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
	return n, r, v.mul(p, v.mul(r, r))
}

// power returns 2 to the n for integers n in [-126, 127].
func (v *vec) power(n reg.VecVirtual) reg.VecVirtual {
	return v.shift(v.VPSLLD, 23, v.addInt(n, v.bits(127)))
}

// exp: 2^n * (1 + r + ...). Beyond the clamps the result is zero or infinite; NaN passes through them.
func (v *vec) exp(x reg.VecVirtual) reg.VecVirtual {
	x = v.max(v.constant(-104), v.min(v.constant(89), x))
	n, r, rest := v.reduce(x)
	y := v.add(v.add(rest, r), v.constant(1))
	if v.wide {
		out := v.new()
		v.VSCALEFPS(n, y, out)
		return out
	}
	// In two steps, since 2^n may be out of range; only the second can round.
	i := v.toInt(n)
	half := v.shift(v.VPSRAD, 1, i)
	return v.mul(v.mul(y, v.power(half)), v.power(v.subInt(i, half)))
}

// expm1: 2 * (2^(n-1) * (exp(r) - 1) + (2^(n-1) - 1/2)), since 2^n may be out of range.
func (v *vec) expm1(x reg.VecVirtual) reg.VecVirtual {
	c := v.max(v.constant(-30), v.min(v.constant(89), x))
	n, r, rest := v.reduce(c)
	scale := v.power(v.subInt(v.toInt(n), v.bits(1)))
	y := v.fma(v.add(rest, r), scale, v.sub(scale, v.constant(0.5)))
	y = v.add(y, y)
	return v.choose(isEqual, x, v.zero(), x, y) // Keeps the sign of zero.
}

// log: x = 2^e * m with m in [sqrt(1/2), sqrt(2)), log x = e ln 2 + log m with the polynomial of Cephes' logf (S. Moshier).
func (v *vec) log(x reg.VecVirtual) reg.VecVirtual {
	tiny := v.constant(0x1p-126)
	scaled := v.choose(isLess, x, tiny, v.mul(x, v.constant(0x1p23)), x)
	e := v.choose(isLess, x, tiny, v.constant(-23), v.zero())
	// Subtracting the bits of sqrt(1/2) makes the exponent field that of x / sqrt(1/2).
	i := v.subInt(scaled, v.bits(math.Float32bits(math.Sqrt2/2)))
	exponent := v.shift(v.VPSRAD, 23, i)
	m := v.subInt(scaled, v.shift(v.VPSLLD, 23, exponent))
	e = v.add(e, v.toFloat(exponent))

	f := v.sub(m, v.constant(1))
	p := v.polynomial(f, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
		-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
	f2 := v.mul(f, f)
	y := v.mul(v.mul(p, f), f2)
	y = v.fma(e, v.constant(-2.12194440e-4), y)
	y = v.fnma(f2, v.constant(0.5), y)
	y = v.fma(e, v.constant(0.693359375), v.add(f, y))

	infinity := v.constant(math.Inf(1))
	y = v.choose(isLess, x, infinity, y, x) // Infinity and NaN stay.
	y = v.choose(isLess, x, v.zero(), v.bits(0x7fc00000), y)
	return v.choose(isEqual, x, v.zero(), v.constant(math.Inf(-1)), y)
}

// log1p: log(u) + (x - (u - 1)) / u with u = 1 + x rounded; the second term is what rounding lost.
func (v *vec) log1p(x reg.VecVirtual) reg.VecVirtual {
	one := v.constant(1)
	u := v.add(x, one)
	lost := v.div(v.sub(x, v.sub(u, one)), u)
	y := v.log(u)
	y = v.choose(isLess, v.and(y, v.bits(0x7fffffff)), v.constant(math.Inf(1)), v.add(y, lost), y)
	return v.choose(isEqual, u, one, x, y)
}

// tanh: t / (t + 2) with t = expm1(2 |x|), and the sign of x.
func (v *vec) tanh(x reg.VecVirtual) reg.VecVirtual {
	a := v.min(v.constant(10), v.and(x, v.bits(0x7fffffff)))
	t := v.expm1(v.add(a, a))
	y := v.div(t, v.add(t, v.constant(2)))
	return v.or(y, v.and(x, v.bits(0x80000000)))
}

func (v *vec) logistic(x reg.VecVirtual) reg.VecVirtual {
	one := v.constant(1)
	return v.div(one, v.add(one, v.exp(v.sub(v.zero(), x))))
}

// erf: x * P(x^2) / Q(x^2) for |x| < 4, the rational approximation of Eigen (Eigen/src/Core/MathFunctionsImpl.h, erf for float).
func (v *vec) erf(x reg.VecVirtual) reg.VecVirtual {
	c := v.max(v.constant(-4), v.min(v.constant(4), x))
	x2 := v.mul(c, c)
	p := v.polynomial(x2, -2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
		-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02)
	q := v.polynomial(x2, -1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
		-1.42647390514189e-02)
	y := v.mul(c, v.div(p, q)) // c * P may be denormal where erf is not.
	return v.max(v.constant(-1), v.min(v.constant(1), y))
}

// normalCDF is Phi, the normal distribution function: (1 + erf(x / sqrt 2)) / 2.
func (v *vec) normalCDF(x reg.VecVirtual) reg.VecVirtual {
	half := v.constant(0.5)
	return v.fma(v.erf(v.mul(x, v.constant(math.Sqrt2/2))), half, half)
}

// geluSlope is Phi(x) + x * phi(x), the slope of x * Phi(x). One exponential serves both terms: the tail 1 - Phi(|x|) is
// exp(-x*x/2) times a polynomial in 1 / (1 + p |x|), within 0.75e-7 (Abramowitz and Stegun 1964, formula 7.1.26).
func (v *vec) geluSlope(x reg.VecVirtual) reg.VecVirtual {
	one := v.constant(1)
	a := v.and(x, v.bits(0x7fffffff))
	exponential := v.exp(v.mul(v.mul(x, v.constant(-0.5)), x))
	t := v.div(one, v.fma(a, v.constant(0.3275911/math.Sqrt2), one))
	tail := v.mul(t, v.polynomial(t, 1.061405429/2, -1.453152027/2, 1.421413741/2, -0.284496736/2, 0.254829592/2))
	below := v.mul(exponential, v.fnma(a, v.constant(1/math.Sqrt(2*math.Pi)), tail)) // the slope at -|x|
	return v.choose(isLess, x, v.zero(), below, v.sub(one, below))
}
