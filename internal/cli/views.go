package cli

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/train"
)

type viewsCommand struct {
	Method    string   `default:"simclr" help:"Method whose views to draw: see alike methods."`
	Out       string   `placeholder:"FILE" help:"Where to write the contact sheet of pictures, a PNG file, or the page of texts, HTML; texts are printed too."`
	Pictures  int      `default:"8" help:"Pictures to draw, chosen by the seed."`
	Rows      int      `default:"8" help:"Rows of text to show, the first ones."`
	Views     *int     `placeholder:"8" help:"Views of each; 3 of a text."`
	Config    string   `placeholder:"FILE" help:"Read settings from a YAML file, such as a run's config.yaml."`
	Set       []string `placeholder:"KEY=VALUE" sep:"none" help:"Set anything in config.yaml by its dotted key, as simclr.augment.blur=0.5. Repeatable."`
	Data      *string  `required:"" placeholder:"DIR" help:"${data}"`
	ImageSize *int     `placeholder:"${image_size_default}" help:"${image_size}"`
	Seed      *uint64  `placeholder:"${seed_default}" help:"${seed}"`

	Text  viewsTextFlags `embed:"" group:"Settings for text"`
	Pairs pairFlags      `embed:"" group:"Settings for pictures with captions"`
}

// viewsTextFlags are those settings of a run on text that decide on what becomes of rows.
type viewsTextFlags struct {
	textFlags
	WordNet *string `placeholder:"DIR" name:"wordnet" help:"Folder of WordNet's database, for synonyms and antonyms."`
}

// viewsOfPicture is how many views of a picture are drawn where nobody says.
const viewsOfPicture = 8

func (v viewsCommand) Run(ctx context.Context, c console) error {
	flags := configFlags{Data: v.Data, ImageSize: v.ImageSize, Seed: v.Seed}
	text, pairs := trainTextFlags{textFlags: v.Text.textFlags, WordNet: v.Text.WordNet}, trainPairFlags{pairFlags: v.Pairs}
	config, err := trainCommand{Method: v.Method, Config: v.Config, Set: v.Set, configFlags: flags, Text: text, Pairs: pairs}.config()
	if err != nil {
		return err
	}
	m, err := config.Method()
	if err != nil {
		return err
	}
	if m, ok := m.(method.TextMethod); ok {
		return v.text(ctx, c, config, m)
	}
	if m, ok := m.(method.PairMethod); ok {
		pairs, err := data.OpenPairs(ctx, config.Data, config.Pairs.PairOptions)
		if err != nil {
			return err
		}
		defer pairs.Close()
		return v.pairs(c, config, pairs, m)
	}
	if info, err := os.Stat(config.Data); err == nil && !info.IsDir() {
		return usageError{fmt.Errorf("%s learns from folders of pictures, and %s is a file: --method simcse shows what becomes of texts, --method clip pictures with captions", m.Name(), config.Data)}
	}
	folder, err := data.OpenImageFolder(ctx, config.Data, data.FolderOptions{})
	if err != nil {
		return err
	}
	_, err = v.pictures(c, config, folder.Train, m.(method.ImageMethod).Views()...)
	return err
}

// pairs writes a contact sheet of pictures, and prints the texts that they come with.
func (v viewsCommand) pairs(c console, config train.Config, pairs *data.Pairs, m method.PairMethod) error {
	items, err := v.pictures(c, config, pairs.Images, m.View())
	if err != nil {
		return err
	}
	printDropped(c.err, pairs.Dropped)
	shown, err := train.ViewCaptions(config, pairs, items, viewsOfText)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out)
	return positive.TextSheet(c.out, shown, widthOf(c.out))
}

// pictures writes a contact sheet, and returns which pictures are on it.
func (v viewsCommand) pictures(c console, config train.Config, images *data.Images, drawn ...positive.ImageConfig) ([]int, error) {
	views := viewsOfPicture
	override(&views, v.Views)
	if v.Pictures < 1 || views < 1 {
		return nil, usageError{fmt.Errorf("cannot draw %d pictures with %d views each: draw at least one", v.Pictures, views)}
	}
	if v.Out == "" {
		return nil, usageError{errors.New("where to? name a PNG file with --out")}
	}
	if filepath.Ext(v.Out) != ".png" {
		return nil, usageError{fmt.Errorf("%s: contact sheets are PNG files: let the name end in .png", v.Out)}
	}
	if err := checkFolderOf(v.Out); err != nil {
		return nil, err
	}
	pictures, items := choose(images, v.Pictures, config.Seed)
	columns, err := viewColumns(drawn, views)
	if err != nil {
		return nil, err
	}
	sheet, err := positive.Sheet(pictures, columns, func(row, column int) *rand.Rand {
		return rng.New(config.Seed, 0, items[row], column)
	})
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Write(v.Out, func(w io.Writer) error { return png.Encode(w, sheet) }); err != nil {
		return nil, err
	}
	printSkipped(c.err, images.Skipped.List())
	fmt.Fprintf(c.out, "%d pictures with %d views each are in %s\n", len(pictures), views, v.Out)
	return items, nil
}

// choose picks n pictures by the seed, and says which they are. Unreadable ones are passed over: they are listed as skipped.
func choose(images *data.Images, n int, seed uint64) (pictures []*image.RGBA, items []int) {
	for _, i := range rng.New(seed, 0, 0, rng.Split).Perm(images.Len()) {
		if len(pictures) == n {
			break
		}
		if picture, err := images.Image(i); err == nil {
			pictures, items = append(pictures, picture), append(items, i)
		}
	}
	return pictures, items
}

// viewColumns returns n columns of views, turn by turn as the method's views go. Where these have several sizes, the caption
// says which.
func viewColumns(views []positive.ImageConfig, n int) ([]positive.Column, error) {
	oneSize := !slices.ContainsFunc(views, func(v positive.ImageConfig) bool { return v.Size != views[0].Size })
	var columns []positive.Column
	for k := range n {
		view := views[k%len(views)]
		pipeline, err := positive.NewPipeline(view)
		if err != nil {
			return nil, err
		}
		caption := fmt.Sprintf("view %d", k+1)
		if !oneSize {
			caption += fmt.Sprintf(", %d px", view.Size)
		}
		columns = append(columns, positive.Column{Caption: caption, Pipeline: pipeline})
	}
	return columns, nil
}
