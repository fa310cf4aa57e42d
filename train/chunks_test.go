package train

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/negative"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
)

// rowEncoder is h = tanh(layer norm(pixels W)): what it makes of a picture depends on no other.
type rowEncoder struct{ norm bool }

const rowWidth = 6

func (rowEncoder) Dim() int          { return rowWidth }
func (rowEncoder) MinImageSize() int { return 1 }
func (e rowEncoder) Features(scope *model.Scope, images *graph.Node) *graph.Node {
	h := nn.Dense(scope.In("dense"), graph.Reshape(images, images.Shape().Dim(0), -1), rowWidth, true)
	if e.norm {
		return graph.Tanh(nn.BatchNorm(scope.In("norm"), h, nn.FullNorm))
	}
	return graph.Tanh(nn.LayerNorm(scope.In("norm"), h, 1e-6))
}

// words is a transformer of texts with the given dropout.
func words(dropout float64) backbone.TextEncoder {
	t := backbone.NewTransformer(1, 16, 30)
	t.Heads, t.Feedforward, t.Dropout, t.AttentionDropout = 2, 16, dropout, dropout
	return t.Hidden
}

// chunkedLearners are learners of all methods that learn from chunks. Texts are few, so that batches have some twice.
func chunkedLearners(dropout float64) map[string]learner {
	pictures := func(m method.ImageMethod) learner { return imageLearner{m, rowEncoder{}, dtypes.Float32} }
	texts := func(m method.TextMethod, texts int) learner {
		return textLearner{how: m, encoder: words(dropout), precision: dtypes.Float32, texts: texts, vocabulary: 2, lengths: []int{3}}
	}
	pairs := func(change func(*method.CLIP)) learner {
		m := method.DefaultCLIP(8, method.Softmax)
		m.Out, m.Temperature, m.Pooling = 5, 0.5, backbone.PoolCLS
		change(&m)
		return pairLearner{how: m, image: rowEncoder{}, text: words(dropout), precision: dtypes.Float32, vocabulary: 2, lengths: []int{3}, captions: 2}
	}
	decoupled := method.DefaultSimCLR(8)
	decoupled.Decoupled = true
	hard := method.DefaultSimCSE(3)
	hard.HardNegativeWeight, hard.MaskClasses, hard.Negatives = 0.5, true, negative.TextConfig{Negation: true}
	return map[string]learner{
		"simclr":                     pictures(method.DefaultSimCLR(8)),
		"simclr, decoupled":          pictures(decoupled),
		"supcon":                     pictures(method.DefaultSupCon(8)),
		"simcse":                     texts(method.DefaultSimCSE(1), 1),
		"simcse with hard negatives": texts(hard, 4),
		"supcon_text":                texts(method.DefaultSupConText(), 1),
		"clip":                       pairs(func(*method.CLIP) {}),
		"clip, frozen pictures":      pairs(func(m *method.CLIP) { m.FreezeImage = true }),
		"siglip":                     pairs(func(m *method.CLIP) { m.Contrast, m.Bias = method.Sigmoid, -2 }),
	}
}

func openCPU(t *testing.T) compute.Backend {
	t.Helper()
	backend, err := device.Open(device.Default)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	return backend
}

func seeded() *model.Store {
	store := model.NewStore()
	nn.SetSeed(store, 1)
	return store
}

// momentum is an optimizer that shows a difference in any gradient, and in its norm.
func momentum() optim.Config {
	c := optim.DefaultSGD()
	c.ClipNorm, c.WeightDecay = 0.5, 0.01
	return c
}

const testBatch = 8

