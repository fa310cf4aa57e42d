package data

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// writeFile puts a file of the name into a folder of its own and returns its path.
func writeFile(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// columnsOf are the default options with some columns.
func columnsOf(texts ...string) TextOptions {
	opt := DefaultTextOptions()
	opt.Texts = texts
	return opt
}

func openText(t testing.TB, path string, opt TextOptions) *Text {
	t.Helper()
	text, err := OpenText(context.Background(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := text.Close(); err != nil {
			t.Error(err)
		}
	})
	return text
}

func rowsOf(t testing.TB, text *Text) []TextRow {
	t.Helper()
	var rows []TextRow
	for row, err := range text.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// pairs are rows that each format has to write in a way of its own: separators, quotes, letters of all sizes.
var pairs = []struct {
	ID     int     `json:"id" parquet:"id"`
	Anchor string  `json:"anchor" parquet:"anchor"`
	Like   string  `json:"like" parquet:"like,optional"`
	Topic  string  `json:"topic" parquet:"topic,optional"`
	Score  float64 `json:"score" parquet:"score"`
}{
	{1, "A plane is taking off.", "An air plane is taking off.", "planes", 5},
	{2, `He said "hello", twice.`, "5\" pipes, cut", "speech", 2.615},
	{3, "Größe", "大きさ 🦆", "", -1e-3},
	{4, "it's 3 o'clock", `""`, "planes", 0},
}

// written are the pairs in every format that has columns.
func written(t testing.TB) map[string][]byte {
	header := []string{"id", "anchor", "like", "topic", "score"}
	var c, tsv, jsonl, p bytes.Buffer
	w := csv.NewWriter(&c)
	rows := [][]string{header}
	for _, r := range pairs {
		rows = append(rows, []string{strconv.Itoa(r.ID), r.Anchor, r.Like, r.Topic, strconv.FormatFloat(r.Score, 'g', -1, 64)})
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&jsonl, "%s\n", line)
	}
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		fmt.Fprintln(&tsv, strings.Join(row, "\t"))
	}
	if err := parquet.Write(&p, pairs); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"a.csv": c.Bytes(), "a.tsv": tsv.Bytes(), "a.jsonl": jsonl.Bytes(), "a.parquet": p.Bytes(),
		"a.csv.gz": gzipped(t, c.Bytes()), "a.TSV.GZ": gzipped(t, tsv.Bytes()), "a.ndjson.gz": gzipped(t, jsonl.Bytes()),
		"compressed without a word.csv": gzipped(t, c.Bytes()),
		"bom.csv":                       append([]byte("\ufeff"), c.Bytes()...),
		"crlf.csv":                      bytes.ReplaceAll(c.Bytes(), []byte("\n"), []byte("\r\n")),
		"crlf.tsv":                      bytes.ReplaceAll(tsv.Bytes(), []byte("\n"), []byte("\r\n")),
		"crlf.jsonl":                    bytes.ReplaceAll(jsonl.Bytes(), []byte("\n"), []byte("\r\n")),
		"bom and crlf.tsv.gz":           gzipped(t, append([]byte("\ufeff"), bytes.ReplaceAll(tsv.Bytes(), []byte("\n"), []byte("\r\n"))...)),
		"no end.jsonl":                  bytes.TrimSuffix(jsonl.Bytes(), []byte("\n")),
	}
}

