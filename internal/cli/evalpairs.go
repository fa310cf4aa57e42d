package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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

// isPair says whether a run's model, or that of a model folder, is one of pictures and texts.
func isPair(path string) bool { return embed.IsPair(modelFolder(path)) }

// loadPair opens the model of a run on pictures with captions, given the run's directory or the model folder itself.
func loadPair(backend compute.Backend, path string) (*embed.PairModel, error) {
	m, err := embed.LoadPair(backend, modelFolder(path))
	return m, orUnfinished(err, path)
}

// evalPairFlags say how pictures with captions are read and named.
type evalPairFlags struct {
	tableFlags
	Templates []string `default:"{}" sep:"none" placeholder:"TEXT" help:"Sentence with {} for a class's name; openai for seven of CLIP's, openai80 for all. Repeatable: their vectors are averaged."`
	ClassName []string `sep:"none" placeholder:"CLASS=NAME" help:"What the encoder of texts reads for a class in the place of its own name. Repeatable, for a class too: its names' vectors are averaged."`
	Vectors   string   `placeholder:"FILE" help:"Word vectors, GloVe's or word2vec's: classes are told by what the words of their names mean too. A picture means what the --k captions nearest to it do."`
	Known     string   `placeholder:"TABLE" help:"With --vectors: table, read as one of --data is, of the captions that pictures are read through; what the run learned from if left out."`
}

// names says whether there is any that says how classes are told by their names.
func (f evalPairFlags) names() bool {
	return f.ClassName != nil || f.Vectors != "" || !slices.Equal(f.Templates, []string{"{}"})
}

// prompts are those of zero-shot classification.
func (f evalPairFlags) prompts() (p eval.Prompts, err error) {
	for _, template := range f.Templates {
		switch template {
		case "openai":
			p.Templates = append(p.Templates, eval.OpenAITemplates()...)
		case "openai80":
			p.Templates = append(p.Templates, eval.AllOpenAITemplates()...)
		default:
			p.Templates = append(p.Templates, template)
		}
	}
	for _, given := range f.ClassName {
		class, name, ok := strings.Cut(given, "=")
		if class, name = strings.TrimSpace(class), strings.TrimSpace(name); !ok || class == "" || name == "" {
			return p, usageError{fmt.Errorf("--class-name %q: give the class, = and the name that the encoder of texts is to read", given)}
		}
		if p.Names == nil {
			p.Names = make(map[string][]string)
		}
		p.Names[class] = append(p.Names[class], name)
	}
	return p, nil
}

// pairs scores a model of pictures and texts on a table.
func (e evalCommand) pairs(ctx context.Context, c console, backend compute.Backend) error {
	m, err := loadPair(backend, e.Model)
	if err != nil {
		return err
	}
	defer m.Close()
	options, note := e.Pairs.optionsOf(e.Model, e.Data, e.Text)
	if note != "" {
		fmt.Fprintln(c.err, note)
	}
	if e.Pairs.names() && options.Class == "" {
		return usageError{errors.New("--templates, --class-name and --vectors are for the names of classes: name their column with --class")}
	}
	prompts, err := e.Pairs.prompts()
	if err != nil {
		return err
	}
	pairs, err := data.OpenPairs(ctx, e.Data, options)
	if err != nil {
		return err
	}
	defer pairs.Close()
	if e.Pairs.Vectors != "" {
		if prompts.Meaning, err = e.meaning(ctx, options); err != nil {
			return err
		}
	}
	bar := newStages(c.err, "pictures")
	report, err := eval.RunPairs(ctx, backend, m, pairs, prompts, e.Baselines, bar.say)
	bar.finish()
	if err != nil {
		return err
	}
	printDropped(c.err, pairs.Dropped)
	printSkipped(c.err, pairs.Images.Skipped.List())
	noteNames(c.err, report.ZeroShot)
	if e.JSON {
		return printJSON(c.out, report)
	}
	return printPairs(c.out, *report)
}

// meaning is what classes are told by beside their names; options say how the table of captions is read, if one is named.
func (e evalCommand) meaning(ctx context.Context, options data.PairOptions) (*eval.Meaning, error) {
	captions, err := e.known(ctx, options)
	return &eval.Meaning{Captions: captions, Vectors: e.Pairs.Vectors, Nearest: e.K, Temperature: e.Temperature}, err
}

