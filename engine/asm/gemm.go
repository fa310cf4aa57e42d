package main

import (
	"encoding/binary"
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of kernel.tile. A test of package kernel checks them against the Go type.
const (
	tileA     = 0
	tileARow  = 8
	tileACol  = 16
	tileB     = 24
	tileBStep = 32
	tileK     = 40
	tileC     = 48
	tileBias  = 56
	tileAlpha = 64
	tileBeta  = 72
	tileMask  = 80
	tileFlags = 88
	tileCOff  = 96
	tileLanes = 208
	tileParts = 288 // segments
	tileANext = 296
	tilePlus  = 304

	tileTwin     = 312
	tileTwinPlus = 320
	tileTwinSign = 328

	flagReadC = 1
	flagReLU  = 2
	flagWide  = 4 // all columns of the tile exist
)

// element is what the accumulators of a micro-kernel hold.
type element struct {
	name string
	bits int
	half bool // inputs are pairs of bfloat16
}

func gemmProgram(p *program) {
	for _, e := range []element{{name: "F32", bits: 32}, {name: "F64", bits: 64}, {name: "BF16", bits: 32, half: true}} {
		for rows := 1; rows <= 14; rows++ {
			p.tile512(e, rows, 2)
			if e.bits == 32 {
				p.tile512(e, rows, 1)
			}
		}
	}
	for rows := 1; rows <= 6; rows++ {
		p.tile256(rows)
	}
	p.fmaRate()
}

// function begins an assembly function. args is its parameter list for the assembler, goArgs the one of its declaration.
func (p *program) function(name, args, goArgs, doc string) {
	p.Function(name)
	p.Attributes(attr.NOSPLIT)
	p.SignatureExpr("func(" + args + ")")
	p.stubs = append(p.stubs, stub{name, goArgs, doc})
}

// dotPairs emits VDPBF16PS dst, a, b: dst += a.even*b.even + a.odd*b.odd in every 32-bit lane
// (EVEX.512.F3.0F38.W0 52 /r).
func (p *program) dotPairs(b, a, dst int) {
	not := func(v, bit int) byte { return byte(^v >> bit & 1) }
	p.Comment(fmt.Sprintf("VDPBF16PS Z%d, Z%d, Z%d", b, a, dst))
	evex := [4]byte{
		0x62,
		not(dst, 3)<<7 | not(b, 4)<<6 | not(b, 3)<<5 | not(dst, 4)<<4 | 2,
		byte(^a&15)<<3 | 1<<2 | 2,
		2<<5 | not(a, 4)<<3,
	}
	op := [2]byte{0x52, byte(0xc0 | dst&7<<3 | b&7)}
	p.Instruction(&ir.Instruction{Opcode: "LONG", Operands: []operand.Op{operand.U32(binary.LittleEndian.Uint32(evex[:]))}})
	p.Instruction(&ir.Instruction{Opcode: "WORD", Operands: []operand.Op{operand.U16(binary.LittleEndian.Uint16(op[:]))}})
}

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14,
	reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28,
	reg.Z29, reg.Z30, reg.Z31,
}

var ymm = []reg.VecPhysical{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14,
	reg.Y15,
}

// The general registers of all micro-kernels.
var (
	rTile  = reg.RDI
	rA     = [3]reg.GPPhysical{reg.R8, reg.R9, reg.R10} // rows 0, 5 and 10 of A
	rRow   = reg.R11                                    // bytes from row to row of A
	rRow3  = reg.R12                                    // three times that
	rCol   = reg.R13                                    // bytes from column to column of A
	rB     = reg.RSI
	rBStep = reg.RDX
	rK     = reg.RCX
	rC     = reg.RBX
	rOff   = reg.RAX
	rFlags = reg.R15
)

func field(offset int) operand.Mem { return operand.Mem{Base: rTile, Disp: offset} }

// tileStart loads the fields of the tile that the main loop needs.
func (p *program) tileStart(rows int) {
	p.Load(p.Param("t"), rTile)
	p.MOVQ(field(tileA), rA[0])
	p.MOVQ(field(tileARow), rRow)
	p.MOVQ(field(tileACol), rCol)
	p.LEAQ(operand.Mem{Base: rRow, Index: rRow, Scale: 2}, rRow3)
	if rows > 5 {
		p.LEAQ(operand.Mem{Base: rA[0], Index: rRow, Scale: 4}, rA[1])
		p.ADDQ(rRow, rA[1])
	}
	if rows > 10 {
		p.LEAQ(operand.Mem{Base: rA[1], Index: rRow, Scale: 4}, rA[2])
		p.ADDQ(rRow, rA[2])
	}
	p.MOVQ(field(tileB), rB)
	p.MOVQ(field(tileBStep), rBStep)
	p.MOVQ(field(tileK), rK)
	p.MOVQ(field(tileC), rC)
}

