package train_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/negative"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/train"
)

// The words of the sentences of the tests: who, does what, to what.
var sentenceWords = [3][]string{
	{"a cat", "the old dog", "my neighbour", "nobody", "the quick brown fox", "she"},
	{"sees", "eats", "paints carefully", "would like to buy", "throws away"},
	{"a red apple", "the house", "three small wooden boxes", "bread", "it"},
}

// sentence is one of the sentences of the tests, and its class: who does it.
func sentence(i int) (text string, class int) {
	r := rng.New(1, 0, i, 0)
	var words []string
	for k, list := range sentenceWords {
		pick := r.IntN(len(list))
		if k == 0 {
			class = pick
		}
		words = append(words, list[pick])
	}
	return fmt.Sprintf("%s %d times", strings.Join(words, " "), i), class
}

// writeSentences writes a file of n sentences, a line each.
func writeSentences(t *testing.T, n int) string {
	t.Helper()
	var text strings.Builder
	for i := range n {
		line, _ := sentence(i)
		text.WriteString(line + "\n")
	}
	return writeText(t, "sentences.txt", text.String())
}

// writeTriplets writes a file of n triplets with classes: a sentence, the same in another order, and its negation.
func writeTriplets(t *testing.T, n int) string {
	t.Helper()
	text := strings.Builder{}
	text.WriteString("who\tanchor\tentailed\tcontradicted\n")
	for i := range n {
		line, class := sentence(i)
		fmt.Fprintf(&text, "%d\t%s\tit is true that %s\tit is false that %s\n", class, line, line, line)
	}
	return writeText(t, "triplets.tsv", text.String())
}

// writePairs writes a file of pairs with scores: the more words are the same, the higher.
func writePairs(t *testing.T, n int) string {
	t.Helper()
	var text strings.Builder
	for i := range n {
		first, _ := sentence(i)
		second, _ := sentence(i + 1)
		score := 1
		if i%2 == 0 {
			second, score = "perhaps "+first, 5
		}
		fmt.Fprintf(&text, "%s,%s,%d\n", first, second, score)
	}
	return writeText(t, "pairs.csv", text.String())
}

