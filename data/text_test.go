package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
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
		{"a.csv", "PK\x03\x04\x14\x00", columnsOf(), ErrNotText, "zip"},
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
	for _, name := range []string{"a.txt", "a"} {
		if _, err := OpenText(context.Background(), filepath.Join(t.TempDir(), name), columnsOf()); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("no file %s: %v", name, err)
		}
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

// TestHeldOutRowsAreOthers: every row is on one side, in proportion to the classes, and the same for the same seed.
func TestHeldOutRowsAreOthers(t *testing.T) {
	text := sentences(t, 61, 1)
	rapid.Check(t, func(r *rapid.T) {
		n, seed := rapid.IntRange(1, 60).Draw(r, "n"), rapid.Uint64().Draw(r, "seed")
		train, held, err := text.HoldOut(n, seed)
		if err != nil || held.Len() != n || train.Len() != 61-n {
			r.Fatalf("%v", err)
		}
		again, _, err := text.HoldOut(n, seed)
		if err != nil || again.Fingerprint() != train.Fingerprint() || held.Fingerprint() == train.Fingerprint() {
			r.Fatalf("fingerprints %s, %s and %s (%v)", train.Fingerprint(), again.Fingerprint(), held.Fingerprint(), err)
		}
		seen := make(map[int]bool)
		count := make([]int, 3)
		for _, part := range []*Text{train, held} {
			for i := range part.Len() {
				row, err := part.Row(i)
				if err != nil || seen[row.Line] {
					r.Fatalf("line %d: %v", row.Line, err)
				}
				seen[row.Line] = true
				if whole, err := text.Row(row.Line - 2); err != nil || !cmp.Equal(whole, row) || part.Length(i) != len(row.Texts[0]) {
					r.Fatalf("row %d is %v, not %v (%v)", i, row, whole, err)
				}
				if part == held {
					count[row.Label]++
				}
			}
		}
		if slices.Max(count)-slices.Min(count) > 1 {
			r.Fatalf("held out %v of 21, 20 and 20", count)
		}
		// A part of a part is of the same rows.
		if train.Len() > 1 {
			rest, _, err := train.HoldOut(1, seed)
			if err != nil || rest.Len() != train.Len()-1 {
				r.Fatalf("%d rows (%v)", rest.Len(), err)
			}
			row, err := rest.Row(0)
			if err != nil || !slices.ContainsFunc([]int{0, 1}, func(i int) bool { first, _ := train.Row(i); return cmp.Equal(first, row) }) {
				r.Fatalf("the first row of the rest is %v (%v)", row, err)
			}
		}
	})
	for _, n := range []int{-1, 0, 61, 62} {
		if _, _, err := text.HoldOut(n, 1); err == nil || !strings.Contains(err.Error(), "of 61 rows") {
			t.Errorf("held out %d: %v", n, err)
		}
	}
}

// Rows with one anchor are on one side, whatever their other texts and classes, and about as many as asked are held out.
func TestRowsWithOneAnchorAreHeldOutTogether(t *testing.T) {
	var content strings.Builder
	content.WriteString("anchor,other,class\n")
	for i := range 600 {
		fmt.Fprintf(&content, "anchor %d,other %d,%d\n", i*i%201, i, i%3)
	}
	opt := columnsOf("anchor", "other")
	opt.Class = "class"
	text := openText(t, writeFile(t, "a.csv", []byte(content.String())), opt)
	for seed := range uint64(20) {
		train, held, err := text.HoldOut(120, seed)
		if err != nil {
			t.Fatal(err)
		}
		if train.Len()+held.Len() != 600 || held.Len() < 60 || held.Len() > 200 {
			t.Errorf("%d and %d rows, wanted about 480 and 120", train.Len(), held.Len())
		}
		learned := map[string]bool{}
		for _, row := range rowsOf(t, train) {
			learned[row.Texts[0]] = true
		}
		for _, row := range rowsOf(t, held) {
			if learned[row.Texts[0]] {
				t.Fatalf("%q is on both sides", row.Texts[0])
			}
		}
		if some := text.Some(120, seed); some.Len() != 120 {
			t.Errorf("some are %d rows", some.Len())
		}
	}
	same := openText(t, writeFile(t, "a.csv", []byte("anchor,other\na,b\na,c\na,d\n")), columnsOf("anchor", "other"))
	if _, _, err := same.HoldOut(1, 1); err == nil || !strings.Contains(err.Error(), "stay together") {
		t.Errorf("error %v", err)
	}
}

func TestRowsAreReadByManyAtOnce(t *testing.T) {
	text := sentences(t, 300, 2)
	want := rowsOf(t, text)
	var readers sync.WaitGroup
	for seed := range uint64(8) {
		readers.Go(func() {
			for _, i := range rng.New(seed, 0, 0, 0).Perm(text.Len()) {
				if row, err := text.Row(i); err != nil || !cmp.Equal(want[i], row) {
					t.Errorf("row %d is %v (%v)", i, row, err)
				}
			}
		})
	}
	readers.Wait()
}

