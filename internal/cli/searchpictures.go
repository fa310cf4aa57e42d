package cli

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/png"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/report"
)

// pictures searches a folder of pictures by texts, which takes a model of both, and by pictures.
func (s searchCommand) pictures(ctx context.Context, c console, backend compute.Backend) error {
	model, texts, closeModel, err := s.loadPictures(backend)
	if err != nil {
		return err
	}
	defer closeModel()
	if s.Sheet != "" {
		if !slices.Contains([]string{".html", ".png"}, filepath.Ext(s.Sheet)) {
			return usageError{fmt.Errorf("--sheet %s: contact sheets of what was found are pages or pictures: let the name end in .html or .png", s.Sheet)}
		}
		if err := checkFolderOf(s.Sheet); err != nil {
			return err
		}
	}
	queries, names, err := s.pictureQueries(model, texts)
	if err != nil {
		return err
	}
	g, err := s.gallery(ctx, c, model, texts, queries.Cols)
	if err != nil {
		return err
	}
	defer g.close()
	all, err := search(g.vectors, g.items, queries, names, s.Top)
	if err != nil {
		return err
	}
	g.print(c)
	if s.Sheet != "" {
		if err := writeHits(s.Sheet, g, all); err != nil {
			return err
		}
		fmt.Fprintf(c.err, "the pictures are in %s\n", s.Sheet)
	}
	if s.JSON {
		return printJSON(c.out, all)
	}
	return printFound(c.out, all)
}

// gallery is what to search: vectors that are there, of so many numbers, or those of the pictures of a folder, and with a model of both,
// whose encoder of texts is not nil, those of the pictures of a table or of the rows of a file of text.
func (s searchCommand) gallery(ctx context.Context, c console, model *embed.Model, texts *embed.TextModel, width int) (gallery, error) {
	if texts == nil || isVectors(s.Input) || isDir(s.Input) && !data.HasShards(s.Input) {
		switch {
		case s.File.given() || s.Table.given():
			return gallery{}, usageError{errors.New("--columns, --class, --format, --separator, --split, --header, --image-column and --caption-columns are for files of text and tables")}
		case isVectors(s.Input) && s.Sheet != "":
			return gallery{}, s.noPictures()
		case isVectors(s.Input):
			return readVectors(s.Input, s.Model, width)
		}
		return embedFolder(ctx, c, model, s.Input)
	}
	options, _ := s.Table.optionsOf(s.Model, s.Input, s.File)
	switch asText := s.File.Columns != nil || s.File.Split != nil; {
	case asText && s.Table.given():
		return gallery{}, usageError{errors.New("--columns and --split are for text alone: the columns of pictures with captions are --image-column and --caption-columns")}
	case !asText && (s.Table.given() || data.HoldsPairs(s.Input, options)):
		return embedTable(ctx, c, model, s.Input, options)
	case s.Sheet != "":
		return gallery{}, s.noPictures()
	}
	g := gallery{skipped: func() []data.Skip { return nil }, close: func() error { return nil }}
	var err error
	g.vectors, g.items, err = embedFile(ctx, c, texts, s.Input, s.File.everyRow())
	return g, err
}

// noPictures is the error of a sheet of what has no pictures at hand.
func (s searchCommand) noPictures() error {
	return usageError{fmt.Errorf("--sheet shows pictures, and there are none in %s: search the pictures themselves", s.Input)}
}

// loadPictures opens the encoder of pictures, and of texts where the model has one.
func (s searchCommand) loadPictures(backend compute.Backend) (*embed.Model, *embed.TextModel, func(), error) {
	if isPair(s.Model) {
		m, err := loadPair(backend, s.Model)
		if err != nil {
			return nil, nil, nil, err
		}
		return m.Images, m.Texts, m.Close, nil
	}
	m, err := loadModel(backend, s.Model)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(s.Text) > 0 {
		m.Close()
		return nil, nil, nil, usageError{fmt.Errorf("--text: the run in %s has no encoder of texts; search its pictures by --image", s.Model)}
	}
	return m, nil, m.Close, nil
}

