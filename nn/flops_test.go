package nn_test

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/nn"
)

// counted builds a graph of an input x of the given dimensions on a device, without running it, and returns what count makes
// of it.
func counted(t *testing.T, name string, count func(*model.Scope, *graph.Node) float64, dims ...int) float64 {
	t.Helper()
	b, err := device.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	store := model.NewStore()
	nn.LeaveUndrawn(store)
	g := graph.NewGraph(b, "counted")
	defer g.Finalize()
	return count(store.RootScope(), graph.Parameter(g, "x", shapes.Make(dtypes.Float32, dims...)))
}

// m x k times k x n takes m n k multiply-adds, for each of a batch, whichever axes are which.
func TestMultiplyAddsOfMatrixProducts(t *testing.T) {
	for _, c := range []struct {
		equation string
		dims     []int
		want     float64
	}{
		{"ik,jk->ij", []int{5, 7}, 5 * 5 * 7},
		{"bik,bjk->bij", []int{3, 5, 7}, 3 * 5 * 5 * 7},
		{"bihd,bjhd->bihj", []int{3, 5, 2, 7}, 3 * 2 * 5 * 5 * 7},
		{"abik,abjk->abij", []int{3, 2, 5, 7}, 3 * 2 * 5 * 5 * 7},
		{"iab,jab->ij", []int{5, 3, 7}, 5 * 5 * 3 * 7},
	} {
		got := counted(t, "go", func(_ *model.Scope, x *graph.Node) float64 {
			return nn.MultiplyAdds(graph.Einsum(c.equation, x, x))
		}, c.dims...)
		if got != c.want {
			t.Errorf("%s of %v: %g multiply-adds, want %g", c.equation, c.dims, got, c.want)
		}
	}
}

// Four matrices of width x width for each token, and two products of queries, keys and heads, be they one operation of the
// device or several.
func TestMultiplyAddsOfAttention(t *testing.T) {
	const batch, tokens, heads, width = 2, 5, 3, 12
	want := float64(batch * tokens * (4*width*width + 2*tokens*width))
	for _, name := range []string{"go", "cpu"} {
		got := counted(t, name, func(scope *model.Scope, x *graph.Node) float64 {
			return nn.MultiplyAdds(nn.Attention(scope, x, heads, nil))
		}, batch, tokens, width)
		if got != want {
			t.Errorf("%s: %g multiply-adds, want %g", name, got, want)
		}
	}
}

// Only what the outputs are made from counts, and each part of it once.
func TestMultiplyAddsOfWhatIsNeeded(t *testing.T) {
	got := counted(t, "go", func(_ *model.Scope, x *graph.Node) float64 {
		y := graph.MatMul(x, x)
		graph.MatMul(y, y) // leads nowhere
		return nn.MultiplyAdds(graph.Add(y, graph.Tanh(y)), y)
	}, 5, 5)
	if want := 5.0 * 5 * 5; got != want {
		t.Errorf("%g multiply-adds, want %g", got, want)
	}
}

// An online network's product counts for itself and its two gradients; a target network's, and what is only watched, for
// itself.
func TestStepMultiplyAddsOfATargetNetwork(t *testing.T) {
	got := counted(t, "go", func(_ *model.Scope, x *graph.Node) float64 {
		online, target := graph.MatMul(x, x), graph.StopGradient(graph.MatMul(graph.Neg(x), x))
		watched := graph.MatMul(online, online)
		return nn.StepMultiplyAdds(graph.ReduceAllSum(graph.Mul(online, target)), watched)
	}, 5, 5)
	if want := float64(3+1+1) * 5 * 5 * 5; got != want {
		t.Errorf("%g multiply-adds, want %g", got, want)
	}
}
