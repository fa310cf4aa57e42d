package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/runreport"
	"github.com/alike-ml/alike/recipes"
	"github.com/alike-ml/alike/report"
)

type compareCommand struct {
	Runs     []string `arg:"" name:"run" help:"Directories of runs. Those that differ in their seed alone become one line, with its spread."`
	Out      string   `placeholder:"FILE.html" help:"Draw the runs' curves over each other, in one HTML file."`
	Band     string   `placeholder:"FILE.json" help:"Write the range of the runs' numbers, epoch by epoch: what a recipe keeps of its own runs. They must differ in their seed alone."`
	BandData string   `placeholder:"WORDS" help:"What the runs of --band were trained on, in words."`
	JSON     bool     `help:"Print one JSON object."`
}

func (c compareCommand) Run(out console) error {
	if c.Out != "" && filepath.Ext(c.Out) != ".html" {
		return usageError{fmt.Errorf("%s: the comparison is an HTML file: let the name end in .html", c.Out)}
	}
	if (c.Band == "") != (c.BandData == "") {
		return usageError{fmt.Errorf("--band and --band-data belong together: the file, and what its runs were trained on")}
	}
	var runs []runreport.Run
	for _, dir := range c.Runs {
		r, err := runreport.Read(dir)
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	groups := runreport.Compare(runs)
	if err := c.write(groups); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out.out, struct {
			Groups []runreport.Group `json:"groups"`
		}{groups})
	}
	if err := printGroups(out.out, groups); err != nil {
		return err
	}
	if c.Out != "" {
		fmt.Fprintf(out.out, "\nThe curves are in %s.\n", c.Out)
	}
	return nil
}

// write writes the files that were asked for.
func (c compareCommand) write(groups []runreport.Group) error {
	if c.Band != "" {
		epochs, err := runreport.EpochsOf(groups)
		if err != nil {
			return err
		}
		band, err := recipes.NewBand(c.BandData, epochs)
		if err != nil {
			return err
		}
		err = atomicfile.Write(c.Band, func(w io.Writer) error {
			return band.Write(w)
		})
		if err != nil {
			return err
		}
	}
	if c.Out == "" {
		return nil
	}
	return atomicfile.Write(c.Out, func(w io.Writer) error { return report.WriteComparison(w, runreport.Comparison(groups)) })
}

// printGroups prints a table that Markdown takes as well.
func printGroups(out io.Writer, groups []runreport.Group) error {
	if shared := runreport.Shared(groups); shared != "" {
		fmt.Fprintf(out, "All have %s.\n", shared)
	}
	fmt.Fprintf(out, "%s\n\n", runreport.SpreadNote)
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	line := func(cells ...string) { fmt.Fprintf(w, "| %s\t|\n", strings.Join(cells, "\t| ")) }
	names, rows := runreport.Table(groups)
	line(append([]string{"run"}, names...)...)
	line(strings.Split(strings.Repeat("--- ", len(names))+"---", " ")...)
	for i, g := range groups {
		line(append([]string{g.Name}, rows[i]...)...)
	}
	return w.Flush()
}
