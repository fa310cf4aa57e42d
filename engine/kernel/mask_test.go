package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// guardedMask calls f with a mask of n elements and fails if it writes beyond them.
func guardedMask(t *rapid.T, n int, f func(mask []uint8)) []uint8 {
	const margin = 40
	all := slices.Repeat([]uint8{123}, n+2*margin)
	f(all[margin : margin+n : margin+n])
	for i, v := range all {
		if (i < margin || i >= margin+n) && v != 123 {
			t.Fatalf("wrote outside of the mask, at %d of %d", i-margin, n)
		}
	}
	return all[margin : margin+n]
}

// drawMask draws a mask of n elements.
func drawMask(r *rand.Rand, n int) []uint8 {
	mask := make([]uint8, n)
	for i := range mask {
		mask[i] = uint8(r.IntN(2))
	}
	return mask
}

// drawInts draws n integers of all sizes, some of them those of others.
func drawInts(r *rand.Rand, n int, others []int32) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(r.Uint32() >> r.IntN(32))
		if others != nil && r.IntN(2) == 0 {
			x[i] = others[i]
		}
	}
	return x
}

// Masks hold where Go's operators do, at every level.
func TestMasks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawLength(t)
		a, b := drawValues(t, n), drawValues(t, n)
		r := source(t)
		for i := range b {
			if r.IntN(3) == 0 {
				b[i] = a[i]
			}
		}
		p := drawInts(r, n, nil)
		q := drawInts(r, n, p)
		m, o := drawMask(r, n), drawMask(r, n)
		for _, f := range []struct {
			name string
			run  func(mask []uint8)
			want func(i int) bool
		}{
			{"Equal", func(d []uint8) { Equal(d, a, b) }, func(i int) bool { return a[i] == b[i] }},
			{"NotEqual", func(d []uint8) { NotEqual(d, a, b) }, func(i int) bool { return a[i] != b[i] }},
			{"Less", func(d []uint8) { Less(d, a, b) }, func(i int) bool { return a[i] < b[i] }},
			{"LessOrEqual", func(d []uint8) { LessOrEqual(d, a, b) }, func(i int) bool { return a[i] <= b[i] }},
			{"IsFinite", func(d []uint8) { IsFinite(d, a) }, func(i int) bool { return a[i]-a[i] == 0 }},
			{"EqualInt32", func(d []uint8) { EqualInt32(d, p, q) }, func(i int) bool { return p[i] == q[i] }},
			{"NotEqualInt32", func(d []uint8) { NotEqualInt32(d, p, q) }, func(i int) bool { return p[i] != q[i] }},
			{"LessInt32", func(d []uint8) { LessInt32(d, p, q) }, func(i int) bool { return p[i] < q[i] }},
			{"LessOrEqualInt32", func(d []uint8) { LessOrEqualInt32(d, p, q) }, func(i int) bool { return p[i] <= q[i] }},
			{"And", func(d []uint8) { And(d, m, o) }, func(i int) bool { return m[i] == 1 && o[i] == 1 }},
			{"Or", func(d []uint8) { Or(d, m, o) }, func(i int) bool { return m[i] == 1 || o[i] == 1 }},
			{"Xor", func(d []uint8) { Xor(d, m, o) }, func(i int) bool { return m[i] != o[i] }},
			{"Not", func(d []uint8) { Not(d, m) }, func(i int) bool { return m[i] == 0 }},
		} {
			for _, l := range levels() {
				atLevel(l, func() {
					for i, v := range guardedMask(t, n, f.run) {
						if v != maskOf(f.want(i)) {
							t.Fatalf("%v %s: element %d of %d is %d, of %g, %g or %d, %d", l, f.name, i, n, v, a[i], b[i], p[i], q[i])
						}
					}
				})
			}
		}
	})
}

// wordsOf is x as it lies in memory.
func wordsOf(x []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// What is chosen by a mask or converted has the bits that plain Go gives, at every level.
func TestWhereAndConversions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawLength(t)
		yes, no := drawValues(t, n), drawValues(t, n)
		r := source(t)
		mask, bytes, ints, words := drawMask(r, n), make([]uint8, n), drawInts(r, n, nil), make([]uint32, n)
		for i := range words {
			bytes[i], words[i] = uint8(r.Uint32()), r.Uint32()>>r.IntN(32)
			if r.IntN(4) == 0 {
				words[i], ints[i] = words[i]|0x80, -ints[i] // ties of rounding come up, and negative numbers
			}
		}
		for _, f := range []struct {
			name string
			run  func(dst []float32)
			want func(i int) float32
		}{
			{"Where", func(d []float32) { Where(wordsOf(d), mask, wordsOf(yes), wordsOf(no)) }, func(i int) float32 {
				if mask[i] == 1 {
					return yes[i]
				}
				return no[i]
			}},
			{"Keep", func(d []float32) { Keep(d, yes, mask, 1.25) }, func(i int) float32 {
				if mask[i] == 1 {
					return yes[i] * 1.25
				}
				return 0
			}},
			{"FromUint8", func(d []float32) { FromUint8(d, bytes) }, func(i int) float32 { return float32(bytes[i]) }},
			{"FromInt32", func(d []float32) { FromInt32(d, ints) }, func(i int) float32 { return float32(ints[i]) }},
			{"FromUint32", func(d []float32) { FromUint32(d, words) }, func(i int) float32 { return float32(words[i]) }},
		} {
			for _, l := range levels() {
				atLevel(l, func() {
					for i, v := range guarded(t, n, f.run) {
						if want := f.want(i); !sameBits([]float32{v}, []float32{want}) {
							t.Fatalf("%v %s: element %d of %d is %g, want %g", l, f.name, i, n, v, want)
						}
					}
				})
			}
		}
	})
}
