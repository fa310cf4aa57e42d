package train_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/pretrained"
	"github.com/alike-ml/alike/token"
	"github.com/alike-ml/alike/train"
)

// savedEncoder is a folder of sentence-transformers with an encoder that knows the words of the tests' sentences.
func savedEncoder(t *testing.T, m pretrained.Model) string {
	t.Helper()
	var texts []string
	for i := range 60 {
		text, _ := sentence(i)
		texts = append(texts, text)
	}
	settings := token.DefaultTrain()
	settings.Size = encoderTokens
	tokenizer, err := token.Train(slices.Values(texts), settings)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := device.Open(device.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	store := model.NewStore()
	nn.SetSeed(store, 5)
	encoder, err := embed.NewText(backend, store, embed.Config{Text: &embed.TextConfig{
		TextConfig: m.Encoder, Pooling: m.Pooling, Dense: m.Dense, MaxLength: m.MaxLength,
	}}, tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	if _, err := encoder.Embed(texts[:1]); err != nil { // draws the weights
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := m.Save(dir, store.RootScope().At(method.EncoderScope), tokenizer.Save); err != nil {
		t.Fatal(err)
	}
	return dir
}

// encoderTokens is how many tokens the encoders of the tests know.
const encoderTokens = 150

// transformerFolder and staticFolder are encoders to start from.
func transformerFolder(t *testing.T) string {
	network := backbone.NewTransformer(2, 16, encoderTokens)
	network.Positions = 20
	return savedEncoder(t, pretrained.Model{Encoder: backbone.TextConfig{Transformer: &network}, Pooling: backbone.PoolMean, Dense: true, MaxLength: 9})
}

func staticFolder(t *testing.T) string {
	network := backbone.NewStatic(encoderTokens)
	network.Width = 8
	return savedEncoder(t, pretrained.Model{Encoder: backbone.TextConfig{Static: &network}, Pooling: backbone.PoolMean, MaxLength: 50})
}

// startingFrom is a run of an epoch from the encoder in a folder, on sentences.
func startingFrom(t *testing.T, folder string, texts ...string) train.Config {
	t.Helper()
	columns := data.DefaultTextOptions()
	columns.Texts = texts
	c, err := train.SimCSEFrom(folder, columns)
	if err != nil {
		t.Fatal(err)
	}
	if c.Data = writeSentences(t, 60); len(texts) > 0 {
		c.Data = writeTriplets(t, 60)
	}
	c.Epochs, c.Batch, c.HoldOut, c.CheckpointSeconds = 1, 8, 0.1, 0
	return c
}

// still keeps a run's weights as they are.
const still = 1e-30

// asItIs is what a folder's encoder makes of texts.
func asItIs(t *testing.T, dir string, texts []string) (vectors []float32) {
	t.Helper()
	folder, err := pretrained.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := token.Load(folder.TokenizerDir)
	if err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	if err := folder.Assign(store.RootScope().At(method.EncoderScope)); err != nil {
		t.Fatal(err)
	}
	backend, err := device.Open(device.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	m, err := embed.NewText(backend, store, embed.Config{Text: &embed.TextConfig{
		TextConfig: folder.Encoder, Pooling: folder.Pooling, Dense: folder.Dense, MaxLength: max(folder.MaxLength, 9),
	}}, tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	matrix, err := m.Embed(texts)
	if err != nil {
		t.Fatal(err)
	}
	return matrix.Data
}

func embedded(t *testing.T, run string, texts []string) []float32 {
	t.Helper()
	m, err := embed.OpenText(train.ModelDir(run))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	vectors, err := m.Embed(texts)
	if err != nil {
		t.Fatal(err)
	}
	return vectors.Data
}

// A run from a folder begins with the folder's own vectors, has its pooling, its length and its layer, and learns. CLIP's projection is passed
// over.
func TestARunStartsFromAPretrainedEncoder(t *testing.T) {
	texts := []string{"a cat eats bread", "the old dog sees it", "it"}
	for _, folder := range []string{transformerFolder(t), staticFolder(t), "../pretrained/testdata/clip"} {
		c := startingFrom(t, folder)
		want := asItIs(t, folder, texts)
		c.Optimizer.LearningRate, c.Optimizer.WeightDecay = still, 0
		var start train.Start
		dir, _ := mustRun(t, c, train.Options{OnStart: func(s train.Start) { start = s }})
		if got := embedded(t, dir, texts); !near(got, want) {
			t.Errorf("%s: the run's vectors are %v, the folder's %v", folder, got, want)
		}
		if want := "the encoder in " + folder; start.From != want {
			t.Errorf("it starts from %q, not %q", start.From, want)
		}
		c.Optimizer.LearningRate = 1e-2
		dir, _ = mustRun(t, c, train.Options{})
		if got := embedded(t, dir, texts); near(got, want) {
			t.Errorf("%s: nothing was learned", folder)
		}
	}
	c := startingFrom(t, transformerFolder(t))
	if c.Text.MaxLength != 9 || c.SimCSE.Pooling != "mean" || c.SimCSE.MLP != method.MLPAlways || c.Backbone != "transformer" || c.Optimizer.LearningRate != 3e-5 {
		t.Errorf("the settings are %+v, %+v, %+v", c, c.Text, c.SimCSE)
	}
	if c := startingFrom(t, transformerFolder(t), "anchor", "entailed", "contradicted"); c.Optimizer.LearningRate != 5e-5 || c.SimCSE.MLP != method.MLPAlways {
		t.Errorf("the settings are %+v, %+v", c.Optimizer, c.SimCSE)
	}
}

// SimCSE's runs as they are published: Gao et al. 2021, table A.1 and appendix A, of BERT-base, and princeton-nlp/SimCSE,
// run_unsup_example.sh and run_sup_example.sh, but for the batch of pairs; from scratch ELECTRA's smallest, Clark et al. 2020, table 6.
func TestSimCSERunsHaveThePublishedSettings(t *testing.T) {
	type settings struct {
		rate, decay, epsilon, temperature, hardNegativeWeight float64

		batch, epochs, length int
		pooling               backbone.Pooling
		mlp                   method.MLPUse
		schedule              string
	}
	const folder = "../pretrained/testdata/bert" // of transformers, which says nothing of pooling; its texts have 9 tokens
	of := func(from string, texts ...string) settings {
		c := train.DefaultSimCSE("transformer", max(1, len(texts)), false)
		if from != "" {
			columns := data.DefaultTextOptions()
			columns.Texts = texts
			var err error
			if c, err = train.SimCSEFrom(from, columns); err != nil {
				t.Fatal(err)
			}
		}
		return settings{c.Optimizer.LearningRate, c.Optimizer.WeightDecay, c.Optimizer.Epsilon, c.SimCSE.Temperature, c.SimCSE.HardNegativeWeight,
			c.Batch, c.Epochs, c.Text.MaxLength, c.SimCSE.Pooling, c.SimCSE.MLP, c.Schedule.Name}
	}
	for _, c := range []struct {
		what      string
		got, want settings
	}{
		{"unsupervised", of(folder), settings{3e-5, 0, 1e-8, 0.05, 0, 64, 1, 9, backbone.PoolCLS, method.MLPTraining, optim.Linear}},
		{"supervised", of(folder, "a", "b", "c"), settings{5e-5, 0, 1e-8, 0.05, 0, 128, 3, 9, backbone.PoolCLS, method.MLPAlways, optim.Linear}},
		{"from scratch", of(""), settings{5e-4, 0.01, 1e-6, 0.05, 0, 128, 3, 32, backbone.PoolCLS, method.MLPTraining, optim.Linear}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, c.got, c.want)
		}
	}
}

func near(got, want []float32) bool {
	return slices.EqualFunc(got, want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 })
}

// Words that are tokens begin with their vectors; the others, and what is inside words, with small ones that are drawn.
func TestARunStartsFromWordVectors(t *testing.T) {
	vectors := writeText(t, "vectors.txt", "bread 1 2 3\nhouse -1 -2 -3\nHouse 7 7 7\nelephants 5 5 5\n")
	c, err := train.SimCSEFromVectors(vectors, data.DefaultTextOptions())
	if err != nil {
		t.Fatal(err)
	}
	c.Data, c.Epochs, c.Batch = writeSentences(t, 60), 1, 8
	c.Text.Vocabulary.Size, c.Text.Static.Rarity = 200, backbone.RarityNone
	c.Optimizer.LearningRate, c.Optimizer.WeightDecay = still, 0
	var start train.Start
	dir, _ := mustRun(t, c, train.Options{OnStart: func(s train.Start) { start = s }})
	got := embedded(t, dir, []string{"bread", "house", "bread house"})
	if want := []float32{1, 2, 3, -1, -2, -3, 0, 0, 0}; !near(got, want) {
		t.Errorf("the vectors are %v, not %v", got, want)
	}
	for _, v := range embedded(t, dir, []string{"nobody"}) {
		if !(math.Abs(float64(v)) < 0.2) {
			t.Errorf("a word without a vector has %g in it", v)
		}
	}
	if want := "the word vectors in " + vectors + ", which 2 of the "; !strings.HasPrefix(start.From, want) {
		t.Errorf("it starts from %q", start.From)
	}
}

// A run from a folder is resumed byte for byte; once it has a checkpoint, it needs the folder no more.
func TestARunFromAPretrainedEncoderIsResumed(t *testing.T) {
	folder := transformerFolder(t)
	c := startingFrom(t, folder)
	c.Optimizer.LearningRate = 1e-3
	whole, _ := mustRun(t, c, train.Options{})
	dir := filepath.Join(t.TempDir(), "run")
	for _, stop := range []int{1, 4} {
		stopAfter(t, c, dir, train.Options{Resume: true}, stop)
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := train.Run(t.Context(), c, dir, train.Options{Resume: true}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(modelBytes(t, whole), modelBytes(t, dir)) || !bytes.Equal(lastCheckpoint(t, whole), lastCheckpoint(t, dir)) {
		t.Error("the resumed run ends in other bytes")
	}
	if _, err := train.Run(t.Context(), c, filepath.Join(t.TempDir(), "run"), train.Options{}); err == nil || !strings.Contains(err.Error(), "there is no folder "+folder) {
		t.Errorf("a new run: error %v", err)
	}
}

func TestWhatRunsDoNotStartFrom(t *testing.T) {
	const transformers = "../pretrained/testdata/bert" // without a tokenizer
	other := filepath.Join(t.TempDir(), "tokenizer")
	if err := os.MkdirAll(other, 0o755); err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	for i := range 200 {
		fmt.Fprintf(&words, "word%d\n", i)
	}
	if err := os.WriteFile(filepath.Join(other, "vocab.txt"), []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"+words.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	folder := transformerFolder(t)
	foreign := writeText(t, "vectors.txt", "brot 1 2 3\nhaus 4 5 6\n")
	static := func(c *train.Config) {
		s, err := train.SimCSEFromVectors(foreign, data.DefaultTextOptions())
		if err != nil {
			t.Fatal(err)
		}
		c.Backbone, c.SimCSE = s.Backbone, s.SimCSE
		c.Text.TextConfig, c.Text.Pretrained, c.Text.Vectors = s.Text.TextConfig, "", foreign
	}
	for want, change := range map[string]func(*train.Config){
		"there is no folder nowhere/at/all":      func(c *train.Config) { c.Text.Pretrained = "nowhere/at/all" },
		"hf download someone/something":          func(c *train.Config) { c.Text.Pretrained = "someone/something" },
		"config.json":                            func(c *train.Config) { c.Text.Pretrained = other },
		"holds no tokenizer":                     func(c *train.Config) { c.Text.Pretrained = transformers },
		"150 tokens, the tokenizer 205":          func(c *train.Config) { c.Text.Tokenizer = other },
		"transformer.layers: 2 there, 3 here":    func(c *train.Config) { c.Text.Transformer.Layers = 3 },
		"set simcse.mlp=always":                  func(c *train.Config) { c.SimCSE.MLP = method.MLPNone },
		"pretrained and vectors are both set":    func(c *train.Config) { c.Text.Vectors = foreign },
		"vectors are for the static encoder":     func(c *train.Config) { c.Text.Pretrained, c.Text.Vectors = "", foreign },
		"none of the 2 words":                    static,
		"have 3 numbers, and text.static.width":  func(c *train.Config) { static(c); c.Text.Static.Width = 4 },
		"cannot start from word vectors: open a": func(c *train.Config) { static(c); c.Text.Vectors = "a" },
	} {
		c := startingFrom(t, folder)
		change(&c)
		dir := filepath.Join(t.TempDir(), "run")
		if _, err := train.Run(t.Context(), c, dir, train.Options{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one with %q", err, want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the run's directory was made", want)
		}
	}
}
