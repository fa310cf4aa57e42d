package main

import (
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/alike-ml/alike/bench/timing"
)

// A workload is timed on both sides with the same arguments.
type workload struct {
	name string
	args []string // of bench/workload; the first names the script in bench/peers
	// modes are the ways in which PyTorch may do it. The fastest counts.
	modes []string
	// ratio is how many times PyTorch's speed is aimed at; 0 for none.
	ratio float64
	// ofPeak compares with the units of fused multiply-add, and peak is the share of their rate that is aimed at.
	ofPeak bool
	peak   float64
	// augment is run by alike bench augment instead.
	augment bool
	// sentences is run by bench/sentences and the scripts sentence_transformers_*.py instead. Numbers of the two results may differ by
	// so much.
	sentences bool
	tolerance float64
}

var (
	eager    = []string{"eager"}
	layouts  = []string{"eager", "channels_last"}
	compiled = []string{"eager", "compile"}
	all      = []string{"eager", "channels_last", "compile"}
	batches  = []string{"16", "32"} // sentences in one
)

var workloads = []workload{
	{name: "gemm", args: []string{"gemm"}, modes: eager, ofPeak: true, peak: 0.85},
	{name: "gemm-bf16", args: []string{"gemm", "--precision", "bf16"}, modes: eager},
	{name: "conv", args: []string{"conv"}, modes: layouts, ofPeak: true, peak: 0.75},
	{name: "conv-bf16", args: []string{"conv", "--precision", "bf16"}, modes: layouts},
	{name: "resnet18-step", args: []string{"step", "--network", "resnet18"}, modes: all, ratio: 1.25},
	{name: "resnet18-step-bf16", args: []string{"step", "--network", "resnet18", "--precision", "bf16"}, modes: all, ratio: 1.2},
	{name: "resnet18-inference", args: []string{"inference", "--network", "resnet18"}, modes: all, ratio: 1.3},
	{name: "vit_tiny-step", args: []string{"step", "--network", "vit_tiny"}, modes: compiled, ratio: 1.2},
	{name: "vit_tiny-inference", args: []string{"inference", "--network", "vit_tiny"}, modes: compiled, ratio: 1.3},
	{name: "text-step", args: []string{"step", "--network", "text"}, modes: compiled, ratio: 1.2},
	{name: "text-inference", args: []string{"inference", "--network", "text"}, modes: compiled, ratio: 1.3},
	{name: "augment", args: []string{"augment"}, modes: []string{"pillow", "tensor"}, augment: true},
	{name: "sentences-tokenize", args: []string{"tokenize"}, modes: []string{"fast", "batch"}, sentences: true},
	{name: "sentences-embed", args: []string{"embed"}, modes: batches, ratio: 1.5, sentences: true, tolerance: 1e-4},
	{name: "sentences-embed-bf16", args: []string{"embed", "--precision", "bf16"}, modes: batches, sentences: true, tolerance: 0.05},
	{name: "sentences-embed-static", args: []string{"embed", "--static"}, modes: []string{"64", "512"}, sentences: true, tolerance: 1e-4},
	{name: "sentences-train", args: []string{"train"}, modes: []string{"loop", "trainer"}, ratio: 1.2, sentences: true},
	{name: "sentences-train-bf16", args: []string{"train", "--precision", "bf16"}, modes: []string{"loop", "trainer"}, sentences: true},
}

func names() []string {
	var list []string
	for _, w := range workloads {
		list = append(list, w.name)
	}
	return list
}

// measurement is what all rounds of a workload gave, in their order.
type measurement struct {
	ours  []outcome
	peers map[string][]outcome // by mode
}

// measure runs a workload on both sides in turn.
func measure(t tools, w workload, rounds int) (measurement, error) {
	m := measurement{peers: make(map[string][]outcome)}
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "  round %d of %d: alike", round+1, rounds)
		o, err := t.alike(w)
		if err != nil {
			return m, err
		}
		m.ours = append(m.ours, o)
		if t.python != "" {
			for _, mode := range w.modes {
				fmt.Fprintf(os.Stderr, ", PyTorch %s", mode)
				o, err := t.peer(w, mode)
				if err != nil {
					return m, err
				}
				if err := sameResult(m.ours[round].Check, o.Check, w.tolerance); err != nil {
					return m, fmt.Errorf("%s: %w", mode, err)
				}
				m.peers[mode] = append(m.peers[mode], o)
			}
		}
		fmt.Fprintln(os.Stderr)
	}
	return m, nil
}

