package embed_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/internal/safetensors"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/train"
)

func openDevice(t testing.TB) compute.Backend {
	t.Helper()
	backend, err := device.Open(device.Default)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	return backend
}

var exampleConfig = embed.Config{
	Method: "simclr", Backbone: "smallcnn", Width: 0.25, Seed: 3, Views: positive.SimCLRSmall(16),
}

// newModel returns a model whose every variable is random, so that none can be forgotten: trained batch norms are not the
// ones they start from.
func newModel(t testing.TB) *embed.Model {
	t.Helper()
	store := model.NewStore()
	nn.SetSeed(store, exampleConfig.Seed)
	m, err := embed.New(openDevice(t), store, exampleConfig)
	if err != nil {
		t.Fatal(err)
	}
	mustEmbed(t, m, openPictures(t, makePictures(t, 1))) // draws the weights
	random := rng.New(1, 0, 0, 0)
	for v := range store.IterVariables() {
		values := tensors.MustCopyFlatData[float32](v.MustValue())
		for i := range values {
			values[i] += float32(0.3 * random.Float64())
		}
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// makePictures writes n pictures of one class into a new folder.
func makePictures(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	picturetest.Classes(t, dir, []string{"."}, n, 20, 1)
	return dir
}

func openPictures(t testing.TB, dir string) *data.Images {
	t.Helper()
	folder, err := data.OpenImageFolder(t.Context(), dir, data.FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return folder.Train
}

func mustEmbed(t testing.TB, m *embed.Model, images *data.Images) metric.Matrix {
	t.Helper()
	vectors, items, err := m.Embed(t.Context(), images, nil)
	if err != nil {
		t.Fatal(err)
	}
	if vectors.Rows != images.Len() || len(items) != vectors.Rows || vectors.Cols != m.Config.Dim {
		t.Fatalf("%d pictures give %d rows of %d and %d items", images.Len(), vectors.Rows, vectors.Cols, len(items))
	}
	return vectors
}

func saved(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := newModel(t).Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSavedModelsGiveTheSameVectors(t *testing.T) {
	images := openPictures(t, makePictures(t, 5))
	m := newModel(t)
	want := mustEmbed(t, m, images)
	dir := filepath.Join(t.TempDir(), "model")
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (*embed.Model, error){
		"Load": func() (*embed.Model, error) { return embed.Load(openDevice(t), dir) },
		"Open": func() (*embed.Model, error) { return embed.Open(dir) },
	} {
		again, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(m.Config, again.Config); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(want, mustEmbed(t, again, images)); diff != "" {
			t.Errorf("%s gives other vectors: %s", name, diff)
		}
		again.Close()
	}
	if embedded := want.Row(0); !slices.ContainsFunc(embedded, func(v float32) bool { return v != embedded[0] }) {
		t.Error("all numbers of a vector are the same: this test shows nothing")
	}
}

// A model's config.json names the views as a run's config.yaml does.
func TestConfigNamesViewsAsYAMLDoes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(saved(t), "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct{ Views map[string]any }
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range fields.Of(exampleConfig.Views) {
		want = append(want, f.Key)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(config.Views))); diff != "" {
		t.Error(diff)
	}
}

// A picture has one vector, wherever in a batch it lies and however many others there are.
func TestVectorsDoNotDependOnTheOthers(t *testing.T) {
	const n = 200 // a full batch and a part of one
	all := makePictures(t, n)
	m := newModel(t)
	images := openPictures(t, all)
	vectors := mustEmbed(t, m, images)
	for _, i := range []int{0, 1, 127, 128, n - 1} {
		content, err := os.ReadFile(filepath.Join(all, filepath.FromSlash(images.Items[i].Path)))
		if err != nil {
			t.Fatal(err)
		}
		alone := t.TempDir()
		if err := os.WriteFile(filepath.Join(alone, "one.png"), content, 0o644); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(vectors.Row(i), mustEmbed(t, m, openPictures(t, alone)).Row(0)); diff != "" {
			t.Errorf("picture %d alone has another vector: %s", i, diff)
		}
	}
}

func TestProgressEndsWithTheLastPicture(t *testing.T) {
	images := openPictures(t, makePictures(t, 130))
	var done []int
	_, _, err := newModel(t).Embed(t.Context(), images, func(n, total int) {
		if total != 130 {
			t.Errorf("a total of %d", total)
		}
		done = append(done, n)
	})
	if err != nil || len(done) == 0 || !slices.IsSorted(done) || done[len(done)-1] != 130 {
		t.Errorf("progress %v, %v", done, err)
	}
}

// A file with a good header and damaged pixels is found out only when it is decoded.
func TestUnreadablePicturesHaveNoRow(t *testing.T) {
	dir := makePictures(t, 6)
	whole := openPictures(t, dir)
	m := newModel(t)
	want := mustEmbed(t, m, whole)
	bad := filepath.Join(dir, filepath.FromSlash(whole.Items[2].Path))
	content, err := os.ReadFile(bad)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, content[:len(content)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	images := openPictures(t, dir)
	if images.Len() != 6 {
		t.Fatalf("%d pictures: the damage shows in the header", images.Len())
	}
	for name, f := range map[string]func() (metric.Matrix, []int, error){
		"Embed":     func() (metric.Matrix, []int, error) { return m.Embed(t.Context(), images, nil) },
		"EmbedView": func() (metric.Matrix, []int, error) { return m.EmbedView(t.Context(), images, 1, 0) },
		"RawPixels": func() (metric.Matrix, []int, error) { return embed.RawPixels(t.Context(), images, nil) },
	} {
		vectors, items, err := f()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]int{0, 1, 3, 4, 5}, items); diff != "" || vectors.Rows != 5 || len(vectors.Data) != 5*vectors.Cols {
			t.Errorf("%s: items %v, %d rows", name, items, vectors.Rows)
		}
		if name == "Embed" {
			for row, item := range items {
				if !slices.Equal(vectors.Row(row), want.Row(item)) {
					t.Errorf("row %d is not the vector of picture %d", row, item)
				}
			}
		}
	}
	if skipped := images.Skipped.List(); len(skipped) != 1 || skipped[0].Path != whole.Items[2].Path {
		t.Errorf("skipped: %v", skipped)
	}
}

func TestViewsAreDrawnBySeedAndNumber(t *testing.T) {
	images := openPictures(t, makePictures(t, 3))
	m := newModel(t)
	draw := func(seed uint64, view int) metric.Matrix {
		vectors, _, err := m.EmbedView(t.Context(), images, seed, view)
		if err != nil {
			t.Fatal(err)
		}
		return vectors
	}
	first := draw(1, 0)
	if !cmp.Equal(first, draw(1, 0)) {
		t.Error("the same draw gives other vectors")
	}
	if cmp.Equal(first, draw(1, 1)) || cmp.Equal(first, draw(2, 0)) || cmp.Equal(first, mustEmbed(t, m, images)) {
		t.Error("another number, another seed and no augmentation give the same vectors")
	}
}

// Raw pixels are the picture's own: an average of what is in them, from 0 to 1.
func TestRawPixels(t *testing.T) {
	images := openPictures(t, makePictures(t, 2))
	vectors, items, err := embed.RawPixels(t.Context(), images, nil)
	if err != nil {
		t.Fatal(err)
	}
	if vectors.Rows != 2 || vectors.Cols != 32*32*3 || !slices.Equal(items, []int{0, 1}) {
		t.Fatalf("%d rows of %d, items %v", vectors.Rows, vectors.Cols, items)
	}
	for row := range vectors.Rows {
		picture, err := images.Image(row)
		if err != nil {
			t.Fatal(err)
		}
		for channel, want := range meanColour(picture) {
			got := 0.0
			for i := channel; i < vectors.Cols; i += 3 {
				got += float64(vectors.Row(row)[i]) / float64(vectors.Cols/3)
			}
			if got < want-0.02 || got > want+0.02 {
				t.Errorf("picture %d, channel %d: mean %g, want %g", row, channel, got, want)
			}
		}
	}
}

func meanColour(picture *image.RGBA) (mean [3]float64) {
	size := picture.Rect.Size()
	for y := range size.Y {
		for x := range size.X {
			c := picture.RGBAAt(x, y)
			for i, v := range []uint8{c.R, c.G, c.B} {
				mean[i] += float64(v) / 255 / float64(size.X*size.Y)
			}
		}
	}
	return mean
}

// The baseline is the encoder that training started from. The warm-up's first step has rate 0, so after it all that is trained
// is as it was.
func TestUntrainedIsWhereTrainingStarted(t *testing.T) {
	config := train.DefaultSimCLR(16)
	config.Data = makePictures(t, 8)
	config.Backbone, config.Width = "smallcnn", 0.25
	config.Seed, config.Epochs, config.Batch, config.HoldOut, config.MonitorEvery = 5, 1, 8, 0, 0
	run := filepath.Join(t.TempDir(), "run")
	if _, err := train.Run(t.Context(), config, run, train.Options{}); err != nil {
		t.Fatal(err)
	}
	trained, err := embed.Load(openDevice(t), train.ModelDir(run))
	if err != nil {
		t.Fatal(err)
	}
	untrained, err := embed.Untrained(openDevice(t), trained.Config)
	if err != nil {
		t.Fatal(err)
	}
	mustEmbed(t, untrained, openPictures(t, config.Data))
	want, got := parameters(t, trained), parameters(t, untrained)
	if len(want) == 0 {
		t.Fatal("no parameters")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the untrained encoder is another one: %s", diff)
	}
}

// parameters are the values of a model's weights by name, without the statistics of batch norm.
func parameters(t *testing.T, m *embed.Model) map[string][]float32 {
	t.Helper()
	dir := t.TempDir()
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float32{}
	for _, info := range file.Tensors {
		tensor, err := file.Read(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(info.Name, "/running_") {
			if values[info.Name], err = tensor.Float32(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return values
}

func TestModelsTrainedInBFloat16Load(t *testing.T) {
	config := train.DefaultSimCLR(16)
	config.Data = makePictures(t, 16)
	config.Backbone, config.Width, config.Precision = "smallcnn", 0.25, "bf16"
	config.Epochs, config.Batch, config.HoldOut, config.MonitorEvery = 2, 8, 0, 0
	config.Schedule.WarmupEpochs = 0
	run := filepath.Join(t.TempDir(), "run")
	if _, err := train.Run(t.Context(), config, run, train.Options{}); err != nil {
		t.Fatal(err)
	}
	m, err := embed.Load(openDevice(t), train.ModelDir(run))
	if err != nil {
		t.Fatal(err)
	}
	vectors := mustEmbed(t, m, openPictures(t, config.Data))
	for _, v := range vectors.Data {
		if v-v != 0 {
			t.Fatalf("a vector holds %g", v)
		}
	}
}

// Whatever is wrong with a model folder is told in one line that names the file.
func TestUnfitModelFolders(t *testing.T) {
	good := saved(t)
	config, err := os.ReadFile(filepath.Join(good, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	weights, err := os.ReadFile(filepath.Join(good, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) func(string, []byte) (string, []byte) {
		return func(config string, weights []byte) (string, []byte) {
			if !strings.Contains(config, old) {
				t.Fatalf("config.json has no %s:\n%s", old, config)
			}
			return strings.Replace(config, old, new, 1), weights
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(config string, weights []byte) (string, []byte)
		file  string
		want  string
	}{
		{"another format", replace(`"format": 1`, `"format": 2`), "config.json", "format 2"},
		{"no format", replace(`"format": 1,`, ``), "config.json", "format 0"},
		{"unknown backbone", replace(`"smallcnn"`, `"smallcn"`), "config.json", `did you mean "smallcnn"?`},
		{"another backbone", replace(`"smallcnn"`, `"resnet10"`), "config.json", "resnet10 of width 0.25 has 128"},
		{"another width", replace(`"width": 0.25`, `"width": 0.5`), "config.json", "smallcnn of width 0.5 has 128"},
		{"weights of another encoder", func(c string, w []byte) (string, []byte) {
			return strings.NewReplacer(`"smallcnn"`, `"resnet10"`, `"width": 0.25`, `"width": 0.125`).Replace(c), w
		}, "model.safetensors", "does not fit config.json"},
		{"no width", replace(`"width": 0.25`, `"width": 0`), "config.json", "width 0"},
		{"width not a number", replace(`"width": 0.25`, `"width": NaN`), "config.json", "invalid character"},
		{"another dimension", replace(`"dim": 64`, `"dim": 65`), "config.json", "dim"},
		{"views of another type", replace(`"size": 16`, `"size": "16"`), "config.json", "size"},
		{"views of size 0", replace(`"size": 16`, `"size": 0`), "config.json", "size is 0"},
		{"views too small", replace(`"size": 16`, `"size": 4`), "config.json", "at least 8"},
		{"views out of all measure", replace(`"size": 16`, `"size": 40960`), "config.json", "size is 40960"},
		{"negative deviation", replace(`"std": [`, `"std": [-1, `), "config.json", "std"},
		{"empty configuration", func(_ string, w []byte) (string, []byte) { return "", w }, "config.json", "unexpected end"},
		{"truncated configuration", func(c string, w []byte) (string, []byte) { return c[:len(c)/2], w }, "config.json", "unexpected end"},
		{"huge configuration", func(c string, w []byte) (string, []byte) { return c + strings.Repeat(" ", 1<<20), w }, "config.json", "not a model's configuration"},
		{"empty weights", func(c string, _ []byte) (string, []byte) { return c, nil }, "model.safetensors", "0 bytes"},
		{"weights that are not numbers", func(c string, w []byte) (string, []byte) {
			return c, append(w[:len(w)-4:len(w)-4], 0, 0, 0xc0, 0x7f) // a NaN, little-endian
		}, "model.safetensors", "not finite"},
		{"truncated weights", func(c string, w []byte) (string, []byte) { return c, w[:len(w)-1] }, "model.safetensors", ""},
		{"weights of another format", func(c string, w []byte) (string, []byte) { return c, []byte("GGUF, and something more") }, "model.safetensors", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			badConfig, badWeights := c.spoil(string(config), slices.Clone(weights))
			for name, content := range map[string]string{"config.json": badConfig, "model.safetensors": string(badWeights)} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := embed.Load(openDevice(t), dir)
			if err == nil {
				t.Fatal("no error")
			}
			if text := err.Error(); !strings.Contains(text, filepath.Join(dir, c.file)) || !strings.Contains(text, c.want) || strings.Contains(text, "\n") {
				t.Errorf("error %q, want one line that names %s and says %q", text, c.file, c.want)
			}
		})
	}
	for name, dir := range map[string]string{"no folder": filepath.Join(good, "none"), "empty folder": t.TempDir()} {
		if _, err := embed.Open(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestItemsNameTheirClasses(t *testing.T) {
	dir := t.TempDir()
	picturetest.Classes(t, dir, []string{"cat", "dog", "."}, 1, 8, 1)
	images := openPictures(t, dir)
	var items []embed.Item
	for i := range images.Items {
		items = append(items, embed.Items(images, []int{i})...)
	}
	want := []embed.Item{{Path: "000.png"}, {Path: "cat/000.png", Class: "cat"}, {Path: "dog/000.png", Class: "dog"}}
	if diff := cmp.Diff(want, items); diff != "" {
		t.Error(diff)
	}
}
