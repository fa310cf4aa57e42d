package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/train"
)

// result is how a command line ended.
type result struct {
	code           int
	stdout, stderr string
}

// alike runs a command line in this process.
func alike(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, console{&stdout, &stderr})
	return result{code, stdout.String(), stderr.String()}
}

// mustAlike is [alike] for a command that has to succeed; it returns what it printed.
func mustAlike(t *testing.T, args ...string) result {
	t.Helper()
	r := alike(t, args...)
	if r.code != 0 {
		t.Fatalf("alike %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r
}

// checkRefused tests that a command line ended with the code and, whatever it said before, with one line for the error
// that holds all of the words.
func (r result) checkRefused(t *testing.T, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	lines := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "alike: ") || strings.Count(r.stderr, "alike: ") != 1 {
		t.Errorf("stderr is\n%s\nwant one line for the error, the last one, that begins with alike:", r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(last, w) {
			t.Errorf("the error is\n%s\nwant it to say %q", last, w)
		}
	}
	for _, trace := range []string{"goroutine ", ".go:", "panic", "0x"} {
		if strings.Contains(r.stderr, trace) {
			t.Errorf("stderr shows the program's insides (%q):\n%s", trace, r.stderr)
		}
	}
}

// tiny is the settings of a run that takes a moment.
func tiny(args ...string) []string {
	return append(args, "--image-size=16", "--backbone=smallcnn", "--width=0.25", "--epochs=1", "--batch=8")
}

// finished has the files of a finished run and of its pictures, once a test has asked for them.
var finished struct {
	sync.Once
	files map[string]string
}

// trained is a finished run of one epoch on the pictures it returns, train/ and test/ with three classes. Each test has a
// copy of its own; that it was not trained there only matters to resuming.
func trained(t *testing.T) (dir, pictures string) {
	t.Helper()
	finished.Do(func() {
		home := t.TempDir()
		pictures := filepath.Join(home, "pictures")
		for split, n := range map[string]int{"train": 6, "test": 3} {
			picturetest.Classes(t, filepath.Join(pictures, split), []string{"a", "b", "c"}, n, 16, uint64(n))
		}
		mustAlike(t, tiny("train", "simclr", "--data", pictures, "--out", filepath.Join(home, "run"))...)
		finished.files = tree(t, home)
	})
	home := t.TempDir()
	for path, content := range finished.files {
		if content != folder {
			writeFile(t, filepath.Join(home, path), content)
		}
	}
	return filepath.Join(home, "run"), filepath.Join(home, "pictures")
}

// folder stands for the content of a folder in [tree].
const folder = "a folder"

// tree lists what is in a folder and below: every path from there, and the content of files.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			found[path] = folder
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		found[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// nothing is the [tree] of an empty folder.
var nothing = map[string]string{".": folder}

// checkUnchanged tests that a folder is as it was.
func checkUnchanged(t *testing.T, dir string, before map[string]string) {
	t.Helper()
	after := tree(t, dir)
	for path, content := range before {
		if now, there := after[path]; !there || now != content {
			t.Errorf("%s was changed or removed", path)
		}
		delete(after, path)
	}
	for path := range after {
		t.Errorf("%s was left behind", path)
	}
}

func writeFile(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func modelBytes(t *testing.T, dir string) string {
	t.Helper()
	return readFile(t, filepath.Join(train.ModelDir(dir), "model.safetensors"))
}

func TestHelpIsNoMistake(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"demo", "--help"}, {"train", "--help"}, {"eval", "--help"}, {"embed", "--help"},
		{"views", "--help"}, {"methods", "--help"}, {"bench", "--help"}, {"bench", "step", "--help"}, {"bench", "augment", "--help"}, {"bench", "loss", "--help"}} {
		r := mustAlike(t, args...)
		if !strings.HasPrefix(r.stdout, "Usage: alike") || r.stderr != "" {
			t.Errorf("alike %s prints\n%s%s", strings.Join(args, " "), r.stdout, r.stderr)
		}
	}
}

// Mistakes in the command line that show before any work: exit code 2, or 1 where it is the world that is wrong.
func TestMistakesAreRefusedAndLeaveNothing(t *testing.T) {
	run, pictures := trained(t)
	home := t.TempDir()
	in := func(name string) string { return filepath.Join(home, name) }
	diary := writeFile(t, in("diary/monday.txt"), "dear")
	empty, unused := in("empty"), in("unused")
	for _, folder := range []string{empty, in("folder.npy")} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, in("damaged/a.jpg"), "not a picture")
	writeFile(t, in("damaged/b.png"), "")
	unknownKey := writeFile(t, in("unknown.yaml"), "epochs: 1\nbackbon: resnet18\n")
	noMethod := writeFile(t, in("some.yaml"), "epochs: 1\n")
	noYAML := writeFile(t, in("no.yaml"), "epochs: [\n")

	flat := t.TempDir()
	picturetest.Classes(t, flat, []string{"."}, 5, 16, 1)
	unfinished := filepath.Join(t.TempDir(), "an unfinished run")
	writeFile(t, filepath.Join(unfinished, "config.yaml"), readFile(t, filepath.Join(run, "config.yaml")))

	trainOn := func(data, out string, more ...string) []string {
		return append(tiny("train", "simclr", "--data", data, "--out", out), more...)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"unknown command", []string{"trian"}, 2, []string{`"train"`, "see alike --help"}},
		{"no subcommand", []string{"bench"}, 2, []string{"step", "augment"}},
		{"unknown flag", trainOn(pictures, unused, "--epoch", "3"), 2, []string{`"--epochs"`, "see alike train --help"}},
		{"flag without a value", trainOn(pictures, unused, "--seed"), 2, []string{"--seed"}},
		{"flag of the wrong type", trainOn(pictures, unused, "--epochs", "ten"), 2, []string{"--epochs", "ten"}},
		{"no method", []string{"train", "--data", pictures, "--out", unused}, 2, []string{"method"}},
		{"no configuration to say the method", []string{"train", "--config", in("none.yaml"), "--out", unused}, 2, []string{"none.yaml"}},
		{"a configuration of no method", []string{"train", "--config", noMethod, "--data", pictures, "--out", unused}, 2, []string{"some.yaml", "names no method"}},
		{"no run directory", []string{"train", "simclr", "--data", pictures}, 2, []string{"--out"}},
		{"no data", []string{"train", "simclr", "--out", unused}, 2, []string{"--data"}},
		{"unknown method", []string{"train", "simclear", "--data", pictures, "--out", unused}, 2, []string{`"simclr"?`}},
		{"unknown backbone", trainOn(pictures, unused, "--backbone", "resnet81"), 2, []string{`"resnet18"?`}},
		{"unknown device", trainOn(pictures, unused, "--device", "cpus"), 2, []string{`"cpu"?`}},
		{"unknown option", trainOn(pictures, unused, "--set", "simclr.temprature=0.1"), 2, []string{`"simclr.temperature"?`}},
		{"option of the wrong type", trainOn(pictures, unused, "--set", "simclr.temperature=warm"), 2, []string{"simclr.temperature", "warm"}},
		{"option without a value", trainOn(pictures, unused, "--set", "seed"), 2, []string{"key=value"}},
		{"option out of range", trainOn(pictures, unused, "--set", "simclr.temperature=-1"), 2, []string{"simclr.temperature"}},
		{"epochs out of range", trainOn(pictures, unused, "--epochs", "0"), 2, []string{"epochs is 0"}},
		{"layer too wide", trainOn(pictures, unused, "--set", "simclr.projector_out=1000000000"), 2, []string{"simclr.projector_out", "65536"}},
		{"hidden layer too wide", trainOn(pictures, unused, "--set", "simclr.projector_hidden=1000000000"), 2, []string{"simclr.projector_hidden", "65536"}},
		{"too many workers", trainOn(pictures, unused, "--workers", "1000000"), 2, []string{"workers is 1000000", "1024"}},
		{"no such configuration", trainOn(pictures, unused, "--config", in("none.yaml")), 2, []string{"none.yaml"}},
		{"unknown key in a configuration", trainOn(pictures, unused, "--config", unknownKey), 2, []string{"unknown.yaml", `"backbone"?`}},
		{"configuration that is not YAML", trainOn(pictures, unused, "--config", noYAML), 2, []string{"no.yaml"}},

		{"no such folder", trainOn(in("none"), unused), 1, []string{"no such folder", in("none")}},
		{"data is a file", trainOn(diary, unused), 1, []string{diary}},
		{"empty folder", trainOn(empty, unused), 1, []string{"no readable image in " + empty}},
		{"no picture in it", trainOn(in("diary"), unused), 1, []string{"no readable image in " + in("diary")}},
		{"no readable picture in it", trainOn(in("damaged"), unused), 1, []string{"no readable image in " + in("damaged"), "a.jpg"}},
		{"batch larger than the data", trainOn(pictures, unused, "--batch", "17"), 1, []string{"17", "data set of 16", "at most 16"}},
		{"a run is there", trainOn(pictures, run), 1, []string{run, "--resume"}},
		{"other things are there", trainOn(pictures, in("diary")), 1, []string{"monday.txt", "another directory"}},
		{"run is a file", trainOn(pictures, diary), 1, []string{diary, "a file"}},
		{"run below a file", trainOn(pictures, filepath.Join(diary, "run")), 1, []string{filepath.Join(diary, "run"), "not a directory"}},
		{"resume what is not there", []string{"train", "simclr", "--out", unused, "--resume"}, 2, []string{"there is no run in " + unused}},
		{"resume with other settings", []string{"train", "simclr", "--out", run, "--resume", "--batch", "4"}, 1, []string{"batch: 8 there, 4 here"}},
		{"resume with another optimizer", []string{"train", "simclr", "--out", run, "--resume", "--optimizer", "lars"}, 1, []string{"optimizer.name: sgd there, lars here"}},

		{"demo over something", []string{"demo", "--out", empty}, 2, []string{empty, "exists"}},
		{"demo of no epochs", []string{"demo", "--out", unused, "--epochs", "0"}, 2, []string{"epochs is 0"}},
		{"demo on an unknown device", []string{"demo", "--out", unused, "--device", "gpu"}, 2, []string{`"cpu"?`}},
		{"demo below a file", []string{"demo", "--out", filepath.Join(diary, "new")}, 1, []string{"not a directory"}},

		{"score no run", []string{"eval", in("none"), "--data", pictures}, 1, []string{in("none"), "finished run"}},
		{"score an unfinished run", []string{"eval", unfinished, "--data", pictures}, 1,
			[]string{"alike train simclr --out '" + unfinished + "' --resume"}},
		{"score on nothing", []string{"eval", run, "--data", in("none")}, 1, []string{"no such folder"}},
		{"score without data", []string{"eval", run}, 2, []string{"--data"}},
		{"unknown task", []string{"eval", run, "--data", pictures, "--tasks", "lineal"}, 2, []string{`"linear"?`}},
		{"task without labels", []string{"eval", run, "--data", flat, "--tasks", "knn"}, 1, []string{"no labels"}},
		{"no neighbours", []string{"eval", run, "--data", pictures, "--k", "0"}, 2, []string{"--k"}},
		{"no temperature", []string{"eval", run, "--data", pictures, "--temperature", "NaN"}, 2, []string{"--temperature"}},
		{"score pictures on pairs of sentences", []string{"eval", run, "--data", pictures, "--sts", diary}, 2, []string{"--sts", "text"}},
		{"score pictures by columns", []string{"eval", run, "--data", pictures, "--class", "kind"}, 2, []string{"--class", "folders"}},
		{"score pictures by templates", []string{"eval", run, "--data", pictures, "--templates", "a {}"}, 2, []string{"--templates", "pictures and texts"}},
		{"score on an unknown device", []string{"eval", run, "--data", pictures, "--device", "cpus"}, 2, []string{`"cpu"?`}},

		{"embed with no run", []string{"embed", in("none"), pictures, "--out", in("v.npy")}, 1, []string{in("none")}},
		{"embed nothing", []string{"embed", run, empty, "--out", in("v.npy")}, 1, []string{"no readable image"}},
		{"unknown format", []string{"embed", run, pictures, "--out", in("v.csv")}, 2, []string{".npy", ".jsonl", ".parquet"}},
		{"vectors into no folder", []string{"embed", run, pictures, "--out", in("none/v.npy")}, 1, []string{"no folder " + in("none")}},
		{"vectors over a folder", []string{"embed", run, pictures, "--out", in("folder.npy")}, 1, []string{in("folder.npy"), "folder"}},
		{"columns of pictures", []string{"embed", run, pictures, "--out", in("v.npy"), "--columns", "a"}, 2, []string{"--columns", "text"}},
		{"vectors below a file", []string{"embed", run, pictures, "--out", filepath.Join(diary, "v.npy")}, 1, []string{diary}},
		{"embed on an unknown device", []string{"embed", run, pictures, "--out", in("v.npy"), "--device", "cpus"}, 2, []string{`"cpu"?`}},

		{"sheet of an unknown method", []string{"views", "--method", "simcl", "--data", pictures, "--out", in("s.png")}, 2, []string{`"simclr"?`}},
		{"sheet of another format", []string{"views", "--data", pictures, "--out", in("s.jpg")}, 2, []string{".png"}},
		{"sheet of nothing", []string{"views", "--data", empty, "--out", in("s.png")}, 1, []string{"no readable image"}},
		{"sheet without pictures", []string{"views", "--data", pictures, "--out", in("s.png"), "--pictures", "0"}, 2, []string{"0 pictures"}},
		{"sheet too large", []string{"views", "--data", pictures, "--out", in("s.png"), "--views", "100000"}, 1, []string{"too large"}},
		{"sheet into no folder", []string{"views", "--data", pictures, "--out", in("none/s.png")}, 1, []string{"no folder " + in("none")}},

		{"time an unknown method", []string{"bench", "step", "simcl"}, 2, []string{`"simclr"?`}},
		{"time no steps", []string{"bench", "step", "--steps", "0"}, 2, []string{"--steps 0"}},
		{"methods for pictures of no size", []string{"methods", "--image-size=0"}, 2, []string{"from 8 to 1024"}},
		{"time an unknown backbone", []string{"bench", "step", "--backbone", "smalcnn"}, 2, []string{`"smallcnn"?`}},
		{"time a loss of one item", []string{"bench", "loss", "--batch", "8,1"}, 2, []string{"--batch 1"}},
		{"time a loss that there is not", []string{"bench", "loss", "--loss", "clip,ntxnt"}, 2, []string{"--loss ntxnt", `"ntxent"?`}},
		{"time losses of no width", []string{"bench", "loss", "--dim", "0"}, 2, []string{"--dim 0"}},
		{"time losses never", []string{"bench", "loss", "--repeats", "0"}, 2, []string{"--repeats 0"}},
		{"time losses nowhere", []string{"bench", "loss", "--device", "cpus"}, 2, []string{`"cpu"?`}},
		{"time no seconds", []string{"bench", "augment", "--seconds", "0"}, 2, []string{"--seconds 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, runBefore := tree(t, home), tree(t, run)
			r := alike(t, c.args...)
			r.checkRefused(t, c.code, c.want...)
			if r.stdout != "" {
				t.Errorf("stdout has\n%s", r.stdout)
			}
			if strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("stderr has more than the error:\n%s", r.stderr)
			}
			checkUnchanged(t, home, before)
			checkUnchanged(t, run, runBefore)
		})
	}
}

