package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func packProgram(p *program) {
	p.copyRows()
	p.transposeStrip()
	p.interleaveRows()
	p.gatherSpans("gatherSpansAVX512", false)
	p.gatherSpans("gatherBytesAVX512", true)
	p.gatherLanes()
	p.gatherPairs()
}

// copyRows writes a loop that copies rows of at most two registers of 32-bit lanes.
func (p *program) copyRows() {
	args := "dst *uint32, dstStep int, src *uint32, srcStep int, rows int, load, store uint32"
	p.function("copyRowsAVX512", args, args, "copies rows of up to 32 lanes: it reads the lanes of the mask load, takes zero for"+
		"\n// the others, and writes the lanes of the mask store. The steps from row to row are in bytes.")
	dst, src, dstStep, srcStep, rows := p.GP64(), p.GP64(), p.GP64(), p.GP64(), p.GP64()
	p.Load(p.Param("dst"), dst)
	p.Load(p.Param("dstStep"), dstStep)
	p.Load(p.Param("src"), src)
	p.Load(p.Param("srcStep"), srcStep)
	p.Load(p.Param("rows"), rows)
	mask := p.GP32()
	p.Load(p.Param("load"), mask)
	p.KMOVW(mask, reg.K1)
	p.SHRL(operand.U8(16), mask)
	p.KMOVW(mask, reg.K2)
	p.Load(p.Param("store"), mask)
	p.KMOVW(mask, reg.K3)
	p.SHRL(operand.U8(16), mask)
	p.KMOVW(mask, reg.K4)
	p.Label("row")
	p.VMOVUPS_Z(operand.Mem{Base: src}, reg.K1, reg.Z0)
	p.VMOVUPS_Z(operand.Mem{Base: src, Disp: 64}, reg.K2, reg.Z1)
	p.VMOVUPS(reg.Z0, reg.K3, operand.Mem{Base: dst})
	p.VMOVUPS(reg.Z1, reg.K4, operand.Mem{Base: dst, Disp: 64})
	p.ADDQ(srcStep, src)
	p.ADDQ(dstStep, dst)
	p.DECQ(rows)
	p.JNZ(operand.LabelRef("row"))
	p.VZEROUPPER()
	p.RET()
}

