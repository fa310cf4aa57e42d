package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/alike-ml/alike/train"
)

// textRun trains on a file of a few sentences for a moment, and returns the run and the file.
func textRun(t *testing.T) (run, file string) {
	t.Helper()
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("who\tsays\n")
	for i := range 40 {
		fmt.Fprintf(&text, "%d\tnumber %d of the sentences\n", i%2, i)
	}
	text.WriteString("1\tnumber 3 of the sentences\n0\t\n")
	run, file = filepath.Join(dir, "run"), filepath.Join(dir, "text.tsv")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	r := mustAlike(t, "train", "simcse", "--data", file, "--columns", "says", "--backbone", "static", "--epochs", "1", "--batch", "16", "--out", run)
	if !strings.Contains(r.stderr, "1 row dropped as empty, at "+file+":43\n") || !strings.Contains(r.stderr, "1 row dropped as duplicate, at ") {
		t.Errorf("stderr\n%s", r.stderr)
	}
	return run, file
}

// Rows that are not used are listed, by reason, in train.log too, and texts that are cut off are counted; the same in evaluation, of every
// file.
func TestRowsAndEndsThatAreNotUsedAreSaid(t *testing.T) {
	dir := t.TempDir()
	file, run := filepath.Join(dir, "text.csv"), filepath.Join(dir, "run")
	text := "says,who\n"
	for i := range 20 {
		text += fmt.Sprintf("sentence %d is short,%d\n", i, i%2)
	}
	text += "a row that is short\n" + strings.Repeat("word ", 50) + ",1\n" + "a,row,that is long\nsentence 1 is short,1\nsentence 2 is short,0\n"
	writeFile(t, file, text)
	r := mustAlike(t, "train", "simcse", "--data", file, "--columns", "says", "--class", "who", "--backbone", "static", "--epochs", "1", "--batch", "8", "--out", run)
	for _, want := range []string{
		"2 rows dropped as malformed\n  " + file + ":22: 1 columns, not 2\n  " + file + ":24: 3 columns, not 2\n",
		"2 rows dropped as duplicate, at " + file + ":25, 26\n",
		"1 text is longer than 32 tokens: what is after them is cut off\n",
	} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("no %q in\n%s", want, r.stderr)
		}
	}
	log := readFile(t, filepath.Join(run, "train.log"))
	for _, want := range []string{"truncated=1", "row=" + file + ":24 reason=malformed why=\"3 columns, not 2\"", "row=" + file + ":26 reason=duplicate"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	sts := filepath.Join(dir, "sts.csv")
	writeFile(t, sts, "one,one,5\ntwo,too\nthree,four,none\nfive,six,1\n")
	if r := mustAlike(t, "eval", run, "--sts", sts, "--no-baselines"); !strings.Contains(r.stderr, sts+":3: the score") || !strings.Contains(r.stderr, sts+":2: 2 columns") {
		t.Errorf("stderr\n%s", r.stderr)
	}
	if r := mustAlike(t, "eval", run, "--data", file, "--test", file, "--tasks", "knn", "--no-baselines"); strings.Count(r.stderr, file+":24: ") != 2 {
		t.Errorf("stderr\n%s", r.stderr)
	}
}

// A run says first what it trains on what, in weights, work and rows; its report has the same.
func TestTrainOnTextSaysWhatItTrains(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "text.tsv")
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "%d\tthe %d sentences\n", i%2, i)
	}
	writeFile(t, file, text.String())
	for want, more := range map[string][]string{
		`^transformer: 0\.\d+ million weights, [\d.]+ million multiply-adds a text of 8 tokens; 36 rows of text, 4 more kept back to watch with; 1 epoch of 4 steps of 8 rows of text, at most 8 tokens long\n`: {
			"--backbone", "transformer", "--set", "text.transformer.layers=1", "--set", "text.transformer.width=16"},
		`^static: 0\.\d+ million weights; 36 rows of text \(those of one of 2 classes are not told apart\), 4 more`: {"--backbone", "static", "--class", "1"},
	} {
		run := filepath.Join(t.TempDir(), "run")
		r := mustAlike(t, append([]string{"train", "simcse", "--data", file, "--no-header", "--columns", "2", "--max-length", "8", "--set", "hold_out=0.1",
			"--batch", "8", "--epochs", "1", "--out", run}, more...)...)
		if !regexp.MustCompile(want).MatchString(r.stderr) {
			t.Errorf("want %s, stderr\n%s", want, r.stderr)
		}
		if page := readFile(t, filepath.Join(run, "report.html")); !regexp.MustCompile(`0\.\d+ million weights`).MatchString(page) {
			t.Errorf("the report of %v does not say how large the encoder is", more)
		}
	}
}

