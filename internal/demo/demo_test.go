package demo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/data"
)

// The program carries less than 4 MB of photographs.
func TestPhotographsAreSmall(t *testing.T) {
	if len(photos) > 4e6 {
		t.Errorf("%d bytes", len(photos))
	}
}

// The archive is what the generator makes of a folder: plain files in the order of their paths, without dates or owners.
func TestArchiveIsReproducible(t *testing.T) {
	unzipped, err := gzip.NewReader(bytes.NewReader(photos))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg || header.ModTime.Unix() != 0 || header.Uid != 0 || header.Uname != "" || !filepath.IsLocal(header.Name) {
			t.Fatalf("%+v", header)
		}
		names = append(names, header.Name)
	}
	if !slices.IsSorted(names) {
		t.Error("the files are not in the order of their paths")
	}
}

// 3,512 photographs to train on and 1,002 to test on, of the same ten classes, all of which decode.
func TestUnpack(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "photos")
	n, err := Unpack(folder)
	if err != nil || n != 4514 {
		t.Fatalf("%d photographs, %v", n, err)
	}
	opened, err := data.OpenImageFolder(t.Context(), folder, data.FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if opened.Val != nil || opened.Test == nil {
		t.Fatal("the splits are not train and test")
	}
	seen := map[string]bool{}
	for _, split := range []struct {
		images *data.Images
		n      int
	}{{opened.Train, 3512}, {opened.Test, 1002}} {
		classes := map[int]int{}
		for i, item := range split.images.Items {
			classes[item.Label]++
			if seen[item.Path] {
				t.Errorf("%s is there twice", item.Path)
			}
			seen[item.Path] = true
			picture, err := split.images.Image(i)
			if err != nil {
				t.Fatal(err)
			}
			if size := picture.Rect.Size(); min(size.X, size.Y) != 48 {
				t.Errorf("%s has %v pixels", item.Path, size)
			}
		}
		if split.images.Len() != split.n || len(classes) != 10 || classes[-1] > 0 || len(split.images.Classes) != 10 {
			t.Errorf("%d photographs of the classes %v", split.images.Len(), classes)
		}
	}
	if opened.Skipped.Len() > 0 {
		t.Errorf("skipped: %v", opened.Skipped.List())
	}
}

func TestUnpackSaysWhatIsInTheWay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := Unpack(filepath.Join(file, "photos")); n != 0 || err == nil || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("%d photographs, error %v", n, err)
	}
}

func TestConfigIsValid(t *testing.T) {
	if err := Config("photos").Validate(); err != nil {
		t.Error(err)
	}
}
