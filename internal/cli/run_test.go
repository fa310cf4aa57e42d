package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/train"
)

func TestTrainLeavesAllItPromises(t *testing.T) {
	pictures, dir := picturetest.Splits(t, 6, 3, 16), filepath.Join(t.TempDir(), "run")
	r := mustAlike(t, tiny("train", "simclr", "--data", pictures, "--out", dir)...)
	for _, file := range []string{"config.yaml", "metrics.jsonl", "train.log", "report.html", "model/config.json", "model/model.safetensors"} {
		if len(readFile(t, filepath.Join(dir, file))) == 0 {
			t.Errorf("%s is empty", file)
		}
	}
	for _, pattern := range []string{"checkpoints/step-*.safetensors", "tensorboard/events.out.tfevents.*"} {
		if found, _ := filepath.Glob(filepath.Join(dir, pattern)); len(found) == 0 {
			t.Errorf("no %s", pattern)
		}
	}
	for _, said := range []string{"kNN", "linear probe", "raw pixels", "untrained", train.ModelDir(dir), reportPath(dir)} {
		if !strings.Contains(r.stdout, said) {
			t.Errorf("stdout does not say %q:\n%s", said, r.stdout)
		}
	}
	if !strings.Contains(r.stderr, "epoch 1: loss ") {
		t.Errorf("stderr does not show the epoch:\n%s", r.stderr)
	}
}

// Settings that are far from what is known to work are named before the first step, a line each.
func TestTrainGivesAdvice(t *testing.T) {
	pictures := picturetest.Splits(t, 6, 3, 16)
	r := mustAlike(t, tiny("train", "simclr", "--data", pictures, "--out", filepath.Join(t.TempDir(), "run"), "--set=simclr.temperature=7")...)
	if !strings.Contains(r.stderr, "\nadvice: simclr.temperature is 7: ") {
		t.Errorf("stderr gives no advice:\n%s", r.stderr)
	}
}

// What classes are for is said before the first step: one method learns from them.
func TestTrainSaysWhatClassesAreFor(t *testing.T) {
	pictures := picturetest.Splits(t, 6, 3, 16)
	for method, said := range map[string]string{
		"simclr": "(their 3 classes are not used to train)",
		"supcon": "(their 3 classes are what it learns from)",
	} {
		r := mustAlike(t, tiny("train", method, "--data", pictures, "--out", filepath.Join(t.TempDir(), "run"))...)
		if !strings.Contains(r.stderr, said) {
			t.Errorf("%s does not say %q:\n%s", method, said, r.stderr)
		}
	}
}

// The command that a report names: the same run again, byte for byte, from its own configuration, which says the method too.
func TestARunsConfigurationMakesTheRunAgain(t *testing.T) {
	pictures, home := picturetest.Splits(t, 6, 3, 16), t.TempDir()
	first, again := filepath.Join(home, "first"), filepath.Join(home, "again")
	mustAlike(t, tiny("train", "simclr", "--data", pictures, "--out", first, "--seed=7", "--set=simclr.temperature=0.3")...)
	mustAlike(t, "train", "--config", filepath.Join(first, "config.yaml"), "--out", again)
	mustAlike(t, "train", "--out", again, "--resume") // there is nothing left to do
	if modelBytes(t, first) != modelBytes(t, again) {
		t.Error("another model")
	}
	if diff := cmp.Diff(readFile(t, filepath.Join(first, "config.yaml")), readFile(t, filepath.Join(again, "config.yaml"))); diff != "" {
		t.Errorf("another configuration:\n%s", diff)
	}
}

