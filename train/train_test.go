package train_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/train"
)

// small is a run of a second or so on the pictures in data.
func small(data string) train.Config { return smallOf("simclr", data) }

// smallOf is a run of a second or so of a method, with narrow heads.
func smallOf(name, data string) train.Config {
	c, err := train.Default(name, 16)
	if err != nil {
		panic(err) // the names are those of package method
	}
	c.Data = data
	c.Backbone, c.Width = "smallcnn", 0.25
	c.Epochs, c.Batch = 4, 8
	c.Schedule.WarmupEpochs = 1
	c.CheckpointSeconds = 0
	for _, f := range fields.Of(c) {
		if width, isInt := f.Value.(int); isInt && width > 128 && strings.HasPrefix(f.Key, name+".") {
			if err := fields.Set(&c, f.Key, "64"); err != nil {
				panic(err) // the key is one of its own
			}
		}
		if strings.HasSuffix(f.Key, ".split_batch_norm") {
			if err := fields.Set(&c, f.Key, "2"); err != nil {
				panic(err) // the key is one of its own
			}
		}
	}
	return c
}

// stopAfter runs, and interrupts the run after a step.
func stopAfter(t *testing.T, config train.Config, dir string, options train.Options, step int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	options.OnStep = func(s train.Step) {
		if s.Step == step {
			cancel()
		}
	}
	if _, err := train.Run(ctx, config, dir, options); !errors.Is(err, train.ErrInterrupted) {
		t.Fatalf("to be interrupted after step %d, the run ended with %v", step, err)
	}
}

