package embed_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/token"
)

// newPair is an untrained model of small pictures and texts, and pairs: the first two pictures are one file, with a caption each and
// one that is the third picture's too.
func newPair(t *testing.T) (*embed.PairModel, *data.Pairs) {
	t.Helper()
	folder := picturetest.Splits(t, 3, 1, 16)
	file := filepath.Join(folder, "train", "a", "000.png")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "train", "a", "001.png"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(folder, "pairs.csv")
	text := "image,caption,more\ntrain/a/000.png,red,stripes\ntrain/a/001.png,dark red,stripes\ntrain/b/000.png,green,stripes\n"
	if err := os.WriteFile(table, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	options := data.DefaultPairOptions()
	options.Captions = []string{"caption", "more"}
	pairs, err := data.OpenPairs(t.Context(), table, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pairs.Close() })
	c := token.DefaultTrain()
	c.Size = 100
	tokenizer, err := token.Train(slices.Values([]string{"dark red green stripes"}), c)
	if err != nil {
		t.Fatal(err)
	}
	network := backbone.NewCLIPText(1, 16, tokenizer.Size())
	store := model.NewStore()
	nn.SetSeed(store, 5)
	m, err := embed.NewPair(openDevice(t), store, embed.Config{
		Method: "clip", Backbone: "smallcnn", Width: 0.25, Seed: 5, Views: method.DefaultCLIP(16, method.Softmax).Augment,
		Pair: &embed.PairConfig{Text: embed.TextConfig{TextConfig: backbone.TextConfig{CLIP: &network}, Pooling: backbone.PoolLast, MaxLength: 20}, Out: 8},
	}, tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, pairs
}

func TestPairsAreRelatedByCaptionAndContent(t *testing.T) {
	m, pairs := newPair(t)
	v, err := m.EmbedPairs(t.Context(), pairs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v.Images.Rows != 3 || v.Captions.Rows != 4 || v.Captions.Cols != 8 {
		t.Fatalf("%d pictures, %d captions", v.Images.Rows, v.Captions.Rows)
	}
	for c, row := range v.Rows {
		text, err := pairs.Captions.Row(row)
		if err != nil {
			t.Fatal(err)
		}
		var images []int
		for _, r := range v.ImagesOf[c] {
			images = append(images, r.Index)
		}
		want := map[string][]int{"red": {0, 1}, "dark red": {0, 1}, "stripes": {0, 1, 2}, "green": {2}}[text.Texts[0]]
		if slices.Sort(images); !slices.Equal(images, want) {
			t.Errorf("%q is of %v, want %v", text.Texts[0], images, want)
		}
		vectors, err := m.Texts.Embed(text.Texts)
		if err != nil {
			t.Fatal(err)
		}
		for d, x := range vectors.Row(0) {
			if math.Abs(float64(x-v.Captions.Row(c)[d])) > 1e-6 {
				t.Errorf("%q has another vector among the captions", text.Texts[0])
				break
			}
		}
	}
	if len(v.CaptionsOf[0]) != 3 || len(v.CaptionsOf[1]) != 3 || len(v.CaptionsOf[2]) != 2 {
		t.Errorf("captions of pictures: %v", v.CaptionsOf)
	}
}

// What is read of a folder is what was saved: both encoders, and that of pictures alone, before its projection.
func TestASavedPairComesBack(t *testing.T) {
	m, pairs := newPair(t)
	want, err := m.EmbedPairs(t.Context(), pairs, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "model")
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	if !embed.IsPair(dir) || embed.IsText(dir) {
		t.Error("the folder is taken for something else")
	}
	backend := openDevice(t)
	again, err := embed.LoadPair(backend, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	got, err := again.EmbedPairs(t.Context(), pairs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Images.Data, want.Images.Data) || !slices.Equal(got.Captions.Data, want.Captions.Data) {
		t.Error("other vectors")
	}
	tower, err := embed.Load(backend, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tower.Close()
	h, _, err := tower.Embed(t.Context(), pairs.Images, nil)
	if err != nil || h.Cols != tower.Config.Dim || h.Cols == 8 {
		t.Errorf("the encoder of pictures gives %d numbers, %v", h.Cols, err)
	}
	untrained, err := m.Untrained(openDevice(t))
	if err != nil {
		t.Fatal(err)
	}
	defer untrained.Close()
	if got, err = untrained.EmbedPairs(t.Context(), pairs, nil); err != nil || !slices.Equal(got.Images.Data, want.Images.Data) {
		t.Errorf("the untrained twin of an untrained model has other vectors (%v)", err)
	}
	if err := os.Remove(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := embed.LoadPair(backend, dir); err == nil {
		t.Error("a model without weights is read")
	}
	if _, err := embed.LoadPair(backend, t.TempDir()); err == nil || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("error %v of an empty folder", err)
	}
}

// A model with a tokenizer is opened as what its folder says it is, and as wide as its encoder.
func TestAFolderOfAnotherKindOrWidthIsRefused(t *testing.T) {
	pair, _ := newPair(t)
	text := newTextModel(t, []string{"dark red green stripes"})
	defer text.Close()
	pairFolder, textFolder := filepath.Join(t.TempDir(), "pair"), filepath.Join(t.TempDir(), "text")
	if err := errors.Join(pair.Save(pairFolder), text.Save(textFolder)); err != nil {
		t.Fatal(err)
	}
	backend := openDevice(t)
	refused := func(what, want, dir string) {
		t.Helper()
		var err error
		if what == "text" {
			_, err = embed.LoadText(backend, dir)
		} else {
			_, err = embed.LoadPair(backend, dir)
		}
		if path := filepath.Join(dir, "config.json"); err == nil || !strings.HasPrefix(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s and %q", what, err, path, want)
		}
	}
	refused("text", "is no model of text alone", pairFolder)
	refused("pair", "is no model of pictures and texts together", textFolder)
	for what, dir := range map[string]string{"text": textFolder, "pair": pairFolder} {
		path := filepath.Join(dir, "config.json")
		config, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		wider := regexp.MustCompile(`"dim": \d+`).ReplaceAll(config, []byte(`"dim": 7`))
		if err := os.WriteFile(path, wider, 0o644); err != nil {
			t.Fatal(err)
		}
		refused(what, "dim is 7", dir)
	}
}
