package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// maskProgram writes what makes masks of 32-bit elements, chooses by them and makes float32 of other elements. A mask has a byte
// for each element: 1 where something holds, 0 elsewhere. All functions take a multiple of sixteen elements.
func maskProgram(p *program) {
	type values = []reg.VecVirtual
	for _, f := range []struct {
		name, doc, dtype string
		operands         []string
		holds            func(v *vec, x values) reg.VecVirtual // in AVX2's form; of AVX-512, K2
	}{
		{"equal", "a = b.", "float32", []string{"a", "b"}, func(v *vec, x values) reg.VecVirtual { return v.compare(isEqual, x[0], x[1]) }},
		{"notEqual", "a != b.", "float32", []string{"a", "b"}, func(v *vec, x values) reg.VecVirtual { return v.compare(isNotEqual, x[0], x[1]) }},
		{"less", "a < b.", "float32", []string{"a", "b"}, func(v *vec, x values) reg.VecVirtual { return v.compare(isLess, x[0], x[1]) }},
		{"lessOrEqual", "a <= b.", "float32", []string{"a", "b"}, func(v *vec, x values) reg.VecVirtual { return v.compare(isAtMost, x[0], x[1]) }},
		{"isFinite", "x is neither infinite nor NaN.", "float32", []string{"x"}, func(v *vec, x values) reg.VecVirtual {
			return v.compare(isLess, v.and(x[0], v.bits(0x7fffffff)), v.bits(0x7f800000))
		}},
		{"equalInt32", "a = b.", "int32", []string{"a", "b"}, func(v *vec, x values) reg.VecVirtual { return v.into(v.VPCMPEQD, x[0], x[1]) }},
		{"lessInt32", "a < b.", "int32", []string{"a", "b"}, func(v *vec, x values) reg.VecVirtual { return v.into(v.VPCMPGTD, x[0], x[1]) }},
	} {
		args := "mask *uint8, " + strings.Join(f.operands, ", ") + " *" + f.dtype
		p.sixteens(f.name, "finds where "+f.doc, args, append([]string{"mask"}, f.operands...), []int{1, 4, 4}, func(v *vec, at func(i, element int) operand.Mem) {
			v.storeMask(func(element int) reg.VecVirtual {
				var x values
				for i := range f.operands {
					x = append(x, v.load(at(i+1, element)))
				}
				return f.holds(v, x)
			}, at(0, 0))
		})
	}
	p.sixteens("where", "takes elements of yes where mask holds, and of no elsewhere.", "dst *uint32, mask *uint8, yes, no *uint32",
		[]string{"dst", "mask", "yes", "no"}, []int{4, 1, 4, 4}, func(v *vec, at func(i, element int) operand.Mem) {
			v.eachVector(func(element int) {
				v.store(v.chosen(at(1, element), v.load(at(2, element)), v.load(at(3, element))), at(0, element))
			})
		})
	p.sixteens("keep", "multiplies x by scale where mask holds, and takes 0 elsewhere.", "dst, x *float32, mask *uint8, scale *float32",
		[]string{"dst", "x", "mask", "scale"}, []int{4, 4, 1, 0}, func(v *vec, at func(i, element int) operand.Mem) {
			scale := v.new()
			v.VBROADCASTSS(at(3, 0), scale)
			v.eachVector(func(element int) {
				v.store(v.chosen(at(2, element), v.mul(v.load(at(1, element)), scale), v.zero()), at(0, element))
			})
		})
	for _, f := range []struct {
		dtype string
		size  int
		load  func(v *vec, m operand.Mem) reg.VecVirtual
	}{
		{"Uint8", 1, func(v *vec, m operand.Mem) reg.VecVirtual {
			x := v.new()
			v.VPMOVZXBD(m, x)
			return v.toFloat(x)
		}},
		{"Int32", 4, func(v *vec, m operand.Mem) reg.VecVirtual { return v.toFloat(v.load(m)) }},
		{"Uint32", 4, func(v *vec, m operand.Mem) reg.VecVirtual { return v.unsignedToFloat(v.load(m)) }},
	} {
		args := "dst *float32, x *" + strings.ToLower(f.dtype)
		p.sixteens("from"+f.dtype, "converts x.", args, []string{"dst", "x"}, []int{4, f.size}, func(v *vec, at func(i, element int) operand.Mem) {
			v.eachVector(func(element int) { v.store(f.load(v, at(1, element)), at(0, element)) })
		})
	}
}

