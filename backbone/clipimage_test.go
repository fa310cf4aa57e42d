package backbone_test

import (
	"strings"
	"testing"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
)

// ViT-B/32 has 87,456,000 weights without its projection: those of transformers' CLIPVisionModel(CLIPVisionConfig()), summed by p.numel()
// over model.parameters(). Multiply-adds are summed by hand over 49 patches of 3,072 numbers and 12 blocks on 50 tokens.
func TestCLIPVisionIsViTB32(t *testing.T) {
	b, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	encoder, err := backbone.New(backbone.CLIPVision, 1, 224)
	if err != nil {
		t.Fatal(err)
	}
	got, err := backbone.Measure(b, encoder, 224)
	const width = 768
	if want := (backbone.Size{Parameters: 87_456_000, MultiplyAdds: 12*50*(12*width*width+2*50*width) + 49*3072*width}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, c := range []struct {
		width             float64
		size, patch, grid int
	}{{1, 224, 32, 7}, {1, 32, 4, 8}, {1, 64, 8, 8}, {0.1, 96, 32, 3}} {
		encoder, err := backbone.New(backbone.CLIPVision, c.width, c.size)
		if err != nil {
			t.Fatal(err)
		}
		if v := encoder.(backbone.CLIPImage); v.Patch != c.patch || v.Grid != c.grid || v.Width != 64*v.Heads || v.Validate() != nil {
			t.Errorf("%+v for %+v", v, c)
		}
	}
}

// Settings of an encoder's own are used if they are right, for the encoder that they are of.
func TestEncodersMayHaveSettingsOfTheirOwn(t *testing.T) {
	good := backbone.CLIPImage{Layers: 1, Width: 16, Heads: 2, Feedforward: 24, Patch: 4, Grid: 2, Epsilon: 1e-5}
	if got, err := backbone.Settled(backbone.CLIPVision, 1, 32, &good); err != nil || got != good {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := backbone.Settled("smallcnn", 0.5, 32, nil); err != nil || got != (backbone.SmallCNN{Width: 16}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, c := range []struct {
		name   string
		width  float64
		change func(*backbone.CLIPImage)
		want   string
	}{
		{"vit_tiny", 1, func(*backbone.CLIPImage) {}, "settings of clip_vit, and the backbone is vit_tiny"},
		{backbone.CLIPVision, 0.5, func(*backbone.CLIPImage) {}, "width is 0.5: it must be 1"},
		{backbone.CLIPVision, 1, func(v *backbone.CLIPImage) { v.Layers = 0 }, "clip_vit: layers is 0"},
		{backbone.CLIPVision, 1, func(v *backbone.CLIPImage) { v.Heads = 3 }, "multiple of the 3 heads"},
		{backbone.CLIPVision, 1, func(v *backbone.CLIPImage) { v.Grid = 1 << 20 }, "grid is 1048576"},
		{backbone.CLIPVision, 1, func(v *backbone.CLIPImage) { v.Epsilon = 0 }, "epsilon is 0"},
	} {
		v := good
		c.change(&v)
		if _, err := backbone.Settled(c.name, c.width, 32, &v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}