func TestFingerprintsAreOfTheContent(t *testing.T) {
	open := func(content string, change func(*TextOptions)) string {
		opt := columnsOf("a", "b")
		opt.Class = "c"
		if change != nil {
			change(&opt)
		}
		return openText(t, writeFile(t, "a.csv", []byte(content)), opt).Fingerprint()
	}
	want := open("a,b,c\nx,y,1\nz,w,2\n", nil)
	if len(want) != 32 {
		t.Errorf("a fingerprint of %d", len(want))
	}
	for _, same := range []string{"c,b,a\n1,y,x\n2,w,z", "a,b,c\nx,y,1\n x,y ,1\nbad\nz,w,2\n\n"} {
		if got := open(same, nil); got != want {
			t.Errorf("%q has another fingerprint", same)
		}
	}
	for _, other := range []string{"a,b,c\nz,w,2\nx,y,1\n", "a,b,c\nx,y,1\n", "a,b,c\nx,y,2\nz,w,1\n", "a,b,c\nxy,y,1\nz,w,2\n", "b,a,c\nx,y,1\nz,w,2\n"} {
		if got := open(other, nil); got == want {
			t.Errorf("%q has the same fingerprint", other)
		}
	}
	if open("a,b,c\nx,y,1\nz,w,2\n", func(o *TextOptions) { o.Class = "" }) == want {
		t.Error("without classes the fingerprint is the same")
	}
}

// TestClosingRemovesTheFile: nothing is left in the folder of temporary files, neither by texts nor by errors.
func TestClosingRemovesTheFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	path := writeFile(t, "a.csv", []byte("a,b\nx,1\ny,2\nz,2\n"))
	text, err := OpenText(context.Background(), path, columnsOf("a"))
	if err != nil {
		t.Fatal(err)
	}
	train, _, err := text.HoldOut(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := train.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := text.Row(0); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a row of a closed text: %v", err)
	}
	if _, err := OpenText(context.Background(), path, columnsOf("c")); err == nil {
		t.Error("no error")
	}
	if _, err := OpenText(context.Background(), writeFile(t, "a.txt", []byte("\n")), columnsOf()); err == nil {
		t.Error("no error")
	}
	left, err := filepath.Glob(filepath.Join(dir, "alike-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left %q (%v)", left, err)
	}
}

// TestAQuoteThatIsNeverClosedIsNotHeldWhole: of the lines after it as many are in memory as one row may have, and rows go on behind it.
func TestAQuoteThatIsNeverClosedIsNotHeldWhole(t *testing.T) {
	line := strings.Repeat("0123456789abcdef", 1<<16) + "\n"
	in := bufio.NewReader(strings.NewReader("t\n\"open\n" + strings.Repeat(line, 3*maxRecord/len(line))))
	_, source, err := openCSV(&lineReader{in: in}, ',', true, columnsOf("t").pick)
	if err != nil {
		t.Fatal(err)
	}
	var r textRecord
	if err := source.next(&r); err == nil || r.line != 2 {
		t.Errorf("line %d: error %v", r.line, err)
	}
	if held := cap(source.(*csvSource).raw); held > 3*maxRecord/2 {
		t.Errorf("%d bytes are held", held)
	}
	if err := source.next(&r); err != nil || r.line != 3 || len(r.values[0]) != len(line)-1 {
		t.Errorf("line %d: %d bytes, error %v", r.line, len(r.values[0]), err)
	}
}

// TestVeryLongLinesDoNotBreak, whether they are used, too long for the options, or too long to be held.
func TestVeryLongLinesDoNotBreak(t *testing.T) {
	long, longer := strings.Repeat("0123456789abcdef", 10<<20/16), strings.Repeat("0123456789abcdef", 17<<20/16)
	for name, content := range map[string]string{
		"a.txt":   "a\n" + long + "\n" + longer + "\nb\n",
		"a.tsv":   "t\tu\na\t-\n" + long + "\t-\n" + longer + "\t-\nb\t-\n",
		"a.csv":   "t,u\na,-\n" + long + ",-\n" + longer + ",-\nb,-\n",
		"a.jsonl": `{"t":"a"}` + "\n" + `{"t":"` + long + "\"}\n" + `{"t":"` + longer + "\"}\n" + `{"t":"b"}`,
	} {
		path := writeFile(t, name, []byte(content))
		for _, limit := range []int{0, 1000}[:1+strings.Count(name, "txt")] {
			opt := columnsOf("t")
			if name == "a.txt" {
				opt.Texts = nil
			}
			opt.MaxChars = limit
			text := openText(t, path, opt)
			rows := rowsOf(t, text)
			if limit == 0 {
				if len(rows) != 3 || rows[1].Texts[0] != long || text.Length(1) != 65535 {
					t.Errorf("%s: %d rows", name, len(rows))
				}
			} else if len(rows) != 2 || text.Dropped[0].Count != 2 {
				t.Errorf("%s: %d rows, dropped %v", name, len(rows), text.Dropped)
			}
			if d := text.Dropped[0]; d.Reason != TooLong || rows[len(rows)-1].Texts[0] != "b" {
				t.Errorf("%s: %s, last row %.10q", name, d.Reason, rows[len(rows)-1].Texts[0])
			}
		}
	}
}

