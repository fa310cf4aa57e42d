package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/metric"
)

type evalCommand struct {
	Model       string   `arg:"" name:"run" help:"A run's directory, or a model's folder, or its name on Hugging Face's hub if their tools have fetched it."`
	Data        string   `placeholder:"DIR" help:"Folder of pictures; with train/ and test/ inside, the test pictures are scored. For an encoder of text, a file of rows with classes, or of pairs to find. For a model of pictures and texts, a table of both or shards, or a folder, whose classes it names too."`
	Test        *string  `placeholder:"FILE" help:"For an encoder of text: file of the rows to score, where those to learn the classes from are another; --data's if left out."`
	TestSplit   *string  `placeholder:"NAME" help:"Which list of rows of a json file to score, where --split names those to learn the classes from."`
	STS         string   `placeholder:"FILE" name:"sts" help:"For an encoder of text: file of sentence, sentence and score, to correlate similarities with."`
	STSColumns  []string `default:"1,2,3" name:"sts-columns" placeholder:"1,2,3" help:"Its columns, by name, or by number in a file without names."`
	Tasks       []string `placeholder:"knn,linear" help:"What to measure: knn, linear, for texts retrieval and, for pictures in folders by a model of both, zero-shot. All that the data allow if left out."`
	K           int      `default:"${k}" help:"Neighbours that vote; with --vectors, captions that a picture is read through."`
	Temperature float64  `default:"${temperature}" help:"Divides similarities before they weigh votes."`
	MaxTrain    int      `placeholder:"N" help:"Learn the classes from this many training pictures, or rows, at most; all if left out."`
	Baselines   bool     `default:"true" negatable:"" help:"Score raw pixels, or words alone, and the untrained encoder too."`
	Device      string   `default:"${device_default}" help:"Where to compute: see alike methods."`
	JSON        bool     `help:"Print one JSON object."`

	Text  textFlags     `embed:"" group:"Files of text and tables, of which the run's columns are read if they are left out"`
	Pairs evalPairFlags `embed:"" group:"Tables of pictures with captions, and folders by class, for a model of both"`
}

func (e evalCommand) Run(ctx context.Context, c console) error {
	if err := checkModel(e.Model); err != nil {
		return err
	}
	text := isText(e.Model) || e.Data == "" && e.STS != "" && embed.HasText(modelFolder(e.Model))
	table := e.Data != "" && isPair(e.Model) && (!isDir(e.Data) || data.HasShards(e.Data))
	for _, err := range []error{e.unusable(text), e.misplaced(text, table)} {
		if err != nil {
			return err
		}
	}
	backend, err := device.Open(e.Device)
	if err != nil {
		return usageError{err}
	}
	defer backend.Finalize()
	switch {
	case table:
		return e.pairs(ctx, c, backend)
	case text:
		return e.text(ctx, c, backend)
	}
	folder, err := data.OpenImageFolder(ctx, e.Data, data.FolderOptions{})
	if err != nil {
		return err
	}
	report, err := e.pictures(ctx, c, backend, folder)
	if err != nil {
		return err
	}
	printSkipped(c.err, folder.Skipped.List())
	noteNames(c.err, report.Tasks.ZeroShot)
	if e.JSON {
		return printJSON(c.out, report)
	}
	printScores(c.out, report)
	return nil
}

// pictures scores an encoder of pictures on a folder, and the naming of its classes where there is an encoder of texts beside it.
func (e evalCommand) pictures(ctx context.Context, c console, backend compute.Backend, folder *data.ImageFolder) (report eval.Report, err error) {
	options := e.options()
	options.Tasks = slices.DeleteFunc(slices.Clone(e.Tasks), func(task string) bool { return task == eval.TaskZeroShot })
	named := len(options.Tasks) < len(e.Tasks)
	if named || len(e.Tasks) == 0 && isPair(e.Model) && (len(folder.Train.Classes) > 1 || e.Pairs.names()) {
		if report, err = e.zeroShot(ctx, c, backend, folder); err != nil {
			return report, err
		}
		if len(options.Tasks) == 0 && (named || !eval.EnoughToFit(folder)) {
			return report, nil
		}
	}
	m, err := loadModel(backend, e.Model)
	if err != nil {
		return report, err
	}
	defer m.Close()
	result, err := evaluate(ctx, c, backend, m, folder, options)
	if err != nil {
		return report, err
	}
	result.Report.Tasks.ZeroShot = report.Tasks.ZeroShot
	return result.Report, nil
}

// unusable returns a usage error for flags that have no such value, or that nothing can be scored by.
func (e evalCommand) unusable(text bool) error {
	tasks := eval.Tasks()
	switch {
	case text:
		tasks = eval.TextTasks()
	case isPair(e.Model):
		tasks = eval.PairTasks()
	}
	if err := eval.CheckTasks(e.Tasks, tasks); err != nil {
		return usageError{err}
	}
	switch {
	case e.K < 1 || !(e.Temperature > 0):
		return usageError{errors.New("--k and --temperature must be above 0")}
	case e.MaxTrain < 0:
		return usageError{errors.New("--max-train must be above 0")}
	case e.Data == "" && e.STS == "":
		return usageError{errors.New("name what to score on: --data, or for an encoder of text --sts")}
	case !text && e.Data == "":
		return usageError{errors.New("--sts is for an encoder of text: name what to score on with --data")}
	case e.Data == "" && (e.Test != nil || e.TestSplit != nil):
		return usageError{errors.New("--test and --test-split go with --data, the rows to learn the classes from")}
	case len(e.STSColumns) != 3:
		return usageError{errors.New("--sts-columns must be three: sentence, sentence and score")}
	}
	return nil
}

