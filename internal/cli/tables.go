package cli

import (
	"fmt"
	"slices"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/train"
)

// tableFlags say which columns of a table are pictures and captions, where they are not those of the run.
type tableFlags struct {
	ImageColumn    *string  `placeholder:"COLUMN" help:"Column of the pictures' paths; the run's if left out."`
	CaptionColumns []string `placeholder:"A,B" help:"Columns of the captions; the run's if left out."`
}

// given says whether there is any of them.
func (f tableFlags) given() bool { return f.ImageColumn != nil || f.CaptionColumns != nil }

// optionsOf say how a table of pictures with captions is read for a run: in its own columns, and over them the flags. A class that the
// run's data had and the table has not is left out, which note says; it is "" otherwise.
func (f tableFlags) optionsOf(run, table string, text textFlags) (options data.PairOptions, note string) {
	options = data.DefaultPairOptions()
	if config, err := train.ReadConfig(run); err == nil && config.Pairs != nil {
		options = config.Pairs.PairOptions
		options.Format, options.Separator, options.Tags, options.Group = "", "", nil, ""
	}
	options = pairFlags{ImageColumn: f.ImageColumn, CaptionColumns: f.CaptionColumns}.over(text.overTable(options))
	if options.Class == "" || text.Class != nil {
		return options, ""
	}
	if there, err := data.PairColumns(table, options); err == nil && there != nil && !slices.Contains(there, options.Class) {
		note = fmt.Sprintf("note: %s has no column %q, that of the run's classes: it is read without classes", table, options.Class)
		options.Class = ""
	}
	return options, note
}

// ofRun say how a file of text is read of which the first column is wanted: with every row, and without a column that the flags name in
// the run's own if the file has it.
func (f textFlags) ofRun(run, file string) data.TextOptions {
	options := f.everyRow()
	config, err := train.ReadConfig(run)
	if err != nil || config.Text == nil || len(config.Text.Texts) == 0 || f.Columns != nil || f.Header != nil {
		return options
	}
	own := everyRowOf(config.Text.TextOptions)
	own.Texts, own.Class = own.Texts[:1], ""
	own = f.over(own)
	if there, err := data.TextColumns(file, own); err != nil || !slices.Contains(there, own.Texts[0]) {
		return options
	}
	return own
}
