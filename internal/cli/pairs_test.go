package cli

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/train"
)

// pairRun trains CLIP for a moment on a table of pictures with captions in the folder that it returns.
func pairRun(t *testing.T) (run, folder, table string) {
	t.Helper()
	folder = picturetest.Splits(t, 8, 2, 16)
	text := "file\twords\tkind\n"
	for _, class := range []string{"a", "b", "c"} {
		for i := range 8 {
			text += fmt.Sprintf("train/%s/%03d.png\tkind %s, number %d\t%s\n", class, i, class, i/2, class)
		}
	}
	table, run = filepath.Join(folder, "pairs.tsv"), filepath.Join(t.TempDir(), "run")
	writeFile(t, table, text)
	r := mustAlike(t, "train", "clip", "--data", table, "--image-column", "file", "--caption-columns", "words", "--class", "kind",
		"--text-backbone", "static", "--image-size", "16", "--backbone", "smallcnn", "--width", "0.25", "--epochs", "2", "--batch", "8",
		"--max-length", "4", "--set", "hold_out=0.25", "--set", "clip.out=16", "--set", "pairs.static.dropout=0.2", "--out", run)
	if config := readFile(t, filepath.Join(run, "config.yaml")); !strings.Contains(config, "dropout: 0.2") {
		t.Errorf("the encoder's own setting is not in\n%s", config)
	}
	for _, want := range []string{"pictures with captions (18 captions, 9 of them and 0 pictures repeat an earlier one)", "held-out caption to picture recall@1", "advice: batch is 8", "18 captions are longer than 4 tokens: what is after them is cut off"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("stderr has no %q:\n%s", want, r.stderr)
		}
	}
	return run, folder, table
}

