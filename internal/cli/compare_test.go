package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alike-ml/alike/internal/picturetest"
)

func TestRunsAreCompared(t *testing.T) {
	folder, data := t.TempDir(), picturetest.Splits(t, 12, 2, 16)
	run := func(name string, flags ...string) string {
		dir := filepath.Join(folder, name)
		mustAlike(t, append([]string{"train", "simclr", "--data", data, "--out", dir, "--image-size=16", "--backbone=smallcnn", "--width=0.25", "--epochs=2", "--batch=8"}, flags...)...)
		return dir
	}
	one, two, other := run("one"), run("two", "--seed=2"), run("other", "--set=simclr.temperature=0.2")

	page := filepath.Join(folder, "runs.html")
	text := mustAlike(t, "compare", one, two, other, "--out", page).stdout
	for _, want := range []string{"| simclr, simclr.temperature 0.5 | 2 ", "| simclr, simclr.temperature 0.2 | 1 ", "backbone smallcnn", page} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if html, err := os.ReadFile(page); err != nil || strings.Count(string(html), `class="area"`) < 3 {
		t.Errorf("the page draws no ranges (%v)", err)
	}
	checkKeys(t, mustAlike(t, "compare", one, two, "--json").stdout, below("groups", "name", "method", "seeds", "runs", "knn", "knn.mean", "knn.min", "knn.max",
		"knn_baselines", "knn_baselines.raw", "knn_baselines.random_init", "knn_baselines.majority", "linear", "linear.mean", "linear.min", "linear.max",
		"linear_baselines", "linear_baselines.raw", "linear_baselines.random_init", "linear_baselines.majority",
		"held_out_knn", "held_out_knn.mean", "held_out_knn.min", "held_out_knn.max",
		"held_out_knn_baselines", "held_out_knn_baselines.raw", "held_out_knn_baselines.random_init", "loss", "loss.mean", "loss.min", "loss.max", "epochs",
		"seconds", "seconds.mean", "seconds.min", "seconds.max", "views_per_second", "views_per_second.mean", "views_per_second.min", "views_per_second.max",
		"peak_memory", "peak_memory.mean", "peak_memory.min", "peak_memory.max")...)

	band := filepath.Join(folder, "x.band.json")
	mustAlike(t, "compare", one, two, "--band", band, "--band-data", "test pictures")
	if text, err := os.ReadFile(band); err != nil || strings.Count(string(text), "\n") != 5 {
		t.Errorf("the band is\n%s(%v)", text, err)
	}
	alike(t, "compare", one, other, "--band", band, "--band-data", "x").checkRefused(t, exitFailure, "differ in more than their seed", "temperature")
	alike(t, "compare", one, "--band", band).checkRefused(t, exitUsage, "--band-data")
	alike(t, "compare", one, "--out", "x.pdf").checkRefused(t, exitUsage, ".html")
	alike(t, "compare", folder).checkRefused(t, exitFailure, "no run in")
}
