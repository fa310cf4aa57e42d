package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/metric"
)

type evalCommand struct {
	Model       string   `arg:"" name:"run" help:"A run's directory, or a model folder."`
	Data        string   `placeholder:"DIR" help:"Folder of pictures; with train/ and test/ inside, the test pictures are scored. For a model of pictures and texts, a table of both."`
	STS         string   `placeholder:"FILE" name:"sts" help:"For an encoder of text: file of sentence, sentence and score, to correlate similarities with."`
	STSColumns  []string `default:"1,2,3" name:"sts-columns" placeholder:"1,2,3" help:"Its columns, by name, or by number in a file without names."`
	Tasks       []string `placeholder:"knn,linear" help:"What to measure: knn, linear. All that the labels allow if left out."`
	K           int      `default:"${k}" help:"Neighbours that vote."`
	Temperature float64  `default:"${temperature}" help:"Divides similarities before they weigh votes."`
	MaxTrain    int      `placeholder:"N" help:"Learn the classes from this many training pictures at most; all if left out."`
	Baselines   bool     `default:"true" negatable:"" help:"Score raw pixels and the untrained encoder too."`
	Device      string   `default:"${device_default}" help:"Where to compute: see alike methods."`
	JSON        bool     `help:"Print one JSON object."`

	Pairs evalPairFlags `embed:"" group:"Tables of pictures with captions, for a model of both"`
}

func (e evalCommand) Run(ctx context.Context, c console) error {
	if e.K < 1 || !(e.Temperature > 0) {
		return usageError{errors.New("--k and --temperature must be above 0")}
	}
	if e.MaxTrain < 0 {
		return usageError{errors.New("--max-train must be above 0")}
	}
	if err := eval.CheckTasks(e.Tasks); err != nil {
		return usageError{err}
	}
	switch {
	case (e.Data == "") == (e.STS == ""):
		return usageError{errors.New("name what to score on: --data for an encoder of pictures, --sts for one of text")}
	case len(e.STSColumns) != 3:
		return usageError{errors.New("--sts-columns must be three: sentence, sentence and score")}
	}
	backend, err := device.Open(e.Device)
	if err != nil {
		return usageError{err}
	}
	defer backend.Finalize()
	if e.Data != "" && isPair(e.Model) && !isDir(e.Data) {
		return e.pairs(ctx, c, backend)
	}
	if e.STS != "" {
		return e.sts(ctx, c, backend)
	}
	m, err := loadModel(backend, e.Model)
	if err != nil {
		return err
	}
	folder, err := data.OpenImageFolder(ctx, e.Data, data.FolderOptions{})
	if err != nil {
		return err
	}
	options := eval.Options{
		Tasks:       e.Tasks,
		KNN:         metric.KNNOptions{K: e.K, Temperature: e.Temperature},
		MaxTrain:    e.MaxTrain,
		NoBaselines: !e.Baselines,
	}
	result, err := evaluate(ctx, c, backend, m, folder, options)
	if err != nil {
		return err
	}
	printSkipped(c.err, folder.Skipped.List())
	if e.JSON {
		return printJSON(c.out, result.Report)
	}
	printScores(c.out, result.Report)
	return nil
}

// printScores prints the table of scores, each beside its baselines, and the geometry.
func printScores(out io.Writer, r eval.Report) {
	d := r.Data
	fmt.Fprintf(out, "%d test pictures (%s), %d to learn the classes from, %d classes\n\n", d.Test, d.Split, d.Train, len(d.Classes))
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }
	scored := func(name string, accuracy float64, b *eval.Baselines) {
		if b == nil {
			row(name, percent(accuracy), "-", "-", "-")
			return
		}
		row(name, percent(accuracy), percent(b.Raw), percent(b.RandomInit), percent(b.Majority))
	}
	if r.Tasks.KNN != nil || r.Tasks.Linear != nil {
		row("accuracy", "this encoder", "raw pixels", "untrained", "majority class")
	}
	if k := r.Tasks.KNN; k != nil {
		scored(fmt.Sprintf("kNN (k %d)", k.K), k.Accuracy, k.Baselines)
	}
	if l := r.Tasks.Linear; l != nil {
		scored("linear probe", l.Accuracy, l.Baselines)
	}
	w.Flush()
	g := r.Geometry
	fmt.Fprintf(out, "\ngeometry: alignment %.3f, uniformity %.3f, effective rank %.1f of %d, std %.3f\n",
		g.Alignment, g.Uniformity, g.EffectiveRank, r.Model.Dim, g.Std)
	if l := r.Tasks.Linear; l != nil && !l.Converged {
		fmt.Fprintln(out, "the linear probe did not converge: its score is a lower bound")
	}
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }
