package eval_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/picturetest"
)

func TestFoldersAreReadAsPeopleWriteNames(t *testing.T) {
	for class, want := range map[string]string{
		"golden_retriever": "golden retriever", "n02099601-golden_retriever": "golden retriever", "n01440764_tench": "tench",
		"001.Black_footed_Albatross": "Black footed Albatross", "_odd__one_": "odd one", "hen-of-the-woods": "hen-of-the-woods",
		"n01440764": "n01440764", "001.": "001.", "1.5 litres": "1.5 litres", "__": "__", "night_owl": "night owl",
	} {
		got := class
		if names, other := eval.FolderNames([]string{class}, nil)[class]; other {
			got = strings.Join(names, "; ")
		}
		if got != want {
			t.Errorf("%q is read %q, want %q", class, got, want)
		}
	}
	given := map[string][]string{"big_cat": {"lion", "tiger"}}
	got := eval.FolderNames([]string{"big_cat", "small_cat", "dog"}, given)
	if diff := cmp.Diff(map[string][]string{"big_cat": {"lion", "tiger"}, "small_cat": {"small cat"}}, got); diff != "" {
		t.Error(diff)
	}
	if len(given) != 1 {
		t.Errorf("what was given is changed: %v", given)
	}
}

// classFolder has n pictures of each class in every part of a folder, "." for one without parts.
func classFolder(t *testing.T, parts map[string]int, classes ...string) *data.ImageFolder {
	t.Helper()
	dir := t.TempDir()
	for part, n := range parts {
		picturetest.Classes(t, filepath.Join(dir, part), classes, n, 16, uint64(n))
	}
	return openFolder(t, dir)
}

// nearestName is the share of pictures whose vector is the nearest to that of their class's name, worked out one by one.
func nearestName(t *testing.T, m *embed.PairModel, images *data.Images, names []string) float64 {
	t.Helper()
	vectors, items, err := m.Images.Embed(t.Context(), images, nil)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := m.Texts.Embed(names)
	if err != nil {
		t.Fatal(err)
	}
	pictures, classes := vectors.Normalized(), texts.Normalized()
	right := 0.
	for i, item := range items {
		var cosines []float64
		for c := range names {
			sum := 0.
			for d, x := range pictures.Row(i) {
				sum += float64(x) * float64(classes.Row(c)[d])
			}
			cosines = append(cosines, sum)
		}
		if slices.Max(cosines) == cosines[images.Items[item].Label] {
			right++
		}
	}
	return right / float64(len(items))
}

// The classes of a folder are told by its folders' names, of test pictures where there are some, or else of all, beside the same
// baselines as a table's.
func TestFoldersAreNamedWithoutLearning(t *testing.T) {
	backend, m, _ := newPair(t)
	untrained, err := m.Untrained(backend)
	if err != nil {
		t.Fatal(err)
	}
	defer untrained.Close()
	classes, read := []string{"one_b", "two_a"}, []string{"one b", "two a"}
	for _, c := range []struct {
		folder   *data.ImageFolder
		pictures int
		split    string
		of       func(*data.ImageFolder) *data.Images
	}{
		{classFolder(t, map[string]int{"train": 6, "test": 3}, classes...), 6, "the folder's test pictures", func(f *data.ImageFolder) *data.Images { return f.Test }},
		{classFolder(t, map[string]int{"train": 6, "val": 4}, classes...), 8, "the folder's validation pictures", func(f *data.ImageFolder) *data.Images { return f.Val }},
		{classFolder(t, map[string]int{".": 7}, classes...), 14, "all of the folder", func(f *data.ImageFolder) *data.Images { return f.Train }},
	} {
		z, err := eval.RunZeroShot(t.Context(), backend, m, c.folder, eval.Prompts{Templates: []string{"{}"}}, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		if z.Pictures != c.pictures || z.Split != c.split {
			t.Errorf("%s: %+v", c.split, z)
		}
		want := eval.ZeroShotBaselines{Chance: 0.5, ChanceTop5: 1, Majority: 0.5, RandomInit: nearestName(t, untrained, c.of(c.folder), read), RandomInitTop5: 1}
		if diff := cmp.Diff(&want, z.Baselines); diff != "" {
			t.Errorf("%s: %s", c.split, diff)
		}
		if want := nearestName(t, m, c.of(c.folder), read); z.Accuracy != want {
			t.Errorf("%s: the accuracy is %g, want %g", c.split, z.Accuracy, want)
		}
		if diff := cmp.Diff(map[string][]string{"one_b": {"one b"}, "two_a": {"two a"}}, z.Names); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := eval.RunZeroShot(t.Context(), backend, m, classFolder(t, map[string]int{".": 3}, "a"), eval.Prompts{Templates: []string{"{}"}}, true, nil); err == nil || !strings.Contains(err.Error(), "one folder a class") {
		t.Errorf("names of no classes: %v", err)
	}
}

// A few pictures in one piece leave nothing to be tested on what is learned from the rest.
func TestAFewPicturesAreNotEnoughToFit(t *testing.T) {
	for _, c := range []struct {
		parts  map[string]int
		enough bool
	}{{map[string]int{".": 4}, false}, {map[string]int{".": 5}, true}, {map[string]int{"train": 2, "test": 1}, true}, {map[string]int{"train": 2, "val": 1}, true}} {
		if got := eval.EnoughToFit(classFolder(t, c.parts, "a", "b")); got != c.enough {
			t.Errorf("%v: %v", c.parts, got)
		}
	}
}

// Of a folder too, names may be told by what they mean, and a picture that cannot be read is left out.
func TestPicturesOfAFolderAreNamedByMeaning(t *testing.T) {
	backend, m, _ := newPair(t)
	dir := t.TempDir()
	picturetest.Classes(t, dir, []string{"nut", "a_rare_insect"}, 5, 16, 1)
	path := filepath.Join(dir, "nut", "000.png")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content[:len(content)/2], 0o644); err != nil { // its header is whole
		t.Fatal(err)
	}
	folder := openFolder(t, dir)
	prompts := eval.Prompts{Templates: []string{"{}"}, Meaning: &eval.Meaning{Captions: []string{"one ant", "one bee"}, Vectors: wordVectors(t)}}
	z, err := eval.RunZeroShot(t.Context(), backend, m, folder, prompts, true, nil)
	if err != nil || z.Pictures != 9 || folder.Skipped.Len() != 1 || z.ByMeaning == nil || z.ByMeaning.RandomInit == nil || *z.ByMeaning.RandomInitTop5 != 1 {
		t.Errorf("%+v, %v", z, err)
	}
}
