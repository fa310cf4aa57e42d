package train

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/negative"
	"github.com/alike-ml/alike/positive"
)

// makerOf is the maker of texts of a run on the sentences, a line each.
func makerOf(t *testing.T, views method.TextViews, sentences ...string) *textMaker {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sentences.txt")
	if err := os.WriteFile(path, []byte(strings.Join(sentences, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := data.OpenText(t.Context(), path, data.DefaultTextOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { text.Close() })
	c := DefaultSimCSE("static", 1, false)
	c.Text.WordNet = "../wordnet/testdata/dict"
	m, err := newTextMaker(c, views, text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWhatIsMadeOfARow(t *testing.T) {
	synonyms := positive.TextConfig{Synonym: 1}
	antonyms := negative.TextConfig{Antonym: true}
	line := func(name, text string) positive.TextLine { return positive.TextLine{Name: name, Text: text} }
	for _, c := range []struct {
		views method.TextViews
		row   []string
		want  []positive.TextLine
	}{
		{method.TextViews{}, []string{"it is good"}, []positive.TextLine{line("text", "it is good")}},
		{method.TextViews{}, []string{"it", "that", "none"}, []positive.TextLine{line("text", "it"), line("positive", "that"), line("negative", "none")}},
		{method.TextViews{Positive: synonyms}, []string{"two cases"}, []positive.TextLine{line("text", "two cases"), line("view", "two boxes")}},
		{method.TextViews{Negatives: antonyms}, []string{"it is good"},
			[]positive.TextLine{line("text", "it is good"), line("again", "it is good"), line("negative, antonym", "it is bad")}},
		{method.TextViews{Negatives: antonyms}, []string{"it is so"},
			[]positive.TextLine{line("text", "it is so"), line("again", "it is so"), line("no negative", "it is so")}},
		{method.TextViews{Positive: synonyms, Negatives: antonyms}, []string{"good cases"},
			[]positive.TextLine{line("text", "good cases"), line("view", "good boxes"), line("negative, antonym", "bad cases")}},
		{method.TextViews{Negatives: antonyms}, []string{"it is good", "fine"},
			[]positive.TextLine{line("text", "it is good"), line("positive", "fine"), line("negative, antonym", "it is bad")}},
		{method.TextViews{Negatives: antonyms}, []string{"it is good", "fine", "no"},
			[]positive.TextLine{line("text", "it is good"), line("positive", "fine"), line("negative", "no"), line("negative, antonym", "it is bad")}},
		{method.TextViews{Negatives: negative.TextConfig{Entity: true}}, []string{"they live in Rome"},
			[]positive.TextLine{line("text", "they live in Rome"), line("again", "they live in Rome"), line("negative, entity", "they live in Oslo")}},
	} {
		m := makerOf(t, c.views, "one was in Rome", "two are in Rome", "all went to stay in Oslo", "we stayed in Oslo")
		if diff := cmp.Diff(c.want, m.lines(c.row, 0, 0)); diff != "" {
			t.Errorf("%+v of %q: %s", c.views, c.row, diff)
		}
		if got := c.views.Count(len(c.row)); got != len(c.want) {
			t.Errorf("%+v counts %d texts, makes %d", c.views, got, len(c.want))
		}
	}
}

// What is made of a row depends on nothing but the seed, the epoch, the item and the place, whoever makes it, and in whatever order.
func TestTextsDependOnSeedEpochItemAndPlace(t *testing.T) {
	views := method.TextViews{Positive: positive.TextConfig{Delete: 0.3, Swap: 0.3}, Negatives: negative.TextConfig{Number: true}}
	a, b := makerOf(t, views, "a sentence"), makerOf(t, views, "another one")
	text := "there were 1234567 words of some length in this one, which is a sentence"
	rapid.Check(t, func(rt *rapid.T) {
		epoch, item := rapid.IntRange(0, 1000).Draw(rt, "epoch"), rapid.IntRange(0, 1<<30).Draw(rt, "item")
		b.lines([]string{text}, rapid.IntRange(0, 9).Draw(rt, "other"), 1)
		if x, y := a.lines([]string{text}, epoch, item), b.lines([]string{text}, epoch, item); !slices.Equal(x, y) {
			rt.Fatalf("%v and %v", x, y)
		}
	})
	seen := map[string]bool{}
	for _, place := range [][2]int{{0, 0}, {0, 1}, {1, 0}} {
		for _, line := range a.lines([]string{text}, place[0], place[1])[1:] {
			seen[line.Text] = true
		}
	}
	a.seed++
	for _, line := range a.lines([]string{text}, 0, 0)[1:] {
		seen[line.Text] = true
	}
	if len(seen) != 8 {
		t.Errorf("four draws of a view and a negative give %d texts", len(seen))
	}
	// A negative is the same with a view before it as with a given positive.
	made := a.lines([]string{text}, 2, 3)[2]
	if pair := a.lines([]string{text, "the same"}, 2, 3); pair[2] != made {
		t.Errorf("%v and %v", made, pair[2])
	}
}

func TestWordNetThatCannotBeReadIsNamed(t *testing.T) {
	c := DefaultSimCSE("static", 1, false)
	c.Text.WordNet = t.TempDir()
	_, err := newTextMaker(c, method.TextViews{Positive: positive.TextConfig{Synonym: 0.1}}, nil)
	if want := fmt.Sprintf("WordNet's database in %s", c.Text.WordNet); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}
