package engine

import (
	"math/bits"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

// kernelRNG is [kernel.Philox]. The state is (key, low and high half of the counter); each counter value gives 16 bytes,
// and the next state counts on from there. So the bits depend on the state alone.
func kernelRNG(_ *plan.Node) kernelFunc {
	return func(b *Backend, in, out [][]byte) {
		state := as[uint64](in[0])
		key, low, high := state[0], state[1], state[2]
		data := out[1]
		const perChunk = 1 << 15 // bytes
		b.pool.For((len(data)+perChunk-1)/perChunk, func(chunk int) {
			l, carry := bits.Add64(low, uint64(chunk*perChunk/16), 0)
			kernel.Philox(data[chunk*perChunk:min((chunk+1)*perChunk, len(data))], key, l, high+carry)
		})
		blocks := (len(data) + 15) / 16
		l, carry := bits.Add64(low, uint64(blocks), 0)
		next := as[uint64](out[0])
		next[0], next[1], next[2] = key, l, high+carry
	}
}
