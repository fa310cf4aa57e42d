package backbone_test

import (
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/backbone"
)

// build traces the encoder for imageSize on images of the given size and returns its variables and the shape of its output.
func build(t *testing.T, name string, width float64, imageSize, size int) (*model.Store, shapes.Shape) {
	t.Helper()
	b, err := compute.NewWithConfig("go")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	encoder, err := backbone.New(name, width, imageSize)
	if err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	var out shapes.Shape
	exec, err := model.NewExec(b, store, func(scope *model.Scope, images *graph.Node) *graph.Node {
		features := encoder.Features(scope, images)
		out = features.Shape()
		return features
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	if _, err := exec.Compile(shapes.Make(dtypes.Float32, 2, size, size, 3)); err != nil {
		t.Fatal(err)
	}
	if encoder.Dim() != out.Dim(-1) {
		t.Errorf("%s says its dimension is %d; its output is %s", name, encoder.Dim(), out)
	}
	return store, out
}

func TestEveryEncoderTakesItsSmallestPicture(t *testing.T) {
	for _, name := range backbone.Names() {
		encoder, err := backbone.New(name, 0.125, 32)
		if err != nil {
			t.Fatal(err)
		}
		if _, out := build(t, name, 0.125, 32, encoder.MinImageSize()); out.Dim(0) != 2 {
			t.Errorf("%s: output %s for two pictures", name, out)
		}
	}
}

// The first layer follows from the size that the encoder is for, whatever the size of a crop: multi-crop shares the weights.
func TestCropsOfEverySizeShareTheWeights(t *testing.T) {
	for _, name := range backbone.Names() {
		for _, c := range []struct{ imageSize, crop int }{{96, 41}, {64, 96}, {32, 18}} {
			whole, _ := build(t, name, 0.125, c.imageSize, c.imageSize)
			crop, out := build(t, name, 0.125, c.imageSize, c.crop)
			if got, want := variables(crop), variables(whole); !cmp.Equal(got, want) {
				t.Errorf("%s for %d px, variables on crops of %d px: %s", name, c.imageSize, c.crop, cmp.Diff(want, got))
			}
			if out.Rank() != 2 {
				t.Errorf("%s for %d px gives %s for crops of %d px", name, c.imageSize, out, c.crop)
			}
		}
	}
}

// variables lists the shapes of a store's variables by path.
func variables(store *model.Store) map[string]string {
	shapes := map[string]string{}
	for v := range store.IterVariables() {
		shapes[v.Path()] = v.Shape().String()
	}
	return shapes
}

func TestNewNamesWhatItDoesNotKnow(t *testing.T) {
	if _, err := backbone.New("resnet81", 1, 32); err == nil || !strings.Contains(err.Error(), `did you mean "resnet18"?`) {
		t.Errorf("error %v suggests nothing", err)
	}
	for _, width := range []float64{0, -1, 100} {
		if _, err := backbone.New("resnet18", width, 32); err == nil {
			t.Errorf("width %g was accepted", width)
		}
	}
}
