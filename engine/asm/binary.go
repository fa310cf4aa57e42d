package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func binaryProgram(p *program) {
	type values = []reg.VecVirtual
	type step = func(v *vec, a, b reg.VecVirtual) reg.VecVirtual
	// A maximum that is NaN if either operand is: VMAXPS gives the second operand then.
	larger := func(v *vec, a, b reg.VecVirtual) reg.VecVirtual { return v.choose(isUnordered, a, a, a, v.max(a, b)) }
	smaller := func(v *vec, a, b reg.VecVirtual) reg.VecVirtual { return v.choose(isUnordered, a, a, a, v.min(a, b)) }
	for _, f := range []struct {
		name, doc string
		f         step
	}{
		{"add", "a + b.", (*vec).add}, {"sub", "a - b.", (*vec).sub}, {"mul", "a * b.", (*vec).mul}, {"div", "a / b.", (*vec).div},
		{"max", "the larger of a and b.", larger}, {"min", "the smaller of a and b.", smaller},
	} {
		p.both(f.name, "computes "+f.doc, []string{"dst", "a", "b"}, nil, func(v *vec, _ values, at func(i int) operand.Mem) {
			v.store(f.f(v, v.load(at(1)), v.load(at(2))), at(0))
		})
	}
	for _, f := range []struct {
		name, doc string
		f         step
	}{
		{"addScalar", "a + s.", (*vec).add}, {"mulScalar", "a * s.", (*vec).mul},
		{"maxScalar", "the larger of a and s.", larger}, {"minScalar", "the smaller of a and s.", smaller},
	} {
		p.both(f.name, "computes "+f.doc, []string{"dst", "a"}, []string{"s"}, func(v *vec, s values, at func(i int) operand.Mem) {
			v.store(f.f(v, v.load(at(1)), s[0]), at(0))
		})
	}
	p.both("mulAdd", "computes a * b + c.", []string{"dst", "a", "b", "c"}, nil, func(v *vec, _ values, at func(i int) operand.Mem) {
		v.store(v.fma(v.load(at(1)), v.load(at(2)), v.load(at(3))), at(0))
	})
	p.both("scaleShift", "computes a * scale + shift.", []string{"dst", "a"}, []string{"scale", "shift"},
		func(v *vec, s values, at func(i int) operand.Mem) {
			v.store(v.fma(v.load(at(1)), s[0], s[1]), at(0))
		})
	p.both("subScalarMul", "computes (a - s) * b.", []string{"dst", "a", "b"}, []string{"s"},
		func(v *vec, s values, at func(i int) operand.Mem) {
			v.store(v.mul(v.sub(v.load(at(1)), s[0]), v.load(at(2))), at(0))
		})
	doc := "adds left to dx where x is the largest of its window, most, or NaN, and leaves zero in left there."
	p.both("giveToLargest", doc, []string{"dx", "left", "x", "most"}, nil, func(v *vec, _ values, at func(i int) operand.Mem) {
		left, x, most := v.load(at(1)), v.load(at(2)), v.load(at(3))
		given := v.choose(isUnordered, x, x, left, v.choose(isEqual, x, most, left, v.zero()))
		v.store(v.choose(isUnordered, x, x, v.zero(), v.choose(isEqual, x, most, v.zero(), left)), at(1))
		v.store(v.add(v.load(at(0)), given), at(0))
	})
}
