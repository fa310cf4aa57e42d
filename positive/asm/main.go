// Command asm writes kernel_amd64.s, the AVX2 twins of the loops in positive/kernel.go, and their Go declarations.
//
// It is a module of its own so that avo, the assembler library it uses, is no dependency of the product. Run it through
// go generate in positive.
//
// Every function works on eight values at a time, or four for whole pixels, and n is a multiple of that; the caller does
// the rest. No multiply-add is fused and every sum has the order of kernel.go, so that both give the same bytes.
package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	bytesToFloats()
	resampleLine()
	weightedSum()
	scaleClamp()
	saturate()
	addGray()
	rotateHue()
	dropColour()
	solarize()
	interleave()
	Generate()
}

func function(name, signature, doc string) {
	TEXT(name, attr.NOSPLIT, signature)
	Doc(doc)
	Pragma("noescape")
}

// pointer loads a parameter that is a pointer or a count.
func pointer(name string) Register { return Load(Param(name), GP64()) }

// constants are the read-only vectors of the file, eight copies of a value each.
var constants = map[string]Mem{}

// vector returns the constant of that name in memory.
func vector(name string, value Constant) Mem {
	if _, ok := constants[name]; !ok {
		constants[name] = GLOBL(name, attr.RODATA|attr.NOPTR)
		for i := range 8 {
			DATA(4*i, value)
		}
	}
	return constants[name]
}

// constant returns a register with eight copies of a value.
func constant(name string, value float32) VecVirtual {
	v := YMM()
	VMOVUPS(vector(name, F32(value)), v)
	return v
}

// argument returns a register with eight copies of a float32 parameter.
func argument(name string) VecVirtual {
	a, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := YMM()
	VBROADCASTSS(a.Addr, v)
	return v
}

// load returns eight floats.
func load(p Register) VecVirtual {
	v := YMM()
	VMOVUPS(Mem{Base: p}, v)
	return v
}

// loop emits body until n, which goes down by step each time, is 0, and moves the pointers forward by step floats.
func loop(name string, n Register, step int, pointers []Register, body func()) {
	Label(name)
	body()
	for _, p := range pointers {
		ADDQ(U32(4*step), p)
	}
	SUBQ(U32(step), n)
	JNZ(LabelRef(name))
	VZEROUPPER()
	RET()
}

// clamp limits v to [0, 1]. Zero is the second source, so that -0 becomes 0.
func clamp(v, zero, one VecVirtual) {
	VMAXPS(zero, v, v)
	VMINPS(one, v, v)
}

func zero() VecVirtual {
	z := YMM()
	VXORPS(z, z, z)
	return z
}

// grayWeights are the registers of the three weights of a gray.
type grayWeights [3]VecVirtual

func loadGrayWeights() grayWeights {
	return grayWeights{constant("redWeight", 0.2989), constant("greenWeight", 0.587), constant("blueWeight", 0.114)}
}

func (w grayWeights) of(r, g, b VecVirtual) VecVirtual {
	y, t := YMM(), YMM()
	VMULPS(r, w[0], y)
	VMULPS(g, w[1], t)
	VADDPS(t, y, y)
	VMULPS(b, w[2], t)
	VADDPS(t, y, y)
	return y
}

func bytesToFloats() {
	function("bytesToFloatsAVX2", "func(dst *float32, src *byte, n int)", "bytesToFloatsAVX2 is bytesToFloatsGo on n values.")
	dst, src, n := pointer("dst"), pointer("src"), pointer("n")
	scale := constant("byteScale", 1./255)
	loop("bytes", n, 8, []Register{dst}, func() {
		v := YMM()
		VPMOVZXBD(Mem{Base: src}, v)
		VCVTDQ2PS(v, v)
		VMULPS(scale, v, v)
		VMOVUPS(v, Mem{Base: dst})
		ADDQ(Imm(8), src)
	})
}

func scaleClamp() {
	function("scaleClampAVX2", "func(x *float32, n int, scale, shift float32)", "scaleClampAVX2 is scaleClampGo on n values.")
	x, n := pointer("x"), pointer("n")
	scale, shift := argument("scale"), argument("shift")
	zero, one := zero(), constant("one", 1)
	loop("values", n, 8, []Register{x}, func() {
		v := YMM()
		VMULPS(Mem{Base: x}, scale, v)
		VADDPS(shift, v, v)
		clamp(v, zero, one)
		VMOVUPS(v, Mem{Base: x})
	})
}