// known are the captions that pictures are read through: those of a table that is read with the options, or those that the run learned
// from.
func (e evalCommand) known(ctx context.Context, options data.PairOptions) (captions []string, err error) {
	var pairs *data.Pairs
	if e.Pairs.Known != "" {
		options.Class = ""
		if pairs, err = data.OpenPairs(ctx, e.Pairs.Known, options); err != nil {
			return nil, err
		}
		defer pairs.Close()
	} else {
		config, err := train.ReadConfig(e.Model)
		if err != nil {
			return nil, fmt.Errorf("%w: name a table of captions that the model has learned from with --known", err)
		}
		items, err := train.OpenPairs(ctx, config)
		if err != nil {
			return nil, fmt.Errorf("cannot read what the run learned from: %w; name a table of its captions with --known", err)
		}
		defer items.Close()
		pairs = items.Learned
	}
	for row, err := range pairs.Captions.Rows() {
		if err != nil {
			return nil, err
		}
		captions = append(captions, row.Texts[0])
	}
	return captions, nil
}

// mostHeld is how many of the pairs that a run kept back are scored at its end at most.
const mostHeld = 2000

// concludePairs scores the model of a finished run on pictures with captions on the pairs that it kept back, prints how it fares and writes
// the run's report.
func concludePairs(ctx context.Context, c console, backend compute.Backend, in runreport.Input) (err error) {
	if in.PairModel, err = embed.LoadPair(backend, train.ModelDir(in.Dir)); err != nil {
		return err
	}
	defer in.PairModel.Close()
	items, err := train.OpenPairs(ctx, in.Config)
	if err != nil {
		return err
	}
	defer items.Close()
	if items.Watched != nil {
		began := time.Now()
		held := items.Watched.Some(mostHeld, in.Config.Seed)
		bar := newStages(c.err, "pictures")
		in.PairScores, err = eval.RunPairs(ctx, backend, in.PairModel, held, eval.Prompts{Templates: []string{"{}"}}, true, bar.say)
		bar.finish()
		if err != nil {
			return err
		}
		in.Timing = append(in.Timing, report.Span{Name: "evaluation", Duration: time.Since(began)})
		if err := eval.WritePairReport(in.Dir, *in.PairScores); err != nil {
			return err
		}
		fmt.Fprint(c.out, "of the pairs that were kept back from training: ")
		if err := printPairs(c.out, *in.PairScores); err != nil {
			return err
		}
	}
	return writeReport(ctx, c, "pictures", in)
}

// printPairs prints the table of scores, each beside its baselines, and the geometry.
func printPairs(out io.Writer, r eval.PairReport) error {
	fmt.Fprintf(out, "%d pictures, %d different captions\n\n", r.Pictures, r.Captions)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }
	row("", "this model", "untrained", "chance")
	beside := func(name string, s eval.Retrieval, show func(eval.RetrievalScores) string) {
		if s.Baselines == nil {
			row(name, show(s.RetrievalScores), "-", "-")
			return
		}
		row(name, show(s.RetrievalScores), show(s.Baselines.RandomInit), show(s.Baselines.Chance))
	}
	for _, direction := range []struct {
		name   string
		scores eval.Retrieval
	}{{"caption to picture", r.Retrieval.TextToImage}, {"picture to caption", r.Retrieval.ImageToText}} {
		for _, k := range metric.DefaultRetrievalKs() {
			beside(fmt.Sprintf("%s, recall@%d", direction.name, k), direction.scores, func(s eval.RetrievalScores) string { return percent(s.Hits[k]) })
		}
		beside(direction.name+", median rank", direction.scores, func(s eval.RetrievalScores) string { return fmt.Sprintf("%.1f", s.MedianRank) })
	}
	if z := r.ZeroShot; z != nil {
		for _, cells := range zeroShotRows(*z) {
			row(cells...)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	g := r.Retrieval.Geometry
	fmt.Fprintf(out, "\ngeometry: modality gap %.3f, alignment %.3f, uniformity %.3f, effective rank %.1f of %d, std %.3f\n",
		r.Retrieval.ModalityGap, g.Alignment, g.Uniformity, g.EffectiveRank, r.Model.Pair.Out, g.Std)
	if z := r.ZeroShot; z != nil {
		printMostFrequent(out, *z)
	}
	if r.Encoder != nil {
		fmt.Fprintf(out, "\nthe encoder of pictures by itself: ")
		printScores(out, *r.Encoder)
	}
	return nil
}
