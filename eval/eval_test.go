package eval_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/positive"
)

// newModel returns an encoder that nobody trained: colours survive it, and that is all these tests need.
func newModel(t *testing.T) (compute.Backend, *embed.Model) {
	t.Helper()
	backend, err := device.Open(device.Default)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	m, err := embed.Untrained(backend, embed.Config{Method: "simclr", Backbone: "smallcnn", Width: 0.25, Seed: 1, Views: positive.SimCLRSmall(16)})
	if err != nil {
		t.Fatal(err)
	}
	return backend, m
}

func openFolder(t *testing.T, dir string) *data.ImageFolder {
	t.Helper()
	folder, err := data.OpenImageFolder(t.Context(), dir, data.FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func run(t *testing.T, dir string, options eval.Options) (*eval.Result, error) {
	t.Helper()
	backend, m := newModel(t)
	return eval.Run(t.Context(), backend, m, openFolder(t, dir), options, nil)
}

func mustRun(t *testing.T, dir string, options eval.Options) *eval.Result {
	t.Helper()
	result, err := run(t, dir, options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// keep removes all but the first n pictures of a class, and its folder with the last one.
func keep(t *testing.T, class string, n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(class, "*"))
	if err != nil || len(files) < n {
		t.Fatalf("%s holds %d pictures (%v)", class, len(files), err)
	}
	for _, file := range files[n:] {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	if n == 0 {
		if err := os.Remove(class); err != nil {
			t.Fatal(err)
		}
	}
}

// nearest asks one neighbour: enough for colours.
var nearest = eval.Options{KNN: metric.KNNOptions{K: 1}}

// Classes of different colours are told apart without an error, even by an encoder that learned nothing.
func TestClassesThatDifferAreToldApart(t *testing.T) {
	var said []string
	backend, m := newModel(t)
	result, err := eval.Run(t.Context(), backend, m, openFolder(t, picturetest.Splits(t, 12, 4, 16)), nearest,
		func(what string, done, total int) {
			if done > total {
				t.Errorf("%s: %d of %d", what, done, total)
			}
			if !slices.Contains(said, what) {
				said = append(said, what)
			}
		})
	if err != nil {
		t.Fatal(err)
	}
	knn, linear := result.Report.Tasks.KNN, result.Report.Tasks.Linear
	if knn == nil || linear == nil || knn.Accuracy != 1 || linear.Accuracy != 1 || !linear.Converged {
		t.Fatalf("kNN %+v, probe %+v; want accuracies of 1", knn, linear)
	}
	if knn.K != 1 || knn.Temperature != metric.DefaultTemperature {
		t.Errorf("k %d, temperature %g", knn.K, knn.Temperature)
	}
	for _, b := range []*eval.Baselines{knn.Baselines, linear.Baselines} {
		// The encoder is its own untrained twin, and a third of the pictures is of the largest class.
		if b == nil || b.RandomInit != 1 || b.Majority != 1./3 || b.Raw < 0.5 {
			t.Errorf("baselines %+v", b)
		}
	}
	if !slices.Equal(result.Predicted, result.Test.Labels) {
		t.Errorf("predicted %v of %v", result.Predicted, result.Test.Labels)
	}
	d := result.Report.Data
	if d.Train != 36 || d.Test != 12 || d.Skipped != 0 || !slices.Equal(d.Classes, []string{"a", "b", "c"}) || !strings.Contains(d.Split, "test pictures") {
		t.Errorf("data %+v", d)
	}
	if diff := cmp.Diff(m.Config, result.Report.Model); diff != "" {
		t.Error(diff)
	}
	if len(said) < 3 {
		t.Errorf("said only %v", said)
	}
}

// The baselines are the scores of the baselines' own vectors.
func TestBaselinesAreScoredTheSameWay(t *testing.T) {
	folder := openFolder(t, picturetest.Splits(t, 12, 4, 16))
	backend, m := newModel(t)
	options := eval.Options{KNN: metric.KNNOptions{K: 3}}
	result, err := eval.Run(t.Context(), backend, m, folder, options, nil)
	if err != nil {
		t.Fatal(err)
	}
	train, _, err := embed.RawPixels(t.Context(), folder.Train, nil)
	if err != nil {
		t.Fatal(err)
	}
	test, _, err := embed.RawPixels(t.Context(), folder.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	knn, err := metric.KNN(train, folder.Train.Labels(), test, folder.Test.Labels(), options.KNN)
	if err != nil {
		t.Fatal(err)
	}
	probe, err := metric.LinearProbe(train, folder.Train.Labels(), test, folder.Test.Labels(), options.Probe)
	if err != nil {
		t.Fatal(err)
	}
	tasks := result.Report.Tasks
	if tasks.KNN.Baselines.Raw != knn.Accuracy || tasks.Linear.Baselines.Raw != probe.Accuracy {
		t.Errorf("raw pixels score %g and %g, want %g and %g", tasks.KNN.Baselines.Raw, tasks.Linear.Baselines.Raw, knn.Accuracy, probe.Accuracy)
	}
	if tasks.KNN.K != 3 {
		t.Errorf("k is %d", tasks.KNN.K)
	}
}

// The majority is that of the training pictures: a of 6, 3 and 1, which 2 of 8 test pictures show.
func TestMajorityIsTheTrainingPictures(t *testing.T) {
	dir := picturetest.Splits(t, 6, 5, 16)
	for name, n := range map[string]int{"train/b": 3, "train/c": 1, "test/a": 2, "test/c": 1} {
		keep(t, filepath.Join(dir, filepath.FromSlash(name)), n)
	}
	result := mustRun(t, dir, eval.Options{Tasks: []string{eval.TaskKNN}})
	if b := result.Report.Tasks.KNN.Baselines; b.Majority != 2./8 {
		t.Errorf("the majority scores %g, want 0.25", b.Majority)
	}
	if result.Report.Tasks.Linear != nil {
		t.Error("the probe was run without being asked for")
	}
}

// What `alike eval --json` prints has these keys and no others.
func TestJSONKeys(t *testing.T) {
	text, err := json.Marshal(mustRun(t, picturetest.Splits(t, 4, 2, 16), eval.Options{}).Report)
	if err != nil {
		t.Fatal(err)
	}
	var report map[string]any
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		"":                       {"data", "geometry", "model", "tasks"},
		"tasks":                  {"knn", "linear"},
		"tasks.knn":              {"accuracy", "baselines", "k", "temperature"},
		"tasks.knn.baselines":    {"majority", "random_init", "raw"},
		"tasks.linear":           {"accuracy", "baselines", "c", "converged"},
		"tasks.linear.baselines": {"majority", "random_init", "raw"},
		"geometry":               {"alignment", "effective_rank", "std", "uniformity"},
		"data":                   {"classes", "skipped", "split", "test", "train"},
		"model":                  {"backbone", "dim", "format", "method", "seed", "views", "width"},
	} {
		object := report
		for _, key := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
			object, _ = object[key].(map[string]any)
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(object))); diff != "" {
			t.Errorf("keys of %q: %s", path, diff)
		}
	}
}

func TestNoBaselines(t *testing.T) {
	result := mustRun(t, picturetest.Splits(t, 4, 2, 16), eval.Options{NoBaselines: true})
	if tasks := result.Report.Tasks; tasks.KNN.Baselines != nil || tasks.Linear.Baselines != nil {
		t.Errorf("baselines %+v and %+v", tasks.KNN.Baselines, tasks.Linear.Baselines)
	}
}

func TestGeometryIsThatOfTheTestPictures(t *testing.T) {
	folder := openFolder(t, picturetest.Splits(t, 4, 5, 16))
	backend, m := newModel(t)
	result, err := eval.Run(t.Context(), backend, m, folder, eval.Options{NoBaselines: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	vectors, _, err := m.Embed(t.Context(), folder.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := result.Report.Geometry
	for name, c := range map[string]struct {
		got     float64
		measure func() (float64, error)
	}{
		"effective rank": {g.EffectiveRank, func() (float64, error) { return metric.EffectiveRank(vectors) }},
		"std":            {g.Std, func() (float64, error) { return metric.Std(vectors) }},
	} {
		want, err := c.measure()
		if err != nil || c.got != want {
			t.Errorf("%s is %g, want %g (%v)", name, c.got, want, err)
		}
	}
	if !(g.Alignment > 0) || !(g.Uniformity < 0) || math.IsInf(g.Uniformity, 0) {
		t.Errorf("alignment %g, uniformity %g", g.Alignment, g.Uniformity)
	}
}

func TestAFolderWithoutTestPicturesKeepsAFifthBack(t *testing.T) {
	dir := t.TempDir()
	picturetest.Classes(t, dir, []string{"a", "b"}, 10, 16, 1)
	result := mustRun(t, dir, eval.Options{NoBaselines: true})
	d := result.Report.Data
	if d.Train != 16 || d.Test != 4 || !strings.Contains(d.Split, "a fifth of all") {
		t.Errorf("data %+v", d)
	}
	again := mustRun(t, dir, eval.Options{NoBaselines: true})
	if diff := cmp.Diff(result.Test.Images.Items, again.Test.Images.Items); diff != "" {
		t.Errorf("another fifth the second time: %s", diff)
	}
	for _, item := range result.Test.Images.Items {
		if slices.Contains(result.Train.Images.Items, item) {
			t.Errorf("%s is both trained and tested on", item.Path)
		}
	}
}

func TestValidationPicturesStandInForTestPictures(t *testing.T) {
	dir := picturetest.Splits(t, 4, 2, 16)
	if err := os.Rename(filepath.Join(dir, "test"), filepath.Join(dir, "val")); err != nil {
		t.Fatal(err)
	}
	d := mustRun(t, dir, eval.Options{NoBaselines: true}).Report.Data
	if d.Test != 6 || !strings.Contains(d.Split, "validation pictures") {
		t.Errorf("data %+v", d)
	}
}

func TestWithoutLabelsThereIsGeometryAlone(t *testing.T) {
	dir := t.TempDir()
	picturetest.Classes(t, dir, []string{"."}, 10, 16, 1)
	result := mustRun(t, dir, eval.Options{})
	if tasks := result.Report.Tasks; tasks.KNN != nil || tasks.Linear != nil || result.Predicted != nil {
		t.Errorf("scores without labels: %+v", tasks)
	}
	if text, err := json.Marshal(result.Report.Data); err != nil || !strings.Contains(string(text), `"classes":[]`) {
		t.Errorf("data %s, %v", text, err)
	}
	if !(result.Report.Geometry.EffectiveRank >= 1) {
		t.Errorf("geometry %+v", result.Report.Geometry)
	}
	_, err := run(t, dir, eval.Options{Tasks: []string{eval.TaskKNN}})
	if err == nil || !strings.Contains(err.Error(), "no labels") {
		t.Errorf("error %v", err)
	}
}

func TestUnknownTasksAreSuggested(t *testing.T) {
	_, err := run(t, picturetest.Splits(t, 2, 1, 16), eval.Options{Tasks: []string{"knn", "liner"}})
	if err == nil || !strings.Contains(err.Error(), `"liner" (did you mean "linear"?)`) {
		t.Errorf("error %v", err)
	}
}

// A class that nothing was learned of cannot be answered: it counts as wrong.
func TestAClassOnlyInTest(t *testing.T) {
	dir := picturetest.Splits(t, 6, 4, 16)
	keep(t, filepath.Join(dir, "train", "c"), 0)
	result := mustRun(t, dir, nearest)
	if tasks := result.Report.Tasks; tasks.KNN.Accuracy != 2./3 || !(tasks.Linear.Accuracy <= 2./3) || !(tasks.Linear.Accuracy > 1./3) {
		t.Errorf("accuracies %g and %g, want 8 of 12 and at most that", tasks.KNN.Accuracy, tasks.Linear.Accuracy)
	}
	if d := result.Report.Data; !slices.Equal(d.Classes, []string{"a", "b", "c"}) || d.Unknown != 4 {
		t.Errorf("classes %v, %d unknown", d.Classes, d.Unknown)
	}
}

func TestOneClassIsNoClass(t *testing.T) {
	dir := picturetest.Splits(t, 6, 4, 16)
	for _, name := range []string{"train/b", "train/c", "test/b", "test/c"} {
		keep(t, filepath.Join(dir, filepath.FromSlash(name)), 0)
	}
	if tasks := mustRun(t, dir, eval.Options{}).Report.Tasks; tasks.KNN != nil || tasks.Linear != nil {
		t.Errorf("scores of one class: %+v", tasks)
	}
}

// A picture that turns out to be damaged is not scored, and not counted.
func TestDamagedPicturesAreLeftOut(t *testing.T) {
	dir := picturetest.Splits(t, 6, 4, 16)
	for _, name := range []string{"train/a/001.png", "test/b/002.png"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content[:len(content)/2], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	result := mustRun(t, dir, nearest)
	d := result.Report.Data
	if d.Train != 17 || d.Test != 11 || d.Skipped != 2 {
		t.Errorf("data %+v", d)
	}
	if len(result.Predicted) != 11 || result.Report.Tasks.KNN.Accuracy != 1 {
		t.Errorf("%d predictions, accuracy %g", len(result.Predicted), result.Report.Tasks.KNN.Accuracy)
	}
	for row, item := range result.Test.Items {
		if result.Test.Images.Items[item].Label != result.Test.Labels[row] {
			t.Errorf("row %d has another label than its picture", row)
		}
	}
}

func TestCancelledEvaluationsEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	backend, m := newModel(t)
	_, err := eval.Run(ctx, backend, m, openFolder(t, picturetest.Splits(t, 4, 2, 16)), eval.Options{}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestMaxTrainTakesAShareOfEveryClass(t *testing.T) {
	dir := picturetest.Splits(t, 10, 2, 16)
	result := mustRun(t, dir, eval.Options{MaxTrain: 12, NoBaselines: true})
	counts := map[int]int{}
	for _, label := range result.Train.Labels {
		counts[label]++
	}
	if diff := cmp.Diff(map[int]int{0: 4, 1: 4, 2: 4}, counts); diff != "" {
		t.Errorf("training pictures by class: %s", diff)
	}
	if d := result.Report.Data; d.Train != 12 || d.Test != 6 || !strings.Contains(d.Split, "12 of 30 training pictures") {
		t.Errorf("data %+v", d)
	}
}
