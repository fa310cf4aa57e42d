package pretrained_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/pretrained"
)

// A text means the mean of its words' vectors, in small letters where the file has them so, else as they are written.
func TestATextMeansTheMeanOfItsWords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vectors.txt")
	write(t, path, "the 9 9\ncat 1 2\nCat 5 5\ndog 3 6\nParis 0 4\ncafé 7 1\n2nd 2 2\n")
	texts := []string{"Cat & Dog", "Paris: the cat's", "café", "2nd", "nothing, known", "&", ""}
	m, err := pretrained.ReadMeanings(path, texts)
	if err != nil {
		t.Fatal(err)
	}
	if m.Width != 2 || m.Words != 7 || m.Found != 7 {
		t.Errorf("width %d, %d words, %d found", m.Width, m.Words, m.Found)
	}
	for i, want := range [][]float32{{2, 4}, {10. / 3, 5}, {7, 1}, {2, 2}, nil, nil, nil} {
		if got := m.Of(texts[i]); !slices.Equal(got, want) {
			t.Errorf("%q means %v, want %v", texts[i], got, want)
		}
	}
}

func TestMeaningsNameTheLineThatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vectors.txt")
	write(t, path, "cat 1 2\ndog 3\n")
	if _, err := pretrained.ReadMeanings(path, []string{"dog"}); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v", err)
	}
	if _, err := pretrained.ReadMeanings(path+"x", nil); err == nil {
		t.Error("a file that is not there is read")
	}
}
