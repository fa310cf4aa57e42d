package method_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/positive"
)

// facebookresearch/swav, swav_200ep_bs256_pretrain.sh, and lightly's cifar10_benchmark.py.
func TestSwAVDefaultsArePublished(t *testing.T) {
	for _, c := range []struct {
		size int
		want method.SwAV
		crop [2]int // sides
	}{
		{32, method.SwAV{Prototypes: 512}, [2]int{32, 16}},
		{64, method.SwAV{Prototypes: 512}, [2]int{64, 32}},
		{224, method.SwAV{Prototypes: 3000, FreezeSteps: 5005, Queue: 3840, QueueEpochs: 15, SmallCrops: 6}, [2]int{224, 96}},
	} {
		got := method.DefaultSwAV(c.size)
		if err := got.Validate(); err != nil {
			t.Errorf("%d px: %v", c.size, err)
		}
		large, small := got.Augment, got.Small
		if large.Size != c.crop[0] || small.Size != c.crop[1] || large.CropScale != [2]float64{0.14, 1} || small.CropScale != [2]float64{0.05, 0.14} {
			t.Errorf("%d px: crops %+v and %+v", c.size, large, small)
		}
		views := got.Views()
		if len(views) != 2+c.want.SmallCrops || views[0] != large || views[1] != large {
			t.Errorf("%d px: %d views, the first %+v", c.size, len(views), views[0])
		}
		for _, v := range views[2:] {
			if v != small {
				t.Errorf("%d px: a small crop is %+v", c.size, v)
			}
		}
		c.want.Temperature, c.want.Epsilon, c.want.Iterations, c.want.Out = 0.1, 0.05, 3, 128
		got.Augment, got.Small = positive.ImageConfig{}, positive.ImageConfig{}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%d px: %s", c.size, diff)
		}
	}
}

func TestSwAVValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*method.SwAV)
	}{
		{"temperature", func(m *method.SwAV) { m.Temperature = 0 }},
		{"temperature", func(m *method.SwAV) { m.Temperature = math.Inf(1) }},
		{"epsilon", func(m *method.SwAV) { m.Epsilon = -1 }},
		{"epsilon", func(m *method.SwAV) { m.Epsilon = math.NaN() }},
		{"sinkhorn_iterations", func(m *method.SwAV) { m.Iterations = 0 }},
		{"sinkhorn_iterations", func(m *method.SwAV) { m.Iterations = 101 }},
		{"prototypes", func(m *method.SwAV) { m.Prototypes = 1 }},
		{"prototypes", func(m *method.SwAV) { m.Prototypes = 1 << 20 }},
		{"freeze_steps", func(m *method.SwAV) { m.FreezeSteps = -1 }},
		{"queue", func(m *method.SwAV) { m.Queue = -1 }},
		{"queue", func(m *method.SwAV) { m.Queue = 1 << 30 }},
		{"queue_epochs", func(m *method.SwAV) { m.QueueEpochs = -1 }},
		{"projector_hidden", func(m *method.SwAV) { m.Hidden = -1 }},
		{"projector_out", func(m *method.SwAV) { m.Out = 1 }},
		{"small_crops", func(m *method.SwAV) { m.SmallCrops = -1 }},
		{"small_crops", func(m *method.SwAV) { m.SmallCrops = 100 }},
		{"augment.flip", func(m *method.SwAV) { m.Augment.Flip = 2 }},
		{"augment_small.size", func(m *method.SwAV) { m.Small.Size = 0 }},
	} {
		m := method.DefaultSwAV(32)
		c.change(&m)
		if err := m.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.want+" ") {
			t.Errorf("error %v, want one about %s", err, c.want)
		}
	}
}

// The head has a bias in its last layer alone, and prototypes have none.
func TestSwAVTrainsThePartsOfItsHead(t *testing.T) {
	want := []string{
		"/backbone/dense/weights", "/projector/layer_0/norm/offset", "/projector/layer_0/norm/scale", "/projector/layer_0/weights",
		"/projector/layer_1/bias", "/projector/layer_1/weights", "/prototypes/weights",
	}
	m := method.DefaultSwAV(32)
	m.Queue = 8
	if got := trainedBy(t, m); !slices.Equal(got, want) {
		t.Errorf("trained are %v, want %v", got, want)
	}
}

// meanEncoder takes pictures of any size, and keeps the shapes of those that it was given.
type meanEncoder struct{ given *[]string }

func (meanEncoder) Dim() int          { return width }
func (meanEncoder) MinImageSize() int { return 1 }
func (e meanEncoder) Features(scope *model.Scope, images *graph.Node) *graph.Node {
	*e.given = append(*e.given, images.Shape().String())
	return nn.Dense(scope.In("dense"), graph.ReduceMean(images, 1, 2), width, false)
}

