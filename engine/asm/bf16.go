package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bf16Program writes the conversions between float32 and bfloat16, most in AVX-512 alone: with integers, so that they round as plain
// Go does, denormal numbers included.
func bf16Program(p *program) {
	v := &vec{program: p, wide: true}
	args := "dst *float32, src *uint16, n int"
	p.function("widenBF16AVX512", args, args, "converts n bfloat16 to float32.")
	dst, src, n := p.GP64(), p.GP64(), p.GP64()
	p.Load(p.Param("dst"), dst)
	p.Load(p.Param("src"), src)
	p.Load(p.Param("n"), n)
	p.narrowLoop(v, n, dst, 64, src, 32, func() {
		x := p.ZMM()
		if v.tail {
			p.VPMOVZXWD_Z(operand.Mem{Base: src}, reg.K1, x)
		} else {
			p.VPMOVZXWD(operand.Mem{Base: src}, x)
		}
		p.VPSLLD(operand.U8(16), x, x)
		v.store(x, operand.Mem{Base: dst})
	})

	args = "dst *uint16, src *float32, n int"
	p.function("narrowBF16AVX512", args, args, "rounds n float32 to the nearest bfloat16, to even on ties.")
	dst, src, n = p.GP64(), p.GP64(), p.GP64()
	p.Load(p.Param("dst"), dst)
	p.Load(p.Param("src"), src)
	p.Load(p.Param("n"), n)
	p.narrowLoop(v, n, dst, 32, src, 64, func() {
		x := v.load(operand.Mem{Base: src})
		y := v.shift(v.VPSRLD, 16, v.roundedBF16(x))
		if v.tail {
			p.VPMOVDW(y, reg.K1, operand.Mem{Base: dst})
		} else {
			p.VPMOVDW(y, operand.Mem{Base: dst})
		}
	})
	p.roundBF16()
}

// roundBF16 rounds as narrowBF16 does, and leaves float32.
func (p *program) roundBF16() {
	p.both("roundBF16", "rounds x to the nearest values of bfloat16, to even on ties.", []string{"dst", "x"}, nil,
		func(v *vec, _ []reg.VecVirtual, at func(i int) operand.Mem) {
			v.store(v.and(v.roundedBF16(v.load(at(1))), v.bits(0xffff0000)), at(0))
		})
}

// roundedBF16 returns lanes whose upper halves are x rounded.
func (v *vec) roundedBF16(x reg.VecVirtual) reg.VecVirtual {
	odd := v.and(v.shift(v.VPSRLD, 16, x), v.bits(1))
	rounded := v.addInt(v.addInt(x, v.bits(0x7fff)), odd)
	return v.choose(isUnordered, x, x, v.or(x, v.bits(0x400000)), rounded)
}

// narrowLoop is vec.loop for two pointers that step by different numbers of bytes.
func (p *program) narrowLoop(v *vec, n, a reg.GPVirtual, aStep int, b reg.GPVirtual, bStep int, body func()) {
	p.SUBQ(operand.U8(16), n)
	p.JLT(operand.LabelRef("tail"))
	p.Label("vector")
	body()
	p.ADDQ(operand.U8(aStep), a)
	p.ADDQ(operand.U8(bStep), b)
	p.SUBQ(operand.U8(16), n)
	p.JGE(operand.LabelRef("vector"))
	p.Label("tail")
	p.ADDQ(operand.U8(16), n)
	p.JZ(operand.LabelRef("done"))
	v.setMask(n)
	v.tail = true
	body()
	v.tail = false
	p.Label("done")
	p.VZEROUPPER()
	p.RET()
}
