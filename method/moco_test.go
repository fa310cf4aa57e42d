package method_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
)

// He et al. 2020, sections 3.3 and 4, and Chen et al. 2020, table 1, with facebookresearch/moco main_moco.py, for large pictures;
// for small ones colab/moco_cifar10_demo.ipynb there, but for what makes a version: head and, in version 1, augmentation.
func TestMoCoDefaultsArePublished(t *testing.T) {
	type contrast struct {
		Temperature float64
		Queue       int
		Momentum    float64
		Symmetric   bool
		Groups, Out int
	}
	type views struct{ Crop, Jitter, Brightness, Contrast, Saturation, Hue, Grayscale, Flip, Blur, Solarize float64 }
	v1 := views{0.2, 1, 0.4, 0.4, 0.4, 0.4, 0.2, 0.5, 0, 0}
	v2 := views{0.2, 0.8, 0.4, 0.4, 0.4, 0.1, 0.2, 0.5, 0.5, 0}
	demo := views{0.08, 0.8, 0.4, 0.4, 0.4, 0.1, 0.2, 0.5, 0, 0}
	small := contrast{0.1, 4096, 0.99, false, 8, 128}
	for _, c := range []struct {
		size   int
		v1, v2 contrast
		views1 views
		views2 views
		centre float64
	}{
		{size: 32, v1: small, v2: small, views1: v1, views2: demo, centre: 1},
		{size: 64, v1: small, v2: small, views1: v1, views2: demo, centre: 1},
		{size: 65, v1: contrast{0.07, 65536, 0.999, false, 8, 128}, v2: contrast{0.2, 65536, 0.999, false, 8, 128}, views1: v1, views2: v2, centre: 0.875},
		{size: 224, v1: contrast{0.07, 65536, 0.999, false, 8, 128}, v2: contrast{0.2, 65536, 0.999, false, 8, 128}, views1: v1, views2: v2, centre: 0.875},
	} {
		first, second := method.DefaultMoCo(c.size), method.DefaultMoCoV2(c.size)
		if second.Hidden != 0 {
			t.Errorf("%d px: the hidden layer is %d wide, want the encoder's width", c.size, second.Hidden)
		}
		for _, x := range []struct {
			m     method.ImageMethod
			moco  method.MoCo
			want  contrast
			views views
		}{{first, first, c.v1, c.views1}, {second, second.MoCo, c.v2, c.views2}} {
			if err := x.m.Validate(); err != nil {
				t.Errorf("%s at %d px: %v", x.m.Name(), c.size, err)
			}
			if d := cmp.Diff(x.want, contrast{x.moco.Temperature, x.moco.Queue, x.moco.Momentum, x.moco.Symmetric, x.moco.Groups, x.moco.Out}); d != "" {
				t.Errorf("%s at %d px: %s", x.m.Name(), c.size, d)
			}
			drawn := x.m.Views()
			if len(drawn) != 2 || drawn[0] != drawn[1] {
				t.Fatalf("%s at %d px: %d views, want two draws of one augmentation", x.m.Name(), c.size, len(drawn))
			}
			a := drawn[0]
			if d := cmp.Diff(x.views, views{a.CropScale[0], a.Jitter, a.Brightness, a.Contrast, a.Saturation, a.Hue, a.Grayscale, a.Flip, a.Blur, a.Solarize}); d != "" {
				t.Errorf("%s at %d px: %s", x.m.Name(), c.size, d)
			}
			if a.Size != c.size || a.CropScale[1] != 1 || a.CenterCrop != c.centre || a.Interpolation != positive.Bilinear {
				t.Errorf("%s at %d px: %+v", x.m.Name(), c.size, a)
			}
		}
	}
}

func TestMoCoValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*method.MoCoV2)
	}{
		{"temperature", func(m *method.MoCoV2) { m.Temperature = 0 }},
		{"queue", func(m *method.MoCoV2) { m.Queue = 0 }},
		{"queue", func(m *method.MoCoV2) { m.Queue = 1<<20 + 1 }},
		{"momentum", func(m *method.MoCoV2) { m.Momentum = 1.01 }},
		{"momentum", func(m *method.MoCoV2) { m.Momentum = -0.1 }},
		{"momentum", func(m *method.MoCoV2) { m.Momentum = math.NaN() }},
		{"split_batch_norm", func(m *method.MoCoV2) { m.Groups = 0 }},
		{"projector_out", func(m *method.MoCoV2) { m.Out = 1 }},
		{"projector_out", func(m *method.MoCoV2) { m.Out = 1 << 17 }},
		{"augment.flip", func(m *method.MoCoV2) { m.Augment.Flip = 2 }},
		{"projector_hidden", func(m *method.MoCoV2) { m.Hidden = -1 }},
		{"projector_hidden", func(m *method.MoCoV2) { m.Hidden = 1 << 17 }},
	} {
		m := method.DefaultMoCoV2(32)
		c.change(&m)
		if err := m.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.want+" ") {
			t.Errorf("error %v, want one about %s", err, c.want)
		}
		if c.want == "projector_hidden" {
			continue
		}
		if err := m.MoCo.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.want+" ") {
			t.Errorf("version 1: error %v, want one about %s", err, c.want)
		}
	}
}

func TestMoCoNeedsABatchOfEqualGroups(t *testing.T) {
	for _, c := range []struct {
		groups, batch int
		ok            bool
	}{
		{8, 256, true}, {8, 16, true}, {1, 7, true}, {2, 4, true},
		{8, 100, false}, {8, 8, false}, {8, 4, false}, {3, 16, false},
	} {
		m := method.DefaultMoCo(32)
		m.Groups = c.groups
		var batched method.Batched = method.MoCoV2{MoCo: m}
		err := batched.ValidateBatch(c.batch)
		if (err == nil) != c.ok || err != nil && !strings.HasPrefix(err.Error(), "split_batch_norm is ") {
			t.Errorf("%d groups of a batch of %d: error %v", c.groups, c.batch, err)
		}
	}
}