// rowOfA addresses the current column of row i of A.
func rowOfA(i int) operand.Mem {
	m := operand.Mem{Base: rA[i/5]}
	switch i % 5 {
	case 1, 2, 4:
		m.Index, m.Scale = rRow, uint8(i%5)
	case 3:
		m.Index, m.Scale = rRow3, 1
	}
	return m
}

// nextColumn steps A and B on.
func (p *program) nextColumn(rows int) {
	for i := 0; i <= (rows-1)/5; i++ {
		p.ADDQ(rCol, rA[i])
	}
	p.ADDQ(rBStep, rB)
}

// tile512 writes the AVX-512 micro-kernel for a tile of the given number of rows and one or two vectors of columns. Each
// accumulator is one chain of fused multiply-adds over k, so an element's bits do not depend on the tile it falls in.
func (p *program) tile512(e element, rows, vectors int) {
	name := "gemm" + e.name
	if vectors == 1 {
		name += "Narrow"
	}
	p.function(fmt.Sprintf("%sAVX512x%d", name, rows), "t *byte", "t *tile",
		fmt.Sprintf("computes a tile of %d rows and %d columns.", rows, vectors*512/e.bits))
	acc := func(i, j int) int { return vectors*i + j }
	const b0, a = 28, 30
	twins := e.name == "F32" && vectors == 2

	load, maskedLoad, maskedStore := p.VMOVUPS, p.VMOVUPS_Z, p.VMOVUPS
	broadcast, fma, mul, add, maxOp := p.VBROADCASTSS, p.VFMADD231PS, p.VMULPS, p.VADDPS, p.VMAXPS
	if e.bits == 64 {
		load, maskedLoad, maskedStore = p.VMOVUPD, p.VMOVUPD_Z, p.VMOVUPD
		broadcast, fma, mul, add, maxOp = p.VBROADCASTSD, p.VFMADD231PD, p.VMULPD, p.VADDPD, p.VMAXPD
	}

	p.tileStart(rows)
	p.MOVQ(field(tileMask), rOff)
	p.KMOVW(rOff.As32(), reg.K1)
	if vectors == 2 {
		p.SHRQ(operand.U8(512/e.bits), rOff)
		p.KMOVW(rOff.As32(), reg.K2)
	}
	for i := range vectors * rows {
		p.VPXORD(zmm[i], zmm[i], zmm[i])
	}
	// Bring the rows of C, and what is added to them, closer while the products are summed.
	closer := func(base reg.GPPhysical) {
		for i := range rows {
			p.MOVQ(field(tileCOff+8*i), rOff)
			for j := range vectors {
				p.PREFETCHT0(operand.Mem{Base: base, Index: rOff, Scale: 1, Disp: 64 * j})
			}
		}
	}
	closer(rC)
	p.MOVQ(field(tilePlus), rFlags)
	p.CMPQ(rFlags, rC)
	p.JE(operand.LabelRef("products"))
	closer(rFlags)
	p.Label("products")
	if twins {
		p.MOVQ(field(tileTwin), rFlags)
		p.TESTQ(rFlags, rFlags)
		p.JZ(operand.LabelRef("alone"))
		closer(rFlags)
		p.Label("alone")
	}
	masks := []reg.OpmaskPhysical{reg.K1, reg.K2}
	step := func(wide bool) {
		for j := range vectors {
			if from := (operand.Mem{Base: rB, Disp: 64 * j}); wide {
				load(from, zmm[b0+j])
			} else {
				maskedLoad(from, masks[j], zmm[b0+j])
			}
		}
		for i := range rows {
			areg := a + i%2
			broadcast(rowOfA(i), zmm[areg])
			for j := range vectors {
				if e.half {
					p.dotPairs(b0+j, areg, acc(i, j))
				} else {
					fma(zmm[b0+j], zmm[areg], zmm[acc(i, j)])
				}
			}
		}
		p.nextColumn(rows)
	}
	// Masked loads take the units of the multiply-adds some of their time.
	p.MOVQ(field(tileFlags), rFlags)
	p.TESTQ(operand.U32(flagWide), rFlags)
	p.JZ(operand.LabelRef("ragged"))
	p.segments("wide", rows, func() { step(true) })
	p.JMP(operand.LabelRef("scale"))
	p.Label("ragged")
	p.segments("masked", rows, func() { step(false) })
	p.Label("scale")

	if twins {
		p.twin(rows, vectors, 64, zmm[a], []reg.VecPhysical{zmm[b0], zmm[b0+1], zmm[a+1]}, func(i, j int) reg.VecPhysical { return zmm[acc(i, j)] })
	}
	p.MOVQ(field(tileFlags), rFlags)
	broadcast(field(tileAlpha), zmm[a])
	for i := range vectors * rows {
		mul(zmm[a], zmm[i], zmm[i])
	}
	p.TESTQ(operand.U32(flagReadC), rFlags)
	p.JZ(operand.LabelRef("bias"))
	broadcast(field(tileBeta), zmm[a])
	p.MOVQ(field(tilePlus), rB)
	for i := range rows {
		p.MOVQ(field(tileCOff+8*i), rOff)
		for j := range vectors {
			maskedLoad(operand.Mem{Base: rB, Index: rOff, Scale: 1, Disp: 64 * j}, masks[j], zmm[b0+j])
			fma(zmm[b0+j], zmm[a], zmm[acc(i, j)])
		}
	}
	p.Label("bias")
	p.MOVQ(field(tileBias), rOff)
	p.TESTQ(rOff, rOff)
	p.JZ(operand.LabelRef("relu"))
	for j := range vectors {
		maskedLoad(operand.Mem{Base: rOff, Disp: 64 * j}, masks[j], zmm[b0+j])
		for i := range rows {
			add(zmm[b0+j], zmm[acc(i, j)], zmm[acc(i, j)])
		}
	}
	p.Label("relu")
	p.TESTQ(operand.U32(flagReLU), rFlags)
	p.JZ(operand.LabelRef("store"))
	p.VPXORD(zmm[a], zmm[a], zmm[a])
	for i := range vectors * rows {
		maxOp(zmm[i], zmm[a], zmm[i]) // The second source, the sum, wins if it is NaN.
	}
	p.Label("store")
	for i := range rows {
		p.MOVQ(field(tileCOff+8*i), rOff)
		for j := range vectors {
			maskedStore(zmm[acc(i, j)], masks[j], operand.Mem{Base: rC, Index: rOff, Scale: 1, Disp: 64 * j})
		}
	}
	p.VZEROUPPER()
	p.RET()
}