// sameResult returns an error if numbers of two results differ by more than the tolerance: then two different things were timed.
func sameResult(ours, theirs []float64, tolerance float64) error {
	if len(ours) != len(theirs) {
		return fmt.Errorf("%d numbers of Alike's result, %d of the other", len(ours), len(theirs))
	}
	for i, a := range ours {
		if !(math.Abs(a-theirs[i]) <= tolerance) {
			return fmt.Errorf("number %d of the results is %g and %g: they were not to differ by more than %g", i, a, theirs[i], tolerance)
		}
	}
	return nil
}

// Row is one line of the table: Alike's median over the rounds beside that of PyTorch's fastest mode.
type Row struct {
	Workload string `json:"workload"`
	Case     string `json:"case"`
	Alike    Side   `json:"alike"`
	// PyTorch is null where there is none.
	PyTorch *Side `json:"pytorch"`
	// Ratio is PyTorch's time over Alike's: the median over the rounds, and the lowest and highest.
	Ratio    float64    `json:"ratio,omitempty"`
	Spread   [2]float64 `json:"ratio_spread"`
	Target   float64    `json:"ratio_target,omitempty"`
	OfPeak   float64    `json:"of_fma_rate,omitempty"`
	PeakGoal float64    `json:"of_fma_rate_target,omitempty"`
}

// Side is one system's figures for a case.
type Side struct {
	Mode           string  `json:"mode,omitempty"`
	Seconds        float64 `json:"seconds"`
	ItemsPerSecond float64 `json:"items_per_second,omitempty"`
	FLOPS          float64 `json:"flops_per_second,omitempty"`
	// PeakBytes is the most memory that the program held, over all its cases: the median over the rounds, and for PyTorch
	// that of its most frugal mode.
	PeakBytes int64 `json:"peak_bytes"`
}

// rows joins the two sides' cases. fma is the machine's rate, or 0.
func (m measurement) rows(w workload, fma float64) []Row {
	var rows []Row
	for i, c := range m.ours[0].Cases {
		row := Row{Workload: w.name, Case: c.Name, Target: w.ratio, PeakGoal: w.peak}
		ours := caseSeconds(m.ours, i)
		row.Alike = side("", c, timing.Median(ours), peakBytes(m.ours))
		if w.ofPeak && fma > 0 {
			row.OfPeak = row.Alike.FLOPS / fma
		}
		if mode, theirs := m.fastest(w.modes, i); mode != "" {
			s := side(mode, c, timing.Median(theirs), m.leastPeak())
			row.PyTorch = &s
			ratios := make([]float64, len(ours))
			for round := range ours {
				ratios[round] = theirs[round] / ours[round]
			}
			row.Ratio = timing.Median(ratios)
			row.Spread = [2]float64{slices.Min(ratios), slices.Max(ratios)}
		}
		rows = append(rows, row)
	}
	return rows
}

// fastest finds PyTorch's best mode for a case, and its seconds in every round; "" without PyTorch.
func (m measurement) fastest(modes []string, i int) (best string, seconds []float64) {
	for _, mode := range modes {
		outcomes := m.peers[mode]
		if len(outcomes) == 0 {
			continue
		}
		s := caseSeconds(outcomes, i)
		if best == "" || timing.Median(s) < timing.Median(seconds) {
			best, seconds = mode, s
		}
	}
	return best, seconds
}

// leastPeak is the peak memory of PyTorch's most frugal mode.
func (m measurement) leastPeak() int64 {
	var peaks []int64
	for _, outcomes := range m.peers {
		peaks = append(peaks, peakBytes(outcomes))
	}
	return slices.Min(peaks)
}

func side(mode string, c timing.Case, seconds float64, peak int64) Side {
	return Side{Mode: mode, Seconds: seconds, ItemsPerSecond: float64(c.Items) / seconds, FLOPS: c.FLOPs / seconds, PeakBytes: peak}
}

func caseSeconds(outcomes []outcome, i int) []float64 {
	var seconds []float64
	for _, o := range outcomes {
		seconds = append(seconds, o.Cases[i].Seconds)
	}
	return seconds
}

func peakBytes(outcomes []outcome) int64 {
	var peaks []float64
	for _, o := range outcomes {
		peaks = append(peaks, float64(o.peakBytes))
	}
	return int64(timing.Median(peaks))
}

// addSystems notes who was measured.
func (c *Comparison) addSystems(m measurement) {
	outcomes := slices.Clone(m.ours)
	for _, p := range m.peers {
		outcomes = append(outcomes, p...)
	}
	for _, o := range outcomes {
		if s := fmt.Sprintf("%s, %d threads", o.System, o.Threads); !slices.Contains(c.Systems, s) {
			c.Systems = append(c.Systems, s)
		}
	}
}
