package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/alike-ml/alike/internal/demo"
)

type demoCommand struct {
	Out    string `default:"alike-demo" placeholder:"DIR" help:"New directory for the photographs and the run."`
	Epochs int    `default:"${demo_epochs}" help:"Passes over the photographs."`
	Device string `default:"${device_default}" help:"Where to compute: see alike methods."`
}

func (d demoCommand) Run(ctx context.Context, c console) error {
	if _, err := os.Lstat(d.Out); err == nil {
		return usageError{fmt.Errorf("%s exists: remove it, or choose another directory with --out", d.Out)}
	}
	photos, run := filepath.Join(d.Out, "photos"), filepath.Join(d.Out, "run")
	config := demo.Config(photos).WithEpochs(d.Epochs)
	config.Device = d.Device
	if err := config.Validate(); err != nil {
		return usageError{err}
	}
	began := time.Now()
	n, err := demo.Unpack(photos)
	if err != nil {
		_ = os.RemoveAll(d.Out) // it is ours, and of no use in part
		return err
	}
	fmt.Fprintf(c.err, "%d photographs of clothes that people took at home, CC0, are in %s\n", n, photos)
	result, err := trainWithProgress(ctx, c, config, run, false)
	if err != nil {
		return orInterrupted(ctx, err, run)
	}
	command := "alike demo"
	scores, err := conclude(ctx, c, run, "SimCLR on photographs of clothes", command, config, result)
	if err != nil {
		return orInterrupted(ctx, err, run)
	}
	fmt.Fprintln(c.out)
	printScores(c.out, scores.Report)
	fmt.Fprintf(c.out, "\nDone in %s. Look at %s\n", time.Since(began).Round(time.Second), reportPath(run))
	fmt.Fprintf(c.out, `
Now your own pictures, in one folder or one folder a class:

  alike views --data PICTURES --out sheet.png              the positives it would learn from
  alike train simclr --data PICTURES --out run             train with the paper's settings,
    --config %s                 or with the demo's
  alike eval run --data PICTURES                           score, beside the baselines
  alike embed run PICTURES --out vectors.npy               a vector for every picture
`, quote(filepath.Join(run, "config.yaml")))
	return nil
}