// Flags go before --set, --set before the file, the file before the defaults.
func TestPrecedence(t *testing.T) {
	file := writeFile(t, filepath.Join(t.TempDir(), "settings.yaml"), `
batch: 5
seed: 5
width: 0.25
image_size: 16
simclr:
  temperature: 0.5
  projector_out: 5
`)
	dir := filepath.Join(t.TempDir(), "run")
	mustAlike(t, "train", "simclr", "--data", picturetest.Splits(t, 6, 3, 16), "--out", dir, "--config", file, "--backbone=smallcnn", "--epochs=1",
		"--set=batch=6", "--set=seed=6", "--set", "simclr.temperature=0.6", "--batch=7")
	got, err := train.ReadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := train.DefaultSimCLR(16).WithEpochs(1)
	want.Data, want.Backbone, want.Width = got.Data, "smallcnn", 0.25
	want.Batch = 7                     // flag over --set over file
	want.Seed = 6                      // --set over file
	want.SimCLR.Temperature = 0.6      // --set over file
	want.SimCLR.Out = 5                // file over default
	want.Schedule.Milestones = []int{} // as read
	got.Schedule.Milestones = []int{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

// interrupter is a terminal whose user interrupts when words appear.
type interrupter struct {
	bytes.Buffer
	words  string
	cancel func()
}

func (i *interrupter) Write(p []byte) (int, error) {
	n, err := i.Buffer.Write(p)
	if strings.Contains(i.String(), i.words) {
		i.cancel()
	}
	return n, err
}

// interrupted runs a command line until words appear on stderr.
func interrupted(t *testing.T, words string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var stdout bytes.Buffer
	stderr := &interrupter{words: words, cancel: cancel}
	code := run(ctx, args, console{&stdout, stderr})
	return result{code, stdout.String(), stderr.String()}
}

// resumption is the command that an interrupted one ends by naming.
func resumption(t *testing.T, stderr string) []string {
	t.Helper()
	found := regexp.MustCompile(`go on with alike (.*)\n$`).FindStringSubmatch(stderr)
	if found == nil {
		t.Fatalf("no command to go on with in\n%s", stderr)
	}
	return strings.Fields(found[1])
}

// Interrupted before its first step, in the middle, and when all is trained: the command it names ends in the same bytes.
func TestInterruptedRunsSayHowToGoOn(t *testing.T) {
	pictures, home := picturetest.Splits(t, 6, 3, 16), t.TempDir()
	command := func(out string) []string {
		return append(tiny("train", "simclr", "--data", pictures, "--out", filepath.Join(home, out)), "--epochs=3")
	}
	whole := mustAlike(t, command("whole")...)
	for words, want := range map[string]string{
		"million weights": "interrupted",
		"epoch 1:":        "interrupted after step 2 of 6",
		"nearest":         "interrupted",
	} {
		t.Run(words, func(t *testing.T) {
			dir := filepath.Join(home, strings.NewReplacer(" ", "", ":", "").Replace(words))
			r := interrupted(t, words, command(filepath.Base(dir))...)
			r.checkRefused(t, exitFailure, want)
			resumed := mustAlike(t, resumption(t, r.stderr)...)
			if modelBytes(t, dir) != modelBytes(t, filepath.Join(home, "whole")) {
				t.Error("the resumed run ended in another model")
			}
			if want := strings.ReplaceAll(whole.stdout, filepath.Join(home, "whole"), dir); resumed.stdout != want {
				t.Errorf("the resumed run ends in\n%s\nwant\n%s", resumed.stdout, want)
			}
		})
	}
}

// Checkpoints that a run cannot go on from.
func TestUnfitCheckpointsAreRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	mustAlike(t, tiny("train", "simclr", "--data", picturetest.Splits(t, 6, 3, 16), "--out", dir)...)
	newest := newestCheckpoint(t, dir)
	was := readFile(t, newest)
	for _, c := range []struct {
		name  string
		spoil func(content string) string
		want  string
	}{
		{"truncated", func(s string) string { return s[:len(s)/2] }, "cannot resume from"},
		{"empty", func(string) string { return "" }, "cannot resume from"},
		{"of another version", func(s string) string {
			return strings.Replace(s, `"alike_checkpoint":"2"`, `"alike_checkpoint":"9"`, 1)
		}, "another version"},
		{"of another run", func(s string) string {
			return regexp.MustCompile(`"settings":"........`).ReplaceAllString(s, `"settings":"01234567`)
		}, "other settings"},
		{"not a checkpoint", func(s string) string { return strings.Replace(s, `"alike_checkpoint"`, `"ALIKE_checkpoint"`, 1) }, "not a checkpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spoilt := c.spoil(was)
			if spoilt == was {
				t.Fatal("nothing was spoilt")
			}
			writeFile(t, newest, spoilt)
			r := alike(t, "train", "simclr", "--out", dir, "--resume")
			r.checkRefused(t, exitFailure, newest, c.want)
			if r.stdout != "" {
				t.Errorf("stdout has\n%s", r.stdout)
			}
		})
	}
}