// misplaced returns a usage error for flags that are of no use to what is scored: an encoder of text, a model of both on a table, or
// else an encoder of pictures on a folder.
func (e evalCommand) misplaced(text, table bool) error {
	if !text && (e.STS != "" || e.Test != nil || e.TestSplit != nil) {
		return usageError{errors.New("--sts, --test and --test-split are for encoders of text")}
	}
	pair := !text && isPair(e.Model)
	if !pair && (e.Pairs.given() || e.Pairs.names() || e.Pairs.Known != "") {
		return usageError{errors.New("--image-column, --caption-columns, --templates, --class-name, --vectors and --known are for a model of pictures and texts")}
	}
	if !table && e.Pairs.given() && e.Pairs.Known == "" {
		return usageError{errors.New("--image-column and --caption-columns are for tables of pictures with captions: the classes of pictures are their folders")}
	}
	if !table && e.Pairs.names() && len(e.Tasks) > 0 && !slices.Contains(e.Tasks, eval.TaskZeroShot) {
		return usageError{fmt.Errorf("--templates, --class-name and --vectors are for the task %s, which is not among --tasks", eval.TaskZeroShot)}
	}
	if e.Pairs.Known != "" && e.Pairs.Vectors == "" {
		return usageError{errors.New("--known goes with --vectors, which say what the words of its captions mean")}
	}
	// How a table is read is said of the captions to read through too.
	if how := e.Text; !text && !table && (how.Columns != nil || how.Class != nil || how.Split != nil || how.given() && e.Pairs.Known == "") {
		return usageError{errors.New("--columns, --class, --format, --separator, --split and --header are for files of text and tables: the classes of pictures are their folders")}
	}
	if table && (e.Text.Columns != nil || e.Text.Split != nil) {
		return usageError{errors.New("--columns and --split are for text alone: the columns of pictures with captions are --image-column and --caption-columns")}
	}
	if table && (len(e.Tasks) > 0 || e.MaxTrain > 0) {
		return usageError{errors.New("--tasks and --max-train are for classes: on a table of pictures and captions all there is to measure is measured")}
	}
	return nil
}

func (e evalCommand) options() eval.Options {
	return eval.Options{
		Tasks:       e.Tasks,
		KNN:         metric.KNNOptions{K: e.K, Temperature: e.Temperature},
		MaxTrain:    e.MaxTrain,
		NoBaselines: !e.Baselines,
	}
}

// printScores prints the table of scores, each beside its baselines, and the geometry.
func printScores(out io.Writer, r eval.Report) {
	d := r.Data
	if z := r.Tasks.ZeroShot; z != nil {
		printZeroShot(out, *z)
		r.Tasks.ZeroShot = nil
		if d.Split == "" { // nothing else was scored
			return
		}
		fmt.Fprint(out, "\nthe encoder of pictures by itself: ")
	}
	if r.Tasks == (eval.Scores{}) {
		fmt.Fprintf(out, "%d test pictures (%s); without classes there is the geometry alone\n\n", d.Test, d.Split)
		printGeometry(out, r)
		return
	}
	fmt.Fprintf(out, "%d test pictures (%s), %d to learn the classes from, %d classes%s\n\n", d.Test, d.Split, d.Train, len(d.Classes), unknownOf(d))
	printAccuracies(out, r.Tasks, "raw pixels")
	fmt.Fprintln(out)
	printGeometry(out, r)
}

// unknownOf says how many items are of a class that there was nothing to learn of.
func unknownOf(d eval.DataSummary) string {
	if d.Unknown == 0 {
		return ""
	}
	return fmt.Sprintf("; %d of those scored are of a class that none to learn from is of, and count as wrong", d.Unknown)
}

// printAccuracies prints the table of the classifiers' scores; raw is what the baseline without an encoder is called.
func printAccuracies(out io.Writer, tasks eval.Scores, raw string) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }
	scored := func(name string, accuracy float64, b *eval.Baselines) {
		if b == nil {
			row(name, percent(accuracy), "-", "-", "-")
			return
		}
		row(name, percent(accuracy), percent(b.Raw), percent(b.RandomInit), percent(b.Majority))
	}
	if tasks.KNN != nil || tasks.Linear != nil {
		row("accuracy", "this encoder", raw, "untrained", "majority class")
	}
	if k := tasks.KNN; k != nil {
		scored(fmt.Sprintf("kNN (k %d)", k.K), k.Accuracy, k.Baselines)
	}
	if l := tasks.Linear; l != nil {
		scored("linear probe", l.Accuracy, l.Baselines)
	}
	w.Flush()
}

// printGeometry prints how the vectors lie in space, and whether the probe is to be trusted.
func printGeometry(out io.Writer, r eval.Report) {
	g := r.Geometry
	fmt.Fprintf(out, "geometry: alignment %.3f, uniformity %.3f, effective rank %.1f of %d, std %.3f\n",
		g.Alignment, g.Uniformity, g.EffectiveRank, r.Model.Dim, g.Std)
	if l := r.Tasks.Linear; l != nil && !l.Converged {
		fmt.Fprintln(out, "the linear probe did not converge: its score is a lower bound")
	}
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }
