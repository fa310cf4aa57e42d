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
	// Scores are those at its end, and PairScores those of a run on pictures with captions; nil where it has not been evaluated.
	Scores     *eval.Report
	PairScores *eval.PairReport
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
	if r.Config.OnPairs() {
		r.PairScores, err = eval.ReadPairReport(dir)
	} else {
		r.Scores, err = eval.ReadReport(dir)
	}
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
	// STS is the correlation with scored pairs of sentences at the end, beside TF-IDF.
	STS          *Spread  `json:"sts,omitempty"`
	STSBaselines *Besides `json:"sts_baselines,omitempty"`
	// HeldOutKNN is the last score of held-out training items, HeldOutRecall that of held-out captions that are to find their pictures
	// first, and Loss the last epoch's.
	HeldOutKNN             *Spread  `json:"held_out_knn,omitempty"`
	HeldOutKNNBaselines    *Besides `json:"held_out_knn_baselines,omitempty"`
	HeldOutRecall          *Spread  `json:"held_out_recall,omitempty"`
	HeldOutRecallBaselines *Besides `json:"held_out_recall_baselines,omitempty"`
	Loss                   *Spread  `json:"loss,omitempty"`
	// Epochs counts passes over the data, Seconds the time that they took. PeakMemory is in bytes.
	Epochs         int     `json:"epochs"`
	Seconds        *Spread `json:"seconds"`
	ViewsPerSecond *Spread `json:"views_per_second"`
	PeakMemory     *Spread `json:"peak_memory,omitempty"`

	runs []Run
}

// Besides are the means over a group's runs of the same score without an encoder, which for recall is that of chance, and of the
// encoder before its first step. What not all runs have is nil.
type Besides struct {
	Raw        *float64 `json:"raw,omitempty"`
	RandomInit *float64 `json:"random_init,omitempty"`
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
	g.STS = g.overAll(func(r Run) *float64 { return stsOf(r).Spearman })
	g.STSBaselines = g.besides(g.STS, func(r Run) *float64 { return besideSTS(r).TFIDF }, func(r Run) *float64 { return besideSTS(r).RandomInit })
	before := func(r Run) train.Epoch { return r.Epochs[0] }
	g.HeldOutKNN = g.overAll(func(r Run) *float64 { return (*float64)(last(r).KNN) })
	g.HeldOutKNNBaselines = g.besides(g.HeldOutKNN, func(r Run) *float64 { return (*float64)(before(r).RawKNN) }, func(r Run) *float64 { return (*float64)(before(r).KNN) })
	g.HeldOutRecall = g.overAll(func(r Run) *float64 { return (*float64)(last(r).Recall) })
	g.HeldOutRecallBaselines = g.besides(g.HeldOutRecall, func(r Run) *float64 { return (*float64)(before(r).Chance) }, func(r Run) *float64 { return (*float64)(before(r).Recall) })
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

// overAll is [Group.over] of a value that is nil where a run has it not.
func (g *Group) overAll(of func(Run) *float64) *Spread {
	return g.over(func(r Run) (float64, bool) {
		if v := of(r); v != nil {
			return *v, true
		}
		return 0, false
	})
}

// besides are the means of what a score stands beside; nil where there is no score.
func (g *Group) besides(score *Spread, raw, untrained func(Run) *float64) *Besides {
	if score == nil {
		return nil
	}
	mean := func(of func(Run) *float64) *float64 {
		if s := g.overAll(of); s != nil {
			return &s.Mean
		}
		return nil
	}
	return &Besides{Raw: mean(raw), RandomInit: mean(untrained)}
}

// stsOf is the correlation of a run with scored pairs, empty for a run without.
func stsOf(r Run) eval.STS {
	if r.Scores == nil || r.Scores.Tasks.STS == nil {
		return eval.STS{}
	}
	return *r.Scores.Tasks.STS
}

func besideSTS(r Run) eval.STSBaselines {
	if b := stsOf(r).Baselines; b != nil {
		return *b
	}
	return eval.STSBaselines{}
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
	baselines := func(b *eval.Baselines) string {
		if b == nil {
			return none
		}
		return fmt.Sprintf("%.1f / %.1f %%", 100*b.Raw, 100*b.RandomInit)
	}
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
