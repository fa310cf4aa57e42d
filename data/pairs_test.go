package data

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pairFolder makes a folder with a table of the given name and content beside pictures, by their names; a picture's content is that of
// a file of testdata.
func pairFolder(t testing.TB, name, table string, pictures map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for p, photo := range pictures {
		path := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, read(t, "testdata/"+photo), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(table), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func openPairs(t testing.TB, path string, opt PairOptions) *Pairs {
	t.Helper()
	pairs, err := OpenPairs(context.Background(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pairs.Close(); err != nil {
			t.Error(err)
		}
	})
	return pairs
}

func pairRows(t testing.TB, pairs *Pairs) []PairRow {
	t.Helper()
	var rows []PairRow
	for i := range pairs.Len() {
		row, err := pairs.Row(i)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// threePictures are in two formats, one of them in a folder.
var threePictures = map[string]string{"a.jpg": "color.jpg", "deep/b.png": "palette.png", "c.jpg": "turned-6.jpg"}

// TestPairsOfEveryTable reads the same pairs from every format: captions of several columns and of several rows, cleaned, none twice
// for one picture, with classes.
func TestPairsOfEveryTable(t *testing.T) {
	tables := map[string]string{
		"p.csv": "image,caption,more,kind,tags\na.jpg,\"a  cat, asleep\",,x,pet\ndeep/b.png,a dog,a  hound,y,\n./a.jpg,a cat,\"a cat, asleep\",x,pet|grey ;\nc.jpg,,a bird,,wild\n",
		"p.tsv": "tags\tkind\tmore\tcaption\timage\npet\tx\t\ta cat, asleep\ta.jpg\n\ty\ta hound\ta dog\tdeep/b.png\npet, grey\tx\ta cat, asleep\ta cat\ta.jpg\nwild\t\ta bird\t\tc.jpg\n",
		"p.jsonl": `{"image":"a.jpg","caption":"a cat, asleep","kind":"x","tags":["pet"]}
{"image":"deep/b.png","caption":["a dog"],"more":["a hound","a dog"],"kind":"y"}
{"image":"a.jpg","caption":"a cat","more":["",null,"a cat, asleep"],"kind":"x","tags":"pet, grey"}
{"image":"c.jpg","caption":null,"more":"a bird","tags":["wild",null]}
`,
	}
	opt := DefaultPairOptions()
	opt.Captions, opt.Class = []string{"caption", "more"}, "kind"
	opt.Tags = []string{"tags"}
	fingerprints := make(map[string]string)
	for name, table := range tables {
		pairs := openPairs(t, pairFolder(t, name, table, threePictures), opt)
		line := map[string]int{"p.jsonl": 1}[name]
		if line == 0 {
			line = 2
		}
		want := []PairRow{
			{"a.jpg", []string{"a cat, asleep", "a cat"}, []string{"pet", "grey"}, "x", line},
			{"deep/b.png", []string{"a dog", "a hound"}, nil, "y", line + 1},
			{"c.jpg", []string{"a bird"}, []string{"wild"}, "", line + 3},
		}
		if diff := cmp.Diff(want, pairRows(t, pairs)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if len(pairs.Dropped) > 0 || pairs.Images.Skipped.Len() > 0 || pairs.Outside != 0 {
			t.Errorf("%s: dropped %v, skipped %v", name, pairs.Dropped, pairs.Images.Skipped.List())
		}
		for i, want := range []string{"color.jpg", "palette.png", "turned-6.jpg"} {
			got, err := pairs.Images.Image(i)
			if err != nil {
				t.Fatal(err)
			}
			photo, err := Decode(read(t, "testdata/"+want))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Pix, photo.Pix) {
				t.Errorf("%s: picture %d is another", name, i)
			}
		}
		fingerprints[pairs.Fingerprint()] = name
		zipped := filepath.Join(t.TempDir(), name+".gz")
		if err := os.WriteFile(zipped, gzipped(t, []byte(table)), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenPairs(t.Context(), zipped, opt); !errors.Is(err, ErrNoText) || !strings.Contains(err.Error(), "4 no picture") {
			t.Errorf("%s.gz away from its pictures: %v", name, err)
		}
	}
	if len(fingerprints) != 1 {
		t.Errorf("fingerprints differ with the format: %v", fingerprints)
	}
}

// TestColumnsAreFoundByTheirUsualNames, and other names are asked for.
func TestColumnsAreFoundByTheirUsualNames(t *testing.T) {
	for _, names := range []string{"image,caption", "filepath,title", "file_name,text"} {
		pairs := openPairs(t, pairFolder(t, "p.csv", names+"\na.jpg,a cat\n", threePictures), DefaultPairOptions())
		if row := pairRows(t, pairs)[0]; row.Captions[0] != "a cat" {
			t.Errorf("%s: %+v", names, row)
		}
	}
	for names, want := range map[string]string{
		"picture,caption": `name the column of the pictures: there are "picture", "caption"`,
		"image,words":     `name the columns of the captions: there are "image", "words"`,
	} {
		for format, table := range map[string]string{"p.csv": names + "\na.jpg,a cat\n", "p.jsonl": jsonTable(t, names, "a.jpg,a cat")} {
			_, err := OpenPairs(t.Context(), pairFolder(t, format, table, threePictures), DefaultPairOptions())
			if err == nil || !strings.Contains(err.Error(), want[:20]) {
				t.Errorf("%s of %s: %v", format, names, err)
			}
		}
	}
}

// jsonTable is a line of JSON.
func jsonTable(t testing.TB, names, values string) string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(names + "\n" + values)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return `{"` + rows[0][0] + `":"` + rows[1][0] + `","` + rows[0][1] + `":"` + rows[1][1] + `"}`
}

// TestUnusableRowsAreNamed with the file and the row, and pictures with the row that has them.
func TestUnusableRowsAreNamed(t *testing.T) {
	path := pairFolder(t, "p.csv", strings.Join([]string{
		"image,caption,kind",
		"a.jpg,a cat,x",
		"none.jpg,a dog,x",
		"none.jpg,a dog again,x",
		"text.jpg,a text,x",
		",a caption alone,x",
		"c.jpg,  ,x",
		"c.jpg,\xff,x",
		"a.jpg,a tiger,y",
		"a.jpg",
		"http://host/a.jpg,far away,x",
		"deep,a folder,x",
		"c.jpg,a bird,x",
	}, "\n"), threePictures)
	dir := filepath.Dir(path)
	if err := os.WriteFile(filepath.Join(dir, "text.jpg"), []byte("no picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	opt := DefaultPairOptions()
	opt.Class = "kind"
	pairs := openPairs(t, path, opt)
	if rows := pairRows(t, pairs); len(rows) != 2 || rows[0].Name != "a.jpg" || rows[1].Line != 13 {
		t.Errorf("%+v", rows)
	}
	place := func(line string) string { return path + ":" + line }
	want := []Drop{
		{Malformed, 2, []DroppedRow{{place("9"), `a.jpg is of class "y" here and "x" before`}, {place("10"), "1 columns, not 3"}}},
		{InvalidUTF8, 1, []DroppedRow{{place("8"), ""}}},
		{Empty, 1, []DroppedRow{{place("7"), "no caption"}}},
		{NoPicture, 6, []DroppedRow{
			{place("3"), "none.jpg: no such file"},
			{place("4"), "none.jpg: no such file"},
			{place("5"), "text.jpg: " + ErrFormat.Error()},
			{place("6"), "no path"},
			{place("11"), "http://host/a.jpg: is a web address, and nothing is downloaded: give the path of a file"},
			{place("12"), "deep: is not a file"},
		}},
	}
	if diff := cmp.Diff(want, pairs.Dropped); diff != "" {
		t.Error(diff)
	}
	var skipped []string
	for _, s := range pairs.Images.Skipped.List() {
		skipped = append(skipped, s.Path+": "+s.Err.Error())
	}
	if diff := cmp.Diff([]string{
		"deep: is not a file (" + place("12") + ")",
		"http://host/a.jpg: is a web address, and nothing is downloaded: give the path of a file (" + place("11") + ")",
		"none.jpg: no such file (" + place("3") + ")",
		"text.jpg: " + ErrFormat.Error() + " (" + place("5") + ")",
	}, skipped); diff != "" {
		t.Error(diff)
	}
}

// TestPicturesOutsideTheFolderAreUsedAndCounted, by a relative path and by an absolute one.
func TestPicturesOutsideTheFolderAreUsedAndCounted(t *testing.T) {
	other := pairFolder(t, "unused.csv", "", threePictures)
	far, err := filepath.Abs(filepath.Join(filepath.Dir(other), "c.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	near, err := filepath.Rel(dir, filepath.Join(filepath.Dir(other), "a.jpg"))
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(dir, "p.tsv")
	if err := os.WriteFile(path, []byte("image\tcaption\n"+near+"\ta cat\n"+far+"\ta bird\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	pairs := openPairs(t, path, DefaultPairOptions())
	if pairs.Len() != 2 || pairs.Outside != 2 {
		t.Errorf("%d pairs, %d outside", pairs.Len(), pairs.Outside)
	}
}

// TestDuplicatesAreCounted, of files and of captions, and told by equal numbers.
func TestDuplicatesAreCounted(t *testing.T) {
	pairs := openPairs(t, pairFolder(t, "p.csv", "image,caption\na.jpg,a cat\nb.jpg,a  cat\nc.jpg,a bird\nd.png,A cat\n",
		map[string]string{"a.jpg": "color.jpg", "b.jpg": "turned-6.jpg", "c.jpg": "color.jpg", "d.png": "palette.png"}), DefaultPairOptions())
	if pictures, captions := pairs.Duplicates(); pictures != 1 || captions != 1 {
		t.Errorf("%d pictures and %d captions twice", pictures, captions)
	}
	if pairs.ContentID(0) != pairs.ContentID(2) || pairs.ContentID(0) == pairs.ContentID(1) || pairs.ContentID(1) == pairs.ContentID(3) {
		t.Error("content")
	}
	if pairs.CaptionID(0) != pairs.CaptionID(1) || pairs.CaptionID(0) == pairs.CaptionID(2) || pairs.CaptionID(0) == pairs.CaptionID(3) {
		t.Error("captions")
	}
}

func TestUnusablePairOptionsAreNamed(t *testing.T) {
	for want, change := range map[string]func(*PairOptions){
		`format is "csw" (did you mean "csv"?)`:                            func(o *PairOptions) { o.Format = "csw" },
		`image, captions, tags, class and group name the column "a" twice`: func(o *PairOptions) { o.Captions, o.Image = []string{"a"}, "a" },
		"captions or tags has a column without a name":                     func(o *PairOptions) { o.Captions = []string{""} },
		"max_pixels is -1": func(o *PairOptions) { o.MaxPixels = -1 },
		"min_chars is -1":  func(o *PairOptions) { o.MinChars = -1 },
	} {
		opt := DefaultPairOptions()
		change(&opt)
		if _, err := OpenPairs(t.Context(), "p.csv", opt); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

// TestNoPairsAtAllIsAnError that says where it is and what to do.
func TestNoPairsAtAllIsAnError(t *testing.T) {
	for _, c := range []struct{ name, table, want string }{
		{"p.csv", "image,caption\n", "no usable row: it has no rows"},
		{"p.csv", "", "empty file"},
		{"p.csv", "image,caption\nb.jpg,a cat\n", "no usable row: 1 no picture; the first is "},
		{"p.xls", "", "cannot tell the format: let the name end in .csv"},
		{"p.jsonl", "{\n", "line 1: malformed"},
		{"p.csv", "image,image,caption\na.jpg,a.jpg,a cat\n", `two columns "image"`},
	} {
		_, err := OpenPairs(t.Context(), pairFolder(t, c.name, c.table, threePictures), DefaultPairOptions())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.table, err)
		}
	}
	for _, name := range []string{"nowhere.csv", "nowhere"} {
		if _, err := OpenPairs(t.Context(), name, DefaultPairOptions()); err == nil || !strings.Contains(err.Error(), "no such file: "+name+":") {
			t.Error(err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := OpenPairs(cancelled, pairFolder(t, "p.csv", "image,caption\na.jpg,a cat\n", threePictures), DefaultPairOptions()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
