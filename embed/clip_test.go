package embed_test

import (
	"encoding/json"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/positive"
)

// clipFolder is a small CLIP as transformers keeps it.
const clipFolder = "../pretrained/testdata/clip"

// largestDifference is that of vectors from values.
func largestDifference(t *testing.T, vectors metric.Matrix, want [][]float64) (largest float64) {
	t.Helper()
	if vectors.Rows != len(want) {
		t.Fatalf("%d vectors, want %d", vectors.Rows, len(want))
	}
	for i, row := range want {
		for d, w := range row {
			largest = max(largest, math.Abs(float64(vectors.Row(i)[d])-w))
		}
	}
	return largest
}

// The folder of a whole CLIP is a model of pictures and texts, with transformers' vectors and logits (bench/peers/encoders.py), and so is
// what is saved of it. Where a picture is resized, transformers rounds to bytes after each direction and Alike does not: pixels differ by less
// than one step of 255.
func TestAWholeCLIPGivesTheReferencesVectorsAndLogits(t *testing.T) {
	var golden struct {
		Files    []string    `json:"files"`
		Prepared [][]float64 `json:"prepared"`
		Vectors  [][]float64 `json:"prepared_vectors"`
		Logits   [][]float64 `json:"logits"`
		Scale    float64     `json:"scale"`
		Texts    []string    `json:"texts"`
	}
	for _, name := range []string{"pictures.json", "golden.json"} {
		text, err := os.ReadFile(filepath.Join(clipFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		vectors := golden.Vectors
		if err := json.Unmarshal(text, &golden); err != nil {
			t.Fatal(err)
		}
		if len(vectors) > 0 {
			golden.Vectors = vectors
		}
	}
	folder, err := data.OpenImageFolder(t.Context(), clipFolder, data.FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !embed.IsPair(clipFolder) || embed.IsText(clipFolder) {
		t.Error("the folder is taken for something else")
	}
	saved := t.TempDir()
	for _, dir := range []string{clipFolder, saved} {
		m, err := embed.LoadPair(openDevice(t), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		pictures, items, err := m.Images.Embed(t.Context(), folder.Train, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) != 2 || folder.Train.Items[0].Path != golden.Files[0] || pictures.Cols != 12 {
			t.Fatalf("%d pictures, the first of which is %s, and vectors of %d numbers", len(items), folder.Train.Items[0].Path, pictures.Cols)
		}
		square := metric.Matrix{Rows: 1, Cols: 12, Data: pictures.Row(0)}
		if d := largestDifference(t, square, golden.Vectors[:1]); !(d <= 1e-5) {
			t.Errorf("%s: a difference of %g without a resize", dir, d)
		}
		if d := largestDifference(t, pictures, golden.Vectors); !(d <= 0.03) {
			t.Errorf("%s: a difference of %g with one", dir, d)
		}
		texts, err := m.Texts.Embed(golden.Texts)
		if err != nil {
			t.Fatal(err)
		}
		square, texts = square.Normalized(), texts.Normalized()
		logits := metric.NewMatrix(1, texts.Rows)
		for i := range texts.Rows {
			var cosine float64
			for d, x := range texts.Row(i) {
				cosine += float64(x) * float64(square.Data[d])
			}
			logits.Data[i] = float32(golden.Scale * cosine)
		}
		if d := largestDifference(t, logits, golden.Logits[:1]); !(d <= 1e-4) {
			t.Errorf("%s: logits differ by %g", dir, d)
		}
		if dir == clipFolder {
			compareViews(t, m.Images.Config.Views, folder.Train, golden.Prepared)
			if err := m.Save(saved); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// compareViews holds what is made of pictures for evaluation to values.
func compareViews(t *testing.T, views positive.ImageConfig, images *data.Images, want [][]float64) {
	t.Helper()
	pipeline, err := positive.NewPipeline(views)
	if err != nil {
		t.Fatal(err)
	}
	for i, tolerance := range []float64{1e-6, 1. / 255 / 0.26130258} {
		content, err := os.ReadFile(filepath.Join(clipFolder, images.Items[i].Path))
		if err != nil {
			t.Fatal(err)
		}
		picture, err := data.Decode(content)
		if err != nil {
			t.Fatal(err)
		}
		view := metric.Matrix{Rows: 1, Cols: pipeline.Len(), Data: make([]float32, pipeline.Len())}
		pipeline.Center(view.Data, picture)
		if d := largestDifference(t, view, want[i:i+1]); !(d <= tolerance) {
			t.Errorf("%s: the pixels differ by %g", images.Items[i].Path, d)
		}
	}
}

// The encoder of pictures by itself, which linear probes are of, is before the projection, and the untrained twin has other weights.
func TestTheTowerOfAWholeCLIP(t *testing.T) {
	tower, err := embed.Load(openDevice(t), clipFolder)
	if err != nil {
		t.Fatal(err)
	}
	defer tower.Close()
	folder, err := data.OpenImageFolder(t.Context(), clipFolder, data.FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := tower.Embed(t.Context(), folder.Train, nil)
	if err != nil || h.Cols != 16 {
		t.Errorf("%d numbers, %v", h.Cols, err)
	}
	untrained, err := embed.Untrained(openDevice(t), tower.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer untrained.Close()
	other, _, err := untrained.Embed(t.Context(), folder.Train, nil)
	if err != nil || other.Cols != 16 || other.Data[0] == h.Data[0] {
		t.Errorf("%d numbers, %v", other.Cols, err)
	}
}

// A picture has its vector to the last digits, however many others are computed with it: products of few rows are summed in another order.
func TestVectorsOfATransformerHardlyDependOnTheOthers(t *testing.T) {
	m, err := embed.LoadPair(openDevice(t), clipFolder)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var pictures []*image.RGBA
	for i := range 130 { // a whole batch and two more
		picture := image.NewRGBA(image.Rect(0, 0, 9, 8+i%5))
		for j := range picture.Pix {
			picture.Pix[j] = byte(j*j + 31*i)
		}
		pictures = append(pictures, picture)
	}
	all, err := m.Images.EmbedPictures(pictures)
	if err != nil || all.Rows != len(pictures) {
		t.Fatal(all.Rows, err)
	}
	for _, some := range [][2]int{{0, 1}, {3, 6}, {125, 130}} {
		alone, err := m.Images.EmbedPictures(pictures[some[0]:some[1]])
		if err != nil {
			t.Fatal(err)
		}
		for i := range alone.Rows {
			for d, x := range alone.Row(i) {
				if want := all.Row(some[0] + i)[d]; !(math.Abs(float64(x-want)) <= 1e-5) {
					t.Fatalf("picture %d of %v has %g at %d, and %g among all", i, some, x, d, want)
				}
			}
		}
	}
}

// A folder without what only pictures need is still one of texts, and the error of the whole says what it lacks.
func TestUnfitCLIPsAreNotLoaded(t *testing.T) {
	for name, want := range map[string]string{"preprocessor_config.json": "has no preprocessor_config.json", "tokenizer.json": "tokenizer", "model.safetensors": "model.safetensors"} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(clipFolder)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := embed.LoadPair(openDevice(t), dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("without %s: error %v", name, err)
		}
		if m, err := embed.LoadText(openDevice(t), dir); name != "preprocessor_config.json" {
			if err == nil {
				t.Errorf("without %s there are texts", name)
			}
		} else if err != nil {
			t.Error(err)
		} else {
			m.Close()
		}
	}
}
