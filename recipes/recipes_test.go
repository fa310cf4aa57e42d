package recipes

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/train"
)

// Every recipe is for one method, says what it must, runs as it stands, and differs from the defaults.
func TestRecipesCanBeRun(t *testing.T) {
	all, err := All()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d recipes, %v", len(all), err)
	}
	for _, r := range all {
		for what, text := range map[string]string{"about": r.About, "data": r.Data, "budget": r.Budget, "tuned": r.Tuned, "reached": r.Reached} {
			if text == "" {
				t.Errorf("%s: %s is empty", r.Name, what)
			}
		}
		if !strings.HasPrefix(r.Name, strings.TrimSuffix(r.Method, "_text")+"-") {
			t.Errorf("%s is for %s: its name should begin with the method's", r.Name, r.Method)
		}
		c := r.Config
		c.Data = "pictures"
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		if m, err := c.Method(); err != nil || m.Name() != r.Method || c.ImageSize != r.ImageSize || c.Recipe != r.Name {
			t.Errorf("%s: it trains %v on %d px, and calls itself %s (%v)", r.Name, m, c.ImageSize, c.Recipe, err)
		}
		defaults, err := train.Default(r.Method, r.ImageSize)
		if err != nil {
			t.Fatal(err)
		}
		if len(fields.Changed(defaults, r.Config)) < 2 {
			t.Errorf("%s changes nothing", r.Name)
		}
		band, err := r.Band()
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		if band != nil && (band.Seeds < 2 || band.Data == "" || band.Epochs[len(band.Epochs)-1].Epoch != c.Epochs) {
			t.Errorf("%s: its band has %d seeds and %d epochs of %d on %q", r.Name, band.Seeds, len(band.Epochs), c.Epochs, band.Data)
		}
	}
}

// itemsIn finds how many pictures or rows a recipe was measured on.
var itemsIn = regexp.MustCompile(`([\d,]+) to learn from`)

// On its own data a recipe is advised of nothing, as a tested one.
// What follows from a recipe's encoder is not among its settings, nor what it leaves to the defaults.
func TestSettingsAreThoseThatTheRecipeNames(t *testing.T) {
	r, err := parse([]byte("method: simcse\nconfig:\n  backbone: static\n  text: {static: {rarity: none}}\n  epochs: 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.Settings {
		got = append(got, fmt.Sprintf("%s=%v", f.Key, f.Value))
	}
	if want := []string{"backbone=static", "epochs=2", "text.static.rarity=none"}; !slices.Equal(got, want) {
		t.Errorf("settings are %q, want %q", got, want)
	}
}

func TestThereIsNoAdviceOnRecipes(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		found := itemsIn.FindStringSubmatch(r.Data)
		if found == nil {
			t.Errorf("%s: its data, %q, does not say how many items there are to learn from", r.Name, r.Data)
			continue
		}
		items, err := strconv.Atoi(strings.ReplaceAll(found[1], ",", ""))
		if err != nil {
			t.Fatal(err)
		}
		const classes = 10 // of the photographs and of CIFAR-10; more matter to no advice
		labels := make([]int, int(float64(items)*(1-r.Config.HoldOut)))
		for i := range labels {
			labels[i] = i % classes
		}
		advice, err := train.Advise(r.Config, train.Seen{Labels: labels}, true)
		if err != nil || len(advice) > 0 {
			t.Errorf("%s: %v (%v)", r.Name, advice, err)
		}
	}
}

func TestParseNamesMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"method: simclear\nimage_size: 32\n", `did you mean "simclr"?`},
		{"method: simclr\nimage_size: 32\nconfig:\n  bakbone: x\n", "bakbone"},
		{"method: simclr\nimage_size: [\n", ""},
	} {
		if _, err := parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one about %q", c.text, err, c.want)
		}
	}
	if _, err := Find("simclr-photo-cpu"); err == nil || !strings.Contains(err.Error(), "did you mean") {
		t.Errorf("error %v suggests nothing", err)
	}
}

func epochOf(number int, loss, knn float64) train.Epoch {
	k := train.Number(knn)
	return train.Epoch{Epoch: number, Loss: train.Number(loss), KNN: &k, Geometry: &metric.Geometry{EffectiveRank: 10 * loss}}
}

