// Command compare times Alike and PyTorch in turn, on the same machine in the same run, and prints a table of ratios.
//
//	go run ./bench/compare --python VENV/bin/python [--only REGEXP] [--rounds 3] [--json] [--encoder FOLDER --sentences FILE]
//
// bench/peers/README.md says how to make the Python environment. Without PyTorch the table has Alike's figures alone.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"github.com/alike-ml/alike/bench/timing"
	"github.com/alike-ml/alike/internal/peakmemory"
)

// Comparison is what a run finds; --json prints it.
type Comparison struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	// Systems names what was compared, with versions.
	Systems []string `json:"systems"`
	// FMARate is how many float32 operations a second the units of fused multiply-add give, all cores together; 0 where it
	// was not needed or cannot be measured.
	FMARate float64 `json:"fma_rate,omitempty"`
	Rounds  int     `json:"rounds"`
	Rows    []Row   `json:"rows"`
}

func main() {
	python := flag.String("python", "python3", "a Python with PyTorch")
	only := flag.String("only", "", "run the workloads whose names this regular expression matches: "+strings.Join(names(), ", "))
	rounds := flag.Int("rounds", 3, "how often each side runs")
	encoder := flag.String("encoder", "", "folder of sentence-transformers, for the workloads on sentences, which are left out without it")
	sentences := flag.String("sentences", "", "file of sentences for them, one a line")
	asJSON := flag.Bool("json", false, "print one JSON object")
	flag.Parse()
	if err := run(*python, *only, *rounds, *asJSON, *encoder, *sentences); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(python, only string, rounds int, asJSON bool, encoder, sentences string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("--only: %w", err)
	}
	if rounds < 1 {
		return fmt.Errorf("--rounds %d: it must be 1 or more", rounds)
	}
	tools, err := newTools(python)
	if err != nil {
		return err
	}
	defer tools.remove()
	tools.sentences = []string{"--encoder", encoder, "--text", sentences}

	c := Comparison{CPU: cpuid.CPU.BrandName, Cores: runtime.NumCPU(), Rounds: rounds}
	c.Systems = append(c.Systems, runtime.Version())
	for _, w := range workloads {
		if !pattern.MatchString(w.name) || w.sentences && encoder == "" {
			continue
		}
		fmt.Fprintln(os.Stderr, w.name)
		if w.ofPeak && c.FMARate == 0 {
			if c.FMARate, err = fmaRate(); err != nil {
				return err
			}
		}
		m, err := measure(tools, w, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		c.addSystems(m)
		c.Rows = append(c.Rows, m.rows(w, c.FMARate)...)
	}
	if len(c.Rows) == 0 {
		return fmt.Errorf("--only %s matches none of %s", only, strings.Join(names(), ", "))
	}
	if asJSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(c)
	}
	return c.print(os.Stdout)
}

// tools are the programs that are run.
type tools struct {
	dir    string // of Alike's programs, temporary
	python string // "" if it has no PyTorch
	// sentences are the arguments of workloads on sentences.
	sentences []string
}

func newTools(python string) (tools, error) {
	dir, err := os.MkdirTemp("", "alike-compare-")
	if err != nil {
		return tools{}, err
	}
	t := tools{dir: dir, python: python}
	if out, err := exec.Command("go", "build", "-o", dir, "./cmd/alike", "./bench/workload", "./bench/sentences").CombinedOutput(); err != nil {
		t.remove()
		return tools{}, fmt.Errorf("building Alike, from the root of its source: %w\n%s", err, out)
	}
	if out, err := exec.Command(python, "-c", "import torch").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		fmt.Fprintf(os.Stderr, "%s has no PyTorch, so Alike is timed alone: %v %s\n", python, err, lines[len(lines)-1])
		t.python = ""
	}
	return t, nil
}

func (t tools) remove() { os.RemoveAll(t.dir) }

// alike runs Alike's side of a workload.
func (t tools) alike(w workload) (outcome, error) {
	if w.augment {
		return t.augment()
	}
	if w.sentences {
		return report(exec.Command(filepath.Join(t.dir, "sentences"), slices.Concat(w.args, t.sentences)...))
	}
	return report(exec.Command(filepath.Join(t.dir, "workload"), w.args...))
}

// peer runs PyTorch's side of a workload.
func (t tools) peer(w workload, mode string) (outcome, error) {
	script, more := w.args[0]+".py", w.args[1:]
	if w.sentences {
		script, more = "sentence_transformers_"+script, slices.Concat(more, t.sentences)
	}
	args := append([]string{filepath.Join("bench", "peers", script), "--mode", mode}, more...)
	return report(exec.Command(t.python, args...))
}

// augment runs alike bench augment on one core, and puts what it prints as the others do.
func (t tools) augment() (outcome, error) {
	command := exec.Command(filepath.Join(t.dir, "alike"), "bench", "augment", "--json")
	command.Env = append(os.Environ(), "GOMAXPROCS=1")
	var timings []struct {
		PictureSize    int     `json:"picture_size"`
		ImageSize      int     `json:"image_size"`
		ViewsPerSecond float64 `json:"views_per_second_and_core"`
	}
	peak, err := decode(command, &timings)
	o := outcome{peakBytes: peak, Report: timing.Report{System: "alike bench augment", Threads: 1}}
	for _, v := range timings {
		name := fmt.Sprintf("%d-pixel JPEG to %d-pixel views", v.PictureSize, v.ImageSize)
		o.Cases = append(o.Cases, timing.Case{Name: name, Seconds: 1 / v.ViewsPerSecond, Items: 1})
	}
	return o, err
}

// outcome is what one program measured, and the most memory that it held.
type outcome struct {
	timing.Report
	peakBytes int64
}

func report(command *exec.Cmd) (o outcome, err error) {
	o.peakBytes, err = decode(command, &o.Report)
	return o, err
}

// decode runs a command that prints JSON into value, and returns its peak resident memory.
func decode(command *exec.Cmd, value any) (peakBytes int64, err error) {
	var complaints strings.Builder
	command.Stderr = &complaints
	out, err := command.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", command, err, complaints.String())
	}
	if err := json.Unmarshal(out, value); err != nil {
		return 0, fmt.Errorf("%s: what it printed: %w", command, err)
	}
	return peakmemory.Of(command.ProcessState), nil
}

var fmaLine = regexp.MustCompile(`BenchmarkFMARate/avx512\S*\s.*?([0-9.]+) GFLOP/s`)

// fmaRate measures the machine's units of fused multiply-add: the best of five, as whatever disturbs only lowers it.
func fmaRate() (float64, error) {
	out, err := exec.Command("go", "test", "-run", "^$", "-bench", "FMARate", "-count", "5", "-benchtime", "300ms", "./engine/kernel").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("measuring the rate of fused multiply-adds: %w\n%s", err, out)
	}
	best := 0.0
	for _, m := range fmaLine.FindAllSubmatch(out, -1) {
		var rate float64
		if _, err := fmt.Sscan(string(m[1]), &rate); err == nil {
			best = max(best, rate*1e9)
		}
	}
	return best, nil
}