func saturate() {
	function("saturateAVX2", "func(red, green, blue *float32, n int, factor float32)", "saturateAVX2 is saturateGo on n pixels.")
	lines := []Register{pointer("red"), pointer("green"), pointer("blue")}
	n, factor := pointer("n"), argument("factor")
	zero, one, weights := zero(), constant("one", 1), loadGrayWeights()
	rest := YMM()
	VSUBPS(factor, one, rest)
	loop("pixels", n, 8, lines, func() {
		rgb := [3]VecVirtual{load(lines[0]), load(lines[1]), load(lines[2])}
		y := weights.of(rgb[0], rgb[1], rgb[2])
		VMULPS(rest, y, y)
		for i, v := range rgb {
			VMULPS(factor, v, v)
			VADDPS(y, v, v)
			clamp(v, zero, one)
			VMOVUPS(v, Mem{Base: lines[i]})
		}
	})
}

func addGray() {
	function("addGrayAVX2", "func(sum *[8]float32, red, green, blue *float32, n int)", "addGrayAVX2 is addGrayGo on n pixels.")
	sum := pointer("sum")
	lines := []Register{pointer("red"), pointer("green"), pointer("blue")}
	n, weights, total := pointer("n"), loadGrayWeights(), load(sum)
	loop("pixels", n, 8, lines, func() {
		y := weights.of(load(lines[0]), load(lines[1]), load(lines[2]))
		VADDPS(y, total, total)
		VMOVUPS(total, Mem{Base: sum})
	})
}

func dropColour() {
	function("dropColourAVX2", "func(red, green, blue *float32, n int)", "dropColourAVX2 is dropColourGo on n pixels.")
	lines := []Register{pointer("red"), pointer("green"), pointer("blue")}
	n, weights := pointer("n"), loadGrayWeights()
	loop("pixels", n, 8, lines, func() {
		y := weights.of(load(lines[0]), load(lines[1]), load(lines[2]))
		for _, p := range lines {
			VMOVUPS(y, Mem{Base: p})
		}
	})
}

func solarize() {
	function("solarizeAVX2", "func(x *float32, n int, threshold float32)", "solarizeAVX2 is solarizeGo on n values.")
	x, n := pointer("x"), pointer("n")
	threshold, one := argument("threshold"), constant("one", 1)
	loop("values", n, 8, []Register{x}, func() {
		const greaterOrEqual = 13
		v, inverse, mask := load(x), YMM(), YMM()
		VCMPPS(U8(greaterOrEqual), threshold, v, mask)
		VSUBPS(v, one, inverse)
		VBLENDVPS(mask, inverse, v, v)
		VMOVUPS(v, Mem{Base: x})
	})
}