func TestBandIsTheRangeOfItsRuns(t *testing.T) {
	band, err := NewBand("photographs", [][]train.Epoch{
		{epochOf(1, 3, 0.2), epochOf(2, 2, 0.5), epochOf(3, 1, 0.6)},
		{epochOf(1, 5, 0.4), epochOf(3, 1.5, 0.7)},
		{epochOf(1, 4, math.NaN()), epochOf(3, 1.1, 0.8)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(band.Epochs) != 2 || band.Seeds != 3 || band.Has(2) || !band.Has(3) {
		t.Fatalf("band %+v", band)
	}
	if e := band.Epochs[0]; *e.Loss != (Range{3, 4, 5}) || e.KNN != nil || *e.EffectiveRank != (Range{30, 40, 50}) {
		t.Errorf("epoch 1: %+v", e)
	}
	if e := band.Epochs[1]; *e.KNN != (Range{0.6, 0.7, 0.8}) {
		t.Errorf("epoch 3: %+v", e)
	}
	for _, runs := range [][][]train.Epoch{{{epochOf(1, 1, 1)}}, {{epochOf(1, 1, 1)}, {epochOf(2, 1, 1)}}} {
		if _, err := NewBand("x", runs); err == nil {
			t.Errorf("a band was made of %v", runs)
		}
	}
}

// A run of the band lies within it, and so does one a little outside; one far outside does not, and is told of once a number.
func TestCheckFindsDepartures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runs := make([][]train.Epoch, rapid.IntRange(2, 5).Draw(t, "runs"))
		for i := range runs {
			runs[i] = []train.Epoch{epochOf(1, rapid.Float64Range(1, 9).Draw(t, "loss"), rapid.Float64Range(0, 1).Draw(t, "knn"))}
		}
		band, err := NewBand("photographs", runs)
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range runs {
			if list := band.Check(run[0]); len(list) > 0 {
				t.Fatalf("a run of the band departs from it: %v", list)
			}
		}
		r := band.Epochs[0].Loss
		high := runs[0][0]
		high.Loss = train.Number(r.Max + (r.Max - r.Min) + 0.5*r.Median)
		list := band.Check(high)
		if len(list) != 1 || list[0].What != "loss" || !strings.Contains(list[0].String(), "above") {
			t.Fatalf("a loss of %g in %v: %v", high.Loss, *r, list)
		}
		if other := epochOf(7, 1e9, 0); len(band.Check(other)) > 0 {
			t.Fatal("an epoch that the band has nothing of departs from it")
		}
	})
}

// A run is held against its recipe as long as it departs from it in nothing that matters to the curves.
func TestBandForAsksForTheRecipesOwnSettings(t *testing.T) {
	r, err := Find(Names()[0])
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.Band()
	if err != nil {
		t.Fatal(err)
	}
	same := r.Config
	same.Data, same.Seed, same.Workers = "elsewhere", 7, 3
	if got, err := BandFor(same); err != nil || (got == nil) != (want == nil) {
		t.Errorf("the recipe's settings have the band %v (%v)", got, err)
	}
	other := r.Config
	other.Batch /= 2
	if got, err := BandFor(other); err != nil || got != nil {
		t.Errorf("another batch size has the band %v (%v)", got, err)
	}
	other = r.Config
	other.Recipe = ""
	if got, err := BandFor(other); err != nil || got != nil {
		t.Errorf("a run without a recipe has the band %v (%v)", got, err)
	}
}

// Where text lies, how its columns are called and what watches a run are no part of a recipe; how many texts a row has is.
func TestARecipeOnTextIsFollowedOnAnyFile(t *testing.T) {
	r, err := Find("simcse-nli-cpu")
	if err != nil {
		t.Fatal(err)
	}
	text := *r.Config.Text
	config := r.Config
	config.Text = &text
	text.Format, text.Separator, text.Split, text.Header, text.Class = "csv", ";", "train", true, "genre"
	text.Texts, text.Test, text.TestSplit, text.STS, text.STSColumns = []string{"a", "b", "c"}, "test.csv", "test", "pairs.csv", []string{"x", "y", "z"}
	if found, ok := Of(config); !ok || found.Name != r.Name {
		t.Errorf("a run on another file follows %q (%t)", found.Name, ok)
	}
	text.Texts = []string{"a", "b"}
	if _, ok := Of(config); ok {
		t.Error("pairs are trained by a recipe for triplets")
	}
	text.Texts, text.MaxLength = []string{"a", "b", "c"}, 64
	if _, ok := Of(config); ok {
		t.Error("a run of another length follows the recipe")
	}
}
