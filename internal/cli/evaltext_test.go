package cli

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alike-ml/alike/eval"
)

// scored is the report of an evaluation that was printed as JSON.
func scored(t *testing.T, args ...string) (r eval.Report) {
	t.Helper()
	if err := json.Unmarshal([]byte(mustAlike(t, append([]string{"eval", "--json"}, args...)...).stdout), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Classes are told by their names, whatever files they are in: those of the other file have other numbers there.
func TestClassesOfTextAreScoredBesideWordsAndTheUntrainedEncoder(t *testing.T) {
	run, file := textRun(t)
	test := filepath.Join(t.TempDir(), "test.json")
	rows := `{"extra": [], "test": [{"who": "2", "says": "number 1 of the sentences"}, {"who": "1", "says": "number 3 of the sentences"}, {"who": "1", "says": "number 5"}]}`
	if err := os.WriteFile(test, []byte(rows), 0o644); err != nil {
		t.Fatal(err)
	}
	r := scored(t, run, "--data", file, "--class", "who", "--test", test, "--test-split", "test", "--k", "1")
	if d := r.Data; d.Train != 41 || d.Test != 3 || d.Repeated != 2 || len(d.Classes) != 2 || d.Split != "test of "+test {
		t.Errorf("data %+v", d)
	}
	knn, linear := r.Tasks.KNN, r.Tasks.Linear
	if knn == nil || linear == nil || r.Tasks.Retrieval != nil || r.Tasks.STS != nil {
		t.Fatalf("tasks %+v", r.Tasks)
	}
	// Numbers of one digit are no words: to TF-IDF all sentences are the same, and the first of them is of class 0. That of class 2 is wrong
	// for all.
	if b := knn.Baselines; b.Raw != 0 || b.Majority != 2./3 || b.RandomInit > 0.67 || knn.Accuracy > 0.67 || linear.Baselines == nil {
		t.Errorf("knn %+v with %+v, linear %+v", knn, b, linear)
	}

	// A file that is one piece is divided, always in the same way.
	first, again := scored(t, run, "--data", file, "--class", "who", "--no-baselines"), scored(t, run, "--data", file, "--class", "who", "--no-baselines")
	if d := first.Data; d.Train != 33 || d.Test != 8 || !strings.Contains(d.Split, "a fifth of it picked at random") || first.Tasks.KNN.Baselines != nil {
		t.Errorf("data %+v, tasks %+v", d, first.Tasks)
	}
	if first.Tasks.KNN.Accuracy != again.Tasks.KNN.Accuracy || first.Geometry != again.Geometry {
		t.Errorf("twice: %+v and %+v", first, again)
	}
	r = scored(t, run, "--data", file, "--class", "who", "--tasks", "linear", "--max-train", "20")
	if r.Tasks.KNN != nil || r.Tasks.Linear == nil || r.Data.Train != 20 || !strings.Contains(r.Data.Split, "learned from 20 of 33") {
		t.Errorf("%+v", r.Data)
	}
}

// Every first text finds its second, which is the same, wherever words decide.
func TestPairsOfTextAreSearchedAndScored(t *testing.T) {
	run, _ := textRun(t)
	dir := t.TempDir()
	pairs, sts := filepath.Join(dir, "pairs.csv"), filepath.Join(dir, "sts.csv")
	if err := os.WriteFile(pairs, []byte("a,b\nnumber 1,number 1\nof the,of the\nsentences,sentences\nnumber 1,number 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sts, []byte("number 1,number 1,5\nof the,of number,3\nsentences,the,0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := scored(t, run, "--data", pairs, "--columns", "a,b", "--sts", sts)
	s := r.Tasks.Retrieval
	if s == nil || s.Queries != 3 || s.Items != 3 || s.Recall[1] != 1 || s.MRR != 1 || s.Baselines.TFIDF.Recall[1] != 1 || s.Baselines.RandomInit.Recall[1] != 1 ||
		math.Abs(s.Baselines.Chance.Recall[1]-1./3) > 1e-9 {
		t.Errorf("retrieval %+v", s)
	}
	if r.Data.Test != 4 || r.Tasks.KNN != nil || r.Geometry.Alignment > 1e-6 {
		t.Errorf("data %+v, geometry %+v", r.Data, r.Geometry)
	}
	if got := r.Tasks.STS; got == nil || got.Pairs != 3 || *got.Baselines.WordOverlap != 1 || got.Baselines.RandomInit == nil {
		t.Errorf("sts %+v", got)
	}
	out := mustAlike(t, "eval", run, "--data", pairs, "--columns", "a,b", "--sts", sts).stdout
	for _, want := range []string{"4 rows scored", "each of 3 first texts is to find its second among 3", "recall@10", "nDCG@10", "chance", "word overlap", "Spearman", "geometry: alignment"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// supcon on text is that for text, and says that classes are what it learns from.
func TestSupConLearnsFromAColumnOfClasses(t *testing.T) {
	_, file := textRun(t)
	run := filepath.Join(t.TempDir(), "run")
	r := mustAlike(t, "train", "supcon", "--data", file, "--columns", "says", "--class", "who", "--backbone", "static", "--set", "text.static.width=16",
		"--epochs", "1", "--batch", "16", "--out", run)
	if !strings.Contains(r.stderr, "their 2 classes are what it learns from") {
		t.Errorf("stderr\n%s", r.stderr)
	}
	if config := readFile(t, filepath.Join(run, "config.yaml")); !strings.Contains(config, "supcon_text:") || !strings.Contains(config, "width: 16") {
		t.Errorf("config.yaml\n%s", config)
	}
	mustAlike(t, "train", "supcon", "--resume", "--columns", "says", "--out", run)
	alike(t, "train", "supcon", "--data", file, "--columns", "says", "--out", run+"2").checkRefused(t, exitUsage, "text.class is empty")
}

// A run with rows to test on ends with their scores, in the file and in the report.
func TestARunOnTextEndsWithItsScores(t *testing.T) {
	_, file := textRun(t)
	run := filepath.Join(t.TempDir(), "run")
	r := mustAlike(t, "train", "simcse", "--data", file, "--columns", "says", "--class", "who", "--test", file, "--backbone", "static",
		"--epochs", "1", "--batch", "16", "--out", run)
	if !strings.Contains(r.stdout, "41 rows scored") || !strings.Contains(r.stdout, "41 of the texts scored are among those learned from") {
		t.Errorf("stdout\n%s", r.stdout)
	}
	report, err := eval.ReadReport(run)
	if err != nil || report == nil || report.Tasks.KNN == nil || report.Tasks.Linear.Baselines == nil {
		t.Errorf("report %+v, %v", report, err)
	}
	if page := readFile(t, filepath.Join(run, "report.html")); !strings.Contains(page, "TF-IDF") {
		t.Error("the page has no score beside TF-IDF")
	}
}
