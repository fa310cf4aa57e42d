package runreport_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/internal/runreport"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/report"
	"github.com/alike-ml/alike/train"
)

// reportOf trains on a folder for a moment, evaluates if it has test pictures, and returns the report.
func reportOf(t *testing.T, folder string) string {
	t.Helper()
	config := train.DefaultSimCLR(16).WithEpochs(2)
	config.Data = folder
	config.Backbone, config.Width, config.Batch = "smallcnn", 0.25, 8
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := train.Run(t.Context(), config, dir, train.Options{}); err != nil {
		t.Fatal(err)
	}
	opened, err := data.OpenImageFolder(t.Context(), folder, data.FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	in := runreport.Input{
		Dir: dir, Title: "A <run> of a moment", Command: "alike train simclr --data pictures --out run", Config: config,
		Encoder:  "a few million weights",
		Pictures: opened.Train, Timing: []report.Span{{Name: "training", Duration: 1500 * time.Millisecond}},
	}
	backend := openDevice(t)
	if in.Model, err = embed.Load(backend, train.ModelDir(dir)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Model.Close)
	if opened.Test != nil {
		if in.Evaluation, err = eval.Run(t.Context(), backend, in.Model, opened, eval.Options{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return written(t, in)
}

func openDevice(t *testing.T) compute.Backend {
	t.Helper()
	backend, err := device.Open(device.Default)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	return backend
}

// written is the report of a run.
func written(t *testing.T, in runreport.Input) string {
	t.Helper()
	if err := runreport.Write(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(in.Dir, runreport.File))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// check compares the report's sections with the wanted ones, and looks for what would have to be fetched from elsewhere.
func check(t *testing.T, page string, sections ...string) {
	t.Helper()
	var got []string
	for _, m := range regexp.MustCompile(`<section id="(\w+)">`).FindAllStringSubmatch(page, -1) {
		got = append(got, m[1])
	}
	if strings.Join(got, " ") != strings.Join(sections, " ") {
		t.Errorf("sections %v, want %v", got, sections)
	}
	if outside := regexp.MustCompile(`(src|href)="[^#d][^"]*"|https?://[^"' )]*`).FindAllString(page, -1); outside != nil {
		t.Errorf("it refers to %v", outside)
	}
	for _, want := range []string{"A &lt;run&gt; of a moment", "alike train simclr --data pictures", "simclr.temperature", "smallcnn", "a few million weights", "<svg"} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not show %q", want)
		}
	}
	if strings.Contains(page, "NaN") {
		t.Error("it shows what was not measured as NaN")
	}
}

func TestReportOfALabelledRun(t *testing.T) {
	page := reportOf(t, picturetest.Splits(t, 12, 4, 16))
	check(t, page, "scores", "neighbours", "map", "training", "positives", "again")
	for _, want := range []string{"Nearest neighbours", "Linear probe", "raw pixels", "untrained encoder", "largest class"} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not show %q", want)
		}
	}
}

// Without test pictures nothing was evaluated: there are no scores to show, but what held-out pictures find there is.
func TestReportOfARunWithoutTestPictures(t *testing.T) {
	dir := t.TempDir()
	picturetest.Classes(t, dir, []string{"a", "b"}, 12, 16, 1)
	page := reportOf(t, dir)
	check(t, page, "neighbours", "map", "training", "positives", "again")
	if !strings.Contains(page, "kept back from training") {
		t.Error("it does not say where the queries are from")
	}
}

func TestReportOfARunWithoutLabels(t *testing.T) {
	dir := t.TempDir()
	picturetest.Classes(t, filepath.Join(dir, "train"), []string{"."}, 20, 16, 1)
	picturetest.Classes(t, filepath.Join(dir, "test"), []string{"."}, 5, 16, 2)
	check(t, reportOf(t, dir), "neighbours", "map", "training", "positives", "again")
}

func TestReportNamesSkippedFiles(t *testing.T) {
	dir := picturetest.Splits(t, 12, 4, 16)
	if err := os.WriteFile(filepath.Join(dir, "train", "a", "torn & empty.jpg"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	page := reportOf(t, dir)
	check(t, page, "scores", "neighbours", "map", "training", "positives", "again", "skipped")
	if !strings.Contains(page, "torn &amp; empty.jpg") {
		t.Error("the file is not named")
	}
}

// A run on text has its curves, with their baselines, and the rows that it learned from.
func TestReportOfARunOnText(t *testing.T) {
	home := t.TempDir()
	var text, pairs strings.Builder
	for i := range 60 {
		fmt.Fprintf(&text, "%d\tthere are %d <words> in %d books\n", i%2, i+20, i%7)
		fmt.Fprintf(&pairs, "%d words,%d words,%d\n", i, i+i%3, i%3)
	}
	for name, content := range map[string]string{"text.tsv": text.String(), "pairs.csv": pairs.String()} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	config := train.DefaultSimCSE("static", 1, true)
	config.Data, config.Batch, config.Epochs, config.HoldOut = filepath.Join(home, "text.tsv"), 8, 2, 0.2
	config.Text.Texts, config.Text.Class, config.Text.Header, config.Text.STS = []string{"2"}, "1", false, filepath.Join(home, "pairs.csv")
	config.SimCSE.Positive.Delete, config.SimCSE.Negatives.Number = 0.2, true
	dir := filepath.Join(home, "run")
	result, err := train.Run(t.Context(), config, dir, train.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := runreport.Input{
		Dir: dir, Title: "A <run> of a moment", Command: "alike train simclr --data pictures --out run smallcnn simclr.temperature", Config: config,
		Encoder: "a few million weights", Rows: result.Start.Rows,
	}
	if in.TextModel, err = embed.LoadText(openDevice(t), train.ModelDir(dir)); err != nil {
		t.Fatal(err)
	}
	defer in.TextModel.Close()
	half := 0.5
	in.Scores = &eval.Report{Tasks: eval.Scores{STS: &eval.STS{Spearman: &half, Pairs: 60, Baselines: &eval.STSBaselines{TFIDF: &half}}}}
	page := written(t, in)
	check(t, page, "scores", "neighbours", "map", "training", "texts", "again")
	for _, want := range []string{
		"Sentence similarity", "kNN accuracy", "words alone", "untrained", "Alignment", "negative, number", "&lt;words&gt;", "simcse.negatives.number",
		"TF-IDF", "overlap of words", "0.500", "60 pairs scored", `class="lines"`, "kept back from training", "same class",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not show %q", want)
		}
	}
}

// A run on pictures with captions shows what held-out captions and pictures find, which of it is theirs, and the scores of both directions.
func TestReportOfARunOnPairs(t *testing.T) {
	folder := picturetest.Splits(t, 12, 1, 16)
	table := "image\tcaption\tkind\n"
	for _, class := range []string{"a", "b", "c"} {
		for i := range 12 {
			table += fmt.Sprintf("train/%s/%03d.png\tthe <picture> %d of %s\t%s\n", class, i, i, class, class)
		}
	}
	path := filepath.Join(folder, "pairs.tsv")
	if err := os.WriteFile(path, []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	config := train.DefaultCLIP(16, "static", method.Softmax).WithEpochs(1)
	config.Data, config.Batch, config.HoldOut = path, 8, 0.5
	config.Backbone, config.Width, config.CLIP.Out, config.Pairs.Class = "smallcnn", 0.25, 16, "kind"
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := train.Run(t.Context(), config, dir, train.Options{}); err != nil {
		t.Fatal(err)
	}
	in := runreport.Input{Dir: dir, Title: "A <run> of a moment", Command: "alike train simclr --data pictures simclr.temperature", Config: config, Encoder: "a few million weights"}
	backend := openDevice(t)
	var err error
	if in.PairModel, err = embed.LoadPair(backend, train.ModelDir(dir)); err != nil {
		t.Fatal(err)
	}
	defer in.PairModel.Close()
	items, err := train.OpenPairs(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer items.Close()
	if in.PairScores, err = eval.RunPairs(t.Context(), backend, in.PairModel, items.Watched, eval.Prompts{Templates: []string{"{}"}}, true, nil); err != nil {
		t.Fatal(err)
	}
	page := written(t, in)
	check(t, page, "scores", "neighbours", "map", "training", "again")
	for _, want := range []string{
		"Captions find pictures", "Pictures find captions", "Classes by their names", "Encoder of pictures: linear probe", "chance", "untrained model", "median rank",
		`title="the &lt;picture&gt;`, "its own", "of another pair", "<b>the &lt;picture&gt;", `class="lines"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not show %q", want)
		}
	}
}

// A report needs a run.
func TestReportWithoutARun(t *testing.T) {
	config := train.DefaultSimCLR(16)
	err := runreport.Write(t.Context(), runreport.Input{Dir: filepath.Join(t.TempDir(), "none"), Config: config, Pictures: &data.Images{Skipped: &data.Skipped{}}})
	if err == nil || !strings.Contains(err.Error(), "metrics.jsonl") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}
