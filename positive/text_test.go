package positive

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/alike-ml/alike/internal/rng"
)

// thesaurus is a Thesaurus of a few words.
type thesaurus map[string][]string

func (t thesaurus) Synonyms(word string) []string { return t[word] }

func mustText(t testing.TB, config TextConfig) *Text {
	t.Helper()
	text, err := NewText(config, thesaurus{"car": {"auto", "motorcar"}, "big": {"large"}, "drives": {"steers"}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTextViewsAreNeverEmptyAndDependOnTheGeneratorAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		share := rapid.Float64Range(0, 1)
		config := TextConfig{share.Draw(rt, "synonym"), share.Draw(rt, "crop"), rapid.IntRange(0, 9).Draw(rt, "spans"),
			share.Draw(rt, "span"), share.Draw(rt, "delete"), share.Draw(rt, "swap")}
		if config.Spans == 0 || config.Span == 0 {
			config.Spans, config.Span = 0, 0 // they go together
		}
		text, seed := rapid.String().Draw(rt, "text")+" car", rapid.Uint64().Draw(rt, "seed")
		pipeline := mustText(t, config)
		view := pipeline.View(text, rng.New(seed, 0, 0, 0))
		if strings.TrimSpace(view) == "" {
			rt.Fatalf("the view %q has no word", view)
		}
		if again := pipeline.View(text, rng.New(seed, 0, 0, 0)); again != view {
			rt.Fatalf("%q and then %q", view, again)
		}
	})
}

func TestTextIsLeftAloneByDefault(t *testing.T) {
	pipeline, err := NewText(TextConfig{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", " ", "two  spaces ", "a\tb"} {
		if got := pipeline.View(text, rng.New(1, 0, 0, 0)); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

const letters = "a b c d e f g h i j k l m n o p q r s t"

func TestCropKeepsASpanAndSwapsKeepTheWords(t *testing.T) {
	crop, spans, swap := mustText(t, TextConfig{Crop: 0.3}), mustText(t, TextConfig{Spans: 5, Span: 0.05}), mustText(t, TextConfig{Swap: 0.5})
	for item := range 200 {
		view := crop.View(letters, rng.New(1, 0, item, 0))
		if !strings.Contains(letters, view) || len(strings.Fields(view)) != 14 {
			t.Fatalf("a crop of 20 words by 0.3 is %q", view)
		}
		view = spans.View(letters, rng.New(1, 0, item, 0))
		if words := strings.Fields(view); len(words) != 15 || !slices.IsSorted(words) {
			t.Fatalf("without 5 spans of one of 20 words each there is %q", view)
		}
		words := strings.Fields(swap.View(letters, rng.New(1, 0, item, 0)))
		slices.Sort(words)
		if !slices.Equal(words, strings.Fields(letters)) {
			t.Fatalf("the words after swaps are %q", words)
		}
	}
}

func TestWordsAreDeletedAsOftenAsAsked(t *testing.T) {
	pipeline, kept := mustText(t, TextConfig{Delete: 0.3}), 0
	const views = 1000
	for item := range views {
		kept += len(strings.Fields(pipeline.View(letters, rng.New(1, 0, item, 0))))
	}
	// Five standard deviations of a binomial share.
	if share := float64(kept) / (20 * views); math.Abs(share-0.7) > 5*math.Sqrt(0.3*0.7/(20*views)) {
		t.Errorf("%.4f of the words stay, want about 0.7", share)
	}
}

func TestSynonymsKeepCapitalsPunctuationAndArticles(t *testing.T) {
	pipeline := mustText(t, TextConfig{Synonym: 1})
	for text, want := range map[string]string{
		"A car (big) drives.": "A motorcar (large) steers.",
		"Big, they said":      "Large, they said",
		"the Big Car":         "the Big Car",
		"nothing here":        "nothing here",
	} {
		for item := range 20 { // of the synonyms of car one does not fit
			if got := pipeline.View(text, rng.New(1, 0, item, 0)); got != want {
				t.Fatalf("%q became %q, want %q", text, got, want)
			}
		}
	}
}

func TestTextConfigsThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct {
		config TextConfig
		want   string
	}{
		{TextConfig{Delete: math.NaN()}, "delete is NaN"},
		{TextConfig{Crop: 1.5}, "crop is 1.5"},
		{TextConfig{Swap: -1}, "swap is -1"},
		{TextConfig{Spans: 101}, "spans is 101"},
		{TextConfig{Spans: 5}, "spans is 5 and span 0"},
		{TextConfig{Span: 0.05}, "spans is 0 and span 0.05"},
		{TextConfig{Synonym: 0.1}, "folder of WordNet"},
	} {
		if _, err := NewText(c.config, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.config, err, c.want)
		}
	}
}
