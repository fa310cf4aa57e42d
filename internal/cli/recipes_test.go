package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/recipes"
	"github.com/alike-ml/alike/train"
)

func TestRecipesAreListed(t *testing.T) {
	checkKeys(t, mustAlike(t, "recipes", "--json").stdout,
		below("recipes", "name", "method", "image_size", "about", "data", "budget", "tuned", "reached", "word_vectors", "settings", "settings.key", "settings.help", "settings.value")...)
	table := mustAlike(t, "recipes").stdout
	for _, name := range recipes.Names() {
		if !strings.Contains(table, "\n"+name+" ") && !strings.HasPrefix(table, name+" ") {
			t.Errorf("no %s in\n%s", name, table)
		}
	}
	recipe, err := recipes.Find("simclr-photos-cpu")
	if err != nil {
		t.Fatal(err)
	}
	one := mustAlike(t, "recipes", recipe.Name).stdout
	for _, said := range []string{recipe.Name, recipe.Data, recipe.Budget, recipe.Tuned, recipe.Reached, "smallcnn"} {
		if !strings.Contains(one, said) {
			t.Errorf("no %q in\n%s", said, one)
		}
	}
	if other := "mocov2-photos-cpu"; strings.Contains(one, other) || strings.Contains(mustAlike(t, "recipes", recipe.Name, "--json").stdout, other) {
		t.Errorf("%s is shown beside %s", other, recipe.Name)
	}
	alike(t, "recipes", "simclr-photo-cpu").checkRefused(t, 2, `"simclr-photos-cpu"?`)
}

// A run starts from a recipe's settings, flags change them, and its end is on record.
func TestARunStartsFromARecipe(t *testing.T) {
	name := recipes.Names()[0]
	recipe, err := recipes.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(t.TempDir(), "run")
	mustAlike(t, "train", "--recipe", name, "--data", picturetest.Splits(t, 12, 2, 32), "--out", run,
		"--epochs=2", "--batch=8", "--backbone=smallcnn", "--width=0.25")
	config, err := train.ReadConfig(run)
	if err != nil {
		t.Fatal(err)
	}
	m, err := config.Method()
	if err != nil || m.Name() != recipe.Method || config.Recipe != name || config.Epochs != 2 || config.Batch != 8 {
		t.Errorf("the run of %s has %+v (%v)", name, config, err)
	}
	if config.Optimizer != recipe.Config.Optimizer || config.Schedule.WarmupEpochs > 0.2 {
		t.Errorf("optimizer %+v, schedule %+v", config.Optimizer, config.Schedule)
	}
	if report, err := eval.ReadReport(run); err != nil || report == nil || report.Tasks.KNN == nil || report.Tasks.KNN.Baselines == nil {
		t.Errorf("the scores at its end are %+v (%v)", report, err)
	}
}

