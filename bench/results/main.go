// Command results trains the recipes on the data sets of docs/results.md, as many as are missing, and writes the page from the runs'
// own files:
//
//	go run ./bench/results --runs RUNS --machine "two cores of X" --photos PHOTOS --cifar10 CIFAR10 --cifar10-hour CIFAR10
//
// and docs/results-text.md, those on text:
//
//	go run ./bench/results --runs RUNS --machine "a core of X" --sentences SENTENCES --vectors VECTORS --nli TRIPLETS --clinc CLINC150 --sts PAIRS
//
// A page without runs is left as it is.
// Without a data set it only reads the runs that there are. A run that was stopped goes on where it was.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/runreport"
	"github.com/alike-ml/alike/recipes"
)

type command struct {
	Runs      string `required:"" placeholder:"DIR" help:"Where the runs lie: a folder for each data set, a run's directory for each recipe and seed in it."`
	Photos    string `placeholder:"DIR" help:"The photographs of clothes, to train on what is missing there."`
	CIFAR10   string `name:"cifar10" placeholder:"DIR" help:"CIFAR-10 as pictures, to train on what is missing there."`
	Hour      string `name:"cifar10-hour" placeholder:"DIR" help:"CIFAR-10 as pictures, to train for an hour a method on what is missing there."`
	Sentences string `placeholder:"FILE" help:"The sentences, to train on what is missing there."`
	Vectors   string `placeholder:"FILE" help:"Word vectors, to train on the sentences from them what is missing there."`
	NLI       string `name:"nli" placeholder:"FILE" help:"The triplets, to train on what is missing there."`
	CLINC     string `name:"clinc" placeholder:"FILE" help:"CLINC150, to train on what is missing there."`
	STS       string `name:"sts" placeholder:"FILE" help:"The pairs of sentences with scores, to score encoders of sentences on."`
	Only      string `placeholder:"METHOD" help:"Train this method only."`
	Machine   string `required:"" placeholder:"WORDS" help:"What the runs were made on, in words."`
	Bands     string `placeholder:"DIR" help:"Write what the runs of each recipe came to, epoch by epoch, to DIR/RECIPE.band.json: recipes."`
	Out       string `default:"docs/results.md" placeholder:"FILE" help:"The page."`
	OutText   string `default:"docs/results-text.md" placeholder:"FILE" help:"The page of what is learned from text."`
}

func main() {
	var c command
	kong.Parse(&c, kong.Name("results"), kong.Description("Train the recipes and write the page of their results."))
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, "results:", err)
		os.Exit(1)
	}
}

func (c command) run() error {
	if c.Vectors != "" && c.Sentences == "" {
		return errors.New("--vectors needs --sentences: what is learned from them")
	}
	if c.STS == "" && (c.Sentences != "" || c.NLI != "") {
		return errors.New("--sentences and --nli need --sts: what their encoders are scored on")
	}
	var pictures, text []results
	for _, set := range dataSets(c.STS, c.Vectors) {
		if data := c.data()[set.folder]; data != "" {
			if err := train(set, data, c.Runs, c.Only); err != nil {
				return err
			}
		}
		groups, err := read(filepath.Join(c.Runs, set.folder))
		if err != nil {
			return err
		}
		switch {
		case len(groups) == 0:
		case set.text:
			text = append(text, results{set, groups})
		default:
			pictures = append(pictures, results{set, groups})
		}
		if c.Bands != "" {
			if err := writeBands(c.Bands, set, groups); err != nil {
				return err
			}
		}
	}
	return errors.Join(c.page(c.Out, opening, pictures), c.page(c.OutText, openingText, text))
}

// data has what to train on of each data set, empty where that is nothing.
func (c command) data() map[string]string {
	of := map[string]string{
		photos: c.Photos, cifar10: c.CIFAR10, cifar10Hour: c.Hour, sentences: c.Sentences, intents: c.Sentences, nli: c.NLI, clinc: c.CLINC,
	}
	if c.Vectors != "" {
		of[vectors] = c.Sentences
	}
	return of
}

// page writes one of the pages, if there are results for it.
func (c command) page(path, opening string, sets []results) error {
	if len(sets) == 0 {
		return nil
	}
	return atomicfile.Write(path, func(w io.Writer) error { return writePage(w, opening, c.Machine, sets) })
}

// read groups the finished runs in a folder; the others are left out, by name.
func read(folder string) ([]runreport.Group, error) {
	dirs, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return nil, err
	}
	var runs []runreport.Run
	for _, dir := range dirs {
		r, err := runreport.Read(dir)
		if err != nil || r.Scores == nil {
			fmt.Fprintf(os.Stderr, "%s is left out: it is not finished\n", dir)
			continue
		}
		runs = append(runs, r)
	}
	return runreport.Compare(runs), nil
}

// writeBands writes the range of each recipe's runs where there are several.
func writeBands(folder string, set dataSet, groups []runreport.Group) error {
	for _, g := range groups {
		if len(g.Seeds) < 2 {
			continue
		}
		epochs, err := runreport.EpochsOf([]runreport.Group{g})
		if err != nil {
			return err
		}
		recipe, err := recipes.Find(set.recipe(g.Method))
		if err != nil {
			return err
		}
		band, err := recipes.NewBand(recipe.Data, epochs)
		if err != nil {
			return err
		}
		if err := atomicfile.Write(filepath.Join(folder, recipe.Name+".band.json"), band.Write); err != nil {
			return err
		}
	}
	return nil
}
