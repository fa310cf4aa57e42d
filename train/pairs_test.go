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

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/train"
)

// colours are what the captions of the tests' pictures say, by class.
var colours = map[string]string{"a": "red", "b": "green", "c": "blue"}

// writeTable writes a table of n pictures of each class of the tests' pictures, most of whose captions are of several pictures, and
// returns its path.
func writeTable(t *testing.T, n int) string {
	t.Helper()
	folder := picturetest.Splits(t, n, 2, 16)
	found, err := filepath.Glob(filepath.Join(folder, "train", "*", "*.png"))
	if err != nil || len(found) != 3*n {
		t.Fatal(len(found), err)
	}
	text := "image\tcaption\tkind\n"
	for i, path := range found {
		class := filepath.Base(filepath.Dir(path))
		caption := fmt.Sprintf("%s stripes, number %d", colours[class], i/2)
		text += fmt.Sprintf("%s\t%s\t%s\n", strings.TrimPrefix(path, folder+"/"), caption, class)
	}
	table := filepath.Join(folder, "pairs.tsv")
	if err := os.WriteFile(table, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return table
}

// smallPairs is a run of a second or so on a table of pictures and captions.
func smallPairs(table, textBackbone string) train.Config {
	c := train.DefaultCLIP(16, textBackbone, method.Softmax)
	c.Data = table
	c.Backbone, c.Width = "smallcnn", 0.25
	c.Epochs, c.Batch = 4, 8
	c.Schedule.WarmupEpochs = 1
	c.CheckpointSeconds = 0
	c.CLIP.Out = 16
	c.Pairs.Class = "kind"
	c.Pairs.Vocabulary.Size, c.Pairs.MaxLength = 200, 20
	switch {
	case c.Pairs.Static != nil:
		c.Pairs.Static.Width = 16
	case c.Pairs.CLIP != nil:
		tiny := backbone.NewCLIPText(1, 16, 0)
		c.Pairs.CLIP = &tiny
	case c.Pairs.Transformer != nil:
		tiny := backbone.NewTransformer(1, 16, 0)
		c.Pairs.Transformer = &tiny
	}
	return c
}

func TestARunOnPairsLeavesAllItPromises(t *testing.T) {
	c := smallPairs(writeTable(t, 20), "static")
	var start train.Start
	dir, result := mustRun(t, c, train.Options{OnStart: func(s train.Start) { start = s }})
	if start.Train != 54 || start.HeldOut != 6 || start.Captions != 54 || start.RepeatedCaptions != 27 || start.Steps != 4*6 || start.Classes != 3 ||
		start.Encoder.Parameters == 0 || start.TextEncoder.Parameters == 0 {
		t.Errorf("start: %+v", start)
	}
	for _, e := range result.Epochs {
		if e.Geometry == nil || e.Recall == nil || e.HeldOutLoss == nil || e.ModalityGap == nil || (e.Chance != nil) != (e.Epoch == 0) {
			t.Errorf("epoch %d: %+v", e.Epoch, e)
		}
	}
	// Three captions of two pictures each.
	if chance := float64(*result.Epochs[0].Chance); math.Abs(chance-2./6) > 1e-12 {
		t.Errorf("chance is %g", chance)
	}
	m, err := embed.OpenPair(train.ModelDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Config.Pair.Out != 16 || m.Config.Method != "clip" {
		t.Errorf("the model is %+v", m.Config)
	}
	vectors, err := m.Texts.Embed([]string{"red stripes", "blue stripes"})
	if err != nil || vectors.Rows != 2 || vectors.Cols != 16 {
		t.Errorf("vectors [%d, %d], %v", vectors.Rows, vectors.Cols, err)
	}
	again, err := train.ReadConfig(dir)
	if err != nil || *again.CLIP != *c.CLIP || again.Pairs.TextBackbone != "static" || *again.Pairs.Static != *c.Pairs.Static {
		t.Errorf("config.yaml reads as %+v, %v", again, err)
	}
}

// Every encoder of captions, both losses, and either precision: the loss gets below that of embeddings which say nothing.
func TestWhatRunsOnPairsLearnFrom(t *testing.T) {
	table := writeTable(t, 20)
	for _, text := range []string{"static", "clip_small", "transformer"} {
		for _, contrast := range []method.CLIPContrast{method.Softmax, method.Sigmoid} {
			for _, precision := range []string{"f32", "bf16"} {
				c := smallPairs(table, text)
				c.CLIP.Contrast, c.Precision = contrast, precision
				c.Epochs, c.Optimizer.LearningRate = 8, 3e-3
				_, result := mustRun(t, c, train.Options{})
				if first, last := result.Epochs[1].Loss, result.Epochs[c.Epochs].Loss; !(last < first-0.1) {
					t.Errorf("%s, %s, %s: the loss went from %g to %g", text, contrast, precision, float64(first), float64(last))
				}
			}
		}
	}
}

// A table of one's own to watch with leaves all others to learn from, and says how well captions find their pictures.
func TestPairsToWatchWithMayBeInATableOfTheirOwn(t *testing.T) {
	c := smallPairs(writeTable(t, 10), "static")
	c.Pairs.Validation = writeTable(t, 4)
	var start train.Start
	_, result := mustRun(t, c, train.Options{OnStart: func(s train.Start) { start = s }})
	if start.Train != 30 || start.HeldOut != 12 || result.Epochs[4].Recall == nil {
		t.Errorf("start %+v, recall %v", start, result.Epochs[4].Recall)
	}
	c.Pairs.Validation, c.HoldOut = "", 0
	_, result = mustRun(t, c, train.Options{})
	if e := result.Epochs[4]; e.Recall != nil || e.Geometry == nil {
		t.Errorf("with nothing to watch with: %+v", e)
	}
}

func TestPairsThatCannotBeRunAreRefused(t *testing.T) {
	table := writeTable(t, 4)
	for want, change := range map[string]func(*train.Config){
		"no section named pairs":       func(c *train.Config) { c.Pairs = nil },
		"did you mean \"clip_small\"?": func(c *train.Config) { c.Pairs.TextBackbone = "clip_smal" },
		"pairs.max_length is 2":        func(c *train.Config) { c.Pairs.MaxLength = 2 },
		"pairs.max_length is 100":      func(c *train.Config) { c.Pairs.MaxLength = 100 },
		"pairs.clip: layers is 0":      func(c *train.Config) { c.Pairs.CLIP.Layers = 0 },
		"pairs.format is \"doc\"":      func(c *train.Config) { c.Pairs.Format = "doc" },
		"views are 12 pixels wide":     func(c *train.Config) { c.CLIP.Augment.Size = 12 },
		"no such file":                 func(c *train.Config) { c.Data += "x.tsv" },
		"clip.out is 0":                func(c *train.Config) { c.CLIP.Out = 0 },
		"larger than the data set":     func(c *train.Config) { c.Batch = 16 },
	} {
		c := smallPairs(table, "clip_small")
		change(&c)
		_, err := train.Run(t.Context(), c, filepath.Join(t.TempDir(), "run"), train.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %q", err, want)
		}
	}
}

// An encoder of pictures from another run and one of texts from a folder are where a run begins and, frozen, where it ends.
func TestARunOnPairsStartsFromTrainedEncoders(t *testing.T) {
	table := writeTable(t, 10)
	pictures := small(filepath.Dir(table))
	pictures.SimCLR.Augment.Mean, pictures.SimCLR.Augment.Std = positive.CLIPMean, positive.CLIPStd
	images, _ := mustRun(t, pictures, train.Options{})
	texts := staticFolder(t)
	for _, frozen := range []struct{ image, text bool }{{image: true}, {text: true}} {
		c := smallPairs(table, "static")
		c.Pairs.ImageModel, c.Pairs.Pretrained = images, texts
		start, err := c.Usual()
		if err != nil {
			t.Fatal(err)
		}
		c.Pairs.TextConfig, c.Pairs.MaxLength, c.CLIP.Pooling = start.Pairs.TextConfig, start.Pairs.MaxLength, start.CLIP.Pooling
		c.CLIP.FreezeImage, c.CLIP.FreezeText = frozen.image, frozen.text
		dir, _ := mustRun(t, c, train.Options{})
		kept := tensorsOf(t, modelBytes(t, dir))
		same := true
		for name, want := range tensorsOf(t, modelBytes(t, images)) {
			same = same && slices.Equal(kept[name], want)
		}
		if same != frozen.image {
			t.Errorf("%+v: the encoder of pictures is as it was: %v", frozen, same)
		}
	}
	c := smallPairs(table, "static")
	c.Pairs.ImageModel, c.Width = images, 0.5
	_, err := train.Run(t.Context(), c, filepath.Join(t.TempDir(), "run"), train.Options{})
	if err == nil || !strings.Contains(err.Error(), "is of smallcnn of width 0.25, and the run has smallcnn of width 0.5") {
		t.Errorf("error %v", err)
	}
	c.Width, c.CLIP.Augment.Mean = 0.25, positive.ImageNetMean
	if _, err = train.Run(t.Context(), c, filepath.Join(t.TempDir(), "run"), train.Options{}); err == nil || !strings.Contains(err.Error(), "augment.mean") {
		t.Errorf("error %v", err)
	}
	c = smallPairs(table, "static")
	c.Pairs.Pretrained = texts
	if _, err = train.Run(t.Context(), c, filepath.Join(t.TempDir(), "run"), train.Options{}); err == nil || !strings.Contains(err.Error(), "another than the settings in pairs say") {
		t.Errorf("error %v", err)
	}
}

// clipStart is a run on pairs that starts from CLIP's encoder of texts in a folder.
func clipStart(t *testing.T, table, folder string) train.Config {
	t.Helper()
	c := smallPairs(table, "clip")
	c.Pairs.Pretrained = folder
	start, err := c.Usual()
	if err != nil {
		t.Fatal(err)
	}
	c.Pairs.TextConfig, c.Pairs.MaxLength = start.Pairs.TextConfig, start.Pairs.MaxLength
	c.CLIP.Pooling, c.CLIP.Out, c.CLIP.FreezeText = start.CLIP.Pooling, start.CLIP.Out, true
	return c
}

// With CLIP's encoder of texts frozen, texts have at first the vectors that the folder's model gives them; the encoder stays as it is, the
// projection learns. Such a run is resumed byte for byte, without the folder.
func TestARunOnPairsStartsFromCLIPsEncoderOfTexts(t *testing.T) {
	table := writeTable(t, 10)
	folder := filepath.Join(t.TempDir(), "clip")
	if err := os.CopyFS(folder, os.DirFS("../pretrained/testdata/clip")); err != nil {
		t.Fatal(err)
	}
	texts := []string{"a cat.", "the hat"}
	vectors := func(m *embed.TextModel) []float32 {
		v, err := m.Embed(texts)
		if err != nil {
			t.Fatal(err)
		}
		return v.Data
	}
	original, err := embed.OpenText(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer original.Close()
	want := vectors(original)
	trained := func(dir string) []float32 {
		m, err := embed.OpenPair(train.ModelDir(dir))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		return vectors(m.Texts)
	}

	c := clipStart(t, table, folder)
	if c.CLIP.Out != 12 || c.Pairs.MaxLength != 9 || c.CLIP.Pooling != backbone.PoolLast {
		t.Errorf("the run is %+v of texts of %d tokens", c.CLIP, c.Pairs.MaxLength)
	}
	first := c
	first.Optimizer.LearningRate, first.Optimizer.WeightDecay = still, 0
	var start train.Start
	dir, _ := mustRun(t, first, train.Options{OnStart: func(s train.Start) { start = s }})
	if !near(trained(dir), want) || !strings.Contains(start.From, folder+", and its projection") {
		t.Errorf("it starts from %q with vectors %v, want %v", start.From, trained(dir), want)
	}
	wider := clipStart(t, table, folder)
	wider.CLIP.Out = 16
	mustRun(t, wider, train.Options{OnStart: func(s train.Start) { start = s }})
	if !strings.Contains(start.From, "without its projection, whose width of 12 is not the run's") {
		t.Errorf("it starts from %q", start.From)
	}

	whole, _ := mustRun(t, c, train.Options{})
	if near(trained(whole), want) {
		t.Error("the projection has learned nothing")
	}
	before, after := tensorsOf(t, modelBytes(t, dir)), tensorsOf(t, modelBytes(t, whole))
	for name, values := range before {
		if strings.HasPrefix(name, "text/backbone") != slices.Equal(values, after[name]) {
			t.Errorf("%s: as it was: %v", name, slices.Equal(values, after[name]))
		}
	}
	resumed := filepath.Join(t.TempDir(), "run")
	stopAfter(t, c, resumed, train.Options{}, 4)
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := train.Run(t.Context(), c, resumed, train.Options{Resume: true}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(modelBytes(t, whole), modelBytes(t, resumed)) {
		t.Error("the resumed run ends in other bytes")
	}
}

// A run's own pairs and weights are compared in chunks with one piece. Its encoder of pictures has batch norm, and so they
// differ; with dropout, what one graph makes of the same chunks is the same.
func TestAFinishedRunCanBeComparedInChunks(t *testing.T) {
	config := smallPairs(writeTable(t, 20), "transformer")
	config.Epochs = 1
	dir, _ := mustRun(t, config, train.Options{})
	config.Chunk = 2
	found, err := train.VerifyLargeBatch(t.Context(), config, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Comparisons) != 2 || found.Comparisons[0].Dropout || !found.Comparisons[1].Dropout || !found.BatchNorm || found.Equal() {
		t.Fatalf("found %+v", found)
	}
	if found.Comparisons = found.Comparisons[1:]; !found.Equal() {
		t.Errorf("with dropout: %+v", found.Comparisons)
	}
	var parts []string
	for _, p := range found.Comparisons[0].Parts {
		parts = append(parts, p.Part)
	}
	if want := []string{"backbone", "image_projection", "logit_scale", "text/backbone", "text_projection"}; !slices.Equal(parts, want) {
		t.Errorf("parts are %v, want %v", parts, want)
	}
}