// sampler is a context that measures the memory in use as it is asked whether it has ended: once a row.
type sampler struct {
	context.Context
	calls int
	most  uint64
}

func (s *sampler) Err() error {
	if s.calls++; s.calls%20_000 == 0 {
		s.most = max(s.most, inUse())
	}
	return s.Context.Err()
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestTheFileIsNotHeldInMemory: 30 MB of text take the buffers and about 30 bytes a row while they are read, for the hashes that
// tell duplicates, and 14 bytes a row from then on.
func TestTheFileIsNotHeldInMemory(t *testing.T) {
	const rows, size = 100_000, 300
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for i := range rows {
		fmt.Fprintf(w, "%0*d\n", size, i)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, "a.txt.gz", b.Bytes())
	b = bytes.Buffer{}
	before := inUse()
	sample := &sampler{Context: context.Background()}
	text, err := OpenText(sample, path, columnsOf())
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	after := inUse()
	if text.Len() != rows || sample.most < before || sample.most-before > 1<<20+60*rows {
		t.Errorf("%d rows took %d bytes while they were read", text.Len(), sample.most-before)
	}
	if int64(after-before) > 1<<18+14*rows {
		t.Errorf("%d rows take %d bytes", text.Len(), after-before)
	}
	runtime.KeepAlive(text)
}

// TestTextOptionsAreOptions of a configuration: named in it, set from a command line, and read back.
func TestTextOptionsAreOptions(t *testing.T) {
	opt := DefaultTextOptions()
	for key, value := range map[string]string{"texts": "[2, b c]", "header": "false", "class": "7", "max_chars": "0", "format": "csv", "separator": ";", "split": "train"} {
		if err := fields.Set(&opt, key, value); err != nil {
			t.Error(err)
		}
	}
	want := TextOptions{Format: "csv", Separator: ";", Split: "train", Texts: []string{"2", "b c"}, Class: "7", CollapseSpace: true, NFC: true, MinChars: 1, DropDuplicates: true}
	if diff := cmp.Diff(want, opt); diff != "" {
		t.Error(diff)
	}
	document, err := fields.Marshal(opt)
	if err != nil {
		t.Fatal(err)
	}
	var back TextOptions
	if err := fields.Unmarshal(document, &back); err != nil || !cmp.Equal(want, back) {
		t.Errorf("read back as %+v (%v)", back, err)
	}
	for _, f := range fields.Of(opt) {
		if f.Help == "" {
			t.Errorf("%s has no help", f.Key)
		}
	}
}

func TestTextOptionsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*TextOptions){
		`format is "jsnl" (did you mean "jsonl"?)`:  func(o *TextOptions) { o.Format = "jsnl" },
		"texts are 4 columns":                       func(o *TextOptions) { o.Texts = []string{"a", "b", "c", "d"} },
		`class and score name the column "a" twice`: func(o *TextOptions) { o.Texts, o.Class = []string{"a"}, "a" },
		"without a name":                            func(o *TextOptions) { o.Texts = []string{""} },
		"min_chars is -1":                           func(o *TextOptions) { o.MinChars = -1 },
		"min_chars is 7 and max_chars 6":            func(o *TextOptions) { o.MinChars, o.MaxChars = 7, 6 },
	} {
		opt := DefaultTextOptions()
		change(&opt)
		if err := opt.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
		if _, err := OpenText(context.Background(), "nowhere.txt", opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("OpenText: error %v, want %s", err, want)
		}
	}
	if err := DefaultTextOptions().Validate(); err != nil {
		t.Error(err)
	}
}

// BenchmarkOpenText cleans and keeps sentences; the throughput is that of the uncompressed file.
func BenchmarkOpenText(b *testing.B) {
	var content bytes.Buffer
	for i := range 50_000 {
		fmt.Fprintf(&content, "source\tThis is sentence %d of those that a benchmark reads, and it is as long as most.\n", i)
	}
	path := writeFile(b, "a.tsv.gz", gzipped(b, content.Bytes()))
	opt := columnsOf("2")
	opt.Header = false
	b.SetBytes(int64(content.Len()))
	for b.Loop() {
		text, err := OpenText(context.Background(), path, opt)
		if err != nil {
			b.Fatal(err)
		}
		if err := text.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
