package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"text/tabwriter"

	"github.com/alike-ml/alike/train"
)

type verifyCommands struct {
	LargeBatch verifyLargeBatchCommand `cmd:"" help:"Hold a step that takes its batch in chunks against the same step in one piece: loss, gradients and memory."`
}

type verifyLargeBatchCommand struct {
	Of   string   `arg:"" name:"run-or-method" help:"A run, for its weights, its settings and the first batch of its data; or a method, for random ones."`
	Set  []string `placeholder:"KEY=VALUE" sep:"none" help:"Set anything in config.yaml by its dotted key. Repeatable."`
	JSON bool     `help:"Print one JSON object."`

	stepFlags
}

// config are the settings to compare with, and the run's directory, "" for none.
func (v verifyLargeBatchCommand) config() (config train.Config, dir string, err error) {
	config, err = train.ReadConfig(v.Of)
	if err == nil {
		return config, v.Of, trainCommand{Set: v.Set, configFlags: v.flags()}.apply(&config)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return config, "", err
	}
	config, err = v.random(v.Of, v.Set)
	return config, "", err
}

// Run fails where the two are not the same.
func (v verifyLargeBatchCommand) Run(ctx context.Context, c console) error {
	config, dir, err := v.config()
	if err != nil {
		return err
	}
	if config.Chunk == 0 {
		return usageError{errors.New("how many of the batch are a chunk? say so with --chunk")}
	}
	found, err := train.VerifyLargeBatch(ctx, config, dir)
	if err != nil {
		return err
	}
	if v.JSON {
		err = printJSON(c.out, found)
	} else {
		err = printLargeBatch(c.out, config, found)
	}
	switch {
	case err != nil || found.Equal():
		return err
	case found.BatchNorm:
		return fmt.Errorf("a step in chunks of %d is not the one in one piece: batch norm in %s has the statistics of a chunk; take an encoder without it, such as vit_tiny", found.Chunk, found.Backbone)
	}
	return fmt.Errorf("a step in chunks of %d is not the one in one piece: a difference is out of its bound", found.Chunk)
}

func printLargeBatch(out io.Writer, config train.Config, l train.LargeBatch) error {
	fmt.Fprintf(out, "%s, %s, %d %s a step in chunks of %d, %s on %s:\n", l.Method, l.Backbone, l.Batch, config.Items(), l.Chunk, l.Precision, l.Device)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range l.Comparisons {
		title := "against one piece"
		switch {
		case c.Dropout:
			title = "with dropout, replayed"
		case len(l.Comparisons) > 1:
			title += ", without dropout"
		}
		fmt.Fprintf(w, "\n%s\tin one piece\tdifference\tbound\t\n", title)
		fmt.Fprintf(w, "loss\t%.7g\t%.2g\t%.2g\t\n", c.Loss, c.Chunked-c.Loss, c.Bound)
		for _, p := range c.Parts {
			fmt.Fprintf(w, "gradient of %s\tup to %.3g\t%.2g\t%.2g\t\n", p.Part, p.Largest, p.Difference, p.Bound)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if l.Equal() {
		fmt.Fprintf(out, "\nThe same: no difference is out of its bound.\n")
	}
	if l.OnePieceMemory > 0 && l.ChunkedMemory > 0 {
		fmt.Fprintf(out, "\nA step needs %.0f MiB in one piece and %.0f MiB in chunks.\n", float64(l.OnePieceMemory)/(1<<20), float64(l.ChunkedMemory)/(1<<20))
	}
	return nil
}
