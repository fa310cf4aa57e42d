package train_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/internal/safetensors"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/train"
)

func TestEveryMethodHasDefaultsThatRun(t *testing.T) {
	for _, name := range method.Names() {
		for _, size := range []int{16, 32, 64, 65, 96, 224} {
			c, err := train.Default(name, size)
			if err != nil {
				t.Fatal(err)
			}
			c.Data = "pictures"
			if c.SupConText != nil {
				c.Text.Class = "class"
			}
			if err := c.Validate(); err != nil {
				t.Errorf("%s at %d px: %v", name, size, err)
			}
			if m, err := c.Method(); err != nil || m.Name() != name {
				t.Errorf("%s at %d px trains %v (%v)", name, size, m, err)
			}
		}
	}
}

// Every method on pictures trains in either precision, and the losses of both differ by rounding alone.
func TestEveryMethodTrainsInEitherPrecision(t *testing.T) {
	data := picturetest.Splits(t, 11, 2, 16)
	for _, name := range method.Names() {
		if name == "simcse" || name == "supcon_text" || name == "clip" {
			continue // see TestWhatTextRunsLearnFrom and TestWhatRunsOnPairsLearnFrom
		}
		t.Run(name, func(t *testing.T) {
			curves := map[string][]float64{}
			for _, precision := range []string{"f32", "bf16"} {
				c := smallOf(name, data)
				c.Epochs, c.MonitorEvery, c.CheckpointSeconds, c.Precision = 3, 0, 1000, precision
				run, _ := mustRun(t, c, train.Options{})
				steps, _ := metricsOf(t, run)
				for _, s := range steps {
					curves[precision] = append(curves[precision], float64(s.Loss))
				}
			}
			want, got := curves["f32"], curves["bf16"]
			if len(want) == 0 || len(want) != len(got) {
				t.Fatalf("%d steps in f32, %d in bf16", len(want), len(got))
			}
			// A batch of 8 gives batch norm statistics that make much of rounding, more with every step.
			if d := math.Abs(got[0] - want[0]); !(d <= 0.02*max(1, math.Abs(want[0]))) {
				t.Errorf("bf16 starts with a loss of %g, f32 with %g", got[0], want[0])
			}
			if last := len(want) - 1; !(math.Abs(got[last]-want[last]) <= 0.2*max(1, math.Abs(want[last]))) {
				t.Errorf("bf16 ends with a loss of %g, f32 with %g", got[last], want[last])
			}
		})
	}
}