// A recipe on text knows the columns of the file that it was measured on; others are named, and then the file has a line of names.
func TestARecipeOnTextTakesOtherColumns(t *testing.T) {
	var rows strings.Builder
	for i := range 40 {
		fmt.Fprintf(&rows, "x\tthe %d cats sleep\tcats, %d of them, rest\tno %d cats are here\n", i, i, i)
	}
	folder := t.TempDir()
	for name, c := range map[string]struct {
		content string
		flags   []string
	}{
		"numbered": {rows.String(), nil},
		"named":    {"source\tanchor\tentailed\tcontradicted\n" + rows.String(), []string{"--columns=anchor,entailed,contradicted"}},
	} {
		data, run := filepath.Join(folder, name+".tsv"), filepath.Join(folder, name)
		if err := os.WriteFile(data, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		mustAlike(t, append([]string{"train", "--recipe=simcse-nli-cpu", "--data", data, "--out", run, "--epochs=1", "--batch=8",
			"--set=text.vocabulary.size=100", "--hold-out=0"}, c.flags...)...)
		config, err := train.ReadConfig(run)
		if err != nil || config.Recipe != "simcse-nli-cpu" || config.Text.Header != (name == "named") || len(config.Text.Texts) != 3 {
			t.Errorf("%s: the run has %+v (%v)", name, config.Text, err)
		}
	}
}

// A recipe from word vectors asks for their file, is as wide as they are, and is followed then.
func TestARecipeFromWordVectorsAsksForThem(t *testing.T) {
	folder := t.TempDir()
	data, vectors, run := filepath.Join(folder, "data.txt"), filepath.Join(folder, "vectors.txt"), filepath.Join(folder, "run")
	var rows strings.Builder
	for i := range 40 {
		fmt.Fprintf(&rows, "the cats sleep at %d\n", i)
	}
	for name, content := range map[string]string{data: rows.String(), vectors: "the 1 0 0 0 0\ncats 0 1 0 0 0\n"} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command := []string{"train", "--recipe=simcse-vectors-cpu", "--data", data, "--out", run, "--batch=8"}
	alike(t, command...).checkRefused(t, exitUsage, "simcse-vectors-cpu", "--vectors")
	alike(t, append(command, "--vectors", data)...).checkRefused(t, exitFailure, data)
	mustAlike(t, append(command, "--vectors", vectors)...)
	config, err := train.ReadConfig(run)
	if err != nil || config.Text.Static.Width != 5 || config.Text.Vectors != vectors || config.SimCSE.Positive.Delete != 0.7 {
		t.Errorf("the run has %+v, %+v (%v)", config.Text, config.SimCSE, err)
	}
	config.Batch = 128
	if recipe, found := recipes.Of(config); !found || recipe.Name != "simcse-vectors-cpu" {
		t.Errorf("a run from other word vectors follows %q (%t)", recipe.Name, found)
	}
	config.Text.Vectors = ""
	if _, found := recipes.Of(config); found {
		t.Error("a run from nothing follows a recipe from word vectors")
	}
	if said := mustAlike(t, "recipes", "simcse-vectors-cpu").stdout; !strings.Contains(said, "--vectors FILE") {
		t.Errorf("the recipe says\n%s", said)
	}
}

func TestRecipeMistakesAreRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	alike(t, "train", "--data=x", "--out", out).checkRefused(t, exitUsage, "name a method", "--recipe")
	alike(t, "train", "--recipe=nothing", "--data=x", "--out", out).checkRefused(t, exitUsage, "no recipe", "alike recipes")
	alike(t, "train", "byol", "--recipe", "simclr-photos-cpu", "--data=x", "--out", out).checkRefused(t, exitUsage, "simclr", "byol")
	alike(t, "train", "simclr", "--set=recipe=simclr-photos-cpu", "--data=x", "--out", out).checkRefused(t, exitUsage, "--recipe")
}

// A recipe is for any data of its kind: columns and lists that the file it was measured on had, and another has not, are left out, which
// the run says. Those that are named are missed.
func TestARecipeDoesWithoutColumnsOfItsOwnData(t *testing.T) {
	_, folder, table := pairRun(t)
	train := func(recipe, data string, flags ...string) result {
		return alike(t, append([]string{"train", "--recipe", recipe, "--data", data, "--out", filepath.Join(t.TempDir(), "run"), "--epochs=1", "--batch=8"}, flags...)...)
	}
	columns := []string{"--image-column=file", "--caption-columns=words", "--backbone=smallcnn", "--width=0.25", "--precision=f32"}
	r := train("clip-emoji-cpu", table, columns...)
	if r.code != 0 || !strings.Contains(r.stderr, `goes by the column "tags" and the column "drawing" of the data it was measured on`) {
		t.Errorf("%d: %s", r.code, r.stderr)
	}
	tagged := filepath.Join(folder, "tagged.jsonl")
	writeFile(t, tagged, strings.Repeat(`{"file": "train/a/000.png", "words": "one", "tags": ["x"]}`+"\n"+`{"file": "train/b/000.png", "words": "two"}`+"\n", 2)+
		`{"file": "train/b/001.png", "words": "three"}`+"\n")
	r = train("clip-emoji-cpu", tagged, append(columns, "--batch=2")...)
	if r.code != 0 || !strings.Contains(r.stderr, `goes by the column "drawing" of`) {
		t.Errorf("%d: %s", r.code, r.stderr)
	}
	train("clip-emoji-cpu", table, append(columns, "--group-column=nothing")...).checkRefused(t, exitFailure, `no column "nothing"`)

	var rows strings.Builder
	rows.WriteString("text,intent\n")
	for i := range 40 {
		fmt.Fprintf(&rows, "play song %d,play\npay bill %d,pay\n", i, i)
	}
	file := filepath.Join(t.TempDir(), "rows.csv")
	writeFile(t, file, rows.String())
	r = train("supcon-clinc-cpu", file, "--columns=text", "--class=intent")
	if r.code != 0 || !strings.Contains(r.stderr, `goes by the list "train" of`) {
		t.Errorf("%d: %s", r.code, r.stderr)
	}
}
