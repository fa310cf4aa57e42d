package kernel

import "testing"

// BenchmarkFMARate measures what the machine's units of fused multiply-add give when nothing else is in their way: the
// floor that the figures of the other benchmarks are measured against.
func BenchmarkFMARate(b *testing.B) {
	for _, c := range []struct {
		level Level
		run   func(n int)
		flops float64
	}{{AVX512, fmaRateAVX512, 28 * 16 * 2}, {AVX2, fmaRateAVX2, 12 * 8 * 2}} {
		if detected < c.level {
			continue
		}
		b.Run(c.level.String(), func(b *testing.B) {
			const n, chunks = 20000, 16
			for b.Loop() {
				benchPool.For(chunks, func(int) { c.run(n) })
			}
			reportRate(b, c.flops*n*chunks)
		})
	}
}