// tensorsOf are the values of a file's tensors by name.
func tensorsOf(t *testing.T, content []byte) map[string][]float32 {
	t.Helper()
	file, err := safetensors.Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float32{}
	for _, info := range file.Tensors {
		tensor, err := file.Read(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		switch tensor.DType {
		case safetensors.I32:
			for at := 0; at < len(tensor.Data); at += 4 {
				values[info.Name] = append(values[info.Name], float32(int32(binary.LittleEndian.Uint32(tensor.Data[at:]))))
			}
		case safetensors.I64:
			for at := 0; at < len(tensor.Data); at += 8 {
				values[info.Name] = append(values[info.Name], float32(int64(binary.LittleEndian.Uint64(tensor.Data[at:]))))
			}
		default:
			if values[info.Name], err = tensor.Float32(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return values
}

// What a run leaves to evaluate is the online encoder (MoCo's query encoder), not the target's beside it in the checkpoint.
func TestTheOnlineEncoderIsEvaluated(t *testing.T) {
	data := picturetest.Splits(t, 11, 2, 16)
	for _, name := range []string{"moco", "mocov2", "byol"} {
		c := smallOf(name, data)
		c.MonitorEvery, c.CheckpointSeconds = 0, 1000
		run, _ := mustRun(t, c, train.Options{})
		state := tensorsOf(t, lastCheckpoint(t, run))
		for tensor, values := range tensorsOf(t, modelBytes(t, run)) {
			online, target := state[tensor], state["target/"+tensor]
			if online == nil || target == nil {
				t.Fatalf("%s: the checkpoint has not both networks' %s", name, tensor)
			}
			if !slices.Equal(values, online) {
				t.Errorf("%s: %s of the model is not the online encoder's", name, tensor)
			}
			if slices.Equal(values, target) {
				t.Errorf("%s: %s of the online encoder and of the target are the same: the test shows nothing", name, tensor)
			}
		}
	}
}

// The queue is in the checkpoint, with how much of it is filled.
func TestMoCoQueueIsInTheCheckpoint(t *testing.T) {
	c := smallOf("moco", picturetest.Splits(t, 11, 2, 16))
	c.MonitorEvery, c.CheckpointSeconds, c.HoldOut, c.Epochs, c.MoCo.Queue = 0, 1000, 0, 2, 100
	run, _ := mustRun(t, c, train.Options{})
	state := tensorsOf(t, lastCheckpoint(t, run))
	const pushed = 2 * 4 * 8 // 2 epochs of 4 batches of 8
	if filled := state["queue/filled"]; len(filled) != 1 || filled[0] != pushed {
		t.Errorf("%v rows are filled, want %d", filled, pushed)
	}
	keys := state["queue/keys"]
	if len(keys) != 100*c.MoCo.Out {
		t.Fatalf("the queue has %d numbers", len(keys))
	}
	for row := range 100 {
		length := 0.0
		for _, v := range keys[row*c.MoCo.Out : (row+1)*c.MoCo.Out] {
			length += float64(v * v)
		}
		if want := map[bool]float64{true: 1, false: 0}[row < pushed]; math.Abs(length-want) > 1e-5 {
			t.Errorf("row %d has the squared length %g, want %g", row, length, want)
		}
	}
}

// A run goes on with the queue that it was started with.
func TestAnotherQueueIsNotResumed(t *testing.T) {
	data := picturetest.Splits(t, 11, 2, 16)
	for _, name := range []string{"moco", "mocov2"} {
		c := smallOf(name, data)
		c.Epochs, c.MonitorEvery = 1, 0
		run, _ := mustRun(t, c, train.Options{})
		other := smallOf(name, data)
		other.Epochs, other.MonitorEvery = 1, 0
		if err := fields.Set(&other, name+".queue", "32"); err != nil {
			t.Fatal(err)
		}
		want := name + ".queue: 64 there, 32 here"
		if _, err := train.Run(t.Context(), other, run, train.Options{Resume: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// The batch must be as many equal groups as batch norm is split into.
func TestABatchThatCannotBeSplitIsRefused(t *testing.T) {
	for _, name := range []string{"moco", "mocov2"} {
		c := smallOf(name, "pictures")
		c.Batch = 9
		want := name + ".split_batch_norm is 2: it must divide the batch of 9 "
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// He et al. 2020, section 4, and facebookresearch/moco: main_moco.py for large pictures, colab/moco_cifar10_demo.ipynb for small
// ones. Everything decays. Version 1 has steps, version 2 a cosine.
func TestMoCoOptimizerIsThePublishedOne(t *testing.T) {
	for size, decay := range map[int]float64{32: 5e-4, 64: 5e-4, 65: 1e-4, 224: 1e-4} {
		v1, v2 := train.DefaultMoCo(size), train.DefaultMoCoV2(size)
		for _, c := range []train.Config{v1, v2} {
			if d := cmp.Diff(optim.Config{Name: optim.SGD, LearningRate: 0.03, Scaling: optim.LinearScaling, Momentum: 0.9, WeightDecay: decay, Mask: optim.All}, c.Optimizer); d != "" {
				t.Errorf("%d px: %s", size, d)
			}
			if c.Epochs != 200 || c.Optimizer.Rate(512) != 0.06 {
				t.Errorf("%d px: %d epochs with the rate %g for a batch of 512", size, c.Epochs, c.Optimizer.Rate(512))
			}
		}
		if d := cmp.Diff(optim.Schedule{Name: optim.Step, Milestones: []int{120, 160}, Factor: 0.1}, v1.Schedule); d != "" {
			t.Errorf("%d px: version 1: %s", size, d)
		}
		if d := cmp.Diff(optim.Schedule{Name: optim.Cosine}, v2.Schedule); d != "" {
			t.Errorf("%d px: version 2: %s", size, d)
		}
	}
}

// The steps of a schedule come at the same places of a run of another length; those that fall together are one.
func TestMilestonesFollowTheLengthOfTheRun(t *testing.T) {
	for epochs, want := range map[int][]int{200: {120, 160}, 100: {60, 80}, 10: {6, 8}, 3: {2}, 1: {1}, 800: {480, 640}} {
		c := train.DefaultMoCo(32)
		if got := c.WithEpochs(epochs).Schedule.Milestones; !slices.Equal(got, want) {
			t.Errorf("%d epochs: steps after %v, want %v", epochs, got, want)
		}
		if !slices.Equal(c.Schedule.Milestones, []int{120, 160}) {
			t.Fatalf("%d epochs changed the configuration they were made from", epochs)
		}
	}
}

// Grill et al. 2020, appendix B and byol/configs/byol.py for large pictures; for small ones lightly's SGD of 0.06 a batch of 128,
// with a decay of 5e-4, on a loss four times as large.
func TestBYOLOptimizerIsThePublishedOne(t *testing.T) {
	large, small := train.DefaultBYOL(224), train.DefaultBYOL(32)
	if d := cmp.Diff(optim.Config{Name: optim.LARS, LearningRate: 0.45, Scaling: optim.LinearScaling, Momentum: 0.9, WeightDecay: 1e-6, Trust: 1e-3, Mask: optim.Exclude1D}, large.Optimizer); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(optim.Config{Name: optim.SGD, LearningRate: 0.03, Scaling: optim.LinearScaling, Momentum: 0.9, WeightDecay: 2e-3, Mask: optim.All}, small.Optimizer); d != "" {
		t.Error(d)
	}
	for _, c := range []train.Config{large, small} {
		if d := cmp.Diff(optim.Schedule{Name: optim.Cosine, WarmupEpochs: 10}, c.Schedule); d != "" {
			t.Error(d)
		}
	}
}

// The authors set rate, decay and τ by the length of the run. What was set otherwise stays.
func TestBYOLFollowsTheLengthOfTheRun(t *testing.T) {
	type settings struct{ Rate, Decay, Tau float64 }
	of := func(c train.Config) settings {
		return settings{c.Optimizer.LearningRate, c.Optimizer.WeightDecay, c.BYOL.Tau}
	}
	for epochs, want := range map[int]settings{
		1: {0.45, 1e-6, 0.97}, 40: {0.45, 1e-6, 0.97}, 99: {0.45, 1e-6, 0.97}, 100: {0.45, 1e-6, 0.99}, 200: {0.45, 1e-6, 0.99},
		300: {0.3, 1e-6, 0.99}, 1000: {0.2, 1.5e-6, 0.996}, 2000: {0.2, 1.5e-6, 0.996},
	} {
		c := train.DefaultBYOL(224)
		if got := of(c.WithEpochs(7).WithEpochs(epochs)); got != want {
			t.Errorf("%d epochs: %+v, want %+v", epochs, got, want)
		}
		if of(c) != (settings{0.45, 1e-6, 0.99}) {
			t.Fatalf("%d epochs changed the configuration they were made from", epochs)
		}
		c.BYOL.Tau = 0.9
		if got := of(c.WithEpochs(epochs)); got != (settings{0.45, 1e-6, 0.9}) {
			t.Errorf("%d epochs changed a τ that was set to %+v", epochs, got)
		}
		if got := of(train.DefaultBYOL(32).WithEpochs(epochs)); got != (settings{0.03, 2e-3, 0.99}) {
			t.Errorf("%d epochs of small pictures: %+v", epochs, got)
		}
	}
}

// facebookresearch/barlowtwins main.py for large pictures; vturrisi/solo-learn scripts/pretrain/cifar/barlow.yaml for small ones.
func TestBarlowTwinsOptimizerIsThePublishedOne(t *testing.T) {
	large, small := train.DefaultBarlowTwins(224), train.DefaultBarlowTwins(32)
	if d := cmp.Diff(optim.Config{Name: optim.LARS, LearningRate: 0.2, BiasLearningRate: 0.0048, Scaling: optim.LinearScaling, Momentum: 0.9, WeightDecay: 1e-6, Trust: 1e-3, Mask: optim.Exclude1D}, large.Optimizer); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(optim.Config{Name: optim.LARS, LearningRate: 0.3, Scaling: optim.LinearScaling, Momentum: 0.9, WeightDecay: 1e-4, Trust: 0.02, Mask: optim.Exclude1D}, small.Optimizer); d != "" {
		t.Error(d)
	}
	for _, c := range []train.Config{large, small} {
		if d := cmp.Diff(optim.Schedule{Name: optim.Cosine, WarmupEpochs: 10, Final: 1e-3}, c.Schedule); d != "" {
			t.Error(d)
		}
	}
}

// Chen and He 2021, section 3 for large pictures, appendix D for small ones.
func TestSimSiamOptimizerIsThePublishedOne(t *testing.T) {
	for size, want := range map[int]optim.Config{
		224: {Name: optim.SGD, LearningRate: 0.05, Scaling: optim.LinearScaling, Momentum: 0.9, WeightDecay: 1e-4, Mask: optim.All},
		32:  {Name: optim.SGD, LearningRate: 0.03, Scaling: optim.LinearScaling, Momentum: 0.9, WeightDecay: 5e-4, Mask: optim.All},
	} {
		c := train.DefaultSimSiam(size)
		if d := cmp.Diff(want, c.Optimizer); d != "" {
			t.Errorf("%d px: %s", size, d)
		}
		if d := cmp.Diff(optim.Schedule{Name: optim.Cosine}, c.Schedule); d != "" {
			t.Errorf("%d px: %s", size, d)
		}
	}
}

// HobbitLong/SupContrast, main_supcon.py: the defaults of its flags and --cosine.
func TestSupConOptimizerIsThePublishedOne(t *testing.T) {
	for _, size := range []int{32, 224} {
		c := train.DefaultSupCon(size)
		if d := cmp.Diff(optim.Config{Name: optim.SGD, LearningRate: 0.05, Scaling: optim.LinearScaling, Momentum: 0.9, WeightDecay: 1e-4, Mask: optim.All}, c.Optimizer); d != "" {
			t.Errorf("%d px: %s", size, d)
		}
		if d := cmp.Diff(optim.Schedule{Name: optim.Cosine, Final: 1e-3}, c.Schedule); d != "" {
			t.Errorf("%d px: %s", size, d)
		}
	}
}

// SupCon has nothing to learn from where there are not two classes to tell apart, and says which layouts have some.
func TestSupConRefusesPicturesWithoutClasses(t *testing.T) {
	for name, lay := range map[string]func(data string){
		"none": func(data string) { picturetest.Classes(t, data, []string{"."}, 20, 16, 1) },
		"one":  func(data string) { picturetest.Classes(t, filepath.Join(data, "train"), []string{"a"}, 20, 16, 1) },
		"one to learn from": func(data string) {
			picturetest.Classes(t, filepath.Join(data, "train"), []string{"a"}, 20, 16, 1)
			picturetest.Classes(t, filepath.Join(data, "test"), []string{"a", "b"}, 5, 16, 2)
		},
	} {
		data, dir := t.TempDir(), filepath.Join(t.TempDir(), "run")
		lay(data)
		_, err := train.Run(t.Context(), smallOf("supcon", data), dir, train.Options{})
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line", name, err)
			continue
		}
		for _, said := range []string{"supcon learns to tell classes apart", data, "CLASS/*.jpg", "train/CLASS/*.jpg"} {
			if !strings.Contains(err.Error(), said) {
				t.Errorf("%s: error %v, want one with %q", name, err, said)
			}
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: left a run behind", name)
		}
	}
}

// What SupCon learns follows the classes: the same pictures in other ones give another encoder.
func TestSupConLearnsFromTheClasses(t *testing.T) {
	models := map[bool][]byte{}
	for _, mixed := range []bool{false, true} {
		data := t.TempDir()
		picturetest.Classes(t, data, []string{"a", "b"}, 8, 16, 1)
		if mixed { // pictures of the same names, the even ones in the other class
			for i := 0; i < 8; i += 2 {
				name := fmt.Sprintf("%03d.png", i)
				a, b, aside := filepath.Join(data, "a", name), filepath.Join(data, "b", name), filepath.Join(data, "aside")
				for _, move := range [][2]string{{a, aside}, {b, a}, {aside, b}} {
					if err := os.Rename(move[0], move[1]); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		c := smallOf("supcon", data)
		c.MonitorEvery, c.HoldOut, c.CheckpointSeconds = 0, 0, 1000
		run, _ := mustRun(t, c, train.Options{})
		models[mixed] = modelBytes(t, run)
	}
	if bytes.Equal(models[false], models[true]) {
		t.Error("the classes make no difference")
	}
}
