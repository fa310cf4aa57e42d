package method_test

import (
	"math"
	"slices"
	"testing"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/positive"
)

// supconPaper is section 3 of Khosla et al. 2020.
type supconPaper struct{ method.SupCon }

func (m supconPaper) loss(p params, in given) (value float64) {
	return supervised(m.Supervised, p, encode(p, "/backbone", slices.Concat(in.views...)), in)
}

// supconTextPaper is the same for texts: of one, which the encoder sees twice, or of two.
type supconTextPaper struct {
	supconPaper
	method.SupConText
}

func (m supconTextPaper) loss(p params, in given) float64 {
	var r [][]float64
	for view := range 2 {
		for i, tokens := range in.texts[min(view, len(in.texts)-1)] {
			r = append(r, pooledWords(p, "/backbone", tokens, view*items+i, m.Pooling))
		}
	}
	return supervised(m.SupConText.Supervised, p, r, in)
}

// supervised is equation 2 for representations r of one view of all items and then of the other.
func supervised(m method.Supervised, p params, r [][]float64, in given) (value float64) {
	hidden := m.Hidden
	if hidden == 0 {
		hidden = width
	}
	mlp := nn.MLP{Layers: 2, Hidden: hidden, Out: m.Out, OutBias: true}
	z, _, _ := head(p, "/projector", mlp, r)
	for i := range z {
		denominator, positives, sum := 0.0, 0.0, 0.0
		for k := range z {
			if k == i {
				continue
			}
			s := similarity(loss.Cosine, z[i], z[k]) / m.Temperature
			denominator += math.Exp(s)
			label := in.labels[i%items]
			if k%items == i%items || label >= 0 && label == in.labels[k%items] {
				positives++
				sum += s
			}
		}
		value += (math.Log(denominator) - sum/positives) / float64(len(z))
	}
	return value
}

func (m supconPaper) before(params, given) {}
func (m supconPaper) after(params, given)  {}
func (m supconPaper) follows(string) bool  { return true }

// A few SupCon steps, on either device, against the same steps in plain float64 with finite differences. Two of the pictures
// have no class.
func TestSupConStepsAreThoseOfThePaper(t *testing.T) {
	base := method.DefaultSupCon(32)
	base.Out = out
	sgd := optim.DefaultSGD()
	sgd.WeightDecay = 0.01
	lars := optim.DefaultLARS()
	lars.WeightDecay, lars.Trust = 0.1, 0.02
	for _, c := range []struct {
		name      string
		change    func(*method.SupCon)
		optimizer optim.Config
		rate      float64
	}{
		{"the paper's", func(*method.SupCon) {}, sgd, 0.02},
		{"lars", func(*method.SupCon) {}, lars, 0.5},
		{"a wide head", func(m *method.SupCon) { m.Hidden = 7 }, sgd, 0.02},
		{"warm", func(m *method.SupCon) { m.Temperature = 0.5 }, sgd, 0.1},
	} {
		for _, d := range []string{"cpu", "go"} {
			t.Run(c.name+" on "+d, func(t *testing.T) {
				m := base
				c.change(&m)
				testSteps(t, d, m, supconPaper{m}, c.optimizer, c.rate)
			})
		}
	}
}

// A few steps on texts, on either device, against the same in plain float64.
func TestSupConStepsOnTextsAreThoseOfThePaper(t *testing.T) {
	sgd := optim.DefaultSGD()
	sgd.WeightDecay = 0.01
	for _, c := range []struct {
		name   string
		texts  int
		change func(*method.SupConText)
	}{
		{"two dropout masks", 1, func(*method.SupConText) {}},
		{"mean, a wide head", 1, func(m *method.SupConText) { m.Pooling, m.Hidden = backbone.PoolMean, 7 }},
		{"two texts", 2, func(*method.SupConText) {}},
	} {
		for _, d := range []string{"cpu", "go"} {
			t.Run(c.name+" on "+d, func(t *testing.T) {
				m := method.DefaultSupConText()
				m.Out, m.Temperature = out, 0.5
				c.change(&m)
				testSteps(t, d, worded{m, c.texts}, supconTextPaper{SupConText: m}, sgd, 0.1)
			})
		}
	}
}

