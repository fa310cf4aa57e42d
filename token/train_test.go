package token_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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
	for _, kind := range []token.Kind{token.WordPiece, token.BytePair} {
		texts := pages(t)
		c := token.DefaultTrain()
		c.Kind, c.Size = kind, 2000
		want := files(t, train(t, texts, c))
		slices.Reverse(texts)
		if diff := cmp.Diff(want, files(t, train(t, texts, c))); diff != "" {
			t.Error(kind, diff)
		}
	}
}

func TestTrainedIsLoadedAsItWasSaved(t *testing.T) {
	texts := append(pages(t), "Ünïcödé ÀÉ 漢字 👍🏽 \xff <mask> [MASK] don't  two\n\nlines")
	for _, kind := range []token.Kind{token.WordPiece, token.BytePair} {
		for _, lowercase := range []bool{true, false} {
			c := token.TrainConfig{Kind: kind, Size: 1200, MinCount: 2, Alphabet: 500, Lowercase: lowercase}
			trained := train(t, texts, c)
			saved := files(t, trained)
			for name, content := range saved { // each format by itself says the same
				if name == "tokenizer_config.json" {
					continue
				}
				alone := map[string]string{name: content, "tokenizer_config.json": saved["tokenizer_config.json"]}
				loaded := load(t, folder(t, alone))
				if loaded.Size() != c.Size || loaded.Special() != trained.Special() {
					t.Errorf("%v, %s: %d tokens, %+v; want %+v", c, name, loaded.Size(), loaded.Special(), trained.Special())
				}
				for _, text := range texts {
					if want, got := trained.Encode(text, 0), loaded.Encode(text, 0); !slices.Equal(got, want) {
						t.Errorf("%v, %s: %q became %v, want %v", c, name, text, got, want)
					}
				}
			}
		}
	}
}

func TestBytesLeaveNothingUnknown(t *testing.T) {
	c := token.DefaultTrain()
	c.Kind, c.Size, c.Lowercase = token.BytePair, 600, false
	tokenizer := train(t, pages(t), c)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		if got := tokenizer.Decode(tokenizer.Encode(text, 0)); got != text && !strings.Contains(text, "<") {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
	if special := tokenizer.Special(); special != (token.Special{CLS: 0, Pad: 1, SEP: 2, Unknown: 3, Mask: 4}) {
		t.Errorf("%+v", special)
	}
	if got := tokenizer.Tokens("is the"); !slices.Equal(got, []string{"<s>", "is", "Ġthe", "</s>"}) {
		t.Errorf("%q", got)
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
		{[]string{"a"}, func(c *token.TrainConfig) { c.Kind = "wordpeace" }, `kind "wordpeace" (did you mean "wordpiece"?)`},
		{[]string{"a"}, func(c *token.TrainConfig) { c.Kind, c.Size = token.BytePair, 100 }, "100 tokens has no room for the 261"},
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
