package engine_test

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// The momentum of an optimizer: a donated input and an intermediate value can both make room for the same result. Only one
// of them may, or the intermediate value is written over the input before that is read.
func TestAResultTakesOneMemoryOnly(t *testing.T) {
	const n = 4
	b := newBackend(t, "")
	builder := b.Builder("momentum")
	f := builder.Main()
	old := must(f.Parameter("old", shapes.Make(dtypes.Float32, n), nil))
	x := must(f.Parameter("x", shapes.Make(dtypes.Float32, n), nil))
	gradient := must(f.CumSum(x, 0, compute.CumSumOptions{})) // which no loop computes
	sum := must(f.Add(must(f.Mul(old, must(f.Constant([]float32{0.5})))), gradient))
	if err := f.Return([]compute.Value{sum}, nil); err != nil {
		t.Fatal(err)
	}
	exec, err := builder.Compile()
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	outputs, err := exec.Execute([]compute.Buffer{
		must(b.BufferFromFlatData(0, []float32{10, 20, 30, 40}, shapes.Make(dtypes.Float32, n))),
		must(b.BufferFromFlatData(0, []float32{1, 1, 1, 1}, shapes.Make(dtypes.Float32, n))),
	}, []bool{true, false}, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, n)
	if err := outputs[0].ToFlatData(got); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{6, 12, 18, 24} {
		if got[i] != want {
			t.Errorf("sum[%d] = %g, want %g", i, got[i], want)
		}
	}
}
