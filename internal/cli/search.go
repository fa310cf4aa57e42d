package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/metric"
)

type searchCommand struct {
	Model  string   `arg:"" name:"run" help:"A run's directory, or a model's folder, or its name on Hugging Face's hub if their tools have fetched it."`
	Input  string   `arg:"" help:"Folder of pictures to search; for an encoder of text, alone or beside one of pictures, a file of text; for a model of both, a table or shards too, of which it searches the pictures. Or vectors that alike embed made of any: FILE.npy, with its items beside it."`
	Text   []string `sep:"none" placeholder:"QUERY" help:"What to look for in words. Repeatable."`
	Image  []string `sep:"none" placeholder:"FILE" help:"Picture to look for among pictures. Repeatable."`
	Sheet  string   `placeholder:"FILE" help:"Where to write a contact sheet of the pictures that were found: a page if the name ends in .html, a picture if in .png."`
	Top    int      `default:"10" help:"Nearest pictures or texts to show."`
	Device string   `default:"${device_default}" help:"Where to compute: see alike methods."`
	JSON   bool     `help:"Print one JSON array."`

	File  textFlags  `embed:"" group:"Files of text, of whose columns the first is searched: the run's if they are left out"`
	Table tableFlags `embed:"" group:"Tables of pictures with captions, of which the pictures are searched"`
}

// found is what a query found, nearest first.
type found struct {
	Query   string `json:"query"`
	Nearest []hit  `json:"nearest"`
}

// hit is a text or a picture and its cosine with the query.
type hit struct {
	Similarity float64 `json:"similarity"`
	embed.Item
	index int // among the items
}

// String says which text or picture it is.
func (h hit) String() string {
	if h.Path != "" {
		return h.Path
	}
	return fmt.Sprintf("line %d\t%s", h.Line, quoted(h.Text, shownLetters))
}

func (s searchCommand) Run(ctx context.Context, c console) error {
	if s.Top < 1 {
		return usageError{fmt.Errorf("--top %d: show at least one", s.Top)}
	}
	if err := s.checkQueries(); err != nil {
		return err
	}
	if err := checkModel(s.Model); err != nil {
		return err
	}
	backend, err := device.Open(s.Device)
	if err != nil {
		return usageError{err}
	}
	defer backend.Finalize()
	if !isText(s.Model) {
		return s.pictures(ctx, c, backend)
	}
	if len(s.Image) > 0 || s.Sheet != "" || s.Table.given() {
		return usageError{errors.New("--image, --sheet, --image-column and --caption-columns are for pictures: the run is one on text")}
	}
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
	all, err := search(collection, items, queries, s.Text, s.Top)
	if err != nil {
		return err
	}
	if s.JSON {
		return printJSON(c.out, all)
	}
	return printFound(c.out, all)
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
			f.Nearest = append(f.Nearest, hit{float64(n.Similarity), items[n.Index], n.Index})
		}
		all = append(all, f)
	}
	return all, nil
}

// printFound prints what was found, a line each, under its query where there are several.
func printFound(out io.Writer, all []found) error {
	for _, f := range all {
		if len(all) > 1 {
			fmt.Fprintf(out, "%s\n", f.Query)
		}
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, h := range f.Nearest {
			fmt.Fprintf(w, "%.3f\t%s\n", h.Similarity, h)
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
	if !isVectors(s.Input) {
		return embedFile(ctx, c, m, s.Input, s.File.ofRun(s.Model, s.Input))
	}
	g, err := readVectors(s.Input, s.Model, m.Config.Dim)
	return g.vectors, g.items, err
}
