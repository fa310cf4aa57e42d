package train_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/internal/safetensors"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/train"
)

func metricsOf(t *testing.T, run string) ([]train.Step, []train.Epoch) {
	t.Helper()
	steps, epochs, err := train.ReadMetrics(train.MetricsFile(run))
	if err != nil {
		t.Fatal(err)
	}
	return steps, epochs
}

// Every step is taken with the rate of the schedule, which starts from the rate for the batch.
func TestTheScheduleIsFollowed(t *testing.T) {
	data := picturetest.Splits(t, 8, 2, 16) // 24 pictures, 3 steps an epoch
	for name, change := range map[string]func(*train.Config){
		"cosine after a warm-up": func(*train.Config) {},
		"steps": func(c *train.Config) {
			c.Schedule = optim.Schedule{Name: optim.Step, Milestones: []int{1, 3}, Factor: 0.1}
			c.Optimizer.Scaling, c.Optimizer.LearningRate = optim.LinearScaling, 0.3
		},
	} {
		config := small(data)
		config.HoldOut = 0
		change(&config)
		run, _ := mustRun(t, config, train.Options{})
		steps, epochs := metricsOf(t, run)
		rates := config.Schedule.Rates(config.Optimizer.Rate(config.Batch), config.Epochs, 3)
		for i, s := range steps {
			if float64(s.LearningRate) != rates.At(i) || s.Epoch != i/3+1 {
				t.Errorf("%s: step %d of epoch %d was taken with rate %g, want %g", name, s.Step, s.Epoch, float64(s.LearningRate), rates.At(i))
			}
		}
		if last := epochs[len(epochs)-1]; len(steps) != 12 || float64(last.LearningRate) != rates.At(11) {
			t.Errorf("%s: %d steps, and the last epoch tells rate %g", name, len(steps), float64(last.LearningRate))
		}
	}
}

// heap is the memory in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers gave free
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestMemoryDoesNotGrowWithEpochs(t *testing.T) {
	config := small(picturetest.Splits(t, 8, 2, 16))
	config.Epochs, config.CheckpointSeconds = 33, 1000
	used := map[int]uint64{}
	mustRun(t, config, train.Options{OnEpoch: func(e train.Epoch) {
		if e.Epoch == 3 || e.Epoch == 33 {
			used[e.Epoch] = heap()
		}
	}})
	if grown := int64(used[33]) - int64(used[3]); grown > 1<<20 {
		t.Errorf("%d bytes more after 33 epochs than after 3", grown)
	}
}

// A picture costs its place in the index, not its 12 KiB of pixels.
func TestMemoryDoesNotGrowWithPictures(t *testing.T) {
	const few, many = 16, 216
	var used []uint64
	for _, n := range []int{few, many} {
		data := t.TempDir()
		picturetest.Classes(t, data, []string{"."}, n, 64, 1)
		config := small(data)
		config.Epochs, config.HoldOut, config.MonitorEvery = 1, 0, 0
		config.Schedule.WarmupEpochs = 0
		mustRun(t, config, train.Options{OnEpoch: func(train.Epoch) { used = append(used, heap()) }})
	}
	if each := (int64(used[1]) - int64(used[0])) / (many - few); each > 2<<10 {
		t.Errorf("each picture takes %d bytes", each)
	}
}

// Where and in what precision a run computes changes its speed, and its losses by rounding alone.
func TestDevicesAndPrecisionsAgree(t *testing.T) {
	config := small(picturetest.Splits(t, 11, 2, 16))
	config.Epochs, config.MonitorEvery, config.CheckpointSeconds = 3, 0, 1000
	curve := func(device, precision string) []float64 {
		config.Device, config.Precision = device, precision
		run, _ := mustRun(t, config, train.Options{})
		steps, _ := metricsOf(t, run)
		var losses []float64
		for _, s := range steps {
			losses = append(losses, float64(s.Loss))
		}
		return losses
	}
	want := curve("cpu", "f32")
	for _, c := range []struct {
		device, precision string
		tolerance         float64
	}{{"go", "f32", 2e-3}, {"cpu", "bf16", 0.1}, {"go", "bf16", 0.1}} {
		got := curve(c.device, c.precision)
		if len(got) != len(want) {
			t.Fatalf("%s, %s: %d steps, want %d", c.device, c.precision, len(got), len(want))
		}
		for i := range got {
			if d := math.Abs(got[i] - want[i]); !(d <= c.tolerance) {
				t.Errorf("%s, %s: loss %g in step %d, want %g", c.device, c.precision, got[i], i+1, want[i])
			}
		}
		if !(got[len(got)-1] < got[0]) {
			t.Errorf("%s, %s: the loss went from %g to %g", c.device, c.precision, got[0], got[len(got)-1])
		}
	}
}