func TestTextIsEmbeddedAndSearched(t *testing.T) {
	run, file := textRun(t)
	vectors := filepath.Join(t.TempDir(), "vectors.npy")
	mustAlike(t, "embed", run, file, "--columns", "says", "--class", "who", "--out", vectors)
	items := strings.Split(strings.TrimSpace(readFile(t, vectors+".items.jsonl")), "\n")
	if want := `{"text":"number 3 of the sentences","line":5,"class":"1"}`; len(items) != 41 || items[3] != want {
		t.Errorf("%d items, the fourth is %s, want 41 and %s", len(items), items[3], want)
	}
	for _, args := range [][]string{{file}, {file, "--columns", "says"}, {vectors}} { // the run's column, if none is named
		var got []found
		r := mustAlike(t, append([]string{"search", run, "--json", "--top", "2", "--text", "number 3 of the sentences"}, args...)...)
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatal(err)
		}
		nearest := got[0].Nearest
		if len(got) != 1 || len(nearest) != 2 || nearest[0].Line != 5 || nearest[1].Line != 42 || nearest[0].Similarity < 0.9999 {
			t.Errorf("%v found %+v", args, got)
		}
	}
}

// Rows of several texts are shown as they are, whatever is made of them; what there is to see nothing of says why.
func TestRowsOfTextAreShown(t *testing.T) {
	_, plain := textRun(t)
	file := filepath.Join(t.TempDir(), "rows.csv")
	writeFile(t, file, "a,b,c\nit rains,water falls,the sun shines\nwe eat,we dine,we fast\n")
	want := "1  text      it rains\n   positive  water falls\n   negative  the sun shines\n"
	if out := mustAlike(t, "views", "--method", "simcse", "--data", file, "--columns", "a,b,c").stdout; !strings.HasPrefix(out, want) {
		t.Errorf("shown is\n%s", out)
	}
	alike(t, "views", "--method", "simcse", "--data", plain, "--columns", "says").checkRefused(t, exitUsage, "differ by dropout")
	alike(t, "views", "--method", "supcon", "--data", plain, "--columns", "says", "--class", "who").checkRefused(t, exitUsage, "rows of one class attract")
	alike(t, "views", "--data", plain).checkRefused(t, exitUsage, "--method simcse")
}

// A run's own column is read of files that have it. Of others it is the only one, or has to be named.
func TestTheRunsColumnIsEmbedded(t *testing.T) {
	run, file := textRun(t)
	out := filepath.Join(t.TempDir(), "vectors.jsonl")
	plain, other, two := filepath.Join(t.TempDir(), "a.txt"), filepath.Join(t.TempDir(), "a.csv"), filepath.Join(t.TempDir(), "b.csv")
	writeFile(t, plain, "one\n")
	writeFile(t, other, "title\none\n")
	writeFile(t, two, "title,body\none,two\n")
	for path, want := range map[string]string{file: "41 vectors", plain: "1 vectors", other: "1 vectors"} {
		if r := mustAlike(t, "embed", run, path, "--out", out); !strings.Contains(r.stdout, want) {
			t.Errorf("%s: %s", path, r.stdout)
		}
	}
	alike(t, "embed", run, two, "--out", out).checkRefused(t, exitFailure, "name the columns")
}

