package eval_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/token"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"
)

// rows is a matrix of rows of numbers.
func rows(list ...[]float32) metric.Matrix {
	m := metric.Matrix{Rows: len(list), Cols: len(list[0])}
	for _, row := range list {
		m.Data = append(m.Data, row...)
	}
	return m
}

func relevant(lists ...[]int) [][]metric.Relevant {
	var all [][]metric.Relevant
	for _, list := range lists {
		var one []metric.Relevant
		for _, i := range list {
			one = append(one, metric.Relevant{Index: i, Gain: 1})
		}
		all = append(all, one)
	}
	return all
}

// Three pictures; the first has two captions, one of which finds it and one the second picture; the others have one caption together,
// which either answers.
func TestAnyCaptionOfAPictureAndAnyPictureOfACaptionIsRight(t *testing.T) {
	v := embed.PairVectors{
		Images:   rows([]float32{1, 0, 0}, []float32{0, 1, 0}, []float32{0, 0, 1}),
		Captions: rows([]float32{2, 0.1, 0}, []float32{0.3, 1, 0}, []float32{0, 0.1, 3}),
		ImagesOf: relevant([]int{0}, []int{0}, []int{1, 2}), CaptionsOf: relevant([]int{0, 1}, []int{2}, []int{2}),
	}
	c, err := eval.ScoreCrossModal(v, &v)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.TextToImage.Hits[1]; math.Abs(got-2./3) > 1e-12 { // the second caption finds the second picture
		t.Errorf("caption to picture at 1: %g", got)
	}
	if got := c.ImageToText.Hits[1]; math.Abs(got-2./3) > 1e-12 { // the second picture finds the first one's second caption
		t.Errorf("picture to caption at 1: %g", got)
	}
	if c.TextToImage.MedianRank != 1 || c.ImageToText.MedianRank != 1 || c.TextToImage.Hits[5] != 1 {
		t.Errorf("%+v", c)
	}
	// Of three in random order: one right for two captions, and two for the third.
	if got, want := c.TextToImage.Baselines.Chance.Hits[1], (1./3+1./3+2./3)/3; math.Abs(got-want) > 1e-12 {
		t.Errorf("chance is %g, want %g", got, want)
	}
	images, captions := v.Paired()
	gap, err := metric.ModalityGap(images, captions)
	if err != nil || c.ModalityGap != gap {
		t.Errorf("the gap is %g, want %g (%v)", c.ModalityGap, gap, err)
	}
}

func TestZeroShotTakesTheNearestClass(t *testing.T) {
	classes := rows([]float32{1, 0}, []float32{0, 1})
	images := rows([]float32{3, 1}, []float32{1, 2}, []float32{1, 0.5}, []float32{1, 1})
	accuracy, top5, pictures, err := eval.ScoreZeroShot(images, []int{0, 1, 1, -1}, classes)
	if err != nil || pictures != 3 || math.Abs(accuracy-2./3) > 1e-12 || top5 != 1 {
		t.Errorf("%g, %g of %d, %v", accuracy, top5, pictures, err)
	}
}

// Of seven classes in the order of their nearness, the first, the fifth and the sixth.
func TestTopFiveAreTheNearestFive(t *testing.T) {
	classes := metric.NewMatrix(7, 2)
	for c := range 7 {
		angle := float64(c) / 5
		classes.Row(c)[0], classes.Row(c)[1] = float32(math.Cos(angle)), float32(math.Sin(angle))
	}
	picture := []float32{1, 0}
	accuracy, top5, _, err := eval.ScoreZeroShot(rows(picture, picture, picture), []int{0, 4, 5}, classes)
	if err != nil || math.Abs(accuracy-1./3) > 1e-12 || math.Abs(top5-2./3) > 1e-12 {
		t.Errorf("%g, %g, %v", accuracy, top5, err)
	}
}

