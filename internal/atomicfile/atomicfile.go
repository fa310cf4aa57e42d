// Package atomicfile writes files that are whole or not there.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Write puts what write writes into the file at path, replacing one that is there. Whoever reads path, after a power cut
// too, finds the old content or the new, never a part: the bytes go to a hidden file in the same folder, which is synced to
// disk and renamed. When write or the disk fails, path is as it was and nothing is left behind. What write writes is
// buffered. The new file has the permissions 0666 less the umask.
//
// (Package renameio does the same but does not build on Windows and does not sync the folder.)
func Write(path string, write func(io.Writer) error) error {
	temp, err := create(path)
	if err != nil {
		return failed(path, err)
	}
	renamed := false
	defer func() {
		if !renamed { // here also when write panics
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	buffer := bufio.NewWriterSize(temp, 1<<16)
	for _, step := range []func() error{
		func() error { return write(buffer) },
		buffer.Flush,
		temp.Sync,
		temp.Close,
		func() error { return os.Rename(temp.Name(), path) },
	} {
		if err := step(); err != nil {
			return failed(path, err)
		}
	}
	renamed = true
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return failed(path, err)
	}
	return nil
}

// Check returns the error with which [Write] would end where it may not write, or path is a folder. Nothing stays of it.
func Check(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return failed(path, errors.New("it is a folder"))
	}
	temp, err := create(path)
	if err != nil {
		return failed(path, err)
	}
	if err := errors.Join(temp.Close(), os.Remove(temp.Name())); err != nil {
		return failed(path, err)
	}
	return nil
}

// Clean removes the hidden files that killed writers left in a folder. No file in it may be being written.
func Clean(dir string) error {
	left, err := fs.Glob(os.DirFS(dir), ".*.tmp")
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove what a killed process left: %w", err)
		}
	}
	return nil
}

// create makes a new file beside path. A number in its name keeps it apart from those of other writers, and from what a
// killed one left.
func create(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	for n := 0; ; n++ {
		name := filepath.Join(dir, fmt.Sprintf(".%s.%d.tmp", base, n))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// syncFolder makes a rename in dir last. Windows has no such call, and needs none.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// failed names the file that was asked for, not the hidden one.
func failed(path string, err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		err = e.Err
	case *os.LinkError:
		err = e.Err
	}
	return fmt.Errorf("cannot write %s: %w", path, err)
}
