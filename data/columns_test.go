package data

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// The columns of a table are told without reading it, in every format that has some.
func TestColumnsOfTablesAreTold(t *testing.T) {
	type row struct {
		Image   string   `parquet:"image"`
		Caption []string `parquet:"caption,list"`
	}
	var table bytes.Buffer
	if err := parquet.Write(&table, []row{{"a.png", []string{"a"}}}); err != nil {
		t.Fatal(err)
	}
	semicolons := DefaultPairOptions()
	semicolons.Separator = ";"
	numbered := DefaultPairOptions()
	numbered.Header = false
	for name, c := range map[string]struct {
		content []byte
		options PairOptions
		want    []string
	}{
		"a.csv":     {[]byte("image, caption \n1,2\n"), DefaultPairOptions(), []string{"image", "caption"}},
		"b.csv":     {[]byte("image;caption\n1;2\n"), semicolons, []string{"image", "caption"}},
		"c.csv":     {[]byte("x.png,a,b\n"), numbered, []string{"1", "2", "3"}},
		"a.tsv.gz":  {gzipped(t, []byte("image\tcaption\n")), DefaultPairOptions(), []string{"image", "caption"}},
		"a.jsonl":   {[]byte("{\"caption\": \"a\", \"b\": 1}\n{\"c\": 2}\n"), DefaultPairOptions(), []string{"b", "caption"}},
		"a.parquet": {table.Bytes(), DefaultPairOptions(), []string{"image", "caption", "caption.list.element"}},
	} {
		path := writeFile(t, name, c.content)
		got, err := PairColumns(path, c.options)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		text := DefaultTextOptions()
		text.Separator, text.Header = c.options.Separator, c.options.Header
		if got, err := TextColumns(path, text); err != nil || cmp.Diff(c.want, got) != "" {
			t.Errorf("as text, %s has %v, %v", name, got, err)
		}
	}
	if _, err := PairColumns(filepath.Join(t.TempDir(), "none.csv"), DefaultPairOptions()); err == nil {
		t.Error("a file that is not there has columns")
	}
}

// Shards are told from folders of pictures by their names.
func TestShardsAreToldFromFolders(t *testing.T) {
	folder := t.TempDir()
	if HasShards(folder) {
		t.Error("an empty folder holds shards")
	}
	var shard bytes.Buffer
	if err := tar.NewWriter(&shard).Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"0.tar", "1.tar"} {
		if err := os.WriteFile(filepath.Join(folder, name), shard.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]bool{
		folder: true, filepath.Join(folder, "0.tar"): true, filepath.Join(folder, "{0..1}.tar"): true, filepath.Join(folder, "{0..2}.tar"): false,
		writeFile(t, "a.csv", []byte("a,b\n")): false,
	} {
		if HasShards(path) != want {
			t.Errorf("%s: shards %v", path, !want)
		}
	}
}