// twin writes the products, times their sign there, to the second block of C, which has all columns of the tile, and adds what is to be
// added to it. size is a vector's in bytes; temp are registers that are free.
func (p *program) twin(rows, vectors, size int, sign reg.VecPhysical, temp []reg.VecPhysical, acc func(i, j int) reg.VecPhysical) {
	p.MOVQ(field(tileTwin), rB)
	p.TESTQ(rB, rB)
	p.JZ(operand.LabelRef("single"))
	p.VBROADCASTSS(field(tileTwinSign), sign)
	plus := rA[0]
	p.MOVQ(field(tileTwinPlus), plus)
	at := func(base reg.GPPhysical, j int) operand.Mem {
		return operand.Mem{Base: base, Index: rOff, Scale: 1, Disp: size * j}
	}
	each := func(value func(i, j int, x reg.VecPhysical)) {
		for i := range rows {
			p.MOVQ(field(tileCOff+8*i), rOff)
			for j := range vectors {
				x := temp[(vectors*i+j)%len(temp)]
				value(i, j, x)
				p.VMOVUPS(x, at(rB, j))
			}
		}
	}
	p.TESTQ(plus, plus)
	p.JZ(operand.LabelRef("fresh"))
	each(func(i, j int, x reg.VecPhysical) {
		p.VMOVUPS(at(plus, j), x)
		p.VFMADD231PS(sign, acc(i, j), x)
	})
	p.JMP(operand.LabelRef("single"))
	p.Label("fresh")
	each(func(i, j int, x reg.VecPhysical) { p.VMULPS(sign, acc(i, j), x) })
	p.Label("single")
}

// segments runs step rK times for each segment of the tile. Its labels begin with name.
func (p *program) segments(name string, rows int, step func()) {
	parts := rFlags // The flags are read afterwards.
	p.MOVQ(field(tileParts), parts)
	p.Label(name + "Segment")
	p.SUBQ(operand.U8(2), rK)
	p.JLT(operand.LabelRef(name + "Odd"))
	p.Label(name + "Pair")
	step()
	step()
	p.SUBQ(operand.U8(2), rK)
	p.JGE(operand.LabelRef(name + "Pair"))
	p.Label(name + "Odd")
	p.ADDQ(operand.U8(2), rK)
	p.JZ(operand.LabelRef(name + "Next"))
	step()
	p.Label(name + "Next")
	p.DECQ(parts)
	p.JZ(operand.LabelRef(name + "Done"))
	for i := 0; i <= (rows-1)/5; i++ {
		p.ADDQ(field(tileANext), rA[i])
	}
	p.MOVQ(field(tileK), rK)
	p.JMP(operand.LabelRef(name + "Segment"))
	p.Label(name + "Done")
}

