package train

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
)

// flopsOf counts the operations of what build makes of an input of the given dimensions.
func flopsOf(t *testing.T, build func(*model.Scope, *graph.Node) *graph.Node, dims ...int) (total float64) {
	t.Helper()
	backend, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	exec, err := model.NewExec(backend, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		out := build(scope, x)
		total = flops(x.Graph())
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	if _, err := exec.Compile(shapes.Make(dtypes.Float32, dims...)); err != nil {
		t.Fatal(err)
	}
	return total
}

// Multiply-adds of the convolutions, summed by hand over table 1 of He et al. 2016; torchvision gives 1.81 G for ResNet-18
// and 4.09 G for ResNet-50 with their last layer. Each is two operations.
func TestFLOPsAreThePublishedOnes(t *testing.T) {
	for _, c := range []struct {
		name string
		size int
		want float64
	}{
		{"resnet18", 224, 1_813_561_344},
		{"resnet18", 32, 555_417_600}, // with the CIFAR stem
		{"resnet50", 224, 4_087_136_256},
	} {
		encoder, err := backbone.New(c.name, 1, c.size)
		if err != nil {
			t.Fatal(err)
		}
		const batch = 2
		if got, want := flopsOf(t, encoder.Features, batch, c.size, c.size, 3), 2*batch*c.want; got != want {
			t.Errorf("%s at %d px: %.0f operations, want %.0f", c.name, c.size, got, want)
		}
	}
}

// m x k times k x n takes m n k multiply-adds, for each of a batch.
func TestFLOPsOfMatrixProducts(t *testing.T) {
	for _, c := range []struct {
		equation string
		dims     []int
		want     float64
	}{
		{"ik,jk->ij", []int{5, 7}, 2 * 5 * 5 * 7},
		{"bik,bjk->bij", []int{3, 5, 7}, 2 * 3 * 5 * 5 * 7},
	} {
		got := flopsOf(t, func(_ *model.Scope, x *graph.Node) *graph.Node { return graph.Einsum(c.equation, x, x) }, c.dims...)
		if math.Abs(got-c.want) > 1e-9*c.want {
			t.Errorf("%s of %v: %g operations, want %g", c.equation, c.dims, got, c.want)
		}
	}
}
