package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/runreport"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/recipes"
	"github.com/alike-ml/alike/report"
	"github.com/alike-ml/alike/train"
)

// trainWithProgress trains and shows on the console how it gets on.
func trainWithProgress(ctx context.Context, c console, config train.Config, dir string, resume bool) (*train.Result, error) {
	_, tested := recipes.Of(config)
	expected, err := recipes.NewWatch(config)
	if err != nil {
		return nil, err
	}
	var m *meter
	var before train.Epoch // the first look, which all later ones are held against
	result, err := train.Run(ctx, config, dir, train.Options{
		Resume: resume,
		Tested: tested,
		OnStart: func(s train.Start) {
			fmt.Fprintln(c.err, describe(config, s))
			if s.From != "" {
				fmt.Fprintf(c.err, "it starts from %s\n", s.From)
			}
			printDropped(c.err, s.Dropped)
			printTruncated(c.err, config, s.Truncated)
			for _, advice := range s.Advice {
				fmt.Fprintf(c.err, "advice: %s\n", advice)
			}
			if epochs, err := train.ReadEpochs(train.MetricsFile(dir)); err == nil && len(epochs) > 0 {
				before = epochs[0]
			}
			m = newMeter(c.err, "training", "steps", s.Done, s.Steps)
		},
		OnStep: func(s train.Step) { m.at(s.Step, fmt.Sprintf("epoch %d, loss %.3f", s.Epoch, float64(s.Loss))) },
		OnEpoch: func(e train.Epoch) {
			if e.Epoch == 0 {
				before = e
			}
			if e.KNN != nil || e.Recall != nil || e.STS != nil || e.Epoch == 0 || config.Epochs <= 20 || e.Epoch%10 == 0 {
				m.print("%s", epochLine(e, before, config.Raw()))
			}
			for _, line := range expected.Check(e) {
				m.print("note: %s", line)
			}
		},
	})
	if m != nil {
		m.finish()
	}
	if verdict := expected.Verdict(); err == nil && verdict != "" {
		fmt.Fprintln(c.err, verdict)
	}
	return result, err
}

// orInterrupted is what to say of a run that ended with an error: when it was interrupted, how to go on.
func orInterrupted(ctx context.Context, err error, dir string) error {
	if ctx.Err() == nil {
		return err
	}
	config, unsaved := train.ReadConfig(dir)
	switch {
	case unsaved != nil:
		return errors.New("interrupted before the run began: start it again")
	case errors.Is(err, train.ErrInterrupted):
		return fmt.Errorf("%w: go on with %s", err, resumeCommand(config, dir))
	}
	return fmt.Errorf("interrupted: go on with %s", resumeCommand(config, dir))
}

// resumeCommand is the command that goes on with the run in a directory.
func resumeCommand(config train.Config, dir string) string {
	name := "METHOD"
	if m, err := config.Method(); err == nil {
		name = m.Name()
	}
	return fmt.Sprintf("alike train %s --out %s --resume", name, quote(dir))
}

// quote writes a path so that a shell reads it as one word.
func quote(path string) string {
	special := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+,:=@%", r)
	}
	if path != "" && strings.IndexFunc(path, special) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// describe says what is about to be trained on what.
func describe(config train.Config, s train.Start) string {
	data := fmt.Sprintf("%d %s", s.Train, config.Items())
	if config.OnPairs() {
		data += fmt.Sprintf(" (%d captions, %d of them and %d pictures repeat an earlier one)", s.Captions, s.RepeatedCaptions, s.RepeatedPictures)
	}
	if s.Turns > 0 && s.Turns < s.Train {
		data += fmt.Sprintf(" (those of a group take turns, %d an epoch)", s.Turns)
	}
	if s.Outside > 0 {
		data += fmt.Sprintf(" (%d pictures lie outside of the table's folder)", s.Outside)
	}
	if m, err := config.Method(); err == nil && s.Classes > 0 {
		use := "their %d classes are not used to train"
		switch {
		case method.NeedsLabels(m) && config.SimCSE != nil:
			use = "those of one of %d classes are not told apart"
		case method.NeedsLabels(m):
			use = "their %d classes are what it learns from"
		}
		data += fmt.Sprintf(" ("+use+")", s.Classes)
	}
	if s.HeldOut > 0 {
		data += fmt.Sprintf(", %d more kept back to watch with", s.HeldOut)
	}
	name, size := fmt.Sprintf("%s, width %g", config.Backbone, config.Width), fmt.Sprintf("at %d px", config.ImageSize)
	if config.OnText() {
		name, size = config.Backbone, fmt.Sprintf("at most %d tokens long", config.Text.MaxLength)
	}
	return fmt.Sprintf("%s: %s; %s; %s of %s of %d %s, %s",
		name, sizeOf(config, s), data, counted(config.Epochs, "epoch", "epochs"), counted(s.StepsPerEpoch, "step", "steps"), config.Batch, config.Items(), size)
}

// printTruncated says how many texts are longer than the encoder sees.
func printTruncated(out io.Writer, config train.Config, truncated int) {
	switch {
	case truncated == 0:
	case config.OnPairs():
		fmt.Fprintf(out, "%s longer than %d tokens: what is after them is cut off\n", counted(truncated, "caption is", "captions are"), config.Pairs.MaxLength)
	default:
		fmt.Fprintf(out, "%s longer than %d tokens: what is after them is cut off\n", counted(truncated, "text is", "texts are"), config.Text.MaxLength)
	}
}

