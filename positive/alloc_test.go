//go:build !race

package positive

import (
	"testing"

	"github.com/alike-ml/alike/internal/rng"
)

// The race detector makes sync.Pool forget at random, so this runs without it only.
func TestViewAllocatesNothing(t *testing.T) {
	p := mustPipeline(t, BYOL(64)[1])
	src, dst, r := photo(90, 70), make([]float32, p.Len()), rng.New(1, 0, 0, 0)
	p.View(dst, src, r)
	if n := testing.AllocsPerRun(200, func() { p.View(dst, src, r) }); n != 0 {
		t.Errorf("a view allocates %g times", n)
	}
	if n := testing.AllocsPerRun(200, func() { p.Center(dst, src) }); n != 0 {
		t.Errorf("an evaluation view allocates %g times", n)
	}
}
