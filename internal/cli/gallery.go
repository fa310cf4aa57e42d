package cli

import (
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/metric"
)

// gallery is what is embedded, or looked through: vectors, and what they are of.
type gallery struct {
	vectors metric.Matrix
	items   []embed.Item
	places  []place // of the pictures; nil for vectors whose pictures are not at hand
	skipped func() []data.Skip
	dropped []data.Drop
	close   func() error
}

// place is where a picture is found.
type place struct {
	images *data.Images
	index  int
}

// picture decodes that of an item.
func (g gallery) picture(item int) (*image.RGBA, error) {
	at := g.places[item]
	return at.images.Image(at.index)
}

// embedFolder embeds the pictures of all splits of a folder, those of train/ first.
func embedFolder(ctx context.Context, c console, m *embed.Model, path string) (g gallery, err error) {
	folder, err := data.OpenImageFolder(ctx, path, data.FolderOptions{})
	if err != nil {
		return g, err
	}
	g.skipped, g.close = folder.Skipped.List, func() error { return nil }
	return g, g.embed(ctx, c, m, folder.Train, folder.Val, folder.Test)
}

// embedTable embeds the pictures of a table or of shards.
func embedTable(ctx context.Context, c console, m *embed.Model, path string, options data.PairOptions) (g gallery, err error) {
	pairs, err := data.OpenPairs(ctx, path, options)
	if err != nil {
		return g, err
	}
	g.skipped, g.dropped, g.close = pairs.Images.Skipped.List, pairs.Dropped, pairs.Close
	if err := g.embed(ctx, c, m, pairs.Images); err != nil {
		return g, errors.Join(err, pairs.Close())
	}
	return g, nil
}

// embed adds the pictures of some splits, of which those that are nil are not there.
func (g *gallery) embed(ctx context.Context, c console, m *embed.Model, splits ...*data.Images) error {
	total := 0
	for _, images := range splits {
		if images != nil {
			total += images.Len()
		}
	}
	bar := newMeter(c.err, "embedding", "pictures", 0, total)
	defer bar.finish()
	g.vectors.Cols = m.Config.Dim
	for _, images := range splits {
		if images == nil {
			continue
		}
		vectors, places, err := m.Embed(ctx, images, func(done, _ int) { bar.at(g.vectors.Rows+done, "") })
		if err != nil {
			return err
		}
		g.vectors.Cols, g.vectors.Data = vectors.Cols, append(g.vectors.Data, vectors.Data...)
		g.vectors.Rows += vectors.Rows
		g.items = append(g.items, embed.Items(images, places)...)
		for _, index := range places {
			g.places = append(g.places, place{images, index})
		}
	}
	return nil
}

// print says what could not be used.
func (g gallery) print(c console) {
	printDropped(c.err, g.dropped)
	printSkipped(c.err, g.skipped())
}

// readVectors reads the vectors that alike embed made, which must be as wide as those of the model in a run.
func readVectors(path, run string, width int) (g gallery, err error) {
	g.skipped, g.close = func() []data.Skip { return nil }, func() error { return nil }
	g.vectors, g.items, err = embed.ReadNPY(path)
	if err == nil && g.vectors.Cols != width {
		err = fmt.Errorf("the vectors in %s have %d numbers, those of %s %d: another encoder made them", path, g.vectors.Cols, run, width)
	}
	return g, err
}

// isVectors says whether a file is one of vectors, by its name.
func isVectors(path string) bool { return filepath.Ext(path) == ".npy" }
