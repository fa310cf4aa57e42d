//go:build linux || darwin

package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/train"
)

// With these, this test's binary is the program alike; with the second, on a disk where no file gets longer than so many
// bytes.
const (
	programEnv = "ALIKE_TEST_PROGRAM"
	limitEnv   = "ALIKE_TEST_LIMIT"
)

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) == "" {
		os.Exit(m.Run())
	}
	if limit, err := strconv.ParseUint(os.Getenv(limitEnv), 10, 64); err == nil {
		signal.Ignore(syscall.SIGXFSZ) // writes past the limit then fail, as on a full disk
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			panic(err)
		}
	}
	os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
}

// program is a command line as a process of its own.
func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), programEnv+"=1")
	return cmd
}

// onFullDisk runs a command line where no file gets longer than limit bytes.
func onFullDisk(t *testing.T, limit int, args ...string) result {
	t.Helper()
	cmd := program(args...)
	cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d", limitEnv, limit))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// shellWithAlike is a shell in which alike is this test's binary.
func shellWithAlike(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	bin := t.TempDir()
	writeFile(t, filepath.Join(bin, "alike"), fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", os.Args[0]))
	if err := os.Chmod(filepath.Join(bin, "alike"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), programEnv+"=1", "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return cmd
}

// Ctrl-C, in a directory whose name a shell takes apart: the step is finished, all is saved, and the command that is
// printed goes on, as it stands, to the same model.
func TestInterruptSignal(t *testing.T) {
	pictures, home := picturetest.Splits(t, 6, 3, 16), t.TempDir()
	whole, dir := filepath.Join(home, "whole"), filepath.Join(home, "it's my run")
	command := func(out string) []string {
		return append(tiny("train", "simclr", "--data", pictures, "--out", out), "--epochs=60")
	}
	mustAlike(t, command(whole)...)

	cmd := program(command(dir)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := ""
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "epoch 1:") {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("it was not interrupted")
	}
	result{cmd.ProcessState.ExitCode(), "", said}.checkRefused(t, exitFailure, "interrupted after step ", " of 120", "--resume")
	checkpoint := regexp.MustCompile(`after step (\d+) of`).FindStringSubmatch(said)
	if want := fmt.Sprintf("step-%09s.safetensors", checkpoint[1]); filepath.Base(newestCheckpoint(t, dir)) != want {
		t.Errorf("the newest checkpoint is %s, want %s", newestCheckpoint(t, dir), want)
	}
	if _, err := os.Stat(train.ModelDir(dir)); err == nil {
		t.Error("an unfinished run has a model")
	}

	_, resume, _ := strings.Cut(strings.TrimSpace(said), "go on with ")
	if out, err := shellWithAlike(t, resume).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", resume, err, out)
	}
	if modelBytes(t, whole) != modelBytes(t, dir) {
		t.Error("the resumed run ended in another model")
	}
}

// The disk fills up sooner or later in a run: it ends with one line, without half a file, and goes on when there is room.
func TestTrainOnAFullDisk(t *testing.T) {
	pictures, home := picturetest.Splits(t, 6, 3, 16), t.TempDir()
	command := func(out string) []string {
		return append(tiny("train", "simclr", "--data", pictures, "--out", out, "--checkpoint-seconds=0"), "--epochs=3")
	}
	whole := filepath.Join(home, "whole")
	mustAlike(t, command(whole)...)
	for _, limit := range []int{0, 4_000, 60_000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			onFullDisk(t, limit, command(dir)...).checkRefused(t, exitFailure, dir, "file too large")
			for path := range tree(t, dir) {
				if strings.Contains(filepath.Base(path), ".tmp") {
					t.Errorf("%s was left behind", path)
				}
			}
			mustAlike(t, append(command(dir), "--resume")...)
			if modelBytes(t, whole) != modelBytes(t, dir) {
				t.Error("the run that went on ended in another model")
			}
		})
	}
}

// Files that do not fit are not there at all.
func TestOutputsOnAFullDisk(t *testing.T) {
	run, pictures := trained(t)
	for _, c := range []struct {
		limit int
		args  []string
	}{
		{100, []string{"embed", run, pictures, "--out", "vectors.npy"}},   // the list of pictures does not fit
		{4_000, []string{"embed", run, pictures, "--out", "vectors.npy"}}, // it does, the vectors do not
		{4_000, []string{"embed", run, pictures, "--out", "vectors.jsonl"}},
		{4_000, []string{"embed", run, pictures, "--out", "vectors.parquet"}},
		{500, []string{"views", "--data", pictures, "--out", "sheet.png"}},
		{1_000, []string{"demo", "--out", "demo"}},
	} {
		t.Run(fmt.Sprint(c.args[0], c.limit), func(t *testing.T) {
			home := t.TempDir()
			name := c.args[len(c.args)-1]
			r := onFullDisk(t, c.limit, append(c.args[:len(c.args)-1], filepath.Join(home, name))...)
			r.checkRefused(t, exitFailure, filepath.Join(home, name), "file too large")
			checkUnchanged(t, home, nothing)
		})
	}
}

// An encoder of text that does not fit leaves no part of itself, so that the same command works when there is room.
func TestExportOnAFullDisk(t *testing.T) {
	run, _ := textRun(t)
	home := t.TempDir()
	out := filepath.Join(home, "exported")
	for _, limit := range []int{100, 4_000} {
		onFullDisk(t, limit, "export", run, "--out", out).checkRefused(t, exitFailure, "file too large")
		checkUnchanged(t, home, nothing)
	}
	mustAlike(t, "export", run, "--out", out)
}

// Vectors that were there before stay when their successors do not fit.
func TestVectorsOnAFullDiskStay(t *testing.T) {
	run, pictures := trained(t)
	home := t.TempDir()
	out := filepath.Join(home, "vectors.jsonl")
	mustAlike(t, "embed", run, pictures, "--out", out)
	before := tree(t, home)
	onFullDisk(t, 4_000, "embed", run, pictures, "--out", out).checkRefused(t, exitFailure, "file too large")
	checkUnchanged(t, home, before)
}

// A reader that goes away, as head does, is no reason to crash.
func TestClosedPipe(t *testing.T) {
	cmd := program("methods")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	stdout.Close()
	_ = cmd.Wait() // ended by the pipe or by itself
	if strings.Contains(stderr.String(), "goroutine") {
		t.Errorf("crashed:\n%s", stderr.String())
	}
}
