package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/runreport"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/report"
	"github.com/alike-ml/alike/train"
)

// text scores an encoder of text.
func (e evalCommand) text(ctx context.Context, c console, backend compute.Backend) error {
	m, err := loadTextModel(backend, e.Model)
	if err != nil {
		return err
	}
	defer m.Close()
	options := e.Text.everyRow()
	if config, err := train.ReadConfig(e.Model); err == nil && config.Text != nil {
		options = e.Text.over(everyRowOf(config.Text.TextOptions))
	}
	files := textFiles{data: e.Data, options: options, sts: e.STS, stsColumns: e.STSColumns}
	override(&files.test, e.Test)
	override(&files.testSplit, e.TestSplit)
	scores, err := evaluateText(ctx, c, backend, m, files, e.options())
	if err != nil {
		return err
	}
	if e.JSON {
		return printJSON(c.out, scores)
	}
	return printText(c.out, *scores)
}

// everyRowOf are the options that read every row with a text in a file with these columns.
func everyRowOf(columns data.TextOptions) data.TextOptions {
	options := textFlags{}.everyRow()
	options.Texts, options.Class, options.Header, options.Separator = columns.Texts, columns.Class, columns.Header, columns.Separator
	return options
}

// filesOf are those that a run on text is scored on at its end.
func filesOf(config train.Config) textFiles {
	text := config.Text
	files := textFiles{sts: text.STS, stsColumns: text.STSColumns}
	if text.Test != "" || text.TestSplit != "" {
		files.data, files.test, files.testSplit = config.Data, text.Test, text.TestSplit
		files.options = everyRowOf(text.TextOptions)
		files.options.Format, files.options.Split = text.Format, text.Split
	}
	return files
}

// checkTest reads the rows that a run on text is to be scored on, so that mistakes in naming them show before it and not at its end.
func checkTest(ctx context.Context, config train.Config) error {
	if !config.OnText() {
		return nil
	}
	files := filesOf(config)
	if files.data == "" {
		return nil
	}
	path, options := files.testRows()
	test, err := data.OpenText(ctx, path, options)
	if err != nil {
		return fmt.Errorf("cannot read the rows to test on: %w", err)
	}
	return test.Close()
}

// concludeText scores the encoder of a finished run on text, on rows to test on and pairs with scores if there are any, prints how it
// fares and writes the run's report.
func concludeText(ctx context.Context, c console, backend compute.Backend, in runreport.Input) (err error) {
	if in.TextModel, err = embed.LoadText(backend, train.ModelDir(in.Dir)); err != nil {
		return err
	}
	defer in.TextModel.Close()
	files := filesOf(in.Config)
	if files.data == "" && files.sts == "" {
		return writeReport(ctx, c, "texts", in)
	}
	began := time.Now()
	if in.Scores, err = evaluateText(ctx, c, backend, in.TextModel, files, eval.Options{MaxTrain: concludeTrain}); err != nil {
		return err
	}
	in.Timing = append(in.Timing, report.Span{Name: "evaluation", Duration: time.Since(began)})
	if err := eval.WriteReport(in.Dir, *in.Scores); err != nil {
		return err
	}
	if err := printText(c.out, *in.Scores); err != nil {
		return err
	}
	return writeReport(ctx, c, "texts", in)
}

// textFiles name what an encoder of text is scored on.
type textFiles struct {
	data            string // rows to learn classes from, or all; empty for none
	options         data.TextOptions
	test, testSplit string // rows to score, where they are others
	sts             string // pairs with scores; empty for none
	stsColumns      []string
}

// evaluateText scores an encoder of text on files, and shows on the console how it gets on.
func evaluateText(ctx context.Context, c console, backend compute.Backend, m *embed.TextModel, files textFiles, options eval.Options) (scores *eval.Report, err error) {
	in, err := files.open(ctx)
	defer func() {
		for _, text := range []*data.Text{in.Train, in.Test, in.STS} {
			if text != nil {
				err = errors.Join(err, text.Close())
			}
		}
	}()
	if err != nil {
		return nil, err
	}
	for _, text := range []*data.Text{in.Train, in.Test, in.STS} {
		if text != nil {
			printDropped(c.err, text.Dropped)
		}
	}
	bar := newStages(c.err, "texts")
	defer bar.finish()
	return eval.RunText(ctx, backend, m, in, options, bar.say)
}

