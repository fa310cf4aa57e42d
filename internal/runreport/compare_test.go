package runreport

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/report"
	"github.com/alike-ml/alike/train"
)

// runOf is a run with the given loss and, if it is above 0, test accuracy.
func runOf(t *testing.T, seed uint64, loss, accuracy float64, change func(*train.Config)) Run {
	t.Helper()
	c, err := train.Default("simclr", 32)
	if err != nil {
		t.Fatal(err)
	}
	c.Data, c.Seed, c.Epochs = "photos", seed, 2
	change(&c)
	r := Run{Dir: "run", Config: c, Epochs: []train.Epoch{
		{Epoch: 0, Loss: train.Number(math.NaN())},
		{Epoch: 1, Loss: 9, Seconds: 10, ViewsPerSecond: 100, PeakMemory: 5e6},
		{Epoch: 2, Loss: train.Number(loss), Seconds: 20, ViewsPerSecond: 200, PeakMemory: 7e6},
	}}
	if accuracy > 0 {
		r.Scores = &eval.Report{Tasks: eval.Scores{KNN: &eval.KNN{Accuracy: accuracy, Baselines: &eval.Baselines{Raw: 0.25, RandomInit: 0.125 * float64(seed)}}}}
	}
	return r
}

func same(*train.Config) {}

// Runs that differ in nothing that matters but their seed are one group, named after what tells it from the others.
func TestCompareGroupsSeeds(t *testing.T) {
	wide := func(c *train.Config) { c.Width, c.Workers = 1, 3 }
	groups := Compare([]Run{runOf(t, 1, 4, 0.5, same), runOf(t, 1, 3, 0, wide), runOf(t, 2, 6, 0.75, func(c *train.Config) { c.Workers = 5 })})
	if len(groups) != 2 {
		t.Fatalf("%d groups", len(groups))
	}
	g := groups[0]
	if g.Name != "simclr, width 0.5" || groups[1].Name != "simclr, width 1" {
		t.Errorf("the groups are called %q and %q", g.Name, groups[1].Name)
	}
	if diff := cmp.Diff([]uint64{1, 2}, g.Seeds); diff != "" {
		t.Error(diff)
	}
	for what, c := range map[string]struct{ got, want *Spread }{
		"kNN": {g.KNN, &Spread{0.625, 0.5, 0.75}}, "loss": {g.Loss, &Spread{5, 4, 6}}, "seconds": {g.Seconds, &Spread{30, 30, 30}},
		"views": {g.ViewsPerSecond, &Spread{200, 200, 200}}, "memory": {g.PeakMemory, &Spread{7e6, 7e6, 7e6}},
		"linear": {g.Linear, nil}, "kNN of a run that was not evaluated": {groups[1].KNN, nil},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if g.KNNBaselines == nil || g.KNNBaselines.Raw != 0.25 {
		t.Errorf("baselines %+v", g.KNNBaselines)
	}
	names, rows := Table(groups)
	if got, want := strings.Join(names, "|"), "seeds|test kNN|raw / untrained|loss|epochs|time|views/s|memory"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	if got, want := strings.Join(rows[0], "|"), "2|62.5 % (50.0 to 75.0)|25.0 / 18.8 %|5.000 (4.000 to 6.000)|2|30s|200|7 MB"; got != want {
		t.Errorf("cells %s, want %s", got, want)
	}
	if shared := Shared(groups); !strings.Contains(shared, "batch 256") || strings.Contains(shared, "width") {
		t.Errorf("shared: %s", shared)
	}
	if _, err := json.Marshal(groups); err != nil {
		t.Error(err)
	}
	if _, err := EpochsOf(groups); err == nil || !strings.Contains(err.Error(), "width 1") {
		t.Errorf("error %v", err)
	}
	if epochs, err := EpochsOf(groups[:1]); err != nil || len(epochs) != 2 {
		t.Errorf("%d runs, %v", len(epochs), err)
	}
	var page bytes.Buffer
	if err := report.WriteComparison(&page, Comparison(groups)); err != nil || !strings.Contains(page.String(), "simclr, width 1") {
		t.Errorf("the page lacks a group (%v)", err)
	}
}

// Resuming a run is not another run, a diverged loss is no number, and a run of one has no range.
func TestCompareOfOne(t *testing.T) {
	groups := Compare([]Run{runOf(t, 1, math.NaN(), 0.5, same)})
	_, rows := Table(groups)
	if g := groups[0]; g.Loss != nil || g.Name != "simclr" || rows[0][1] != "50.0 %" {
		t.Errorf("%+v: %v", g, rows[0])
	}
}

// Runs on text and on pictures with captions have the scores that are theirs, each beside what it stands beside.
func TestCompareTextAndPairs(t *testing.T) {
	number := func(v float64) *train.Number { n := train.Number(v); return &n }
	value := func(v float64) *float64 { return &v }
	text := runOf(t, 1, 4, 0, same)
	text.Scores = &eval.Report{Tasks: eval.Scores{STS: &eval.STS{Spearman: value(0.75), Baselines: &eval.STSBaselines{TFIDF: value(0.5), RandomInit: value(0.25)}}}}
	pairs := runOf(t, 1, 3, 0, func(c *train.Config) { c.Width = 1 })
	pairs.Epochs[0].Chance, pairs.Epochs[0].Recall, pairs.Epochs[2].Recall = number(0.01), number(0.02), number(0.5)
	pictures := runOf(t, 1, 3, 0, func(c *train.Config) { c.Width = 2 })
	pictures.Epochs[0].RawKNN, pictures.Epochs[0].KNN, pictures.Epochs[2].KNN = number(0.25), number(0.125), number(0.5)
	names, rows := Table(Compare([]Run{text, pairs, pictures}))
	if got, want := strings.Join(names, "|"), "seeds|STS|tf-idf / untrained|held-out kNN|raw / untrained|held-out recall|chance / untrained|loss|epochs|time|views/s|memory"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	for i, want := range []string{"1|0.750|0.500 / 0.250|–|–|–|–|", "1|–|–|–|–|50.0 %|1.0 / 2.0 %|", "1|–|–|50.0 %|25.0 / 12.5 %|–|–|"} {
		if got := strings.Join(rows[i], "|"); !strings.HasPrefix(got, want) {
			t.Errorf("cells %s, want %s", got, want)
		}
	}
}