// transposeStrip writes the transposition of a strip of 16 rows of 32-bit lanes, 16 columns at a time.
func (p *program) transposeStrip() {
	args := "dst *uint32, dstStep int, src *uint32, srcStep int, rows, cols int"
	p.function("transposeStripAVX512", args, args, "transposes rows <= 16 rows of cols lanes at src into cols rows of rows lanes at dst."+
		"\n// The steps from row to row are in bytes.")
	dst, src, dstStep, srcStep, cols := reg.RDI, reg.RSI, reg.R8, reg.R9, reg.RDX
	p.Load(p.Param("dst"), dst)
	p.Load(p.Param("dstStep"), dstStep)
	p.Load(p.Param("src"), src)
	p.Load(p.Param("srcStep"), srcStep)
	p.Load(p.Param("cols"), cols)
	p.Load(p.Param("rows"), reg.RCX)
	p.MOVL(operand.U32(1), reg.EAX)
	p.SHLL(reg.CL, reg.EAX)
	p.DECL(reg.EAX)
	p.KMOVW(reg.EAX, reg.K2) // lanes of a row of dst
	p.MOVQ(reg.RCX, reg.R12) // rows of src
	p.Label("block")
	p.MOVQ(cols, reg.RCX)
	p.CMPQ(reg.RCX, operand.U8(16))
	p.JLE(operand.LabelRef("last"))
	p.MOVQ(operand.U32(16), reg.RCX)
	p.Label("last")
	p.MOVL(operand.U32(1), reg.EAX)
	p.SHLL(reg.CL, reg.EAX)
	p.DECL(reg.EAX)
	p.KMOVW(reg.EAX, reg.K1) // lanes of a row of src
	p.MOVQ(src, reg.R10)
	for i := range 16 {
		p.VPXORD(zmm[i], zmm[i], zmm[i])
	}
	for i := range 16 {
		p.CMPQ(reg.R12, operand.U8(i))
		p.JLE(operand.LabelRef("loaded"))
		p.VMOVUPS_Z(operand.Mem{Base: reg.R10}, reg.K1, zmm[i])
		p.ADDQ(srcStep, reg.R10)
	}
	p.Label("loaded")
	// Z0..Z15 -> Z16..Z31: pairs of rows, then of pairs, within 128-bit lanes.
	for i := 0; i < 16; i += 2 {
		p.VUNPCKLPS(zmm[i+1], zmm[i], zmm[16+i])
		p.VUNPCKHPS(zmm[i+1], zmm[i], zmm[17+i])
	}
	for i := 0; i < 16; i += 4 {
		p.VUNPCKLPD(zmm[18+i], zmm[16+i], zmm[i])
		p.VUNPCKHPD(zmm[18+i], zmm[16+i], zmm[i+1])
		p.VUNPCKLPD(zmm[19+i], zmm[17+i], zmm[i+2])
		p.VUNPCKHPD(zmm[19+i], zmm[17+i], zmm[i+3])
	}
	// Z(4g+q) lane l now holds column 4l+q of rows 4g..4g+3. Gather the four g of each column.
	for q := range 4 {
		p.VSHUFF32X4(operand.U8(0x88), zmm[4+q], zmm[q], zmm[16+4*q])    // rows 0-7, columns q, q+8
		p.VSHUFF32X4(operand.U8(0xdd), zmm[4+q], zmm[q], zmm[17+4*q])    // rows 0-7, columns q+4, q+12
		p.VSHUFF32X4(operand.U8(0x88), zmm[12+q], zmm[8+q], zmm[18+4*q]) // rows 8-15, columns q, q+8
		p.VSHUFF32X4(operand.U8(0xdd), zmm[12+q], zmm[8+q], zmm[19+4*q]) // rows 8-15, columns q+4, q+12
	}
	for q := range 4 {
		p.VSHUFF32X4(operand.U8(0x88), zmm[18+4*q], zmm[16+4*q], zmm[q])    // column q
		p.VSHUFF32X4(operand.U8(0xdd), zmm[18+4*q], zmm[16+4*q], zmm[q+8])  // column q+8
		p.VSHUFF32X4(operand.U8(0x88), zmm[19+4*q], zmm[17+4*q], zmm[q+4])  // column q+4
		p.VSHUFF32X4(operand.U8(0xdd), zmm[19+4*q], zmm[17+4*q], zmm[q+12]) // column q+12
	}
	for i := range 16 {
		p.VMOVUPS(zmm[i], reg.K2, operand.Mem{Base: dst})
		p.ADDQ(dstStep, dst)
		p.DECQ(cols)
		p.JZ(operand.LabelRef("done"))
	}
	p.ADDQ(operand.U8(64), src)
	p.JMP(operand.LabelRef("block"))
	p.Label("done")
	p.VZEROUPPER()
	p.RET()
}

// interleaveRows writes the packing of pairs of rows of 16-bit lanes, as bfloat16 dot products want them.
func (p *program) interleaveRows() {
	args := "dst *uint16, dstStep int, src *uint16, srcStep int, pairs int, load uint32, store uint32"
	p.function("interleaveRowsAVX512", args, args, "writes, for each pair of rows of up to 32 lanes, the pairs of their elements:"+
		"\n// a0 b0 a1 b1 ... It reads the lanes of the mask load, takes zero for the others, and writes the pairs of the mask store.")
	for half := range 2 {
		index := p.table16(fmt.Sprintf("interleaveIndex%d", half), 32, func(i int) uint16 { return uint16(16*half + i/2 + i%2*32) })
		p.VMOVDQU16(index, zmm[4+half])
	}
	dst, src, dstStep, srcStep, pairs := p.GP64(), p.GP64(), p.GP64(), p.GP64(), p.GP64()
	p.Load(p.Param("dst"), dst)
	p.Load(p.Param("dstStep"), dstStep)
	p.Load(p.Param("src"), src)
	p.Load(p.Param("srcStep"), srcStep)
	p.Load(p.Param("pairs"), pairs)
	mask := p.GP32()
	p.Load(p.Param("load"), mask)
	p.KMOVD(mask, reg.K1)
	p.Load(p.Param("store"), mask)
	p.KMOVW(mask, reg.K2)
	p.SHRL(operand.U8(16), mask)
	p.KMOVW(mask, reg.K3)
	p.Label("pair")
	p.VMOVDQU16_Z(operand.Mem{Base: src}, reg.K1, reg.Z0)
	p.VMOVDQU16_Z(operand.Mem{Base: src, Index: srcStep, Scale: 1}, reg.K1, reg.Z1)
	p.VMOVDQA32(reg.Z0, reg.Z2)
	p.VPERMT2W(reg.Z1, reg.Z4, reg.Z0)
	p.VPERMT2W(reg.Z1, reg.Z5, reg.Z2)
	p.VMOVUPS(reg.Z0, reg.K2, operand.Mem{Base: dst})
	p.VMOVUPS(reg.Z2, reg.K3, operand.Mem{Base: dst, Disp: 64})
	p.LEAQ(operand.Mem{Base: src, Index: srcStep, Scale: 2}, src)
	p.ADDQ(dstStep, dst)
	p.DECQ(pairs)
	p.JNZ(operand.LabelRef("pair"))
	p.VZEROUPPER()
	p.RET()
}

