package engine_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/engine"
)

// TestNormsJoinReLU holds batch norms with ReLU, and with bfloat16 around them, to the same operations apart: they are not joined
// where the norm's result is returned.
func TestNormsJoinReLU(t *testing.T) {
	backend := newBackend(t, "workers=3")
	rapid.Check(t, func(t *rapid.T) {
		rows, c := rapid.IntRange(2, 40).Draw(t, "rows"), rapid.IntRange(1, 40).Draw(t, "c")
		dtype := rapid.SampledFrom([]dtypes.DType{dtypes.Float32, dtypes.BFloat16}).Draw(t, "dtype")
		inputs := []input{drawInput(t, []int{rows, c}), drawInput(t, []int{c}), drawInput(t, []int{c}), drawInput(t, []int{rows, c})}
		inputs[1].dtype, inputs[2].dtype = dtypes.Float32, dtypes.Float32
		build := func(apart bool) buildFunc {
			return func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
				wide := func(x compute.Value) compute.Value { return must(f.ConvertDType(x, dtypes.Float32)) }
				own := func(x compute.Value) compute.Value { return must(f.ConvertDType(x, dtype)) }
				y, mean, variance, err := f.BatchNormForTraining(wide(in[0]), in[1], in[2], 1e-3, 1)
				if err != nil {
					return nil, err
				}
				narrow := own(y)
				zero := must(f.Constant(toFlat([]float64{0}, dtype)))
				one := must(f.Constant(toFlat([]float64{1}, dtype)))
				relu := must(f.Max(narrow, zero))
				step := must(f.Sign(must(f.Add(must(f.Sign(narrow)), one))))
				dx, dscale, doffset, err := f.BatchNormGradient(wide(in[0]), in[1], mean, variance, wide(must(f.Mul(step, in[3]))), 1e-3, 1)
				if err != nil {
					return nil, err
				}
				results := []compute.Value{relu, mean, variance, own(dx), dscale, doffset}
				if apart {
					results = append(results, y)
				}
				return results, nil
			}
		}
		var trace bytes.Buffer
		backend.(*engine.Backend).Trace(&trace)
		got, err := run(backend, dtype, inputs, build(false))
		backend.(*engine.Backend).Trace(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"BatchNormReLU ", "BatchNormReLUGradient "} {
			if !strings.Contains(trace.String(), name) {
				t.Fatalf("no %sin the plan:\n%s", name, trace.String())
			}
		}
		want, err := run(backend, dtype, inputs, build(true))
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if !slices.Equal(got[i], want[i]) {
				t.Fatalf("result %d in %s is %v, apart %v", i, dtype, got[i], want[i])
			}
		}
	})
}
