// Package runreport gathers what the HTML report of a run shows: it reads the run's directory and draws on an evaluation.
package runreport

import (
	"context"
	"fmt"
	"image"
	"io"
	"math"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/image/draw"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/recipes"
	"github.com/alike-ml/alike/report"
	"github.com/alike-ml/alike/train"
)

// Input is what a report is made from.
type Input struct {
	// Dir is the run's directory, Title the report's heading and Command what reproduces the run.
	Dir, Title, Command string
	// Config is the run's configuration, Encoder the size of its encoder in words.
	Config  train.Config
	Encoder string
	// Evaluation of the run's encoder of pictures; nil leaves its scores out.
	Evaluation *eval.Result
	// Scores of the run's encoder of text, and PairScores of its model of pictures and texts; nil leaves them out.
	Scores     *eval.Report
	PairScores *eval.PairReport
	// Model is the run's encoder of pictures, TextModel of text, PairModel of both. What it finds alike, and the map, are those of the
	// evaluation or, where there is none, of items that the run kept back. nil leaves them out.
	Model     *embed.Model
	TextModel *embed.TextModel
	PairModel *embed.PairModel
	// Say is told how far the vectors of these items are; it may be nil.
	Say eval.Say
	// Pictures were trained on: positives are drawn from them. nil for a run on text.
	Pictures *data.Images
	// Rows are the first rows of the text that was trained on, and what was made of them.
	Rows [][]positive.TextLine
	// Timing says where the time went.
	Timing []report.Span
}

// How much of each thing a report shows.
const (
	positives      = 6
	viewsEach      = 6
	queries        = 10
	neighboursEach = 5
	mapPoints      = 1000
	thumbnail      = 64 // pixels a side at most
	mapThumbnail   = 48
	thumbnailJPEG  = 80 // quality
	showSeed       = 0  // of the choice of examples
)

// File is the report's name in the run's directory.
const File = "report.html"

// Write makes the report and writes it to the run's directory as [File].
func Write(ctx context.Context, in Input) error {
	run, err := gather(ctx, in)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(in.Dir, File), func(w io.Writer) error { return report.Write(w, run) })
}

func gather(ctx context.Context, in Input) (report.Run, error) {
	m, err := in.Config.Method()
	if err != nil {
		return report.Run{}, err
	}
	run := report.Run{
		Title: in.Title, Command: in.Command, Timing: in.Timing,
		Method:   m.Name(),
		Backbone: backboneOf(in.Config),
		Data:     filepath.Base(in.Config.Data),
	}
	for _, f := range fields.Of(in.Config) {
		run.Config = append(run.Config, report.Setting{Key: f.Key, Value: fmt.Sprint(f.Value)})
	}
	run.Facts = facts(in)
	if err := curves(&run, in); err != nil {
		return report.Run{}, err
	}
	if in.Pictures != nil {
		run.Data = fmt.Sprintf("%d pictures", in.Pictures.Len())
		for _, s := range in.Pictures.Skipped.List() {
			run.Skipped = append(run.Skipped, report.Skipped{Name: s.Path, Reason: s.Err.Error()})
		}
		if run.Positives, err = examples(in.Pictures, m.(method.ImageMethod).Views()); err != nil {
			return report.Run{}, err
		}
	}
	run.Texts = texts(in.Rows)
	switch {
	case in.Evaluation != nil:
		run.Scores = scores(in.Evaluation.Report, "raw pixels")
	case in.Scores != nil:
		run.Scores = scores(*in.Scores, "TF-IDF")
	case in.PairScores != nil:
		run.Scores = pairScores(*in.PairScores)
	}
	return run, show(ctx, &run, in)
}

// backboneOf names the encoder; that of text has its width among its settings.
func backboneOf(c train.Config) string {
	if c.OnText() {
		return c.Backbone
	}
	return fmt.Sprintf("%s, width %g", c.Backbone, c.Width)
}