// onCrops runs SwAV's loss on noise of the views' sizes, in a precision, and returns the loss, the embeddings and the
// prototypes, with the shapes that the encoder was given.
func onCrops(t *testing.T, m method.SwAV, precision dtypes.DType) (loss float64, z, c [][]float64, given []string) {
	t.Helper()
	backend, err := device.Open(device.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	store := model.NewStore()
	nn.SetSeed(store, 1)
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, views []*graph.Node) []*graph.Node {
		g := views[0].Graph()
		store.SetTraining(g, true)
		batch := method.Batch{Clock: method.Clock{Step: graph.Scalar(g, dtypes.Float32, 0), Steps: 1, StepsPerEpoch: 1}}
		for _, v := range views {
			batch.Views = append(batch.Views, graph.ConvertDType(v, precision))
		}
		o := m.Loss(scope, meanEncoder{&given}, batch)
		return []*graph.Node{o.Loss, o.Embeddings}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	random := rng.New(3, 0, 0, 0)
	var views []*tensors.Tensor
	for _, v := range m.Views() {
		flat := make([]float32, items*v.Size*v.Size*3)
		for i := range flat {
			flat[i] = float32(random.NormFloat64())
		}
		views = append(views, tensors.FromFlatDataAndDimensions(flat, items, v.Size, v.Size, 3))
	}
	outputs, err := exec.Call(asAny(views)...)
	if err != nil {
		t.Fatal(err)
	}
	rows := func(x *tensors.Tensor) [][]float64 { return slices.Collect(slices.Chunk(floats(x), m.Out)) }
	return floats(outputs[0])[0], rows(outputs[1]), rows(store.GetVariable(prototypesPath).MustValue()), given
}

// Crops of one size go through the encoder together, and each size goes once.
func TestSwAVEncodesEachSizeOfCropOnce(t *testing.T) {
	m := method.DefaultSwAV(16)
	m.SmallCrops = 3
	m.Small.Size = 9
	_, z, _, given := onCrops(t, m, dtypes.Float32)
	want := []string{fmt.Sprintf("(Float32)[%d, 16, 16, 3]", 2*items), fmt.Sprintf("(Float32)[%d, 9, 9, 3]", 3*items)}
	if !slices.Equal(given, want) || len(z) != 5*items {
		t.Errorf("the encoder was given %v, want %v; there are %d embeddings", given, want, len(z))
	}
	m.Small.Size = 16
	if _, _, _, given := onCrops(t, m, dtypes.Float32); len(given) != 1 {
		t.Errorf("crops of one size went through the encoder as %v", given)
	}
}

// Whatever the networks compute in, embeddings and prototypes are unit rows in float32, and so is all that follows: the loss
// is that of these very rows.
func TestSwAVCodesAreFloat32InAnyPrecision(t *testing.T) {
	m := method.DefaultSwAV(8)
	m.SmallCrops, m.Prototypes, m.Out = 1, 6, 3
	for _, precision := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		got, z, c, _ := onCrops(t, m, precision)
		for _, row := range slices.Concat(z, c) {
			if length := norm(row); math.Abs(length-1) > 1e-6 {
				t.Errorf("%s: a row of length %g", precision, length)
			}
		}
		ref := &swavPaper{SwAV: m}
		want := ref.swapped(scores(z, slices.Concat(c...)), ref.codesOf(z, slices.Concat(c...), nil))
		if math.Abs(got-want) > 1e-5 {
			t.Errorf("%s: loss %.7g, want %.7g", precision, got, want)
		}
	}
}

// While prototypes are frozen, no optimizer turns them, however much they decay; afterwards, all do.
func TestSwAVFrozenPrototypesKeepTheirDirection(t *testing.T) {
	larc := optim.DefaultLARC()
	larc.WeightDecay, larc.Trust = 0.5, 0.1
	sgd := optim.DefaultSGD()
	sgd.WeightDecay = 0.5
	adam := optim.DefaultAdamW()
	for _, optimizer := range []optim.Config{larc, sgd, adam} {
		t.Run(optimizer.Name, func(t *testing.T) {
			const frozen = 4
			m := method.DefaultSwAV(32)
			m.FreezeSteps, m.Out, m.Prototypes = frozen, out, 4
			backend, err := device.Open(device.Default)
			if err != nil {
				t.Fatal(err)
			}
			defer backend.Finalize()
			store, exec := stepOf(t, backend, m, optimizer, 0.1)
			defer exec.Finalize()
			random := rng.New(5, 0, 0, 0)
			directions := func() []float64 {
				c := floats(store.GetVariable(prototypesPath).MustValue())
				for row := range slices.Chunk(c, m.Out) {
					unit(row)
				}
				return c
			}
			start := directions()
			for step := range frozen + 2 {
				input, _ := draw(m, random.NormFloat64, step)
				if _, err := exec.Call(asAny(input)...); err != nil {
					t.Fatal(err)
				}
				turned := 0.0
				for i, v := range directions() {
					turned = max(turned, math.Abs(v-start[i]))
				}
				if step < frozen && turned > 1e-6 {
					t.Fatalf("step %d turned the frozen prototypes by %g", step, turned)
				}
				if step >= frozen && turned < 1e-4 {
					t.Errorf("step %d left the prototypes where they were, %g apart", step, turned)
				}
			}
		})
	}
}

// A queue that starts to fill in the second epoch, of two steps, and takes one to be full, joins in the step after: until then
// a run is as one without a queue.
func TestSwAVQueueJoinsOnceItIsFull(t *testing.T) {
	losses := func(queue int) (list []float64) {
		m := method.DefaultSwAV(32)
		m.Out, m.Prototypes, m.Queue, m.QueueEpochs = out, 4, queue, 1
		backend, err := device.Open(device.Default)
		if err != nil {
			t.Fatal(err)
		}
		defer backend.Finalize()
		store, exec := stepOf(t, backend, m, optim.DefaultSGD(), 0.1)
		defer exec.Finalize()
		random := rng.New(7, 0, 0, 0)
		perturbed(t, store, random.NormFloat64)
		for step := range stepsPerEpoch + 2 {
			input, _ := draw(m, random.NormFloat64, step)
			outputs, err := exec.Call(asAny(input)...)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, floats(outputs[0])[0])
		}
		return list
	}
	with, without := losses(items), losses(0)
	for step := range with {
		if joined := math.Abs(with[step]-without[step]) > 1e-3; joined != (step == stepsPerEpoch+1) {
			t.Errorf("step %d: loss %g with a queue, %g without", step, with[step], without[step])
		}
	}
}
