package cli

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/metric"
)

// isText says whether a run's encoder, or that of a model folder, is one of text.
func isText(path string) bool { return embed.IsText(modelFolder(path)) }

// loadTextModel opens the encoder of a run on text, given the run's directory or the model folder itself.
func loadTextModel(backend compute.Backend, path string) (*embed.TextModel, error) {
	m, err := embed.LoadText(backend, modelFolder(path))
	return m, orUnfinished(err, path)
}

// text embeds the rows of a file of text.
func (e embedCommand) text(ctx context.Context, c console, backend compute.Backend) error {
	m, err := loadTextModel(backend, e.Model)
	if err != nil {
		return err
	}
	defer m.Close()
	return e.rows(ctx, c, m)
}

// rows embeds those of a file of text.
func (e embedCommand) rows(ctx context.Context, c console, m *embed.TextModel) error {
	if err := m.SetPrecision(e.Precision); err != nil {
		return usageError{err}
	}
	vectors, items, err := embedFile(ctx, c, m, e.Input, e.Text.ofRun(e.Model, e.Input))
	if err != nil {
		return err
	}
	if err := embed.WriteFile(e.Out, vectors, items); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d vectors of %d numbers are in %s\n", vectors.Rows, vectors.Cols, e.Out)
	return nil
}

// embedFile embeds every row of a file, in the first of its columns.
func embedFile(ctx context.Context, c console, m *embed.TextModel, path string, options data.TextOptions) (vectors metric.Matrix, items []embed.Item, err error) {
	text, err := data.OpenText(ctx, path, options)
	if err != nil {
		return vectors, nil, err
	}
	defer text.Close()
	if items, err = embed.TextItems(text, 0); err != nil {
		return vectors, nil, err
	}
	bar := newMeter(c.err, "embedding", "texts", 0, text.Len())
	vectors, err = m.EmbedText(ctx, text, 0, func(done, _ int) { bar.at(done, "") })
	bar.finish()
	if err == nil {
		printDropped(c.err, text.Dropped)
	}
	return vectors, items, err
}
