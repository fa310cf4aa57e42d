package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/train"
)

type benchCommands struct {
	Step    benchStepCommand    `cmd:"" help:"Time training steps on random pictures."`
	Augment benchAugmentCommand `cmd:"" help:"Time decoding and augmenting on one core."`
	Loss    benchLossCommand    `cmd:"" help:"Time every loss with its gradient on random embeddings."`
}

type benchStepCommand struct {
	Method string `arg:"" optional:"" default:"simclr" help:"Method to time: see alike methods."`
	Steps  int    `default:"10" help:"Steps to time, after two that are not counted."`
	JSON   bool   `help:"Print one JSON object."`

	stepFlags
}

func (b benchStepCommand) Run(ctx context.Context, c console) error {
	config, err := b.random(b.Method, nil)
	if err != nil {
		return err
	}
	if b.Steps < 1 {
		return usageError{fmt.Errorf("--steps %d: time at least one", b.Steps)}
	}
	t, err := train.MeasureStep(ctx, config, b.Steps)
	if err != nil {
		return err
	}
	if b.JSON {
		return printJSON(c.out, t)
	}
	items := fmt.Sprintf("%s of width %g, %d px, %d pictures a step", t.Backbone, t.Width, t.ImageSize, t.Batch)
	if config.OnText() {
		items = fmt.Sprintf("%s, %d tokens, %d rows of text a step", t.Backbone, config.Text.MaxLength, t.Batch)
	}
	if t.Chunk > 0 {
		items += fmt.Sprintf(" in chunks of %d", t.Chunk)
	}
	fmt.Fprintf(c.out, "%s, %s, %s on %s:\n", t.Method, items, t.Precision, t.Device)
	fmt.Fprintf(c.out, "%.3f seconds a step (median of %d), %.0f views a second, %.0f GFLOP/s", t.SecondsPerStep, t.Steps, t.ViewsPerSecond, t.GFLOPS)
	if t.PeakMemory > 0 {
		fmt.Fprintf(c.out, ", %.0f MiB of memory at most", float64(t.PeakMemory)/(1<<20))
	}
	fmt.Fprintln(c.out)
	return nil
}

type benchAugmentCommand struct {
	Seconds float64 `default:"2" help:"How long to measure each size."`
	JSON    bool    `help:"Print one JSON array."`
}

func (b benchAugmentCommand) Run(ctx context.Context, c console) error {
	if !(b.Seconds > 0) {
		return usageError{fmt.Errorf("--seconds %g: it must be above 0", b.Seconds)}
	}
	timings, err := measureAugment(ctx, b.Seconds)
	if err != nil {
		return err
	}
	if b.JSON {
		return printJSON(c.out, timings)
	}
	for _, t := range timings {
		fmt.Fprintf(c.out, "%d-px JPEG (%d bytes) to %d-px views: %.0f views a second and core, decoding included, %d views a picture\n",
			t.PictureSize, t.PictureBytes, t.ImageSize, t.ViewsPerSecond, t.ViewsPerPicture)
	}
	return nil
}

type benchLossCommand struct {
	Loss    []string `help:"Losses to time instead of all; the -tiled ones never hold all pairs of a batch."`
	Batch   []int    `default:"256,1024,4096" help:"Batch sizes to time."`
	Dim     int      `default:"128" help:"Width of the embeddings."`
	Repeats int      `default:"5" help:"Computations to time, after one that is not counted."`
	Device  string   `default:"cpu" help:"${device}"`
	JSON    bool     `help:"Print one JSON array."`
}

// maxLossSize is the largest batch, and the widest embedding, that losses are timed with.
const maxLossSize = 1 << 16

func (b benchLossCommand) Run(ctx context.Context, c console) error {
	for _, name := range b.Loss {
		if err := checkTimedLoss(name); err != nil {
			return usageError{fmt.Errorf("--loss %w", err)}
		}
	}
	for _, batch := range b.Batch {
		if batch < 2 || batch > maxLossSize {
			return usageError{fmt.Errorf("--batch %d: it must be from 2 to %d", batch, maxLossSize)}
		}
	}
	switch {
	case b.Dim < 1 || b.Dim > maxLossSize:
		return usageError{fmt.Errorf("--dim %d: it must be from 1 to %d", b.Dim, maxLossSize)}
	case b.Repeats < 1:
		return usageError{fmt.Errorf("--repeats %d: time at least one", b.Repeats)}
	}
	if err := device.CheckName(b.Device); err != nil {
		return usageError{err}
	}
	timings, err := measureLosses(ctx, b.Device, b.Loss, b.Batch, b.Dim, b.Repeats)
	if err != nil {
		return err
	}
	if b.JSON {
		return printJSON(c.out, timings)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "loss\tbatch\tmilliseconds\titems a second\n")
	for _, t := range timings {
		fmt.Fprintf(w, "%s\t%d\t%.3g\t%.0f\n", t.Loss, t.Batch, 1000*t.Seconds, t.ItemsPerSecond)
	}
	fmt.Fprintf(w, "\nLoss and gradient of embeddings %d wide on %s, median of %d.\n", b.Dim, b.Device, b.Repeats)
	return w.Flush()
}

// printJSON prints a value as one indented JSON object.
func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