func TestWhenTheEncoderIsLookedAt(t *testing.T) {
	data := picturetest.Splits(t, 8, 2, 16)
	for _, c := range []struct {
		every   int
		holdOut float64
		looks   []int
		knn     bool
	}{
		{1, 0.1, []int{0, 1, 2, 3, 4}, true},
		{3, 0.1, []int{0, 3, 4}, true},
		{0, 0.1, nil, false},
		{2, 0, []int{0, 2, 4}, false},
		{2, 0.04, []int{0, 2, 4}, false}, // one picture, which has no pair
	} {
		config := small(data)
		config.MonitorEvery, config.HoldOut = c.every, c.holdOut
		_, result := mustRun(t, config, train.Options{})
		var looks, epochs []int
		for _, e := range result.Epochs {
			if e.Epoch > 0 {
				epochs = append(epochs, e.Epoch)
			}
			if e.Geometry != nil {
				looks = append(looks, e.Epoch)
				if (e.KNN != nil) != c.knn || (e.RawKNN != nil) != (c.knn && e.Epoch == 0) {
					t.Errorf("%+v: epoch %d has scores %v and %v", c, e.Epoch, e.KNN, e.RawKNN)
				}
			}
		}
		if !slices.Equal(looks, c.looks) || !slices.Equal(epochs, []int{1, 2, 3, 4}) {
			t.Errorf("%+v: looked at in %v of %v", c, looks, epochs)
		}
	}
}

