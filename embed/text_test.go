package embed_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/token"
)

// newTextModel is a small transformer with the tokenizer of some texts.
func newTextModel(t *testing.T, texts []string) *embed.TextModel {
	t.Helper()
	c := token.DefaultTrain()
	c.Size = 200
	tokenizer, err := token.Train(slices.Values(texts), c)
	if err != nil {
		t.Fatal(err)
	}
	network := backbone.NewTransformer(1, 16, tokenizer.Size())
	store := model.NewStore()
	nn.SetSeed(store, 3)
	m, err := embed.NewText(openDevice(t), store, embed.Config{Method: "simcse", Backbone: "transformer", Width: 1, Seed: 3, Text: &embed.TextConfig{
		TextConfig: backbone.TextConfig{Transformer: &network}, Pooling: backbone.PoolMean, Dense: true, MaxLength: 40,
	}}, tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// manyTexts are texts of many lengths, more than a batch of them.
func manyTexts() (texts []string) {
	for i := range 150 {
		texts = append(texts, fmt.Sprintf("text %d%s", i, strings.Repeat(" of many words", i%12)))
	}
	return texts
}

// A text's vector is the same alone, among others, from a file, and from the model once it was saved.
func TestATextsVectorIsItsOwn(t *testing.T) {
	texts := manyTexts()
	m := newTextModel(t, texts)
	all, err := m.Embed(texts)
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want []float32) {
		t.Helper()
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-5 {
				t.Fatalf("%s: %g, want %g", what, got, want)
			}
		}
	}
	for _, i := range []int{0, 7, 149} {
		one, err := m.Embed(texts[i : i+1])
		if err != nil {
			t.Fatal(err)
		}
		near("alone", one.Row(0), all.Row(i))
	}
	path := filepath.Join(t.TempDir(), "texts.txt")
	if err := os.WriteFile(path, []byte(strings.Join(texts, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := data.OpenText(t.Context(), path, data.DefaultTextOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	folder := t.TempDir()
	if err := m.Save(folder); err != nil {
		t.Fatal(err)
	}
	loaded, err := embed.LoadText(openDevice(t), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	seen := 0
	read, err := loaded.EmbedText(t.Context(), file, 0, func(done, total int) { seen = done * 1000 / total })
	if err != nil || seen != 1000 {
		t.Fatalf("%d of 1000 at the end, %v", seen, err)
	}
	for i := range texts {
		near(texts[i], read.Row(i), all.Row(i))
	}
	if !embed.IsText(folder) {
		t.Error("the folder is not of text")
	}
	if _, err := embed.Load(openDevice(t), folder); err == nil || !strings.Contains(err.Error(), "model of text") {
		t.Errorf("error %v", err)
	}
}

// A static encoder's vector of a text is the mean of its own tokens' vectors, special ones left out; a text without any has the
// vector 0.
func TestAStaticEncoderReadsWithoutSpecialTokens(t *testing.T) {
	c := token.DefaultTrain()
	c.Size = 100
	tokenizer, err := token.Train(slices.Values(manyTexts()), c)
	if err != nil {
		t.Fatal(err)
	}
	network := backbone.NewStatic(tokenizer.Size())
	network.Width = 3
	store := model.NewStore()
	nn.SetSeed(store, 3)
	m, err := embed.NewText(openDevice(t), store, embed.Config{Method: "simcse", Backbone: "static", Width: 1, Seed: 3, Text: &embed.TextConfig{
		TextConfig: backbone.TextConfig{Static: &network}, Pooling: backbone.PoolMean, MaxLength: 40,
	}}, tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	vectors, err := m.Embed([]string{"text of many words", "\u200b"})
	if err != nil {
		t.Fatal(err)
	}
	words := tensors.MustCopyFlatData[float32](store.GetVariable(model.JoinPath(model.ScopeSeparator+method.EncoderScope, "words")).MustValue())
	own := tokenizer.Bare().Encode("text of many words", 0)
	for d, got := range vectors.Row(0) {
		var sum float64
		for _, id := range own {
			sum += float64(words[int(id)*network.Width+d])
		}
		if want := sum / float64(len(own)); math.Abs(float64(got)-want) > 1e-7 {
			t.Errorf("dimension %d: %g, want %g", d, got, want)
		}
	}
	if got := vectors.Row(1); !slices.Equal(got, []float32{0, 0, 0}) {
		t.Errorf("a text without tokens has the vector %v", got)
	}
}

// Two draws of dropout differ, and looking leaves the random state as it was.
func TestNoisyVectorsLeaveTheRandomState(t *testing.T) {
	m := newTextModel(t, manyTexts())
	path := filepath.Join(t.TempDir(), "texts.txt")
	if err := os.WriteFile(path, []byte("text of many words\nof words\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := data.OpenText(t.Context(), path, data.DefaultTextOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var again [2][]float32
	if _, _, err := m.EmbedNoisy(t.Context(), file, 0); err != nil { // makes the state
		t.Fatal(err)
	}
	for i := range again {
		first, second, err := m.EmbedNoisy(t.Context(), file, 0)
		if err != nil || slices.Equal(first.Data, second.Data) {
			t.Fatalf("two draws are the same (%v)", err)
		}
		again[i] = first.Data
	}
	if !slices.Equal(again[0], again[1]) {
		t.Error("a look changed the random state")
	}
}

func TestTokensArePaddedLittle(t *testing.T) {
	for step, want := range map[int][]int{8: {8, 16, 24, 32, 48, 72, 104, 128}, 4: {8, 12, 16, 20, 24, 28, 32, 40, 48, 60, 72, 88, 108, 128}} {
		if got := embed.Lengths(128, step); !slices.Equal(got, want) {
			t.Errorf("lengths %v, want %v", got, want)
		}
	}
	arrays := embed.TokenArrays(9, []int{2, 3, 5}, [][]int32{{1}, {2, 3}}, [][]int32{{4, 5, 6}, {7}})
	ids, mask := tensors.MustCopyFlatData[int32](arrays[2]), tensors.MustCopyFlatData[bool](arrays[3])
	if len(arrays) != 4 || !slices.Equal(ids, []int32{4, 5, 6, 7, 9, 9}) || !slices.Equal(mask, []bool{true, true, true, true, false, false}) {
		t.Errorf("ids %v, mask %v", ids, mask)
	}
	if got := arrays[0].Shape().Dimensions; !slices.Equal(got, []int{2, 3}) {
		t.Errorf("the first list is padded to %v", got)
	}
}

// In bfloat16 vectors point nearly where they do in float32, and float32 gives the same bytes as before.
func TestVectorsInBFloat16AreNearThoseInFloat32(t *testing.T) {
	texts := manyTexts()
	m := newTextModel(t, texts)
	vectors := func(precision string) metric.Matrix {
		t.Helper()
		if err := m.SetPrecision(precision); err != nil {
			t.Fatal(err)
		}
		v, err := m.Embed(texts)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	full, half := vectors("f32"), vectors("bf16")
	for i := range texts {
		var dot, a, b float64
		for d, x := range full.Row(i) {
			y := float64(half.Row(i)[d])
			dot, a, b = dot+float64(x)*y, a+float64(x)*float64(x), b+y*y
		}
		if cosine := dot / math.Sqrt(a*b); !(cosine > 0.999) {
			t.Errorf("%q: the cosine is %g", texts[i], cosine)
		}
	}
	if slices.Equal(full.Data, half.Data) {
		t.Error("bfloat16 changed nothing")
	}
	if again := vectors("f32"); !slices.Equal(again.Data, full.Data) {
		t.Error("float32 gives other bytes afterwards")
	}
	if err := m.SetPrecision("f16"); err == nil || !strings.Contains(err.Error(), "f32 or bf16") {
		t.Errorf("error %v", err)
	}
}
