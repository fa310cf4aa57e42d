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
	alike(t, "search", clipFolder, words, "--image", filepath.Join(folder, "wide.png")).checkRefused(t, exitUsage, "--image and --sheet are for folders of pictures")
	other := filepath.Join(t.TempDir(), "clip")
	if err := os.CopyFS(other, os.DirFS(clipFolder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(other, "config.json"), filepath.Join(other, "open_clip_config.json")); err != nil {
		t.Fatal(err)
	}
	alike(t, "embed", other, folder, "--out", vectors).checkRefused(t, exitFailure, "read is that of transformers")
}
