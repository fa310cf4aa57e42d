package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/internal/npy"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/train"
)

// keys lists the keys of a JSON value, sorted, with dots between levels; elements of a list share theirs.
func keys(t *testing.T, text string) []string {
	t.Helper()
	var value any
	decoder := json.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
	if decoder.More() {
		t.Fatalf("more than one JSON value:\n%s", text)
	}
	var list []string
	var walk func(prefix string, value any)
	walk = func(prefix string, value any) {
		switch value := value.(type) {
		case map[string]any:
			for k, v := range value {
				list = append(list, prefix+k)
				walk(prefix+k+".", v)
			}
		case []any:
			for _, v := range value {
				walk(prefix, v)
			}
		}
	}
	walk("", value)
	slices.Sort(list)
	return slices.Compact(list)
}

func checkKeys(t *testing.T, text string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, keys(t, text)); diff != "" {
		t.Errorf("keys of the JSON, want (-), got (+):\n%s", diff)
	}
}

// below puts a key and, below it, more keys into a list.
func below(key string, more ...string) []string {
	list := []string{key}
	for _, k := range more {
		list = append(list, key+"."+k)
	}
	return list
}

// Programs read these keys: none may go or change its name.
func TestEvalJSON(t *testing.T) {
	dir, pictures := trained(t)
	geometry := below("geometry", "alignment", "uniformity", "effective_rank", "std")
	rest := slices.Concat(
		below("data", "train", "test", "classes", "split", "skipped"),
		below("model", "format", "method", "backbone", "width", "dim", "seed", "views"),
		viewKeys("model.views."))
	knn := below("tasks.knn", "accuracy", "k", "temperature")
	linear := below("tasks.linear", "accuracy", "c", "converged")
	baselines := func(task string) []string { return below(task+".baselines", "raw", "random_init", "majority") }

	all := mustAlike(t, "eval", dir, "--data", pictures, "--json").stdout
	checkKeys(t, all, slices.Concat([]string{"tasks"}, knn, baselines("tasks.knn"), linear, baselines("tasks.linear"), geometry, rest)...)
	one := mustAlike(t, "eval", dir, "--data", pictures, "--json", "--tasks=knn", "--no-baselines", "--k=3", "--temperature=0.5").stdout
	checkKeys(t, one, slices.Concat([]string{"tasks"}, knn, geometry, rest)...)

	var report struct {
		Tasks struct {
			KNN struct {
				Accuracy, Temperature float64
				K                     int
			}
		}
		Data struct{ Train, Test int }
	}
	if err := json.Unmarshal([]byte(one), &report); err != nil {
		t.Fatal(err)
	}
	if knn := report.Tasks.KNN; knn.K != 3 || knn.Temperature != 0.5 || knn.Accuracy < 0 || knn.Accuracy > 1 {
		t.Errorf("kNN is %+v", knn)
	}
	if report.Data.Train != 18 || report.Data.Test != 9 {
		t.Errorf("%d training and %d test pictures, want 18 and 9", report.Data.Train, report.Data.Test)
	}

	// Pictures without classes have a geometry and no scores.
	flat := t.TempDir()
	picturetest.Classes(t, flat, []string{"."}, 10, 16, 1)
	checkKeys(t, mustAlike(t, "eval", dir, "--data", flat, "--json").stdout, slices.Concat([]string{"tasks"}, geometry, rest)...)
}

// viewKeys are the names of a view's settings, the same as in config.yaml.
func viewKeys(prefix string) []string {
	var list []string
	for _, f := range fields.Of(train.DefaultSimCLR(32).SimCLR.Augment) {
		list = append(list, prefix+f.Key)
	}
	return list
}

func TestEvalTableSaysTheSameAsTheJSON(t *testing.T) {
	dir, pictures := trained(t)
	var report struct {
		Tasks map[string]struct {
			Accuracy  float64
			Baselines map[string]float64
		}
	}
	if err := json.Unmarshal([]byte(mustAlike(t, "eval", dir, "--data", pictures, "--json").stdout), &report); err != nil {
		t.Fatal(err)
	}
	table := mustAlike(t, "eval", dir, "--data", pictures).stdout
	for title, task := range map[string]string{"kNN (k 10)": "knn", "linear probe": "linear"} {
		score := report.Tasks[task]
		want := []string{percent(score.Accuracy), percent(score.Baselines["raw"]), percent(score.Baselines["random_init"]), percent(score.Baselines["majority"])}
		found := false
		for line := range strings.Lines(table) {
			if after, ok := strings.CutPrefix(strings.TrimSpace(line), title); ok {
				found = true
				if diff := cmp.Diff(want, strings.Fields(after)); diff != "" {
					t.Errorf("%s, JSON (-) and table (+):\n%s", title, diff)
				}
			}
		}
		if !found {
			t.Errorf("no line for %s in\n%s", title, table)
		}
	}
}