func rotateHue() {
	function("rotateHueAVX2", "func(red, green, blue *float32, n int, shift float32)", "rotateHueAVX2 is rotateHueGo on n pixels.")
	lines := []Register{pointer("red"), pointer("green"), pointer("blue")}
	n, shift := pointer("n"), argument("shift")
	zero, one := zero(), constant("one", 1)
	two, six := constant("two", 2), constant("six", 6)
	// Where the hue's sextants begin when red, green or blue is the largest, with the turn added.
	var base [3]VecVirtual
	for i, start := range []string{"six", "two", "four"} {
		base[i] = YMM()
		VADDPS(constant(start, []float32{6, 2, 4}[i]), shift, base[i])
	}
	loop("pixels", n, 8, lines, func() {
		const equal, greaterOrEqual = 0, 13
		rgb := [3]VecVirtual{load(lines[0]), load(lines[1]), load(lines[2])}
		r, g, b := rgb[0], rgb[1], rgb[2]
		high, low := YMM(), YMM()
		VMAXPS(g, r, high)
		VMAXPS(b, high, high)
		VMINPS(g, r, low)
		VMINPS(b, low, low)

		// Blue's numerator and base, then green's where green is the largest, then red's.
		h, num, other, mask := YMM(), YMM(), YMM(), YMM()
		VSUBPS(g, r, num)
		VSUBPS(r, b, other)
		VCMPPS(U8(equal), g, high, mask)
		VBLENDVPS(mask, other, num, num)
		VBLENDVPS(mask, base[1], base[2], h)
		VSUBPS(b, g, other)
		VCMPPS(U8(equal), r, high, mask)
		VBLENDVPS(mask, other, num, num)
		VBLENDVPS(mask, base[0], h, h)

		chroma := high
		VSUBPS(low, high, chroma)
		VMAXPS(vector("tiny", F32(1e-30)), chroma, other)
		VDIVPS(other, num, num)
		VADDPS(num, h, h)
		VCMPPS(U8(greaterOrEqual), six, h, mask)
		VANDPS(six, mask, mask)
		VSUBPS(mask, h, h)

		for i, center := range []float32{3, 2, 4} {
			c := rgb[i]
			VSUBPS(vector([]string{"three", "two", "four"}[i], F32(center)), h, c)
			VANDPS(vector("magnitude", U32(0x7fffffff)), c, c)
			if i == 0 {
				VSUBPS(one, c, c)
			} else {
				VSUBPS(c, two, c)
			}
			clamp(c, zero, one)
			VMULPS(chroma, c, c)
			VADDPS(c, low, c)
			VMOVUPS(c, Mem{Base: lines[i]})
		}
	})
}

func weightedSum() {
	function("weightedSumAVX2", "func(dst, src *float32, offset *int32, weight *float32, taps, n int)",
		"weightedSumAVX2 is weightedSumGo on n values and at least one tap.")
	dst, src, offset, weight := pointer("dst"), pointer("src"), pointer("offset"), pointer("weight")
	taps, n := pointer("taps"), pointer("n")
	// Wide blocks while they last: a tap's offset and weight are then loaded once for 32 values.
	for _, width := range []int{32, 8} {
		next, name := "done", "narrow"
		if width == 32 {
			next, name = "narrow", "wide"
		}
		Label(name)
		CMPQ(n, U32(width))
		JLT(LabelRef(next))
		sums := make([]VecVirtual, width/8)
		for i := range sums {
			sums[i] = zero()
		}
		k, at := GP64(), GP64()
		XORQ(k, k)
		Label(name + "Tap")
		MOVLQSX(Mem{Base: offset, Index: k, Scale: 4}, at)
		w, t := YMM(), YMM()
		VBROADCASTSS(Mem{Base: weight, Index: k, Scale: 4}, w)
		for i, s := range sums {
			VMULPS(Mem{Base: src, Index: at, Scale: 4, Disp: 32 * i}, w, t)
			VADDPS(t, s, s)
		}
		INCQ(k)
		CMPQ(k, taps)
		JLT(LabelRef(name + "Tap"))
		for i, s := range sums {
			VMOVUPS(s, Mem{Base: dst, Disp: 32 * i})
		}
		ADDQ(U32(4*width), src)
		ADDQ(U32(4*width), dst)
		SUBQ(U32(width), n)
		JMP(LabelRef(name))
	}
	Label("done")
	VZEROUPPER()
	RET()
}

