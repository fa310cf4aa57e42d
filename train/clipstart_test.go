package train_test

import (
	"bytes"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/train"
)

// clipCopy is a folder of one's own with a small CLIP as transformers keeps it.
func clipCopy(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "clip")
	if err := os.CopyFS(folder, os.DirFS("../pretrained/testdata/clip")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// wholeStart is a run of an epoch on a table that starts from the whole CLIP in a folder.
func wholeStart(t *testing.T, table, folder string) train.Config {
	t.Helper()
	asked := train.DefaultCLIP(16, "clip", method.Softmax)
	asked.Pairs.Pretrained, asked.Backbone, asked.ImageSize = folder, "", 0
	c, err := asked.Usual()
	if err != nil {
		t.Fatal(err)
	}
	c.Data, c.Pairs.Class = table, "kind"
	c.Epochs, c.Batch, c.CheckpointSeconds = 1, 8, 0
	return c
}

// bothVectors are what a model of pictures and texts makes of two pictures and two texts.
func bothVectors(t *testing.T, dir string) (pictures, texts []float32) {
	t.Helper()
	m, err := embed.OpenPair(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var list []*image.RGBA
	for _, name := range []string{"square.png", "wide.png"} {
		content, err := os.ReadFile(filepath.Join("../pretrained/testdata/clip", name))
		if err != nil {
			t.Fatal(err)
		}
		picture, err := data.Decode(content)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, picture)
	}
	p, err := m.Images.EmbedPictures(list)
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.Texts.Embed([]string{"a cat.", "the hat"})
	if err != nil {
		t.Fatal(err)
	}
	return p.Data, w.Data
}

// A run from a whole CLIP has its settings, its size of pictures and how they are prepared, the scale of its logits, and the settings for
// tuning; before it has learned anything, its vectors are the folder's.
func TestARunStartsFromAWholeCLIP(t *testing.T) {
	table, folder := writeTable(t, 10), clipCopy(t)
	c := wholeStart(t, table, folder)
	if c.Backbone != backbone.CLIPVision || c.Width != 1 || c.ImageSize != 8 || c.CLIP.Augment.Size != 8 || c.CLIP.Out != 12 || c.Pairs.MaxLength != 9 ||
		c.Optimizer.LearningRate != 1e-5 || c.CLIP.Augment.Mean != positive.CLIPMean || c.CLIP.Augment.CenterCrop != 1 {
		t.Errorf("the run is %+v, %+v", c, c.CLIP)
	}
	if usual, err := c.Usual(); err != nil || usual.Epochs != 10 {
		t.Errorf("%d epochs, %v", usual.Epochs, err)
	}
	if got := 1 / c.CLIP.Temperature; math.Abs(got-1/0.07) > 0.1 {
		t.Errorf("the scale starts at %g", got)
	}
	c.Optimizer.LearningRate, c.Optimizer.WeightDecay = still, 0
	var start train.Start
	dir, result := mustRun(t, c, train.Options{OnStart: func(s train.Start) { start = s }})
	if want := "both encoders in " + folder + ", and their projections"; start.From != want {
		t.Errorf("it starts from %q, want %q", start.From, want)
	}
	wantPictures, wantTexts := bothVectors(t, folder)
	pictures, texts := bothVectors(t, train.ModelDir(dir))
	if !near(pictures, wantPictures) || !near(texts, wantTexts) {
		t.Errorf("the vectors are %v and %v, want %v and %v", pictures, texts, wantPictures, wantTexts)
	}
	if result.Epochs[0].Recall == nil {
		t.Error("nothing is said of the encoders before the first step")
	}
	other := wholeStart(t, table, "../pretrained/testdata/open_clip")
	mustRun(t, other, train.Options{OnStart: func(s train.Start) { start = s }})
	if !strings.HasPrefix(start.From, "both encoders in ../pretrained/testdata/open_clip") || !other.Pairs.CLIPImage.QuickGELU {
		t.Errorf("it starts from %q", start.From)
	}
	wider := wholeStart(t, table, folder)
	wider.CLIP.Out = 16
	mustRun(t, wider, train.Options{OnStart: func(s train.Start) { start = s }})
	if !strings.Contains(start.From, "without their projections, whose width of 12 is not the run's") {
		t.Errorf("it starts from %q", start.From)
	}
}

// Frozen, the encoder of pictures ends as it began, and the one of texts learns (LiT); otherwise both learn. Pictures may be of another
// size than the folder's. Such runs are resumed byte for byte, without the folder.
func TestAWholeCLIPIsTuned(t *testing.T) {
	table := writeTable(t, 10)
	for _, frozen := range []bool{true, false} {
		folder := clipCopy(t)
		c := wholeStart(t, table, folder)
		c.CLIP.FreezeImage, c.Optimizer.LearningRate = frozen, 1e-3
		if !frozen {
			c.ImageSize, c.CLIP.Augment.Size = 12, 12
		}
		first := c
		first.Optimizer.LearningRate, first.Optimizer.WeightDecay = still, 0
		began, _ := mustRun(t, first, train.Options{})
		whole, _ := mustRun(t, c, train.Options{})
		before, after := tensorsOf(t, modelBytes(t, began)), tensorsOf(t, modelBytes(t, whole))
		for name, values := range before {
			if kept := frozen && strings.HasPrefix(name, "backbone/"); kept != slices.Equal(values, after[name]) {
				t.Errorf("frozen %v: %s is as it was: %v", frozen, name, !kept)
			}
		}
		resumed := filepath.Join(t.TempDir(), "run")
		stopAfter(t, c, resumed, train.Options{}, 2)
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
}

// With another backbone a run starts from the texts of a whole CLIP alone, as it does from a folder that has no more.
func TestARunMayStartFromTheTextsOfAWholeCLIPAlone(t *testing.T) {
	folder := clipCopy(t)
	for what, change := range map[string]func(*train.Config){
		"another backbone": func(c *train.Config) { c.Backbone = "smallcnn" },
		"texts alone":      func(c *train.Config) { c.Pairs.Pretrained = "../pretrained/testdata/clip_projection" },
	} {
		asked := train.DefaultCLIP(16, "clip", method.Softmax)
		asked.Pairs.Pretrained, asked.Backbone = folder, ""
		change(&asked)
		c, err := asked.Usual()
		if err != nil {
			t.Fatal(err)
		}
		if size, err := asked.OwnImageSize(); err != nil || size != 0 || c.Backbone != "resnet18" || c.Pairs.CLIPImage != nil || c.Optimizer.LearningRate != 5e-4 || c.CLIP.Out != 12 {
			t.Errorf("%s: %+v, %d, %v", what, c, size, err)
		}
	}
}

// A trained CLIP forgets at the rates that one is trained from nothing with.
func TestAdviceOnTheRateOfATrainedCLIP(t *testing.T) {
	for _, k := range []struct {
		rate   float64
		frozen bool
		said   bool
	}{{1e-5, false, false}, {8e-5, false, false}, {8.1e-5, false, true}, {5e-4, false, true}, {5e-4, true, false}} {
		c := wholeStart(t, "table", "../pretrained/testdata/clip")
		c.Epochs, c.Batch, c.Optimizer.LearningRate, c.CLIP.FreezeImage = 10, 64, k.rate, k.frozen
		labels := make([]int, 6000)
		for i := range labels {
			labels[i] = i
		}
		advice, err := train.Advise(c, train.Seen{Labels: labels}, false)
		if err != nil {
			t.Fatal(err)
		}
		said := slices.ContainsFunc(advice, func(a train.Advice) bool {
			return a.Key == "optimizer.learning_rate" && strings.Contains(a.Text, "forgets what it knew")
		})
		if said != k.said || len(advice) > 1 || !said && len(advice) > 0 {
			t.Errorf("at %g, frozen %v: %v", k.rate, k.frozen, advice)
		}
	}
}

// With an encoder of pictures of another run's it has that one's settings, and the texts of the CLIP.
func TestARunMayStartFromTheTextsOfAWholeCLIPAndItsOwnPictures(t *testing.T) {
	images, _ := mustRun(t, small(filepath.Dir(writeTable(t, 10))), train.Options{})
	asked := train.DefaultCLIP(32, "clip", method.Softmax)
	asked.Pairs.Pretrained, asked.Pairs.ImageModel, asked.Backbone = clipCopy(t), images, ""
	c, err := asked.Usual()
	if err != nil {
		t.Fatal(err)
	}
	was, err := train.ReadConfig(images)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := asked.OwnImageSize(); err != nil || size != was.ImageSize {
		t.Errorf("pictures of %d, %v", size, err)
	}
	if c.Backbone != was.Backbone || c.Width != was.Width || c.CLIP.Augment.Mean != was.SimCLR.Augment.Mean || c.Pairs.CLIPImage != nil || c.CLIP.Out != 12 || c.Pairs.CLIP == nil {
		t.Errorf("%+v", c)
	}
}

func TestWhatRunsOnPairsDoNotStartFrom(t *testing.T) {
	table := writeTable(t, 4)
	other := clipCopy(t)
	if err := os.Remove(filepath.Join(other, "preprocessor_config.json")); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*train.Config){
		"pairs.clip_image say (feedforward: 24 there, 25 here)": func(c *train.Config) { c.Pairs.CLIPImage.Feedforward = 25 },
		"set augment.mean and augment.std":                      func(c *train.Config) { c.CLIP.Augment.Mean[0] = 0 },
		"has no preprocessor_config.json":                       func(c *train.Config) { c.Pairs.Pretrained = other },
		"settings of clip_vit, and the backbone is vit_tiny":    func(c *train.Config) { c.Backbone = "vit_tiny" },
		"width is 0.5":    func(c *train.Config) { c.Width = 0.5 },
		"image_size is 1": func(c *train.Config) { c.ImageSize, c.CLIP.Augment.Size = 1, 1 },
	} {
		c := wholeStart(t, table, clipCopy(t))
		change(&c)
		_, err := train.Run(t.Context(), c, filepath.Join(t.TempDir(), "run"), train.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %q", err, want)
		}
	}
}
