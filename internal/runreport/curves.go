package runreport

import (
	"math"

	"github.com/alike-ml/alike/recipes"
	"github.com/alike-ml/alike/report"
	"github.com/alike-ml/alike/train"
)

// curves reads the run's epochs, and what is expected of them.
func curves(run *report.Run, in Input) error {
	epochs, err := train.ReadEpochs(train.MetricsFile(in.Dir))
	if err != nil {
		return err
	}
	watch, err := recipes.NewWatch(in.Config)
	if err != nil {
		return err
	}
	beside := func(list *[]report.Baseline, name string, value *train.Number) {
		if value != nil {
			*list = append(*list, report.Baseline{Name: name, Value: float64(*value)})
		}
	}
	for _, e := range epochs {
		watch.Check(e)
		beside(&run.HeldOutBaselines, in.Config.Raw(), e.RawKNN)
		beside(&run.STSBaselines, in.Config.Raw(), e.RawSTS)
		beside(&run.RecallBaselines, in.Config.Raw(), e.Chance)
		if e.Epoch == 0 {
			beside(&run.HeldOutBaselines, "untrained", e.KNN)
			beside(&run.STSBaselines, "untrained", e.STS)
			beside(&run.RecallBaselines, "untrained", e.Recall)
		}
		run.Epochs = append(run.Epochs, epoch(e))
	}
	run.Verdict = watch.Verdict()
	if run.Verdict != "" {
		run.Expected = expected(*watch.Band)
	}
	return nil
}

// expected are the lowest and the highest numbers of a band's epochs.
func expected(band recipes.Band) report.Expected {
	of := func(pick func(recipes.Range) float64) (epochs []report.Epoch) {
		value := func(r *recipes.Range) float64 {
			if r == nil {
				return math.NaN()
			}
			return pick(*r)
		}
		for _, b := range band.Epochs {
			epochs = append(epochs, report.Epoch{
				Number: b.Epoch, Loss: value(b.Loss), KNN: value(b.KNN), STS: value(b.STS), Recall: value(b.Recall), Alignment: value(b.Alignment), Uniformity: value(b.Uniformity),
				EffectiveRank: value(b.EffectiveRank), Std: value(b.Std), LearningRate: math.NaN(),
			})
		}
		return epochs
	}
	return report.Expected{
		Low:  of(func(r recipes.Range) float64 { return r.Min }),
		High: of(func(r recipes.Range) float64 { return r.Max }),
	}
}

// epoch is one as the page's curves have it: what it has no number for is NaN.
func epoch(e train.Epoch) report.Epoch {
	nan := math.NaN()
	number := func(n *train.Number) float64 { return orNaN((*float64)(n)) }
	r := report.Epoch{
		Number: e.Epoch, Loss: float64(e.Loss), LearningRate: float64(e.LearningRate),
		KNN: number(e.KNN), STS: number(e.STS), Recall: number(e.Recall), Alignment: nan, Uniformity: nan, EffectiveRank: nan, Std: nan,
	}
	if e.Epoch == 0 {
		r.LearningRate = nan
	}
	if g := e.Geometry; g != nil {
		r.Alignment, r.Uniformity, r.EffectiveRank, r.Std = g.Alignment, g.Uniformity, g.EffectiveRank, g.Std
	}
	return r
}

// orNaN is a number that may not be there.
func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