// From a table of pictures with captions to scores on it, and to pictures found by words and by a picture.
func TestPicturesWithCaptionsFromTrainingToSearch(t *testing.T) {
	run, folder, table := pairRun(t)
	if page := readFile(t, filepath.Join(run, "report.html")); !strings.Contains(page, "static") || !strings.Contains(page, "Recall of pictures by captions") {
		t.Error("the report does not name the encoder of captions, or has no curve of the recall")
	}
	out := mustAlike(t, "eval", run, "--data", table, "--templates", "{}", "--templates", "openai").stdout
	for _, want := range []string{"24 pictures, 12 different captions", "caption to picture, recall@1", "picture to caption, median rank", "zero-shot, 3 classes", "33.3%", "modality gap", "linear probe"} {
		if !strings.Contains(out, want) {
			t.Errorf("eval has no %q:\n%s", want, out)
		}
	}
	if r := alike(t, "eval", run, "--data", table, "--class-name", "a"); r.code != exitUsage || !strings.Contains(r.stderr, `--class-name "a": `) {
		t.Errorf("%d: %s", r.code, r.stderr)
	}
	var report eval.PairReport
	if err := json.Unmarshal([]byte(mustAlike(t, "eval", run, "--data", table, "--templates", "openai80", "--class-name", "a=kind a", "--class-name", "a=number", "--json").stdout), &report); err != nil || report.ZeroShot == nil || len(report.ZeroShot.Templates) != 80 || len(report.ZeroShot.Names["a"]) != 2 || report.Retrieval.TextToImage.Queries != 12 {
		t.Errorf("%+v, %v", report, err)
	}
	meanings := filepath.Join(t.TempDir(), "vectors.txt")
	writeFile(t, meanings, "kind 1 1 1\na 1 0 0\nb 0 1 0\nc 0 0 1\nnumber 1 1 0\n")
	byMeaning := []string{"eval", run, "--data", table, "--vectors", meanings}
	if out := mustAlike(t, byMeaning...).stdout; !strings.Contains(out, "by what their names mean") {
		t.Errorf("eval with --vectors:\n%s", out)
	}
	report = eval.PairReport{}
	if err := json.Unmarshal([]byte(mustAlike(t, append(byMeaning, "--known", table, "--k", "3", "--temperature", "0.2", "--json")...).stdout), &report); err != nil || report.ZeroShot.ByMeaning == nil ||
		report.ZeroShot.ByMeaning.Captions != 12 || report.ZeroShot.ByMeaning.Nearest != 3 || report.ZeroShot.ByMeaning.Temperature != 0.2 {
		t.Errorf("%+v, %v", report.ZeroShot, err)
	}
	alike(t, "eval", run, "--data", table, "--known", table).checkRefused(t, exitUsage, "--known goes with --vectors")
	for _, flags := range [][]string{{"--vectors", meanings}, {"--templates", "openai"}, {"--class-name", "a=kind a"}} {
		alike(t, append([]string{"eval", run, "--data", table, "--class", ""}, flags...)...).checkRefused(t, exitUsage, "with --class")
	}
	alike(t, append(byMeaning, "--known", "nowhere.tsv")...).checkRefused(t, exitFailure, "nowhere.tsv")
	alike(t, "eval", filepath.Join(run, "model"), "--data", table, "--image-column", "file", "--caption-columns", "words", "--class", "kind",
		"--vectors", meanings).checkRefused(t, exitFailure, "with --known")
	// The encoder of pictures is scored as any other, and the folder's classes are named.
	onFolder := mustAlike(t, "eval", run, "--data", folder, "--templates", "openai").stdout
	for _, want := range []string{"6 pictures (the folder's test pictures) of 3 classes, told by the classes' names", "zero-shot", "33.3%", "the encoder of pictures by itself: 6 test pictures", "linear probe"} {
		if !strings.Contains(onFolder, want) {
			t.Errorf("eval on a folder has no %q:\n%s", want, onFolder)
		}
	}
	var named eval.Report
	if err := json.Unmarshal([]byte(mustAlike(t, "eval", run, "--data", folder, "--tasks", "zero-shot", "--class-name", "a=kind a", "--json").stdout), &named); err != nil ||
		named.Tasks.ZeroShot == nil || named.Tasks.ZeroShot.Baselines == nil || named.Tasks.KNN != nil || named.Data.Test != 6 || named.Model.Pair == nil || len(named.Tasks.ZeroShot.Names["a"]) != 1 {
		t.Errorf("%+v, %v", named, err)
	}
	if out := mustAlike(t, "eval", run, "--data", folder, "--tasks", "knn").stdout; strings.Contains(out, "zero-shot") || !strings.Contains(out, "kNN") {
		t.Errorf("of neighbours alone is said\n%s", out)
	}
	if out := mustAlike(t, "eval", run, "--data", folder, "--vectors", meanings, "--tasks", "zero-shot").stdout; !strings.Contains(out, "by what their names mean") {
		t.Errorf("through what the run learned from:\n%s", out)
	}
	alike(t, "eval", run, "--data", filepath.Join(folder, "train", "a"), "--tasks", "zero-shot").checkRefused(t, exitFailure, "no classes to name")
	for _, flags := range [][]string{{"--tasks", "knn"}, {"--max-train", "5"}, {"--columns", "caption"}, {"--sts", table}} {
		alike(t, append([]string{"eval", run, "--data", table}, flags...)...).checkRefused(t, exitUsage, flags[0])
	}
	// A table as open_clip has it: tabs, in a file that is called csv.
	tabs := filepath.Join(folder, "pairs.csv")
	writeFile(t, tabs, readFile(t, table))
	if again := mustAlike(t, "eval", run, "--data", tabs, "--separator", "\t", "--templates", "{}", "--templates", "openai").stdout; again != out {
		t.Errorf("with tabs in a file called csv:\n%s", again)
	}
	alike(t, "train", "clip", "--data", tabs, "--out", filepath.Join(t.TempDir(), "run")).checkRefused(t, exitFailure, "say it with separator")
	alike(t, "train", "clip", "--data", table, "--separator", ";", "--out", filepath.Join(t.TempDir(), "run")).checkRefused(t, exitFailure, "it is for csv files")
	views := filepath.Join(t.TempDir(), "views.png")
	shown := mustAlike(t, "views", "--method", "clip", "--data", table, "--image-column", "file", "--caption-columns", "words", "--tag-columns", "kind", "--set", "clip.caption.tags=1", "--pictures", "2", "--image-size", "16", "--out", views).stdout
	if want := regexp.MustCompile(`\n1  picture  train/(.)/00\d.png\n   caption  kind ., number \d\n   tags     (.)\n   1: text  (.)\n   2: text  .\n   3: text  .\n`).FindStringSubmatch(shown); want == nil || want[1] != want[2] || want[2] != want[3] {
		t.Errorf("of captions is shown\n%s", shown)
	}
	if _, err := os.Stat(views); err != nil {
		t.Error(err)
	}
	alike(t, "views", "--method", "clip", "--data", table, "--image-column", "file", "--caption-columns", "words", "--set", "clip.caption.synonym=0.1", "--wordnet", folder, "--image-size", "16", "--out", views).checkRefused(t, exitFailure, "index.noun")
	sheet := filepath.Join(t.TempDir(), "found.html")
	picture := filepath.Join(folder, "train", "b", "003.png")
	var all []found
	content := mustAlike(t, "search", run, folder, "--text", "kind a", "--image", picture, "--top", "3", "--sheet", sheet, "--json").stdout
	if err := json.Unmarshal([]byte(content), &all); err != nil || len(all) != 2 || len(all[0].Nearest) != 3 || all[0].Query != "kind a" {
		t.Fatalf("%s, %v", content, err)
	}
	if got := all[1].Nearest[0]; got.Path != "train/b/003.png" || got.Similarity < 0.999 {
		t.Errorf("a picture does not find itself but %+v", got)
	}
	if page := readFile(t, sheet); strings.Count(page, "data:image/jpeg;base64,") != 6 || !strings.Contains(page, "kind a") {
		t.Error("the page does not show what was found")
	}
	sheet = filepath.Join(t.TempDir(), "found.png")
	mustAlike(t, "search", run, folder, "--text", "kind a", "--text", "kind b", "--top", "3", "--sheet", sheet)
	drawn, err := png.Decode(strings.NewReader(readFile(t, sheet)))
	if err != nil || drawn.Bounds() != image.Rect(0, 0, 2*24+3*136-8, 2*24+2*196-8) {
		t.Errorf("a contact sheet of two rows of three pictures is %v (%v)", drawn.Bounds(), err)
	}
	if r := alike(t, "search", run, folder, "--text", "kind a", "--sheet", "found.gif"); r.code != exitUsage || !strings.Contains(r.stderr, "end in .html or .png") {
		t.Errorf("%d: %s", r.code, r.stderr)
	}
	vectors := filepath.Join(t.TempDir(), "v.npy")
	words := filepath.Join(t.TempDir(), "words.txt")
	writeFile(t, words, "kind a\nkind b\n")
	for input, want := range map[string]string{folder: "30 vectors of 16 numbers", words: "2 vectors of 16 numbers"} {
		if out := mustAlike(t, "embed", run, input, "--out", vectors).stdout; !strings.Contains(out, want) {
			t.Errorf("%q, want %q", out, want)
		}
	}
	if r := alike(t, "search", run, folder); r.code != exitUsage || !strings.Contains(r.stderr, "--text") {
		t.Errorf("%d: %s", r.code, r.stderr)
	}
}

