package data

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// A Parquet file that is compressed as a whole has the rows of the one within, and leaves no other file behind.
func TestCompressedParquetIsUnpacked(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	type row struct {
		Image string `parquet:"image"`
		Text  string `parquet:"text"`
	}
	var table bytes.Buffer
	if err := parquet.Write(&table, []row{{"a.png", "one"}, {"a.png", "two"}}); err != nil {
		t.Fatal(err)
	}
	compressed := gzipped(t, table.Bytes())
	text := openText(t, writeFile(t, "rows.parquet.gz", compressed), columnsOf("text"))
	if diff := cmp.Diff(rowsOf(t, openText(t, writeFile(t, "rows.parquet", table.Bytes()), columnsOf("text"))), rowsOf(t, text)); diff != "" {
		t.Error(diff)
	}
	path := pairFolder(t, "pairs.parquet.gz", string(compressed), map[string]string{"a.png": "palette.png"})
	if pairs := openPairs(t, path, DefaultPairOptions()); pairs.Len() != 1 || pairs.Captions.Len() != 2 {
		t.Errorf("%d pictures with %d captions", pairs.Len(), pairs.Captions.Len())
	}
	if columns, err := PairColumns(path, DefaultPairOptions()); err != nil || len(columns) != 2 {
		t.Errorf("columns %v, %v", columns, err)
	}
	for want, content := range map[string][]byte{
		"the compressed file ends too early": compressed[:len(compressed)/2], "damaged gzip": append(bytes.Clone(compressed[:len(compressed)-8]), make([]byte, 8)...),
		"not a Parquet file": gzipped(t, []byte("text,but no table\n")),
	} {
		path := writeFile(t, "bad.parquet.gz", content)
		if _, err := OpenText(t.Context(), path, columnsOf("text")); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("error %v, want %s", err, want)
		}
		if _, err := OpenPairs(t.Context(), path, DefaultPairOptions()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "alike-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
