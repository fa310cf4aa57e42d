package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec writes code for one width of vector: the same steps make the AVX-512 and the AVX2 form of a function.
type vec struct {
	*program
	wide bool           // 512 bits, else 256
	tail bool           // the lanes of the mask only
	mask reg.VecVirtual // AVX2's mask of the tail
}

// Predicates of VCMPPS.
const (
	isEqual     = 0
	isLess      = 1
	isAtMost    = 2
	isUnordered = 3
	isNotEqual  = 4 // or unordered
	isAtLeast   = 13
	isGreater   = 14
)

func (v *vec) lanes() int {
	if v.wide {
		return 16
	}
	return 8
}

func (v *vec) level() string {
	if v.wide {
		return "AVX512"
	}
	return "AVX2"
}

func (v *vec) new() reg.VecVirtual {
	if v.wide {
		return v.ZMM()
	}
	return v.YMM()
}

// load returns the vector at m; lanes beyond the mask of a tail are zero.
func (v *vec) load(m operand.Mem) reg.VecVirtual {
	x := v.new()
	switch {
	case v.tail && v.wide:
		v.VMOVUPS_Z(m, reg.K1, x)
	case v.tail:
		v.VMASKMOVPS(m, v.mask, x)
	default:
		v.VMOVUPS(m, x)
	}
	return x
}

func (v *vec) store(x reg.VecVirtual, m operand.Mem) {
	switch {
	case v.tail && v.wide:
		v.VMOVUPS(x, reg.K1, m)
	case v.tail:
		v.VMASKMOVPS(x, v.mask, m)
	default:
		v.VMOVUPS(x, m)
	}
}

// word returns read-only memory with the given 32 bits.
func (p *program) word(bits uint32) operand.Mem {
	if m, ok := p.words[bits]; ok {
		return m
	}
	m := p.StaticGlobal(fmt.Sprintf("%sWord%08x", p.name, bits))
	p.DataAttributes(attr.RODATA | attr.NOPTR)
	p.AppendDatum(operand.U32(bits))
	p.words[bits] = m
	return m
}

// bits returns a vector of the given 32 bits in every lane.
func (v *vec) bits(b uint32) reg.VecVirtual {
	x := v.new()
	v.VBROADCASTSS(v.word(b), x)
	return x
}

// constant returns a vector of c in every lane.
func (v *vec) constant(c float64) reg.VecVirtual { return v.bits(math.Float32bits(float32(c))) }

func (v *vec) zero() reg.VecVirtual {
	x := v.new()
	if v.wide {
		v.VPXORD(x, x, x)
	} else {
		v.VXORPS(x, x, x)
	}
	return x
}

func (v *vec) op2(f func(ops ...operand.Op), a, b reg.VecVirtual) reg.VecVirtual {
	x := v.new()
	f(b, a, x)
	return x
}

func (v *vec) add(a, b reg.VecVirtual) reg.VecVirtual { return v.op2(v.VADDPS, a, b) }
func (v *vec) sub(a, b reg.VecVirtual) reg.VecVirtual { return v.op2(v.VSUBPS, a, b) }
func (v *vec) mul(a, b reg.VecVirtual) reg.VecVirtual { return v.op2(v.VMULPS, a, b) }
func (v *vec) div(a, b reg.VecVirtual) reg.VecVirtual { return v.op2(v.VDIVPS, a, b) }
func (v *vec) and(a, b reg.VecVirtual) reg.VecVirtual { return v.op2(v.VANDPS, a, b) }
func (v *vec) or(a, b reg.VecVirtual) reg.VecVirtual  { return v.op2(v.VORPS, a, b) }

// max and min return b where either is NaN.
func (v *vec) max(a, b reg.VecVirtual) reg.VecVirtual { return v.op2(v.VMAXPS, a, b) }
func (v *vec) min(a, b reg.VecVirtual) reg.VecVirtual { return v.op2(v.VMINPS, a, b) }

// fma returns a*b + c with one rounding.
func (v *vec) fma(a, b, c reg.VecVirtual) reg.VecVirtual {
	x := v.copy(c)
	v.VFMADD231PS(a, b, x)
	return x
}

// fnma returns c - a*b with one rounding.
func (v *vec) fnma(a, b, c reg.VecVirtual) reg.VecVirtual {
	x := v.copy(c)
	v.VFNMADD231PS(a, b, x)
	return x
}

func (v *vec) copy(a reg.VecVirtual) reg.VecVirtual {
	x := v.new()
	v.VMOVAPS(a, x)
	return x
}

func (v *vec) sqrt(a reg.VecVirtual) reg.VecVirtual {
	x := v.new()
	v.VSQRTPS(a, x)
	return x
}

// round returns the nearest integers, even on ties.
func (v *vec) round(a reg.VecVirtual) reg.VecVirtual {
	x := v.new()
	if v.wide {
		v.VRNDSCALEPS(operand.U8(8), a, x)
	} else {
		v.VROUNDPS(operand.U8(8), a, x)
	}
	return x
}

