package train

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/metric"
)

func TestNumbersThatJSONHasNot(t *testing.T) {
	for _, c := range []struct {
		number Number
		want   string
	}{
		{0, "0"}, {-1.5, "-1.5"}, {1e300, "1e+300"}, {5e-324, "5e-324"},
		{Number(math.NaN()), "null"}, {Number(math.Inf(1)), "null"}, {Number(math.Inf(-1)), "null"},
	} {
		text, err := json.Marshal(c.number)
		if err != nil || string(text) != c.want {
			t.Errorf("%g is written as %s (%v), want %s", c.number, text, err, c.want)
		}
		var back Number
		if err := json.Unmarshal(text, &back); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if c.want == "null" && !math.IsNaN(float64(back)) || c.want != "null" && back != c.number {
			t.Errorf("%g comes back as %g", c.number, back)
		}
	}
	if err := json.Unmarshal([]byte(`"seven"`), new(Number)); err == nil {
		t.Error("a text is a number")
	}
}

// exampleEvents are those of two epochs of two steps, and the look before them.
func exampleEvents() []event {
	knn, raw := Number(0.5), Number(0.25)
	g := metric.Geometry{Alignment: 1, Uniformity: -2, EffectiveRank: 3, Std: 0.5}
	list := []event{{Epoch: &Epoch{KNN: &knn, RawKNN: &raw, Geometry: &g}}}
	for i := range 4 {
		s := Step{Step: i + 1, Epoch: i/2 + 1, Loss: Number(i), LearningRate: 0.1, GradientNorm: 2, EmbeddingStd: 1, ViewsPerSecond: 100, DataWait: 0.01}
		list = append(list, event{Step: &s})
		if i%2 == 1 {
			list = append(list, event{Epoch: &Epoch{Step: i + 1, Epoch: i/2 + 1, Loss: Number(i), Seconds: 3, ViewsPerSecond: 100}})
		}
	}
	return list
}

// writeMetrics appends the events past a step, as a resumed run does, and returns the file's path.
func writeMetrics(t *testing.T, path string, after int) {
	t.Helper()
	file, err := openMetrics(path, after)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range exampleEvents() {
		if after > 0 && e.step() <= after {
			continue
		}
		if err := file.write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.close(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) (steps []Step, epochs []Epoch) {
	t.Helper()
	steps, epochs, err := ReadMetrics(path)
	if err != nil {
		t.Fatal(err)
	}
	return steps, epochs
}

func TestEventsComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	writeMetrics(t, path, 0)
	steps, epochs := read(t, path)
	var got []event
	for _, e := range exampleEvents() {
		if e.Step != nil {
			got, steps = append(got, event{Step: &steps[0]}), steps[1:]
		} else {
			got, epochs = append(got, event{Epoch: &epochs[0]}), epochs[1:]
		}
	}
	if diff := cmp.Diff(exampleEvents(), got); diff != "" {
		t.Error(diff)
	}
}

// A run that is resumed after any step has the same record as one that was not, whatever it had written past that step and
// wherever the last line was torn.
func TestResumedMetricsAreWhole(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "metrics.jsonl")
	writeMetrics(t, whole, 0)
	want, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for after := range 5 {
		// The run had told all of the step that its checkpoint is of.
		told := 0
		for line := range strings.Lines(string(want)) {
			if e, err := parseEvent([]byte(line)); err != nil || e.step() > after {
				break
			}
			told += len(line)
		}
		for length := told; length <= len(want); length += 31 {
			path := filepath.Join(t.TempDir(), "metrics.jsonl")
			if err := os.WriteFile(path, want[:length], 0o644); err != nil {
				t.Fatal(err)
			}
			writeMetrics(t, path, after)
			if got, err := os.ReadFile(path); err != nil || string(got) != string(want) {
				t.Fatalf("resumed after step %d with %d bytes written: %v, the record is\n%s", after, length, err, got)
			}
		}
	}
}

func TestReadMetricsNamesTheBadLine(t *testing.T) {
	good := `{"step":{"step":1,"epoch":1,"loss":null}}` + "\n"
	for _, c := range []struct{ name, text, want string }{
		{"torn in the middle", good + `{"step":{"st` + "\n" + good, "line 2"},
		{"neither step nor epoch", good + good + "{}\n", "line 3"},
		{"both", `{"step":{"step":1},"epoch":{"epoch":1}}` + "\n", "line 1"},
		{"no JSON", "loss: 3\n", "line 1"},
	} {
		path := filepath.Join(t.TempDir(), "metrics.jsonl")
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, _, err := ReadMetrics(path)
		if err == nil || !strings.Contains(err.Error(), path+", "+c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line that names %s", c.name, err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	if err := os.WriteFile(path, []byte(good+`{"epoch":{"step":1`), 0o644); err != nil {
		t.Fatal(err)
	}
	steps, epochs := read(t, path)
	if len(steps) != 1 || len(epochs) != 0 || !math.IsNaN(float64(steps[0].Loss)) {
		t.Errorf("a torn end: steps %v, epochs %v", steps, epochs)
	}
	if _, _, err := ReadMetrics(path + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func FuzzEvent(f *testing.F) {
	for _, e := range exampleEvents() {
		text, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(text, '\n'))
	}
	f.Add([]byte("{\"step\":null,\"epoch\":null}\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if e, err := parseEvent(line); err == nil {
			_ = e.step() // finds one
			if _, err := json.Marshal(e); err != nil {
				t.Errorf("an event that was read cannot be written: %v", err)
			}
		}
	})
}

// The mean of an epoch, and its throughput as if it had been one stretch.
func TestEpochsSumTheirSteps(t *testing.T) {
	sum := newEpochSum(2)
	for i, s := range []Step{{Loss: 1, ViewsPerSecond: 10}, {Loss: 2, ViewsPerSecond: 20}, {Loss: 6, ViewsPerSecond: 20, LearningRate: 0.25}} {
		s.Step = i + 7
		sum.add(s, 40)
	}
	want := Epoch{Step: 9, Epoch: 3, Loss: 3, LearningRate: 0.25, Seconds: 8, ViewsPerSecond: 15}
	if diff := cmp.Diff(want, sum.epoch()); diff != "" {
		t.Error(diff)
	}
}
