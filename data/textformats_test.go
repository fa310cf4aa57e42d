package data

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

// raw are options that read all rows of a file of one or some columns as they are, but for those without a character.
func raw(texts ...string) TextOptions { return TextOptions{Header: true, Texts: texts} }

// joined are the rows as lines.
func joined(t testing.TB, text *Text) []string {
	var lines []string
	for _, row := range rowsOf(t, text) {
		lines = append(lines, fmt.Sprint(row.Line, ": ", strings.Join(row.Texts, "|")))
	}
	return lines
}

func TestColumnsByNumberWithoutHeader(t *testing.T) {
	opt := columnsOf("3", "1")
	opt.Header = false
	for name, content := range map[string]string{"a.tsv": "a\tb\t\"c\n\"d\te\tf\"\n", "a.csv": "a,b,\"\"\"c\"\n\"\"\"d\",e,\"f\"\"\"\n"} {
		text := openText(t, writeFile(t, name, []byte(content)), opt)
		if diff := cmp.Diff([]string{`1: "c|a`, `2: f"|"d`}, joined(t, text)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		_, err := OpenText(context.Background(), writeFile(t, name, []byte(content)), columnsOf("3"))
		if err == nil || !strings.Contains(err.Error(), "when header is false") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A quote that is not closed, or that closes where none should, costs its own line: those after it are read.
func TestAStrayQuoteCostsOneRow(t *testing.T) {
	for _, test := range []struct {
		content string
		want    []string
	}{
		{"text\ngood\n\"stray\nfine\nlast\n", []string{"2: good", "4: fine", "5: last"}},
		{"text\ngood\n\"stray\nlast\n\"a\"\"b\"\n", []string{"2: good", "4: last", "5: a\"b"}},
		{"text\r\ngood\r\n\"stray\r\nfine\r\nand \"another\r\n\"last\"\r\n", []string{"2: good", "4: fine", "6: last"}},
		{"text\ngood\n\"stray", []string{"2: good"}},
		{"text\ngood\nstr\"ay\nlast\n\n\n", []string{"2: good", "4: last"}},
	} {
		text := openText(t, writeFile(t, "a.csv", []byte(test.content)), columnsOf("text"))
		if diff := cmp.Diff(test.want, joined(t, text)); diff != "" {
			t.Errorf("%q: %s", test.content, diff)
		}
		if d := text.Dropped[0]; d.Reason != Malformed || !strings.HasSuffix(d.First[0].Place, ":3") {
			t.Errorf("%q drops %v", test.content, text.Dropped)
		}
	}
}

// Lines that a quote swallowed are read again once, not once for each of them: else this would take minutes.
func TestLinesWithinAStrayQuoteAreReadAgainOnce(t *testing.T) {
	const n = 30_000
	content := "a,b\n\"stray\n" + strings.Repeat("\"\",\"\"\n", n) + strings.Repeat("\"\",x \"y\"\n", n)
	path := writeFile(t, "a.csv", []byte(content))
	_, err := OpenText(context.Background(), path, raw("a"))
	if want := fmt.Sprintf("%d malformed, %d empty; the first is %s:2 ", n+1, n, path); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestCSVIsReadAsTheStandardLibraryReadsIt, whatever is in the quotes.
func TestCSVIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	dir := t
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 3).Draw(t, "width")
		value := rapid.StringOfN(rapid.SampledFrom([]rune("a ,\"\n\r\té")), 0, 8, -1)
		rows := rapid.SliceOfN(rapid.SliceOfN(value, width, width), 1, 6).Draw(t, "rows")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		if err := w.WriteAll(append([][]string{[]string{"a", "b", "c"}[:width]}, rows...)); err != nil {
			t.Fatal(err)
		}
		compareCSV(t, dir, b.Bytes(), width)
	})
}

// compareCSV compares the rows of a file that encoding/csv reads without an error.
func compareCSV(t interface{ Fatalf(string, ...any) }, dir testing.TB, content []byte, width int) {
	reader := csv.NewReader(bytes.NewReader(content))
	var want []string
	for i := 0; ; i++ {
		row, err := reader.Read()
		if err == io.EOF {
			break
		}
		if err != nil || len(row) != width {
			return
		}
		line, _ := reader.FieldPos(0)
		if i > 0 && !strings.ContainsFunc(strings.Join(row, ""), func(r rune) bool { return r == 0xfffd }) && usable(row) {
			want = append(want, fmt.Sprint(line, ": ", strings.Join(row, "|")))
		}
	}
	text, err := OpenText(context.Background(), writeFile(dir, "a.csv", content), raw([]string{"a", "b", "c"}[:width]...))
	if errors.Is(err, ErrNoText) && len(want) == 0 {
		return
	}
	if err != nil {
		t.Fatalf("%q: %v", content, err)
	}
	defer text.Close()
	if got := joined(dir, text); !cmp.Equal(want, got) {
		t.Fatalf("%q gives %q, want %q", content, got, want)
	}
}

