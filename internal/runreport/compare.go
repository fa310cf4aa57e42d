package runreport

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/fields"
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

// tasks are the scores at the run's end; none where it has not been evaluated.
func (r Run) tasks() eval.Scores {
	if r.Scores == nil {
		return eval.Scores{}
	}
	return r.Scores.Tasks
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
	g.KNN = g.overAll(func(r Run) *float64 {
		if knn := r.tasks().KNN; knn != nil {
			return &knn.Accuracy
		}
		return nil
	})
	if g.KNN != nil {
		g.KNNBaselines = g.baselines(func(r Run) *eval.Baselines { return r.tasks().KNN.Baselines })
	}
	g.Linear = g.overAll(func(r Run) *float64 {
		if linear := r.tasks().Linear; linear != nil {
			return &linear.Accuracy
		}
		return nil
	})
	if g.Linear != nil {
		g.LinearBaselines = g.baselines(func(r Run) *eval.Baselines { return r.tasks().Linear.Baselines })
	}
	g.STS = g.overAll(func(r Run) *float64 { return stsOf(r).Spearman })
	g.STSBaselines = g.besides(g.STS, func(r Run) *float64 { return besideSTS(r).TFIDF }, func(r Run) *float64 { return besideSTS(r).RandomInit })
	before := func(r Run) train.Epoch { return r.Epochs[0] }
	g.HeldOutKNN = g.overAll(func(r Run) *float64 { return (*float64)(last(r).KNN) })
	g.HeldOutKNNBaselines = g.besides(g.HeldOutKNN, func(r Run) *float64 { return (*float64)(before(r).RawKNN) }, func(r Run) *float64 { return (*float64)(before(r).KNN) })
	g.HeldOutRecall = g.overAll(func(r Run) *float64 { return (*float64)(last(r).Recall) })
	g.HeldOutRecallBaselines = g.besides(g.HeldOutRecall, func(r Run) *float64 { return (*float64)(before(r).Chance) }, func(r Run) *float64 { return (*float64)(before(r).Recall) })
	number := func(of func(Run) float64) *Spread {
		return g.overAll(func(r Run) *float64 {
			if v := of(r); v > 0 || v < 0 {
				return &v
			}
			return nil
		})
	}
	g.Loss = number(func(r Run) float64 { return float64(last(r).Loss) })
	g.Seconds = number(Run.Seconds)
	g.ViewsPerSecond = number(Run.viewsPerSecond)
	g.PeakMemory = number(func(r Run) float64 { return float64(last(r).PeakMemory) })
}

// overAll is the spread of a value that all runs have; nil where one has it not.
func (g *Group) overAll(of func(Run) *float64) *Spread {
	var values []float64
	for _, r := range g.runs {
		v := of(r)
		if v == nil {
			return nil
		}
		values = append(values, *v)
	}
	return spreadOf(values)
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
	if sts := r.tasks().STS; sts != nil {
		return *sts
	}
	return eval.STS{}
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
