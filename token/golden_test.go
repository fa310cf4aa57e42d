package token_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/token"
)

// A goldenRow is a text and what Hugging Face's code makes of it; testdata/golden.py writes them.
type goldenRow struct {
	Text     string  `json:"text"`
	IDs      []int32 `json:"ids"`
	CasedIDs []int32 `json:"cased_ids"`
	Decoded  string  `json:"decoded"`
	Cut      []int32 `json:"cut"`
}

func goldenRows(t *testing.T, name string) []goldenRow {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var rows []goldenRow
	if err := json.Unmarshal(content, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func load(t testing.TB, dir string) *token.Tokenizer {
	t.Helper()
	tokenizer, err := token.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer
}

// folder makes a folder with these files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func bertVocab(t testing.TB) string {
	t.Helper()
	content, err := os.ReadFile("testdata/bert/vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestIDsAreThoseOfBERTsOwnTokenizer(t *testing.T) {
	small := load(t, "testdata/bert")
	cased := load(t, folder(t, map[string]string{"vocab.txt": bertVocab(t), "tokenizer_config.json": `{"do_lower_case": false}`}))
	for _, row := range goldenRows(t, "bert.json") {
		if got := small.Encode(row.Text, 0); !slices.Equal(got, row.IDs) {
			t.Errorf("%q became\n%v, want\n%v", row.Text, got, row.IDs)
		}
		if got := cased.Encode(row.Text, 0); !slices.Equal(got, row.CasedIDs) {
			t.Errorf("with capitals, %q became\n%v, want\n%v", row.Text, got, row.CasedIDs)
		}
		if got := small.Decode(row.IDs); got != row.Decoded {
			t.Errorf("%q was shown as %q, want %q", row.Text, got, row.Decoded)
		}
	}
}

func TestIDsAreThoseOfTokenizerJSON(t *testing.T) {
	dirs, err := filepath.Glob("testdata/json/*/tokenizer.json")
	if err != nil || len(dirs) == 0 {
		t.Fatal(dirs, err)
	}
	for _, path := range dirs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			tokenizer := load(t, dir)
			for _, row := range goldenRows(t, filepath.Join("json", filepath.Base(dir)+".json")) {
				if got := tokenizer.Encode(row.Text, 0); !slices.Equal(got, row.IDs) {
					t.Errorf("%q became\n%v, want\n%v", row.Text, got, row.IDs)
				}
				if got := tokenizer.Decode(row.IDs); got != row.Decoded {
					t.Errorf("%q was shown as\n%q, want\n%q", row.Text, got, row.Decoded)
				}
			}
		})
	}
}

// The same tokenizer as older folders of transformers have it: tokens and merges in files of their own.
func TestIDsOfCLIPsOlderFilesAreThoseOfItsTokenizerJSON(t *testing.T) {
	vocab, merges := clipFiles(t)
	tokenizer := load(t, folder(t, map[string]string{"vocab.json": vocab, "merges.txt": merges}))
	saved := t.TempDir()
	if err := tokenizer.Save(saved); err != nil {
		t.Fatal(err)
	}
	again := load(t, saved)
	for _, row := range goldenRows(t, "json/clip.json") {
		if got := tokenizer.Encode(row.Text, 0); !slices.Equal(got, row.IDs) || !slices.Equal(got, again.Encode(row.Text, 0)) {
			t.Errorf("%q became\n%v, want\n%v", row.Text, got, row.IDs)
		}
		if got := tokenizer.Decode(row.IDs); got != row.Decoded {
			t.Errorf("%q was shown as\n%q, want\n%q", row.Text, got, row.Decoded)
		}
	}
}

// clipFiles are vocab.json and merges.txt of the tokenizer.json of CLIP's kind.
func clipFiles(t testing.TB) (vocab, merges string) {
	t.Helper()
	var whole struct {
		Model struct {
			Vocab  json.RawMessage `json:"vocab"`
			Merges [][]string      `json:"merges"`
		} `json:"model"`
	}
	content, err := os.ReadFile("testdata/json/clip/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &whole); err != nil {
		t.Fatal(err)
	}
	merges = "#version: 0.2\n"
	for _, m := range whole.Model.Merges {
		merges += strings.Join(m, " ") + "\n"
	}
	return string(whole.Model.Vocab), merges
}

func TestIDsAreThoseOfCLIPsOwnTokenizer(t *testing.T) {
	tokenizer := load(t, "testdata/clip")
	for _, row := range goldenRows(t, "clip.json") {
		if got := tokenizer.Encode(row.Text, 0); !slices.Equal(got, row.IDs) {
			t.Errorf("%q became\n%v, want\n%v", row.Text, got, row.IDs)
		}
		if got, cut := tokenizer.Append(nil, row.Text, token.CLIPContext); !slices.Equal(got, row.Cut) || cut != (len(row.IDs) > 77) {
			t.Errorf("%q was cut to\n%v, want\n%v", row.Text, got, row.Cut)
		}
	}
	if got := tokenizer.Decode(tokenizer.Encode("A cat, isn't it? 👍", 0)); got != "a cat , isn 't it ? 👍" {
		t.Errorf("shown as %q", got)
	}
	if tokenizer.Pad() != 0 || int(tokenizer.Special().SEP) != tokenizer.Size()-1 {
		t.Errorf("pad %d, %+v, size %d", tokenizer.Pad(), tokenizer.Special(), tokenizer.Size())
	}
}
