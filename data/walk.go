package data

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
)

// pictureExtensions are the names of files that are meant as pictures, so that one that cannot be read is reported. They
// include formats that are not read.
var pictureExtensions = []string{
	".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff",
	".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw",
}

// readablePictures returns the sorted paths of all files below the root whose header is that of a picture.
func readablePictures(ctx context.Context, fsys fs.FS, maxPixels int, skipped *Skipped) ([]string, error) {
	w := walker{ctx: ctx, fsys: fsys, skipped: skipped}
	if err := w.walk(".", nil); err != nil {
		return nil, err
	}
	slices.Sort(w.files)
	readable := make([]bool, len(w.files))
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0)) // some wait for the disk while others parse
	for i, p := range w.files {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := checkHeader(fsys, p, maxPixels)
			readable[i] = err == nil
			if err != nil && (calledPicture(p) || !errors.Is(err, ErrFormat) && !errors.Is(err, ErrEmpty)) {
				skipped.add(p, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var paths []string
	for i, p := range w.files {
		if readable[i] {
			paths = append(paths, p)
		}
	}
	return paths, nil
}

func calledPicture(p string) bool {
	return slices.Contains(pictureExtensions, strings.ToLower(path.Ext(p)))
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// checkHeader tells whether the header of a file is that of a picture that may be decoded.
func checkHeader(fsys fs.FS, p string, maxPixels int) error {
	f, err := fsys.Open(p)
	if err != nil {
		return reason(err)
	}
	defer f.Close()
	return checkStart(f, bufio.NewReader(f), maxPixels)
}

// checkStart is checkHeader of a file that buffered reads.
func checkStart(f fs.File, buffered *bufio.Reader, maxPixels int) error {
	start, err := buffered.Peek(magicLen)
	if err != nil && err != io.EOF {
		return reason(err)
	}
	format, err := identify(start)
	if err != nil {
		return err
	}
	header := io.Reader(buffered)
	if at, ok := f.(io.ReaderAt); ok && format.scattered { // without reading all that comes before it
		header = io.NewSectionReader(at, 0, math.MaxInt64)
	}
	_, err = format.header(header, maxPixels)
	return err
}

// walker collects the files below a folder.
type walker struct {
	ctx     context.Context
	fsys    fs.FS
	skipped *Skipped
	files   []string
}

// walk collects the files below dir, which lies in the folders above.
func (w *walker) walk(dir string, above []fs.FileInfo) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	info, err := fs.Stat(w.fsys, dir)
	if err != nil {
		w.skipped.add(dir, reason(err))
		return nil
	}
	if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
		return nil // a symbolic link to a folder that contains it
	}
	entries, err := fs.ReadDir(w.fsys, dir)
	if err != nil {
		w.skipped.add(dir, reason(err))
	}
	above = append(slices.Clip(above), info)
	for _, entry := range entries {
		if hidden(entry.Name()) {
			continue
		}
		if !utf8.ValidString(entry.Name()) { // which no fs.FS opens
			w.skipped.add(path.Join(dir, entry.Name()), errors.New("its name is not UTF-8: rename it"))
			continue
		}
		if err := w.visit(path.Join(dir, entry.Name()), entry.Type(), above); err != nil {
			return err
		}
	}
	return nil
}

// visit collects one file, or those below one folder. Devices, pipes and sockets are no files.
func (w *walker) visit(p string, mode fs.FileMode, above []fs.FileInfo) error {
	if mode&fs.ModeSymlink != 0 {
		info, err := fs.Stat(w.fsys, p)
		if err != nil {
			w.skipped.add(p, reason(err))
			return nil
		}
		mode = info.Mode()
	}
	if mode.IsDir() {
		return w.walk(p, above)
	}
	if mode.IsRegular() {
		w.files = append(w.files, p)
	}
	return nil
}

// reason returns what went wrong with a file without its path, which is told beside it.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
