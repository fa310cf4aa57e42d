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

	"github.com/alike-ml/alike/backbone"
)

// build traces the encoder for images of the given size and returns its variables and the shape of its output.
func build(t *testing.T, name string, width float64, size int) (*model.Store, shapes.Shape) {
	t.Helper()
	b, err := compute.NewWithConfig("go")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	encoder, err := backbone.New(name, width)
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

// torchvision's models without their classifier (model.fc), counted by summing p.numel() over model.parameters().
func TestParameterCountsAreThePublishedOnes(t *testing.T) {
	for _, c := range []struct {
		name  string
		width float64
		size  int
		want  int
	}{
		{"resnet18", 1, 224, 11_176_512},
		{"resnet34", 1, 224, 21_284_672},
		{"resnet50", 1, 224, 23_508_032},
		{"resnet18", 1, 32, 11_176_512 - 49*3*64 + 9*3*64},
	} {
		store, _ := build(t, c.name, c.width, c.size)
		got := 0
		for v := range store.IterVariables() {
			if v.Trainable {
				got += v.Shape().Size()
			}
		}
		if got != c.want {
			t.Errorf("%s at %d px has %d parameters, want %d", c.name, c.size, got, c.want)
		}
	}
}

func TestEveryEncoderTakesItsSmallestPicture(t *testing.T) {
	for _, name := range backbone.Names() {
		encoder, err := backbone.New(name, 0.125)
		if err != nil {
			t.Fatal(err)
		}
		if _, out := build(t, name, 0.125, encoder.MinImageSize()); out.Dim(0) != 2 {
			t.Errorf("%s: output %s for two pictures", name, out)
		}
	}
}

func TestNewNamesWhatItDoesNotKnow(t *testing.T) {
	if _, err := backbone.New("resnet81", 1); err == nil || !strings.Contains(err.Error(), `did you mean "resnet18"?`) {
		t.Errorf("error %v suggests nothing", err)
	}
	for _, width := range []float64{0, -1, 100} {
		if _, err := backbone.New("resnet18", width); err == nil {
			t.Errorf("width %g was accepted", width)
		}
	}
}
