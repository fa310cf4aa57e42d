package optim_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/alike-ml/alike/optim"
)

func TestConstantRates(t *testing.T) {
	r := optim.Schedule{Name: "constant"}.Rates(0.3, 10, 7)
	for _, step := range []int{0, 1, 69, 70, 1000} {
		if r.At(step) != 0.3 {
			t.Errorf("step %d: rate %g, want 0.3", step, r.At(step))
		}
	}
}

// Ten epochs of ten steps, two of them warm-up, down to a thousandth.
func TestCosineRates(t *testing.T) {
	r := optim.Schedule{Name: "cosine", WarmupEpochs: 2, Final: 0.001}.Rates(4, 10, 10)
	for _, x := range []struct {
		step int
		want float64
	}{
		{0, 0},
		{1, 0.2},
		{10, 2},
		{19, 3.8},
		{20, 4}, // the warm-up's end
		{40, 0.004 + 3.996*(1+math.Sqrt2/2)/2},
		{60, 0.004 + 3.996/2}, // half of the way
		{80, 0.004 + 3.996*(1-math.Sqrt2/2)/2},
		{99, 0.004 + 3.996*(1+math.Cos(math.Pi*79/80))/2},
		{100, 0.004}, // one after the last step
		{200, 0.004},
	} {
		if got := r.At(x.step); math.Abs(got-x.want) > 1e-12 {
			t.Errorf("step %d: rate %.15g, want %.15g", x.step, got, x.want)
		}
	}
}

// Barlow Twins' adjust_learning_rate, written out as its authors have it, gives the same rates.
func TestCosineIsBarlowTwins(t *testing.T) {
	const epochs, loader, batch, weights = 30, 13, 2048, 0.2
	theirs := func(step int) float64 {
		maxSteps, warmup := float64(epochs*loader), float64(10*loader)
		base := float64(batch) / 256
		if float64(step) < warmup {
			return base * float64(step) / warmup * weights
		}
		q := 0.5 * (1 + math.Cos(math.Pi*(float64(step)-warmup)/(maxSteps-warmup)))
		return (base*q + base*0.001*(1-q)) * weights
	}
	c := optim.DefaultLARS()
	c.LearningRate = weights
	s := optim.DefaultCosine()
	s.Final = 0.001
	r := s.Rates(c.Rate(batch), epochs, loader)
	for step := range epochs * loader {
		if got, want := r.At(step), theirs(step); math.Abs(got-want) > 1e-12 {
			t.Fatalf("step %d: rate %g, want %g", step, got, want)
		}
	}
}

// get_linear_schedule_with_warmup of huggingface/transformers, written out, gives the same rates.
func TestLinearIsTransformers(t *testing.T) {
	const warmup, total = 6, 30
	r := optim.Schedule{Name: "linear", WarmupEpochs: 2}.Rates(3e-5, 10, 3)
	for step := range total {
		want := 3e-5 * float64(step) / warmup
		if step >= warmup {
			want = 3e-5 * max(0, float64(total-step)/(total-warmup))
		}
		if got := r.At(step); math.Abs(got-want) > 1e-18 {
			t.Errorf("step %d: rate %g, want %g", step, got, want)
		}
	}
}

func TestStepRates(t *testing.T) {
	r := optim.DefaultStep().Rates(0.03, 200, 5)
	for _, x := range []struct {
		step int
		want float64
	}{
		{0, 0.03}, {599, 0.03}, {600, 0.003}, {799, 0.003}, {800, 0.0003}, {999, 0.0003},
	} {
		if got := r.At(x.step); math.Abs(got-x.want) > 1e-15 {
			t.Errorf("step %d: rate %g, want %g", x.step, got, x.want)
		}
	}
}

func TestWarmupLongerThanTheRun(t *testing.T) {
	r := optim.Schedule{Name: "cosine", WarmupEpochs: 1e300}.Rates(1, 3, 4)
	for step := range 12 {
		if got, want := r.At(step), float64(step)/12; got != want {
			t.Errorf("step %d: rate %g, want %g", step, got, want)
		}
	}
	if got := r.At(12); got != 0 {
		t.Errorf("after the run: rate %g, want the final 0", got)
	}
}

// Whatever the run, the rate rises through the warm-up, never rises again, and stays between 0 and the base.
func TestRatesRiseThenFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]optim.Schedule{
			{Name: "constant"},
			{Name: "cosine", Final: rapid.Float64Range(0, 1).Draw(t, "final")},
			{Name: "linear", Final: rapid.Float64Range(0, 1).Draw(t, "final")},
			{Name: "step", Milestones: []int{1, 3}, Factor: rapid.Float64Range(0.01, 1).Draw(t, "factor")},
		}).Draw(t, "schedule")
		s.WarmupEpochs = rapid.Float64Range(0, 3).Draw(t, "warmup")
		epochs, perEpoch := rapid.IntRange(1, 6).Draw(t, "epochs"), rapid.IntRange(1, 9).Draw(t, "steps")
		base := rapid.Float64Range(1e-6, 10).Draw(t, "base")
		r := s.Rates(base, epochs, perEpoch)
		warmup := min(int(math.Round(s.WarmupEpochs*float64(perEpoch))), epochs*perEpoch)
		for step := range epochs*perEpoch + 2 {
			now, next := r.At(step), r.At(step+1)
			if now < 0 || now > base*(1+1e-12) {
				t.Fatalf("step %d: rate %g is not between 0 and %g", step, now, base)
			}
			if rising := step+1 < warmup; rising && next <= now || !rising && step >= warmup && next > now {
				t.Fatalf("warm-up of %d steps: rate %g in step %d, then %g", warmup, now, step, next)
			}
		}
	})
}

func TestScheduleValidate(t *testing.T) {
	for _, s := range []optim.Schedule{optim.DefaultCosine(), optim.DefaultStep(), {Name: "constant"}, {Name: "linear", Final: 0.1}} {
		if err := s.Validate(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for _, x := range []struct {
		option string
		s      optim.Schedule
	}{
		{"name", optim.Schedule{Name: "exponential"}},
		{"warmup_epochs", optim.Schedule{Name: "cosine", WarmupEpochs: -1}},
		{"warmup_epochs", optim.Schedule{Name: "cosine", WarmupEpochs: math.NaN()}},
		{"final", optim.Schedule{Name: "cosine", Final: 1.5}},
		{"final", optim.Schedule{Name: "constant", Final: 0.5}},
		{"milestones", optim.Schedule{Name: "cosine", Milestones: []int{5}}},
		{"factor", optim.Schedule{Name: "constant", Factor: 0.1}},
		{"factor", optim.Schedule{Name: "step", Milestones: []int{5}}},
		{"milestones", optim.Schedule{Name: "step", Milestones: []int{0}, Factor: 0.1}},
		{"milestones", optim.Schedule{Name: "step", Milestones: []int{5, 5}, Factor: 0.1}},
	} {
		if err := x.s.Validate(); err == nil || !strings.HasPrefix(err.Error(), x.option+" is ") {
			t.Errorf("%+v: error %v, want one on %s", x.s, err, x.option)
		}
	}
}
