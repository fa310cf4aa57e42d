package cli

import (
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
		below("recipes", "name", "method", "image_size", "about", "data", "budget", "tuned", "reached", "settings", "settings.key", "settings.help", "settings.value")...)
	table := mustAlike(t, "recipes").stdout
	for _, name := range recipes.Names() {
		if !strings.Contains(table, name+"\n") {
			t.Errorf("no %s in\n%s", name, table)
		}
	}
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

func TestRecipeMistakesAreRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	alike(t, "train", "--data=x", "--out", out).checkRefused(t, exitUsage, "name a method", "--recipe")
	alike(t, "train", "--recipe=nothing", "--data=x", "--out", out).checkRefused(t, exitUsage, "no recipe", "alike recipes")
	alike(t, "train", "byol", "--recipe", "simclr-photos-cpu", "--data=x", "--out", out).checkRefused(t, exitUsage, "simclr", "byol")
	alike(t, "train", "simclr", "--set=recipe=simclr-photos-cpu", "--data=x", "--out", out).checkRefused(t, exitUsage, "--recipe")
}