// table16 defines read-only data of n 16-bit values.
func (p *program) table16(name string, n int, value func(i int) uint16) operand.Mem {
	mem := p.StaticGlobal(name)
	p.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range n {
		p.AppendDatum(operand.U16(value(i)))
	}
	return mem
}

// gatherSpans writes the copy of spans that begin at listed offsets, as convolutions gather pixels: of whole 32-bit lanes, or of
// any bytes. Masked stores of bytes take many times as long as those of lanes.
func (p *program) gatherSpans(name string, bytes bool) {
	args := "dst *byte, dstStep int, src *byte, offsets *int, count, size int"
	unit, shift := "bytes", uint8(0)
	load, store := p.VMOVDQU8_Z, p.VMOVDQU8
	if !bytes {
		unit, shift = "bytes, a multiple of four,", 2
		load, store = p.VMOVUPS_Z, p.VMOVUPS
	}
	p.function(name, args, args, fmt.Sprintf("copies count spans of size %s from src + offsets[i] to dst + i*dstStep. A negative"+
		"\n// offset stands for zeros.", unit))
	dst, dstStep, src, offsets, count, full := p.GP64(), p.GP64(), p.GP64(), p.GP64(), p.GP64(), p.GP64()
	p.Load(p.Param("dst"), dst)
	p.Load(p.Param("dstStep"), dstStep)
	p.Load(p.Param("src"), src)
	p.Load(p.Param("offsets"), offsets)
	p.Load(p.Param("count"), count)
	p.Load(p.Param("size"), full)
	p.MOVQ(full, reg.RCX)
	p.ANDQ(operand.U8(63), reg.RCX)
	p.SHRQ(operand.U8(shift), reg.RCX)
	mask := p.GP64()
	p.MOVQ(operand.U32(1), mask)
	p.SHLQ(reg.CL, mask)
	p.DECQ(mask)
	p.KMOVQ(mask, reg.K1) // what lies after the last full register
	p.ANDQ(operand.I8(-64), full)
	p.VPXORD(reg.Z2, reg.Z2, reg.Z2)
	from, at := p.GP64(), p.GP64()

	p.Label("span")
	p.MOVQ(operand.Mem{Base: offsets}, from)
	p.XORQ(at, at)
	p.TESTQ(from, from)
	p.JS(operand.LabelRef("zeros"))
	p.ADDQ(src, from)
	p.CMPQ(at, full)
	p.JGE(operand.LabelRef("tail"))
	p.Label("copy")
	p.PREFETCHT1(operand.Mem{Base: from, Index: at, Scale: 1, Disp: 4096}) // What a later panel will want first.
	p.VMOVUPS(operand.Mem{Base: from, Index: at, Scale: 1}, reg.Z0)
	p.VMOVUPS(reg.Z0, operand.Mem{Base: dst, Index: at, Scale: 1})
	p.ADDQ(operand.U8(64), at)
	p.CMPQ(at, full)
	p.JLT(operand.LabelRef("copy"))
	p.Label("tail")
	p.TESTQ(mask, mask)
	p.JZ(operand.LabelRef("next"))
	load(operand.Mem{Base: from, Index: at, Scale: 1}, reg.K1, reg.Z0)
	store(reg.Z0, reg.K1, operand.Mem{Base: dst, Index: at, Scale: 1})
	p.Label("next")
	p.ADDQ(operand.U8(8), offsets)
	p.ADDQ(dstStep, dst)
	p.DECQ(count)
	p.JNZ(operand.LabelRef("span"))
	p.VZEROUPPER()
	p.RET()

	p.Label("zeros")
	p.CMPQ(at, full)
	p.JGE(operand.LabelRef("zeroTail"))
	p.Label("clear")
	p.VMOVUPS(reg.Z2, operand.Mem{Base: dst, Index: at, Scale: 1})
	p.ADDQ(operand.U8(64), at)
	p.CMPQ(at, full)
	p.JLT(operand.LabelRef("clear"))
	p.Label("zeroTail")
	store(reg.Z2, reg.K1, operand.Mem{Base: dst, Index: at, Scale: 1})
	p.JMP(operand.LabelRef("next"))
}

