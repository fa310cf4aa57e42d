package runreport

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/report"
	"github.com/alike-ml/alike/train"
)

// Run is what a run's directory holds of it.
type Run struct {
	Dir    string
	Config train.Config
	Epochs []train.Epoch
	// Scores are those at its end, nil where it has not been evaluated.
	Scores *eval.Report
}

// Read reads a run's directory. A run without a finished epoch is an error.
func Read(dir string) (Run, error) {
	r := Run{Dir: dir}
	var err error
	if r.Config, err = train.ReadConfig(dir); err != nil {
		return r, err
	}
	if r.Epochs, err = train.ReadEpochs(train.MetricsFile(dir)); err != nil {
		return r, err
	}
	if len(r.Epochs) == 0 {
		return r, fmt.Errorf("the run in %s has not finished an epoch", dir)
	}
	r.Scores, err = eval.ReadReport(dir)
	return r, err
}

// Seconds is the time that the run's steps took.
func (r Run) Seconds() (sum float64) {
	for _, e := range r.Epochs {
		sum += float64(e.Seconds)
	}
	return sum
}

// viewsPerSecond is the median over the epochs: what else the machine did meanwhile counts less.
func (r Run) viewsPerSecond() float64 {
	var rates []float64
	for _, e := range r.Epochs {
		if e.Epoch > 0 {
			rates = append(rates, float64(e.ViewsPerSecond))
		}
	}
	if len(rates) == 0 {
		return 0
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}

// Spread is the mean of some runs' values, and the lowest and the highest.
type Spread struct {
	Mean float64 `json:"mean"`
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
}

func spreadOf(values []float64) *Spread {
	if len(values) == 0 {
		return nil
	}
	s := Spread{Min: slices.Min(values), Max: slices.Max(values)}
	for _, v := range values {
		s.Mean += v / float64(len(values))
	}
	return &s
}

// Group is a run, or several whose settings differ in the seed alone. What not all of its runs have is nil.
type Group struct {
	// Name tells the group from the others: its method, and what differs from other groups of that method.
	Name   string   `json:"name"`
	Method string   `json:"method"`
	Seeds  []uint64 `json:"seeds"`
	Dirs   []string `json:"runs"`
	// KNN and Linear are the scores of test pictures at the end, with the means of their baselines: what the untrained encoder is
	// depends on the seed.
	KNN             *Spread         `json:"knn,omitempty"`
	KNNBaselines    *eval.Baselines `json:"knn_baselines,omitempty"`
	Linear          *Spread         `json:"linear,omitempty"`
	LinearBaselines *eval.Baselines `json:"linear_baselines,omitempty"`
	// HeldOutKNN is the last score of held-out training pictures, Loss the last epoch's.
	HeldOutKNN *Spread `json:"held_out_knn,omitempty"`
	Loss       *Spread `json:"loss,omitempty"`
	// Epochs counts passes over the data, Seconds the time that they took. PeakMemory is in bytes.
	Epochs         int     `json:"epochs"`
	Seconds        *Spread `json:"seconds"`
	ViewsPerSecond *Spread `json:"views_per_second"`
	PeakMemory     *Spread `json:"peak_memory,omitempty"`

	runs []Run
}

// Compare puts runs whose settings differ in their seed alone into groups, in the order in which they come.
func Compare(runs []Run) []Group {
	var groups []Group
	for _, r := range runs {
		i := slices.IndexFunc(groups, func(g Group) bool { return sameButSeed(g.runs[0].Config, r.Config) })
		if i < 0 {
			groups = append(groups, Group{})
			i = len(groups) - 1
		}
		groups[i].runs = append(groups[i].runs, r)
	}
	for i := range groups {
		groups[i].sum()
	}
	nameGroups(groups)
	return groups
}

// aside are settings that tell no runs apart: they change no result, or only say where things are.
var aside = []string{"seed", "workers", "checkpoint_seconds", "watch", "recipe"}

// telling are the settings of config that differ from those of base and tell runs apart.
func telling(base, config train.Config) []fields.Field {
	return slices.DeleteFunc(fields.Changed(base, config), func(f fields.Field) bool { return slices.Contains(aside, f.Key) })
}

func sameButSeed(a, b train.Config) bool {
	return len(telling(a, b)) == 0 && len(telling(b, a)) == 0
}

// sum fills in what the group's runs came to.
func (g *Group) sum() {
	last := func(r Run) train.Epoch { return r.Epochs[len(r.Epochs)-1] }
	for _, r := range g.runs {
		g.Dirs, g.Seeds = append(g.Dirs, r.Dir), append(g.Seeds, r.Config.Seed)
	}
	first := g.runs[0]
	if m, err := first.Config.Method(); err == nil {
		g.Method = m.Name()
	}
	g.Epochs = first.Config.Epochs
	g.KNN = g.over(func(r Run) (float64, bool) {
		if r.Scores == nil || r.Scores.Tasks.KNN == nil {
			return 0, false
		}
		return r.Scores.Tasks.KNN.Accuracy, true
	})
	if g.KNN != nil {
		g.KNNBaselines = g.baselines(func(r Run) *eval.Baselines { return r.Scores.Tasks.KNN.Baselines })
	}
	g.Linear = g.over(func(r Run) (float64, bool) {
		if r.Scores == nil || r.Scores.Tasks.Linear == nil {
			return 0, false
		}
		return r.Scores.Tasks.Linear.Accuracy, true
	})
	if g.Linear != nil {
		g.LinearBaselines = g.baselines(func(r Run) *eval.Baselines { return r.Scores.Tasks.Linear.Baselines })
	}
	g.HeldOutKNN = g.over(func(r Run) (float64, bool) {
		if last(r).KNN == nil {
			return 0, false
		}
		return float64(*last(r).KNN), true
	})
	number := func(of func(Run) float64) *Spread {
		return g.over(func(r Run) (float64, bool) { v := of(r); return v, v > 0 || v < 0 })
	}
	g.Loss = number(func(r Run) float64 { return float64(last(r).Loss) })
	g.Seconds = number(Run.Seconds)
	g.ViewsPerSecond = number(Run.viewsPerSecond)
	g.PeakMemory = number(func(r Run) float64 { return float64(last(r).PeakMemory) })
}

// over is the spread of a value that all runs have; nil where one has it not.
func (g *Group) over(of func(Run) (value float64, ok bool)) *Spread {
	var values []float64
	for _, r := range g.runs {
		v, ok := of(r)
		if !ok {
			return nil
		}
		values = append(values, v)
	}
	return spreadOf(values)
}

// baselines are the means over the runs; nil where one has none.
func (g *Group) baselines(of func(Run) *eval.Baselines) *eval.Baselines {
	var mean eval.Baselines
	for _, r := range g.runs {
		b, n := of(r), float64(len(g.runs))
		if b == nil {
			return nil
		}
		mean.Raw += b.Raw / n
		mean.RandomInit += b.RandomInit / n
		mean.Majority += b.Majority / n
	}
	return &mean
}

// nameGroups names each group after its method, and where there are several of a method after what differs between them.
func nameGroups(groups []Group) {
	for i := range groups {
		g := &groups[i]
		g.Name = g.Method
		keys := map[string]bool{}
		for _, other := range groups {
			if other.Method == g.Method {
				for _, f := range telling(other.runs[0].Config, g.runs[0].Config) {
					keys[f.Key] = true
				}
			}
		}
		for _, f := range fields.Of(g.runs[0].Config) {
			if keys[f.Key] {
				g.Name += fmt.Sprintf(", %s %v", f.Key, f.Value)
			}
		}
	}
}

// Columns name the cells of [Group.Cells].
var Columns = []string{"seeds", "test kNN", "raw / untrained", "linear probe", "raw / untrained", "held-out kNN", "loss", "epochs", "time", "views/s", "memory"}

// Cells are the group's values in words, one for each of [Columns].
func (g Group) Cells() []string {
	baselines := func(b *eval.Baselines) string {
		if b == nil {
			return "–"
		}
		return fmt.Sprintf("%.1f / %.1f %%", 100*b.Raw, 100*b.RandomInit)
	}
	percent := func(s *Spread) string {
		return s.text(func(v float64) string { return fmt.Sprintf("%.1f", 100*v) }, " %")
	}
	return []string{
		fmt.Sprint(len(g.runs)),
		percent(g.KNN), baselines(g.KNNBaselines),
		percent(g.Linear), baselines(g.LinearBaselines),
		percent(g.HeldOutKNN),
		g.Loss.text(func(v float64) string { return fmt.Sprintf("%.3f", v) }, ""),
		fmt.Sprint(g.Epochs),
		g.Seconds.middle(func(v float64) string { return time.Duration(math.Round(v) * float64(time.Second)).String() }),
		g.ViewsPerSecond.middle(func(v float64) string { return fmt.Sprintf("%.0f", v) }),
		g.PeakMemory.middle(func(v float64) string { return fmt.Sprintf("%.0f MB", v/1e6) }),
	}
}

// text is the mean, and the range where there is one.
func (s *Spread) text(format func(float64) string, unit string) string {
	if s == nil {
		return "–"
	}
	if s.Min == s.Max {
		return format(s.Mean) + unit
	}
	return fmt.Sprintf("%s%s (%s to %s)", format(s.Mean), unit, format(s.Min), format(s.Max))
}

func (s *Spread) middle(format func(float64) string) string {
	if s == nil {
		return "–"
	}
	return format(s.Mean)
}

// Shared lists the settings that all groups have in common and a reader asks for first.
func Shared(groups []Group) string {
	var list []string
	for _, f := range fields.Of(groups[0].runs[0].Config) {
		if !slices.Contains([]string{"data", "image_size", "backbone", "width", "batch", "epochs", "precision", "device"}, f.Key) {
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
	c := report.Comparison{Title: "Runs side by side", Columns: Columns}
	for _, g := range groups {
		line := report.Line{Name: g.Name}
		for _, cell := range g.Cells() { // the range below the mean, for a narrow column
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

// EpochsOf are the epochs of runs that differ in their seed alone. It is an error when they do not.
func EpochsOf(groups []Group) (runs [][]train.Epoch, err error) {
	if len(groups) != 1 {
		var names []string
		for _, g := range groups {
			names = append(names, g.Name)
		}
		return nil, errors.New("the runs differ in more than their seed: " + strings.Join(names, "; "))
	}
	for _, r := range groups[0].runs {
		runs = append(runs, r.Epochs)
	}
	return runs, nil
}
