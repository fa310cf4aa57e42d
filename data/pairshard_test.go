package data

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"image"
	"image/color"
	"image/draw"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// packed is a tar file of files by their names, in order; a content that begins with @ is that of a file of testdata.
func packed(t testing.TB, files ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		content := []byte(f[1])
		if name, ok := strings.CutPrefix(f[1], "@"); ok {
			content = read(t, "testdata/"+name)
		}
		if err := w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// samples are two samples of a shard whose columns are members and keys.
var samples = [][2]string{
	{"./a/0001.jpg", "@color.jpg"},
	{"./a/0001.json", `{"kind":"x","tags":["pet","grey"],"caption":"of the json"}`},
	{"./a/0001.txt", "a cat,\nasleep\n"},
	{"./0002.cls", "7"},
	{"./0002.json", `{"caption":["a dog","a hound"]}`},
	{"./0002.PNG", "@palette.png"},
	{"./0002.thumb.png", "@palette.png"},
}

// shardFolder writes files into a folder.
func shardFolder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// samePicture tells whether picture i is that of a file of testdata.
func samePicture(t testing.TB, pairs *Pairs, i int, file string) {
	t.Helper()
	got, err := pairs.Images.Image(i)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Decode(read(t, "testdata/"+file))
	if err != nil {
		t.Fatal(err)
	}
	if got.Rect != want.Rect || !bytes.Equal(got.Pix, want.Pix) {
		t.Errorf("picture %d is not %s", i, file)
	}
}

// TestShardsAreReadAsTheyAreAndCompressed: one by one, as a folder and by names with braces and wildcards.
func TestShardsAreReadAsTheyAreAndCompressed(t *testing.T) {
	first, second := packed(t, samples[:3]...), packed(t, samples[3:]...)
	for _, c := range []struct{ zip, path string }{
		{"", "."}, {"", "s-{000..001}.tar"}, {"", "s-*.tar"}, {"", "{s-000,s-001}.tar"},
		{".gz", "."}, {".gz", "s-{000..001}.tar.gz"},
	} {
		files := map[string][]byte{"s-000.tar" + c.zip: first, "s-001.tar" + c.zip: second, ".hidden.tar": nil, "readme.md": nil}
		if c.zip != "" {
			files["s-000.tar"+c.zip], files["s-001.tar"+c.zip] = gzipped(t, first), gzipped(t, second)
		}
		pairs := openPairs(t, filepath.Join(shardFolder(t, files), c.path), DefaultPairOptions())
		want := []PairRow{
			{"s-000.tar" + c.zip + "/a/0001.jpg", []string{"a cat, asleep"}, nil, "", 1},
			{"s-001.tar" + c.zip + "/0002.png", []string{"a dog", "a hound"}, nil, "", 1},
		}
		if diff := cmp.Diff(want, pairRows(t, pairs)); diff != "" {
			t.Errorf("%s: %s", c.path, diff)
		}
		if len(pairs.Dropped) > 0 || pairs.Images.Skipped.Len() > 0 || pairs.Outside > 0 || !slices.Equal(pairs.Columns, []string{"txt"}) {
			t.Errorf("%s: dropped %v, skipped %v, columns %q", c.path, pairs.Dropped, pairs.Images.Skipped.List(), pairs.Columns)
		}
		samePicture(t, pairs, 0, "color.jpg")
		samePicture(t, pairs, 1, "palette.png")
	}
}

// TestColumnsOfSamplesAreMembersAndKeys.
func TestColumnsOfSamplesAreMembersAndKeys(t *testing.T) {
	path := filepath.Join(shardFolder(t, map[string][]byte{"s.tgz": gzipped(t, packed(t, samples...))}), "s.tgz")
	opt := DefaultPairOptions()
	opt.Captions, opt.Tags, opt.Class, opt.Image = []string{"caption", "txt"}, []string{"tags"}, "cls", "thumb.png"
	pairs := openPairs(t, path, opt)
	want := []PairRow{{"s.tgz/0002.thumb.png", []string{"a dog", "a hound"}, nil, "7", 2}}
	if diff := cmp.Diff(want, pairRows(t, pairs)); diff != "" {
		t.Error(diff)
	}
	opt.Class, opt.Image = "kind", ""
	pairs = openPairs(t, path, opt)
	want = []PairRow{
		{"s.tgz/a/0001.jpg", []string{"of the json", "a cat, asleep"}, []string{"pet", "grey"}, "x", 1},
		{"s.tgz/0002.png", []string{"a dog", "a hound"}, nil, "", 2},
	}
	if diff := cmp.Diff(want, pairRows(t, pairs)); diff != "" {
		t.Error(diff)
	}
}

// TestAShardCutShortHasWhatIsWhole wherever it is cut, and says so.
func TestAShardCutShortHasWhatIsWhole(t *testing.T) {
	whole := packed(t, samples...)
	second := len(packed(t, samples[:3]...)) - 1024 + 512 // where it is known that the first sample is whole
	for _, zipped := range []bool{false, true} {
		for cut := 0; cut < len(whole); cut += 256 {
			content := whole[:cut]
			if zipped {
				content = gzipped(t, content)
			}
			dir := shardFolder(t, map[string][]byte{"cut.tar": content, "whole.tar": packed(t, [2]string{"9.jpg", "@turned-6.jpg"}, [2]string{"9.txt", "a bird"})})
			pairs := openPairs(t, dir, DefaultPairOptions())
			want := 1
			if cut >= second {
				want++
			}
			if cut == len(whole)-512 { // the mark at the end is two blocks, and one will do
				want++
			}
			if pairs.Len() != want {
				t.Errorf("%d pairs of a shard cut at %d of %d, not %d", pairs.Len(), cut, len(whole), want)
			}
			if skipped := pairs.Images.Skipped.List(); cut <= len(whole)-1024 && (len(skipped) != 1 || skipped[0].Path != "cut.tar") {
				t.Errorf("cut at %d of %d: %v", cut, len(whole), skipped)
			}
			for i := range pairs.Len() {
				if _, err := pairs.Images.Image(i); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// TestUnusableSamplesAreNamed with their shard, their number and their name.
func TestUnusableSamplesAreNamed(t *testing.T) {
	dir := shardFolder(t, map[string][]byte{"s.tar": packed(t,
		[2]string{"nothing.txt", "a text alone"},
		[2]string{"silent.jpg", "@color.jpg"},
		[2]string{"broken.jpg", "no picture"}, [2]string{"broken.txt", "a text"},
		[2]string{"wrong.jpg", "@color.jpg"}, [2]string{"wrong.json", "{"},
		[2]string{"bytes.jpg", "@color.jpg"}, [2]string{"bytes.txt", "\xff"},
		[2]string{"good.jpg", "@color.jpg"}, [2]string{"good.txt", "a cat"},
		[2]string{"other.jpg", "@palette.png"}, [2]string{"other.txt", "a dog"},
		[2]string{"good.jpg", "@palette.png"}, [2]string{"good.txt", "another cat"},
		[2]string{"noname", "x"}, [2]string{"folder/.hidden.txt", "x"},
	), "text.tar": []byte(strings.Repeat("no tar file ", 100)), "empty.tar": nil, "damaged.tar.gz": []byte("\x1f\x8b damaged")})
	pairs := openPairs(t, dir, DefaultPairOptions())
	if rows := pairRows(t, pairs); len(rows) != 2 || rows[0].Name != "s.tar/good.jpg" || rows[1].Name != "s.tar/other.jpg" {
		t.Errorf("%+v", rows)
	}
	samePicture(t, pairs, 0, "color.jpg")
	place := filepath.Join(dir, "s.tar") + ":"
	want := []Drop{
		{Malformed, 2, []DroppedRow{{place + "4", "wrong: its json: malformed: unexpected end of JSON input"}, {place + "8", "good: a second sample of the same name"}}},
		{InvalidUTF8, 1, []DroppedRow{{place + "5", "bytes: txt"}}},
		{Empty, 1, []DroppedRow{{place + "2", "no caption"}}},
		{NoPicture, 2, []DroppedRow{{place + "1", "nothing: none beside it; the files of a sample must follow one another, as after tar --sort=name"}, {place + "3", "s.tar/broken.jpg: " + ErrFormat.Error()}}},
	}
	if diff := cmp.Diff(want, pairs.Dropped); diff != "" {
		t.Error(diff)
	}
	var skipped []string
	for _, s := range pairs.Images.Skipped.List() {
		skipped = append(skipped, s.Path+": "+s.Err.Error())
	}
	if diff := cmp.Diff([]string{
		"damaged.tar.gz: not a tar file",
		"empty.tar: empty file",
		"s.tar/broken.jpg: " + ErrFormat.Error() + " (" + place + "3)",
		"text.tar: not a tar file",
	}, skipped); diff != "" {
		t.Error(diff)
	}
}

// TestNamesThatStandForNoFiles are errors.
func TestNamesThatStandForNoFiles(t *testing.T) {
	dir := shardFolder(t, map[string][]byte{"two/a.csv": nil, "two/b.tsv": nil, "none/readme.md": nil, "s-000.tar": nil, "bad/text.tar": []byte("text")})
	for name, want := range map[string]string{
		"s-{000..001}.tar":                     "no such file: " + filepath.Join(dir, "s-001.tar"),
		"t-*.tar":                              "no file is called",
		"s-{1..0}.tar":                         "must be a number and a larger one",
		"s-{1..999999}.tar":                    "must be a number and a larger one",
		"s-{a,b":                               "a brace is not closed",
		"{0..9999}{0..9999}{0..9999}{0..9999}": "more than 100000 files",
		"[":                                    "syntax error in pattern",
		"two":                                  "holds 2 tables: give one of them",
		"none":                                 "holds no shards (.tar) and no table (.csv",
		"gone.tar":                             "no such file: ",
		"s-000.tar":                            "no usable row: s-000.tar: empty file",
		"bad":                                  "no usable row: text.tar: not a tar file, or cut short",
	} {
		_, err := OpenPairs(t.Context(), filepath.Join(dir, name), DefaultPairOptions())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBracesStandForNamesInOrder, with as many digits as the first has.
func TestBracesStandForNamesInOrder(t *testing.T) {
	for name, want := range map[string][]string{
		"a":             {"a"},
		"a{08..11}b":    {"a08b", "a09b", "a10b", "a11b"},
		"{9..10}":       {"9", "10"},
		"{x,y}-{1..2}!": {"x-1!", "x-2!", "y-1!", "y-2!"},
	} {
		got, err := expandBraces(name)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestSparseMembersAreWhole: in shards of `tar --sparse`, of each of its formats, the black of a picture of 96 x 96 is left out but for
// its first and last row.
func TestSparseMembersAreWhole(t *testing.T) {
	want := image.NewRGBA(image.Rect(0, 0, 96, 96))
	draw.Draw(want, want.Rect, image.Black, image.Point{}, draw.Src)
	for x := range uint8(96) {
		want.SetRGBA(int(x), 95, color.RGBA{2*x + 2, 2*x + 1, 2 * x, 255})
		want.SetRGBA(int(x), 0, color.RGBA{x + 18, x + 9, x, 255})
	}
	for _, kind := range []string{"gnu", "posix-0.1", "posix-1.0"} {
		zipped := read(t, "testdata/sparse-"+kind+".tar.gz")
		unzip, err := gzip.NewReader(bytes.NewReader(zipped))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(unzip)
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{"s.tar": plain, "s.tar.gz": zipped} {
			pairs := openPairs(t, filepath.Join(shardFolder(t, map[string][]byte{name: content}), name), DefaultPairOptions())
			if pairs.Len() != 1 || len(pairs.Dropped) > 0 || pairs.Images.Skipped.Len() > 0 {
				t.Errorf("%s, %s: dropped %v, skipped %v", kind, name, pairs.Dropped, pairs.Images.Skipped.List())
				continue
			}
			got, err := pairs.Images.Image(0)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Pix, want.Pix) {
				t.Errorf("%s, %s: the picture is another", kind, name)
			}
		}
	}
}

// TestMembersOfAShardStayInIt, whatever they are called; links and folders are no pictures, and a caption as long as a book is not read.
func TestMembersOfAShardStayInIt(t *testing.T) {
	color := read(t, "testdata/color.jpg")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range []struct {
		header  tar.Header
		content []byte
	}{
		{tar.Header{Name: "../../a.jpg"}, color},
		{tar.Header{Name: "../../a.txt"}, []byte("a cat")},
		{tar.Header{Name: "/b.jpg"}, color},
		{tar.Header{Name: "/b.txt"}, []byte("a dog")},
		{tar.Header{Name: "link.jpg", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, nil},
		{tar.Header{Name: "link.txt"}, []byte("a link")},
		{tar.Header{Name: "folder.jpg/", Typeflag: tar.TypeDir}, nil},
		{tar.Header{Name: "folder.txt"}, []byte("a folder")},
		{tar.Header{Name: "long.jpg"}, color},
		{tar.Header{Name: "long.txt"}, bytes.Repeat([]byte("x"), maxRecord+1)},
	} {
		m.header.Mode, m.header.Size = 0o644, int64(len(m.content))
		if err := w.WriteHeader(&m.header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"s.tar": b.Bytes(), "s.tgz": gzipped(t, b.Bytes())} {
		path := filepath.Join(shardFolder(t, map[string][]byte{name: content}), name)
		pairs := openPairs(t, path, DefaultPairOptions())
		want := []PairRow{{name + "/a.jpg", []string{"a cat"}, nil, "", 1}, {name + "/b.jpg", []string{"a dog"}, nil, "", 2}}
		if diff := cmp.Diff(want, pairRows(t, pairs)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		none := "none beside it; the files of a sample must follow one another, as after tar --sort=name"
		dropped := []Drop{
			{Malformed, 1, []DroppedRow{{path + ":5", "long: txt has 16777217 bytes, more than 16777216"}}},
			{NoPicture, 2, []DroppedRow{{path + ":3", "link: " + none}, {path + ":4", "folder: " + none}}},
		}
		if diff := cmp.Diff(dropped, pairs.Dropped); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if pairs.Outside != 0 || pairs.Images.Skipped.Len() != 0 {
			t.Errorf("%s: %d outside, skipped %v", name, pairs.Outside, pairs.Images.Skipped.List())
		}
	}
}

// Samples need not all have a column, but one that none has is a mistake. What columns there are, the first sample tells.
func TestColumnsThatNoSampleHasAreMissed(t *testing.T) {
	path := filepath.Join(shardFolder(t, map[string][]byte{"s.tar.gz": gzipped(t, packed(t, samples...))}), "s.tar.gz")
	for column, set := range map[string]func(*PairOptions){
		"pets": func(o *PairOptions) { o.Tags = []string{"tags", "pets"} }, "klass": func(o *PairOptions) { o.Class = "klass" }, "who": func(o *PairOptions) { o.Group = "who" },
	} {
		opt := DefaultPairOptions()
		set(&opt)
		if _, err := OpenPairs(t.Context(), path, opt); err == nil || !strings.HasPrefix(err.Error(), path+": no column \""+column+"\"") || !strings.Contains(err.Error(), `"tags"`) {
			t.Errorf("error %v, want the column %s", err, column)
		}
	}
	columns, err := PairColumns(path, DefaultPairOptions())
	if diff := cmp.Diff([]string{"caption", "jpg", "json", "kind", "tags", "txt"}, columns); diff != "" || err != nil {
		t.Error(err, diff)
	}
}