// usable tells whether every text of a row has something in it.
func usable(row []string) bool {
	for _, text := range row {
		if strings.TrimFunc(text, isSpace) == "" {
			return false
		}
	}
	return true
}

// With another separator, commas are text, quotes are quotes, and a stray one costs a row as ever.
func TestAnotherSeparator(t *testing.T) {
	content := "a%[1]sb\n1,5%[1]s\"x%[1]s\ny\"\nonly one, with a comma\n\"stray%[1]sz\nlast%[1]s\"say \"\"so\"\"\"\n"
	for _, separator := range []string{";", "|", "\t", ":"} {
		opt := raw("b", "a")
		opt.Separator = separator
		text := openText(t, writeFile(t, "a.csv", fmt.Appendf(nil, content, separator)), opt)
		want := []string{"2: x" + separator + "\ny|1,5", `6: say "so"|last`}
		if diff := cmp.Diff(want, joined(t, text)); diff != "" {
			t.Errorf("%q: %s", separator, diff)
		}
		path := writeFile(t, "b.csv", fmt.Appendf(nil, content, separator))
		if _, err := OpenText(t.Context(), path, columnsOf("a")); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("if columns have %q between them, say it with separator", separator)) {
			if separator != ":" { // which many a sentence has
				t.Errorf("%q: error %v", separator, err)
			}
		}
	}
	for _, separator := range []string{";;", " ", "\"", "a", "7", "\n", "é"} {
		opt := columnsOf("a")
		opt.Separator = separator
		if err := opt.Validate(); err == nil || !strings.Contains(err.Error(), "separator is") {
			t.Errorf("%q: error %v", separator, err)
		}
	}
	opt := columnsOf("a")
	opt.Separator = ";"
	if _, err := OpenText(t.Context(), writeFile(t, "a.tsv", []byte("a\nb\n")), opt); err == nil || !strings.Contains(err.Error(), "it is for csv files") {
		t.Errorf("error %v", err)
	}
}

func TestJSONLines(t *testing.T) {
	opt := columnsOf("text")
	opt.Class, opt.Score = "class", "score"
	text := openText(t, writeFile(t, "a.jsonl", []byte(strings.Join([]string{
		`{"text":"no class","score":1}`,
		` {"score": "2.5", "text": "\u00e9", "class": "b", "more": {"a": [1]}} `,
		`{"text":"null class","score":3,"class":null}`,
		`{"text":"number","score":4e0,"class":7}`,
		`{"text":"truth","score":5,"class":true}`,
		`{"text":null,"score":6}`,
		`{"text":["a"],"score":7}`,
		`{"text":{},"score":7}`,
		`{"text":7,"score":7}`,
		`{"text":"no score"}`,
		`{"text":"no number","score":"x"}`,
		`{"text":"no number","score":"NaN"}`,
		`{"text":"a list","score":1,"class":[]}`,
		`"text"`,
		`7`,
		`{"text":"two","score":1}{}`,
	}, "\n"))), opt)
	want := []TextRow{
		{[]string{"no class"}, -1, 1, 1}, {[]string{"é"}, 1, 2.5, 2}, {[]string{"null class"}, -1, 3, 3},
		{[]string{"number"}, 0, 4, 4}, {[]string{"truth"}, 2, 5, 5},
	}
	if diff := cmp.Diff(want, rowsOf(t, text)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"7", "b", "true"}, text.Classes); diff != "" {
		t.Error(diff)
	}
	if len(text.Dropped) != 1 || text.Dropped[0].Count != 11 {
		t.Fatalf("dropped %v", text.Dropped)
	}
	for _, d := range text.Dropped[0].First {
		if d.Why == "" || strings.Contains(d.Why, "\n") {
			t.Errorf("dropped %v", d)
		}
	}
}

func TestJSONArraysHaveNumberedColumns(t *testing.T) {
	text := openText(t, writeFile(t, "a.jsonl", []byte("[\"a\",\"b\"]\n[\"c\"]\n[\"d\",\"e\",3]\n[]\n")), columnsOf("2", "1"))
	if diff := cmp.Diff([]string{"1: b|a", "3: e|d"}, joined(t, text)); diff != "" {
		t.Error(diff)
	}
}