// choose returns, lane by lane, yes where x satisfies the predicate with y, and no elsewhere.
func (v *vec) choose(predicate int, x, y, yes, no reg.VecVirtual) reg.VecVirtual {
	out := v.new()
	if v.wide {
		v.VCMPPS(operand.U8(predicate), y, x, reg.K2)
		v.VBLENDMPS(yes, no, reg.K2, out)
		return out
	}
	cond := v.new()
	v.VCMPPS(operand.U8(predicate), y, x, cond)
	v.VBLENDVPS(cond, yes, no, out)
	return out
}

// toInt converts integers in float32 to 32-bit integers.
func (v *vec) toInt(a reg.VecVirtual) reg.VecVirtual {
	x := v.new()
	v.VCVTPS2DQ(a, x)
	return x
}

func (v *vec) toFloat(a reg.VecVirtual) reg.VecVirtual {
	x := v.new()
	v.VCVTDQ2PS(a, x)
	return x
}

func (v *vec) addInt(a, b reg.VecVirtual) reg.VecVirtual { return v.op2(v.VPADDD, a, b) }
func (v *vec) subInt(a, b reg.VecVirtual) reg.VecVirtual { return v.op2(v.VPSUBD, a, b) }

func (v *vec) shift(f func(ops ...operand.Op), n int, a reg.VecVirtual) reg.VecVirtual {
	x := v.new()
	f(operand.U8(n), a, x)
	return x
}

// polynomial returns c[0]*x^n + c[1]*x^(n-1) + ... + c[n] by Horner's rule.
func (v *vec) polynomial(x reg.VecVirtual, c ...float64) reg.VecVirtual {
	y := v.constant(c[0])
	for _, k := range c[1:] {
		y = v.fma(y, x, v.constant(k))
	}
	return y
}

// form begins one of the two forms of a function.
func (p *program) form(v *vec, name, args, doc string) {
	p.function(name+v.level(), args, args, doc)
	if v.wide {
		p.pairs = append(p.pairs, stub{name, args, doc})
	}
}

// both writes a function in its two forms. args names the pointers to float32, scalars the float32 parameters.
func (p *program) both(name, doc string, pointers, scalars []string, body func(v *vec, scalars []reg.VecVirtual, at func(i int) operand.Mem)) {
	for _, wide := range []bool{true, false} {
		v := &vec{program: p, wide: wide}
		args := strings.Join(pointers, ", ") + " *float32"
		if len(scalars) > 0 {
			args += ", " + strings.Join(scalars, ", ") + " float32"
		}
		args += ", n int"
		p.form(v, name, args, doc)
		base := make([]reg.GPVirtual, len(pointers))
		for i, arg := range pointers {
			base[i] = p.GP64()
			p.Load(p.Param(arg), base[i])
		}
		values := make([]reg.VecVirtual, len(scalars))
		for i, arg := range scalars {
			m, err := p.Param(arg).Resolve()
			if err != nil {
				panic(err)
			}
			values[i] = v.new()
			p.VBROADCASTSS(m.Addr, values[i])
		}
		n := p.GP64()
		p.Load(p.Param("n"), n)
		v.loop(n, base, func(at func(i int) operand.Mem) { body(v, values, at) })
		p.VZEROUPPER()
		p.RET()
	}
}

// loop calls body for each vector of n elements and, with the mask set, for the rest.
func (v *vec) loop(n reg.GPVirtual, base []reg.GPVirtual, body func(at func(i int) operand.Mem)) {
	at := func(i int) operand.Mem { return operand.Mem{Base: base[i]} }
	v.SUBQ(operand.U8(v.lanes()), n)
	v.JLT(operand.LabelRef("tail"))
	v.Label("vector")
	body(at)
	for _, b := range base {
		v.ADDQ(operand.U8(4*v.lanes()), b)
	}
	v.SUBQ(operand.U8(v.lanes()), n)
	v.JGE(operand.LabelRef("vector"))
	v.Label("tail")
	v.ADDQ(operand.U8(v.lanes()), n)
	v.JZ(operand.LabelRef("done"))
	v.setMask(n)
	v.tail = true
	body(at)
	v.tail = false
	v.Label("done")
}

// setMask makes the mask of n lanes, fewer than a vector's.
func (v *vec) setMask(n reg.GPVirtual) {
	if v.wide {
		v.MOVQ(n, reg.RCX)
		m := v.GP32()
		v.MOVL(operand.U32(1), m)
		v.SHLL(reg.CL, m)
		v.DECL(m)
		v.KMOVW(m, reg.K1)
		return
	}
	// The window of n ones and 8-n zeros in a table of eight of each.
	t, i := v.GP64(), v.GP64()
	v.LEAQ(v.maskTable(), t)
	v.MOVQ(n, i)
	v.NEGQ(i)
	v.mask = v.YMM()
	v.VMOVUPS(operand.Mem{Base: t, Index: i, Scale: 4, Disp: 32}, v.mask)
}

func (p *program) maskTable() operand.Mem {
	if p.masks == nil {
		m := p.StaticGlobal(p.name + "Masks")
		p.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 16 {
			p.AppendDatum(operand.I32(i/8 - 1))
		}
		p.masks = &m
	}
	return *p.masks
}