func newestCheckpoint(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "checkpoints", "step-*"))
	if err != nil || len(found) == 0 {
		t.Fatal("no checkpoints", err)
	}
	return found[len(found)-1]
}

// Models that cannot be read.
func TestUnfitModelsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, file string
		spoil      func(content string) string
		want       string
	}{
		{"truncated weights", "model.safetensors", func(s string) string { return s[:len(s)/2] }, "model.safetensors"},
		{"weights of another encoder", "config.json", func(s string) string { return strings.Replace(s, "0.25", "0.5", 1) }, "config.json"},
		{"another version", "config.json", func(s string) string { return strings.Replace(s, `"format": 1`, `"format": 2`, 1) }, "format 2"},
		{"truncated configuration", "config.json", func(s string) string { return s[:len(s)/2] }, "config.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, pictures := trained(t)
			path := filepath.Join(train.ModelDir(dir), c.file)
			writeFile(t, path, c.spoil(readFile(t, path)))
			out := filepath.Join(t.TempDir(), "vectors.npy")
			alike(t, "embed", dir, pictures, "--out", out).checkRefused(t, exitFailure, c.want)
			alike(t, "eval", dir, "--data", pictures).checkRefused(t, exitFailure, c.want)
			if _, err := os.Stat(out); err == nil {
				t.Error("wrote vectors")
			}
		})
	}
}

// Files that are no pictures end no command that reads pictures, and each is listed.
func TestUnreadableFilesAreSkippedAndListed(t *testing.T) {
	pictures := picturetest.Splits(t, 8, 4, 16)
	healthy := readFile(t, filepath.Join(pictures, "train", "a", "000.png"))
	bad := map[string]string{
		"truncated.png":   healthy[:len(healthy)*2/3],
		"zero.jpg":        "",
		"mislabelled.gif": "dear diary",
		"huge.png":        hugePNG(),
	}
	for name, content := range bad {
		writeFile(t, filepath.Join(pictures, "train", "a", name), content)
	}
	// A PNG by another name is a picture all the same.
	writeFile(t, filepath.Join(pictures, "train", "b", "png.jpg"), healthy)

	home := t.TempDir()
	dir := filepath.Join(home, "run")
	for _, args := range [][]string{
		append(tiny("train", "simclr", "--data", pictures, "--out", dir), "--hold-out=0"),
		{"eval", dir, "--data", pictures},
		{"embed", dir, pictures, "--out", filepath.Join(home, "vectors.npy")},
		{"views", "--data", pictures, "--out", filepath.Join(home, "sheet.png"), "--pictures=100", "--views=1"},
	} {
		r := mustAlike(t, args...)
		if !strings.Contains(r.stderr, "could not be read: 4\n") {
			t.Errorf("alike %s does not count 4 skipped files:\n%s", args[0], r.stderr)
		}
		for name := range bad {
			if !regexp.MustCompile(`(?m)^ +train/a/` + name + `: .+$`).MatchString(r.stderr) {
				t.Errorf("alike %s does not list %s:\n%s", args[0], name, r.stderr)
			}
		}
		if strings.Contains(r.stderr, "png.jpg") {
			t.Errorf("alike %s skipped a PNG that is called .jpg", args[0])
		}
	}
}

