package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// print writes the comparison as a Markdown table that is also lined up for a terminal.
func (c Comparison) print(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d cores; %s\n", c.CPU, c.Cores, strings.Join(c.Systems, "; "))
	if c.FMARate > 0 {
		fmt.Fprintf(w, "units of fused multiply-add: %.0f GFLOP/s in float32\n", c.FMARate/1e9)
	}
	fmt.Fprintf(w, "medians of %d rounds; the ratio is PyTorch's time over Alike's, with its range over the rounds\n\n", c.Rounds)

	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	line := func(cells ...string) { fmt.Fprintf(table, "| %s\t|\n", strings.Join(cells, "\t| ")) }
	line("workload", "case", "Alike", "PyTorch", "ratio", "aim", "peak memory")
	line("---", "---", "---", "---", "---", "---", "---")
	for _, r := range c.Rows {
		theirs, ratio, memory := "", "", megabytes(r.Alike.PeakBytes)
		if r.PyTorch != nil {
			theirs = r.PyTorch.figures() + ", " + r.PyTorch.Mode
			ratio = fmt.Sprintf("%.2f (%.2f to %.2f)", r.Ratio, r.Spread[0], r.Spread[1])
			memory += " / " + megabytes(r.PyTorch.PeakBytes)
		}
		ours := r.Alike.figures()
		if r.OfPeak > 0 {
			ours += fmt.Sprintf(", %.0f%% of FMA", 100*r.OfPeak)
		}
		line(r.Workload, r.Case, ours, theirs, ratio, r.aim(), memory)
	}
	return table.Flush()
}

func (s Side) figures() string {
	text := fmt.Sprintf("%.4g ms", 1e3*s.Seconds)
	if s.ItemsPerSecond > 0 {
		text += fmt.Sprintf(", %.0f/s", s.ItemsPerSecond)
	}
	if s.FLOPS > 0 {
		text += fmt.Sprintf(", %.0f GFLOP/s", s.FLOPS/1e9)
	}
	return text
}

func (r Row) aim() string {
	switch {
	case r.Target > 0:
		return fmt.Sprintf("%.2f", r.Target)
	case r.PeakGoal > 0:
		return fmt.Sprintf("%.0f%% of FMA", 100*r.PeakGoal)
	}
	return ""
}

func megabytes(bytes int64) string { return fmt.Sprintf("%d MB", bytes/1e6) }