// A key that the first objects do not have may come later; one that a hundred do not have is mistaken.
func TestRareJSONKeys(t *testing.T) {
	opt := columnsOf("text")
	opt.Class = "class"
	opt.DropDuplicates = false
	row := "{\"text\":\"a\"}\n"
	text := openText(t, writeFile(t, "a.jsonl", []byte(strings.Repeat(row, 90)+`{"text":"a","class":"b"}`)), opt)
	if text.Len() != 91 || text.Label(0) != -1 || text.Label(90) != 0 {
		t.Errorf("%d rows, labels %v", text.Len(), text.Labels())
	}
	for _, n := range []int{1, 100, 500} {
		_, err := OpenText(context.Background(), writeFile(t, "a.jsonl", []byte(strings.Repeat(row, n))), opt)
		if err == nil || !strings.Contains(err.Error(), `no column "class": there are "text"`) {
			t.Errorf("%d rows: %v", n, err)
		}
	}
}

func TestParquetColumns(t *testing.T) {
	type inner struct {
		EN string  `parquet:"en,dict,zstd"`
		DE *string `parquet:"de,optional"`
	}
	type line struct {
		Translation inner    `parquet:"translation"`
		Tags        []string `parquet:"tags,list"`
		Class       *int32   `parquet:"class,optional"`
		Score       float32  `parquet:"score,snappy"`
	}
	var want []string
	var b bytes.Buffer
	w := parquet.NewGenericWriter[line](&b, parquet.PageBufferSize(100))
	for i := range 1000 {
		de, class := fmt.Sprint("Zeile ", i), int32(i%3)
		r := line{inner{fmt.Sprint("line ", i), &de}, []string{"x", "y"}, &class, float32(i)}
		switch {
		case i%10 == 4:
			r.Translation.DE = nil
		case i%10 == 5:
			r.Class = nil
		}
		if i%10 != 4 {
			want = append(want, fmt.Sprint(i+1, ": Zeile ", i, "|line ", i))
		}
		if _, err := w.Write([]line{r}); err != nil {
			t.Fatal(err)
		}
		if i%300 == 299 {
			if err := w.Flush(); err != nil { // a row group
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	opt := columnsOf("translation.de", "translation.en")
	opt.Class, opt.Score = "class", "score"
	text := openText(t, writeFile(t, "a.parquet", b.Bytes()), opt)
	if diff := cmp.Diff(want, joined(t, text)); diff != "" {
		t.Error(diff)
	}
	for i, row := range rowsOf(t, text) {
		label := (row.Line - 1) % 3
		if (row.Line-1)%10 == 5 {
			label = -1
		}
		if row.Label != label || row.Score != float64(row.Line-1) {
			t.Fatalf("row %d is %v", i, row)
		}
	}
	if len(text.Dropped) != 1 || text.Dropped[0].Count != 100 || !strings.HasSuffix(text.Dropped[0].First[9].Place, ":95") {
		t.Errorf("dropped %v", text.Dropped)
	}
	_, err := OpenText(context.Background(), writeFile(t, "a.parquet", b.Bytes()), columnsOf("tags"))
	if err == nil || !strings.Contains(err.Error(), `there are "translation.en", "translation.de", "class", "score"`) {
		t.Errorf("a list: %v", err)
	}
}

func TestDamagedParquetIsAnError(t *testing.T) {
	whole := written(t)["a.parquet"]
	for i := 4; i < len(whole)-8; i += 3 {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0xff
		text, err := OpenText(context.Background(), writeFile(t, "a.parquet", damaged), columnsOf("anchor"))
		if err == nil {
			text.Close()
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("byte %d: %v", i, err)
		}
	}
}

// The library would take other bytes for the values.
func TestParquetWithLZ4IsRefused(t *testing.T) {
	type row struct {
		Image   string `parquet:"image"`
		Caption string `parquet:"caption,lz4"`
	}
	path := writeFile(t, "a.parquet", nil)
	if err := parquet.WriteFile(path, []row{{"a.jpg", "a cat"}}); err != nil {
		t.Fatal(err)
	}
	const want = `column "caption" is compressed with LZ4`
	if _, err := OpenText(t.Context(), path, columnsOf("image", "caption")); err == nil || !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
	if _, err := OpenPairs(t.Context(), path, DefaultPairOptions()); err == nil || !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
	openText(t, path, columnsOf("image")) // the other column can be read
}
