package data

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzText opens a file of any content. What is read must be clean, and what is read and dropped must be all the lines there are,
// but for the header; records is their number, or -1 where it cannot be told.
func fuzzText(t *testing.T, name string, content []byte, opt TextOptions, records int) {
	text, err := OpenText(context.Background(), writeFile(t, name, content), opt)
	if err != nil {
		if strings.Contains(err.Error(), "\n") || errors.Is(err, context.Canceled) {
			t.Fatalf("%q: error %v", content, err)
		}
		return
	}
	defer text.Close()
	dropped := 0
	for _, d := range text.Dropped {
		if len(d.First) != min(d.Count, droppedShown) {
			t.Fatalf("%q: %d of %d rows listed", content, len(d.First), d.Count)
		}
		dropped += d.Count
	}
	if n := text.Len() + dropped; records >= 0 && n != records {
		t.Fatalf("%q: %d rows and %d dropped of %d", content, text.Len(), dropped, records)
	}
	line := 0
	for row, err := range text.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if row.Line <= line || len(row.Texts) != len(text.Columns) || row.Label < -1 || row.Label >= len(text.Classes) {
			t.Fatalf("%q: row %+v after line %d", content, row, line)
		}
		line = row.Line
		for _, value := range row.Texts {
			if again, err := opt.clean(value); err != nil || again != value {
				t.Fatalf("%q: %q is not clean (%v)", content, value, err)
			}
		}
	}
}

// lines counts the lines of a file; the last one may have no end.
func lines(content []byte) int {
	n := bytes.Count(content, []byte("\n"))
	if len(content) > 0 && !bytes.HasSuffix(content, []byte("\n")) {
		n++
	}
	return n
}

func FuzzTXT(f *testing.F) {
	f.Add([]byte("a\r\nb\n\n\xffc\nlast"))
	f.Add([]byte("\ufeffa\n\ufeff\n"))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x4b\xe4\x4a\xe2\x02\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		n := lines(content)
		if bytes.HasPrefix(content, []byte("\x1f\x8b")) || bytes.Equal(content, []byte("\ufeff")) {
			n = -1
		}
		fuzzText(t, "a.txt", content, DefaultTextOptions(), n)
	})
}

func FuzzTSV(f *testing.F) {
	f.Add([]byte("b\ta\r\nx\t\"y\nx\ty\tz\n\nlast\t"), "a", "b")
	f.Fuzz(func(t *testing.T, content []byte, column, class string) {
		opt := columnsOf(column)
		opt.Class = class
		fuzzText(t, "a.tsv", content, opt, -1)
		opt = columnsOf("1")
		opt.Header = false
		n := lines(content)
		if blank, _, _ := bytes.Cut(content, []byte("\n")); len(bytes.Trim(blank, " \t\r")) == 0 || bytes.HasPrefix(content, []byte("\x1f\x8b")) {
			n = -1 // blank lines before the header do not count
		}
		fuzzText(t, "a.tsv", content, opt, n)
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b\r\n\"x\n,\"\"\",y\n\"x\"y,z\n\nlast,\"open\n1,2\n3,4"), "a", "b")
	f.Fuzz(func(t *testing.T, content []byte, column, class string) {
		opt := columnsOf(column)
		opt.Class = class
		fuzzText(t, "a.csv", content, opt, -1)
		first, _, _ := bytes.Cut(content, []byte("\n"))
		if width := 1 + bytes.Count(first, []byte(",")); utf8.Valid(content) && string(bytes.TrimSuffix(first, []byte("\r"))) == "a,b,c"[:min(2*width-1, 5)] {
			compareCSV(t, t, content, width)
		}
	})
}

func FuzzJSONL(f *testing.F) {
	f.Add([]byte("{\"a\":\"x\",\"b\":1}\r\n[\"a\"]\n{\"a\":null}\n{\n\n{\"a\":\"\\ud800\",\"b\":\"c\"}"), "a", "b")
	f.Fuzz(func(t *testing.T, content []byte, column, class string) {
		opt := columnsOf(column)
		opt.Class = class
		n := lines(content)
		if bytes.HasPrefix(content, []byte("\x1f\x8b")) || bytes.HasPrefix(content, []byte("\ufeff")) {
			n = -1
		}
		fuzzText(t, "a.jsonl", content, opt, n)
	})
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte("[[\"x\",\"y\"], {\"1\": \"a\\\"]\"}\n,[], 7, \"a\"]"), "1", "2")
	f.Add([]byte("{\"b\": [1, {\"a\": []}], \"a\": [{\"1\": \"x\"}]}"), "1", "2")
	f.Fuzz(func(t *testing.T, content []byte, column, class string) {
		opt := columnsOf(column)
		opt.Class = class
		fuzzText(t, "a.json", content, opt, -1)
		// As one of the lists of an object, with another before it.
		var list []json.RawMessage
		n := -1
		if json.Unmarshal(content, &list) == nil && list != nil {
			n = len(list)
		}
		opt.Split = "the list"
		fuzzText(t, "a.json", fmt.Appendf(nil, "{\"other\": [[%q, {}]], \"the list\" :\n%s}", "\"]", content), opt, n)
	})
}

func FuzzParquet(f *testing.F) {
	f.Add(written(f)["a.parquet"])
	f.Fuzz(func(t *testing.T, content []byte) {
		opt := columnsOf("anchor", "like")
		opt.Class, opt.Score = "topic", "score"
		fuzzText(t, "a.parquet", content, opt, -1)
	})
}
