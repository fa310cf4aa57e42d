// Package runreport gathers what the HTML report of a run shows: it reads the run's directory and draws on an evaluation.
package runreport

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
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

// size is that of what the encoder sees.
func size(c train.Config) report.Setting {
	if c.OnText() {
		return report.Setting{Key: "longest text", Value: fmt.Sprintf("%d tokens", c.Text.MaxLength)}
	}
	return report.Setting{Key: "picture size", Value: fmt.Sprintf("%d px", c.ImageSize)}
}