func facts(in Input) []report.Setting {
	total := time.Duration(0)
	for _, s := range in.Timing {
		total += s.Duration
	}
	list := []report.Setting{
		{Key: "encoder", Value: in.Encoder},
		size(in.Config),
		{Key: "batch", Value: fmt.Sprint(in.Config.Batch)},
		{Key: "epochs", Value: fmt.Sprint(in.Config.Epochs)},
		{Key: "seed", Value: fmt.Sprint(in.Config.Seed)},
		{Key: "device", Value: in.Config.Device},
	}
	if total > 0 {
		list = append(list, report.Setting{Key: "time", Value: total.Round(time.Second).String()})
	}
	return list
}

// rawName says what scores are called that are made without an encoder.
func rawName(c train.Config) string {
	switch {
	case c.OnText():
		return "words alone"
	case c.OnPairs():
		return "chance"
	}
	return "raw pixels"
}

// size is that of what the encoder sees.
func size(c train.Config) report.Setting {
	if c.OnText() {
		return report.Setting{Key: "longest text", Value: fmt.Sprintf("%d tokens", c.Text.MaxLength)}
	}
	return report.Setting{Key: "picture size", Value: fmt.Sprintf("%d px", c.ImageSize)}
}

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
	for _, e := range epochs {
		watch.Check(e)
		if e.RawKNN != nil {
			run.HeldOutBaselines = append(run.HeldOutBaselines, report.Baseline{Name: rawName(in.Config), Value: float64(*e.RawKNN)})
		}
		if e.Epoch == 0 && e.KNN != nil {
			run.HeldOutBaselines = append(run.HeldOutBaselines, report.Baseline{Name: "untrained", Value: float64(*e.KNN)})
		}
		if e.RawSTS != nil {
			run.STSBaselines = append(run.STSBaselines, report.Baseline{Name: rawName(in.Config), Value: float64(*e.RawSTS)})
		}
		if e.Epoch == 0 && e.STS != nil {
			run.STSBaselines = append(run.STSBaselines, report.Baseline{Name: "untrained", Value: float64(*e.STS)})
		}
		if e.Chance != nil {
			run.RecallBaselines = append(run.RecallBaselines, report.Baseline{Name: "chance", Value: float64(*e.Chance)})
		}
		if e.Epoch == 0 && e.Recall != nil {
			run.RecallBaselines = append(run.RecallBaselines, report.Baseline{Name: "untrained", Value: float64(*e.Recall)})
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

func epoch(e train.Epoch) report.Epoch {
	nan := math.NaN()
	r := report.Epoch{
		Number: e.Epoch, Loss: float64(e.Loss), LearningRate: float64(e.LearningRate),
		KNN: nan, STS: nan, Recall: nan, Alignment: nan, Uniformity: nan, EffectiveRank: nan, Std: nan,
	}
	if e.Epoch == 0 {
		r.LearningRate = nan
	}
	if e.KNN != nil {
		r.KNN = float64(*e.KNN)
	}
	if e.STS != nil {
		r.STS = float64(*e.STS)
	}
	if e.Recall != nil {
		r.Recall = float64(*e.Recall)
	}
	if g := e.Geometry; g != nil {
		r.Alignment, r.Uniformity, r.EffectiveRank, r.Std = g.Alignment, g.Uniformity, g.EffectiveRank, g.Std
	}
	return r
}

// scores are those of the tasks; raw is what the baseline without an encoder is called.
func scores(r eval.Report, raw string) []report.Score {
	var list []report.Score
	baselines := func(b *eval.Baselines) []report.Baseline {
		if b == nil {
			return nil
		}
		return []report.Baseline{{Name: raw, Value: b.Raw}, {Name: "untrained encoder", Value: b.RandomInit}, {Name: "largest class", Value: b.Majority}}
	}
	items, aside := r.Data.Test, ""
	if n := r.Data.Unknown; n > 0 {
		aside = fmt.Sprintf("; %d are of classes that there was nothing to learn of, and count as wrong", n)
	}
	if k := r.Tasks.KNN; k != nil {
		list = append(list, report.Score{Task: "Nearest neighbours", Meaning: report.MeaningKNN,
			Detail: fmt.Sprintf("k = %d, temperature %g%s", k.K, k.Temperature, aside), Value: k.Accuracy, Baselines: baselines(k.Baselines), Items: items})
	}
	if l := r.Tasks.Linear; l != nil {
		list = append(list, report.Score{Task: "Linear probe", Meaning: report.MeaningLinear,
			Detail: fmt.Sprintf("C = %.3g, chosen on a part of the items to learn from%s", l.C, aside), Value: l.Accuracy, Baselines: baselines(l.Baselines), Items: items})
	}
	if s := r.Tasks.Retrieval; s != nil {
		score := report.Score{Task: "Retrieval", Meaning: report.MeaningRetrieval, Detail: fmt.Sprintf("recall at 1 among %d texts", s.Items), Value: s.Recall[1], Items: s.Queries}
		if b := s.Baselines; b != nil {
			if b.TFIDF != nil {
				score.Baselines = append(score.Baselines, report.Baseline{Name: raw, Value: b.TFIDF.Recall[1]})
			}
			score.Baselines = append(score.Baselines, report.Baseline{Name: "untrained encoder", Value: b.RandomInit.Recall[1]}, report.Baseline{Name: "chance", Value: b.Chance.Recall[1]})
		}
		list = append(list, score)
	}
	if s := r.Tasks.STS; s != nil {
		score := report.Score{Task: "Sentence similarity", Meaning: report.MeaningSTS, Correlation: true, Value: orNaN(s.Spearman), Detail: fmt.Sprintf("%d pairs scored", s.Pairs)}
		if b := s.Baselines; b != nil {
			score.Baselines = []report.Baseline{{Name: raw, Value: orNaN(b.TFIDF)}, {Name: "overlap of words", Value: orNaN(b.WordOverlap)}, {Name: "untrained encoder", Value: orNaN(b.RandomInit)}}
		}
		list = append(list, score)
	}
	return list
}

// orNaN is a number that may not be there.
func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
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

// pick returns n of the places 0 to total-1, spread by the seed.
func pick(n, total int) []int {
	return rng.New(showSeed, 0, 0, rng.Split).Perm(total)[:min(n, total)]
}

// examples draws positives: pictures, and views of each, turn by turn as the method's views go.
func examples(images *data.Images, views []positive.ImageConfig) ([]report.Positive, error) {
	var pipelines []*positive.Pipeline
	for _, v := range views {
		p, err := positive.NewPipeline(v)
		if err != nil {
			return nil, err
		}
		pipelines = append(pipelines, p)
	}
	var list []report.Positive
	for _, i := range pick(positives, images.Len()) {
		picture, err := images.Image(i)
		if err != nil {
			continue // listed as skipped
		}
		original, err := photo(images, i, picture, thumbnail)
		if err != nil {
			return nil, err
		}
		example := report.Positive{Original: original}
		for k := range viewsEach {
			p := pipelines[k%len(pipelines)]
			view := make([]float32, p.Len())
			p.View(view, picture, rng.New(showSeed, 0, i, k))
			drawn, err := report.NewJPEG(p.Picture(view), thumbnailJPEG)
			if err != nil {
				return nil, err
			}
			example.Views = append(example.Views, drawn)
		}
		list = append(list, example)
	}
	return list, nil
}

// texts are rows of which there is more to see than a text.
func texts(rows [][]positive.TextLine) [][]report.TextLine {
	var list [][]report.TextLine
	for _, row := range rows {
		var lines []report.TextLine
		for _, line := range row {
			lines = append(lines, report.TextLine(line))
		}
		if len(lines) > 1 {
			list = append(list, lines)
		}
	}
	return list
}

func photo(images *data.Images, i int, picture *image.RGBA, side int) (report.Photo, error) {
	item := images.Items[i]
	small, err := report.NewJPEG(shrink(picture, side), thumbnailJPEG)
	p := report.Photo{Image: small, Name: item.Path[strings.LastIndex(item.Path, "/")+1:]}
	if item.Label >= 0 {
		p.Label = images.Classes[item.Label]
	}
	return p, err
}

// shrink returns the picture with its longer side no longer than the given number of pixels.
func shrink(picture *image.RGBA, side int) image.Image {
	size := picture.Rect.Size()
	longer := max(size.X, size.Y)
	if longer <= side {
		return picture
	}
	small := image.NewRGBA(image.Rect(0, 0, max(1, size.X*side/longer), max(1, size.Y*side/longer)))
	draw.CatmullRom.Scale(small, small.Rect, picture, picture.Rect, draw.Src, nil)
	return small
}