// Pictures without classes have no table of scores, and the output says why.
func TestPicturesWithoutClassesAreMeasuredByGeometryAlone(t *testing.T) {
	run, _ := trained(t)
	flat := t.TempDir()
	picturetest.Classes(t, flat, []string{"."}, 10, 16, 1)
	out := mustAlike(t, "eval", run, "--data", flat).stdout
	if !strings.Contains(out, "without classes there is the geometry alone\n\ngeometry: alignment") {
		t.Errorf("it prints\n%s", out)
	}
}

func TestBenchJSON(t *testing.T) {
	step := mustAlike(t, "bench", "step", "--json", "--steps=1", "--backbone=smallcnn", "--width=0.25", "--image-size=16", "--batch=4").stdout
	checkKeys(t, step, "method", "backbone", "width", "image_size", "batch", "chunk", "precision", "device", "seconds_per_step", "steps", "views_per_second", "gflops", "peak_memory")
	var timing struct {
		SecondsPerStep float64 `json:"seconds_per_step"`
		ViewsPerSecond float64 `json:"views_per_second"`
		GFLOPS         float64
	}
	if err := json.Unmarshal([]byte(step), &timing); err != nil {
		t.Fatal(err)
	}
	if product := timing.SecondsPerStep * timing.ViewsPerSecond; product < 7.999 || product > 8.001 || timing.GFLOPS <= 0 {
		t.Errorf("8 views a step do not agree with %+v", timing)
	}
	checkKeys(t, mustAlike(t, "bench", "augment", "--json", "--seconds=0.001").stdout,
		"picture_size", "picture_bytes", "image_size", "views_per_picture", "views_per_second_and_core", "pictures")
	losses := mustAlike(t, "bench", "loss", "--json", "--batch=4,8", "--dim=16", "--repeats=1").stdout
	checkKeys(t, losses, "loss", "batch", "dim", "device", "seconds", "repeats", "items_per_second")
	var timings []lossTiming
	if err := json.Unmarshal([]byte(losses), &timings); err != nil {
		t.Fatal(err)
	}
	if want := 2 * len(timedLosses()); len(timings) != want || timings[0].Batch != 4 || timings[1].Batch != 8 {
		t.Errorf("%d timings, want %d: each loss at both batch sizes: %+v", len(timings), want, timings)
	}
	for _, l := range timings {
		if items := l.Seconds * l.ItemsPerSecond; math.Abs(items-float64(l.Batch)) > 1e-6 {
			t.Errorf("%g items a computation: %+v", items, l)
		}
	}
	if table := mustAlike(t, "bench", "loss", "--batch=4", "--repeats=1").stdout; !strings.Contains(table, "items a second") || strings.Count(table, "\n") != len(timings)/2+3 {
		t.Errorf("alike bench loss prints\n%s", table)
	}
	for _, args := range [][]string{{"bench", "step", "--steps=1", "--backbone=smallcnn", "--width=0.25", "--image-size=16", "--batch=4"}, {"bench", "augment", "--seconds=0.001"}} {
		if text := mustAlike(t, args...).stdout; !strings.Contains(text, "views a second") {
			t.Errorf("alike %s prints\n%s", strings.Join(args, " "), text)
		}
	}
}