// gatherLanes writes gatherSpans for spans of at most one register of 32-bit lanes.
func (p *program) gatherLanes() {
	args := "dst *byte, dstStep int, src *byte, offsets *int, count int, mask uint32, ahead int"
	p.function("gatherLanesAVX512", args, args, "copies the lanes of mask, of 16, from src + offsets[i] to dst + i*dstStep, count times."+
		"\n// A negative offset stands for zeros. It prefetches what lies ahead bytes further.")
	dst, dstStep, src, offsets, count := p.GP64(), p.GP64(), p.GP64(), p.GP64(), p.GP64()
	p.Load(p.Param("dst"), dst)
	p.Load(p.Param("dstStep"), dstStep)
	p.Load(p.Param("src"), src)
	p.Load(p.Param("offsets"), offsets)
	p.Load(p.Param("count"), count)
	mask, from, ahead := p.GP32(), p.GP64(), p.GP64()
	p.Load(p.Param("ahead"), ahead)
	p.ADDQ(src, ahead)
	p.Load(p.Param("mask"), mask)
	p.KMOVW(mask, reg.K1)
	p.VPXORD(reg.Z1, reg.Z1, reg.Z1)
	p.Label("span")
	p.MOVQ(operand.Mem{Base: offsets}, from)
	p.TESTQ(from, from)
	p.JS(operand.LabelRef("zeros"))
	p.VMOVUPS_Z(operand.Mem{Base: src, Index: from, Scale: 1}, reg.K1, reg.Z0)
	p.PREFETCHT1(operand.Mem{Base: ahead, Index: from, Scale: 1})
	p.VMOVUPS(reg.Z0, reg.K1, operand.Mem{Base: dst})
	p.ADDQ(operand.U8(8), offsets)
	p.ADDQ(dstStep, dst)
	p.DECQ(count)
	p.JNZ(operand.LabelRef("span"))
	p.VZEROUPPER()
	p.RET()
	p.Label("zeros")
	p.VMOVUPS(reg.Z1, reg.K1, operand.Mem{Base: dst})
	p.ADDQ(operand.U8(8), offsets)
	p.ADDQ(dstStep, dst)
	p.DECQ(count)
	p.JNZ(operand.LabelRef("span"))
	p.VZEROUPPER()
	p.RET()
}

// gatherPairs writes gatherLanes for 16-bit lanes of two spans at a time, as bfloat16 dot products want them.
func (p *program) gatherPairs() {
	args := "dst *byte, dstStep int, src *byte, offsets *int, pairs int, mask uint32, ahead int"
	p.function("gatherPairsAVX512", args, args, "writes pairs of 16-bit lanes to dst + i*dstStep: those of mask, of 16, from src +"+
		"\n// offsets[2*i] and src + offsets[2*i+1]. A negative offset stands for zeros. It prefetches what lies ahead bytes further.")
	dst, dstStep, src, offsets, pairs := p.GP64(), p.GP64(), p.GP64(), p.GP64(), p.GP64()
	p.Load(p.Param("dst"), dst)
	p.Load(p.Param("dstStep"), dstStep)
	p.Load(p.Param("src"), src)
	p.Load(p.Param("offsets"), offsets)
	p.Load(p.Param("pairs"), pairs)
	mask, from, ahead := p.GP32(), p.GP64(), p.GP64()
	p.Load(p.Param("ahead"), ahead)
	p.ADDQ(src, ahead)
	p.Load(p.Param("mask"), mask)
	p.KMOVW(mask, reg.K1)
	p.Label("pair")
	for i, done := range []string{"first", "second"} {
		p.VPXORD(zmm[i], zmm[i], zmm[i])
		p.MOVQ(operand.Mem{Base: offsets, Disp: 8 * i}, from)
		p.TESTQ(from, from)
		p.JS(operand.LabelRef(done))
		p.VPMOVZXWD_Z(operand.Mem{Base: src, Index: from, Scale: 1}, reg.K1, zmm[i])
		p.PREFETCHT1(operand.Mem{Base: ahead, Index: from, Scale: 1})
		p.Label(done)
	}
	p.VPSLLD(operand.U8(16), reg.Z1, reg.Z1)
	p.VPORD(reg.Z1, reg.Z0, reg.Z0)
	p.VMOVDQU32(reg.Z0, reg.K1, operand.Mem{Base: dst})
	p.ADDQ(operand.U8(16), offsets)
	p.ADDQ(dstStep, dst)
	p.DECQ(pairs)
	p.JNZ(operand.LabelRef("pair"))
	p.VZEROUPPER()
	p.RET()
}
