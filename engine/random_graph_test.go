package engine_test

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"pgregory.net/rapid"
)

// TestRandomGraphs puts the planner to the test: whatever it folds, fuses, reorders and lets share memory, results are those of the
// reference, and those of a second execution are the same.
func TestRandomGraphs(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 70).Draw(t, "rows"), rapid.IntRange(1, 70).Draw(t, "cols")
		g := randomGraph{rows: rows, cols: cols, steps: rapid.SliceOfN(rapid.Custom(drawStep), 1, 40).Draw(t, "steps"),
			results: rapid.SliceOfN(rapid.IntRange(0, 1<<20), 1, 4).Draw(t, "results")}
		inputs := []input{drawInput(t, []int{rows, cols}), drawInput(t, []int{rows, cols}), drawInput(t, []int{1, cols})}
		want, err := run(ref, dtypes.Float64, inputs, g.build)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, err := run(engine, dtypes.Float64, inputs, g.build)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, "random graph", got, want, 1e-9)
		}
	})
}

// randomGraph is a list of operations on the values so far, all of one shape, with results among them.
type randomGraph struct {
	rows, cols int
	steps      []randomStep
	results    []int
}

// randomStep is an operation and the places of its operands.
type randomStep struct{ op, x, y int }

func drawStep(t *rapid.T) randomStep {
	return randomStep{rapid.IntRange(0, 13).Draw(t, "op"), rapid.IntRange(0, 1<<20).Draw(t, "x"), rapid.IntRange(0, 1<<20).Draw(t, "y")}
}

func (g randomGraph) build(f compute.Function, in []compute.Value) ([]compute.Value, error) {
	full := shapes.Make(dtypes.Float64, g.rows, g.cols)
	values := []compute.Value{in[0], in[1], must(f.BroadcastInDim(in[2], full, []int{0, 1}))}
	for _, s := range g.steps {
		x, y := values[s.x%len(values)], values[s.y%len(values)]
		values = append(values, must(f.Tanh(must(g.apply(f, s.op, x, y, full)))))
	}
	// The first result reads every input: the reference cannot have inputs without use.
	results := []compute.Value{must(f.Add(values[0], must(f.Add(values[1], values[2]))))}
	for _, r := range g.results {
		results = append(results, values[r%len(values)])
	}
	return results, nil
}

func (g randomGraph) apply(f compute.Function, op int, x, y compute.Value, full shapes.Shape) (compute.Value, error) {
	switch op {
	case 0:
		return f.Add(x, y)
	case 1:
		return f.Sub(x, must(f.Constant([]float64{0})))
	case 2:
		return f.Mul(x, y)
	case 3:
		return f.Where(must(f.LessThan(x, y)), x, must(f.Neg(y)))
	case 4: // the mean of every row
		return f.BroadcastInDim(must(f.Div(must(f.ReduceSum(x, 1)), must(f.Constant([]float64{float64(g.cols)})))), full, []int{0})
	case 5: // the mean of every column
		return f.BroadcastInDim(must(f.Div(must(f.ReduceSum(x, 0)), must(f.Constant([]float64{float64(g.rows)})))), full, []int{1})
	case 6:
		return f.Sub(x, must(f.ReduceMax(y)))
	case 7: // there and back
		return f.Transpose(must(f.Exp(must(f.Transpose(x, 1, 0)))), 1, 0)
	case 8:
		return f.Reshape(must(f.Max(must(f.Reshape(x, g.rows*g.cols)), must(f.Reshape(y, g.rows*g.cols)))), g.rows, g.cols)
	case 9: // read the same rows in another order
		return f.Add(x, must(f.Reverse(y, 0)))
	case 10: // sums that fusion must go around
		return f.Add(must(f.CumSum(must(f.Tanh(x)), 0, compute.CumSumOptions{})), y)
	case 11: // the gradient of a maximum
		return f.Mul(y, must(f.Sign(must(f.Add(must(f.Sign(must(f.Sub(x, y)))), must(f.Constant([]float64{1})))))))
	case 12: // values other than the elements': indices
		return f.Add(x, must(f.ConvertDType(must(f.Iota(shapes.Make(dtypes.Int32, g.rows, g.cols), 1)), dtypes.Float64)))
	}
	barrier := must(f.OptimizationBarrier(x, y))
	return f.Add(barrier[0], barrier[1])
}
