package data

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// endless has rows of long captions for ever.
type endless struct{ caption string }

func (s endless) next() (pairRecord, error) {
	return pairRecord{picture: "a.jpg", captions: []string{s.caption}}, nil
}

// TestLongCaptionsAreNotReadFarAhead: what is in memory at a time is bounded in bytes, not only in rows.
func TestLongCaptionsAreNotReadFarAhead(t *testing.T) {
	b := newPairBuilder(DefaultPairOptions(), nil, t.TempDir())
	for _, size := range []int{1, 1 << 20, maxRecord} {
		rows, err := b.read(endless{strings.Repeat("x", size)}, ".")
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) > lookedAhead || (len(rows)-1)*size > textAhead || size == 1 && len(rows) < lookedAhead {
			t.Errorf("captions of %d bytes: %d rows", size, len(rows))
		}
	}
}

// TestWhatIsNoPathIsNotShown: a cell that cannot be a path may be a whole file, of a kind that is not read.
func TestWhatIsNoPathIsNotShown(t *testing.T) {
	heic := "\x00\x00\x00\x18ftypheic" + strings.Repeat("\x00\xff", 1<<19)
	table := pairFolder(t, "p.csv", "image,caption\na.jpg,a cat\n"+strings.Repeat("x", 1<<20)+",a dog\n", threePictures)
	inside := filepath.Join(filepath.Dir(table), "p.parquet")
	type row struct {
		Image   []byte `parquet:"image"`
		Caption string `parquet:"caption"`
	}
	if err := parquet.WriteFile(inside, []row{{[]byte("a.jpg"), "a cat"}, {[]byte(heic), "a dog"}, {[]byte(heic[:40]), "a cow"}}); err != nil {
		t.Fatal(err)
	}
	for path, count := range map[string]int{table: 1, inside: 2} {
		pairs := openPairs(t, path, DefaultPairOptions())
		if pairs.Len() != 1 || pairs.Images.Skipped.Len() != 0 {
			t.Errorf("%s: %d pictures, %d skipped", path, pairs.Len(), pairs.Images.Skipped.Len())
		}
		if d := pairs.Dropped; len(d) != 1 || d[0].Reason != NoPicture || d[0].Count != count || len(d[0].First[0].Why) > 100 {
			t.Errorf("%s: dropped %.200v", path, d)
		}
	}
}

// TestCancellingEndsTheReadingOfBadRows too, of which no picture is looked at.
func TestCancellingEndsTheReadingOfBadRows(t *testing.T) {
	path := pairFolder(t, "p.csv", "image,caption\n"+strings.Repeat("a.jpg\n", 2*lookedAhead), threePictures)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := OpenPairs(ctx, path, DefaultPairOptions()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestClassesOfPairsAreUTF8(t *testing.T) {
	opt := DefaultPairOptions()
	opt.Class = "kind"
	pairs := openPairs(t, pairFolder(t, "p.csv", "image,caption,kind\na.jpg,a cat,\xff\nc.jpg,a dog,y\n", threePictures), opt)
	if d := pairs.Dropped; pairs.Len() != 1 || len(d) != 1 || d[0].Reason != InvalidUTF8 {
		t.Errorf("%d pictures, dropped %v", pairs.Len(), d)
	}
}

// TestRepeatedTagsCountOnce, so that none is drawn more often than the others of its row.
func TestRepeatedTagsCountOnce(t *testing.T) {
	opt := DefaultPairOptions()
	opt.Tags = []string{"tags", "more"}
	pairs := openPairs(t, pairFolder(t, "p.csv", "image,caption,tags,more\na.jpg,a cat,pet; grey;pet,grey|soft\n", threePictures), opt)
	row, err := pairs.Captions.Row(0)
	if err != nil || !slices.Equal(row.Texts, []string{"a cat", "pet", "grey", "soft"}) {
		t.Errorf("%q, %v", row.Texts, err)
	}
}

// TestPicturesOfCompressedShardsAreCopiedUpToALimit of bytes, which depends on that of pixels.
func TestPicturesOfCompressedShardsAreCopiedUpToALimit(t *testing.T) {
	big := append(read(t, "testdata/color.jpg"), make([]byte, 2<<20)...)
	shard := packed(t, [2]string{"a.jpg", string(big)}, [2]string{"a.txt", "a cat"}, [2]string{"b.jpg", "@color.jpg"}, [2]string{"b.txt", "a dog"})
	opt := DefaultPairOptions()
	opt.MaxPixels = 1000
	pairs := openPairs(t, filepath.Join(shardFolder(t, map[string][]byte{"s.tgz": gzipped(t, shard)}), "s.tgz"), opt)
	if d := pairs.Dropped; pairs.Len() != 1 || len(d) != 1 || d[0].Reason != NoPicture || !strings.Contains(d[0].First[0].Why, ErrTooLarge.Error()) {
		t.Errorf("%d pictures, dropped %v", pairs.Len(), d)
	}
}

// TestTablesWithAnotherSeparator, as open_clip's with tabs, and those that have none.
func TestTablesWithAnotherSeparator(t *testing.T) {
	opt := DefaultPairOptions()
	for _, opt.Separator = range []string{"\t", ";"} {
		table := strings.ReplaceAll("filepath|title\na.jpg|\"a cat, asleep\"\n", "|", opt.Separator)
		pairs := openPairs(t, pairFolder(t, "p.csv", table, threePictures), opt)
		if row := pairRows(t, pairs)[0]; row.Captions[0] != "a cat, asleep" {
			t.Errorf("%q: %+v", opt.Separator, row)
		}
	}
	for name, want := range map[string]string{"p.tsv": "it is for csv files, and this is tsv", "p.jsonl": "this is jsonl"} {
		if _, err := OpenPairs(t.Context(), pairFolder(t, name, "filepath\ttitle\na.jpg\ta cat\n", threePictures), opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	opt.Separator = "ab"
	if err := opt.Validate(); err == nil || !strings.HasPrefix(err.Error(), "separator ") {
		t.Error(err)
	}
}

// TestWithoutRoomForTemporaryFilesTheErrorSaysWhere they were to be.
func TestWithoutRoomForTemporaryFilesTheErrorSaysWhere(t *testing.T) {
	text := writeFile(t, "a.txt", []byte("a text\n"))
	table := pairFolder(t, "p.jsonl", `{"image":"a.jpg","caption":"a cat"}`+"\n", threePictures)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "nowhere"))
	if _, err := os.CreateTemp("", ""); err == nil {
		t.Skip("this system has temporary files elsewhere")
	}
	_, errText := OpenText(t.Context(), text, DefaultTextOptions())
	_, errPairs := OpenPairs(t.Context(), table, DefaultPairOptions())
	for _, err := range []error{errText, errPairs} {
		if err == nil || !strings.Contains(err.Error(), "nowhere") || !strings.Contains(err.Error(), "set TMPDIR") {
			t.Errorf("error %v", err)
		}
	}
}

// TestSomePairsKeepTheirCaptions, in their order.
func TestSomePairsKeepTheirCaptions(t *testing.T) {
	pairs := manyPairs(t, 12)
	some := pairs.Some(5, 3)
	last := -1
	for _, row := range pairRows(t, some) {
		i, err := strconv.Atoi(row.Name)
		if err != nil || i <= last || len(row.Captions) != 1+i%3 || row.Captions[0] != fmt.Sprintf("caption 0 of %d", i) {
			t.Errorf("%+v after picture %d", row, last)
		}
		last = i
	}
	if some.Len() != 5 || pairs.Some(12, 3) != pairs {
		t.Errorf("%d of 12", some.Len())
	}
}
