// Package cli is the command line: one file a command. Commands parse, call the library and print; they decide nothing
// else.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/alike-ml/alike/internal/demo"
	"github.com/alike-ml/alike/metric"
)

// Exit codes: what the caller asked for cannot be understood, or it went wrong.
const (
	exitFailure = 1
	exitUsage   = 2
)

// commands is the grammar of the command line.
type commands struct {
	Demo    demoCommand    `cmd:"" help:"The whole story on built-in photographs: train, evaluate, report. Under three minutes on two cores."`
	Train   trainCommand   `cmd:"" help:"Train an encoder on your own pictures, sentences, or both."`
	Eval    evalCommand    `cmd:"" help:"Score a run's encoder, each score beside its baselines."`
	Embed   embedCommand   `cmd:"" help:"Turn pictures or texts into vectors with a run's encoder."`
	Search  searchCommand  `cmd:"" help:"Find the pictures or texts nearest to what you look for."`
	Export  exportCommand  `cmd:"" help:"Write a run's encoder of text as a folder that sentence-transformers loads."`
	Views   viewsCommand   `cmd:"" help:"Show the views that a method would train on, and what it would make of texts, before training on them."`
	Compare compareCommand `cmd:"" help:"Put runs side by side: one table, and one page with their curves over each other."`
	Methods methodsCommand `cmd:"" help:"List the methods, backbones and devices, with their defaults and sources."`
	Recipes recipesCommand `cmd:"" help:"List tested settings, with the data and the budget they were measured on."`
	Bench   benchCommands  `cmd:"" help:"Measure throughput on this machine."`
	Verify  verifyCommands `cmd:"" help:"Check on your own model that what saves memory computes the same."`
}

// console is where commands write.
type console struct {
	out, err io.Writer
}

// remembering is a writer that keeps its first error, so that output which never arrived does not count as success.
type remembering struct {
	io.Writer
	err error
}

func (r *remembering) Write(p []byte) (int, error) {
	n, err := r.Writer.Write(p)
	if r.err == nil {
		r.err = err
	}
	return n, err
}

// usageError is a mistake in the command line that only a command can see.
type usageError struct{ error }

// Main runs one command line and returns the process's exit code: 0, 1 when the work failed, 2 for a mistake in the
// command line. The first interrupt lets the work finish its step and save; a second one ends the process at once.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second interrupt has its usual effect
	}()
	return run(ctx, args, console{stdout, stderr})
}

func run(ctx context.Context, args []string, c console) (code int) {
	out := &remembering{Writer: c.out}
	c.out = out
	exited := -1
	parser, err := kong.New(&commands{},
		kong.Name("alike"),
		kong.Description("Alike learns which things are alike: contrastive learning without labels, in one program."),
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		configHelp(),
		kong.Vars{"k": fmt.Sprint(metric.DefaultK), "temperature": fmt.Sprint(metric.DefaultTemperature), "demo_epochs": fmt.Sprint(demo.Epochs)},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(c),
	)
	if err != nil {
		panic(err) // the grammar is wrong, not the command line
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help has been printed
		return exited
	}
	if err != nil {
		return fail(c, usageError{explained(err)})
	}
	if err := parsed.Run(parsed); err != nil {
		return fail(c, err)
	}
	if out.err != nil {
		return fail(c, fmt.Errorf("cannot write the output: %w", out.err))
	}
	return 0
}

// explained adds to a mistake that the parser found where the command's help is.
func explained(err error) error {
	var mistake *kong.ParseError
	if !errors.As(err, &mistake) {
		return err
	}
	command := "alike"
	if selected := mistake.Context.Selected(); selected != nil {
		command = selected.FullPath()
	}
	return fmt.Errorf("%w; see %s --help", err, command)
}

// fail prints an error in one line and returns the exit code that goes with it.
func fail(c console, err error) int {
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	message := strings.Join(strings.Fields(err.Error()), " ")
	fmt.Fprintf(c.err, "alike: %s\n", message)
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailure
}