func writeText(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// smallText is a run of a second or so on a file of text, of whose columns some are texts and one, or none, the class.
func smallText(data, class string, texts ...string) train.Config {
	options := train.DefaultSimCSE("transformer", 1, false).Text.TextOptions
	options.Texts, options.Class = texts, class
	c := train.DefaultSimCSE("transformer", max(1, len(texts)), class != "")
	c.Text.TextOptions = options
	c.Data = data
	c.Text.Vocabulary.Size = 200
	tiny := backbone.NewTransformer(1, 16, 0)
	c.Text.Transformer = &tiny
	c.Epochs, c.Batch = 3, 8
	c.HoldOut = 0.1
	c.Optimizer.LearningRate = 1e-3
	c.CheckpointSeconds = 0
	return c
}

// supConText is a run of SupCon on the text of a SimCSE run.
func supConText(c train.Config) train.Config {
	m := method.DefaultSupConText()
	c.SimCSE, c.SupConText = nil, &m
	return c
}

// Rows of one class come together: held-out ones are told apart better than before, by likeness alone.
func TestSupConLearnsClassesOfText(t *testing.T) {
	data := writeTriplets(t, 240)
	for _, texts := range [][]string{{"anchor"}, {"anchor", "entailed"}} {
		config := supConText(smallText(data, "who", texts...))
		static := backbone.NewStatic(0)
		config.Backbone, config.Text.Transformer, config.Text.Static = "static", nil, &static
		config.SupConText.Pooling, config.Optimizer.LearningRate, config.Epochs = backbone.PoolMean, 0.01, 6
		config.CheckpointSeconds = 1000
		_, result := mustRun(t, config, train.Options{})
		first, last := result.Epochs[0], result.Epochs[6]
		if !(*last.KNN > *first.KNN) || !(last.Loss < result.Epochs[1].Loss) {
			t.Errorf("%v: kNN went from %g to %g, the loss from %g to %g", texts, float64(*first.KNN), float64(*last.KNN), float64(result.Epochs[1].Loss), float64(last.Loss))
		}
	}
	one := writeText(t, "one.tsv", "who\tanchor\n"+strings.Repeat("a\tx\n", 1)+strings.Repeat("\ty z\n", 1))
	for want, change := range map[string]func(*train.Config){
		"text.class is empty: supcon_text needs the column of the classes": func(c *train.Config) { c.Text.Class = "" },
		"supcon_text learns to tell classes apart":                         func(c *train.Config) { c.Data = one },
		"text.texts are 3 columns: supcon_text has no hard negatives":      func(c *train.Config) { c.Text.Texts = []string{"anchor", "entailed", "contradicted"} },
	} {
		c := supConText(smallText(data, "who", "anchor"))
		change(&c)
		if _, err := train.Run(t.Context(), c, filepath.Join(t.TempDir(), "run"), train.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestARunOnTextLeavesAllItPromises(t *testing.T) {
	c := smallText(writeSentences(t, 200), "")
	c.Text.STS = writePairs(t, 40)
	var start train.Start
	dir, result := mustRun(t, c, train.Options{OnStart: func(s train.Start) { start = s }})
	if start.Train != 180 || start.HeldOut != 20 || start.Steps != 3*22 || start.Classes != 0 || start.Encoder.Parameters == 0 {
		t.Errorf("start: %+v", start)
	}
	for _, e := range result.Epochs {
		if e.Geometry == nil || e.STS == nil || e.KNN != nil || (e.RawSTS != nil) != (e.Epoch == 0) {
			t.Errorf("epoch %d: %+v", e.Epoch, e)
		}
	}
	if first, last := result.Epochs[1].Loss, result.Epochs[3].Loss; !(last < first) {
		t.Errorf("the loss went from %g to %g", float64(first), float64(last))
	}
	m, err := embed.OpenText(train.ModelDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	vectors, err := m.Embed([]string{"a cat eats bread", "a cat eats bread", "the old dog sees it"})
	if err != nil || vectors.Rows != 3 || !slices.Equal(vectors.Row(0), vectors.Row(1)) || slices.Equal(vectors.Row(0), vectors.Row(2)) {
		t.Errorf("vectors %+v, %v", vectors, err)
	}
	if again, err := train.ReadConfig(dir); err != nil || *again.SimCSE != *c.SimCSE || again.Text.MaxLength != 32 {
		t.Errorf("config.yaml reads as %+v, %v", again, err)
	}
}

// Pairs, triplets and classes train, in either precision.
func TestWhatTextRunsLearnFrom(t *testing.T) {
	data := writeTriplets(t, 120)
	for _, c := range []struct {
		class     string
		texts     []string
		precision string
	}{
		{"", []string{"anchor"}, "f32"},
		{"", []string{"anchor", "entailed"}, "f32"},
		{"", []string{"anchor", "entailed", "contradicted"}, "bf16"},
		{"who", []string{"anchor", "entailed", "contradicted"}, "f32"},
	} {
		config := smallText(data, c.class, c.texts...)
		config.Precision = c.precision
		_, result := mustRun(t, config, train.Options{})
		if first, last := result.Epochs[1].Loss, result.Epochs[3].Loss; !(last < first) {
			t.Errorf("%+v: the loss went from %g to %g", c, float64(first), float64(last))
		}
		for _, e := range result.Epochs {
			if (e.KNN != nil) != (c.class != "") || (e.RawKNN != nil) != (c.class != "" && e.Epoch == 0) {
				t.Errorf("%+v: epoch %d has scores %v and %v", c, e.Epoch, e.KNN, e.RawKNN)
			}
		}
	}
}

// made are the settings of runs with a positive and hard negatives made of the texts.
func made(c train.Config) train.Config {
	m := *c.SimCSE
	if len(c.Text.Texts) < 2 {
		m.Positive = positive.TextConfig{Synonym: 0.5, Crop: 0.1, Delete: 0.1, Swap: 0.1}
	}
	m.Negatives = negative.TextConfig{Negation: true, Antonym: true, Number: true, Entity: true}
	text := *c.Text
	text.WordNet = "../wordnet/testdata/dict"
	c.SimCSE, c.Text = &m, &text
	return c
}

// Views and made negatives train, of single sentences, and beside given positives and negatives.
func TestTextRunsLearnFromWhatIsMadeOfTheirRows(t *testing.T) {
	data := writeTriplets(t, 120)
	for _, texts := range [][]string{{"anchor"}, {"anchor", "entailed"}, {"anchor", "entailed", "contradicted"}} {
		c := made(smallText(data, "who", texts...))
		_, result := mustRun(t, c, train.Options{})
		if first, last := result.Epochs[1].Loss, result.Epochs[3].Loss; !(last < first) {
			t.Errorf("%v: the loss went from %g to %g", texts, float64(first), float64(last))
		}
	}
}

// What is made of the texts depends on WordNet's files: a run goes on with those that it began with.
func TestRunsAreResumedWithTheirWordNet(t *testing.T) {
	c := made(smallText(writeSentences(t, 60), ""))
	c.Epochs = 1
	c.Text.WordNet = t.TempDir()
	if err := os.CopyFS(c.Text.WordNet, os.DirFS("../wordnet/testdata/dict")); err != nil {
		t.Fatal(err)
	}
	dir, _ := mustRun(t, c, train.Options{})
	if _, err := train.Run(t.Context(), c, dir, train.Options{Resume: true}); err != nil {
		t.Errorf("with the same files: %v", err)
	}
	rewrite(t, filepath.Join(c.Text.WordNet, "noun.exc"), func(b []byte) []byte { return append(b, "corpora corpus\n"...) })
	if _, err := train.Run(t.Context(), c, dir, train.Options{Resume: true}); err == nil || !strings.Contains(err.Error(), "other files of WordNet") {
		t.Errorf("with other files the error is %v", err)
	}
}

func TestSameTextSameBytesForAnyNumberOfWorkers(t *testing.T) {
	c := made(smallText(writeSentences(t, 100), ""))
	c.Epochs = 1
	var first []byte
	for _, workers := range []int{1, 3} {
		c.Workers = workers
		run, _ := mustRun(t, c, train.Options{})
		content := modelBytes(t, run)
		if first != nil && !bytes.Equal(first, content) {
			t.Errorf("%d workers give another model", workers)
		}
		first = content
	}
}

// static is a run of the static encoder, whose tokens start with weights by rarity, in the place of a transformer's.
func static(c train.Config) train.Config {
	usual := train.DefaultSimCSE("static", 1, false)
	text := *c.Text
	text.TextConfig = usual.Text.TextConfig
	text.Static.Rarity = backbone.RaritySIF
	c.Backbone, c.Text, c.SimCSE = "static", &text, usual.SimCSE
	return c
}

// A run that is interrupted, in an epoch and while its encoder is looked at, and resumed ends in the same bytes: of the model, and of the
// last checkpoint, with the random state of dropout in it.
func TestATextRunThatIsResumedEndsInTheSameBytes(t *testing.T) {
	c := smallText(writeSentences(t, 100), "")
	c.Text.STS = writePairs(t, 10)
	t.Run("static", func(t *testing.T) { resumesInTheSameBytes(t, static(c)) })
	t.Run("transformer", func(t *testing.T) { resumesInTheSameBytes(t, made(c)) })
}

func resumesInTheSameBytes(t *testing.T, c train.Config) {
	t.Helper()
	whole, _ := mustRun(t, c, train.Options{})
	for _, stop := range []int{5, 11, 22} { // 11 steps an epoch
		dir := filepath.Join(t.TempDir(), "run")
		stopAfter(t, c, dir, train.Options{}, stop)
		if _, err := train.Run(t.Context(), c, dir, train.Options{Resume: true}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(modelBytes(t, whole), modelBytes(t, dir)) {
			t.Errorf("stopped after step %d: another model", stop)
		}
		if !bytes.Equal(lastCheckpoint(t, whole), lastCheckpoint(t, dir)) {
			t.Errorf("stopped after step %d: another checkpoint", stop)
		}
	}
}

// A run is resumed on the text that it was started with.
func TestAnotherTextIsNotResumed(t *testing.T) {
	c := smallText(writeSentences(t, 60), "")
	c.Epochs = 1
	dir, _ := mustRun(t, c, train.Options{})
	file, err := os.OpenFile(c.Data, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("one more\n"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := train.Run(t.Context(), c, dir, train.Options{Resume: true}); err == nil || !strings.Contains(err.Error(), "other data") {
		t.Errorf("error %v", err)
	}
}

func TestWhatTextRunsRefuse(t *testing.T) {
	data := writeTriplets(t, 40)
	for want, change := range map[string]func(*train.Config){
		"text.max_length is 2":     func(c *train.Config) { c.Text.MaxLength = 2 },
		"text.sts_columns are 2":   func(c *train.Config) { c.Text.STSColumns = []string{"1", "2"} },
		"text.score must be empty": func(c *train.Config) { c.Text.Score = "who" },
		"text.wordnet is empty: simcse.negatives.antonym needs the folder":           func(c *train.Config) { c.SimCSE.Negatives.Antonym = true },
		"text.wordnet is empty: simcse.positive.synonym needs the folder":            func(c *train.Config) { c.Text.Texts, c.SimCSE.Positive.Synonym = []string{"anchor"}, 0.1 },
		"simcse.positive makes a positive of rows of one text, and text.texts are 2": func(c *train.Config) { c.SimCSE.Positive.Crop = 0.1 },
		"simcse.positive.crop is 2":                 func(c *train.Config) { c.SimCSE.Positive.Crop = 2 },
		"text.class is empty":                       func(c *train.Config) { c.SimCSE.MaskClasses = true },
		"simcse.pooling is":                         func(c *train.Config) { c.SimCSE.Pooling = "max" },
		"no section named text":                     func(c *train.Config) { c.Text = nil },
		"name a file of text with --data":           func(c *train.Config) { c.Data = "" },
		"no such file":                              func(c *train.Config) { c.Data = "missing.txt" },
		"sections of simclr and of simcse":          func(c *train.Config) { m := method.DefaultSimCLR(32); c.SimCLR = &m },
		"holds no tokenizer":                        func(c *train.Config) { c.Text.Tokenizer = filepath.Dir(data) },
		"a batch of 50 is larger than":              func(c *train.Config) { c.Batch = 50 },
		"cannot make a tokenizer":                   func(c *train.Config) { c.Text.Vocabulary.Size = 10 },
		"no column":                                 func(c *train.Config) { c.Text.Texts = []string{"question"} },
		"there is no encoder of texts \"resnet18\"": func(c *train.Config) { c.Backbone = "resnet18" },
	} {
		c := smallText(data, "", "anchor", "entailed")
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
