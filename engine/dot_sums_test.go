package engine_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/engine"
)

// addition is a product and what is added to it.
type addition struct {
	batch, rows, cols, k   int
	bias, residual, plus   bool // plus: a second tensor of the result's size
	tanh, before, returned bool // an activation; the value before it is a result too; the product itself is one
	lhsAxis, rhsAxis       int
}

func (a addition) build(dtype dtypes.DType) buildFunc {
	return func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		product := must(f.DotGeneral(in[0], []int{1 + a.lhsAxis}, []int{0}, in[1], []int{1 + a.rhsAxis}, []int{0}, compute.DotGeneralConfig{}))
		x := product
		if a.bias {
			x = must(f.Add(x, must(f.BroadcastInDim(in[2], shapes.Make(dtype, a.batch, a.rows, a.cols), []int{2}))))
		}
		if a.residual {
			x = must(f.Add(in[3], x))
		}
		if a.plus {
			x = must(f.Add(x, in[4]))
		}
		var results []compute.Value
		y := x
		if a.tanh {
			y = must(f.Tanh(x))
		}
		if a.before {
			results = append(results, must(f.Reshape(x, a.batch*a.rows, a.cols)))
		}
		results = append(results, y, must(f.ReduceSum(y, 0, 1)))
		if a.returned {
			results = append(results, product)
		}
		return results, nil
	}
}

// TestProductsAddBiasAndResidual holds products with what is added to them to float64, for all workers, and the plan to what it
// should be: a product with a bias and a residual is one operation, unless it is returned itself.
func TestProductsAddBiasAndResidual(t *testing.T) {
	ref := reference(t)
	backends := []compute.Backend{newBackend(t, "workers=1"), newBackend(t, "workers=2"), newBackend(t, "workers=3"), newBackend(t, "workers=8")}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(2, 40), rapid.IntRange(2, 40), rapid.IntRange(1, 300))
		flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
		a := addition{batch: rapid.IntRange(1, 3).Draw(t, "batch"), rows: size.Draw(t, "rows"), cols: size.Draw(t, "cols"), k: rapid.IntRange(1, 40).Draw(t, "k"),
			bias: flag("bias"), residual: flag("residual"), plus: flag("plus"), tanh: flag("tanh"), before: flag("before"), returned: flag("returned"),
			lhsAxis: rapid.IntRange(0, 1).Draw(t, "lhs axis"), rhsAxis: rapid.IntRange(0, 1).Draw(t, "rhs axis")}
		if a.rows*a.cols < 2000 && flag("long") {
			a.k = 3000
		}
		lhs, rhs := []int{a.batch, a.rows, a.k}, []int{a.batch, a.k, a.cols}
		if a.lhsAxis == 0 {
			lhs[1], lhs[2] = lhs[2], lhs[1]
		}
		if a.rhsAxis == 1 {
			rhs[1], rhs[2] = rhs[2], rhs[1]
		}
		full := []int{a.batch, a.rows, a.cols}
		var inputs []input
		for _, dims := range [][]int{lhs, rhs, {a.cols}, full, full} {
			x := drawInput(t, dims)
			for i := range x.values {
				x.values[i] /= 8
			}
			inputs = append(inputs, x)
		}
		want, err := run(ref, dtypes.Float64, inputs, a.build(dtypes.Float64))
		if err != nil {
			t.Fatal(err)
		}
		var first [][]float64
		for _, b := range backends {
			var trace bytes.Buffer
			b.(*engine.Backend).Trace(&trace)
			got, err := run(b, dtypes.Float32, inputs, a.build(dtypes.Float32))
			b.(*engine.Backend).Trace(nil)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = got
				agree(t, "a product and what is added", got, want, 2e-4)
			}
			for i := range got {
				if !slices.Equal(got[i], first[i]) {
					t.Fatalf("%s: result %d has other bits", b.Description(), i)
				}
			}
			steps := strings.ReplaceAll(trace.String(), " reduce Add ", " ")
			if a.batch*a.rows > 1 && a.cols > 1 && !a.returned && !(a.residual && a.plus) && strings.Contains(steps, " Add ") {
				t.Fatalf("additions are left in the plan:\n%s", trace.String())
			}
		}
	})
}
