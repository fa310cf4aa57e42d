package train

import (
	"context"
	"errors"
	"io"

	"github.com/alike-ml/alike/data"
)

// Divided are the items of a run as it divides them: Learned to learn from and Watched, nil where none are kept back, to watch it with. All
// are those of the data. Close it when done.
type Divided[T any] struct {
	All, Learned, Watched *T
	opened                []io.Closer
}

// Close closes the files.
func (d Divided[T]) Close() (err error) {
	for _, file := range d.opened {
		err = errors.Join(err, file.Close())
	}
	return err
}

// orClosed is d or, with an error, nothing that is left open.
func (d Divided[T]) orClosed(err error) (Divided[T], error) {
	if err != nil {
		return Divided[T]{}, errors.Join(err, d.Close())
	}
	return d, nil
}

// OpenPictures opens the folder of a run on pictures and divides its training part as the run does.
func OpenPictures(ctx context.Context, c Config) (d Divided[data.Images], err error) {
	folder, err := data.OpenImageFolder(ctx, c.Data, data.FolderOptions{})
	if err != nil {
		return d, err
	}
	d.All, d.Learned = folder.Train, folder.Train
	if n := c.heldOut(d.All.Len()); n > 0 {
		d.Learned, d.Watched, err = d.All.HoldOut(n, c.Seed)
	}
	return d.orClosed(err)
}

// OpenText opens the file of a run on text and divides its rows as the run does.
func OpenText(ctx context.Context, c Config) (d Divided[data.Text], err error) {
	if d.All, err = data.OpenText(ctx, c.Data, c.Text.TextOptions); err != nil {
		return d, err
	}
	d.Learned, d.opened = d.All, []io.Closer{d.All}
	if n := c.heldOut(d.All.Len()); n > 0 {
		d.Learned, d.Watched, err = d.All.HoldOut(n, c.Seed)
	}
	return d.orClosed(err)
}

// OpenPairs opens the table of a run on pictures with captions and divides it as the run does, unless it is watched with a table of its own.
func OpenPairs(ctx context.Context, c Config) (d Divided[data.Pairs], err error) {
	if d.All, err = data.OpenPairs(ctx, c.Data, c.Pairs.PairOptions); err != nil {
		return d, err
	}
	d.Learned, d.opened = d.All, []io.Closer{d.All}
	if table := c.Pairs.Validation; table != "" {
		options := c.Pairs.PairOptions
		options.Group = "" // of pictures to watch with each counts
		if d.Watched, err = data.OpenPairs(ctx, table, options); err == nil {
			d.opened = append(d.opened, d.Watched)
		}
	} else if n := c.heldOut(d.All.Len()); n > 0 {
		d.Learned, d.Watched, err = d.All.HoldOut(n, c.Seed)
	}
	return d.orClosed(err)
}
