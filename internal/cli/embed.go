package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/train"
)

type embedCommand struct {
	Model  string `arg:"" name:"run" help:"A run's directory, or a model folder."`
	Input  string `arg:"" help:"Folder of pictures, or one picture."`
	Out    string `required:"" placeholder:"FILE" help:"Where to write the vectors: .npy (with FILE.items.jsonl beside it), .jsonl or .parquet."`
	Device string `default:"${device_default}" help:"Where to compute: see alike methods."`
}

func (e embedCommand) Run(ctx context.Context, c console) error {
	write, err := embed.WriterFor(e.Out)
	if err != nil {
		return usageError{err}
	}
	backend, err := device.Open(e.Device)
	if err != nil {
		return usageError{err}
	}
	defer backend.Finalize()
	m, err := loadModel(backend, e.Model)
	if err != nil {
		return err
	}
	folder, err := data.OpenImageFolder(ctx, e.Input, data.FolderOptions{})
	if err != nil {
		return err
	}
	total := 0
	for _, split := range folder.Splits() {
		total += split.Images.Len()
	}
	meter := newMeter(c.err, "embedding", "pictures", 0, total)
	defer meter.finish()
	var all embed.Vectors
	for _, split := range folder.Splits() {
		vectors, items, err := m.Embed(ctx, split.Images, func(done, _ int) { meter.at(all.Vectors.Rows+done, "") })
		if err != nil {
			return err
		}
		all.Append(vectors, split.Images, items)
	}
	meter.finish()
	if err := write(all); err != nil {
		return err
	}
	printSkipped(c.err, folder.Skipped.List())
	fmt.Fprintf(c.out, "%d vectors of %d numbers are in %s\n", all.Vectors.Rows, all.Vectors.Cols, e.Out)
	return nil
}

// loadModel opens the encoder of a run, given the run's directory or the model folder itself.
func loadModel(backend compute.Backend, path string) (*embed.Model, error) {
	folder := path
	if inside := train.ModelDir(path); isDir(inside) {
		folder = inside
	}
	m, err := embed.Load(backend, folder)
	if errors.Is(err, fs.ErrNotExist) {
		if _, unfinished := train.ReadConfig(path); unfinished == nil {
			return nil, fmt.Errorf("the run in %s is not finished: go on with alike train --out %s --resume", path, path)
		}
		return nil, fmt.Errorf("there is no model in %s: give the directory of a finished run", path)
	}
	return m, err
}

func isDir(path string) bool {
	info, err := os.Stat(filepath.Clean(path))
	return err == nil && info.IsDir()
}