// sixteens writes a function of n elements, a multiple of sixteen, in its two forms. pointers are its parameters, sizes those of their
// elements in bytes, 0 for a parameter that all share; body works on sixteen elements, where at addresses one of them.
func (p *program) sixteens(name, doc, args string, pointers []string, sizes []int, body func(v *vec, at func(i, element int) operand.Mem)) {
	for _, wide := range []bool{true, false} {
		v := &vec{program: p, wide: wide}
		p.form(v, name, args+", n int", doc)
		base := make([]reg.GPVirtual, len(pointers))
		for i, arg := range pointers {
			base[i] = p.GP64()
			p.Load(p.Param(arg), base[i])
		}
		n := p.GP64()
		p.Load(p.Param("n"), n)
		p.Label("sixteen")
		body(v, func(i, element int) operand.Mem { return operand.Mem{Base: base[i], Disp: element * sizes[i]} })
		for i, b := range base {
			if sizes[i] > 0 {
				p.ADDQ(operand.U8(16*sizes[i]), b)
			}
		}
		p.SUBQ(operand.U8(16), n)
		p.JG(operand.LabelRef("sixteen"))
		p.VZEROUPPER()
		p.RET()
	}
}

// eachVector calls body with the first of sixteen elements of every vector.
func (v *vec) eachVector(body func(element int)) {
	for element := 0; element < 16; element += v.lanes() {
		body(element)
	}
}

// compare finds where x satisfies the predicate with y.
func (v *vec) compare(predicate int, x, y reg.VecVirtual) reg.VecVirtual {
	return v.into(func(ops ...operand.Op) { v.VCMPPS(append([]operand.Op{operand.U8(predicate)}, ops...)...) }, y, x)
}

// into emits a comparison with its result in K2, or in the vector returned.
func (v *vec) into(f func(ops ...operand.Op), x, y reg.VecVirtual) reg.VecVirtual {
	if v.wide {
		f(x, y, reg.K2)
		return nil
	}
	out := v.new()
	f(x, y, out)
	return out
}

// storeMask writes sixteen bytes for what holds finds among the lanes from an element on.
func (v *vec) storeMask(holds func(element int) reg.VecVirtual, to operand.Mem) {
	out := v.XMM()
	if v.wide {
		holds(0)
		v.VMOVDQU8_Z(v.trues(), reg.K2, out)
		v.VMOVDQU8(out, to)
		return
	}
	low, high := holds(0), holds(8)
	words := v.YMM()
	v.VPACKSSDW(high, low, words) // of each half, four of the low ones and four of the high ones
	v.VPERMQ(operand.U8(0b11_01_10_00), words, words)
	v.VEXTRACTI128(operand.U8(1), words, out)
	v.VPACKSSWB(out, words.AsX(), out)
	v.VPAND(v.trues(), out, out)
	v.VMOVDQU(out, to)
}

// trues returns read-only memory of sixteen bytes that are 1.
func (v *vec) trues() operand.Mem {
	if v.ones == nil {
		m := v.StaticGlobal(fmt.Sprintf("%sTrues", v.name))
		v.DataAttributes(attr.RODATA | attr.NOPTR)
		for range 2 {
			v.AppendDatum(operand.U64(0x0101010101010101))
		}
		v.ones = &m
	}
	return *v.ones
}

// chosen returns yes where the bytes at mask are not 0, and no elsewhere.
func (v *vec) chosen(mask operand.Mem, yes, no reg.VecVirtual) reg.VecVirtual {
	out := v.new()
	if v.wide {
		bytes := v.XMM()
		v.VMOVDQU8(mask, bytes)
		v.VPTESTMB(bytes, bytes, reg.K2)
		v.VBLENDMPS(yes, no, reg.K2, out)
		return out
	}
	not := v.new()
	v.VPMOVZXBD(mask, not)
	v.VPCMPEQD(not, v.zero(), not)
	v.VBLENDVPS(not, no, yes, out)
	return out
}

// unsignedToFloat rounds once: the halves of an integer are float32 exactly.
func (v *vec) unsignedToFloat(x reg.VecVirtual) reg.VecVirtual {
	if v.wide {
		y := v.new()
		v.VCVTUDQ2PS(x, y)
		return y
	}
	high, low := v.toFloat(v.shift(v.VPSRLD, 16, x)), v.toFloat(v.and(x, v.bits(0xffff)))
	return v.fma(high, v.constant(0x1p16), low)
}
