package positive

import (
	"testing"

	"github.com/alike-ml/alike/internal/rng"
)

// Views of 32 pixels from pictures of 32 pixels, and of 224 from 350, both with SimCLR's settings for that size.
func BenchmarkView32(b *testing.B)  { benchmarkView(b, SimCLRSmall(32), 32) }
func BenchmarkView224(b *testing.B) { benchmarkView(b, SimCLR(224), 350) }

func BenchmarkCenter224(b *testing.B) {
	p := mustPipeline(b, SimCLR(224))
	src, dst := photo(350, 350), make([]float32, p.Len())
	b.ReportAllocs()
	for b.Loop() {
		p.Center(dst, src)
	}
}

func benchmarkView(b *testing.B, config ImageConfig, side int) {
	p := mustPipeline(b, config)
	src, dst := photo(side, side), make([]float32, p.Len())
	r := rng.New(1, 0, 0, 0)
	p.View(dst, src, r)
	b.ReportAllocs()
	for b.Loop() {
		p.View(dst, src, r)
	}
}
