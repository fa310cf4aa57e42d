package data

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// hubPicture is a picture as Hugging Face's data sets have it.
type hubPicture struct {
	Bytes []byte `parquet:"bytes,optional"`
	Path  string `parquet:"path,optional"`
}

// TestPicturesInsideParquet, as bytes with or without a path, beside those that have a path alone; with lists of captions.
func TestPicturesInsideParquet(t *testing.T) {
	type row struct {
		Image    hubPicture `parquet:"image"`
		Captions []string   `parquet:"captions,list"`
		Tags     []string   `parquet:"tags"`
		Label    int64      `parquet:"label"`
	}
	path := pairFolder(t, "unused.csv", "", threePictures)
	path = filepath.Join(filepath.Dir(path), "p.parquet")
	color, palette := read(t, "testdata/color.jpg"), read(t, "testdata/palette.png")
	if err := parquet.WriteFile(path, []row{
		{hubPicture{color, "image.jpg"}, []string{"a cat", "a cat, asleep"}, []string{"pet", "grey"}, 1},
		{hubPicture{palette, "image.jpg"}, []string{"a dog"}, nil, 2},
		{hubPicture{nil, "c.jpg"}, []string{"a bird"}, []string{"wild; free"}, 1},
		{hubPicture{[]byte("no picture"), ""}, []string{"nothing"}, nil, 1},
		{hubPicture{color, ""}, nil, nil, 1},
		{hubPicture{nil, "c.jpg"}, []string{"a bird that sings"}, nil, 1},
	}); err != nil {
		t.Fatal(err)
	}
	opt := DefaultPairOptions()
	opt.Class, opt.Tags = "label", []string{"tags"}
	pairs := openPairs(t, path, opt)
	want := []PairRow{
		{"p.parquet:1", []string{"a cat", "a cat, asleep"}, []string{"pet", "grey"}, "1", 1},
		{"p.parquet:2", []string{"a dog"}, nil, "2", 2},
		{"c.jpg", []string{"a bird", "a bird that sings"}, []string{"wild", "free"}, "1", 3},
	}
	if diff := cmp.Diff(want, pairRows(t, pairs)); diff != "" {
		t.Error(diff)
	}
	samePicture(t, pairs, 0, "color.jpg")
	samePicture(t, pairs, 1, "palette.png")
	samePicture(t, pairs, 2, "turned-6.jpg")
	dropped := []Drop{
		{Empty, 1, []DroppedRow{{path + ":5", "no caption"}}},
		{NoPicture, 1, []DroppedRow{{path + ":4", "p.parquet:4: " + ErrFormat.Error()}}},
	}
	if diff := cmp.Diff(dropped, pairs.Dropped); diff != "" {
		t.Error(diff)
	}
	if len(pairs.Columns) != 1 || pairs.Columns[0] != "captions" {
		t.Errorf("columns %q", pairs.Columns)
	}
}

// TestPathsAndBytesInParquet are told apart where they are a column of their own, and long lists of captions are read across pages.
func TestPathsAndBytesInParquet(t *testing.T) {
	type row struct {
		Picture []byte `parquet:"picture"`
		Words   struct {
			First  string   `parquet:"first"`
			Others []string `parquet:"others,list"`
		} `parquet:"words"`
	}
	rows := make([]row, 40)
	color := read(t, "testdata/color.jpg")
	for i := range rows {
		rows[i].Picture = append(color, byte(i))
		if i%2 > 0 {
			rows[i].Picture = []byte([]string{"a.jpg", "c.jpg"}[i/2%2])
		}
		rows[i].Words.First = fmt.Sprint("first ", i)
		for k := range i * 20 {
			rows[i].Words.Others = append(rows[i].Words.Others, fmt.Sprintf("caption %d of %d", k, i))
		}
	}
	dir := filepath.Dir(pairFolder(t, "unused.csv", "", threePictures))
	path := filepath.Join(dir, "p.parquet")
	if err := parquet.WriteFile(path, rows, parquet.PageBufferSize(512)); err != nil {
		t.Fatal(err)
	}
	opt := DefaultPairOptions()
	opt.Image, opt.Captions = "picture", []string{"words.first", "words.others.list.element"}
	pairs := openPairs(t, path, opt)
	if pairs.Len() != 22 {
		t.Fatalf("%d pictures", pairs.Len())
	}
	captions := 0
	for _, row := range pairRows(t, pairs) {
		for k, caption := range row.Captions {
			want := fmt.Sprint("first ", row.Line-1)
			if k > 0 {
				want = fmt.Sprintf("caption %d of %d", k-1, row.Line-1)
			}
			if strings.HasPrefix(row.Name, "p.parquet:") && caption != want {
				t.Fatalf("%q, not %q", caption, want)
			}
		}
		captions += len(row.Captions)
	}
	if want := 40 + 20*39*40/2; captions != want {
		t.Errorf("%d captions, not %d", captions, want)
	}
	for column, want := range map[string]string{
		"words":      `column "words" is a group: name one of "words.first", "words.others.list.element"`,
		"wordz":      `no column "wordz"`,
		"word.first": `no column "word.first" (did you mean "words.first"?)`,
	} {
		opt.Captions = []string{column}
		if _, err := OpenPairs(t.Context(), path, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", column, err)
		}
	}
}

