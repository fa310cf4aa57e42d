package engine

import (
	"math/bits"

	"github.com/alike-ml/alike/engine/plan"
)

// kernelRNG is the counter-based generator Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3",
// https://doi.org/10.1145/2063384.2063405). The state is (key, low and high half of the counter); each counter value gives 16 bytes,
// and the next state counts on from there. So the bits depend on the state alone.
func kernelRNG(_ *plan.Node) kernelFunc {
	return func(b *Backend, in, out [][]byte) {
		state := as[uint64](in[0])
		key, low, high := state[0], state[1], state[2]
		data := out[1]
		blocks := (len(data) + 15) / 16
		const perChunk = 2048
		b.pool.For((blocks+perChunk-1)/perChunk, func(chunk int) {
			for i := chunk * perChunk; i < min((chunk+1)*perChunk, blocks); i++ {
				l, carry := bits.Add64(low, uint64(i), 0)
				words := philox(key, l, high+carry)
				copy(data[i*16:], bytesOf(words[:]))
			}
		})
		l, carry := bits.Add64(low, uint64(blocks), 0)
		next := as[uint64](out[0])
		next[0], next[1], next[2] = key, l, high+carry
	}
}

// philox returns the four words of one counter value, with the constants of the paper.
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
