package data

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// fuzzPairs opens a file of any content beside pictures. What is read must have pictures and clean captions, whatever is in it.
func fuzzPairs(t *testing.T, dir, name string, content []byte, opt PairOptions) {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	pairs, err := OpenPairs(t.Context(), path, opt)
	if err != nil {
		if strings.Contains(err.Error(), "\n") {
			t.Fatalf("%q: error %v", content, err)
		}
		return
	}
	defer pairs.Close()
	names := make(map[string]bool)
	for i := range pairs.Len() {
		row, err := pairs.Row(i)
		if err != nil {
			t.Fatal(err)
		}
		if names[row.Name] || len(row.Captions) == 0 || row.Line < 1 {
			t.Fatalf("%q: row %+v", content, row)
		}
		names[row.Name] = true
		for k, caption := range append(row.Captions, row.Tags...) {
			if again, err := opt.text().clean(caption); err != nil || again != caption {
				t.Fatalf("%q: text %d, %q, is not clean (%v)", content, k, caption, err)
			}
		}
		if _, err := pairs.Images.Image(i); err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("%q: picture %q: %v", content, row.Name, err)
		}
	}
	if n := len(pairs.Images.Classes); n > 0 && opt.Class == "" {
		t.Fatalf("%d classes", n)
	}
}

// fuzzFolder has a few small pictures.
func fuzzFolder(f *testing.F) string {
	return filepath.Dir(pairFolder(f, "unused", "", map[string]string{"a.png": "palette.png", "b.jpg": "color.jpg"}))
}

func FuzzPairTables(f *testing.F) {
	f.Add("p.csv", []byte("image,caption,tags\na.png,\"a cat\",x;y\nb.jpg,,\n/b.jpg,c,\n../b.jpg,\x00,\n"))
	f.Add("p.tsv", []byte("caption\timage\ttags\na cat\ta.png\t\n\tb.jpg\tx\n"))
	f.Add("p.jsonl", []byte(`{"image":"a.png","caption":["a",null],"tags":"x,y"}`+"\n"+`{"image":{"bytes":"aGVsbG8=","path":"a.png"},"caption":"b"}`))
	dir := fuzzFolder(f)
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		switch name {
		case "p.csv", "p.tsv", "p.jsonl":
		default:
			t.Skip()
		}
		opt := DefaultPairOptions()
		opt.Tags = []string{"tags"}
		fuzzPairs(t, dir, name, content, opt)
		opt.Class, opt.Tags = "tags", nil
		fuzzPairs(t, dir, name, content, opt)
	})
}

func FuzzShards(f *testing.F) {
	f.Add(packed(f, samples...))
	f.Add(gzipped(f, packed(f, samples...)))
	f.Add(packed(f, [2]string{"a.png", "@palette.png"}, [2]string{"a.json", `{"caption":1,"tags":[]}`}, [2]string{"b", ""}, [2]string{"../.x", ""}))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzPairs(t, dir, "s.tar", content, DefaultPairOptions())
		opt := DefaultPairOptions()
		opt.Captions, opt.Tags, opt.Class = []string{"txt", "caption"}, []string{"tags"}, "cls"
		fuzzPairs(t, dir, "s.tar", content, opt)
	})
}

func FuzzPairParquet(f *testing.F) {
	type row struct {
		Image   hubPicture `parquet:"image"`
		Caption []string   `parquet:"caption,list"`
		Tags    string     `parquet:"tags"`
	}
	path := writeFile(f, "p.parquet", nil)
	rows := []row{{hubPicture{read(f, "testdata/palette.png"), "x"}, []string{"a", "b"}, "x"}, {hubPicture{nil, "a.png"}, nil, ""}}
	if err := parquet.WriteFile(path, rows); err != nil {
		f.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	dir := fuzzFolder(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		opt := DefaultPairOptions()
		opt.Tags = []string{"tags"}
		fuzzPairs(t, dir, "p.parquet", content, opt)
	})
}

// FuzzBraces: names are as many as they should be, or there is an error.
func FuzzBraces(f *testing.F) {
	f.Add("a{1..3}b{x,y}")
	f.Add("{007..010}{}{")
	f.Fuzz(func(t *testing.T, name string) {
		names, err := expandBraces(name)
		if err == nil && (len(names) == 0 || len(names) > maxFiles) || err != nil && strings.Contains(err.Error(), "\n") && !strings.Contains(name, "\n") {
			t.Fatal(fmt.Sprint(len(names), err))
		}
	})
}
