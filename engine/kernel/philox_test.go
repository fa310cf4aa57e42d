package kernel

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// Every level gives the bytes of one counter after the other, also where the low half overflows, and writes nothing else.
func TestPhilox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1500).Draw(t, "bytes")
		r := source(t)
		key, low, high := r.Uint64(), r.Uint64(), r.Uint64()
		switch rapid.IntRange(0, 2).Draw(t, "overflow") {
		case 0:
			low = math.MaxUint64 - uint64(r.IntN(100))
		case 1:
			low |= math.MaxUint32 - uint64(r.IntN(100)) // out of the lowest word
		}
		var want []byte
		for l, h := low, high; len(want) < n; {
			words := philox(key, l, h)
			want = append(want, unsafe.Slice((*byte)(unsafe.Pointer(&words)), 16)...)
			if l++; l == 0 {
				h++
			}
		}
		for _, l := range levels() {
			atLevel(l, func() {
				got := slices.Repeat([]byte{77}, n+8)
				Philox(got[:n:n], key, low, high)
				if !bytes.Equal(got[:n], want[:n]) {
					t.Fatalf("%v: other bytes than those of one counter after the other", l)
				}
				if !bytes.Equal(got[n:], slices.Repeat([]byte{77}, 8)) {
					t.Fatalf("%v: wrote behind the end", l)
				}
			})
		}
	})
}

func BenchmarkPhilox(b *testing.B) {
	dst := make([]byte, 1<<15)
	b.SetBytes(int64(len(dst)))
	for b.Loop() {
		Philox(dst, 1, 2, 3)
	}
}
