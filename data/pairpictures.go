package data

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tableFolder opens pictures by the paths that a table has for them: from the table's folder, or absolute.
type tableFolder string

func (dir tableFolder) Open(name string) (fs.File, error) {
	if strings.Contains(name, "://") {
		return nil, errors.New("is a web address, and nothing is downloaded: give the path of a file")
	}
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		path = filepath.Join(string(dir), path)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("no such file")
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a file")
	}
	return os.Open(path)
}

// outside tells whether a path leads out of the folder that it is relative to.
func outside(name string) bool { return !filepath.IsLocal(filepath.FromSlash(name)) }
