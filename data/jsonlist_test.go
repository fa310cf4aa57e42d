package data

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// namedLists is a file as CLINC150 has it, with what else JSON may hold between its lists.
const namedLists = "{\n\"val\": [[\"a \\\"]\\\\\", \"x\"]],\n \"about\" : {\"by\": [\"]\", {\"}\": null}], \"n\": -1.5e3},\n" +
	"\"train\": [ [\"pay my\\nbill\",\"bill\"] , [\"play\",\n\"music\"],\n[\"pay\"],[\"sing\",null],{\"2\":\"music\",\"1\":\"hum\"},[],7,[\"\\ud83d\\ude00\",\"x\"]\n]\n}"

func TestJSONIsReadAsOneOfItsLists(t *testing.T) {
	opt := columnsOf("1")
	opt.Class, opt.Split = "2", "train"
	for name, content := range map[string][]byte{"a.json": []byte(namedLists), "a.json.gz": gzipped(t, []byte(namedLists)), "bom.json": []byte("\ufeff" + namedLists)} {
		text := openText(t, writeFile(t, name, content), opt)
		want := []TextRow{
			{[]string{"pay my bill"}, 0, 0, 1}, {[]string{"play"}, 1, 0, 2}, {[]string{"pay"}, -1, 0, 3},
			{[]string{"sing"}, -1, 0, 4}, {[]string{"hum"}, 1, 0, 5}, {[]string{"😀"}, 2, 0, 8},
		}
		if diff := cmp.Diff(want, rowsOf(t, text)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"bill", "music", "x"}, text.Classes); diff != "" {
			t.Error(diff)
		}
		if d := text.Dropped; len(d) != 1 || d[0].Count != 2 || !strings.HasSuffix(d[0].First[0].Place, ":6") || !strings.HasSuffix(d[0].First[1].Place, ":7") {
			t.Errorf("dropped %v", d)
		}
	}
	opt.Split = "val"
	text := openText(t, writeFile(t, "a.json", []byte(namedLists)), opt)
	if diff := cmp.Diff([]string{`1: a "]\`}, joined(t, text)); diff != "" {
		t.Error(diff)
	}
}

// A list alone needs no name, and one whose rows have one column needs no column.
func TestJSONMayBeOneList(t *testing.T) {
	text := openText(t, writeFile(t, "a.json", []byte(`[{"q":"a"},{"q":"b"} ]`)), raw())
	if diff := cmp.Diff([]string{"1: a", "2: b"}, joined(t, text)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatJSONCannotBeReadFrom(t *testing.T) {
	long := `["` + strings.Repeat("a", maxRecord) + `"]`
	for _, c := range []struct{ split, content, want string }{
		{"", namedLists, `name the list of rows to read with split: there are "val", "about", "train"`},
		{"tran", namedLists, `there is no "tran" in it (did you mean "train"?)`},
		{"about", namedLists, `malformed at line 3: there should be a list of rows as "about"`},
		{"train", `[["a"]]`, `there is no "train" in it: it is one list`},
		{"", `"text"`, "neither a list of rows nor an object of lists"},
		{"", `{}`, "an object without a list of rows"},
		{"", `[]`, "no usable row"},
		{"", "[[\"a\"],\n[\"b\"] [\"c\"]]", "malformed at line 2: there should be a comma or the end of the list after row 2"},
		{"", `[["a"],]`, "malformed at line 1: there should be row 2"},
		{"", "[[\"a\"],\n[\"b", "truncated at line 2, where there should be row 2"},
		{"", `[["a"]`, "truncated at line 1, where there should be a comma or the end of the list after row 1"},
		{"train", `{"val": 1, "train" [["a"]]}`, "there should be a colon"},
		{"train", `{"val": }`, `there should be a value of "val"`},
		{"train", `{"val": 1 "train": []}`, "a comma or the end of the object"},
		{"train", `{val: []}`, "a name in quotes"},
		{"", "[" + long + "]", "1 too long"},
	} {
		opt := columnsOf("1")
		opt.Split = c.split
		_, err := OpenText(context.Background(), writeFile(t, "a.json", []byte(c.content)), opt)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: error %v, want %s", c.content, err, c.want)
		}
	}
	_, err := OpenText(context.Background(), writeFile(t, "a.json", []byte(`[7]`)), raw())
	if err == nil || !strings.Contains(err.Error(), "row 1: malformed: a JSON number, not an object") {
		t.Errorf("error %v", err)
	}
	opt := raw("1")
	opt.Split = "train"
	if _, err := OpenText(context.Background(), writeFile(t, "a.txt", []byte("a\n")), opt); err == nil || !strings.Contains(err.Error(), "only json files") {
		t.Errorf("error %v", err)
	}
	whole := gzipped(t, []byte("["+strings.Repeat(`["some words"],`, 2000)+`["end"]]`))
	if _, err := OpenText(context.Background(), writeFile(t, "a.json.gz", whole[:len(whole)/2]), raw("1")); err == nil || !strings.Contains(err.Error(), "truncated at line 1") {
		t.Errorf("a compressed file that ends too early: %v", err)
	}
}

// A row that is too long is one dropped row, and those after it are read.
func TestALongJSONRowCostsOneRow(t *testing.T) {
	content := fmt.Sprintf(`[["a"],["%s"],["b"]]`, strings.Repeat("x", maxRecord))
	opt := raw("1")
	text := openText(t, writeFile(t, "a.json", []byte(content)), opt)
	if diff := cmp.Diff([]string{"1: a", "3: b"}, joined(t, text)); diff != "" {
		t.Error(diff)
	}
}

// TestRowsOfJSONHaveOnlySoManyColumns: a line of millions of numbers would take a hundred times its memory, and minutes.
func TestRowsOfJSONHaveOnlySoManyColumns(t *testing.T) {
	row := func(columns int) string {
		return `["a \" , b",{"x":[` + strings.Repeat("1,", 2*maxColumns) + `1]}` + strings.Repeat(",1", columns-2) + "]"
	}
	if object, err := parseJSON([]byte(row(maxColumns))); err != nil || len(object) != maxColumns {
		t.Errorf("%d columns: %d, error %v", maxColumns, len(object), err)
	}
	var bad *badRow
	if _, err := parseJSON([]byte(row(maxColumns + 1))); !errors.As(err, &bad) || bad.reason != Malformed {
		t.Errorf("one more: error %v", err)
	}
	if n := testing.AllocsPerRun(1, func() { parseJSON([]byte("{" + strings.Repeat(`"a":1,`, 1<<20) + `"b":1}`)) }); n > 100 {
		t.Errorf("%g allocations for a million columns", n)
	}
}