// counted is a number of things in words.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// sizeOf is the size of a run's encoder in words.
func sizeOf(config train.Config, s train.Start) string {
	if config.OnText() {
		return s.Encoder.For(fmt.Sprintf("a text of %d tokens", config.Text.MaxLength))
	}
	if config.OnPairs() {
		return s.Encoder.For("a picture") + fmt.Sprintf("; %s: %s", config.Pairs.TextBackbone, s.TextEncoder.For(fmt.Sprintf("a caption of %d tokens", config.Pairs.MaxLength)))
	}
	return s.Encoder.For("a picture")
}

// epochLine is an epoch in a line: the scores, on held-out items and on pairs of sentences, beside those of raw pixels or words and of
// the encoder before its first step.
func epochLine(e, before train.Epoch, raw string) string {
	line := "before training:"
	if e.Epoch > 0 {
		line = fmt.Sprintf("epoch %d: loss %.3f,", e.Epoch, float64(e.Loss))
	}
	beside := func(name string, value, rawValue, untrained *train.Number, show func(float64) string) {
		if value == nil {
			return
		}
		line += fmt.Sprintf(" %s %s", name, show(float64(*value)))
		var baselines []string
		if rawValue != nil {
			baselines = append(baselines, raw+" "+show(float64(*rawValue)))
		}
		if untrained != nil && e.Epoch > 0 {
			baselines = append(baselines, "untrained "+show(float64(*untrained)))
		}
		if len(baselines) > 0 {
			line += fmt.Sprintf(" (%s)", strings.Join(baselines, ", "))
		}
		line += ","
	}
	beside("held-out caption to picture recall@1", e.Recall, before.Chance, before.Recall, percent)
	beside("held-out loss", e.HeldOutLoss, nil, before.HeldOutLoss, func(x float64) string { return fmt.Sprintf("%.3f", x) })
	beside("held-out kNN", e.KNN, before.RawKNN, before.KNN, percent)
	beside("STS", e.STS, before.RawSTS, before.STS, func(x float64) string { return fmt.Sprintf("%.3f", x) })
	if g := e.Geometry; g != nil {
		line += fmt.Sprintf(" effective rank %.1f,", g.EffectiveRank)
	}
	if e.Epoch > 0 {
		line += fmt.Sprintf(" %.0f views a second", float64(e.ViewsPerSecond))
	}
	return strings.TrimSuffix(line, ",")
}

// evaluate scores a model and shows on the console how it gets on.
func evaluate(ctx context.Context, c console, backend compute.Backend, m *embed.Model, folder *data.ImageFolder, options eval.Options) (*eval.Result, error) {
	bar := newStages(c.err, "pictures")
	defer bar.finish()
	return eval.Run(ctx, backend, m, folder, options, bar.say)
}

// concludeTrain is how many training pictures the scores at the end of a run learn the classes from at most: it keeps them to
// about a minute on two cores. alike eval takes all.
const concludeTrain = 10_000

// conclude evaluates a finished run, on test pictures if its data has them, and writes its report.
func conclude(ctx context.Context, c console, dir, title, command string, config train.Config, trained *train.Result) (*eval.Result, error) {
	in := runreport.Input{
		Dir: dir, Title: title, Command: command, Config: config, Encoder: sizeOf(config, trained.Start), Rows: trained.Start.Rows,
		Timing: []report.Span{{Name: "training", Duration: time.Duration(trained.Seconds * float64(time.Second))}},
	}
	backend, err := device.Open(config.Device)
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	switch {
	case config.OnText():
		return nil, concludeText(ctx, c, backend, in)
	case config.OnPairs():
		return nil, concludePairs(ctx, c, backend, in)
	}
	folder, err := data.OpenImageFolder(ctx, config.Data, data.FolderOptions{})
	if err != nil {
		return nil, err
	}
	in.Pictures = folder.Train
	if in.Model, err = embed.Load(backend, train.ModelDir(dir)); err != nil {
		return nil, err
	}
	defer in.Model.Close()
	if folder.Test != nil || folder.Val != nil {
		began := time.Now()
		if in.Evaluation, err = evaluate(ctx, c, backend, in.Model, folder, eval.Options{MaxTrain: concludeTrain}); err != nil {
			return nil, err
		}
		in.Timing = append(in.Timing, report.Span{Name: "evaluation", Duration: time.Since(began)})
		if err := eval.WriteReport(dir, in.Evaluation.Report); err != nil {
			return nil, err
		}
	}
	return in.Evaluation, writeReport(ctx, c, "pictures", in)
}

// writeReport writes a run's report, and shows on the console how it gets on with its examples, which are items of a kind.
func writeReport(ctx context.Context, c console, items string, in runreport.Input) error {
	bar := newStages(c.err, items)
	defer bar.finish()
	in.Say = bar.say
	return runreport.Write(ctx, in)
}

func reportPath(dir string) string { return filepath.Join(dir, runreport.File) }

// listedSkips is how many unreadable files are listed before the rest are only counted; train.log has them all.
const listedSkips = 20

// printSkipped lists the files that could not be read.
func printSkipped(out io.Writer, skipped []data.Skip) {
	if len(skipped) == 0 {
		return
	}
	fmt.Fprintf(out, "skipped, as they could not be read: %d\n", len(skipped))
	for i, s := range skipped {
		if i == listedSkips {
			fmt.Fprintf(out, "  and %d more\n", len(skipped)-i)
			break
		}
		fmt.Fprintf(out, "  %s\n", s)
	}
}
