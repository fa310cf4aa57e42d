package runreport

import (
	"fmt"
	"strings"

	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/report"
)

// scores are those of the tasks; raw is what the baseline without an encoder is called.
func scores(r eval.Report, raw string) []report.Score {
	var list []report.Score
	items, aside := r.Data.Test, ""
	if n := r.Data.Unknown; n > 0 {
		aside = fmt.Sprintf("; %d are of classes that there was nothing to learn of, and count as wrong", n)
	}
	if k := r.Tasks.KNN; k != nil {
		list = append(list, report.Score{Task: "Nearest neighbours", Meaning: report.MeaningKNN,
			Detail: fmt.Sprintf("k = %d, temperature %g%s", k.K, k.Temperature, aside), Value: k.Accuracy, Baselines: besideClasses(k.Baselines, raw), Items: items})
	}
	if l := r.Tasks.Linear; l != nil {
		list = append(list, report.Score{Task: "Linear probe", Meaning: report.MeaningLinear,
			Detail: fmt.Sprintf("C = %.3g, chosen on a part of the items to learn from%s", l.C, aside), Value: l.Accuracy, Baselines: besideClasses(l.Baselines, raw), Items: items})
	}
	if s := r.Tasks.Retrieval; s != nil {
		list = append(list, retrieval(*s, raw))
	}
	if s := r.Tasks.STS; s != nil {
		list = append(list, similarity(*s, raw))
	}
	return list
}

// besideClasses are what the accuracy of a classifier stands beside.
func besideClasses(b *eval.Baselines, raw string) []report.Baseline {
	if b == nil {
		return nil
	}
	return []report.Baseline{{Name: raw, Value: b.Raw}, {Name: "untrained encoder", Value: b.RandomInit}, {Name: "largest class", Value: b.Majority}}
}

// retrieval is how well texts find those that they are paired with.
func retrieval(s eval.Retrieval, raw string) report.Score {
	score := report.Score{Task: "Retrieval", Meaning: report.MeaningRetrieval, Detail: fmt.Sprintf("recall at 1 among %d texts", s.Items), Value: s.Recall[1], Items: s.Queries}
	if b := s.Baselines; b != nil {
		if b.TFIDF != nil {
			score.Baselines = append(score.Baselines, report.Baseline{Name: raw, Value: b.TFIDF.Recall[1]})
		}
		score.Baselines = append(score.Baselines, report.Baseline{Name: "untrained encoder", Value: b.RandomInit.Recall[1]}, report.Baseline{Name: "chance", Value: b.Chance.Recall[1]})
	}
	return score
}

// similarity is the correlation with the scores of pairs of sentences.
func similarity(s eval.STS, raw string) report.Score {
	score := report.Score{Task: "Sentence similarity", Meaning: report.MeaningSTS, Correlation: true, Value: orNaN(s.Spearman), Detail: fmt.Sprintf("%d pairs scored", s.Pairs)}
	if b := s.Baselines; b != nil {
		score.Baselines = []report.Baseline{{Name: raw, Value: orNaN(b.TFIDF)}, {Name: "overlap of words", Value: orNaN(b.WordOverlap)}, {Name: "untrained encoder", Value: orNaN(b.RandomInit)}}
	}
	return score
}

// pairScores are those of a model of pictures and texts, and of its encoder of pictures by itself.
func pairScores(r eval.PairReport) []report.Score {
	direction := func(task, meaning, items string, s eval.Retrieval) report.Score {
		score := report.Score{Task: task, Meaning: meaning, Value: s.Hits[1], Items: s.Queries, Detail: fmt.Sprintf(
			"the first of %d %s; among the first five it is for %.1f %%, among ten for %.1f %%; median rank %g", s.Items, items, 100*s.Hits[5], 100*s.Hits[10], s.MedianRank)}
		if b := s.Baselines; b != nil {
			score.Baselines = []report.Baseline{{Name: "untrained model", Value: b.RandomInit.Hits[1]}, {Name: "chance", Value: b.Chance.Hits[1]}}
		}
		return score
	}
	list := []report.Score{
		direction("Captions find pictures", report.MeaningCaptions, "pictures", r.Retrieval.TextToImage),
		direction("Pictures find captions", report.MeaningPictures, "captions", r.Retrieval.ImageToText),
	}
	if z := r.ZeroShot; z != nil {
		score := report.Score{Task: "Classes by their names", Meaning: report.MeaningZeroShot, Value: z.Accuracy, Items: z.Pictures, Detail: fmt.Sprintf("%d classes", len(z.Classes))}
		if len(z.Classes) > 5 {
			score.Detail += fmt.Sprintf("; among the nearest five it is for %.1f %%", 100*z.Top5)
			if b := z.Baselines; b != nil {
				score.Detail += fmt.Sprintf(", with the untrained model for %.1f %%, by chance for %.1f %%", 100*b.RandomInitTop5, 100*b.ChanceTop5)
			}
		}
		if b := z.Baselines; b != nil {
			score.Baselines = []report.Baseline{{Name: "untrained model", Value: b.RandomInit}, {Name: "chance", Value: b.Chance}, {Name: "largest class", Value: b.Majority}}
		}
		list = append(list, score)
	}
	if r.Encoder == nil {
		return list
	}
	for _, s := range scores(*r.Encoder, "raw pixels") {
		s.Task = "Encoder of pictures: " + strings.ToLower(s.Task)
		list = append(list, s)
	}
	return list
}