// newPair is an untrained model of small pictures and their captions, and a table of both with two classes.
func newPair(t *testing.T) (compute.Backend, *embed.PairModel, *data.Pairs) {
	t.Helper()
	folder := picturetest.Splits(t, 6, 1, 16)
	text := "image,caption,kind\n"
	for i := range 6 {
		text += fmt.Sprintf("train/a/%03d.png,%s a,a\ntrain/b/%03d.png,one b,b\n", i, []string{"one", "two"}[i%2], i)
	}
	table := filepath.Join(folder, "pairs.csv")
	if err := os.WriteFile(table, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	options := data.DefaultPairOptions()
	options.Class = "kind"
	pairs, err := data.OpenPairs(t.Context(), table, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pairs.Close() })
	c := token.DefaultTrain()
	c.Size = 100
	tokenizer, err := token.Train(func(yield func(string) bool) { yield("one a two b") }, c)
	if err != nil {
		t.Fatal(err)
	}
	network := backbone.NewStatic(tokenizer.Size())
	backend, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	m, err := embed.NewPair(backend, model.NewStore(), embed.Config{
		Method: "clip", Backbone: "smallcnn", Width: 0.25, Seed: 5, Views: method.DefaultCLIP(16, method.Softmax).Augment,
		Pair: &embed.PairConfig{Text: embed.TextConfig{TextConfig: backbone.TextConfig{Static: &network}, Pooling: backbone.PoolMean, MaxLength: 20}, Out: 8},
	}, tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return backend, m, pairs
}

func TestPairsAreScoredBesideTheirBaselines(t *testing.T) {
	backend, m, pairs := newPair(t)
	r, err := eval.RunPairs(t.Context(), backend, m, pairs, eval.Prompts{Templates: []string{"{}", "a {}"}}, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Pictures != 12 || r.Captions != 3 || r.ZeroShot == nil || r.ZeroShot.Pictures != 12 || r.ZeroShot.Baselines.Chance != 0.5 ||
		r.ZeroShot.Baselines.Majority != 0.5 || r.Retrieval.TextToImage.Queries != 3 || r.Retrieval.ImageToText.Queries != 12 {
		t.Errorf("%+v, %+v", r, r.ZeroShot)
	}
	if r.Encoder == nil || r.Encoder.Tasks.Linear == nil || r.Encoder.Tasks.KNN.Baselines == nil {
		t.Errorf("the encoder of pictures: %+v", r.Encoder)
	}
	if _, err := eval.RunPairs(t.Context(), backend, m, pairs, eval.Prompts{Templates: []string{"a picture"}}, false, nil); err == nil || !strings.Contains(err.Error(), "has no {}") {
		t.Errorf("error %v", err)
	}
}

// A class is the mean of its prompts' unit vectors, whatever it is called otherwise than in the prompts.
func TestPromptsAreAveragedAsUnitVectors(t *testing.T) {
	_, m, _ := newPair(t)
	got, err := eval.ClassVectors(m.Texts, []string{"a", "the second"}, eval.Prompts{
		Templates: []string{"one {}", "{} two two"}, Names: map[string][]string{"the second": {"b", "c"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	prompts, err := m.Texts.Embed([]string{"one a", "a two two", "one b", "one c", "b two two", "c two two"})
	if err != nil {
		t.Fatal(err)
	}
	unit := prompts.Normalized()
	for class := range 2 {
		for d, x := range got.Row(class) {
			var want float32
			for _, prompt := range [][]int{{0, 1}, {2, 3, 4, 5}}[class] {
				want += unit.Row(prompt)[d] / float32(2+2*class)
			}
			if math.Abs(float64(x-want)) > 1e-6 {
				t.Errorf("class %d, dimension %d: %g, want %g", class, d, x, want)
			}
		}
	}
	names := map[string][]string{"secont": {"b"}}
	if _, err := eval.ClassVectors(m.Texts, []string{"a", "second"}, eval.Prompts{Templates: []string{"{}"}, Names: names}); err == nil || !strings.Contains(err.Error(), `did you mean "second"?`) {
		t.Errorf("another name for no class: %v", err)
	}
}

// The seven of OpenAI's templates are among the 80, which are all different and have one place for a name each.
func TestOpenAITemplates(t *testing.T) {
	all := eval.AllOpenAITemplates()
	seen := make(map[string]bool)
	for _, template := range all {
		if seen[template] || strings.Count(template, "{}") != 1 {
			t.Errorf("%q", template)
		}
		seen[template] = true
	}
	if len(all) != 80 {
		t.Errorf("%d templates", len(all))
	}
	for _, template := range eval.OpenAITemplates() {
		if !seen[template] {
			t.Errorf("%q is not one of the 80", template)
		}
	}
}
