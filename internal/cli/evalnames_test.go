package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/picturetest"
)

// A folder's names are classes for a model of pictures and texts, whether the folder has parts or not, beside what its classifiers say.
func TestFoldersAreClassesThatAModelOfBothKnowsByName(t *testing.T) {
	folder := t.TempDir()
	names := []string{"cat", "fat_cat", "n02099601-red_hat", "in_a_hat", "mat", "the_end"}
	picturetest.Classes(t, folder, names, 2, 16, 1)
	one := mustAlike(t, "eval", clipFolder, "--data", folder, "--templates", "a {}", "--templates", "the {}", "--tasks", "zero-shot")
	for _, want := range []string{
		"12 pictures (all of the folder) of 6 classes, told by the classes' names alone", `4 classes are read by other names, such as "fat cat" for "fat_cat"`, "zero-shot, 6 classes",
		"the most frequent class is that of 16.7% of the pictures",
	} {
		if !strings.Contains(one.stdout, want) {
			t.Errorf("eval has no %q:\n%s", want, one.stdout)
		}
	}
	if !regexp.MustCompile(`among the nearest five +\d+\.\d% +\d+\.\d% +83\.3%`).MatchString(one.stdout) || strings.Contains(one.stdout, "linear probe") {
		t.Errorf("eval says\n%s", one.stdout)
	}
	parts := t.TempDir()
	picturetest.Classes(t, filepath.Join(parts, "train"), names[:2], 6, 16, 1)
	picturetest.Classes(t, filepath.Join(parts, "test"), names[:2], 3, 16, 2)
	content := mustAlike(t, "eval", clipFolder, "--data", parts, "--class-name", "cat=a cat", "--class-name", "cat=the cat", "--json").stdout
	var report eval.Report
	if err := json.Unmarshal([]byte(content), &report); err != nil {
		t.Fatal(err)
	}
	if z := report.Tasks.ZeroShot; z == nil || z.Pictures != 6 || z.Split != "the folder's test pictures" || len(z.Names["cat"]) != 2 || z.Names["fat_cat"][0] != "fat cat" || z.Baselines == nil || report.Tasks.Linear == nil {
		t.Errorf("%s", content)
	}
	if report.Geometry.EffectiveRank == 0 || strings.Contains(mustAlike(t, "eval", clipFolder, "--data", parts, "--tasks", "zero-shot", "--json").stdout, "geometry") {
		t.Error("the geometry is told where it is not measured, or not where it is")
	}
	few := t.TempDir()
	picturetest.Classes(t, few, names[:2], 3, 16, 1)
	if out := mustAlike(t, "eval", clipFolder, "--data", few).stdout; !strings.Contains(out, "zero-shot, 2 classes") || strings.Contains(out, "linear probe") {
		t.Errorf("of six pictures:\n%s", out)
	}
	if out := mustAlike(t, "eval", clipFolder, "--data", parts, "--no-baselines").stdout; !regexp.MustCompile(`zero-shot, 2 classes +\d+\.\d% +- +-`).MatchString(out) || strings.Contains(out, "nearest five") || !strings.Contains(out, "linear probe") {
		t.Errorf("without baselines:\n%s", out)
	}
	meanings, known := filepath.Join(folder, "vectors.txt"), filepath.Join(t.TempDir(), "known.csv")
	writeFile(t, meanings, "cat 1 0 0\nfat 1 1 0\nhat 0 1 0\nred 0 1 1\n")
	writeFile(t, filepath.Join(filepath.Dir(known), "square.png"), readFile(t, filepath.Join(clipFolder, "square.png")))
	writeFile(t, known, "file,words\nsquare.png,a cat\nsquare.png,the hat\n")
	byMeaning := []string{"eval", clipFolder, "--data", parts, "--vectors", meanings, "--tasks", "zero-shot"}
	if out := mustAlike(t, append(byMeaning, "--known", known, "--image-column", "file", "--caption-columns", "words")...).stdout; !strings.Contains(out, "by what their names mean") {
		t.Errorf("by meaning:\n%s", out)
	}
	writeFile(t, known, "file;words\nsquare.png;a cat\nsquare.png;the hat\n")
	if out := mustAlike(t, append(byMeaning, "--known", known, "--image-column", "file", "--caption-columns", "words", "--separator", ";")...).stdout; !strings.Contains(out, "by what their names mean") {
		t.Errorf("by meaning, through a table with semicolons:\n%s", out)
	}
	alike(t, append(byMeaning, "--known", known, "--class", "words")...).checkRefused(t, exitUsage, "--class")
	alike(t, byMeaning...).checkRefused(t, exitFailure, "with --known")
	for want, flags := range map[string][]string{
		"which is not among --tasks":               {"--data", parts, "--tasks", "knn", "--templates", "openai"},
		"the classes of pictures are their folde":  {"--data", parts, "--image-column", "file"},
		`did you mean "cat"?`:                      {"--data", parts, "--class-name", "cats=a cat"},
		"has no {}":                                {"--data", parts, "--templates", "a picture"},
		"put the pictures into one folder a class": {"--data", filepath.Join(parts, "train", "cat"), "--templates", "openai"},
	} {
		if r := alike(t, append([]string{"eval", clipFolder}, flags...)...); r.code == 0 || !strings.Contains(r.stderr, want) {
			t.Errorf("%v: %d: %s", flags, r.code, r.stderr)
		}
	}
	images, _ := trained(t)
	alike(t, "eval", images, "--data", parts, "--tasks", "zero-shot").checkRefused(t, exitUsage, `no task "zero-shot"`)
	alike(t, "eval", images, "--data", parts, "--templates", "openai").checkRefused(t, exitUsage, "for a model of pictures and texts")
}

// Names that tell nothing are said to.
func TestNamesThatTellNothingAreNoted(t *testing.T) {
	for _, c := range []struct {
		z         *eval.ZeroShot
		want, not string
	}{
		{nil, "", "note"},
		{&eval.ZeroShot{Classes: []string{"a", "b"}, Accuracy: 0.6, Baselines: &eval.ZeroShotBaselines{Majority: 0.5}}, "", "note"},
		{&eval.ZeroShot{Classes: []string{"a", "b"}, Accuracy: 0.5, Baselines: &eval.ZeroShotBaselines{Majority: 0.5}}, "no better (50.0%) than by always saying the most frequent one (50.0%)", "apart"},
		{&eval.ZeroShot{Classes: []string{"n1-crane", "n2-crane"}, Names: map[string][]string{"n1-crane": {"crane"}, "n2-crane": {"crane"}}},
			`the classes "n1-crane" and "n2-crane" are both read "crane"`, "no better"},
	} {
		var out bytes.Buffer
		noteNames(&out, c.z)
		if !strings.Contains(out.String(), c.want) || strings.Contains(out.String(), c.not) {
			t.Errorf("%+v: %q", c.z, out.String())
		}
	}
	// A run that has learned from captions about kinds has met no word of these names, and the pictures of both look alike.
	run, _, _ := pairRun(t)
	folder := t.TempDir()
	picturetest.Classes(t, folder, []string{"xylophone"}, 8, 16, 1)
	picturetest.Classes(t, folder, []string{"walrus"}, 24, 16, 2)
	r := mustAlike(t, "eval", run, "--data", folder, "--tasks", "zero-shot")
	if !strings.Contains(r.stderr, "may have met no word of them") || !strings.Contains(r.stdout, "zero-shot, 2 classes") {
		t.Errorf("%s%s", r.stderr, r.stdout)
	}
}