// modelBytes is the trained encoder's file.
func modelBytes(t *testing.T, run string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(train.ModelDir(run), "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// lastCheckpoint is the newest checkpoint of a run.
func lastCheckpoint(t *testing.T, run string) []byte {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(run, "checkpoints", "*"))
	if err != nil || len(found) == 0 {
		t.Fatal("no checkpoints", err)
	}
	content, err := os.ReadFile(found[len(found)-1])
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func mustRun(t *testing.T, config train.Config, options train.Options) (string, *train.Result) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	result, err := train.Run(t.Context(), config, dir, options)
	if err != nil {
		t.Fatal(err)
	}
	return dir, result
}

func TestARunLeavesAllItPromises(t *testing.T) {
	config := small(picturetest.Splits(t, 20, 2, 16))
	var start train.Start
	var steps []train.Step
	var epochs []train.Epoch
	dir, result := mustRun(t, config, train.Options{
		OnStart: func(s train.Start) { start = s },
		OnStep:  func(s train.Step) { steps = append(steps, s) },
		OnEpoch: func(e train.Epoch) { epochs = append(epochs, e) },
	})
	if start.Train != 54 || start.HeldOut != 6 || start.Steps != 24 || start.Classes != 3 {
		t.Errorf("start: %+v", start)
	}
	if len(steps) != 24 || len(epochs) != 5 || len(result.Epochs) != 5 {
		t.Errorf("%d steps, %d epochs, %d in the result; want 24, 5 and 5", len(steps), len(epochs), len(result.Epochs))
	}
	for _, e := range epochs {
		if e.KNN == nil || e.Geometry == nil {
			t.Errorf("epoch %d was not looked at: %+v", e.Epoch, e)
		}
	}
	for _, file := range []string{"config.yaml", "metrics.jsonl", "train.log", "model/config.json", "model/model.safetensors"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, pattern := range []string{"checkpoints/step-*.safetensors", "tensorboard/events.out.tfevents.*"} {
		if found, _ := filepath.Glob(filepath.Join(dir, pattern)); len(found) == 0 {
			t.Errorf("no %s", pattern)
		}
	}
	again, err := train.ReadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again.Epochs != config.Epochs || again.SimCLR == nil || *again.SimCLR != *config.SimCLR {
		t.Errorf("config.yaml reads as %+v", again)
	}
}

// The loss of 2N independent embeddings is log(2N-1) plus a little; training on pictures that differ must get below it.
func TestTrainingLowersTheLoss(t *testing.T) {
	_, result := mustRun(t, small(picturetest.Splits(t, 20, 2, 16)), train.Options{})
	first, last := float64(result.Epochs[1].Loss), float64(result.Epochs[len(result.Epochs)-1].Loss)
	if !(last < first-0.05) || !(last < math.Log(15)) {
		t.Errorf("the loss went from %g to %g", first, last)
	}
}

func TestSameSeedSameBytesForAnyNumberOfWorkers(t *testing.T) {
	config := small(picturetest.Splits(t, 12, 2, 16))
	var first []byte
	for _, workers := range []int{1, 2, 5} {
		config.Workers = workers
		dir, _ := mustRun(t, config, train.Options{})
		if got := modelBytes(t, dir); first == nil {
			first = got
		} else if !bytes.Equal(first, got) {
			t.Errorf("%d workers give another model", workers)
		}
	}
	config.Seed++
	dir, _ := mustRun(t, config, train.Options{})
	if bytes.Equal(first, modelBytes(t, dir)) {
		t.Error("the seed does not matter")
	}
}

// An interrupted run saves, says how to go on, and ends in the same bytes.
func TestInterruptedAndResumedIsTheSame(t *testing.T) {
	config := small(picturetest.Splits(t, 20, 2, 16))
	config.CheckpointSeconds = 1000
	whole, _ := mustRun(t, config, train.Options{})

	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	_, err := train.Run(ctx, config, dir, train.Options{OnStep: func(s train.Step) {
		if steps++; s.Step == 9 {
			cancel()
		}
	}})
	if !errors.Is(err, train.ErrInterrupted) || steps != 9 {
		t.Fatalf("error %v after %d steps", err, steps)
	}
	if _, err := train.Run(t.Context(), config, dir, train.Options{}); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Fatalf("starting over a run that is there: error %v", err)
	}
	result, err := train.Run(t.Context(), config, dir, train.Options{Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(modelBytes(t, whole), modelBytes(t, dir)) {
		t.Error("the resumed run ended in another model")
	}
	if len(result.Epochs) != 5 {
		t.Errorf("the resumed run has %d epochs on record", len(result.Epochs))
	}
	steps9, _, err := train.ReadMetrics(train.MetricsFile(dir))
	if err != nil || len(steps9) != 24 {
		t.Errorf("%d steps on record (%v)", len(steps9), err)
	}
	for i, s := range steps9 {
		if s.Step != i+1 {
			t.Errorf("record %d is of step %d", i, s.Step)
		}
	}
}

// childEnv makes this test's binary a program that trains: the name of one of killedRuns and the directories of the data and of
// the run.
const childEnv = "ALIKE_TEST_TRAIN"

// killedRuns are the runs that are killed and resumed, on data, which killedOn writes.
var killedRuns = map[string]func(data string) train.Config{
	"simclr": small,
	"byol":   func(data string) train.Config { return smallOf("byol", data) },
	"simclr in chunks": func(data string) train.Config {
		c := small(data)
		c.Chunk = 4
		return c
	},
	"supcon": func(data string) train.Config { return smallOf("supcon", data) },
	"moco":   func(data string) train.Config { return smallOf("moco", data) },
	// Some kills come while the queue fills up, which takes the whole run.
	"mocov2": func(data string) train.Config {
		c := smallOf("mocov2", data)
		c.MoCoV2.Queue = 1000
		return c
	},
	"swav":                            smallSwAV,
	"simcse":                          func(data string) train.Config { return smallText(data, "") },
	"simcse with views and negatives": func(data string) train.Config { return made(smallText(data, "")) },
	"simcse on triplets with classes": func(data string) train.Config {
		return made(smallText(data, "who", "anchor", "entailed", "contradicted"))
	},
	"supcon_text": func(data string) train.Config {
		return supConText(smallText(data, "who", "anchor"))
	},
	"clip": func(data string) train.Config {
		c := smallPairs(data, "transformer") // with dropout
		c.Epochs = 8
		return c
	},
	"clip in chunks": func(data string) train.Config {
		c := smallPairs(data, "transformer")
		c.Epochs, c.Chunk = 8, 4
		return c
	},
}

// killedOn writes what a run learns from.
func killedOn(t *testing.T, name string) string {
	switch {
	case strings.HasPrefix(name, "clip"):
		return writeTable(t, 20)
	case name == "supcon_text":
		return writeTriplets(t, 60)
	case !strings.HasPrefix(name, "simcse"):
		return picturetest.Splits(t, 20, 2, 16)
	case strings.Contains(name, "triplets"):
		return writeTriplets(t, 60)
	}
	return writeSentences(t, 60)
}

func TestMain(m *testing.M) {
	if task := os.Getenv(childEnv); task != "" {
		words := strings.Split(task, string(os.PathListSeparator))
		if _, err := train.Run(context.Background(), killedRuns[words[0]](words[1]), words[2], train.Options{Resume: true}); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A process that trains is killed again and again, at moments that have nothing to do with what it does, and started again
// each time, until it ends by itself: with the same encoder as one that was left alone, and all else that it keeps.
func TestKilledAtAnyMomentAndResumedIsTheSame(t *testing.T) {
	for name, config := range killedRuns {
		t.Run(name, func(t *testing.T) { killAndResume(t, name, config) })
	}
}

func killAndResume(t *testing.T, name string, config func(data string) train.Config) {
	data := killedOn(t, name)
	whole, _ := mustRun(t, config(data), train.Options{})
	dir := filepath.Join(t.TempDir(), "run")
	kills := 0
	for life := 20 * time.Millisecond; ; life += life / 4 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{name, data, dir}, string(os.PathListSeparator)))
		var stderr bytes.Buffer
		child.Stderr = &stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		killer := time.AfterFunc(life, func() { _ = child.Process.Kill() })
		err := child.Wait()
		killer.Stop()
		if err == nil {
			break
		}
		if stderr.Len() > 0 {
			t.Fatalf("after %d kills: %s", kills, stderr.String())
		}
		kills++
	}
	if kills < 3 {
		t.Errorf("only %d kills: the run is too short to show anything", kills)
	}
	if !bytes.Equal(modelBytes(t, whole), modelBytes(t, dir)) {
		t.Errorf("after %d kills the run ended in another model", kills)
	}
	if !bytes.Equal(lastCheckpoint(t, whole), lastCheckpoint(t, dir)) {
		t.Errorf("after %d kills the run ended in another checkpoint", kills)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", "*.tmp*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWhatCannotBeRunIsRefused(t *testing.T) {
	data := picturetest.Splits(t, 5, 2, 16)
	empty := t.TempDir()
	notARun := t.TempDir()
	if err := os.WriteFile(filepath.Join(notARun, "diary.txt"), []byte("dear"), 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(notARun, "diary.txt")
	for _, c := range []struct {
		name   string
		change func(*train.Config)
		dir    string
		want   string
	}{
		{"no such folder", func(c *train.Config) { c.Data = filepath.Join(empty, "none") }, "", "no such folder"},
		{"empty folder", func(c *train.Config) { c.Data = empty }, "", "no readable image"},
		{"large batch", func(c *train.Config) { c.Batch = 16 }, "", "larger than the data set of 13"},
		{"batch of one", func(c *train.Config) { c.Batch = 1 }, "", "batch is 1"},
		{"unknown backbone", func(c *train.Config) { c.Backbone = "resnet81" }, "", `did you mean "resnet18"?`},
		{"unknown device", func(c *train.Config) { c.Device = "cpus" }, "", `did you mean "cpu"?`},
		{"unknown precision", func(c *train.Config) { c.Precision = "f16" }, "", "f32 or bf16"},
		{"another size of views", func(c *train.Config) { c.SimCLR.Augment.Size = 20 }, "", "they must be the same"},
		{"no method", func(c *train.Config) { c.SimCLR = nil }, "", "simclr"},
		{"a directory with other things", func(*train.Config) {}, notARun, "diary.txt"},
		{"a file in the way", func(*train.Config) {}, file, "diary.txt"},
		{"a directory below a file", func(*train.Config) {}, filepath.Join(file, "run"), "diary.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := small(data)
			m := *config.SimCLR
			config.SimCLR = &m
			c.change(&config)
			dir := c.dir
			if dir == "" {
				dir = filepath.Join(t.TempDir(), "run")
			}
			_, err := train.Run(t.Context(), config, dir, train.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, c.want)
			}
			if _, err := os.Stat(train.ModelDir(dir)); err == nil {
				t.Error("left a model behind")
			}
		})
	}
}

// Each way in which a checkpoint can be unfit to resume from.
func TestUnfitCheckpoints(t *testing.T) {
	data := picturetest.Splits(t, 10, 2, 16)
	config := small(data)
	config.Epochs = 1
	config.Schedule.WarmupEpochs = 0
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir, newest string) train.Config
		want  string
	}{
		{"truncated", func(t *testing.T, _, newest string) train.Config {
			rewrite(t, newest, func(b []byte) []byte { return b[:len(b)/2] })
			return config
		}, "cannot resume"},
		{"from another version", func(t *testing.T, _, newest string) train.Config {
			rewrite(t, newest, func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"alike_checkpoint":"2"`), []byte(`"alike_checkpoint":"9"`), 1)
			})
			return config
		}, "another version"},
		{"of other settings", func(*testing.T, string, string) train.Config {
			other := config
			other.Epochs = 2
			return other
		}, "epochs: 1 there, 2 here"},
		{"of other data", func(t *testing.T, _, _ string) train.Config {
			if err := os.Remove(filepath.Join(data, "train", "a", "000.png")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			return config
		}, "other data: the list of items, or what is in them, changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := mustRun(t, config, train.Options{})
			found, err := filepath.Glob(filepath.Join(dir, "checkpoints", "*"))
			if err != nil || len(found) == 0 {
				t.Fatal("no checkpoints", err)
			}
			changed := c.spoil(t, dir, found[len(found)-1])
			_, err = train.Run(t.Context(), changed, dir, train.Options{Resume: true})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, c.want)
			}
		})
	}
}

func rewrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A learning rate that no network survives, and pictures that are all the same.
func TestTroubleStopsTheRunWithADiagnosis(t *testing.T) {
	config := small(picturetest.Splits(t, 20, 2, 16))
	config.Optimizer.LearningRate = 1e30
	dir := filepath.Join(t.TempDir(), "run")
	_, err := train.Run(t.Context(), config, dir, train.Options{})
	var trouble *train.Trouble
	if !errors.As(err, &trouble) || !strings.Contains(err.Error(), "--no-watch") {
		t.Fatalf("error %v, want a diagnosis", err)
	}
	if trouble.Checkpoint != "" {
		if _, err := os.Stat(trouble.Checkpoint); err != nil {
			t.Errorf("the checkpoint it names: %v", err)
		}
	}
	config.Watch = false
	if _, err := train.Run(t.Context(), config, filepath.Join(t.TempDir(), "run"), train.Options{}); errors.As(err, &trouble) {
		t.Errorf("a run that nobody watches was stopped: %v", err)
	}
}

func TestUnreadableFilesAreSkippedAndListed(t *testing.T) {
	data := picturetest.Splits(t, 10, 2, 16)
	bad := filepath.Join(data, "train", "a", "broken.jpg")
	if err := os.WriteFile(bad, []byte("not a picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	config := small(data)
	config.Epochs = 1
	_, result := mustRun(t, config, train.Options{})
	if len(result.Skipped) != 1 || result.Skipped[0].Path != "train/a/broken.jpg" {
		t.Errorf("skipped: %v", result.Skipped)
	}
}

func TestPicturesWithoutClassesTrainToo(t *testing.T) {
	data := t.TempDir()
	picturetest.Classes(t, data, []string{"."}, 20, 16, 1)
	config := small(data)
	config.Epochs, config.HoldOut = 1, 0
	_, result := mustRun(t, config, train.Options{})
	for _, e := range result.Epochs {
		if e.KNN != nil || e.Geometry == nil {
			t.Errorf("epoch %+v: want a geometry and no score", e)
		}
	}
}
