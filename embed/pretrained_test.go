package embed_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/token"
)

// newStaticModel is a small static encoder, with weights of words, and the tokenizer of some texts.
func newStaticModel(t *testing.T, texts []string) *embed.TextModel {
	t.Helper()
	c := token.DefaultTrain()
	c.Size = 100
	tokenizer, err := token.Train(slices.Values(texts), c)
	if err != nil {
		t.Fatal(err)
	}
	network := backbone.NewStatic(tokenizer.Size())
	network.Width = 3
	return newEncoder(t, backbone.TextConfig{Static: &network}, tokenizer)
}

// newEncoder is an encoder as its seed draws it.
func newEncoder(t *testing.T, network backbone.TextConfig, tokenizer *token.Tokenizer) *embed.TextModel {
	t.Helper()
	store := model.NewStore()
	nn.SetSeed(store, 3)
	m, err := embed.NewText(openDevice(t), store, embed.Config{Method: "simcse", Width: 1, Seed: 3, Text: &embed.TextConfig{
		TextConfig: network, Pooling: backbone.PoolMean, MaxLength: 40, Normalize: true,
	}}, tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// What is written for sentence-transformers is read back as a model with the same vectors.
func TestExportedModelsComeBack(t *testing.T) {
	texts := manyTexts()
	for what, m := range map[string]*embed.TextModel{"transformer": newTextModel(t, texts), "static": newStaticModel(t, texts)} {
		want, err := m.Embed(texts)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "exported")
		if err := m.Export(dir); err != nil {
			t.Fatal(err)
		}
		if !embed.IsText(dir) {
			t.Errorf("%s: the folder is not of text", what)
		}
		loaded, err := embed.LoadText(openDevice(t), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer loaded.Close()
		got, err := loaded.Embed(texts)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got.Data, want.Data, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
			t.Errorf("%s: other vectors", what)
		}
		if err := m.Export(dir); err == nil || !strings.Contains(err.Error(), "is not empty") {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

// Vectors of a model with a norm have the length 1, and those of texts without tokens are 0.
func TestNormalizedVectorsHaveLengthOne(t *testing.T) {
	m := newStaticModel(t, manyTexts())
	vectors, err := m.Embed([]string{"text of many words", "\u200b"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, 0} {
		var square float64
		for _, v := range vectors.Row(i) {
			square += float64(v) * float64(v)
		}
		if math.Abs(square-want) > 1e-5 {
			t.Errorf("text %d has a vector of squared length %g, not %g", i, square, want)
		}
	}
}

func TestWhatCannotBeExported(t *testing.T) {
	dir := t.TempDir()
	vocabulary := "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"
	if err := os.WriteFile(filepath.Join(dir, "vocab.txt"), []byte(vocabulary), 0o644); err != nil {
		t.Fatal(err)
	}
	tokenizer, err := token.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "exported")
	static, clip := backbone.NewStatic(7), backbone.NewCLIPText(1, 64, 7)
	for want, m := range map[string]*embed.TextModel{
		"has no tokenizer.json":                     newEncoder(t, backbone.TextConfig{Static: &static}, tokenizer),
		"sentence-transformers has no encoder like": newEncoder(t, backbone.TextConfig{CLIP: &clip}, tokenizer),
	} {
		if err := m.Export(out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: the folder was made", want)
		}
	}
}

// Folders with CLIP's encoder of texts give the vectors that transformers, or open_clip, makes of captions, through either form of its tokenizer: those
// of the end of a text, projected where there is a projection (bench/peers/encoders.py). A model saved from one gives them too.
func TestFoldersOfCLIPGiveTheReferencesVectors(t *testing.T) {
	for name, dim := range map[string]int{"clip_text": 16, "clip_projection": 12, "clip": 12, "open_clip": 12} {
		dir := filepath.Join("../pretrained/testdata", name)
		var golden struct {
			Texts   []string
			Vectors [][]float64
		}
		text, err := os.ReadFile(filepath.Join(dir, "golden.json"))
		if err == nil {
			err = json.Unmarshal(text, &golden)
		}
		if err != nil || len(golden.Texts) == 0 {
			t.Fatal(golden, err)
		}
		saved := t.TempDir()
		for _, from := range []string{dir, saved} {
			m, err := embed.LoadText(openDevice(t), from)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			vectors, err := m.Embed(golden.Texts)
			if err != nil {
				t.Fatal(err)
			}
			if m.Config.Dim != dim || vectors.Cols != dim {
				t.Errorf("%s: vectors of %d numbers, and %d are said, want %d", name, vectors.Cols, m.Config.Dim, dim)
			}
			for i, want := range golden.Vectors {
				for d, w := range want {
					if got := float64(vectors.Row(i)[d]); !(math.Abs(got-w) <= 1e-5) {
						t.Fatalf("%s: %q has %g at %d, want %g", name, golden.Texts[i], got, d, w)
					}
				}
			}
			if from == dir {
				if err := m.Save(saved); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// A folder that is none, or does not fit its tokenizer, is refused with its name.
func TestUnfitFoldersOfTextAreNotLoaded(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	m := newTextModel(t, manyTexts())
	if _, err := m.Embed([]string{"a text"}); err != nil { // draws the weights
		t.Fatal(err)
	}
	if err := m.Export(whole); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(dir string) error{
		"holds no tokenizer": func(dir string) error {
			for _, name := range []string{"tokenizer.json", "vocab.txt"} {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					return err
				}
			}
			return nil
		},
		"model.safetensors": func(dir string) error { return os.Truncate(filepath.Join(dir, "model.safetensors"), 1000) },
		"tokens, the tokenizer 300": func(dir string) error {
			if err := os.Remove(filepath.Join(dir, "tokenizer.json")); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "vocab.txt"), []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]"+strings.Repeat("\nx", 295)), 0o644)
		},
		"are to be in lower case": func(dir string) error {
			// The tokenizer makes capitals small letters; with a module that does so too it is fit.
			lower := os.WriteFile(filepath.Join(dir, "sentence_bert_config.json"), []byte(`{"do_lower_case": true}`), 0o644)
			fit, err := embed.LoadText(openDevice(t), dir)
			if err != nil {
				t.Error(err)
			} else {
				fit.Close()
			}
			return errors.Join(lower, os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(`{"do_lower_case": false}`), 0o644))
		},
	} {
		dir := filepath.Join(t.TempDir(), "folder")
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := embed.LoadText(openDevice(t), dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("error %v, want one with %q and the folder", err, want)
		}
	}
}
