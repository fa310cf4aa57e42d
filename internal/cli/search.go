package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/metric"
)

type searchCommand struct {
	Model  string   `arg:"" name:"run" help:"A run's directory, or a model folder."`
	Input  string   `arg:"" help:"Folder of pictures to search; for an encoder of text, alone or beside one of pictures, a file of text; or vectors that alike embed made of either: FILE.npy, with its items beside it."`
	Text   []string `sep:"none" placeholder:"QUERY" help:"What to look for in words. Repeatable."`
	Image  []string `sep:"none" placeholder:"FILE" help:"Picture to look for among pictures. Repeatable."`
	Sheet  string   `placeholder:"FILE" help:"Where to write a contact sheet of the pictures that were found: a page if the name ends in .html, a picture if in .png."`
	Top    int      `default:"10" help:"Nearest pictures or texts to show."`
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
	if err := s.checkQueries(); err != nil {
		return err
	}
	backend, err := device.Open(s.Device)
	if err != nil {
		return usageError{err}
	}
	defer backend.Finalize()
	pair := isPair(s.Model)
	if !isText(s.Model) && !(pair && isFile(s.Input)) {
		return s.pictures(ctx, c, backend)
	}
	if len(s.Image) > 0 || s.Sheet != "" {
		return usageError{fmt.Errorf("--image and --sheet are for folders of pictures, and %s is searched as text", s.Input)}
	}
	m, closeModel, err := loadTexts(backend, s.Model, pair)
	if err != nil {
		return err
	}
	defer closeModel()
	collection, items, err := s.collection(ctx, c, m)
	if err != nil {
		return err
	}
	queries, err := m.Embed(s.Text)
	if err != nil {
		return err
	}
	all, err := search(collection, items, queries, s.Text, s.Top)
	if err != nil {
		return err
	}
	if s.JSON {
		return printJSON(c.out, all)
	}
	return printFound(c.out, all, func(h hit) string {
		if h.Path != "" { // vectors of pictures, by an encoder of both
			return h.Path
		}
		return fmt.Sprintf("line %d\t%s", h.Line, quoted(h.Item.Text, shownLetters))
	})
}

// loadTexts opens the encoder of texts of a run on text, or of one on pictures with captions, and says how to close it.
func loadTexts(backend compute.Backend, path string, pair bool) (*embed.TextModel, func(), error) {
	if !pair {
		m, err := loadTextModel(backend, path)
		if err != nil {
			return nil, nil, err
		}
		return m, m.Close, nil
	}
	m, err := loadPair(backend, path)
	if err != nil {
		return nil, nil, err
	}
	return m.Texts, m.Close, nil
}

// search finds the nearest items to each of the queries, which have names.
func search(collection metric.Matrix, items []embed.Item, queries metric.Matrix, names []string, top int) (all []found, err error) {
	nearest, err := metric.Neighbours(collection, queries, top)
	if err != nil {
		return nil, err
	}
	for q, list := range nearest {
		f := found{Query: names[q]}
		for _, n := range list {
			f.Nearest = append(f.Nearest, hit{float64(n.Similarity), items[n.Index]})
		}
		all = append(all, f)
	}
	return all, nil
}

// printFound prints what was found, a line each as show has it, under its query where there are several.
func printFound(out io.Writer, all []found, show func(hit) string) error {
	for _, f := range all {
		if len(all) > 1 {
			fmt.Fprintf(out, "%s\n", f.Query)
		}
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, h := range f.Nearest {
			fmt.Fprintf(w, "%.3f\t%s\n", h.Similarity, show(h))
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
