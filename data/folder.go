package data

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// ErrNoImages is the error of a folder without a readable picture, and of a run whose pictures have all become unreadable.
var ErrNoImages = errors.New("no readable image")

// ImageFolder is an opened folder of pictures.
type ImageFolder struct {
	// Train are the pictures to learn from: those of train/, or all when the folder has no splits.
	Train *Images
	// Val and Test are the pictures of val/ and test/; nil when the folder has none.
	Val, Test *Images
	// Skipped lists the files that could not be read.
	Skipped *Skipped
}

// FolderOptions say how a folder is opened.
type FolderOptions struct {
	// MaxPixels is the most pixels (width times height) a picture may have; 0 means DefaultMaxPixels. Files of more than 8
	// bytes a pixel, and 1 MiB, are too large too.
	MaxPixels int
}

// OpenImageFolder indexes the pictures in dir and in all folders below it.
//
//   - Where the pictures lie in at least two subfolders, these are the classes; pictures beside them have no label.
//     Folders deeper down are part of their class.
//   - Where dir holds train/ and also test/ or val/ (or nothing but train/), these are the splits, each laid out as above,
//     and classes of the same name are the same class. valid/ and validation/ mean val/.
//   - Names that begin with a dot are ignored, and so are files that neither are called nor are pictures. Symbolic links
//     are followed, except into a folder that contains them.
//
// The header of every file is read at once: what is empty, of another format, damaged there or too large is listed in
// Skipped and not in the index. The order of the index is that of the paths. The error wraps [ErrNoImages] when dir, or
// one of its splits, has no readable picture.
func OpenImageFolder(ctx context.Context, dir string, opt FolderOptions) (*ImageFolder, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("no such folder: %s: give the folder that holds the images", dir)
	case err != nil:
		return nil, fmt.Errorf("cannot open %s: %w", dir, reason(err))
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file: give the folder that holds the images", dir)
	}
	return OpenImageFS(ctx, os.DirFS(dir), dir, opt)
}

// OpenImageFS is [OpenImageFolder] for the root of any file system, such as an embed.FS or a zip archive; name stands for
// it in errors.
func OpenImageFS(ctx context.Context, fsys fs.FS, name string, opt FolderOptions) (*ImageFolder, error) {
	skipped := new(Skipped)
	paths, err := readablePictures(ctx, fsys, opt.MaxPixels, skipped)
	if err != nil {
		return nil, err
	}
	splits := findSplits(fsys)
	classes := findClasses(paths, splits)
	all := Images{Classes: classes, Skipped: skipped, fsys: fsys, maxPixels: opt.MaxPixels}
	folder := &ImageFolder{Skipped: skipped}
	for _, split := range []struct {
		images **Images
		dir    string
	}{{&folder.Train, splits.train}, {&folder.Val, splits.val}, {&folder.Test, splits.test}} {
		if split.dir == "" {
			continue
		}
		items := itemsIn(split.dir, paths, classes)
		if len(items) == 0 {
			return nil, noImages(name, split.dir, skipped)
		}
		*split.images = all.with(items)
	}
	return folder, nil
}

// noImages tells why there is nothing to read in a split of a folder.
func noImages(name, dir string, skipped *Skipped) error {
	list := slices.DeleteFunc(skipped.List(), func(s Skip) bool { _, ok := below(s.Path, dir); return !ok })
	name = path.Join(name, dir)
	if len(list) == 0 {
		return fmt.Errorf("%w in %s: put JPEG, PNG, GIF, WebP, BMP or TIFF files there, or give another folder", ErrNoImages, name)
	}
	return fmt.Errorf("%w in %s: %d skipped, first %s: %w", ErrNoImages, name, len(list), shown(list[0].Path), list[0].Err)
}

// splits are the folders of the splits: "." where the whole folder is one, "" where there is none.
type splits struct{ train, val, test string }

// findSplits tells whether the folder is laid out as train/ with test/ or val/. A train/ among other folders is a class,
// of photos of trains.
func findSplits(fsys fs.FS) splits {
	entries, _ := fs.ReadDir(fsys, ".") // an unreadable root was noted by the walk
	var s splits
	folders := 0
	for _, entry := range entries {
		if info, err := fs.Stat(fsys, entry.Name()); hidden(entry.Name()) || err != nil || !info.IsDir() {
			continue
		}
		folders++
		switch entry.Name() {
		case "train":
			s.train = entry.Name()
		case "test":
			s.test = entry.Name()
		case "val", "valid", "validation":
			s.val = entry.Name()
		}
	}
	if s.train != "" && (s.val != "" || s.test != "" || folders == 1) {
		return s
	}
	return splits{train: "."}
}

// findClasses returns the sorted names of the class folders of all splits. A single one tells nothing apart: then there
// are no classes.
func findClasses(paths []string, s splits) []string {
	seen := make(map[string]bool)
	for _, dir := range []string{s.train, s.val, s.test} {
		for _, p := range paths {
			if class := classOf(p, dir); class != "" {
				seen[class] = true
			}
		}
	}
	if len(seen) < 2 {
		return nil
	}
	return slices.Sorted(maps.Keys(seen))
}

// itemsIn returns the pictures of one split in the order of their paths.
func itemsIn(dir string, paths, classes []string) []Item {
	var items []Item
	for _, p := range paths {
		if _, ok := below(p, dir); !ok {
			continue
		}
		label, ok := slices.BinarySearch(classes, classOf(p, dir))
		if !ok {
			label = -1
		}
		items = append(items, Item{p, label})
	}
	return items
}

// classOf returns the name of the folder right below dir that p is in, "" if there is none.
func classOf(p, dir string) string {
	rest, ok := below(p, dir)
	if !ok {
		return ""
	}
	class, _, ok := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return class
}

// below returns the part of p below the folder dir.
func below(p, dir string) (string, bool) {
	if dir == "." {
		return p, true
	}
	return strings.CutPrefix(p, dir+"/")
}