func TestSameContentSameRowsInEveryFormat(t *testing.T) {
	opt := columnsOf("like", "anchor")
	opt.Class, opt.Score = "topic", "score"
	var want []TextRow
	for i, r := range pairs {
		want = append(want, TextRow{Texts: []string{r.Like, r.Anchor}, Label: []int{0, 1, -1, 0}[i], Score: r.Score})
	}
	fingerprints := make(map[string]string)
	for name, content := range written(t) {
		text := openText(t, writeFile(t, name, content), opt)
		got := rowsOf(t, text)
		for i := range got {
			line := i + 1
			if strings.Contains(strings.ToLower(name), "sv") {
				line++ // the header
			}
			if got[i].Line != line {
				t.Errorf("%s: row %d begins on line %d, want %d", name, i, got[i].Line, line)
			}
			got[i].Line = 0
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff([]string{"planes", "speech"}, text.Classes); diff != "" {
			t.Errorf("%s: classes: %s", name, diff)
		}
		if len(text.Dropped) > 0 || !cmp.Equal(text.Columns, opt.Texts) {
			t.Errorf("%s: columns %q, dropped %v", name, text.Columns, text.Dropped)
		}
		fingerprints[text.Fingerprint()] = name
	}
	if len(fingerprints) != 1 {
		t.Errorf("fingerprints differ: %v", fingerprints)
	}
}

func TestEveryBadRowIsCountedWithItsPlace(t *testing.T) {
	opt := columnsOf("text", "other")
	opt.MinChars, opt.MaxChars = 2, 12
	for name, content := range map[string]string{
		"a.csv": "text,other\n" +
			"good,row\n" + // 2
			"one\n" + // 3 malformed
			"one,two,three\n" + // 4 malformed
			"stray \" quote,here\n" + // 5 malformed
			"\n" + // 6 empty
			"bad\xff,utf\n" + // 7
			" ,nothing\n" + // 8 empty
			"x,too short\n" + // 9
			"much too long for it,really\n" + // 10
			" good\t,row\n" + // 11 duplicate
			"\"two\nlines\",fine\n" + // 12, 13
			"last,row",
		"a.jsonl": `{"text":"good","other":"row"}` + "\n" +
			`{"text":"good","other":"row"}` + "\n" + // 2 duplicate
			`{"text":"one"}` + "\n" + // 3 malformed
			`{"text":"one","other":2}` + "\n" + // 4 malformed
			`{"text":"one","other"` + "\n" + // 5 malformed
			"\n" + // 6 empty
			"{\"text\":\"bad\xff\",\"other\":\"row\"}\n" + // 7
			`{"text":"\u0000","other":"row"}` + "\n" + // 8 empty
			`{"text":"é","other":"too short"}` + "\n" + // 9
			`{"text":"good","other":"much too long for it"}` + "\n" + // 10
			`{"text":"two\nlines","other":"fine"}` + "\n" +
			`{"text":"last","other":"row"}`,
	} {
		path := writeFile(t, name, []byte(content))
		text := openText(t, path, opt)
		got := make(map[DropReason]string)
		for _, d := range text.Dropped {
			places := []string{strconv.Itoa(d.Count)}
			for _, row := range d.First {
				line, ok := strings.CutPrefix(row.Place, path+":")
				if !ok {
					t.Errorf("place %q is not in %s", row.Place, path)
				}
				places = append(places, line)
			}
			got[d.Reason] = strings.Join(places, " ")
		}
		want := map[DropReason]string{Malformed: "3 3 4 5", InvalidUTF8: "1 7", Empty: "2 6 8", TooShort: "1 9", TooLong: "1 10", Duplicate: "1 11"}
		if name == "a.jsonl" {
			want[Duplicate] = "1 2"
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		var texts []string
		for _, r := range rowsOf(t, text) {
			texts = append(texts, strings.Join(r.Texts, "|"))
		}
		if diff := cmp.Diff([]string{"good|row", "two lines|fine", "last|row"}, texts); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestOpenTextRefuses(t *testing.T) {
	pack := gzipped(t, []byte(strings.Repeat("a line of text, and another\n", 1)+strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz\n", 50)))
	garbage := bytes.Clone(pack)
	for i := 12; i < len(garbage); i++ {
		garbage[i] ^= 0xa5
	}
	for _, test := range []struct {
		name, content string
		opt           TextOptions
		is            error
		want          string
	}{
		{"a.csv", "sentence,label\na,b\n", columnsOf("sentense"), nil, `no column "sentense" (did you mean "sentence"?): there are "sentence", "label"`},
		{"a.tsv", "sentence\tlabel\na\tb\n", columnsOf(), nil, `name the columns of the texts: there are "sentence", "label"`},
		{"a.jsonl", `{"sentence":"a","label":"b"}`, columnsOf("sentense"), nil, `no column "sentense" (did you mean "sentence"?): there are "label", "sentence"`},
		{"a.csv", "a,a\n1,2\n", columnsOf("a"), nil, `two columns "a"`},
		{"a.txt", "a\n", columnsOf("text"), nil, "has no columns"},
		{"a.doc", "a\n", columnsOf(), nil, "cannot tell the format"},
		{"a.txt", "", columnsOf(), ErrEmpty, "empty file"},
		{"a.txt", "\n \n\t\n", columnsOf(), ErrNoText, "no usable row: 3 empty; the first is "},
		{"a.csv", "text\n", columnsOf(), ErrNoText, "it has no rows"},
		{"a.txt", "\xff\xfea\x00", columnsOf(), ErrNotText, "UTF-16"},
		{"a.csv", "PK\x03\x04", columnsOf(), ErrNotText, "zip"},
		{"a.csv", "ab\x00c", columnsOf(), ErrNotText, "zero"},
		{"a.txt.gz", string(pack[:len(pack)-20]), columnsOf(), nil, "truncated"},
		{"a.txt.gz", string(pack[:len(pack)-4]), columnsOf(), nil, "truncated at line 52"},
		{"a.txt.gz", string(garbage), columnsOf(), nil, "unreadable at its beginning"},
		{"a.parquet", "a,b\n1,2 and 3\n", columnsOf(), nil, "not a Parquet file"},
		{"a.parquet", string(written(t)["a.parquet"][:200]), columnsOf("anchor"), nil, "a truncated Parquet file"},
		{"a.parquet", string(written(t)["a.parquet"]), columnsOf("ancor"), nil, `did you mean "anchor"?`},
		{"a.parquet", string(written(t)["a.parquet"]), columnsOf("id"), nil, `column "id" is INT64, not text`},
	} {
		path := writeFile(t, test.name, []byte(test.content))
		_, err := OpenText(context.Background(), path, test.opt)
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), test.want) ||
			test.is != nil && !errors.Is(err, test.is) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %.20q: error %v, want %q", test.name, test.content, err, test.want)
		}
	}
	if _, err := OpenText(context.Background(), filepath.Join(t.TempDir(), "a.txt"), columnsOf()); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no file: %v", err)
	}
	if _, err := OpenText(context.Background(), t.TempDir(), TextOptions{Format: "txt"}); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := OpenText(ctx, writeFile(t, "a.txt", []byte("a\n")), columnsOf()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