// TestColumnsOfParquetThatAreNoPairs are errors.
func TestColumnsOfParquetThatAreNoPairs(t *testing.T) {
	type row struct {
		Number int64    `parquet:"number"`
		Text   string   `parquet:"text"`
		List   []string `parquet:"list,list"`
	}
	path := writeFile(t, "p.parquet", nil)
	if err := parquet.WriteFile(path, []row{{1, "a", nil}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ image, caption, class, want string }{
		{"number", "text", "", `column "number" is neither a path nor the bytes of a file`},
		{"text", "number", "", `column "number" is INT64, not text`},
		{"text", "number", "list", `column "number" is INT64, not text`},
		{"text", "list", "list.list.element", `is no class`},
		{"picture", "text", "", `no column "picture"`},
	} {
		opt := DefaultPairOptions()
		opt.Image, opt.Captions, opt.Class = c.image, []string{c.caption}, c.class
		if _, err := OpenPairs(t.Context(), path, opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestPicturesInsideJSON, in base64.
func TestPicturesInsideJSON(t *testing.T) {
	color := base64.StdEncoding.EncodeToString(read(t, "testdata/color.jpg"))
	path := pairFolder(t, "p.jsonl", strings.Join([]string{
		`{"image":{"bytes":"` + color + `","path":null},"caption":"a cat"}`,
		`{"image":{"bytes":null,"path":"deep/b.png"},"caption":"a dog"}`,
		`{"image":{"bytes":"?"},"caption":"wrong"}`,
		`{"image":{},"caption":"nothing"}`,
		`{"image":["a.jpg"],"caption":"a list"}`,
	}, "\n"), threePictures)
	pairs := openPairs(t, path, DefaultPairOptions())
	want := []PairRow{{"p.jsonl:1", []string{"a cat"}, nil, "", 1}, {"deep/b.png", []string{"a dog"}, nil, "", 2}}
	if diff := cmp.Diff(want, pairRows(t, pairs)); diff != "" {
		t.Error(diff)
	}
	samePicture(t, pairs, 0, "color.jpg")
	if len(pairs.Dropped) != 2 || pairs.Dropped[0].Count != 2 || pairs.Dropped[1].Reason != NoPicture || pairs.Dropped[1].Count != 1 {
		t.Errorf("%+v", pairs.Dropped)
	}
}

// TestSeveralTablesAreOne, each with the pictures of its own folder.
func TestSeveralTablesAreOne(t *testing.T) {
	dir := shardFolder(t, map[string][]byte{
		"x/t.csv": []byte("image,caption\na.jpg,a cat\n"), "x/a.jpg": read(t, "testdata/color.jpg"),
		"y/t.csv": []byte("caption,image\na dog,a.jpg\n"), "y/a.jpg": read(t, "testdata/palette.png"),
	})
	pairs := openPairs(t, filepath.Join(dir, "*", "t.csv"), DefaultPairOptions())
	want := []PairRow{{"a.jpg", []string{"a cat"}, nil, "", 2}, {"../y/a.jpg", []string{"a dog"}, nil, "", 2}}
	if diff := cmp.Diff(want, pairRows(t, pairs)); diff != "" {
		t.Error(diff)
	}
	samePicture(t, pairs, 0, "color.jpg")
	samePicture(t, pairs, 1, "palette.png")
	if _, err := OpenPairs(t.Context(), filepath.Join(dir, "x"), DefaultPairOptions()); err != nil {
		t.Errorf("a folder of one table: %v", err)
	}
}

// A list that a few bytes of a file stand for may be of any length: the row is dropped, and the next are read as if it were not there.
func TestEndlessListsAreDropped(t *testing.T) {
	type row struct {
		Image    string   `parquet:"image"`
		Captions []string `parquet:"caption,list,dict"`
	}
	long := strings.Repeat("x", maxRecord/4)
	table := pairFolder(t, "p.csv", "image,caption\n", threePictures)
	path := filepath.Join(filepath.Dir(table), "p.parquet")
	rows := []row{
		{"a.jpg", slices.Repeat([]string{"a cat"}, mostListed+1)}, {"a.jpg", []string{"a cat", "two"}},
		{"c.jpg", slices.Repeat([]string{long}, 5)}, {"c.jpg", []string{"a dog"}},
	}
	if err := parquet.WriteFile(path, rows); err != nil {
		t.Fatal(err)
	}
	pairs := openPairs(t, path, DefaultPairOptions())
	if pairs.Len() != 2 || pairs.Captions.Len() != 3 {
		t.Errorf("%d pictures, %d captions", pairs.Len(), pairs.Captions.Len())
	}
	if d := pairs.Dropped; len(d) != 1 || d[0].Reason != TooLong || d[0].Count != 2 {
		t.Errorf("dropped %v", d)
	}
}
