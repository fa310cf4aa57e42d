package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// philoxProgram writes the generator that engine/kernel/philox.go has in plain Go.
//
// A vector has counters in lanes of 64 bits, one vector for each of a counter's four words, of which the low halves of the lanes count:
// VPMULUDQ multiplies those, and its products hold a high and a low word as the next round wants them. Two such sets are on their way
// at once, for a round waits for its products.
func philoxProgram(p *program) {
	for _, wide := range []bool{true, false} {
		v := &vec{program: p, wide: wide}
		p.form(v, "philox", "dst *byte, key, low, high uint64, n int",
			"writes 16 bytes for each of n counters, a multiple of sixteen, from that with the halves low and high on. low must not overflow.")
		dst, n, word := p.GP64(), p.GP64(), p.GP64()
		p.Load(p.Param("dst"), dst)
		p.Load(p.Param("n"), n)
		key := [2]reg.GPVirtual{p.GP64(), p.GP64()} // low and high word
		p.Load(p.Param("key"), key[0])
		p.MOVQ(key[0], key[1])
		p.SHRQ(operand.U8(32), key[1])
		p.Load(p.Param("low"), word)
		counter := v.everywhere(word)
		p.VPADDQ(p.counterOrder(v), counter, counter)
		high := [2]reg.GPVirtual{p.GP64(), p.GP64()}
		p.Load(p.Param("high"), high[0])
		p.MOVQ(high[0], high[1])
		p.SHRQ(operand.U8(32), high[1])
		set := v.lanes() / 2 // counters
		times := [2]reg.VecVirtual{v.bits(0xD2511F53), v.bits(0xCD9E8D57)}
		step := p.quads(v, "Set", func(int) uint64 { return uint64(set) })
		if wide {
			odd := p.GP32()
			p.MOVL(operand.U32(0xAAAA), odd)
			p.KMOVW(odd, reg.K2)
		}

		p.Label("sets")
		var words [2][4]reg.VecVirtual
		for i := range words {
			words[i] = [4]reg.VecVirtual{v.copy(counter), v.shift(v.VPSRLQ, 32, counter), v.everywhere(high[0]), v.everywhere(high[1])}
			p.VPADDQ(step, counter, counter)
		}
		var round [2]reg.GPVirtual
		for i := range key {
			round[i] = p.GP64()
			p.MOVQ(key[i], round[i])
		}
		for r := range 10 {
			if r > 0 {
				p.ADDL(operand.U32(0x9E3779B9), round[0].As32())
				p.ADDL(operand.U32(0xBB67AE85), round[1].As32())
			}
			keys := [2]reg.VecVirtual{v.everywhere(round[0]), v.everywhere(round[1])}
			for i, c := range words {
				product := [2]reg.VecVirtual{v.op2(v.VPMULUDQ, c[0], times[0]), v.op2(v.VPMULUDQ, c[2], times[1])}
				words[i] = [4]reg.VecVirtual{
					v.xor3(v.shift(v.VPSRLQ, 32, product[1]), c[1], keys[0]), product[1],
					v.xor3(v.shift(v.VPSRLQ, 32, product[0]), c[3], keys[1]), product[0],
				}
			}
		}
		for i, c := range words {
			front, back := v.joined(c[0], c[1]), v.joined(c[2], c[3])
			v.store(v.op2(v.VPUNPCKLQDQ, front, back), operand.Mem{Base: dst, Disp: 16 * set * i})
			v.store(v.op2(v.VPUNPCKHQDQ, front, back), operand.Mem{Base: dst, Disp: 16*set*i + 8*set})
		}
		p.ADDQ(operand.U32(32*set), dst)
		p.SUBQ(operand.U32(2*set), n)
		p.JG(operand.LabelRef("sets"))
		p.VZEROUPPER()
		p.RET()
	}
}

// everywhere returns a vector of x in every lane of 64 bits.
func (v *vec) everywhere(x reg.GPVirtual) reg.VecVirtual {
	out := v.new()
	if v.wide {
		v.VPBROADCASTQ(x, out)
		return out
	}
	one := v.XMM()
	v.VMOVQ(x, one)
	v.VPBROADCASTQ(one, out)
	return out
}

func (v *vec) xor3(a, b, c reg.VecVirtual) reg.VecVirtual {
	if v.wide {
		x := v.copy(a)
		v.VPTERNLOGD(operand.U8(0x96), b, c, x)
		return x
	}
	return v.op2(v.VXORPS, v.op2(v.VXORPS, a, b), c)
}

// joined returns the low halves of a's lanes of 64 bits below those of b's. AVX-512 has the odd lanes of 32 bits in K2.
func (v *vec) joined(a, b reg.VecVirtual) reg.VecVirtual {
	high, out := v.shift(v.VPSLLQ, 32, b), v.new()
	if v.wide {
		v.VPBLENDMD(high, a, reg.K2, out)
	} else {
		v.VPBLENDD(operand.U8(0b10101010), high, a, out)
	}
	return out
}

// counterOrder is the order of a set's counters in lanes: unpacking the low lanes of two vectors gives the first half of them, and
// the high lanes the second.
func (p *program) counterOrder(v *vec) operand.Mem {
	return p.quads(v, "Order", func(lane int) uint64 { return uint64(lane/2 + lane%2*v.lanes()/4) })
}

// quads returns read-only memory with a vector of 64-bit lanes.
func (p *program) quads(v *vec, name string, lane func(i int) uint64) operand.Mem {
	m := p.StaticGlobal(fmt.Sprintf("%s%s%s", p.name, name, v.level()))
	p.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range v.lanes() / 2 {
		p.AppendDatum(operand.U64(lane(i)))
	}
	return m
}
