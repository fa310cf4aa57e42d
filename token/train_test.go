package token_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/token"
)

// pages returns the paragraphs of the project's pages.
func pages(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("../docs/*.md")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var texts []string
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, strings.Split(string(content), "\n\n")...)
	}
	return texts
}

func train(t testing.TB, texts []string, c token.TrainConfig) *token.Tokenizer {
	t.Helper()
	tokenizer, err := token.Train(slices.Values(texts), c)
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer
}

func files(t testing.TB, tokenizer *token.Tokenizer) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := tokenizer.Save(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		contents[e.Name()] = string(content)
	}
	return contents
}

func TestTrainedVocabularyKnowsItsTexts(t *testing.T) {
	texts := pages(t)
	c := token.DefaultTrain()
	c.Size = 1500
	tokenizer := train(t, texts, c)
	if tokenizer.Size() != c.Size {
		t.Errorf("%d tokens, want %d", tokenizer.Size(), c.Size)
	}
	words, tokens := 0, 0
	for _, text := range texts {
		ids := tokenizer.Encode(text, 0)
		if slices.Contains(ids, tokenizer.Special().Unknown) {
			t.Errorf("unknown words in %q: %q", text, tokenizer.Tokens(text))
		}
		words, tokens = words+len(strings.Fields(text)), tokens+len(ids)
	}
	if tokens > 3*words {
		t.Errorf("%d tokens for %d words: the vocabulary holds pieces that are too small", tokens, words)
	}
	if id, known := tokenizer.ID("the"); !known || tokenizer.Token(id) != "the" {
		t.Error("the most frequent word is no token")
	}
}

func TestSameTextsInAnyOrderGiveTheSameVocabulary(t *testing.T) {
	texts := pages(t)
	c := token.DefaultTrain()
	want := files(t, train(t, texts, c))
	slices.Reverse(texts)
	if diff := cmp.Diff(want, files(t, train(t, texts, c))); diff != "" {
		t.Error(diff)
	}
}

func TestTrainedIsLoadedAsItWasSaved(t *testing.T) {
	texts := pages(t)
	c := token.DefaultTrain()
	c.Lowercase = false
	trained := train(t, texts, c)
	loaded := load(t, folder(t, files(t, trained)))
	if loaded.Size() != trained.Size() || loaded.Special() != trained.Special() {
		t.Errorf("%d tokens, %+v; want %d, %+v", loaded.Size(), loaded.Special(), trained.Size(), trained.Special())
	}
	for _, text := range texts {
		if want, got := trained.Encode(text, 0), loaded.Encode(text, 0); !slices.Equal(got, want) {
			t.Errorf("%q became %v, want %v", text, got, want)
		}
	}
}

func TestWhatCannotBeTrainedSaysWhy(t *testing.T) {
	usual := token.DefaultTrain()
	for _, c := range []struct {
		texts  []string
		change func(*token.TrainConfig)
		want   string
	}{
		{[]string{"", " \n"}, func(*token.TrainConfig) {}, "no words"},
		{[]string{"a"}, func(c *token.TrainConfig) { c.Size = 0 }, "size of a vocabulary is 0"},
		{[]string{"a"}, func(c *token.TrainConfig) { c.MinCount = -1 }, "min_count of a vocabulary is -1"},
		{[]string{"abcdef"}, func(c *token.TrainConfig) { c.Size = 10 }, "10 tokens has no room for the 11"},
	} {
		config := usual
		c.change(&config)
		if _, err := token.Train(slices.Values(c.texts), config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q in it", err, c.want)
		}
	}
}

func TestRareCharactersAreLeftOutOfTheAlphabet(t *testing.T) {
	c := token.DefaultTrain()
	c.Alphabet = 3
	tokenizer := train(t, []string{"aaa bbb ccc", "aaab xa"}, c)
	if got := tokenizer.Tokens("ab xa cab"); !slices.Equal(got, []string{"[CLS]", "a", "##b", "[UNK]", "c", "##a", "##b", "[SEP]"}) {
		t.Error(got)
	}
}
