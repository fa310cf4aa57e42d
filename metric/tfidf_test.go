package metric

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTFIDFAgainstScikitLearn(t *testing.T) {
	type vectors struct {
		Name          string
		Sublinear     bool
		Fitted, Asked []string
		Weights       []map[string]float64
	}
	for _, c := range readGolden[vectors](t, "tfidf.json") {
		t.Run(c.Name, func(t *testing.T) {
			fitted, err := FitTFIDF(c.Fitted, TFIDFOptions{Sublinear: c.Sublinear})
			if err != nil {
				t.Fatal(err)
			}
			names := map[int32]string{}
			for word, column := range fitted.columns {
				names[column] = word
			}
			got := fitted.Vectors(c.Asked)
			if err := got.check("TF-IDF"); err != nil {
				t.Fatal(err)
			}
			for i, want := range c.Weights {
				columns, values := got.row(i)
				if len(columns) != len(want) {
					t.Errorf("%q has %d words, want %v", c.Asked[i], len(columns), want)
				}
				for j, column := range columns {
					if w, ok := want[names[column]]; !ok || math.Abs(float64(values[j])-w) > 1e-6 {
						t.Errorf("%q: the weight of %q is %g, want %g", c.Asked[i], names[column], values[j], w)
					}
				}
			}
		})
	}
}

func TestTFIDFNeedsWords(t *testing.T) {
	_, err := FitTFIDF([]string{"", "a ! b"}, TFIDFOptions{})
	wantError(t, err, "none of 2 texts has a word")
}

func TestWordOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"The cat sat.", "the CAT, the cat: sat", 1},
		{"a black cat", "the white cat", 1. / 4}, // cat of black, cat, the, white
		{"cats", "dogs", 0},
		{"", "dogs", 0},
		{"", "?", 0},
	} {
		if got, back := WordOverlap(c.a, c.b), WordOverlap(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("%q and %q overlap by %g and back by %g, want %g", c.a, c.b, got, back, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	want := []string{"it", "24", "hours", "stop_now", "naïve"}
	if diff := cmp.Diff(want, words("It's 24 hours: a STOP_now; naïve x")); diff != "" {
		t.Error(diff)
	}
}