func resampleLine() {
	function("resampleLineAVX2", "func(dst, src *float32, start *int32, weight *float32, taps, width, n int)",
		"resampleLineAVX2 is resampleLineGo on the first n of width pixels, n a multiple of four.")
	dst, src, start := pointer("dst"), pointer("src"), pointer("start")
	even, stride, width, n := pointer("weight"), pointer("taps"), pointer("width"), pointer("n")
	// even and odd run through the weights of outputs 0 and 1; those of 2 and 3 lie two strides of 4*taps bytes further.
	// k counts a pixel as two, because an index times 16 bytes cannot be encoded, and goes up to 0 from the last pixel.
	SHLQ(Imm(2), stride)
	SHLQ(Imm(2), width)
	LEAQ(Mem{Base: src, Index: stride, Scale: 4}, src)
	odd, k := GP64(), GP64()

	Label("pixels")
	var pixel [4]Register
	var sum [4]VecVirtual
	for i := range 4 {
		pixel[i], sum[i] = GP64(), XMM()
		MOVLQSX(Mem{Base: start, Disp: 4 * i}, pixel[i])
		SHLQ(Imm(4), pixel[i])
		ADDQ(src, pixel[i])
		VXORPS(sum[i], sum[i], sum[i])
	}
	LEAQ(Mem{Base: even, Index: stride, Scale: 1}, odd)
	MOVQ(stride, k)
	SHRQ(Imm(1), k)
	NEGQ(k)

	Label("tap")
	for i, s := range sum {
		w := XMM()
		at := Mem{Base: []Register{even, odd}[i%2]}
		if i >= 2 {
			at.Index, at.Scale = stride, 2
		}
		VBROADCASTSS(at, w)
		VMULPS(Mem{Base: pixel[i], Index: k, Scale: 8}, w, w)
		VADDPS(w, s, s)
	}
	ADDQ(Imm(4), even)
	ADDQ(Imm(4), odd)
	ADDQ(Imm(2), k)
	JNZ(LabelRef("tap"))
	LEAQ(Mem{Base: odd, Index: stride, Scale: 2}, even)

	// Four pixels become four reds, four greens and four blues.
	rg01, rg23, b01, b23 := XMM(), XMM(), XMM(), XMM()
	VUNPCKLPS(sum[1], sum[0], rg01)
	VUNPCKLPS(sum[3], sum[2], rg23)
	VUNPCKHPS(sum[1], sum[0], b01)
	VUNPCKHPS(sum[3], sum[2], b23)
	r, g, b := sum[0], sum[1], sum[2]
	VMOVLHPS(rg23, rg01, r)
	VMOVHLPS(rg01, rg23, g)
	VMOVLHPS(b23, b01, b)
	VMOVUPS(r, Mem{Base: dst})
	VMOVUPS(g, Mem{Base: dst, Index: width, Scale: 1})
	VMOVUPS(b, Mem{Base: dst, Index: width, Scale: 2})
	ADDQ(Imm(16), dst)
	ADDQ(Imm(16), start)
	SUBQ(Imm(4), n)
	JNZ(LabelRef("pixels"))
	VZEROUPPER()
	RET()
}

func interleave() {
	function("interleaveAVX2", "func(dst, red, green, blue *float32, n int, scale, shift *[3]float32)",
		"interleaveAVX2 is interleaveGo on n pixels, n a multiple of four.")
	dst := pointer("dst")
	lines := []Register{pointer("red"), pointer("green"), pointer("blue")}
	n, scalePointer, shiftPointer := pointer("n"), pointer("scale"), pointer("shift")
	var scale, shift [3]VecVirtual
	for c := range 3 {
		scale[c], shift[c] = XMM(), XMM()
		VBROADCASTSS(Mem{Base: scalePointer, Disp: 4 * c}, scale[c])
		VBROADCASTSS(Mem{Base: shiftPointer, Disp: 4 * c}, shift[c])
	}
	loop("pixels", n, 4, lines, func() {
		var v [3]VecVirtual
		for c := range 3 {
			v[c] = XMM()
			VMULPS(Mem{Base: lines[c]}, scale[c], v[c])
			VADDPS(shift[c], v[c], v[c])
		}
		rg01, rg23, bb01, bb23 := XMM(), XMM(), XMM(), XMM()
		VUNPCKLPS(v[1], v[0], rg01)
		VUNPCKHPS(v[1], v[0], rg23)
		VUNPCKLPS(v[2], v[2], bb01)
		VUNPCKHPS(v[2], v[2], bb23)
		p := [4]VecVirtual{XMM(), XMM(), XMM(), XMM()}
		VMOVLHPS(bb01, rg01, p[0])
		VMOVHLPS(rg01, bb01, p[1])
		VMOVLHPS(bb23, rg23, p[2])
		VMOVHLPS(rg23, bb23, p[3])
		// Each of the first three stores writes one float too many, which the next one overwrites.
		for i := range 3 {
			VMOVUPS(p[i], Mem{Base: dst, Disp: 12 * i})
		}
		VMOVLPS(p[3], Mem{Base: dst, Disp: 36})
		VEXTRACTPS(Imm(2), p[3], Mem{Base: dst, Disp: 44})
		ADDQ(Imm(48), dst)
	})
}
