package optim

import (
	"fmt"
	"math"
	"slices"
)

// Schedule says how the learning rate goes over a run, in epochs.
type Schedule struct {
	Name         string  `yaml:"name" help:"learning rate over the run: constant, cosine, linear or step"`
	WarmupEpochs float64 `yaml:"warmup_epochs" help:"epochs in which the rate rises linearly from 0"`
	Final        float64 `yaml:"final" help:"share of the rate that is left at the end (cosine, linear)"`
	Milestones   []int   `yaml:"milestones" help:"epochs after which the rate is multiplied by factor (step)"`
	Factor       float64 `yaml:"factor" help:"what the rate is multiplied by at each milestone (step)"`
}

// The schedules' names.
const (
	Constant = "constant"
	Cosine   = "cosine"
	Linear   = "linear"
	Step     = "step"
)

// DefaultCosine returns 10 epochs of warm-up, then a cosine to 0: SimCLR (Chen et al. 2020, section 2.2) and BYOL (Grill
// et al. 2020, section 3.2).
func DefaultCosine() Schedule { return Schedule{Name: Cosine, WarmupEpochs: 10} }

// DefaultStep returns a tenth of the rate after 120 epochs and a hundredth after 160: MoCo v1's 200 epochs (He et al. 2020,
// section 4; facebookresearch/moco, main_moco.py).
func DefaultStep() Schedule { return Schedule{Name: Step, Milestones: []int{120, 160}, Factor: 0.1} }

// Validate names the first setting that is out of its range or that the named schedule does not have.
func (s Schedule) Validate() error {
	if !slices.Contains([]string{Constant, Cosine, Linear, Step}, s.Name) {
		return fmt.Errorf("name is %q: it must be %s, %s, %s or %s", s.Name, Constant, Cosine, Linear, Step)
	}
	switch {
	case !(s.WarmupEpochs >= 0) || math.IsInf(s.WarmupEpochs, 0):
		return fmt.Errorf("warmup_epochs is %g: it must be at least 0", s.WarmupEpochs)
	case s.Name != Cosine && s.Name != Linear && s.Final != 0:
		return fmt.Errorf("final is %g: it must be 0, as schedule %s has no such setting", s.Final, s.Name)
	case !(s.Final >= 0 && s.Final <= 1):
		return fmt.Errorf("final is %g: it must be from 0 to 1", s.Final)
	case s.Name != Step && len(s.Milestones) > 0:
		return fmt.Errorf("milestones is %v: it must be empty, as schedule %s has no such setting", s.Milestones, s.Name)
	case s.Name != Step && s.Factor != 0:
		return fmt.Errorf("factor is %g: it must be 0, as schedule %s has no such setting", s.Factor, s.Name)
	case s.Name == Step && !(s.Factor > 0 && s.Factor <= 1):
		return fmt.Errorf("factor is %g: it must be above 0 and at most 1", s.Factor)
	case len(s.Milestones) > 0 && s.Milestones[0] < 1 || !increasing(s.Milestones):
		return fmt.Errorf("milestones is %v: it must be epochs from 1 on, each after the one before", s.Milestones)
	}
	return nil
}

func increasing(list []int) bool {
	for i := 1; i < len(list); i++ {
		if list[i] <= list[i-1] {
			return false
		}
	}
	return true
}

// Rates fits the schedule to a run: so many epochs of stepsPerEpoch steps, from the rate base ([Config.Rate]). A warm-up
// longer than the run ends with it.
func (s Schedule) Rates(base float64, epochs, stepsPerEpoch int) Rates {
	steps := epochs * stepsPerEpoch
	r := Rates{schedule: s, base: base, steps: steps, stepsPerEpoch: stepsPerEpoch}
	r.warmup = int(min(math.Round(s.WarmupEpochs*float64(stepsPerEpoch)), float64(steps)))
	return r
}

// Rates is the learning rate of every step of a run: see [Schedule.Rates].
type Rates struct {
	schedule      Schedule
	base          float64
	warmup        int // steps of the warm-up
	steps         int // of the run
	stepsPerEpoch int
}

// At returns the learning rate of a step; the first of the run is step 0.
//
// In a warm-up of W steps it is base·step/W: 0 in the first step, base in step W. After that, cosine is
//
//	final + (base - final)(1 + cos πx)/2,   x = (step-W)/(steps-W)
//
// which reaches final = Final·base one step after the run's last, as in facebookresearch/barlowtwins, main.py,
// adjust_learning_rate, and google-research/simclr, model_util.py, learning_rate_schedule. Linear is
//
//	final + (base - final)(1 - x)
//
// as in huggingface/transformers, optimization.py, get_linear_schedule_with_warmup. Step is
// base·Factor^(milestones behind), as in facebookresearch/moco, main_moco.py, adjust_learning_rate: a milestone of m epochs
// is behind from step m·stepsPerEpoch on.
func (r Rates) At(step int) float64 {
	if step < r.warmup {
		return r.base * float64(step) / float64(r.warmup)
	}
	switch r.schedule.Name {
	case Cosine, Linear:
		final := r.schedule.Final * r.base
		if step >= r.steps {
			return final
		}
		x := float64(step-r.warmup) / float64(r.steps-r.warmup)
		left := 1 - x
		if r.schedule.Name == Cosine {
			left = (1 + math.Cos(math.Pi*x)) / 2
		}
		return final + (r.base-final)*left
	case Step:
		rate := r.base
		for _, epochs := range r.schedule.Milestones {
			if step >= epochs*r.stepsPerEpoch {
				rate *= r.schedule.Factor
			}
		}
		return rate
	default:
		return r.base
	}
}
