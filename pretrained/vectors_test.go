package pretrained_test

import (
	"compress/gzip"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/pretrained"
)

// wordIDs is a vocabulary.
func wordIDs(word string) (int32, bool) {
	id, known := map[string]int32{"[PAD]": 0, "the": 1, "cat": 2, ". .": 3, "é": 4}[word]
	return id, known
}

const gloveText = "the 0.5 -1 2e-3\ndog 1 2 3\n. . 4 5 6\ncat -0 7 8\nthe 9 9 9\né 1 1 1\n"

// GloVe's and word2vec's text, packed or not, with all that real files have: words that hold spaces, words twice, spaces at the end.
func TestWordVectorsAreThoseOfTheFile(t *testing.T) {
	for name, text := range map[string]string{
		"glove.txt":         gloveText,
		"glove.txt.gz":      gloveText,
		"word2vec.txt":      "6 3\n" + strings.ReplaceAll(gloveText, "\n", " \n"),
		"windows.txt":       strings.ReplaceAll(gloveText, "\n", "\r\n"),
		"tabs and gaps.txt": strings.ReplaceAll(gloveText, "the 0.5 -1", "\nthe  0.5\t-1"),
		"word2vec.bin":      binaryVectors("\n"),
		"word2vec.bin.gz":   binaryVectors(""),
	} {
		path := filepath.Join(t.TempDir(), name)
		write(t, path, text)
		if strings.HasSuffix(name, ".gz") {
			pack(t, path, text)
		}
		vectors, err := pretrained.ReadVectors(path, wordIDs)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		found := 4
		if strings.Contains(name, ".bin") {
			found = 3
		}
		if vectors.Width != 3 || vectors.Words != 6 || vectors.Found != found {
			t.Errorf("%s: width %d, %d words, %d found", name, vectors.Width, vectors.Words, vectors.Found)
		}
		store := model.NewStore()
		nn.SetSeed(store, 1)
		encoder := backbone.Static{Width: 3, Vocabulary: 6}
		drawn := tensors.MustCopyFlatData[float32](encoder.Words(store.RootScope()).MustValue())
		if width, err := pretrained.VectorsWidth(path); width != 3 || err != nil {
			t.Errorf("%s: width %d, %v", name, width, err)
		}
		if err := vectors.Assign(store.RootScope(), encoder); err != nil {
			t.Fatal(err)
		}
		fourth := drawn[9:12]
		if !strings.Contains(name, ".bin") { // whose words end at a space
			fourth = []float32{4, 5, 6}
		}
		want := slices.Concat(drawn[:3], []float32{0.5, -1, 2e-3, 0, 7, 8}, fourth, []float32{1, 1, 1})
		want = append(want, drawn[15:]...)
		if diff := cmp.Diff(want, values(t, store)["/words"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// binaryVectors are those of gloveText in word2vec's binary format, with a line's end behind each or not; its words have no spaces.
func binaryVectors(end string) string {
	text := []byte("6 3\n")
	for _, line := range strings.Split(strings.TrimSpace(strings.Replace(gloveText, ". .", "..", 1)), "\n") {
		fields := strings.Fields(line)
		text = append(text, fields[0]+" "...)
		for _, field := range fields[1:] {
			value, err := strconv.ParseFloat(field, 32)
			if err != nil {
				panic(err)
			}
			text = binary.LittleEndian.AppendUint32(text, math.Float32bits(float32(value)))
		}
		text = append(text, end...)
	}
	return string(text)
}

func TestUnfitBinaryWordVectors(t *testing.T) {
	whole := binaryVectors("\n")
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "does not begin with the counts"},
		{"text", gloveText, "does not begin with the counts"},
		{"no words", "0 3\n", "no word vectors"},
		{"no numbers", "3 0\n", "3 words with 0 numbers"},
		{"too many numbers", "3 99999999\n", "99999999 numbers"},
		{"cut", whole[:len(whole)-3], "word 6: the file ends before its 6 words do"},
		{"infinite", "1 1\nthe \x00\x00\x80\x7f", `word 1: the vector of "the" has +Inf in it`},
		{"a word without end", "1 1\n" + strings.Repeat("x", 1<<13), "word 1: a word of more than"},
	} {
		path := filepath.Join(t.TempDir(), "v.bin")
		write(t, path, c.text)
		if _, err := pretrained.ReadVectors(path, wordIDs); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// Whatever a binary file holds, it is vectors of one width or an error that names the file.
func FuzzBinaryVectors(f *testing.F) {
	for _, text := range []string{binaryVectors(""), binaryVectors("\n"), "", "1 1\na \x00\x00\x80\x3f", "2 1\na \x00\x00\x80\x3f"} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), "v.bin")
	f.Fuzz(func(t *testing.T, text []byte) {
		write(t, path, string(text))
		vectors, err := pretrained.ReadVectors(path, wordIDs)
		switch {
		case err != nil && !strings.Contains(err.Error(), path):
			t.Errorf("error %v", err)
		case err == nil && (vectors.Width < 1 || vectors.Words < 1 || vectors.Found > 5):
			t.Errorf("width %d, %d words, %d found", vectors.Width, vectors.Words, vectors.Found)
		}
	})
}

func pack(t testing.TB, path, text string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := gzip.NewWriter(file)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestUnfitWordVectors(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "no word vectors"},
		{"a header alone", "6 3\n", "no word vectors"},
		{"a word alone", "the\n", "line 1: want a word and its numbers"},
		{"one number short", gloveText + "cow 1 2\n", "line 7: want a word and 3 numbers"},
		{"no number", "the 1 2\ncat 1 x\n", `line 2: "x" is not a number`},
		{"infinite", "the 1 inf\n", `line 1: "inf" is not a number`},
		{"too large for float32", "the 1 1e39\n", `line 1: "1e39" is not a number`},
		{"numbers alone", "the 1 2\n 1 2\n", "line 2: want a word"},
		{"a line without end", "the 1 2\n" + strings.Repeat("x", 2<<20), "line 2: more than"},
	} {
		path := filepath.Join(t.TempDir(), "v.txt")
		write(t, path, c.text)
		if _, err := pretrained.ReadVectors(path, wordIDs); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	packed := filepath.Join(t.TempDir(), "v.txt.gz")
	pack(t, packed, strings.Repeat(gloveText, 1000))
	content, err := os.ReadFile(packed)
	if err != nil {
		t.Fatal(err)
	}
	write(t, packed, string(content[:len(content)/2]))
	if _, err := pretrained.ReadVectors(packed, wordIDs); err == nil || !strings.Contains(err.Error(), "line") {
		t.Errorf("truncated: error %v", err)
	}
	write(t, packed, gloveText)
	if _, err := pretrained.ReadVectors(packed, wordIDs); err == nil || !strings.Contains(err.Error(), packed) {
		t.Errorf("not packed: error %v", err)
	}
}

func TestWordVectorsMustFitTheEncoder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.txt")
	write(t, path, gloveText)
	vectors, err := pretrained.ReadVectors(path, wordIDs)
	if err != nil {
		t.Fatal(err)
	}
	for want, encoder := range map[string]backbone.Static{"have 3 numbers": {Width: 4, Vocabulary: 9}, "one of the encoder's 2": {Width: 3, Vocabulary: 2}} {
		if err := vectors.Assign(model.NewStore().RootScope(), encoder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// Whatever a file holds, it is vectors of one width or an error that names the file.
func FuzzVectors(f *testing.F) {
	for _, text := range []string{gloveText, "6 3\n" + gloveText, "", "the", "1 1\n1 1\n", "a \t \n", "the 0x1p-2\n", "\xff\xfe 1 2\n"} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), "v.txt")
	f.Fuzz(func(t *testing.T, text []byte) {
		write(t, path, string(text))
		vectors, err := pretrained.ReadVectors(path, wordIDs)
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Errorf("error %v", err)
			}
			return
		}
		if vectors.Width < 1 || vectors.Words < 1 || vectors.Found > 5 {
			t.Errorf("width %d, %d words, %d found", vectors.Width, vectors.Words, vectors.Found)
		}
		encoder := backbone.Static{Width: min(vectors.Width, 1<<14), Vocabulary: 5}
		if err := vectors.Assign(model.NewStore().RootScope(), encoder); err != nil && vectors.Width <= 1<<14 {
			t.Error(err)
		}
	})
}