// chunkedOn prepares steps in chunks on variables in store.
func chunkedOn(t *testing.T, backend compute.Backend, store *model.Store, l learner, chunk int) *chunkedStepper {
	t.Helper()
	s, err := newChunkedStepper(backend, store, l, momentum(), length{steps: 3, perEpoch: 1}, chunk)
	if err == nil {
		err = s.compile(testBatch)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// allValues are those of all variables of float32.
func allValues(store *model.Store) map[string][]float32 {
	values := map[string][]float32{}
	for v := range store.IterVariables() {
		if v.DType() == dtypes.Float32 {
			values[v.Path()] = tensors.MustCopyFlatData[float32](v.MustValue())
		}
	}
	return values
}

func checkAlike(t *testing.T, want, got map[string][]float32, bound float64) {
	t.Helper()
	if len(want) != len(got) || len(want) == 0 {
		t.Errorf("%d variables, want %d", len(got), len(want))
	}
	for path, values := range want {
		for i, v := range values {
			if difference := math.Abs(float64(v - got[path][i])); !(difference <= bound*(1+math.Abs(float64(v)))) {
				t.Errorf("%s[%d] is %g, want %g", path, i, got[path][i], v)
				break
			}
		}
	}
}

// Whatever the chunk, of an encoder that sees each item by itself a step is the one in one piece: the loss, all weights with the
// learned scale, what the optimizer remembers and the statistics of the heads' batch norm.
func TestAStepInChunksIsTheStepInOnePiece(t *testing.T) {
	for name, l := range chunkedLearners(0) {
		for _, chunk := range []int{1, 2, 4, testBatch} {
			t.Run(fmt.Sprintf("%s by %d", name, chunk), func(t *testing.T) {
				backend, one, many := openCPU(t), seeded(), seeded()
				whole, err := newStepper(backend, one, l, momentum(), length{steps: 3, perEpoch: 1})
				if err != nil {
					t.Fatal(err)
				}
				chunks := chunkedOn(t, backend, many, l, chunk)
				random := rng.New(3, 0, 0, 0)
				for step := range 3 {
					in := stepInput{step, 0.1, l.random(testBatch, random)}
					loss, norm, std, err := whole.take(in)
					if err != nil {
						t.Fatal(err)
					}
					gotLoss, gotNorm, gotStd, err := chunks.take(in)
					if err != nil {
						t.Fatal(err)
					}
					for _, pair := range [][2]float64{{loss, gotLoss}, {norm, gotNorm}, {std, gotStd}} {
						if math.Abs(pair[0]-pair[1]) > 2e-5*(1+pair[0]) {
							t.Errorf("step %d: loss, gradient and spread %g, %g, %g, want %g, %g, %g", step, gotLoss, gotNorm, gotStd, loss, norm, std)
							break
						}
					}
					checkAlike(t, allValues(one), allValues(many), 2e-5)
				}
			})
		}
	}
}

// With dropout, gradients are those of one graph in which each chunk is encoded once: the replay draws what was drawn. One that draws
// anew is found out.
func TestTheReplayDropsWhatWasDropped(t *testing.T) {
	for name, l := range chunkedLearners(0.3) {
		if _, onPictures := l.(imageLearner); onPictures {
			continue
		}
		t.Run(name, func(t *testing.T) {
			backend, store := openCPU(t), seeded()
			s := chunkedOn(t, backend, store, l, 2)
			in := stepInput{arrays: l.random(testBatch, rng.New(4, 0, 0, 0))}
			c, err := s.compareWithOnePiece(store, in, s.chunk, tolerance{1e-5, 1e-5})
			if err != nil {
				t.Fatal(err)
			}
			if equal := (LargeBatch{Comparisons: []Comparison{c}}).Equal(); !equal {
				t.Errorf("the gradients differ: %+v", c)
			}
			random := s.state
			s.state = nil // nothing is put back
			before, err := (&chunkedStepper{state: random}).stateNow()
			if err != nil {
				t.Fatal(err)
			}
			loss, _, gradients, err := s.gradients(in)
			if err != nil {
				t.Fatal(err)
			}
			if err := (&chunkedStepper{state: random}).putBack(before); err != nil {
				t.Fatal(err)
			}
			want, whole, err := onePiece(backend, store, l, in, s.chunk)
			if err != nil {
				t.Fatal(err)
			}
			got, err := valuesOf(s.params, gradients)
			if err != nil {
				t.Fatal(err)
			}
			c = Comparison{Loss: Number(want), Chunked: Number(loss), Bound: 1e-5, Parts: differences(whole, got, 0.05, 1)}
			if (LargeBatch{Comparisons: []Comparison{c}}).Equal() {
				t.Errorf("a replay that draws anew is not found out: %+v", c)
			}
		})
	}
}

// A step moves dropout's random state on, so that the next one drops something else, and by as much as its draws.
func TestARandomStateMovesOnceAStep(t *testing.T) {
	l := chunkedLearners(0.3)["simcse"]
	backend, many, once := openCPU(t), seeded(), seeded()
	s := chunkedOn(t, backend, many, l, 2)
	in := stepInput{arrays: l.random(testBatch, rng.New(4, 0, 0, 0))}
	if _, _, _, err := s.take(in); err != nil {
		t.Fatal(err)
	}
	if _, _, err := onePiece(backend, once, l, in, 2); err != nil {
		t.Fatal(err)
	}
	path := model.JoinPath(model.ScopeSeparator, model.RNGStateVariableName)
	got := tensors.MustCopyFlatData[uint64](many.GetVariable(path).MustValue())
	want := tensors.MustCopyFlatData[uint64](once.GetVariable(path).MustValue())
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the random state is %d, want %d", got, want)
	}
}

// Batch norm in the encoder has the statistics of each chunk: the gradients are those of one graph that says so, the running
// statistics move once for each chunk, and the step is not the one in one piece, which is found out.
func TestBatchNormSeesChunks(t *testing.T) {
	l := imageLearner{method.DefaultSimCLR(8), rowEncoder{norm: true}, dtypes.Float32}
	backend, store, once := openCPU(t), seeded(), seeded()
	s := chunkedOn(t, backend, store, l, 4)
	in := stepInput{arrays: l.random(testBatch, rng.New(4, 0, 0, 0))}
	for chunk, want := range map[int]bool{4: true, 0: false} {
		c, err := s.compareWithOnePiece(store, in, chunk, float32Tolerance)
		if err != nil {
			t.Fatal(err)
		}
		if equal := (LargeBatch{Comparisons: []Comparison{c}}).Equal(); equal != want {
			t.Errorf("in chunks of %d, the same is %t: %+v", chunk, equal, c)
		}
	}
	again := seeded()
	s = chunkedOn(t, backend, again, l, 4)
	if _, _, _, err := s.gradients(in); err != nil {
		t.Fatal(err)
	}
	if _, _, err := onePiece(backend, once, l, in, 4); err != nil {
		t.Fatal(err)
	}
	got := allValues(again)
	for path := range got {
		if !strings.HasPrefix(path, "/backbone") && !strings.HasPrefix(path, "/projector") {
			delete(got, path) // what the optimizer remembers
		}
	}
	checkAlike(t, allValues(once), got, 1e-6)
}

// In tiles, which say what is alike by numbers, every method's loss and gradients are those in one piece.
func TestLossesInTilesAreThoseInOnePiece(t *testing.T) {
	for name, l := range chunkedLearners(0) {
		t.Run(name, func(t *testing.T) {
			backend, store := openCPU(t), seeded()
			in := stepInput{arrays: l.random(testBatch, rng.New(5, 0, 0, 0))}
			want, whole, err := onePiece(backend, store, l, in, 0)
			if err != nil {
				t.Fatal(err)
			}
			got, tiled, err := onePiece(backend, store, inTiles{l}, in, 0)
			if err != nil {
				t.Fatal(err)
			}
			c := Comparison{Loss: Number(want), Chunked: Number(got), Bound: 1e-5, Parts: differences(whole, tiled, 1e-4, 1)}
			if !(LargeBatch{Comparisons: []Comparison{c}}).Equal() {
				t.Errorf("in tiles: %+v", c)
			}
		})
	}
}

// inTiles is a learner whose losses are in tiles of three rows.
type inTiles struct{ learner }

func (l inTiles) batch(inputs []*graph.Node) method.Batch {
	b := l.learner.batch(inputs)
	b.Losses = loss.Tiles{Rows: 3}
	return b
}

// In bfloat16 the chunks' gradients are rounded one by one, and differ by as much. A device without loops in graphs has chunks too.
func TestChunksInOtherPrecisionsAndOnOtherDevices(t *testing.T) {
	pictures := imageLearner{method.DefaultSimCLR(8), rowEncoder{}, dtypes.BFloat16}
	pairs := chunkedLearners(0)["clip, frozen pictures"].(pairLearner)
	pairs.precision = dtypes.BFloat16
	for name, c := range map[string]struct {
		device  string
		learner learner
		allowed tolerance
	}{
		"pictures in bfloat16": {device.Default, pictures, bfloat16Tolerance},
		"pairs in bfloat16":    {device.Default, pairs, bfloat16Tolerance},
		"pictures on go":       {"go", chunkedLearners(0)["supcon"], float32Tolerance},
		"sentences on go":      {"go", chunkedLearners(0)["simcse"], float32Tolerance},
		"pairs on go":          {"go", chunkedLearners(0)["clip"], float32Tolerance},
	} {
		t.Run(name, func(t *testing.T) {
			l := c.learner
			backend, err := device.Open(c.device)
			if err != nil {
				t.Fatal(err)
			}
			defer backend.Finalize()
			store := seeded()
			s := chunkedOn(t, backend, store, l, 2)
			in := stepInput{0, 0.1, l.random(testBatch, rng.New(6, 0, 0, 0))}
			if _, _, _, err := s.take(in); err != nil {
				t.Fatal(err)
			}
			found, err := s.compareWithOnePiece(store, in, 0, c.allowed)
			if err != nil {
				t.Fatal(err)
			}
			if !(LargeBatch{Comparisons: []Comparison{found}}).Equal() {
				t.Errorf("chunks differ: %+v", found)
			}
		})
	}
}

// A step that memory does not hold is refused with a batch or with chunks that fit, where the method has any.
func TestAStepThatIsTooLargeIsToldOfChunks(t *testing.T) {
	for _, c := range []struct {
		method string
		chunk  int
		want   string
	}{
		{"simclr", 0, "a step on 256 pictures needs 8.0 GiB of memory, 3.0 GiB are there: a batch of about 96 would fit, or this one in chunks: --chunk 64"},
		{"simclr", 128, "take a smaller chunk than 128, or a smaller batch"},
		{"byol", 0, "a batch of about 96 would fit"},
	} {
		config, err := Default(c.method, 32)
		if err != nil {
			t.Fatal(err)
		}
		config.Chunk = c.chunk
		said := config.tooLarge(fmt.Errorf("compiling: %w", &device.MemoryError{Peak: 8 << 30, Available: 3 << 30})).Error()
		if !strings.HasSuffix(said, c.want) {
			t.Errorf("%s in chunks of %d: %s, want %s", c.method, c.chunk, said, c.want)
		}
	}
	if err := errors.New("another"); (Config{}).tooLarge(err) != err {
		t.Error("another error does not stay as it is")
	}
}

// What a method cannot do with chunks is refused, with what it could do.
func TestChunksThatCannotBeAreRefused(t *testing.T) {
	for _, c := range []struct {
		method       string
		batch, chunk int
		want         string
	}{
		{"simclr", 256, 0, ""},
		{"simclr", 256, 64, ""},
		{"simclr", 256, 256, ""},
		{"clip", 256, 128, ""},
		{"byol", 256, 0, ""},
		{"simclr", 256, -1, "must be 0"},
		{"simclr", 256, 100, "must be a multiple of it, as of 64 and 128"},
		{"simclr", 256, 512, "as of 256"},
		{"simsiam", 256, 64, "no negatives"},
		{"byol", 256, 64, "no negatives"},
		{"moco", 256, 64, "queue"},
		{"mocov2", 256, 64, "queue"},
		{"barlowtwins", 256, 64, "statistics"},
		{"swav", 256, 64, "balances codes"},
	} {
		config, err := Default(c.method, 32)
		if err != nil {
			t.Fatal(err)
		}
		config.Data, config.Batch, config.Chunk = "anywhere", c.batch, c.chunk
		if err := config.Validate(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s on %d by %d: error %v, want %q", c.method, c.batch, c.chunk, err, c.want)
		}
	}
}

// An encoder that tells nothing apart has gradients that cancel out, of which rounding is left: what is small beside the loss is no
// difference, and what is not is one.
func TestRoundingIsNoDifference(t *testing.T) {
	for difference, same := range map[float32]bool{5e-8: true, 1e-6: false, float32(math.NaN()): false} {
		want := map[string][]float32{"/backbone/w": {2e-3, 0}, "/projector/w": {2.5e-4, 1e-5}}
		got := map[string][]float32{"/backbone/w": {2e-3, 0}, "/projector/w": {2.5e-4, 1e-5 + difference}}
		found := LargeBatch{Comparisons: []Comparison{{Parts: differences(want, got, float32Tolerance.gradient, 3.46)}}}
		if found.Equal() != same {
			t.Errorf("a difference of %g in gradients up to 0.002 counts as none: %v", difference, !same)
		}
	}
}
