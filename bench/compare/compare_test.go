package main

import (
	"math"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/alike-ml/alike/bench/timing"
)

func outcomes(peak int64, seconds ...float64) []outcome {
	var list []outcome
	for _, s := range seconds {
		r := timing.Report{System: "it", Threads: 2, Cases: []timing.Case{{Name: "a step", Seconds: s, Items: 10, FLOPs: 100}}}
		list = append(list, outcome{Report: r, peakBytes: peak})
	}
	return list
}

// The fastest mode counts, rounds are compared pair by pair, and memory is that of the most frugal mode.
func TestRows(t *testing.T) {
	m := measurement{
		ours:  outcomes(3e6, 2, 1, 4),
		peers: map[string][]outcome{"eager": outcomes(5e6, 9, 9, 9), "compile": outcomes(7e6, 4, 3, 4)},
	}
	got := m.rows(workload{name: "step", modes: compiled, ratio: 1.2, ofPeak: true}, 200)
	want := []Row{{
		Workload: "step", Case: "a step", Target: 1.2, Ratio: 2, Spread: [2]float64{1, 3}, OfPeak: 0.25,
		Alike:   Side{Seconds: 2, ItemsPerSecond: 5, FLOPS: 50, PeakBytes: 3e6},
		PyTorch: &Side{Mode: "compile", Seconds: 4, ItemsPerSecond: 2.5, FLOPS: 25, PeakBytes: 5e6},
	}}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestTableWithoutPyTorch(t *testing.T) {
	m := measurement{ours: outcomes(3e6, 2)}
	var text strings.Builder
	c := Comparison{CPU: "a CPU", Cores: 2, Rounds: 1, Rows: m.rows(workload{name: "step", modes: compiled, ratio: 1.2}, 0)}
	c.addSystems(m)
	if err := c.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a CPU, 2 cores; it, 2 threads", "2000 ms, 5/s", "| 1.20", "| 3 MB"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

func TestDecodeReportsWhatWentWrong(t *testing.T) {
	var value any
	for _, c := range []struct{ args, want string }{
		{"echo no luck >&2; exit 3", "no luck"},
		{"echo this is not JSON", "what it printed"},
	} {
		if _, err := decode(exec.Command("sh", "-c", c.args), &value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.args, err)
		}
	}
}

func TestOnlyTheSameResultIsCompared(t *testing.T) {
	for _, c := range []struct {
		ours, theirs []float64
		ok           bool
	}{
		{nil, nil, true},
		{[]float64{1, 2}, []float64{1, 2.01}, true},
		{[]float64{1, 2}, []float64{1, 2.2}, false},
		{[]float64{1}, nil, false},
		{[]float64{math.NaN()}, []float64{1}, false},
	} {
		if err := sameResult(c.ours, c.theirs, 0.1); (err == nil) != c.ok {
			t.Errorf("%v and %v: %v", c.ours, c.theirs, err)
		}
	}
}
