package eval_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/metric"
)

// Norouzi et al. 2014, equation 3, written out: of three captions the two nearest count, by exp(cosine/τ) over the sum of both.
func TestAPictureMeansWhatTheNearestCaptionsMean(t *testing.T) {
	pictures := rows([]float32{2, 0}, []float32{0, 3})
	captions := rows([]float32{5, 0}, []float32{3, 4}, []float32{-1, 0.5})
	meanings := rows([]float32{1, 0, 0}, []float32{0, 1, 0}, []float32{0, 0, 1})
	const temperature = 0.5
	for nearest, of := range map[int][][]int{1: {{0}, {1}}, 2: {{0, 1}, {1, 2}}, 9: {{0, 1, 2}, {0, 1, 2}}} {
		got, err := eval.ReadThrough(pictures, captions, meanings, nearest, temperature)
		if err != nil {
			t.Fatal(err)
		}
		cosines := [][]float64{{1, 0.6, -1 / math.Sqrt(1.25)}, {0, 0.8, 0.5 / math.Sqrt(1.25)}}
		for i, list := range of {
			var z float64
			for _, c := range list {
				z += math.Exp(cosines[i][c] / temperature)
			}
			for c := range 3 {
				want := 0.
				if slices.Contains(list, c) {
					want = math.Exp(cosines[i][c]/temperature) / z
				}
				if x := float64(got.Row(i)[c]); math.Abs(x-want) > 1e-6 {
					t.Errorf("picture %d through %d: %g of caption %d, want %g", i, nearest, x, c, want)
				}
			}
		}
	}
	if _, err := eval.ReadThrough(pictures, rows([]float32{1, 2, 3}), meanings, 1, 1); err == nil {
		t.Error("captions of another space are compared")
	}
}

// wordVectors is a file with a vector for each of some words.
func wordVectors(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vectors.txt")
	if err := os.WriteFile(path, []byte("one 0 0 1\nbee 1 2 0\nant 3 1 0\ninsect 2 5 0\nnut 5 1 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// ofTheNearestCaption is the share of pictures that are of the class a and nearer to "one ant" than to "one bee", or of b and the reverse.
func ofTheNearestCaption(t *testing.T, m *embed.PairModel, pairs *data.Pairs) float64 {
	t.Helper()
	vectors, err := m.EmbedPairs(t.Context(), pairs, nil)
	if err != nil {
		t.Fatal(err)
	}
	captions, err := m.Texts.Embed([]string{"one ant", "one bee"})
	if err != nil {
		t.Fatal(err)
	}
	nearest, err := metric.Neighbours(captions, vectors.Images, 1)
	if err != nil {
		t.Fatal(err)
	}
	right := 0.
	for i, list := range nearest {
		if list[0].Index == pairs.Images.Items[vectors.Items[i]].Label {
			right++
		}
	}
	return right / float64(len(nearest))
}

// With one caption to read a picture through, its class is the one whose name means what the nearest caption does, though no name has a
// word of the captions.
func TestClassesAreToldByWhatTheirNamesMean(t *testing.T) {
	backend, m, pairs := newPair(t)
	prompts := eval.Prompts{
		Templates: []string{"{}"}, Names: map[string][]string{"a": {"Nut"}, "b": {"an INSECT"}},
		Meaning: &eval.Meaning{Captions: []string{"one ant", "unheard", "one bee", "one ant"}, Vectors: wordVectors(t), Nearest: 1},
	}
	r, err := eval.RunPairs(t.Context(), backend, m, pairs, prompts, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	untrained, err := m.Untrained(backend)
	if err != nil {
		t.Fatal(err)
	}
	defer untrained.Close()
	by := r.ZeroShot.ByMeaning
	if by == nil || by.Captions != 2 || by.Nearest != 1 || by.Temperature != metric.DefaultTemperature || by.RandomInit == nil {
		t.Fatalf("%+v", by)
	}
	for got, m := range map[*float64]*embed.PairModel{&by.Accuracy: m, by.RandomInit: untrained} {
		if want := ofTheNearestCaption(t, m, pairs); *got != want {
			t.Errorf("the accuracy is %g, want %g", *got, want)
		}
	}
	if r, err = eval.RunPairs(t.Context(), backend, m, pairs, prompts, false, nil); err != nil || r.ZeroShot.ByMeaning.RandomInit != nil {
		t.Errorf("without baselines: %+v, %v", r.ZeroShot.ByMeaning, err)
	}
}

// They are told before there are vectors of the pictures, which take long.
func TestNamesAndCaptionsWithoutMeaningAreErrors(t *testing.T) {
	backend, m, pairs := newPair(t)
	for _, c := range []struct {
		want     string
		captions []string
		names    map[string][]string
		vectors  string
	}{
		{`no word of "b" is in`, []string{"one ant"}, map[string][]string{"a": {"nut"}}, wordVectors(t)},
		{"none of the 5 words", []string{"two", "&"}, nil, wordVectors(t)},
		{"none of the 5 words", nil, nil, wordVectors(t)},
		{"no such file", []string{"one ant"}, nil, "nowhere.txt"},
	} {
		prompts := eval.Prompts{Templates: []string{"{}"}, Names: c.names, Meaning: &eval.Meaning{Captions: c.captions, Vectors: c.vectors}}
		refusedAtOnce(t, backend, m, pairs, prompts, c.want)
	}
}

// Prompts that cannot be read are an error as soon as that.
func TestPromptsThatCannotBeReadAreErrors(t *testing.T) {
	backend, m, pairs := newPair(t)
	refusedAtOnce(t, backend, m, pairs, eval.Prompts{Templates: []string{"{}", "a picture"}}, `"a picture" has no {}`)
	refusedAtOnce(t, backend, m, pairs, eval.Prompts{Templates: []string{"{}"}, Names: map[string][]string{"aa": {"x"}}}, `did you mean "a"?`)
	folder := classFolder(t, map[string]int{".": 2}, "one", "two")
	unsaid := func(what string, _, _ int) { t.Errorf("%s were made", what) }
	if _, err := eval.RunZeroShot(t.Context(), backend, m, folder, eval.Prompts{Templates: []string{"a picture"}}, true, unsaid); err == nil {
		t.Error("a template without a place for a name is used")
	}
}

// refusedAtOnce checks that pairs are not scored with these prompts, for a reason that is told before anything is embedded.
func refusedAtOnce(t *testing.T, backend compute.Backend, m *embed.PairModel, pairs *data.Pairs, prompts eval.Prompts, want string) {
	t.Helper()
	say := func(what string, _, _ int) { t.Errorf("%s were made before %q was said", what, want) }
	if _, err := eval.RunPairs(t.Context(), backend, m, pairs, prompts, false, say); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}
