package train_test

import (
	"bytes"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/train"
)

// smallSwAV is a run of a second or so with all that SwAV can have: small crops, prototypes that are frozen for three steps, and
// a queue that fills from the second epoch on and joins in it.
func smallSwAV(data string) train.Config {
	c := train.DefaultSwAV(16)
	c.Data = data
	c.Backbone, c.Width = "smallcnn", 0.25
	c.Epochs, c.Batch = 4, 8
	c.CheckpointSeconds = 0
	c.SwAV.Prototypes, c.SwAV.FreezeSteps, c.SwAV.Queue, c.SwAV.QueueEpochs, c.SwAV.SmallCrops = 12, 3, 20, 1, 2
	return c
}

// A SwAV run that is interrupted ends in the same checkpoint, queue and prototypes and all, as one that is not: while
// prototypes are frozen, while the queue fills, and once it has joined.
func TestSwAVInterruptedAndResumedIsTheSame(t *testing.T) {
	config := smallSwAV(picturetest.Splits(t, 20, 2, 16)) // 6 steps an epoch
	config.CheckpointSeconds = 1000
	run, _ := mustRun(t, config, train.Options{})
	whole := lastCheckpoint(t, run)
	for _, step := range []int{2, 8, 15} {
		dir := filepath.Join(t.TempDir(), "run")
		stopAfter(t, config, dir, train.Options{}, step)
		if _, err := train.Run(t.Context(), config, dir, train.Options{Resume: true}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(whole, lastCheckpoint(t, dir)) {
			t.Errorf("interrupted after step %d, the run ended in another checkpoint", step)
		}
	}
	state := tensorsOf(t, whole)
	for name, rows := range map[string]int{"prototypes/weights": 12, "queue/crop_0/keys": 20, "queue/crop_1/keys": 20} {
		if values := state[name]; len(values) != rows*config.SwAV.Out || !slices.ContainsFunc(values, func(v float32) bool { return v != 0 }) {
			t.Errorf("%s has %d values, or none but zeros", name, len(values))
		}
	}
}

// What cannot be used is named by its place in the configuration.
func TestSwAVThatCannotBeRunIsRefused(t *testing.T) {
	data := picturetest.Splits(t, 5, 2, 16)
	for _, c := range []struct {
		change func(*train.Config)
		want   string
	}{
		{func(c *train.Config) { c.SwAV.Prototypes = 1 }, "swav.prototypes is 1"},
		{func(c *train.Config) { c.SwAV.Small.Flip = 2 }, "swav.augment_small.flip is 2"},
		{func(c *train.Config) { c.SwAV.Small.Size = 7 }, "view 3 is 7 pixels wide: smallcnn needs at least 8"},
		{func(c *train.Config) { c.SwAV.Augment.Size = 20 }, "they must be the same"},
		{func(c *train.Config) { c.SimCLR = train.DefaultSimCLR(16).SimCLR }, "sections of simclr and of swav"},
	} {
		config := smallSwAV(data)
		c.change(&config)
		_, err := train.Run(t.Context(), config, filepath.Join(t.TempDir(), "run"), train.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %q", err, c.want)
		}
	}
	// Small crops that nobody asked for are not drawn, and so may have any size.
	config := smallSwAV(data)
	config.SwAV.SmallCrops, config.SwAV.Small.Size = 0, 7
	if err := config.Validate(); err != nil {
		t.Error(err)
	}
}

func TestSwAVIsNotResumedWithOtherParts(t *testing.T) {
	config := smallSwAV(picturetest.Splits(t, 5, 2, 16))
	config.Epochs = 1
	dir, _ := mustRun(t, config, train.Options{})
	for _, c := range []struct {
		change func(*train.Config)
		want   string
	}{
		{func(c *train.Config) { c.SwAV.Prototypes = 16 }, "swav.prototypes: 12 there, 16 here"},
		{func(c *train.Config) { c.SwAV.Queue = 24 }, "swav.queue: 20 there, 24 here"},
		{func(c *train.Config) { c.SwAV.FreezeSteps = 0 }, "swav.freeze_steps: 3 there, 0 here"},
	} {
		other := config
		m := *config.SwAV
		other.SwAV = &m
		c.change(&other)
		if _, err := train.Run(t.Context(), other, dir, train.Options{Resume: true}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

// The precision in which a SwAV run computes changes its losses by rounding alone, and it learns in both.
func TestSwAVTrainsInEveryPrecision(t *testing.T) {
	config := smallSwAV(picturetest.Splits(t, 11, 2, 16))
	config.MonitorEvery, config.CheckpointSeconds = 0, 1000
	curve := func(precision string) (losses []float64) {
		config.Precision = precision
		run, _ := mustRun(t, config, train.Options{})
		steps, _ := metricsOf(t, run)
		for _, s := range steps {
			losses = append(losses, float64(s.Loss))
		}
		return losses
	}
	want, got := curve("f32"), curve("bf16")
	for i := range want {
		if d := math.Abs(got[i] - want[i]); !(d <= 0.1) {
			t.Errorf("bf16: loss %g in step %d, want %g", got[i], i+1, want[i])
		}
	}
	for precision, losses := range map[string][]float64{"f32": want, "bf16": got} {
		if !(losses[len(losses)-1] < losses[0]) {
			t.Errorf("%s: the loss went from %g to %g", precision, losses[0], losses[len(losses)-1])
		}
	}
}

// facebookresearch/swav, swav_200ep_bs256_pretrain.sh, and lightly's cifar10_benchmark.py.
func TestSwAVRunsAsPublished(t *testing.T) {
	large := train.DefaultSwAV(224)
	rates := large.Schedule.Rates(large.Optimizer.Rate(256), 200, 5004)
	if o := large.Optimizer; o.Name != optim.LARS || o.WeightDecay != 1e-6 || o.Trust != 0.001 || o.Mask != optim.All || o.Momentum != 0.9 {
		t.Errorf("224 px: %+v", o)
	}
	if first, last := rates.At(0), rates.At(200*5004); first != 0.6 || math.Abs(last-0.0006) > 1e-9 {
		t.Errorf("224 px: the rate goes from %g to %g", first, last)
	}
	small := train.DefaultSwAV(32)
	rates = small.Schedule.Rates(small.Optimizer.Rate(128), 200, 390)
	if o := small.Optimizer; o.Name != optim.AdamW || o.WeightDecay != 0 || o.Beta1 != 0.9 || o.Beta2 != 0.999 || o.Epsilon != 1e-8 {
		t.Errorf("32 px: %+v", o)
	}
	if first, last := rates.At(0), rates.At(200*390); first != 1e-3 || last != 0 {
		t.Errorf("32 px: the rate goes from %g to %g", first, last)
	}
}
