package pretrained_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/pretrained"
)

// golden is what transformers and sentence-transformers make of some padded texts: bench/peers/encoders.py wrote it.
type golden struct {
	Texts   []string      `json:"texts"`
	IDs     [][]int32     `json:"ids"`
	Mask    [][]int       `json:"mask"`
	Hidden  [][][]float64 `json:"hidden"`
	Vectors [][]float64   `json:"vectors"`
}

func readGolden(t testing.TB, dir string) golden {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// tokens are the texts' ids and mask.
func (g golden) tokens() (ids, mask *tensors.Tensor) {
	var flatIDs []int32
	var flatMask []bool
	for i, row := range g.IDs {
		flatIDs = append(flatIDs, row...)
		for _, m := range g.Mask[i] {
			flatMask = append(flatMask, m == 1)
		}
	}
	rows, length := len(g.IDs), len(g.IDs[0])
	return tensors.FromFlatDataAndDimensions(flatIDs, rows, length), tensors.FromFlatDataAndDimensions(flatMask, rows, length)
}

// run computes the hidden states, and the vectors if the folder says how, with the weights of a store.
func run(t testing.TB, on string, store *model.Store, m pretrained.Model, g golden) (hidden, vectors []float32) {
	t.Helper()
	b, err := device.Open(on)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	encoder, err := m.Encoder.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	exec, err := model.NewExec(b, store, func(scope *model.Scope, ids, mask *graph.Node) []*graph.Node {
		scope = scope.In("encoder")
		hidden := encoder.Hidden(scope, backbone.Tokens{IDs: ids, Mask: mask})
		if m.Pooling == "" {
			return []*graph.Node{hidden, hidden}
		}
		h := backbone.Pool(hidden, mask, m.Pooling)
		if m.Dense {
			h = graph.Tanh(nn.Dense(scope.In("dense"), h, encoder.Dim(), true))
		}
		if m.Projection > 0 {
			h = nn.Dense(scope.In("projection"), h, m.Projection, false)
		}
		if m.Normalize {
			h = graph.L2Normalize(h, -1)
		}
		return []*graph.Node{hidden, h}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	ids, mask := g.tokens()
	outputs, err := exec.Call(ids, mask)
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](outputs[0]), tensors.MustCopyFlatData[float32](outputs[1])
}

// load reads a folder's encoder into a new store.
func load(t testing.TB, dir string) (*pretrained.Folder, *model.Store) {
	t.Helper()
	folder, err := pretrained.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	if err := folder.Assign(store.RootScope().At("encoder")); err != nil {
		t.Fatal(err)
	}
	if folder.Projection > 0 {
		if err := folder.AssignProjection(store.RootScope().At("encoder").In("projection")); err != nil {
			t.Fatal(err)
		}
	}
	return folder, store
}

// compare returns the largest difference from the golden values.
func compare(t testing.TB, g golden, hidden, vectors []float32) float64 {
	t.Helper()
	var largest float64
	see := func(got float32, want float64) { largest = max(largest, math.Abs(float64(got)-want)) }
	for i, row := range g.Hidden {
		for j, state := range row {
			for d, want := range state {
				if g.Mask[i][j] == 1 { // states of padding have no meaning
					see(hidden[(i*len(row)+j)*len(state)+d], want)
				}
			}
		}
	}
	for i, row := range g.Vectors {
		for d, want := range row {
			see(vectors[i*len(row)+d], want)
		}
	}
	if len(g.Hidden)+len(g.Vectors) == 0 {
		t.Error("nothing to compare with")
	}
	return largest
}

// Hidden states of BERT in float32, RoBERTa in float16 and DistilBERT in bfloat16, sentence-transformers' vectors, and both of CLIP's
// encoder of texts, by itself with GELU in float16, with its projection in float32, and as a part of CLIP in bfloat16, on both devices. $ALIKE_REFERENCE may name a folder with another golden.json and, in the file folder, where the encoder is; what is read is
// saved to $ALIKE_SAVE.
func TestFoldersGiveTheReferencesVectors(t *testing.T) {
	dirs := map[string]float64{"testdata/bert": 1e-5, "testdata/roberta": 1e-5, "testdata/distilbert": 1e-5, "testdata/sentence": 1e-5, "testdata/static": 1e-5,
		"testdata/clip_text": 1e-5, "testdata/clip_projection": 1e-5, "testdata/clip": 1e-5, "testdata/open_clip": 1e-5}
	if extra := os.Getenv("ALIKE_REFERENCE"); extra != "" {
		dirs[extra] = 1e-4
	}
	for dir, tolerance := range dirs {
		g := readGolden(t, dir)
		at := dir
		if text, err := os.ReadFile(filepath.Join(dir, "folder")); err == nil {
			at = strings.TrimSpace(string(text))
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for _, on := range []string{"go", "cpu"} {
			folder, store := load(t, at)
			hidden, vectors := run(t, on, store, folder.Model, g)
			difference := compare(t, g, hidden, vectors)
			t.Logf("%s on %s: the largest difference is %.2g", at, on, difference)
			if !(difference <= tolerance) {
				t.Errorf("%s on %s: a difference of %g", at, on, difference)
			}
			if save := os.Getenv("ALIKE_SAVE"); save != "" && at != dir {
				if err := folder.Save(save, store.RootScope().At("encoder"), copyTokenizer(folder)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// copyTokenizer copies what there is of a folder's tokenizer.
func copyTokenizer(folder *pretrained.Folder) func(dir string) error {
	return func(dir string) error {
		for _, name := range []string{"tokenizer.json", "tokenizer_config.json", "vocab.txt"} {
			content, err := os.ReadFile(filepath.Join(folder.TokenizerDir, name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				return err
			}
		}
		return nil
	}
}

// A run that starts from a folder's weights computes in bfloat16 as well.
func TestFoldersComputeInBFloat16(t *testing.T) {
	g := readGolden(t, "testdata/bert")
	folder, store := load(t, "testdata/bert")
	b, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	exec, err := model.NewExec(b, store, func(scope *model.Scope, ids, mask *graph.Node) *graph.Node {
		hidden := folder.Encoder.Transformer.Hidden(scope.In("encoder"), backbone.Tokens{IDs: ids, Mask: mask, DType: dtypes.BFloat16})
		return graph.ConvertDType(hidden, dtypes.Float32)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	ids, mask := g.tokens()
	hidden, err := exec.Call1(ids, mask)
	if err != nil {
		t.Fatal(err)
	}
	if difference := compare(t, g, tensors.MustCopyFlatData[float32](hidden), nil); !(difference < 0.06) {
		t.Errorf("a difference of %g", difference)
	}
}