// Flags name what a run starts from, and it has the settings that go with that.
func TestTextRunsStartFromWhatTheyAreGiven(t *testing.T) {
	_, file := textRun(t)
	dir := t.TempDir()
	vectors := filepath.Join(dir, "vectors.txt")
	if err := os.WriteFile(vectors, []byte("number 1 0 0 0 0\nof 0 1 0 0 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "run")
	r := mustAlike(t, "train", "simcse", "--data", file, "--columns", "says", "--vectors", vectors, "--set", "text.static.dropout=0.2", "--epochs", "1", "--batch", "16", "--out", run)
	if want := "it starts from the word vectors in " + vectors + ", which 2 of the "; !strings.Contains(r.stderr, want) {
		t.Errorf("stderr\n%s", r.stderr)
	}
	config, err := train.ReadConfig(run)
	if err != nil || config.Backbone != "static" || config.Text.Static.Width != 5 || config.Text.Static.Dropout != 0.2 || config.SimCSE.Pooling != "mean" {
		t.Errorf("%+v, %v", config, err)
	}
	refused := func(code int, want string, args ...string) {
		t.Helper()
		alike(t, append([]string{"train", "simcse", "--data", file, "--columns", "says", "--out", filepath.Join(dir, "other")}, args...)...).checkRefused(t, code, want)
	}
	refused(exitUsage, "there is no folder "+filepath.Join(dir, "none"), "--pretrained", filepath.Join(dir, "none"))
	refused(exitUsage, "word vectors start a static encoder", "--vectors", vectors, "--backbone", "transformer")
	refused(exitFailure, "text.tsv is a file: give the folder", "--tokenizer", file)
	old, _ := textRun(t)
	refused(exitUsage, "alike export "+old, "--pretrained", old)
	refused(exitUsage, "alike export "+old, "--pretrained", filepath.Join(old, "model"))
	alike(t, "train", "--resume", "--out", filepath.Join(dir, "none")).checkRefused(t, exitUsage, "there is no run in")
	alike(t, "embed", old, dir, "--out", filepath.Join(dir, "v.npy")).checkRefused(t, exitFailure, dir+" is a folder: give the file")
	alike(t, "search", old, file, "--text", "  ").checkRefused(t, exitUsage, "--text is empty")
	for _, command := range [][]string{{"eval", dir, "--data", file, "--templates", "a {}"}, {"search", dir, file, "--text", "a", "--columns", "says"}} {
		alike(t, command...).checkRefused(t, exitFailure, "there is no model in "+dir)
	}
	half := filepath.Join(dir, "half")
	if err := os.CopyFS(half, os.DirFS(filepath.Join(old, "model"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(half, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	alike(t, "embed", half, file, "--columns", "says", "--out", filepath.Join(dir, "v.npy")).checkRefused(t, exitFailure, filepath.Join(half, "model.safetensors"))
	refused(exitUsage, "config.json", "--pretrained", dir)
	alike(t, "train", "simclr", "--data", file, "--vectors", vectors, "--out", filepath.Join(dir, "other")).checkRefused(t, exitUsage, "--vectors")
}

// An exported encoder embeds as the run's own, and a run can start from it.
func TestTextRunsAreExported(t *testing.T) {
	run, file := textRun(t)
	dir := t.TempDir()
	exported := filepath.Join(dir, "exported")
	r := mustAlike(t, "export", run, "--out", exported)
	if !strings.Contains(r.stdout, exported) {
		t.Errorf("stdout\n%s", r.stdout)
	}
	type row struct {
		Text   string
		Vector []float64
	}
	// A model that Hugging Face's tools have fetched goes by its name.
	repository := filepath.Join(dir, "hub", "models--owner--name")
	t.Setenv("HF_HUB_CACHE", filepath.Dir(repository))
	if err := os.CopyFS(filepath.Join(repository, "snapshots", "abc"), os.DirFS(exported)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(repository, "refs"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(repository, "refs", "main"), "abc")
	var vectors [][]row
	for _, model := range []string{run, exported, "owner/name"} {
		out := filepath.Join(dir, "vectors.jsonl")
		mustAlike(t, "embed", model, file, "--columns", "says", "--out", out)
		vectors = append(vectors, lines[row](t, out))
	}
	// The weights of tokens are multiplied into what is exported, which rounds otherwise.
	if diff := cmp.Diff(vectors[0], vectors[1], cmpopts.EquateApprox(0, 1e-6)); diff != "" || len(vectors[0]) == 0 || len(vectors[0][0].Vector) == 0 {
		t.Errorf("the exported encoder has other vectors: %s", diff)
	}
	if diff := cmp.Diff(vectors[1], vectors[2]); diff != "" {
		t.Errorf("under its name the encoder has other vectors: %s", diff)
	}
	mustAlike(t, "train", "simcse", "--data", file, "--columns", "says", "--pretrained", exported, "--epochs", "1", "--batch", "16", "--out", filepath.Join(dir, "next"))
	alike(t, "export", run, "--out", exported).checkRefused(t, exitFailure, "is not empty")
	alike(t, "export", dir, "--out", filepath.Join(dir, "out")).checkRefused(t, exitFailure, "there is no model in")
}

func TestTextMistakesAreRefused(t *testing.T) {
	run, file := textRun(t)
	out := filepath.Join(t.TempDir(), "out")
	alike(t, "train", "simclr", "--data", file, "--columns", "says", "--out", out).checkRefused(t, exitUsage, "simclr learns from pictures", "--columns")
	alike(t, "train", "simcse", "--data", file, "--columns", "says", "--image-size", "64", "--out", out).checkRefused(t, exitUsage, "image_size is 64")
	alike(t, "train", "simcse", "--data", file, "--columns", "what", "--out", out).checkRefused(t, exitFailure, "what", "says")
	alike(t, "search", run, file, "--text", "a", "--top", "0").checkRefused(t, exitUsage, "--top 0")
	alike(t, "eval", run, "--data", t.TempDir()).checkRefused(t, exitFailure, "is a folder: give the file that holds the text")
	if out := mustAlike(t, "eval", run, "--data", file).stdout; !strings.Contains(out, "41 rows (") || !strings.Contains(out, "there is the geometry alone\n\ngeometry") {
		t.Errorf("eval of rows of one text prints\n%s", out)
	}
	alike(t, "eval", run).checkRefused(t, exitUsage, "--data", "--sts")
	alike(t, "eval", run, "--sts", file, "--test", file).checkRefused(t, exitUsage, "--test")
	alike(t, "eval", run, "--data", file, "--tasks", "search").checkRefused(t, exitUsage, "there is no task \"search\"", "retrieval")
	alike(t, "eval", run, "--data", file, "--tasks", "retrieval").checkRefused(t, exitFailure, "name two columns")
	alike(t, "eval", run, "--data", file, "--tasks", "knn").checkRefused(t, exitFailure, "name their column for knn")
	alike(t, "train", "simcse", "--data", file, "--columns", "says", "--test", "missing.tsv", "--out", out).checkRefused(t, exitFailure, "the rows to test on", "missing.tsv")
	views := func(more ...string) result {
		return alike(t, append([]string{"views", "--method", "simcse", "--data", file, "--columns", "says", "--set", "simcse.positive.delete=0.1"}, more...)...)
	}
	views("--set", "simcse.positive.delete=0").checkRefused(t, exitUsage, "differ by dropout", "simcse.negatives.negation")
	views("--out", out+".png").checkRefused(t, exitUsage, ".html")
	views("--out", filepath.Join(out, "none", "a.html")).checkRefused(t, exitFailure, "no folder")
	views("--rows", "0").checkRefused(t, exitUsage, "0 rows")
	views("--views", "0").checkRefused(t, exitUsage, "0 views")
	views("--set", "simcse.positive.synonym=0.1").checkRefused(t, exitUsage, "text.wordnet is empty")
	views("--set", "simcse.positive.synonym=0.1", "--wordnet", t.TempDir()).checkRefused(t, exitFailure, "index.noun")
	if _, err := os.Stat(out); err == nil {
		t.Error("a run was left")
	}
}

// A table with semicolons is read with --separator, by every command that reads text.
func TestTextWithAnotherSeparator(t *testing.T) {
	file := filepath.Join(t.TempDir(), "text.csv")
	writeFile(t, file, "a;b\n1,5 books;x\n2,5 books;y\n")
	args := []string{"views", "--method", "simcse", "--data", file, "--columns", "a", "--set", "simcse.negatives.number=true", "--set", "hold_out=0"}
	if r := mustAlike(t, append(args, "--separator", ";")...); !strings.Contains(r.stdout, "1,5 books\n") || strings.Contains(r.stdout, ";") {
		t.Errorf("printed\n%s", r.stdout)
	}
	alike(t, args...).checkRefused(t, exitFailure, "say it with separator")
	alike(t, append(args, "--separator", "ab")...).checkRefused(t, exitUsage, "text.separator is")
}

// The sheet has the texts of the first rows as a run learns from them, and what it makes of them in its first epochs.
func TestViewsOfTextArePrintedAndWritten(t *testing.T) {
	dir := t.TempDir()
	file, page := filepath.Join(dir, "text.csv"), filepath.Join(dir, "sheet.html")
	writeFile(t, file, "a,b\nthere are 12 <b>,so it is\nno more,less\n")
	r := mustAlike(t, "views", "--method", "simcse", "--data", file, "--columns", "a,b", "--set", "simcse.negatives.number=true",
		"--set", "simcse.negatives.negation=true", "--rows", "5", "--views", "2", "--set", "hold_out=0", "--out", page)
	want := regexp.MustCompile(`^1  text                   there are 12 <b>
   positive               so it is
   1: negative, \w+ +there are (not 12|[2-9]\d) <b>
   2: negative, \w+ +there are (not 12|[2-9]\d) <b>

2  text                   no more
   positive               less
   1: no negative         \(no rule applies\)
   2: no negative         \(no rule applies\)

2 rows are in .*sheet.html
$`)
	if !want.MatchString(r.stdout) {
		t.Errorf("printed\n%s", r.stdout)
	}
	if html := readFile(t, page); strings.Count(html, "there are") != 3 || !strings.Contains(html, "&lt;b&gt;") || strings.Contains(html, "<b>") {
		t.Errorf("page\n%s", html)
	}
}
