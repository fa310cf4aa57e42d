package kernel

import "encoding/binary"

// The functions of this file make masks, join them, and choose and convert elements. A mask has a byte for each element: 1 where
// something holds, 0 elsewhere. dst or mask and the operands have one length; dst may be an operand of elements of the same size. All
// give the same bits at every level.

// sixteens is how many of n elements the vector functions take; plain Go does the rest.
func sixteens(n int) int { return n &^ 15 }

// maskOf is 1 if something holds.
func maskOf(holds bool) uint8 {
	if holds {
		return 1
	}
	return 0
}

// Equal finds where a = b. NaN equals nothing.
func Equal(mask []uint8, a, b []float32) {
	a, b = a[:len(mask)], b[:len(mask)]
	if n := sixteens(len(mask)); n > 0 && equalSIMD(&mask[0], &a[0], &b[0], n) {
		mask, a, b = mask[n:], a[n:], b[n:]
	}
	for i := range mask {
		mask[i] = maskOf(a[i] == b[i])
	}
}

// NotEqual finds where a != b, as NaN is to everything.
func NotEqual(mask []uint8, a, b []float32) {
	a, b = a[:len(mask)], b[:len(mask)]
	if n := sixteens(len(mask)); n > 0 && notEqualSIMD(&mask[0], &a[0], &b[0], n) {
		mask, a, b = mask[n:], a[n:], b[n:]
	}
	for i := range mask {
		mask[i] = maskOf(a[i] != b[i])
	}
}

// Less finds where a < b.
func Less(mask []uint8, a, b []float32) {
	a, b = a[:len(mask)], b[:len(mask)]
	if n := sixteens(len(mask)); n > 0 && lessSIMD(&mask[0], &a[0], &b[0], n) {
		mask, a, b = mask[n:], a[n:], b[n:]
	}
	for i := range mask {
		mask[i] = maskOf(a[i] < b[i])
	}
}

// LessOrEqual finds where a <= b.
func LessOrEqual(mask []uint8, a, b []float32) {
	a, b = a[:len(mask)], b[:len(mask)]
	if n := sixteens(len(mask)); n > 0 && lessOrEqualSIMD(&mask[0], &a[0], &b[0], n) {
		mask, a, b = mask[n:], a[n:], b[n:]
	}
	for i := range mask {
		mask[i] = maskOf(a[i] <= b[i])
	}
}

// IsFinite finds where x is neither infinite nor NaN.
func IsFinite(mask []uint8, x []float32) {
	x = x[:len(mask)]
	if n := sixteens(len(mask)); n > 0 && isFiniteSIMD(&mask[0], &x[0], n) {
		mask, x = mask[n:], x[n:]
	}
	for i, v := range x {
		mask[i] = maskOf(v-v == 0)
	}
}

// EqualInt32 finds where a = b.
func EqualInt32(mask []uint8, a, b []int32) {
	a, b = a[:len(mask)], b[:len(mask)]
	if n := sixteens(len(mask)); n > 0 && equalInt32SIMD(&mask[0], &a[0], &b[0], n) {
		mask, a, b = mask[n:], a[n:], b[n:]
	}
	for i := range mask {
		mask[i] = maskOf(a[i] == b[i])
	}
}

// NotEqualInt32 finds where a != b.
func NotEqualInt32(mask []uint8, a, b []int32) {
	EqualInt32(mask, a, b)
	Not(mask, mask)
}

// LessInt32 finds where a < b.
func LessInt32(mask []uint8, a, b []int32) {
	a, b = a[:len(mask)], b[:len(mask)]
	if n := sixteens(len(mask)); n > 0 && lessInt32SIMD(&mask[0], &a[0], &b[0], n) {
		mask, a, b = mask[n:], a[n:], b[n:]
	}
	for i := range mask {
		mask[i] = maskOf(a[i] < b[i])
	}
}

// LessOrEqualInt32 finds where a <= b.
func LessOrEqualInt32(mask []uint8, a, b []int32) {
	LessInt32(mask, b, a)
	Not(mask, mask)
}

// Where takes elements of yes where the mask holds, and of no elsewhere, as they lie in memory.
func Where(dst []uint32, mask []uint8, yes, no []uint32) {
	mask, yes, no = mask[:len(dst)], yes[:len(dst)], no[:len(dst)]
	if n := sixteens(len(dst)); n > 0 && whereSIMD(&dst[0], &mask[0], &yes[0], &no[0], n) {
		dst, mask, yes, no = dst[n:], mask[n:], yes[n:], no[n:]
	}
	for i := range dst {
		v := no[i]
		if mask[i] != 0 {
			v = yes[i]
		}
		dst[i] = v
	}
}

// Keep computes x * scale where the mask holds, and takes 0 elsewhere.
func Keep(dst, x []float32, mask []uint8, scale float32) {
	x, mask = x[:len(dst)], mask[:len(dst)]
	if n := sixteens(len(dst)); n > 0 && keepSIMD(&dst[0], &x[0], &mask[0], &scale, n) {
		dst, x, mask = dst[n:], x[n:], mask[n:]
	}
	for i, v := range x {
		v *= scale
		if mask[i] == 0 {
			v = 0
		}
		dst[i] = v
	}
}

// FromUint8 converts to float32, of which every one is a value.
func FromUint8(dst []float32, x []uint8) {
	x = x[:len(dst)]
	if n := sixteens(len(dst)); n > 0 && fromUint8SIMD(&dst[0], &x[0], n) {
		dst, x = dst[n:], x[n:]
	}
	for i, v := range x {
		dst[i] = float32(v)
	}
}

// FromInt32 converts to the nearest float32, to even on a tie.
func FromInt32(dst []float32, x []int32) {
	x = x[:len(dst)]
	if n := sixteens(len(dst)); n > 0 && fromInt32SIMD(&dst[0], &x[0], n) {
		dst, x = dst[n:], x[n:]
	}
	for i, v := range x {
		dst[i] = float32(v)
	}
}

// FromUint32 converts to the nearest float32, to even on a tie.
func FromUint32(dst []float32, x []uint32) {
	x = x[:len(dst)]
	if n := sixteens(len(dst)); n > 0 && fromUint32SIMD(&dst[0], &x[0], n) {
		dst, x = dst[n:], x[n:]
	}
	for i, v := range x {
		dst[i] = float32(v)
	}
}

// trues is a word of eight masks that all hold.
const trues = 0x0101010101010101

// joined applies f to masks, eight at a time.
func joined(dst, a, b []uint8, f func(a, b uint64) uint64) {
	a, b = a[:len(dst)], b[:len(dst)]
	n := len(dst) &^ 7
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], f(binary.LittleEndian.Uint64(a[i:]), binary.LittleEndian.Uint64(b[i:])))
	}
	for i := n; i < len(dst); i++ {
		dst[i] = uint8(f(uint64(a[i]), uint64(b[i])))
	}
}

// And holds where a and b do.
func And(dst, a, b []uint8) { joined(dst, a, b, func(a, b uint64) uint64 { return a & b }) }

// Or holds where a or b does.
func Or(dst, a, b []uint8) { joined(dst, a, b, func(a, b uint64) uint64 { return a | b }) }

// Xor holds where one of a and b does.
func Xor(dst, a, b []uint8) { joined(dst, a, b, func(a, b uint64) uint64 { return a ^ b }) }

// Not holds where x does not.
func Not(dst, x []uint8) { joined(dst, x, x, func(x, _ uint64) uint64 { return x ^ trues }) }
