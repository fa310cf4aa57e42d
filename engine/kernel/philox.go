package kernel

import (
	"math/bits"
	"unsafe"
)

// Philox fills dst with the counter-based generator Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3",
// https://doi.org/10.1145/2063384.2063405): 16 bytes for each of the counters from that with the given halves on. The last may be cut.
func Philox(dst []byte, key, low, high uint64) {
	n := sixteens(len(dst) / 16)
	if _, carry := bits.Add64(low, uint64(n), 0); n > 0 && carry == 0 && philoxSIMD(&dst[0], key, low, high, n) {
		dst, low = dst[16*n:], low+uint64(n)
	}
	for len(dst) > 0 {
		words := philox(key, low, high)
		dst = dst[copy(dst, unsafe.Slice((*byte)(unsafe.Pointer(&words)), 16)):]
		var carry uint64
		low, carry = bits.Add64(low, 1, 0)
		high += carry
	}
}

// philox returns the four words of one counter, with the constants of the paper.
func philox(key, low, high uint64) [4]uint32 {
	c := [4]uint32{uint32(low), uint32(low >> 32), uint32(high), uint32(high >> 32)}
	k0, k1 := uint32(key), uint32(key>>32)
	for range 10 {
		hi0, lo0 := bits.Mul32(0xD2511F53, c[0])
		hi1, lo1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k0, lo1, hi0 ^ c[3] ^ k1, lo0}
		k0 += 0x9E3779B9
		k1 += 0xBB67AE85
	}
	return c
}