// An interrupt before there is a run to resume.
func TestInterruptedBeforeAnything(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	home := t.TempDir()
	var stdout, stderr bytes.Buffer
	code := run(ctx, tiny("train", "simclr", "--data", picturetest.Splits(t, 6, 3, 16), "--out", filepath.Join(home, "run")), console{&stdout, &stderr})
	result{code, stdout.String(), stderr.String()}.checkRefused(t, exitFailure, "interrupted")
	checkUnchanged(t, home, nothing)
}

// Other commands have nothing to go on with: they say no more than that they were interrupted.
func TestOtherCommandsInterrupted(t *testing.T) {
	dir, pictures := trained(t)
	out := t.TempDir()
	for _, args := range [][]string{
		{"eval", dir, "--data", pictures},
		{"embed", dir, pictures, "--out", filepath.Join(out, "vectors.npy")},
		{"bench", "step", "--backbone=smallcnn", "--width=0.25", "--image-size=16", "--batch=4"},
		{"bench", "augment"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var stdout, stderr bytes.Buffer
		code := run(ctx, args, console{&stdout, &stderr})
		result{code, stdout.String(), stderr.String()}.checkRefused(t, exitFailure, "alike: interrupted")
		checkUnchanged(t, out, nothing)
	}
}

func TestPathsInPrintedCommandsAreOneWord(t *testing.T) {
	for path, want := range map[string]string{
		"runs/first-1.0": "runs/first-1.0",
		"été":            "été",
		"my run":         "'my run'",
		"it's":           `'it'\''s'`,
		"$HOME;rm":       "'$HOME;rm'",
		"":               "''",
	} {
		if got := quote(path); got != want {
			t.Errorf("quote(%q) is %s, want %s", path, got, want)
		}
	}
}

// Every flag of a run is a top-level setting of its configuration, of the same name and type, and every one has a flag.
func TestFlagsAreTheSettings(t *testing.T) {
	var settings, flags []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[train.Config]()) {
		if f.Type.Kind() != reflect.Struct && f.Type.Kind() != reflect.Pointer {
			settings = append(settings, fmt.Sprintf("%s %s", f.Tag.Get("yaml"), f.Type))
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[configFlags]()) {
		flags = append(flags, fmt.Sprintf("%s %s", snake(f.Name), f.Type.Elem()))
	}
	if diff := cmp.Diff(settings, flags); diff != "" {
		t.Errorf("settings (-) and flags (+) differ:\n%s", diff)
	}
	help := mustAlike(t, "train", "--help").stdout
	for _, f := range fields.Of(train.DefaultSimCLR(32)) {
		if flag := "-" + strings.ReplaceAll(f.Key, "_", "-"); !strings.Contains(f.Key, ".") && !strings.Contains(help, flag) && !strings.Contains(help, "[no-]"+f.Key) {
			t.Errorf("the help of alike train does not name %s", flag)
		}
	}
}

// A line for the log of a run that is not on a terminal.
// The rate is that since the first item was done, and there is none before.
func TestMeterLine(t *testing.T) {
	var out bytes.Buffer
	m := newMeter(&out, "training", "steps", 10, 110)
	m.said = time.Time{}
	m.at(11, "epoch 2, loss 2.000")
	m.began, m.said = time.Now().Add(-5*time.Second), time.Time{}
	m.at(21, "epoch 2, loss 1.500")
	m.at(22, "too soon to say")
	m.began, m.said = time.Now().Add(-time.Millisecond), time.Time{}
	m.at(110, "fast")
	fast := regexp.MustCompile(`training fast: 110 of 110 steps, \d+ a second, 0s left\n$`)
	if !fast.MatchString(out.String()) {
		t.Errorf("%q", out.String())
	}
	want := "training epoch 2, loss 2.000: 11 of 110 steps\ntraining epoch 2, loss 1.500: 21 of 110 steps, 2 a second, 45s left\n"
	if diff := cmp.Diff(want, fast.ReplaceAllString(out.String(), "")); diff != "" {
		t.Error(diff)
	}
}

// A bar fills its line of the terminal and never more of it, whatever that leaves out.
func TestBar(t *testing.T) {
	for columns, want := range map[int]string{
		80: "training epoch 1, loss 2.000 ███████████████░░░░░░░░ 2001/3001, 2/s, 8m20s left",
		60: "training epoch 1, loss 2.000 2001/3001, 2/s, 8m20s left",
		40: "training epo 2001/3001, 2/s, 8m20s left",
		20: " 2001/3001, 2/s, 8m",
		1:  "",
	} {
		var out bytes.Buffer
		m := &meter{out: &out, what: "training", unit: "steps", total: 3001, columns: func() int { return columns }}
		m.at(1, "")
		m.began, m.said = m.began.Add(-1000*time.Second), time.Time{}
		out.Reset()
		m.at(2001, "epoch 1, loss 2.000")
		line := strings.TrimPrefix(strings.TrimSuffix(out.String(), clearRest), "\r")
		if n := utf8.RuneCountInString(out.String()) - len("\r"+clearRest); n >= columns {
			t.Errorf("%d columns of %d: %q", n, columns, line)
		}
		if line != want {
			t.Errorf("%d columns: drew %q, want %q", columns, line, want)
		}
		out.Reset()
		m.print("epoch 1: done")
		if text := out.String(); !strings.HasPrefix(text, "\r"+clearRest+"epoch 1: done\n\r") || strings.Count(text, "\r") != 2 {
			t.Errorf("a line above the bar and the bar anew: %q", text)
		}
		out.Reset()
		m.at(2002, "")
		if out.Len() > 0 {
			t.Errorf("drew again at once: %q", out.String())
		}
	}
}

func TestLongListsOfSkippedFilesAreCut(t *testing.T) {
	var out bytes.Buffer
	var list []data.Skip
	for i := range listedSkips + 5 {
		list = append(list, data.Skip{Path: fmt.Sprintf("%02d.jpg", i), Err: errors.New("empty file")})
	}
	printSkipped(&out, list)
	if text := out.String(); !strings.Contains(text, "19.jpg") || strings.Contains(text, "20.jpg") || !strings.Contains(text, "and 5 more") {
		t.Errorf("printed\n%s", text)
	}
}
