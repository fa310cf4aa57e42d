package data

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
)

// longestPath is the most bytes that the path of a picture may have: Linux opens none that is longer.
const longestPath = 4096

// tidy brings the path of a picture into one form, from the folder of the first file.
func (b *pairBuilder) tidy(picture, folder string) (string, error) {
	switch {
	case strings.TrimSpace(picture) == "":
		return "", &badRow{NoPicture, "no path"}
	case len(picture) > longestPath || strings.IndexByte(picture, 0) >= 0:
		return "", &badRow{NoPicture, fmt.Sprintf("%d bytes that are neither the path nor the file of a picture", len(picture))}
	case b.store.has(picture) || strings.Contains(picture, "://"):
		return picture, nil
	case filepath.IsAbs(picture):
		return filepath.ToSlash(filepath.Clean(picture)), nil
	}
	return path.Join(folder, filepath.ToSlash(picture)), nil
}

// look looks at the pictures of rows that are not known yet, at each once.
func (b *pairBuilder) look(ctx context.Context, rows []looked) error {
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0)) // some wait for the disk while others parse
	first := make(map[string]*looked)
	again := make(map[*looked]*looked)
	for i := range rows {
		r := &rows[i]
		if _, ok := b.known[r.picture]; ok || r.bad != nil {
			continue
		}
		if other, ok := first[r.picture]; ok {
			again[r] = other
			continue
		}
		first[r.picture] = r
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			r.key, r.bad = startKey(b.images.fsys, r.picture, b.opt.MaxPixels)
			return nil
		})
	}
	err := group.Wait()
	for r, other := range again {
		r.key, r.bad = other.key, other.bad
	}
	return err
}

// startBytes is how much of a file, at its beginning, its key depends on.
const startBytes = 4096

// startKey tells whether the header of a file is that of a picture that may be decoded, and what the size and the beginning of the
// file come to: files with different keys are different.
func startKey(fsys fs.FS, name string, maxPixels int) (uint64, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return 0, reason(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, reason(err)
	}
	buffered := bufio.NewReaderSize(f, startBytes)
	start, err := buffered.Peek(startBytes)
	if err != nil && err != io.EOF {
		return 0, reason(err)
	}
	hash := sha256.New()
	hash.Write(binary.LittleEndian.AppendUint64(nil, uint64(info.Size())))
	hash.Write(start)
	return binary.LittleEndian.Uint64(hash.Sum(nil)), checkStart(f, buffered, maxPixels)
}