// pictureQueries are the vectors of what to look for, texts first, and their names.
func (s searchCommand) pictureQueries(model *embed.Model, texts *embed.TextModel) (queries metric.Matrix, names []string, err error) {
	var pictures []*image.RGBA
	for _, path := range s.Image {
		content, err := os.ReadFile(path)
		if err != nil {
			return queries, nil, usageError{err}
		}
		picture, err := data.Decode(content)
		if err != nil {
			return queries, nil, fmt.Errorf("%s: %w", path, err)
		}
		pictures = append(pictures, picture)
	}
	if len(pictures) > 0 {
		if queries, err = model.EmbedPictures(pictures); err != nil {
			return queries, nil, err
		}
	}
	if len(s.Text) > 0 {
		words, err := texts.Embed(s.Text)
		if err != nil {
			return queries, nil, err
		}
		queries = metric.Matrix{Rows: words.Rows + queries.Rows, Cols: words.Cols, Data: append(words.Data, queries.Data...)}
	}
	return queries, append(append(names, s.Text...), s.Image...), nil
}

// hitsPage shows what was found, a row a query.
var hitsPage = template.Must(template.New("hits").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>What was found</title>
<style>:root{color-scheme:light dark}body{font:15px sans-serif;margin:2em;background:#f8f8f6;color:#404040}@media(prefers-color-scheme:dark){body{background:#16181c;color:#d8d8d4}}figure{display:inline-block;margin:0 8px 16px 0;width:128px;vertical-align:top;font-size:12px;overflow-wrap:anywhere}img{width:128px;height:128px;object-fit:contain;background:#ececea}</style>
{{range .}}<h2>{{.Query}}</h2>
{{range .Hits}}<figure><img src="{{.Picture}}" alt="{{.Path}}"><figcaption>{{printf "%.3f" .Similarity}} {{.Path}}</figcaption></figure>
{{end}}{{end}}</html>
`))

// shownHit is a picture that was found, no larger than it is shown.
type shownHit struct {
	hit
	picture *image.RGBA
}

// Picture is it as a data URL.
func (h shownHit) Picture() (template.URL, error) {
	encoded, err := report.NewJPEG(h.picture, shownQuality)
	return encoded.URL(), err
}

// shownRow is what a query found.
type shownRow struct {
	Query string
	Hits  []shownHit
}

// shownSide is the side of a picture on the page or the sheet, in pixels, and shownQuality that of its JPEG.
const (
	shownSide    = 128
	shownQuality = 85
)

// writeHits writes a page, or a picture where the file's name ends in .png, of the pictures that were found.
func writeHits(file string, g gallery, all []found) error {
	var rows []shownRow
	for _, f := range all {
		r := shownRow{Query: f.Query}
		for _, h := range f.Nearest {
			picture, err := g.picture(h.index)
			if err != nil {
				return fmt.Errorf("%s: %w", h.Path, err)
			}
			r.Hits = append(r.Hits, shownHit{h, report.Shrunk(picture, shownSide)}) // photos as they are would fill memory
		}
		rows = append(rows, r)
	}
	if filepath.Ext(file) != ".png" {
		return atomicfile.Write(file, func(w io.Writer) error { return hitsPage.Execute(w, rows) })
	}
	sheet, err := hitsSheet(rows)
	if err != nil {
		return err
	}
	return atomicfile.Write(file, func(w io.Writer) error { return png.Encode(w, sheet) })
}

// hitsSheet draws what was found as a contact sheet.
func hitsSheet(rows []shownRow) (*image.RGBA, error) {
	var sheet []positive.SheetRow
	for _, r := range rows {
		row := positive.SheetRow{Title: r.Query}
		for _, h := range r.Hits {
			row.Pictures = append(row.Pictures, positive.Captioned{Caption: fmt.Sprintf("%.3f %s", h.Similarity, path.Base(h.Path)), Picture: h.picture})
		}
		sheet = append(sheet, row)
	}
	return positive.CaptionedSheet(sheet)
}

// checkQueries returns a usage error unless there is something to look for.
func (s searchCommand) checkQueries() error {
	if len(s.Text)+len(s.Image) == 0 {
		return usageError{errors.New("what is there to look for? give --text, or --image for pictures")}
	}
	for _, query := range s.Text {
		if strings.TrimSpace(query) == "" {
			return usageError{errors.New("--text is empty: say what to look for")}
		}
	}
	return nil
}