// open reads the files.
func (f textFiles) open(ctx context.Context) (in eval.TextData, err error) {
	if f.sts != "" {
		if in.STS, err = data.OpenText(ctx, f.sts, train.STSOptions(f.stsColumns)); err != nil {
			return in, err
		}
	}
	if f.data == "" {
		return in, nil
	}
	in.Split = named(f.data, f.options.Split)
	if f.test == "" && f.testSplit == "" {
		in.Test, err = data.OpenText(ctx, f.data, f.options)
		return in, err
	}
	if in.Train, err = data.OpenText(ctx, f.data, f.options); err != nil {
		return in, err
	}
	path, options := f.testRows()
	in.Split = named(path, options.Split)
	in.Test, err = data.OpenText(ctx, path, options)
	return in, err
}

// testRows are the file of the rows to score, where they are others, and how it is read.
func (f textFiles) testRows() (path string, options data.TextOptions) {
	path, options = f.data, f.options
	if options.Split = f.testSplit; f.test != "" {
		path, options.Format = f.test, ""
	}
	return path, options
}

// named is a file with which of its lists is read.
func named(path, split string) string {
	if split == "" {
		return path
	}
	return split + " of " + path
}

// printText prints the tables of scores, each beside its baselines, and the geometry.
func printText(out io.Writer, r eval.Report) error {
	d := r.Data
	switch {
	case d.Test > 0 && r.Tasks == (eval.Scores{}):
		fmt.Fprintf(out, "%d rows (%s); without classes, a second text or pairs with scores there is the geometry alone\n\n", d.Test, d.Split)
	case d.Test > 0:
		fmt.Fprintf(out, "%d rows scored (%s)", d.Test, d.Split)
		if d.Train > 0 {
			fmt.Fprintf(out, ", %d to learn the classes from, %d classes%s", d.Train, len(d.Classes), unknownOf(d))
		}
		if d.Repeated > 0 {
			fmt.Fprintf(out, "; %d of the texts scored are among those learned from", d.Repeated)
		}
		fmt.Fprint(out, "\n\n")
	}
	if r.Tasks.KNN != nil || r.Tasks.Linear != nil {
		printAccuracies(out, r.Tasks, "tf-idf")
		fmt.Fprintln(out)
	}
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }
	if s := r.Tasks.Retrieval; s != nil {
		fmt.Fprintf(out, "each of %d first texts is to find its second among %d:\n", s.Queries, s.Items)
		printRetrieval(row, *s)
	}
	if s := r.Tasks.STS; s != nil {
		row(fmt.Sprintf("%d pairs with scores", s.Pairs), "this encoder", "tf-idf", "word overlap", "untrained")
		cells := []string{"Spearman", correlation(s.Spearman), "-", "-", "-"}
		if b := s.Baselines; b != nil {
			cells = append(cells[:2], correlation(b.TFIDF), correlation(b.WordOverlap), correlation(b.RandomInit))
		}
		row(cells...)
		row("Pearson", correlation(s.Pearson), "-", "-", "-")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if r.Tasks.Retrieval != nil || r.Tasks.STS != nil {
		fmt.Fprintln(out)
	}
	printGeometry(out, r)
	return nil
}

// printRetrieval prints a search's scores, a line each.
func printRetrieval(row func(...string), s eval.Retrieval) {
	row("", "this encoder", "tf-idf", "untrained", "chance")
	line := func(name string, show func(eval.RetrievalScores) string) {
		cells := []string{name, show(s.RetrievalScores), "-", "-", "-"}
		if b := s.Baselines; b != nil {
			if b.TFIDF != nil {
				cells[2] = show(*b.TFIDF)
			}
			cells[3], cells[4] = show(b.RandomInit), show(b.Chance)
		}
		row(cells...)
	}
	for _, k := range metric.DefaultRetrievalKs() {
		line(fmt.Sprintf("recall@%d", k), func(s eval.RetrievalScores) string { return percent(s.Recall[k]) })
	}
	line("MRR", func(s eval.RetrievalScores) string { return fmt.Sprintf("%.3f", s.MRR) })
	line("nDCG@10", func(s eval.RetrievalScores) string { return fmt.Sprintf("%.3f", s.NDCG[10]) })
}

// correlation is one in three digits; there is none of what is all the same.
func correlation(r *float64) string {
	if r == nil {
		return "none"
	}
	return fmt.Sprintf("%.3f", *r)
}
