package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/eval"
)

// zeroShot scores the naming of a folder's classes by a model of pictures and texts, and that alone.
func (e evalCommand) zeroShot(ctx context.Context, c console, backend compute.Backend, folder *data.ImageFolder) (report eval.Report, err error) {
	prompts, err := e.Pairs.prompts()
	if err != nil {
		return report, err
	}
	if e.Pairs.Vectors != "" {
		options, _ := e.Pairs.optionsOf(e.Model, e.Pairs.Known, e.Text)
		if prompts.Meaning, err = e.meaning(ctx, options); err != nil {
			return report, err
		}
	}
	m, err := loadPair(backend, e.Model)
	if err != nil {
		return report, err
	}
	defer m.Close()
	bar := newStages(c.err, "pictures")
	defer bar.finish()
	z, err := eval.RunZeroShot(ctx, backend, m, folder, prompts, e.Baselines, bar.say)
	if err != nil {
		return report, err
	}
	report.Tasks.ZeroShot, report.Model = z, m.Config
	report.Data.Test, report.Data.Classes, report.Data.Skipped = z.Pictures, z.Classes, folder.Skipped.Len()
	return report, nil
}

// printZeroShot prints how well the classes of a folder are told by their names.
func printZeroShot(out io.Writer, z eval.ZeroShot) {
	fmt.Fprintf(out, "%d pictures (%s) of %d classes, told by the classes' names alone\n", z.Pictures, z.Split, len(z.Classes))
	for _, class := range z.Classes {
		if names := z.Names[class]; len(names) > 0 {
			fmt.Fprintf(out, "%s, such as \"%s\" for %q\n", counted(len(z.Names), "class is read by another name", "classes are read by other names"), together(names), class)
			break
		}
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{{"", "this model", "untrained", "chance"}}, zeroShotRows(z)...) {
		fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
	}
	w.Flush()
	printMostFrequent(out, z)
}

// printMostFrequent prints what zero-shot classification stands beside that needs no model.
func printMostFrequent(out io.Writer, z eval.ZeroShot) {
	if z.Baselines != nil {
		fmt.Fprintf(out, "the most frequent class is that of %s of the pictures\n", percent(z.Baselines.Majority))
	}
}

// fewestForTop5 is the least number of classes among which the nearest five are not all.
const fewestForTop5 = 6

// zeroShotRows are the scores of zero-shot classification: what they are, then those of this model, the untrained one and chance.
func zeroShotRows(z eval.ZeroShot) (rows [][]string) {
	var b eval.ZeroShotBaselines
	if z.Baselines != nil {
		b = *z.Baselines
	}
	add := func(name string, value, untrained, chance float64) {
		row := []string{name, percent(value), "-", "-"}
		if z.Baselines != nil {
			row[2], row[3] = percent(untrained), percent(chance)
		}
		rows = append(rows, row)
	}
	top5 := func(value, untrained float64) {
		if len(z.Classes) >= fewestForTop5 {
			add("among the nearest five", value, untrained, b.ChanceTop5)
		}
	}
	add(fmt.Sprintf("zero-shot, %d classes", len(z.Classes)), z.Accuracy, b.RandomInit, b.Chance)
	top5(z.Top5, b.RandomInitTop5)
	if m := z.ByMeaning; m != nil {
		var untrained, untrainedTop5 float64
		if m.RandomInit != nil {
			untrained, untrainedTop5 = *m.RandomInit, *m.RandomInitTop5
		}
		add("by what their names mean", m.Accuracy, untrained, b.Chance)
		top5(m.Top5, untrainedTop5)
	}
	return rows
}

// together are names in a sentence, without the quotes around them.
func together(names []string) string { return strings.Join(names, `" and "`) }

// noteNames says what makes zero-shot classification say little: names that classes share, and those that tell nothing.
func noteNames(out io.Writer, z *eval.ZeroShot) {
	if z == nil {
		return
	}
	called := make(map[string]string) // the class that is read by a name
	for _, class := range z.Classes {
		names, ok := z.Names[class]
		if !ok {
			names = []string{class}
		}
		read := together(names)
		if other, met := called[read]; met {
			fmt.Fprintf(out, "note: the classes %q and %q are both read \"%s\", which tells them from all others but not apart: give one another name with --class-name\n", other, class, read)
			break
		}
		called[read] = class
	}
	if b := z.Baselines; b != nil && z.Accuracy <= b.Majority {
		fmt.Fprintf(out, "note: by their names the classes are told no better (%s) than by always saying the most frequent one (%s): the model may have met no word of them; --class-name gives them names that it knows, --vectors says what names mean\n",
			percent(z.Accuracy), percent(b.Majority))
	}
}
