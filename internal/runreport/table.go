package runreport

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/report"
)

// column is one of the table's, with a cell for each group.
type column struct {
	name string
	cell func(Group) string
}

// none stands in a cell for what a group has not.
const none = "–"

// columns are those of the table: seeds, scores beside their baselines, and what the runs took.
func columns() (list []column) {
	add := func(name string, cell func(Group) string) { list = append(list, column{name, cell}) }
	percent := func(s *Spread) string {
		return s.text(func(v float64) string { return fmt.Sprintf("%.1f", 100*v) }, " %")
	}
	decimal := func(s *Spread) string { return s.text(func(v float64) string { return fmt.Sprintf("%.3f", v) }, "") }
	besides := func(b *Besides, format string, times float64, unit string) string {
		if b == nil {
			return none
		}
		part := func(v *float64) string {
			if v == nil {
				return none
			}
			return fmt.Sprintf(format, times**v)
		}
		return part(b.Raw) + " / " + part(b.RandomInit) + unit
	}
	baselines := func(b *eval.Baselines) string {
		if b == nil {
			return none
		}
		return besides(&Besides{Raw: &b.Raw, RandomInit: &b.RandomInit}, "%.1f", 100, " %")
	}
	add("seeds", func(g Group) string { return fmt.Sprint(len(g.runs)) })
	add("test kNN", func(g Group) string { return percent(g.KNN) })
	add("raw / untrained", func(g Group) string { return baselines(g.KNNBaselines) })
	add("linear probe", func(g Group) string { return percent(g.Linear) })
	add("raw / untrained", func(g Group) string { return baselines(g.LinearBaselines) })
	add("STS", func(g Group) string { return decimal(g.STS) })
	add("tf-idf / untrained", func(g Group) string { return besides(g.STSBaselines, "%.3f", 1, "") })
	add("held-out kNN", func(g Group) string { return percent(g.HeldOutKNN) })
	add("raw / untrained", func(g Group) string { return besides(g.HeldOutKNNBaselines, "%.1f", 100, " %") })
	add("held-out recall", func(g Group) string { return percent(g.HeldOutRecall) })
	add("chance / untrained", func(g Group) string { return besides(g.HeldOutRecallBaselines, "%.1f", 100, " %") })
	add("loss", func(g Group) string { return decimal(g.Loss) })
	add("epochs", func(g Group) string { return fmt.Sprint(g.Epochs) })
	add("time", func(g Group) string {
		return g.Seconds.middle(func(v float64) string { return time.Duration(math.Round(v) * float64(time.Second)).String() })
	})
	add("views/s", func(g Group) string {
		return g.ViewsPerSecond.middle(func(v float64) string { return fmt.Sprintf("%.0f", v) })
	})
	add("memory", func(g Group) string {
		return g.PeakMemory.middle(func(v float64) string { return fmt.Sprintf("%.0f MB", v/1e6) })
	})
	return list
}

// Table has the groups' values in words, a row for each, below the names of the columns. A column that no group has anything in is left out.
func Table(groups []Group) (names []string, rows [][]string) {
	rows = make([][]string, len(groups))
	for _, c := range columns() {
		if !slices.ContainsFunc(groups, func(g Group) bool { return c.cell(g) != none }) {
			continue
		}
		names = append(names, c.name)
		for i, g := range groups {
			rows[i] = append(rows[i], c.cell(g))
		}
	}
	return names, rows
}

// text is the mean, and the range where there is one.
func (s *Spread) text(format func(float64) string, unit string) string {
	if s == nil {
		return none
	}
	if s.Min == s.Max {
		return format(s.Mean) + unit
	}
	return fmt.Sprintf("%s%s (%s to %s)", format(s.Mean), unit, format(s.Min), format(s.Max))
}

func (s *Spread) middle(format func(float64) string) string {
	if s == nil {
		return none
	}
	return format(s.Mean)
}

// Shared lists the settings that all groups have in common and a reader asks for first.
func Shared(groups []Group) string {
	var list []string
	for _, f := range fields.Of(groups[0].runs[0].Config) {
		if !slices.Contains([]string{"data", "image_size", "backbone", "width", "batch", "epochs", "precision", "device"}, f.Key) ||
			f.Key == "image_size" && f.Value == 0 { // of text
			continue
		}
		same := !slices.ContainsFunc(groups, func(g Group) bool {
			return slices.ContainsFunc(telling(groups[0].runs[0].Config, g.runs[0].Config), func(d fields.Field) bool { return d.Key == f.Key })
		})
		if same {
			list = append(list, fmt.Sprintf("%s %v", f.Key, f.Value))
		}
	}
	return strings.Join(list, ", ")
}

// Comparison is the page that shows the groups.
func Comparison(groups []Group) report.Comparison {
	names, rows := Table(groups)
	c := report.Comparison{Title: "Runs side by side", Columns: names}
	for i, g := range groups {
		line := report.Line{Name: g.Name}
		for _, cell := range rows[i] { // the range below the mean, for a narrow column
			line.Cells = append(line.Cells, strings.Replace(cell, " (", "\n(", 1))
		}
		for _, r := range g.runs {
			var epochs []report.Epoch
			for _, e := range r.Epochs {
				epochs = append(epochs, epoch(e))
			}
			line.Runs = append(line.Runs, epochs)
		}
		c.Lines = append(c.Lines, line)
	}
	if shared := Shared(groups); shared != "" {
		c.Notes = append(c.Notes, "All have "+shared+".")
	}
	c.Notes = append(c.Notes, SpreadNote)
	return c
}

// SpreadNote says how the values of several runs read.
const SpreadNote = "Runs whose settings differ in the seed alone are one line: the mean, and the lowest and the highest in brackets. " +
	"Losses of different methods cannot be compared."