// A picture that is larger than a contact sheet shows it is on the sheet as it would be drawn from all of it.
func TestLargePicturesOnSheetsAreWhole(t *testing.T) {
	folder := t.TempDir()
	picturetest.Classes(t, folder, []string{"a"}, 1, 300, 1)
	picture := filepath.Join(folder, "a", "000.png")
	run, _, _ := pairRun(t)
	file := filepath.Join(t.TempDir(), "found.png")
	mustAlike(t, "search", run, folder, "--image", picture, "--sheet", file)
	got, err := png.Decode(strings.NewReader(readFile(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := data.Decode([]byte(readFile(t, picture)))
	if err != nil || whole.Rect.Dx() != 300 {
		t.Fatal(whole.Rect, err)
	}
	want, err := positive.CaptionedSheet([]positive.SheetRow{{Title: picture, Pictures: []positive.Captioned{{Caption: "1.000 000.png", Picture: whole}}}})
	if err != nil {
		t.Fatal(err)
	}
	drawn := image.NewRGBA(got.Bounds())
	draw.Draw(drawn, drawn.Rect, got, image.Point{}, draw.Src)
	if !bytes.Equal(drawn.Pix, want.Pix) {
		t.Error("the sheet is another")
	}
}

// Tables and shards are as good as folders to search and to embed, and shards to score; vectors that are kept are searched by words and by
// pictures.
func TestTablesShardsAndVectorsAreSearched(t *testing.T) {
	run, folder, table := pairRun(t)
	shards := t.TempDir()
	var shard bytes.Buffer
	w := tar.NewWriter(&shard)
	for i := range 4 {
		for end, content := range map[string]string{"png": readFile(t, filepath.Join(folder, "train", "b", fmt.Sprintf("%03d.png", i))), "words": fmt.Sprintf("kind b, number %d", i)} {
			if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d.%s", i, end), Mode: 0o644, Size: int64(len(content))}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(shards, "0.tar"), shard.String())
	picture := filepath.Join(folder, "train", "b", "003.png")
	vectors, sheet := filepath.Join(t.TempDir(), "v.npy"), filepath.Join(t.TempDir(), "found.html")
	if out := mustAlike(t, "embed", run, table, "--out", vectors).stdout; !strings.Contains(out, "24 vectors of 16 numbers") {
		t.Errorf("of the pictures of a table there are %q", out)
	}
	for want, flags := range map[string][]string{
		"train/b/003.png":  {table, "--image-column", "file", "--sheet", sheet},
		"0.tar/3.png":      {shards, "--image-column", "png", "--sheet", sheet},
		"train/b/003.png ": {vectors}, // the same path, of vectors
	} {
		if out := mustAlike(t, append([]string{"search", run, "--image", picture, "--top", "1"}, flags...)...).stdout; out != "1.000  "+strings.TrimSpace(want)+"\n" {
			t.Errorf("in %v is %q", flags, out)
		}
	}
	if page := readFile(t, sheet); strings.Count(page, "data:image/jpeg;base64,") != 1 {
		t.Error("the page does not show what was found")
	}
	if out := mustAlike(t, "search", run, table, "--columns", "words", "--text", "kind a, number 1", "--top", "1").stdout; !strings.HasPrefix(out, "1.000  line ") {
		t.Errorf("among captions is %q", out)
	}
	if out := mustAlike(t, "embed", run, table, "--columns", "words", "--out", vectors).stdout; !strings.Contains(out, "24 vectors") {
		t.Errorf("of the captions of a table there are %q", out)
	}
	mustAlike(t, "search", run, vectors, "--image", picture)
	alike(t, "search", run, vectors, "--image", picture, "--sheet", sheet).checkRefused(t, exitUsage, "--sheet shows pictures")
	alike(t, "search", run, folder, "--text", "a", "--columns", "words").checkRefused(t, exitUsage, "--columns")
	alike(t, "embed", run, folder, "--columns", "words", "--out", vectors).checkRefused(t, exitUsage, "--columns")
	// The run's classes are a column that shards and other tables need not have.
	if r := mustAlike(t, "eval", run, "--data", shards, "--image-column", "png"); !strings.Contains(r.stdout, "4 pictures, 4 different captions") || !strings.Contains(r.stderr, `has no column "kind"`) {
		t.Errorf("eval on shards says\n%s%s", r.stderr, r.stdout)
	}
	other := filepath.Join(folder, "other.csv")
	writeFile(t, other, "file,words\ntrain/a/000.png,one\ntrain/b/000.png,two\n")
	if r := mustAlike(t, "eval", run, "--data", other); !strings.Contains(r.stderr, `has no column "kind"`) || strings.Contains(r.stdout, "zero-shot") {
		t.Errorf("eval without the classes says\n%s%s", r.stderr, r.stdout)
	}
}

// A run that starts from another's encoder of pictures has its settings without being told, and leaves it as it is where it is to be frozen.
func TestARunOnPairsTakesTheSettingsOfTheEncoderItStartsFrom(t *testing.T) {
	images, folder := trained(t)
	table := filepath.Join(folder, "pairs.csv")
	text := "image,caption\n"
	for i := range 6 {
		text += fmt.Sprintf("train/%s/%03d.png,picture %d\n", []string{"a", "b"}[i%2], i/2, i)
	}
	writeFile(t, table, text)
	run := filepath.Join(t.TempDir(), "run")
	start := []string{"train", "clip", "--data", table, "--image-model", images, "--text-backbone=static", "--epochs=1", "--batch=2", "--set=clip.out=8"}
	mustAlike(t, append(start, "--set=clip.freeze_image=true", "--out", run)...)
	was, err := train.ReadConfig(images)
	if err != nil {
		t.Fatal(err)
	}
	is, err := train.ReadConfig(run)
	if err != nil || is.Backbone != was.Backbone || is.Width != was.Width || is.ImageSize != was.ImageSize || is.CLIP.Augment.Mean != was.SimCLR.Augment.Mean || is.Pairs.ImageModel != images {
		t.Errorf("%v: %+v", err, is)
	}
	alike(t, append(start, "--backbone=resnet10", "--out", run+"2")...).checkRefused(t, exitFailure, "cannot start from the encoder of pictures")
	alike(t, "train", "clip", "--data", table, "--image-model", clipFolder, "--out", run+"2").checkRefused(t, exitUsage, "name it as pretrained")
	alike(t, "train", "clip", "--data", table, "--image-model", folder, "--out", run+"2").checkRefused(t, exitUsage, "cannot start from the encoder of pictures")
}
