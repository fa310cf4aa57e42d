package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// folder returns the names in dir.
func folder(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestWriteReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model")
	for _, content := range []string{"first", "", "second, longer"} {
		if err := Write(path, text(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("read %q, %v; want %q", got, err, content)
		}
	}
	if got := folder(t, dir); got != "model" {
		t.Errorf("folder holds %q", got)
	}
}

func TestFailureLeavesTheOldFile(t *testing.T) {
	full := func(w io.Writer) error { // fails after more than the buffer has reached the disk
		if err := text(strings.Repeat("new", 100_000))(w); err != nil {
			return err
		}
		return &os.PathError{Op: "write", Path: "hidden", Err: syscall.ENOSPC}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "model")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	err := Write(path, full)
	if !errors.Is(err, syscall.ENOSPC) || err.Error() != "cannot write "+path+": no space left on device" {
		t.Errorf("error %v", err)
	}
	func() {
		defer func() { recover() }()
		Write(path, func(io.Writer) error { panic("in the middle") })
	}()
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("read %q, %v", got, err)
	}
	if got := folder(t, dir); got != "model" {
		t.Errorf("folder holds %q", got)
	}
}

func TestWriteBesideWhatAKilledWriterLeft(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, ".model.0.tmp")
	if err := os.WriteFile(left, []byte("half"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "model"), text("whole")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "model")); string(got) != "whole" {
		t.Errorf("read %q", got)
	}
}

func TestUnwritableFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "model")
	err := Write(path, text("x"))
	if err == nil || err.Error() != "cannot write "+path+": no such file or directory" {
		t.Errorf("error %v", err)
	}
}

func TestTargetIsAFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "model"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "model"), text("x")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if got := folder(t, dir); got != "model" {
		t.Errorf("folder holds %q", got)
	}
}

// What Check says is what Write would, and it leaves nothing.
func TestCheckSaysWhetherAFileCanBeWritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model")
	if err := Check(path); err != nil {
		t.Error(err)
	}
	if err := Write(path, text("whole")); err != nil {
		t.Fatal(err)
	}
	if err := Check(path); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if got := folder(t, dir); got != "model" {
		t.Errorf("folder holds %q", got)
	}
	for _, no := range []string{dir, filepath.Join(dir, "missing", "model")} {
		if err := Check(no); err == nil || !strings.HasPrefix(err.Error(), "cannot write "+no) {
			t.Errorf("%s: error %v", no, err)
		}
	}
}

func TestCleanRemovesWhatAKilledWriterLeft(t *testing.T) {
	dir := t.TempDir()
	left, err := create(filepath.Join(dir, "a.bin"))
	if err != nil {
		t.Fatal(err)
	}
	left.Close()
	if err := Write(filepath.Join(dir, "b.bin"), func(w io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "b.bin" {
		t.Errorf("left: %v (%v), want b.bin", entries, err)
	}
	if err := Clean(filepath.Join(dir, "none")); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
}