// tile256 writes the AVX2 micro-kernel of float32 for a tile of the given number of rows and 16 columns.
func (p *program) tile256(rows int) {
	p.function(fmt.Sprintf("gemmF32AVX2x%d", rows), "t *byte", "t *tile",
		fmt.Sprintf("computes a tile of %d rows and 16 columns.", rows))
	acc := func(i, j int) reg.VecPhysical { return ymm[2*i+j] }
	b := []reg.VecPhysical{reg.Y12, reg.Y13}
	a := []reg.VecPhysical{reg.Y14, reg.Y15}
	at := func(base reg.GPPhysical, j int) operand.Mem {
		return operand.Mem{Base: base, Index: rOff, Scale: 1, Disp: 32 * j}
	}

	p.tileStart(rows)
	for i := range 2 * rows {
		p.VXORPS(ymm[i], ymm[i], ymm[i])
	}
	p.segments("products", rows, func() {
		p.VMOVUPS(operand.Mem{Base: rB}, b[0])
		p.VMOVUPS(operand.Mem{Base: rB, Disp: 32}, b[1])
		for i := range rows {
			p.VBROADCASTSS(rowOfA(i), a[i%2])
			p.VFMADD231PS(b[0], a[i%2], acc(i, 0))
			p.VFMADD231PS(b[1], a[i%2], acc(i, 1))
		}
		p.nextColumn(rows)
	})
	p.twin(rows, 2, 32, a[0], []reg.VecPhysical{b[0], b[1], a[1]}, acc)
	p.MOVQ(field(tileFlags), rFlags)
	p.VBROADCASTSS(field(tileAlpha), a[0])
	for i := range 2 * rows {
		p.VMULPS(a[0], ymm[i], ymm[i])
	}
	// Y12 and Y13 hold the masks of the columns from here on.
	p.VMOVUPS(field(tileLanes), b[0])
	p.VMOVUPS(field(tileLanes+32), b[1])
	p.TESTQ(operand.U32(flagReadC), rFlags)
	p.JZ(operand.LabelRef("bias"))
	p.VBROADCASTSS(field(tileBeta), a[0])
	p.MOVQ(field(tilePlus), rB)
	for i := range rows {
		p.MOVQ(field(tileCOff+8*i), rOff)
		for j := range 2 {
			p.VMASKMOVPS(at(rB, j), b[j], a[1])
			p.VFMADD231PS(a[1], a[0], acc(i, j))
		}
	}
	p.Label("bias")
	p.MOVQ(field(tileBias), rOff)
	p.TESTQ(rOff, rOff)
	p.JZ(operand.LabelRef("relu"))
	for j := range 2 {
		p.VMASKMOVPS(operand.Mem{Base: rOff, Disp: 32 * j}, b[j], a[0])
		for i := range rows {
			p.VADDPS(a[0], acc(i, j), acc(i, j))
		}
	}
	p.Label("relu")
	p.TESTQ(operand.U32(flagReLU), rFlags)
	p.JZ(operand.LabelRef("store"))
	p.VXORPS(a[0], a[0], a[0])
	for i := range 2 * rows {
		p.VMAXPS(ymm[i], a[0], ymm[i]) // The second source, the sum, wins if it is NaN.
	}
	p.Label("store")
	p.TESTQ(operand.U32(flagWide), rFlags)
	p.JZ(operand.LabelRef("ragged"))
	for i := range rows {
		p.MOVQ(field(tileCOff+8*i), rOff)
		for j := range 2 {
			p.VMOVUPS(acc(i, j), at(rC, j))
		}
	}
	p.VZEROUPPER()
	p.RET()
	p.Label("ragged")
	for i := range rows {
		p.MOVQ(field(tileCOff+8*i), rOff)
		for j := range 2 {
			p.VMASKMOVPS(acc(i, j), b[j], at(rC, j))
		}
	}
	p.VZEROUPPER()
	p.RET()
}

// fmaRate writes loops of nothing but independent fused multiply-adds, the floor that GEMM is measured against.
func (p *program) fmaRate() {
	p.function("fmaRateAVX512", "n int", "n int", "runs n times 28 independent multiply-adds of 16 float32.")
	p.Load(p.Param("n"), rK)
	for i := range 32 {
		p.VPXORD(zmm[i], zmm[i], zmm[i])
	}
	p.Label("loop512")
	for i := range 28 {
		p.VFMADD231PS(zmm[28], zmm[29], zmm[i])
	}
	p.DECQ(rK)
	p.JNZ(operand.LabelRef("loop512"))
	p.VZEROUPPER()
	p.RET()

	p.function("fmaRateAVX2", "n int", "n int", "runs n times 12 independent multiply-adds of 8 float32.")
	p.Load(p.Param("n"), rK)
	for i := range 16 {
		p.VXORPS(ymm[i], ymm[i], ymm[i])
	}
	p.Label("loop256")
	for i := range 12 {
		p.VFMADD231PS(ymm[12], ymm[13], ymm[i])
	}
	p.DECQ(rK)
	p.JNZ(operand.LabelRef("loop256"))
	p.VZEROUPPER()
	p.RET()
}