// hugePNG is a PNG of 100,000 x 100,000 pixels, as far as its header goes.
func hugePNG() string {
	header := []byte("IHDR")
	header = binary.BigEndian.AppendUint32(header, 100_000)
	header = binary.BigEndian.AppendUint32(header, 100_000)
	header = append(header, 8, 2, 0, 0, 0) // 8-bit RGB
	file := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), uint32(len(header)-4))
	file = append(file, header...)
	return string(binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(header)))
}

// The commands that README.md gives for one's own pictures work as they stand, one after another.
func TestTheREADMEsCommandsWork(t *testing.T) {
	readme := readFile(t, filepath.Join("..", "..", "README.md"))
	pictures := picturetest.Splits(t, 6, 3, 16)
	encoder, err := filepath.Abs("../../pretrained/testdata/bert")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	// What is to be fetched from elsewhere is here, in small.
	if err := os.CopyFS("MiniLM-L6-H384-uncased", os.DirFS(encoder)); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields("[PAD] [UNK] [CLS] [SEP] [MASK] sentence number says this and no more 1 2 3") // as many as the encoder knows
	writeFile(t, filepath.Join("MiniLM-L6-H384-uncased", "vocab.txt"), strings.Join(words, "\n")+"\n")
	writeFile(t, "glove.6B.300d.txt", "sentence"+strings.Repeat(" 0.5", 300)+"\nmore"+strings.Repeat(" -0.5", 300)+"\n")
	commands := regexp.MustCompile(`(?m)^    alike ([^#\n]*)`).FindAllStringSubmatch(readme, -1)
	if len(commands) != 16 {
		t.Fatalf("README.md has %d commands, want 16", len(commands))
	}
	captions := "image\tcaption\n"
	for _, class := range []string{"a", "b", "c"} {
		for i := range 6 {
			captions += fmt.Sprintf("%s/train/%s/%03d.png\tnumber %d of %s\n", pictures, class, i, i, class)
		}
	}
	writeFile(t, "CAPTIONS.tsv", captions)
	sentences := strings.Builder{}
	for i := range 60 {
		fmt.Fprintf(&sentences, "sentence number %d says this and no more\n", i)
	}
	if err := os.WriteFile("SENTENCES.txt", []byte(sentences.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("PAIRS.csv", []byte("number 1,number one,5\nnumber 2,this,1\nsays no more,no more,4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	labelled := "text,label\n"
	for i := range 30 {
		labelled += fmt.Sprintf("number %d says this,%d\n", i, i%3)
	}
	writeFile(t, "TRAIN.csv", labelled)
	writeFile(t, "TEST.csv", "text,label\nnumber 1 says more,1\nand no more,2\n")
	writeFile(t, "ANSWERS.csv", "question,answer\nnumber 1,number one\nnumber 2,this\n")
	for i, c := range commands {
		args := strings.Fields(strings.ReplaceAll(c[1], "PICTURES", pictures))
		switch { // but in a moment
		case slices.Contains(args, "--pretrained") || slices.Contains(args, "--vectors"):
			args = append(args, "--epochs", "1", "--batch", "16")
			args[slices.Index(args, "--out")+1] += fmt.Sprint(i) // a run of its own
		case args[0] == "train" && args[1] == "simcse":
			args = append(args, "--backbone", "bert_tiny", "--epochs", "1", "--batch", "16")
		case args[0] == "train":
			args = tiny(args...)
		}
		mustAlike(t, args...)
	}
	for _, file := range []string{"sheet.png", "run/report.html", "vectors.npy", "vectors.npy.items.jsonl", "textrun/report.html", "texts.npy", "pairrun/report.html", "found.html"} {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
}