// What there is, with the defaults that a run would have.
func TestMethods(t *testing.T) {
	text := mustAlike(t, "methods", "--json", "--image-size=64").stdout
	checkKeys(t, text, slices.Concat(
		below("methods", "name", "title", "description", "paper", "defaults", "defaults.key", "defaults.help", "defaults.value"),
		below("backbones", "name", "description", "source", "parameters", "multiply_adds"),
		below("text_backbones", "name", "description", "source"),
		below("devices", "name", "description"))...)
	var list struct {
		Methods []struct {
			Name     string
			Defaults []struct {
				Key   string
				Value any
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	table := mustAlike(t, "methods", "--image-size=64").stdout
	for _, m := range list.Methods {
		config, err := train.Default(m.Name, 64)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range fields.Of(config) {
			var want any
			if text, err := json.Marshal(f.Value); err != nil || json.Unmarshal(text, &want) != nil {
				t.Fatalf("%s: %v is not for JSON", f.Key, f.Value)
			}
			if got := m.Defaults[i]; got.Key != f.Key || !cmp.Equal(got.Value, want) {
				t.Errorf("default %d of %s is %s: %v, want %s: %v", i, m.Name, got.Key, got.Value, f.Key, want)
			}
			if !strings.Contains(table, "  "+f.Key+" ") {
				t.Errorf("the table does not list %s", f.Key)
			}
		}
	}
}

// The formats of alike embed hold the same vectors of the same pictures, in the same order.
func TestEmbedFormatsAgree(t *testing.T) {
	dir, pictures := trained(t)
	home := t.TempDir()
	file := func(ending string) string { return filepath.Join(home, "vectors"+ending) }
	for _, ending := range []string{".npy", ".jsonl", ".parquet"} {
		if r := mustAlike(t, "embed", dir, pictures, "--out", file(ending)); !strings.Contains(r.stdout, "27 vectors of 64 numbers are in "+file(ending)) {
			t.Errorf("prints\n%s", r.stdout)
		}
	}
	rows := lines[row](t, file(".jsonl"))
	if len(rows) != 27 {
		t.Fatalf("%d rows, want 27", len(rows))
	}
	for i, r := range rows {
		// Splits, train before test, and in each its pictures by path.
		split, class, n := "train", i/6, i%6
		if i >= 18 {
			split, class, n = "test", (i-18)/3, (i-18)%3
		}
		name := string("abc"[class])
		if want := fmt.Sprintf("%s/%s/%03d.png", split, name, n); r.Path != want || r.Class != name || len(r.Vector) != 64 {
			t.Errorf("row %d is %s of class %s with %d numbers, want %s of class %s with 64", i, r.Path, r.Class, len(r.Vector), want, name)
		}
	}

	parquetRows, err := parquet.ReadFile[row](file(".parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, parquetRows); diff != "" {
		t.Errorf(".jsonl (-) and .parquet (+):\n%s", diff)
	}
	array, err := os.Open(file(".npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer array.Close()
	shape, values, err := npy.ReadFloat32(array)
	if err != nil || !slices.Equal(shape, []int{27, 64}) {
		t.Fatalf(".npy has shape %v (%v), want [27 64]", shape, err)
	}
	for i, item := range lines[row](t, file(".npy.items.jsonl")) {
		item.Vector = values[64*i : 64*(i+1)]
		if diff := cmp.Diff(rows[i], item); diff != "" {
			t.Errorf("row %d, .jsonl (-) and .npy (+):\n%s", i, diff)
		}
	}

	// The model folder alone does as well as the run, and again is the same.
	mustAlike(t, "embed", train.ModelDir(dir), pictures, "--out", file("-again.npy"))
	if readFile(t, file("-again.npy")) != readFile(t, file(".npy")) {
		t.Error("the model folder gives other vectors than the run")
	}
}

// row is what a line of a .jsonl file and a row of a .parquet file promise to hold.
type row struct {
	Path   string    `json:"path" parquet:"path"`
	Class  string    `json:"class" parquet:"class,optional"`
	Vector []float32 `json:"vector" parquet:"vector"`
}

func lines[T any](t *testing.T, path string) (list []T) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		var value T
		if err := json.Unmarshal(scanner.Bytes(), &value); err != nil {
			t.Fatal(err)
		}
		list = append(list, value)
	}
	return list
}

func TestViewsDrawsASheet(t *testing.T) {
	pictures, home := picturetest.Splits(t, 4, 2, 16), t.TempDir()
	sheet := func(name string, more ...string) string {
		path := filepath.Join(home, name)
		mustAlike(t, append([]string{"views", "--data", pictures, "--out", path, "--pictures=3", "--views=2", "--image-size=16"}, more...)...)
		return readFile(t, path)
	}
	first := sheet("first.png")
	picture, err := png.Decode(strings.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	// Three rows of a picture and two views, at least as large as they are.
	if size := picture.Bounds().Size(); size.X < 3*16 || size.Y < 3*16 {
		t.Errorf("the sheet has %v pixels", size)
	}
	if sheet("again.png") != first {
		t.Error("the same seed draws another sheet")
	}
	if sheet("other.png", "--seed=2") == first {
		t.Error("another seed draws the same sheet")
	}
	if sheet("grey.png", "--set=simclr.augment.grayscale=1") == first {
		t.Error("another setting draws the same sheet")
	}
}

// SwAV's small crops are in the sheet, beside the large ones.
func TestViewsDrawsCropsOfEverySize(t *testing.T) {
	pictures, home := picturetest.Splits(t, 4, 2, 16), t.TempDir()
	sheet := func(smallCrops string) string {
		path := filepath.Join(home, smallCrops+".png")
		mustAlike(t, "views", "--method=swav", "--data", pictures, "--out", path, "--pictures=2", "--views=4", "--image-size=32", "--set=swav.small_crops="+smallCrops)
		return readFile(t, path)
	}
	if sheet("2") == sheet("0") {
		t.Error("small crops look like large ones")
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputThatNeverArrivedIsAFailure(t *testing.T) {
	var stderr bytes.Buffer
	for _, args := range [][]string{{"methods"}, {"methods", "--json"}} {
		if code := run(t.Context(), args, console{fullDisk{}, &stderr}); code != exitFailure || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%v: exit code %d, %q", args, code, stderr.String())
		}
	}
}