// An interrupt can come while the encoder is looked at: before the first step, or after an epoch. The run ends in the same
// record as one that was not interrupted.
func TestInterruptedWhileLooking(t *testing.T) {
	config := small(picturetest.Splits(t, 8, 2, 16))
	config.CheckpointSeconds = 1000
	_, whole := mustRun(t, config, train.Options{})
	for name, interrupt := range map[string]func(cancel func()) train.Options{
		"before the first step": func(cancel func()) train.Options {
			return train.Options{OnStart: func(train.Start) { cancel() }}
		},
		"after an epoch": func(cancel func()) train.Options {
			return train.Options{OnStep: func(s train.Step) {
				if s.Step == 4 {
					cancel()
				}
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if _, err := train.Run(ctx, config, dir, interrupt(cancel)); !errors.Is(err, train.ErrInterrupted) {
				t.Fatalf("error %v", err)
			}
			result, err := train.Run(t.Context(), config, dir, train.Options{Resume: true})
			if err != nil {
				t.Fatal(err)
			}
			times := cmpopts.IgnoreFields(train.Epoch{}, "Seconds", "ViewsPerSecond", "PeakMemory")
			same := cmp.Comparer(func(a, b train.Number) bool { return a == b || a != a && b != b })
			if diff := cmp.Diff(whole.Epochs, result.Epochs, times, same); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// startTag stands for the events that say from which step on older ones do not count.
const startTag = "start"

// boardSteps reads the steps of the events of a tag in a TensorBoard file: records of a length, its checksum, an event and its
// checksum. In an event, field 2 is the step, field 5.1.1 the tag and field 7 the start of a session.
func boardSteps(t *testing.T, path, tag string) []int {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var steps []int
	for len(content) > 0 {
		n := binary.LittleEndian.Uint64(content)
		event := content[12 : 12+n]
		content = content[16+n:]
		found := field(t, event, 7) != nil && tag == startTag
		if summary := field(t, event, 5); summary != nil {
			found = string(field(t, field(t, summary, 1), 1)) == tag
		}
		if found {
			step, _ := protowire.ConsumeVarint(field(t, event, 2))
			steps = append(steps, int(step))
		}
	}
	return steps
}

// field returns the content of a message's field, nil if it has none of that number.
func field(t *testing.T, message []byte, number protowire.Number) []byte {
	t.Helper()
	for len(message) > 0 {
		n, kind, tagged := protowire.ConsumeTag(message)
		if tagged < 0 {
			t.Fatal(protowire.ParseError(tagged))
		}
		length := protowire.ConsumeFieldValue(n, kind, message[tagged:])
		if length < 0 {
			t.Fatal(protowire.ParseError(length))
		}
		value := message[tagged : tagged+length]
		if n == number {
			if kind == protowire.BytesType {
				value, _ = protowire.ConsumeBytes(value)
			}
			return value
		}
		message = message[tagged+length:]
	}
	return nil
}

// A resumed run goes on in a file of its own, where the other one ended.
func TestTensorBoardOfAResumedRun(t *testing.T) {
	config := small(picturetest.Splits(t, 8, 2, 16))
	dir := filepath.Join(t.TempDir(), "run")
	stopAfter(t, config, dir, train.Options{}, 5)
	if _, err := train.Run(t.Context(), config, dir, train.Options{Resume: true}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "tensorboard", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	var got [][]int
	var starts []int
	for _, path := range files { // in the order of their names, as TensorBoard reads them
		got = append(got, boardSteps(t, path, "step/loss"))
		starts = append(starts, boardSteps(t, path, startTag)...)
	}
	if !slices.Equal(starts, []int{0, 6}) {
		t.Errorf("the files say that they start at steps %v", starts)
	}
	if diff := cmp.Diff([][]int{{1, 2, 3, 4, 5}, {6, 7, 8}}, got); diff != "" {
		t.Error(diff)
	}
}

// The checkpoint that a stopped run names is from before the trouble: the newest may hold the weights that caused it.
func TestTroubleNamesACheckpointFromBefore(t *testing.T) {
	config := small(picturetest.Splits(t, 20, 2, 16))
	config.Optimizer.LearningRate = 1e30
	_, err := train.Run(t.Context(), config, filepath.Join(t.TempDir(), "run"), train.Options{})
	var trouble *train.Trouble
	if !errors.As(err, &trouble) {
		t.Fatal(err)
	}
	content, err := os.ReadFile(trouble.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range file.Tensors {
		tensor, err := file.Read(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		values, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if !(math.Abs(float64(v)) < 1e10) {
				t.Fatalf("%s of %s holds %g", info.Name, filepath.Base(trouble.Checkpoint), v)
			}
		}
	}
}

// Pictures that are all the same, and views that do not change them, leave one embedding.
func TestACollapseStopsTheRun(t *testing.T) {
	data := t.TempDir()
	for i := range 8 {
		if err := os.WriteFile(filepath.Join(data, strconv.Itoa(i)+".png"), onePixel(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	config := small(data)
	config.Epochs, config.HoldOut, config.MonitorEvery = 60, 0, 0
	config.SimCLR.Augment.Jitter, config.SimCLR.Augment.Grayscale = 0, 0
	var steps int
	dir := filepath.Join(t.TempDir(), "run")
	_, err := train.Run(t.Context(), config, dir, train.Options{OnStep: func(train.Step) { steps++ }})
	var trouble *train.Trouble
	if !errors.As(err, &trouble) || trouble.Step != 50 || steps != 50 || !strings.Contains(err.Error(), "collapsed") {
		t.Fatalf("error %v after %d steps, want a collapse after 50", err, steps)
	}
	if trouble.Checkpoint != "" {
		t.Errorf("it names %s, and was never any good", trouble.Checkpoint)
	}
	config.Watch, config.Epochs = false, 52
	mustRun(t, config, train.Options{})
}

func onePixel(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// The two ways in which a directory cannot be had for this process alone.
func TestDirectoriesThatCannotBeLocked(t *testing.T) {
	config := small(picturetest.Splits(t, 8, 2, 16))
	config.Epochs, config.MonitorEvery = 1, 0
	taken, odd := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
	if err := os.MkdirAll(filepath.Join(odd, ".lock"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := train.Run(t.Context(), config, odd, train.Options{})
	if err == nil || !strings.Contains(err.Error(), "cannot lock") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a folder in the place of the lock: error %v", err)
	}
	var second error
	if _, err := train.Run(t.Context(), config, taken, train.Options{OnStart: func(train.Start) {
		_, second = train.Run(t.Context(), config, taken, train.Options{Resume: true})
	}}); err != nil {
		t.Fatal(err)
	}
	if second == nil || !strings.Contains(second.Error(), "another process is training in "+taken) {
		t.Errorf("two at once: error %v", second)
	}
}

// Weights can overflow in the last step of an epoch, before any loss shows it. A watched run stops there; another one goes on to
// its end.
func TestRepresentationsThatAreNoNumbers(t *testing.T) {
	config := small(picturetest.Splits(t, 8, 2, 16))
	config.Batch, config.HoldOut, config.Epochs = 24, 0, 2 // a step an epoch
	config.Schedule.WarmupEpochs, config.Optimizer.LearningRate = 0, 1e37
	var trouble *train.Trouble
	_, err := train.Run(t.Context(), config, filepath.Join(t.TempDir(), "run"), train.Options{})
	if !errors.As(err, &trouble) || trouble.Step != 1 || !strings.Contains(err.Error(), "representations") {
		t.Errorf("error %v, want one about the representations after step 1", err)
	}
	config.Watch = false
	_, result := mustRun(t, config, train.Options{})
	if len(result.Epochs) != 3 || result.Epochs[0].Geometry == nil || result.Epochs[2].Geometry != nil {
		t.Errorf("epochs %+v", result.Epochs)
	}
}
