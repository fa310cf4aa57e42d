package method_test

import (
	"math"
	"strings"
	"testing"

	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/method"
)

// Chen et al. 2020: section 2.2 and appendix A for ImageNet, appendix B.9 for CIFAR-10.
func TestSimCLRDefaultsArePublished(t *testing.T) {
	for _, c := range []struct {
		size               int
		temperature        float64
		brightness, hue    float64
		blur               float64
		scaleLow, scaleTop float64
	}{
		{32, 0.5, 0.4, 0.1, 0, 0.08, 1},
		{64, 0.5, 0.4, 0.1, 0, 0.08, 1},
		{65, 0.1, 0.8, 0.2, 0.5, 0.08, 1},
		{224, 0.1, 0.8, 0.2, 0.5, 0.08, 1},
	} {
		m := method.DefaultSimCLR(c.size)
		if err := m.Validate(); err != nil {
			t.Errorf("%d px: %v", c.size, err)
		}
		if m.Temperature != c.temperature || m.Similarity != loss.Cosine || m.Decoupled || m.Layers != 2 || m.Hidden != 0 || m.Out != 128 {
			t.Errorf("%d px: %+v", c.size, m)
		}
		views := m.Views()
		if len(views) != 2 || views[0] != views[1] {
			t.Fatalf("%d px: %d views, want two draws of one augmentation", c.size, len(views))
		}
		a := views[0]
		if a.Size != c.size || a.Jitter != 0.8 || a.Brightness != c.brightness || a.Contrast != c.brightness || a.Saturation != c.brightness || a.Hue != c.hue {
			t.Errorf("%d px: jitter of %+v", c.size, a)
		}
		if a.Flip != 0.5 || a.Grayscale != 0.2 || a.Blur != c.blur || a.Solarize != 0 || a.CropScale != [2]float64{c.scaleLow, c.scaleTop} {
			t.Errorf("%d px: %+v", c.size, a)
		}
		if c.blur > 0 && a.BlurSigma != [2]float64{0.1, 2} {
			t.Errorf("%d px: blur of sigma %v", c.size, a.BlurSigma)
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*method.SimCLR)
	}{
		{"temperature", func(m *method.SimCLR) { m.Temperature = 0 }},
		{"temperature", func(m *method.SimCLR) { m.Temperature = math.NaN() }},
		{"temperature", func(m *method.SimCLR) { m.Temperature = math.Inf(1) }},
		{"similarity", func(m *method.SimCLR) { m.Similarity = "cosinus" }},
		{"projector_layers", func(m *method.SimCLR) { m.Layers = 0 }},
		{"projector_layers", func(m *method.SimCLR) { m.Layers = 9 }},
		{"projector_hidden", func(m *method.SimCLR) { m.Hidden = -1 }},
		{"projector_out", func(m *method.SimCLR) { m.Out = 1 }},
		{"augment.flip", func(m *method.SimCLR) { m.Augment.Flip = 2 }},
	} {
		m := method.DefaultSimCLR(32)
		c.change(&m)
		if err := m.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.want+" ") {
			t.Errorf("error %v, want one about %s", err, c.want)
		}
	}
}

func TestFindSuggestsTheNearestName(t *testing.T) {
	for _, name := range method.Names() {
		info, err := method.Find(name)
		if err != nil || info.Name != name || info.Title == "" || info.Description == "" || info.Paper == "" {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	if _, err := method.Find("simclear"); err == nil || !strings.Contains(err.Error(), `did you mean "simclr"?`) {
		t.Errorf("error %v suggests nothing", err)
	}
	if _, err := method.Find("xyzzy"); err == nil || strings.Contains(err.Error(), "did you mean") || !strings.Contains(err.Error(), "simclr") {
		t.Errorf("error %v, want the list of methods and no suggestion", err)
	}
}
