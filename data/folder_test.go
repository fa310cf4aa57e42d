package data

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// tree returns a file system of pictures at the given paths, and of other content at the paths of others.
func tree(t testing.TB, others map[string]string, paths ...string) fstest.MapFS {
	photo := read(t, "testdata/color.jpg")
	fsys := make(fstest.MapFS)
	for _, p := range paths {
		fsys[p] = &fstest.MapFile{Data: photo}
	}
	for p, content := range others {
		fsys[p] = &fstest.MapFile{Data: []byte(content)}
	}
	return fsys
}

func openFS(t testing.TB, fsys fs.FS) *ImageFolder {
	t.Helper()
	folder, err := OpenImageFS(context.Background(), fsys, "photos", FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// show writes an index as "path label" lines.
func show(s *Images) string {
	if s == nil {
		return "none"
	}
	lines := []string{strings.Join(s.Classes, ",")}
	for _, item := range s.Items {
		lines = append(lines, fmt.Sprint(item.Path, " ", item.Label))
	}
	return strings.Join(lines, "\n")
}

func TestLayouts(t *testing.T) {
	for _, test := range []struct {
		name             string
		paths            []string
		train, val, test string
	}{
		{"flat", []string{"b.jpg", "a.jpg"}, "\na.jpg -1\nb.jpg -1", "none", "none"},
		{"classes", []string{"dog/1.jpg", "cat/2.jpg", "cat/deep/er/1.jpg"},
			"cat,dog\ncat/2.jpg 0\ncat/deep/er/1.jpg 0\ndog/1.jpg 1", "none", "none"},
		{"classes and pictures beside them", []string{"a/1.jpg", "b/1.jpg", "c.jpg"}, "a,b\na/1.jpg 0\nb/1.jpg 1\nc.jpg -1", "none", "none"},
		{"one folder is no class", []string{"album/2.jpg", "album/1.jpg"}, "\nalbum/1.jpg -1\nalbum/2.jpg -1", "none", "none"},
		{"splits with classes", []string{"train/a/1.jpg", "train/c/2.jpg", "test/b/3.jpg", "test/c/4.jpg"},
			"a,b,c\ntrain/a/1.jpg 0\ntrain/c/2.jpg 2", "none", "a,b,c\ntest/b/3.jpg 1\ntest/c/4.jpg 2"},
		{"three splits", []string{"train/1.jpg", "valid/2.jpg", "test/3.jpg"}, "\ntrain/1.jpg -1", "\nvalid/2.jpg -1", "\ntest/3.jpg -1"},
		{"only train", []string{"train/a/1.jpg", "train/b/2.jpg"}, "a,b\ntrain/a/1.jpg 0\ntrain/b/2.jpg 1", "none", "none"},
		{"photos of trains", []string{"bus/1.jpg", "train/2.jpg"}, "bus,train\nbus/1.jpg 0\ntrain/2.jpg 1", "none", "none"},
		{"test without train", []string{"test/1.jpg", "other/2.jpg"}, "other,test\nother/2.jpg 0\ntest/1.jpg 1", "none", "none"},
		{"mislabelled and unusual names", []string{"b.txt", "a", "c.PNG", "é ü.jpeg"}, "\na -1\nb.txt -1\nc.PNG -1\né ü.jpeg -1", "none", "none"},
		{"hidden", []string{"1.jpg", ".2.jpg", ".trash/3.jpg", "a/.b/4.jpg"}, "\n1.jpg -1", "none", "none"},
	} {
		folder := openFS(t, tree(t, nil, test.paths...))
		got := []string{show(folder.Train), show(folder.Val), show(folder.Test)}
		if diff := cmp.Diff([]string{test.train, test.val, test.test}, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if folder.Skipped.Len() > 0 {
			t.Errorf("%s: skipped %v", test.name, folder.Skipped.List())
		}
	}
}

func TestUnreadableFilesAreListed(t *testing.T) {
	folder := openFS(t, tree(t, map[string]string{
		"a/empty.jpg":   "",
		"a/text.png":    "no picture at all",
		"a/phone.HEIC":  "\x00\x00\x00\x24ftypheic",
		"a/cut.webp":    "RIFF\x00\x00\x00\x00WEBP",
		"a/bomb":        string(bomb("png", 100_000, 100_000)),
		"a/readme.txt":  "pictures of a",
		"a/Thumbs.db":   "\xd0\xcf\x11\xe0",
		"a/nothing.txt": "",
	}, "a/1.jpg", "b/1.jpg"))
	if got, want := show(folder.Train), "a,b\na/1.jpg 0\nb/1.jpg 1"; got != want {
		t.Errorf("index %q", got)
	}
	want := []struct {
		path string
		err  error
	}{
		{"a/bomb", ErrTooLarge}, {"a/cut.webp", ErrDamaged}, {"a/empty.jpg", ErrEmpty}, {"a/phone.HEIC", ErrFormat}, {"a/text.png", ErrFormat},
	}
	got := folder.Skipped.List()
	if len(got) != len(want) || folder.Skipped.Len() != len(want) {
		t.Fatalf("skipped %v", got)
	}
	for i, skip := range got {
		if skip.Path != want[i].path || !errors.Is(skip.Err, want[i].err) || strings.ContainsAny(skip.Err.Error(), "\n") {
			t.Errorf("skipped %v, want %v", skip, want[i])
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("file.jpg", "x")
	write("empty/sub/.hidden", "x")
	write("broken/b.jpg", "")
	write("broken/c.jpg", "text")
	write("split/train/a.jpg", string(read(t, "testdata/color.jpg")))
	write("split/test/a.jpg", "")
	for name, want := range map[string]string{
		"missing":  "no such folder: DIR/missing: give the folder that holds the images",
		"file.jpg": "DIR/file.jpg is a file: give the folder that holds the images",
		"empty":    "no readable image in DIR/empty: put JPEG, PNG, GIF, WebP, BMP or TIFF files there, or give another folder",
		"broken":   "no readable image in DIR/broken: 2 skipped, first b.jpg: empty file",
		"split":    "no readable image in DIR/split/test: 1 skipped, first test/a.jpg: empty file",
	} {
		folder, err := OpenImageFolder(context.Background(), filepath.Join(dir, name), FolderOptions{})
		if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != want || folder != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.HasPrefix(want, "no readable") && !errors.Is(err, ErrNoImages) {
			t.Errorf("%s: not ErrNoImages", name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := OpenImageFolder(ctx, dir, FolderOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSymbolicLinks(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	photo := read(t, "testdata/color.jpg")
	for _, path := range []string{filepath.Join(dir, "a", "1.jpg"), filepath.Join(elsewhere, "2.jpg")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, photo, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"b":              elsewhere, // a class from elsewhere
		"a/loop":         dir,
		"a/self":         filepath.Join(dir, "a"),
		"a/3.jpg":        filepath.Join(elsewhere, "2.jpg"),
		"a/dangling.jpg": filepath.Join(dir, "nowhere"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Skip(err)
		}
	}
	folder, err := OpenImageFolder(context.Background(), dir, FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(folder.Train), "a,b\na/1.jpg 0\na/3.jpg 0\nb/2.jpg 1"; got != want {
		t.Errorf("index %q", got)
	}
	if list := folder.Skipped.List(); len(list) != 1 || list[0].Path != "a/dangling.jpg" || !errors.Is(list[0].Err, fs.ErrNotExist) {
		t.Errorf("skipped %v", list)
	}
}

// TestZip reads pictures from a zip archive, one of the file systems that are not folders.
func TestZip(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"train/a/1.jpg", "train/b/2.jpg", "test/a/3.jpg"} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(read(t, "testdata/color.jpg"))
	}
	w.Close()
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	folder := openFS(t, r)
	want, err := Decode(read(t, "testdata/color.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, images := range []*Images{folder.Train, folder.Test} {
		for i := range images.Len() {
			if img, err := images.Image(i); err != nil || !cmp.Equal(img, want) {
				t.Errorf("%s: another picture, %v", images.Items[i].Path, err)
			}
		}
	}
}

func TestImageThatFails(t *testing.T) {
	photo := string(read(t, "testdata/color.jpg"))
	folder := openFS(t, tree(t, map[string]string{"cut.jpg": photo[:len(photo)-40]}, "whole.jpg"))
	if folder.Train.Len() != 2 || folder.Skipped.Len() != 0 {
		t.Fatalf("index %q", show(folder.Train))
	}
	for range 2 {
		if _, err := folder.Train.Image(0); !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), "cut.jpg: damaged") {
			t.Errorf("error %v", err)
		}
	}
	if list := folder.Skipped.List(); len(list) != 1 || list[0].Path != "cut.jpg" {
		t.Errorf("skipped %v", list)
	}
}

// TestHugeFile has a small picture with something much larger behind it.
func TestHugeFile(t *testing.T) {
	fsys := tree(t, map[string]string{"huge.jpg": string(read(t, "testdata/color.jpg")) + strings.Repeat("film", 1<<20)}, "small.jpg")
	folder, err := OpenImageFS(context.Background(), fsys, "photos", FolderOptions{MaxPixels: 22 * 14})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Train.Image(0); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	if _, err := folder.Train.Image(1); err != nil {
		t.Error(err)
	}
}

// TestHoldOut checks the promises of a split over random data sets.
func TestHoldOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.IntRange(0, 20), 1, 5).Draw(t, "counts") // the first is that of unlabelled ones
		s := &Images{Classes: []string{"a", "b", "c", "d"}[:len(counts)-1]}
		for label, n := range counts {
			for i := range n {
				s.Items = append(s.Items, Item{fmt.Sprint(label, " ", i), label - 1})
			}
		}
		if s.Len() < 2 {
			t.Skip()
		}
		n := rapid.IntRange(1, s.Len()-1).Draw(t, "n")
		seed := rapid.Uint64().Draw(t, "seed")
		train, held, err := s.HoldOut(n, seed)
		if err != nil || held.Len() != n || train.Len() != s.Len()-n {
			t.Fatalf("%d and %d of %d, %v", train.Len(), held.Len(), s.Len(), err)
		}
		where := make(map[string]int)
		heldOf := make([]int, len(counts))
		for _, item := range train.Items {
			where[item.Path]++
		}
		for _, item := range held.Items {
			where[item.Path]++
			heldOf[item.Label+1]++
		}
		if len(where) != s.Len() {
			t.Fatalf("%d of %d pictures are somewhere", len(where), s.Len())
		}
		for label, count := range counts {
			if exact := float64(n*count) / float64(s.Len()); float64(heldOf[label]) <= exact-1 || float64(heldOf[label]) >= exact+1 {
				t.Fatalf("%d of %d held out with label %d, want about %.1f", heldOf[label], count, label-1, exact)
			}
		}
		_, again, err := s.HoldOut(n, seed)
		if err != nil || !cmp.Equal(held.Items, again.Items) {
			t.Fatal("the same seed holds out others")
		}
	})
}

func TestHoldOutRefuses(t *testing.T) {
	s := &Images{Items: make([]Item, 5)}
	for _, n := range []int{-1, 0, 5, 6} {
		if _, _, err := s.HoldOut(n, 1); err == nil {
			t.Errorf("held out %d of 5", n)
		}
	}
}

// TestHoldOutDependsOnTheSeed: two seeds agree on half of 40 pictures once in 10^11 draws.
func TestHoldOutDependsOnTheSeed(t *testing.T) {
	s := new(Images)
	for i := range 40 {
		s.Items = append(s.Items, Item{fmt.Sprint(i), -1})
	}
	_, a, _ := s.HoldOut(20, 1)
	_, b, _ := s.HoldOut(20, 2)
	if cmp.Equal(a.Items, b.Items) {
		t.Error("two seeds hold out the same")
	}
}

// TestTheDirectoryOfATIFFIsFoundWithoutReadingAllBeforeIt: most writers put it at the end.
func TestTheDirectoryOfATIFFIsFoundWithoutReadingAllBeforeIt(t *testing.T) {
	const at = 64 << 20
	path := writeFile(t, "a.tiff", binary.LittleEndian.AppendUint32([]byte("II*\x00"), at))
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(bomb("tiff", 50, 40)[8:], at); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	errOf := func(maxPixels int) error { return checkHeader(os.DirFS(filepath.Dir(path)), "a.tiff", maxPixels) }
	if err := errOf(2000); err != nil {
		t.Error(err)
	}
	if err := errOf(1999); !errors.Is(err, ErrTooLarge) {
		t.Errorf("with one pixel too many: %v", err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("allocated %d bytes", allocated)
	}
}

// TestNamesThatAreNoTextAreShownInQuotes, so that every skipped file has a line and none commands the terminal.
func TestNamesThatAreNoTextAreShownInQuotes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"good.jpg", "a\nb.jpg", "\x1b[31m.jpg", "latin\xe9.jpg"} {
		content := read(t, "testdata/color.jpg")
		if name != "good.jpg" {
			content = content[:20]
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			t.Skip(err) // a file system that has no such names
		}
	}
	folder, err := OpenImageFolder(t.Context(), dir, FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range folder.Skipped.List() {
		lines = append(lines, s.String())
	}
	early := ": " + ErrDamaged.Error() + ": jpeg: file ends early"
	want := []string{`"\x1b[31m.jpg"` + early, `"a\nb.jpg"` + early, `"latin\xe9.jpg": its name is not UTF-8: rename it`}
	if diff := cmp.Diff(want, lines); diff != "" || folder.Train.Len() != 1 {
		t.Errorf("%d pictures, %s", folder.Train.Len(), diff)
	}
}

// TestSomeAreThoseThatWouldBeHeldOut, in their order; where there are no more, all.
func TestSomeAreThoseThatWouldBeHeldOut(t *testing.T) {
	var paths []string
	for i := range 30 {
		paths = append(paths, fmt.Sprintf("%c/%02d.jpg", "abc"[i%3], i))
	}
	images := openFS(t, tree(t, nil, paths...)).Train
	_, held, err := images.HoldOut(12, 5)
	if err != nil {
		t.Fatal(err)
	}
	if some := images.Some(12, 5); show(some) != show(held) {
		t.Errorf("some are\n%s\nheld out are\n%s", show(some), show(held))
	}
	for _, n := range []int{30, 31} {
		if some := images.Some(n, 5); some != images {
			t.Errorf("%d of 30 are %d", n, some.Len())
		}
	}
	for i, item := range images.Items {
		if images.Label(i) != item.Label {
			t.Errorf("picture %d has the label %d, not %d", i, images.Label(i), item.Label)
		}
	}
}
