package train_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/train"
)

// inClasses are the labels of n pictures in equal classes.
func inClasses(n, classes int) []int {
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i % classes
	}
	return labels
}

func adviceOn(t *testing.T, c train.Config, labels []int) []train.Advice {
	t.Helper()
	c.Data = "pictures"
	if c.SupConText != nil {
		c.Text.Class = "class"
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	list, err := train.Advise(c, train.Seen{Labels: labels}, false)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// CIFAR-10 is what the defaults for small pictures were published for, ImageNet, here a hundred classes of it, those for large ones.
func TestThereIsNoAdviceOnPublishedSettings(t *testing.T) {
	for _, name := range method.Names() {
		for size, labels := range map[int][]int{32: inClasses(50_000, 10), 224: inClasses(126_689, 100)} {
			c, err := train.Default(name, size)
			if err != nil {
				t.Fatal(err)
			}
			for _, epochs := range []int{c.Epochs, 40, 300, 1000} {
				for _, advice := range adviceOn(t, c.WithEpochs(epochs), labels) {
					t.Errorf("%s at %d px, %d epochs: %s", name, size, epochs, advice)
				}
			}
		}
	}
}

// Each rule with a run that it speaks of, and one, a little different, that it does not.
func TestAdviceIsOnWhatIsFarFromKnownToWork(t *testing.T) {
	images := t.TempDir() // the settings of a model of pictures
	if err := os.WriteFile(filepath.Join(images, "config.json"), []byte(`{"format": 1, "method": "simclr", "backbone": "resnet18", "width": 0.5}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method    string
		size      int
		pictures  int
		classes   int
		bad, good func(*train.Config)
		key, says string
	}{
		{"clip", 32, 6000, 3000, func(c *train.Config) { c.Batch = 63 }, func(c *train.Config) { c.Batch = 64 },
			"batch", "is 63: a picture's caption is told from 62 others"},
		{"clip", 32, 6000, 3000, func(c *train.Config) { c.CLIP.FreezeImage = true },
			func(c *train.Config) { c.CLIP.FreezeImage, c.Pairs.ImageModel = true, images }, "clip.freeze_image", "drawn at random"},
		{"clip", 32, 6000, 3000, func(c *train.Config) { c.CLIP.FreezeText = true }, func(*train.Config) {}, "clip.freeze_text", "drawn at random"},
		{"clip", 32, 2550, 850, func(c *train.Config) { c.CLIP.MultiPositive = false }, func(c *train.Config) {},
			"clip.multi_positive", "is false: a picture meets 0.2 others with its own first caption"},
		{"clip", 32, 2550, 3, func(c *train.Config) {}, func(c *train.Config) { c.CLIP.MultiPositive = false },
			"pairs.captions", "meets 84.9 others with its own first caption in a batch of 256"},
		{"simclr", 32, 3000, 10, func(c *train.Config) { c.Epochs = 9 }, func(c *train.Config) { c.Epochs = 10 },
			"epochs", "is 9: that is 99 steps of 256 pictures"},
		{"simclr", 32, 3000, 10, func(c *train.Config) { c.Schedule.WarmupEpochs = 51 }, func(c *train.Config) { c.Schedule.WarmupEpochs = 50 },
			"schedule.warmup_epochs", "is 51 of 100 epochs"},
		{"simclr", 32, 3000, 10, func(c *train.Config) { c.Optimizer.LearningRate = 1 }, func(c *train.Config) { c.Optimizer.LearningRate = 0.9 },
			"optimizer.learning_rate", "comes to 1 for a batch of 256: that is 8.33 times the nearest published one for sgd, 0.12"},
		{"simclr", 32, 3000, 10, func(c *train.Config) { c.Optimizer.LearningRate = 0.003 }, func(c *train.Config) { c.Optimizer.LearningRate = 0.004 },
			"optimizer.learning_rate", "comes to 0.003 for a batch of 256: the nearest published one for sgd is 10 times that, 0.03"},
		{"simclr", 32, 3000, 10, func(c *train.Config) { c.Optimizer = optim.DefaultAdamW(); c.Optimizer.LearningRate = 0.03 }, func(c *train.Config) { c.Optimizer = optim.DefaultAdamW() },
			"optimizer.learning_rate", "adamw, 0.0005"},
		{"simclr", 32, 3000, 10, // a rate that does not follow the batch
			func(c *train.Config) {
				c.Batch, c.Optimizer.Scaling, c.Optimizer.LearningRate = 64, optim.NoScaling, 0.3
			},
			func(c *train.Config) {
				c.Batch, c.Optimizer.Scaling, c.Optimizer.LearningRate = 64, optim.NoScaling, 0.12
			},
			"optimizer.learning_rate", "for a batch of 64"},
		{"barlowtwins", 32, 3000, 10, func(c *train.Config) { c.Batch = 63 }, func(c *train.Config) { c.Batch = 64 },
			"optimizer.scaling", "appendix B.1"},
		{"simclr", 32, 3000, 10, func(c *train.Config) { c.Batch = 63 }, func(c *train.Config) { c.Batch = 64 },
			"batch", "is 63: a view has 124 others"},
		{"simclr", 32, 3000, 10, func(c *train.Config) { c.SimCLR.Temperature = 0.009 }, func(c *train.Config) { c.SimCLR.Temperature = 0.01 },
			"simclr.temperature", "is 0.009"},
		{"simclr", 32, 3000, 10, func(c *train.Config) { c.SimCLR.Temperature = 1.1 }, func(c *train.Config) { c.SimCLR.Temperature = 1 },
			"simclr.temperature", "is 1.1"},
		{"simclr", 32, 3000, 10, // only a cosine has the limits that the rule rests on
			func(c *train.Config) { c.SimCLR.Temperature = 5 },
			func(c *train.Config) { c.SimCLR.Temperature, c.SimCLR.Similarity = 5, "euclidean" },
			"simclr.temperature", "is 5"},
		{"simclr", 32, 3000, 10, func(c *train.Config) { c.Chunk = 64 }, func(c *train.Config) { c.Chunk, c.Backbone = 64, "vit_tiny" },
			"chunk", "is 64: batch norm in resnet18 has the statistics of so many pictures"},
		{"clip", 32, 6000, 3000, func(c *train.Config) { c.Chunk = 64 }, func(c *train.Config) { c.Chunk = 256 },
			"chunk", "is 64"},
		{"supcon", 32, 3000, 10, func(c *train.Config) { c.SupCon.Temperature = 2 }, func(*train.Config) {},
			"supcon.temperature", "is 2"},
		{"supcon", 32, 3000, 10, func(c *train.Config) { c.Batch = 32 }, func(*train.Config) {},
			"batch", "is 32: a view has 62 others"},
		{"supcon", 32, 3000, 500, func(*train.Config) {}, func(c *train.Config) { c.Batch = 700 },
			"batch", "meets 0.43 others of its class"},
		{"moco", 32, 4095, 10, func(*train.Config) {}, func(c *train.Config) { c.MoCo.Queue = 4095 }, // no multiple of the batch
			"moco.queue", "is 4096, and there are 4095 pictures to learn from"},
		{"mocov2", 32, 4300, 10, func(c *train.Config) { c.Epochs, c.MoCoV2.Queue = 1, 4200 }, func(c *train.Config) { c.Epochs, c.MoCoV2.Queue = 1, 4096 },
			"mocov2.queue", "with 4096 keys in it"},
		{"moco", 32, 5000, 10, func(c *train.Config) { c.MoCo.Queue = 255 }, func(c *train.Config) { c.MoCo.Queue = 256 },
			"moco.queue", "is 255: it keeps that many of the 256 keys"},
		{"moco", 32, 5000, 10, func(c *train.Config) { c.MoCo.Queue, c.MoCo.Symmetric = 256, true }, func(c *train.Config) { c.MoCo.Queue, c.MoCo.Symmetric = 512, true },
			"moco.queue", "of the 512 keys"},
		{"moco", 32, 5000, 10, func(c *train.Config) { c.Batch = 56 }, func(c *train.Config) { c.Batch = 64 },
			"moco.split_batch_norm", "is 8: batch norm has the statistics of 7 pictures"},
		{"moco", 32, 5000, 10, func(c *train.Config) { c.Batch = 56 }, func(c *train.Config) { c.Batch, c.Backbone = 56, "vit_tiny" },
			"moco.split_batch_norm", "Group normalization"},
		{"moco", 32, 5000, 10, func(c *train.Config) { c.MoCo.Momentum = 0.9 }, func(c *train.Config) { c.MoCo.Momentum = 0.95 },
			"moco.momentum", "is 0.9"},
		{"moco", 32, 5000, 10, func(c *train.Config) { c.MoCo.Temperature = 0.001 }, func(*train.Config) {},
			"moco.temperature", "is 0.001"},
		{"byol", 32, 5000, 10, func(c *train.Config) { c.Batch = 16 }, func(c *train.Config) { c.Batch, c.BYOL.Tau = 16, 0.9994 },
			"byol.tau", "the default of 0.99 for a batch of 256 comes to 0.99937 for yours"},
		{"swav", 32, 5000, 10, func(c *train.Config) { c.SwAV.Prototypes = 1025 }, func(c *train.Config) { c.SwAV.Prototypes = 1024 },
			"swav.prototypes", "is 1025, and codes are made from 256 pictures"},
		{"swav", 32, 5120, 10, func(c *train.Config) { c.SwAV.Queue, c.SwAV.QueueEpochs = 5121, 99 }, func(c *train.Config) { c.SwAV.Queue, c.SwAV.QueueEpochs = 5120, 99 },
			"swav.queue", "is 5121: the run ends before"},
		{"swav", 32, 5120, 10, func(c *train.Config) { c.SwAV.FreezeSteps = 1001 }, func(c *train.Config) { c.SwAV.FreezeSteps = 1000 },
			"swav.freeze_steps", "is 1001 of 2000 steps"},
		{"swav", 32, 5000, 10, func(c *train.Config) { c.SwAV.Temperature = 1.5 }, func(c *train.Config) { c.SwAV.Temperature = 0.5 },
			"swav.temperature", "1.5"},
		{"byol", 32, 5000, 10, func(c *train.Config) { c.Batch = 31 }, func(c *train.Config) { c.Batch = 32 },
			"batch", "is 31: byol rests on statistics over the batch"},
		{"simsiam", 32, 5000, 10, func(c *train.Config) { c.Batch = 31 }, func(c *train.Config) { c.Batch = 32 },
			"batch", "table 2"},
		{"barlowtwins", 32, 5000, 10, func(c *train.Config) { c.Batch = 31 }, func(c *train.Config) { c.Batch = 32 },
			"batch", "figure 2"},
	} {
		of := func(change func(*train.Config)) (found string) {
			config, err := train.Default(c.method, c.size)
			if err != nil {
				t.Fatal(err)
			}
			change(&config)
			for _, advice := range adviceOn(t, config, inClasses(c.pictures, c.classes)) {
				if advice.Key == c.key {
					found += advice.String() + "\n"
				}
			}
			return found
		}
		if found := of(c.bad); !strings.HasPrefix(found, c.key+" ") || !strings.Contains(found, c.says) || strings.Count(found, "\n") != 1 {
			t.Errorf("%s: on %s it says %q, want %q", c.method, c.key, found, c.says)
		}
		if found := of(c.good); found != "" {
			t.Errorf("%s: there is nothing to say of %s, but it says %q", c.method, c.key, found)
		}
	}
}

// Of settings that were tested only what does not fit the pictures is spoken of: not a rate far from the published ones, but a queue
// that is longer than the data.
func TestTestedSettingsAreAdvisedOnThePicturesOnly(t *testing.T) {
	c := train.DefaultMoCo(32)
	c.Data, c.Optimizer.LearningRate, c.MoCo.Momentum = "pictures", 3, 0.5
	keys := func(tested bool) (list []string) {
		advice, err := train.Advise(c, train.Seen{Labels: inClasses(3000, 10)}, tested)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range advice {
			list = append(list, a.Key)
		}
		return list
	}
	if got, want := keys(false), []string{"optimizer.learning_rate", "moco.momentum", "moco.queue"}; !slices.Equal(got, want) {
		t.Errorf("advice on %v, want %v", got, want)
	}
	if got, want := keys(true), []string{"moco.queue"}; !slices.Equal(got, want) {
		t.Errorf("advice on tested settings: %v, want %v", got, want)
	}
}

// Pictures without a class are no one's classmates.
func TestClassmatesAreOfAClass(t *testing.T) {
	labels := inClasses(3000, 10)
	for i := range labels {
		if i >= 100 {
			labels[i] = -1
		}
	}
	if list := adviceOn(t, train.DefaultSupCon(32), labels); len(list) != 1 || !strings.Contains(list[0].String(), "meets 0.77 others") {
		t.Errorf("advice %v", list)
	}
}

// Advice comes before the first step, in words to whoever listens and in the log, once: a resumed run has had it.
func TestAdviceComesBeforeTheFirstStep(t *testing.T) {
	config := small(picturetest.Splits(t, 8, 2, 16))
	config.SimCLR.Temperature, config.MonitorEvery = 3, 0
	var said []train.Advice
	steps := 0
	options := train.Options{
		OnStart: func(s train.Start) {
			if steps > 0 {
				t.Error("a step was taken before the start")
			}
			said = s.Advice
		},
		OnStep: func(train.Step) { steps++ },
	}
	dir, _ := mustRun(t, config, options)
	keys := map[string]bool{}
	for _, advice := range said {
		keys[advice.Key] = true
	}
	if !keys["simclr.temperature"] || !keys["batch"] || !keys["epochs"] {
		t.Errorf("advice %v", said)
	}
	log, err := os.ReadFile(filepath.Join(dir, "train.log"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(log), "msg=advice") != len(said) || !strings.Contains(string(log), "key=simclr.temperature") {
		t.Errorf("train.log:\n%s", log)
	}
	options.Resume, steps = true, 0
	if _, err := train.Run(t.Context(), config, dir, options); err != nil || len(said) > 0 {
		t.Errorf("resumed, it says %v (%v)", said, err)
	}
}

// TestFlipsAreAdvisedAgainstWhereCaptionsNameSides, and nowhere else.
func TestFlipsAreAdvisedAgainstWhereCaptionsNameSides(t *testing.T) {
	c, err := train.Default("clip", 32)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		flip, sides float64
		advised     bool
	}{{0.5, 0.01, true}, {0.5, 0.009, false}, {0, 1, false}} {
		c.CLIP.Augment.Flip = k.flip
		list, err := train.Advise(c, train.Seen{Labels: inClasses(50_000, 25_000), Sides: k.sides}, true)
		if err != nil {
			t.Fatal(err)
		}
		advised := slices.ContainsFunc(list, func(a train.Advice) bool {
			return a.Key == "clip.augment.flip" && strings.HasPrefix(a.Text, "is 0.5, and 1% of the captions name a side")
		})
		if advised != k.advised {
			t.Errorf("%+v: %v", k, list)
		}
	}
}
