package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/metric"
)

type searchCommand struct {
	Model  string   `arg:"" name:"run" help:"A run's directory, or a model folder, of an encoder of text."`
	Input  string   `arg:"" help:"File of text to search, or vectors that alike embed made of one: FILE.npy, with its items beside it."`
	Text   []string `required:"" sep:"none" placeholder:"QUERY" help:"What to look for. Repeatable."`
	Top    int      `default:"10" help:"Nearest texts to show."`
	Device string   `default:"${device_default}" help:"Where to compute: see alike methods."`
	JSON   bool     `help:"Print one JSON array."`

	File textFlags `embed:"" group:"Files of text, of whose columns the first is searched"`
}

// found is what a query found, nearest first.
type found struct {
	Query   string `json:"query"`
	Nearest []hit  `json:"nearest"`
}

// hit is a text and its cosine with the query.
type hit struct {
	Similarity float64 `json:"similarity"`
	embed.Item
}

func (s searchCommand) Run(ctx context.Context, c console) error {
	if s.Top < 1 {
		return usageError{fmt.Errorf("--top %d: show at least one", s.Top)}
	}
	for _, query := range s.Text {
		if query == "" {
			return usageError{errors.New("--text is empty: say what to look for")}
		}
	}
	backend, err := device.Open(s.Device)
	if err != nil {
		return usageError{err}
	}
	defer backend.Finalize()
	m, err := loadTextModel(backend, s.Model)
	if err != nil {
		return err
	}
	defer m.Close()
	collection, items, err := s.collection(ctx, c, m)
	if err != nil {
		return err
	}
	queries, err := m.Embed(s.Text)
	if err != nil {
		return err
	}
	nearest, err := metric.Neighbours(collection, queries, s.Top)
	if err != nil {
		return err
	}
	var all []found
	for q, list := range nearest {
		f := found{Query: s.Text[q]}
		for _, n := range list {
			f.Nearest = append(f.Nearest, hit{float64(n.Similarity), items[n.Index]})
		}
		all = append(all, f)
	}
	if s.JSON {
		return printJSON(c.out, all)
	}
	for _, f := range all {
		if len(all) > 1 {
			fmt.Fprintf(c.out, "%s\n", f.Query)
		}
		w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		for _, h := range f.Nearest {
			fmt.Fprintf(w, "%.3f\tline %d\t%s\n", h.Similarity, h.Line, quoted(h.Item.Text, shownLetters))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// shownLetters is how much is shown of a text in a line.
const shownLetters = 120

// collection is what to search: vectors that are there, or those of a file of text.
func (s searchCommand) collection(ctx context.Context, c console, m *embed.TextModel) (metric.Matrix, []embed.Item, error) {
	if filepath.Ext(s.Input) != ".npy" {
		return embedFile(ctx, c, m, s.Input, s.File)
	}
	vectors, items, err := embed.ReadNPY(s.Input)
	if err == nil && vectors.Cols != m.Config.Dim {
		err = fmt.Errorf("the vectors in %s have %d numbers, those of %s %d: another encoder made them", s.Input, vectors.Cols, s.Model, m.Config.Dim)
	}
	return vectors, items, err
}
