package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alike-ml/alike/eval"
)

// clipFolder is a small CLIP as transformers keeps it.
const clipFolder = "../../pretrained/testdata/clip"

// clipTable is a table of two pictures with captions and classes, and the folder with the pictures.
func clipTable(t *testing.T) (table, folder string) {
	t.Helper()
	folder = t.TempDir()
	for _, name := range []string{"square.png", "wide.png"} {
		writeFile(t, filepath.Join(folder, name), readFile(t, filepath.Join(clipFolder, name)))
	}
	table = filepath.Join(folder, "pairs.csv")
	writeFile(t, table, "image,caption,class\nsquare.png,A cat.,cat\nwide.png,the cat in a hat,hat\n")
	return table, folder
}

// A folder of transformers with a whole CLIP stands in for a run: for scores, for vectors of pictures and texts, and for search.
func TestAWholeCLIPStandsInForARun(t *testing.T) {
	table, folder := clipTable(t)
	var report eval.PairReport
	content := mustAlike(t, "eval", clipFolder, "--data", table, "--class", "class", "--json").stdout
	if err := json.Unmarshal([]byte(content), &report); err != nil || report.Pictures != 2 || report.ZeroShot == nil || report.Retrieval.TextToImage.Queries != 2 || report.Retrieval.TextToImage.Baselines == nil {
		t.Errorf("%s, %v", content, err)
	}
	sts := filepath.Join(folder, "sts.csv")
	writeFile(t, sts, "a cat,the cat,5\na cat,a hat,2\na hat,in the hat,4\n")
	if out := mustAlike(t, "eval", clipFolder, "--sts", sts).stdout; !strings.Contains(out, "3 pairs") {
		t.Errorf("STS says\n%s", out)
	}
	words, vectors := filepath.Join(folder, "words.txt"), filepath.Join(folder, "v.npy")
	writeFile(t, words, "a cat\na hat\n")
	if out := mustAlike(t, "embed", clipFolder, words, "--out", vectors).stdout; !strings.Contains(out, "2 vectors of 12 numbers") {
		t.Error(out)
	}
	for _, input := range []string{words, vectors} {
		if out := mustAlike(t, "search", clipFolder, input, "--text", "a hat", "--top", "1").stdout; !strings.Contains(out, "1.000  line 2  a hat") {
			t.Errorf("%s: %q", input, out)
		}
	}
	found := mustAlike(t, "search", clipFolder, folder, "--text", "a hat", "--image", filepath.Join(folder, "wide.png")).stdout
	if !strings.Contains(found, "1.000  wide.png") || !strings.Contains(found, "square.png") {
		t.Errorf("found %q", found)
	}
	if out := mustAlike(t, "embed", clipFolder, folder, "--out", vectors).stdout; !strings.Contains(out, "2 vectors of 12 numbers") {
		t.Error(out)
	}
	if out := mustAlike(t, "search", clipFolder, vectors, "--text", "a hat").stdout; !strings.HasPrefix(found, "a hat\n"+out) {
		t.Errorf("in vectors of pictures there is %q, in the pictures %q", out, found)
	}
	if out := mustAlike(t, "search", clipFolder, words, "--image", filepath.Join(folder, "wide.png")).stdout; !strings.Contains(out, "line 2  a hat") {
		t.Errorf("a picture finds %q among texts", out)
	}
	alike(t, "search", clipFolder, words, "--image", filepath.Join(folder, "wide.png"), "--sheet", filepath.Join(folder, "s.png")).checkRefused(t, exitUsage, "--sheet shows pictures")
	const openCLIP = "../../pretrained/testdata/open_clip" // of the other layout
	if out := mustAlike(t, "search", openCLIP, folder, "--text", "a hat", "--top", "1").stdout; strings.Count(out, ".png") != 1 {
		t.Errorf("with open_clip's layout it is %q", out)
	}
	other := filepath.Join(t.TempDir(), "clip")
	if err := os.CopyFS(other, os.DirFS(openCLIP)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(other, "open_clip_model.safetensors")); err != nil {
		t.Fatal(err)
	}
	alike(t, "embed", other, folder, "--out", vectors).checkRefused(t, exitFailure, "there is no open_clip_model.safetensors in")
}

// A run from a whole CLIP has the folder's own size of pictures and encoders, unless others are asked for, and can be compared in chunks and
// resumed by its directory alone.
func TestTrainingFromAWholeCLIP(t *testing.T) {
	_, folder, table := pairRun(t)
	flags := []string{"train", "clip", "--data", table, "--image-column", "file", "--caption-columns", "words", "--pretrained", clipFolder,
		"--epochs", "1", "--batch", "8"}
	run := filepath.Join(t.TempDir(), "run")
	r := mustAlike(t, append(flags, "--set", "clip.freeze_image=true", "--out", run)...)
	for _, want := range []string{"clip_vit, width 1", "at 8 px", "both encoders in " + clipFolder + ", and their projections", "held-out caption to picture recall@1"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("stderr has no %q:\n%s", want, r.stderr)
		}
	}
	if strings.Contains(r.stderr, "drawn at random") {
		t.Errorf("an encoder that is there is taken for one that is drawn:\n%s", r.stderr)
	}
	mustAlike(t, "train", "--out", run, "--resume")
	mustAlike(t, "verify", "large-batch", run, "--chunk", "4")
	if out := mustAlike(t, "search", run, folder, "--text", "kind a", "--top", "2").stdout; strings.Count(out, ".png") != 2 {
		t.Error(out)
	}
	r = mustAlike(t, append(flags, "--image-size", "12", "--out", filepath.Join(t.TempDir(), "run"))...)
	if !strings.Contains(r.stderr, "at 12 px") || !strings.Contains(r.stderr, "both encoders in") {
		t.Error(r.stderr)
	}
	r = mustAlike(t, append(flags, "--backbone", "smallcnn", "--out", filepath.Join(t.TempDir(), "run"))...)
	if !strings.Contains(r.stderr, "smallcnn, width 0.5") || !strings.Contains(r.stderr, "at 32 px") || !strings.Contains(r.stderr, "it starts from the encoder in "+clipFolder) {
		t.Error(r.stderr)
	}
	again := mustAlike(t, "train", "--config", filepath.Join(run, "config.yaml"), "--out", filepath.Join(t.TempDir(), "again"))
	if !strings.Contains(again.stderr, "both encoders in") {
		t.Error(again.stderr)
	}
}
