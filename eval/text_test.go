package eval_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/metric"
)

// angles makes unit vectors in the plane.
func angles(degrees ...float64) metric.Matrix {
	m := metric.NewMatrix(len(degrees), 2)
	for i, d := range degrees {
		sin, cos := math.Sincos(d * math.Pi / 180)
		m.Data[2*i], m.Data[2*i+1] = float32(cos), float32(sin)
	}
	return m
}

func object(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The trained encoder agrees with the judgements, the untrained one has collapsed, and words say the opposite.
func TestSTSStandsBesideItsBaselines(t *testing.T) {
	first := []string{"red cat", "red cat", "red cat"}
	second := []string{"blue dog", "red dog", "red cat"}
	judged := []float64{5, 3, 0}
	got, err := eval.ScoreSTS(first, second, judged, eval.PairVectors{First: angles(0, 0, 0), Second: angles(10, 50, 90)},
		&eval.PairVectors{First: angles(0, 0, 0), Second: angles(0, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	got.Pearson = nil
	want := `{"spearman":1,"pearson":null,"pairs":3,"baselines":{"tfidf":-1,"word_overlap":-1,"random_init":null}}`
	if diff := cmp.Diff(want, object(t, got)); diff != "" {
		t.Error(diff)
	}
}

func TestSTSRefusesWhatCannotBeScored(t *testing.T) {
	two := eval.PairVectors{First: angles(0, 0), Second: angles(0, 90)}
	for _, c := range []struct {
		second []string
		judged []float64
		pairs  eval.PairVectors
		want   string
	}{
		{[]string{"c"}, []float64{1, 2}, two, "2 first texts, 1 second texts and 2 judgements"},
		{[]string{"c", "d"}, []float64{1}, two, "and 1 judgements"},
		{[]string{"c", "d"}, []float64{4, 4}, two, "the judgements say nothing"},
		{[]string{"c", "d"}, []float64{4, math.NaN()}, two, "first number 1 of 2 is a NaN"},
		{[]string{"c", "d"}, []float64{1, 2}, eval.PairVectors{First: angles(0), Second: angles(0)}, "2 first and 1 second numbers"},
		{[]string{"c", "d"}, []float64{1, 2}, eval.PairVectors{First: angles(0, 0), Second: angles(0)}, "2 first and 1 second vectors"},
	} {
		_, err := eval.ScoreSTS([]string{"a", "b"}, c.second, c.judged, c.pairs, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one that says %q", err, c.want)
		}
	}
}

// Texts that occur twice are one query and one item.
func TestSearchOfPairsJoinsTwins(t *testing.T) {
	got, at, err := eval.SearchOfPairs([]string{"q", "r", "q", "q"}, []string{"a", "a", "b", "a"})
	if err != nil {
		t.Fatal(err)
	}
	want := eval.Search{Queries: []string{"q", "r"}, Items: []string{"a", "b"},
		Relevant: [][]metric.Relevant{{{Index: 0, Gain: 1}, {Index: 1, Gain: 1}}, {{Index: 0, Gain: 1}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(eval.SearchRows{Queries: []int{0, 1}, Items: []int{0, 2}}, at); diff != "" {
		t.Error(diff)
	}
	if _, _, err := eval.SearchOfPairs([]string{"q"}, nil); err == nil {
		t.Error("a query without its pair is no error")
	}
}

func TestRetrievalStandsBesideItsBaselines(t *testing.T) {
	s, _, err := eval.SearchOfPairs([]string{"a cat", "a dog"}, []string{"the cat", "the dog"})
	if err != nil {
		t.Fatal(err)
	}
	trained := eval.SearchVectors{Queries: angles(0, 90), Items: angles(10, 80)}
	swapped := eval.SearchVectors{Queries: angles(0, 90), Items: angles(80, 10)}
	got, err := eval.ScoreRetrieval(s, trained, &swapped, 1)
	if err != nil {
		t.Fatal(err)
	}
	right := `"recall":{"1":1},"hits":{"1":1},"ndcg":{"1":1},"mrr":1,"median_rank":1`
	wrong := `"recall":{"1":0},"hits":{"1":0},"ndcg":{"1":0},"mrr":0.5,"median_rank":2`
	chance := `"recall":{"1":0.5},"hits":{"1":0.5},"ndcg":{"1":0.5},"mrr":0.75,"median_rank":1.5`
	want := `{` + right + `,"queries":2,"items":2,"baselines":{"tfidf":{` + right + `},"random_init":{` + wrong + `},"chance":{` + chance + `}}}`
	if diff := cmp.Diff(want, object(t, got)); diff != "" {
		t.Error(diff)
	}

	// Pictures have no words.
	s.Items = nil
	if got, err = eval.ScoreRetrieval(s, trained, &swapped, 1); err != nil || got.Baselines.TFIDF != nil {
		t.Errorf("without texts: %+v, %v", got, err)
	}
	if got, err = eval.ScoreRetrieval(s, trained, nil); err != nil || got.Baselines != nil || len(got.Recall) != 3 {
		t.Errorf("without baselines: %+v, %v", got, err)
	}
}

func TestTextKNNStandsBesideItsBaselines(t *testing.T) {
	train := eval.LabelledTexts{Texts: []string{"pay my bill", "pay the card", "play a song"}, Labels: []int{0, 0, 1}}
	test := eval.LabelledTexts{Texts: []string{"play something", "pay now"}, Labels: []int{1, 0}}
	trained := eval.SplitVectors{Train: angles(0, 5, 90), Test: angles(85, 2)}
	swapped := eval.SplitVectors{Train: angles(0, 5, 90), Test: angles(2, 85)}
	got, err := eval.ScoreTextKNN(train, test, trained, &swapped, metric.KNNOptions{K: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := &eval.KNN{Accuracy: 1, K: 1, Temperature: metric.DefaultTemperature, Baselines: &eval.Baselines{Raw: 1, RandomInit: 0, Majority: 0.5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// One word says the class: the probe of words is right, and that of vectors which the classes share is not.
func TestTextProbeStandsBesideItsBaselines(t *testing.T) {
	train := eval.LabelledTexts{Texts: []string{"pay my bill", "pay the card", "play a song", "play the radio"}, Labels: []int{0, 0, 1, 1}}
	test := eval.LabelledTexts{Texts: []string{"play something", "pay now", "pay it"}, Labels: []int{1, 0, 0}}
	trained := eval.SplitVectors{Train: angles(0, 5, 90, 85), Test: angles(85, 2, 1)}
	swapped := eval.SplitVectors{Train: angles(0, 5, 90, 85), Test: angles(2, 85, 80)}
	told := map[string]int{}
	progress := func(whose string, fits, total int) error {
		told[whose] = max(told[whose], fits)
		return nil
	}
	got, err := eval.ScoreTextProbe(train, test, trained, &swapped, metric.ProbeOptions{}, progress)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&eval.Baselines{Raw: 1, RandomInit: 0, Majority: 2. / 3}, got.Baselines); diff != "" || got.Accuracy != 1 || !got.Converged {
		t.Errorf("%+v\n%s", got, diff)
	}
	cs, sparse := len(metric.DefaultCs()), len(metric.DefaultSparseCs())
	if diff := cmp.Diff(map[string]int{"this encoder": cs, "untrained encoder": cs, "tf-idf": sparse}, told); diff != "" {
		t.Errorf("fits that each probe told of:\n%s", diff)
	}
	if got, err = eval.ScoreTextProbe(train, test, trained, nil, metric.ProbeOptions{}, nil); err != nil || got.Baselines != nil {
		t.Errorf("without baselines: %+v, %v", got, err)
	}
}