// What is put to work is the encoder without the head.
func TestSupConOnTextTrainsAHeadBesideTheEncoder(t *testing.T) {
	m := method.DefaultSupConText()
	want := []string{"/backbone/others/weights", "/backbone/own/weights", "/backbone/table",
		"/projector/layer_0/bias", "/projector/layer_0/weights", "/projector/layer_1/bias", "/projector/layer_1/weights"}
	if got := trainedBy(t, worded{m, 1}); !slices.Equal(got, want) {
		t.Errorf("trained are %v, want %v", got, want)
	}
	if got := m.Sentence(); got != (method.Sentence{Pooling: backbone.PoolCLS}) || !m.NeedsLabels() || m.Temperature != 0.1 || m.Out != 128 {
		t.Errorf("%+v, inference has %+v", m, got)
	}
	for want, change := range map[string]func(*method.SupConText){
		"temperature":     func(m *method.SupConText) { m.Temperature = 0 },
		"projector_out":   func(m *method.SupConText) { m.Out = 1 },
		"pooling":         func(m *method.SupConText) { m.Pooling = "max" },
		"positive.delete": func(m *method.SupConText) { m.Positive.Delete = 2 },
	} {
		m := method.DefaultSupConText()
		change(&m)
		checkNames(t, m, want)
	}
}

// The head has biases and no batch norm (HobbitLong/SupContrast, networks/resnet_big.py).
func TestSupConTrainsThePartsOfItsHead(t *testing.T) {
	want := []string{"/backbone/dense/weights", "/projector/layer_0/bias", "/projector/layer_0/weights", "/projector/layer_1/bias", "/projector/layer_1/weights"}
	if got := trainedBy(t, method.DefaultSupCon(32)); !slices.Equal(got, want) {
		t.Errorf("trained are %v, want %v", got, want)
	}
}

// Khosla et al. 2020, section 4, and HobbitLong/SupContrast, main_supcon.py.
func TestSupConDefaultsArePublished(t *testing.T) {
	for _, size := range []int{32, 64, 65, 224} {
		m := method.DefaultSupCon(size)
		if err := m.Validate(); err != nil {
			t.Errorf("%d px: %v", size, err)
		}
		views := m.Views()
		if m.Temperature != 0.1 || m.Hidden != 0 || m.Out != 128 || len(views) != 2 || views[0] != views[1] || !m.NeedsLabels() {
			t.Errorf("%d px: %+v", size, m)
		}
		want := positive.ImageConfig{
			Size: size, CropScale: [2]float64{0.2, 1}, Flip: 0.5, Jitter: 0.8, Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1,
			Grayscale: 0.2,
		}
		v := views[0]
		got := positive.ImageConfig{
			Size: v.Size, CropScale: v.CropScale, Flip: v.Flip, Jitter: v.Jitter, Brightness: v.Brightness, Contrast: v.Contrast, Saturation: v.Saturation, Hue: v.Hue,
			Grayscale: v.Grayscale, Blur: v.Blur, Solarize: v.Solarize,
		}
		if got != want {
			t.Errorf("%d px: views %+v, want %+v", size, got, want)
		}
	}
}

func TestSupConValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*method.SupCon)
	}{
		{"temperature", func(m *method.SupCon) { m.Temperature = 0 }},
		{"temperature", func(m *method.SupCon) { m.Temperature = math.NaN() }},
		{"projector_hidden", func(m *method.SupCon) { m.Hidden = -1 }},
		{"projector_out", func(m *method.SupCon) { m.Out = 1 }},
		{"augment.flip", func(m *method.SupCon) { m.Augment.Flip = 2 }},
	} {
		m := method.DefaultSupCon(32)
		c.change(&m)
		checkNames(t, m, c.want)
	}
}
