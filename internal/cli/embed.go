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
	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/train"
)

type embedCommand struct {
	Model  string `arg:"" name:"run" help:"A run's directory, or a model folder."`
	Input  string `arg:"" help:"Folder of pictures or, for an encoder of text, a file of text. A model of both takes either, into one space."`
	Out    string `required:"" placeholder:"FILE" help:"Where to write the vectors: .npy (with FILE.items.jsonl beside it), .jsonl or .parquet."`
	Device string `default:"${device_default}" help:"Where to compute: see alike methods."`

	Precision string    `default:"f32" enum:"f32,bf16" help:"What an encoder of text computes in: f32, or bf16, which takes about two thirds of the time and turns vectors a little."`
	Text      textFlags `embed:"" group:"Files of text, of whose columns the first is embedded"`
}

func (e embedCommand) Run(ctx context.Context, c console) error {
	if err := embed.CheckFile(e.Out); err != nil {
		return usageError{err}
	}
	if err := checkFolderOf(e.Out); err != nil {
		return err
	}
	backend, err := device.Open(e.Device)
	if err != nil {
		return usageError{err}
	}
	defer backend.Finalize()
	if isText(e.Model) {
		return e.text(ctx, c, backend)
	}
	if isPair(e.Model) {
		return e.pair(ctx, c, backend)
	}
	m, err := loadModel(backend, e.Model)
	if err != nil {
		return err
	}
	if e.Text.given() {
		return usageError{errors.New("--columns, --class, --format, --separator, --split and --header are for files of text: the run is one on pictures")}
	}
	return e.pictures(ctx, c, m)
}

// pair embeds pictures, or the rows of a file of text, into the space that both share.
func (e embedCommand) pair(ctx context.Context, c console, backend compute.Backend) error {
	m, err := loadPair(backend, e.Model)
	if err != nil {
		return err
	}
	defer m.Close()
	if isDir(e.Input) {
		return e.pictures(ctx, c, m.Images)
	}
	return e.rows(ctx, c, m.Texts)
}

// pictures embeds a folder.
func (e embedCommand) pictures(ctx context.Context, c console, m *embed.Model) error {
	if e.Precision != "f32" {
		return usageError{fmt.Errorf("--precision %s: it is for encoders of text, pictures are embedded in f32", e.Precision)}
	}
	folder, err := data.OpenImageFolder(ctx, e.Input, data.FolderOptions{})
	if err != nil {
		return err
	}
	vectors, items, err := embedAll(ctx, c, m, folder)
	if err != nil {
		return err
	}
	if err := embed.WriteFile(e.Out, vectors, items); err != nil {
		return err
	}
	printSkipped(c.err, folder.Skipped.List())
	fmt.Fprintf(c.out, "%d vectors of %d numbers are in %s\n", vectors.Rows, vectors.Cols, e.Out)
	return nil
}

// embedAll embeds the pictures of all splits, those of train/ first.
func embedAll(ctx context.Context, c console, m *embed.Model, folder *data.ImageFolder) (metric.Matrix, []embed.Item, error) {
	splits, total := []*data.Images{}, 0
	for _, images := range []*data.Images{folder.Train, folder.Val, folder.Test} {
		if images != nil {
			splits = append(splits, images)
			total += images.Len()
		}
	}
	bar := newMeter(c.err, "embedding", "pictures", 0, total)
	defer bar.finish()
	all := metric.Matrix{Cols: m.Config.Dim}
	var items []embed.Item
	for _, images := range splits {
		vectors, places, err := m.Embed(ctx, images, func(done, _ int) { bar.at(all.Rows+done, "") })
		if err != nil {
			return all, nil, err
		}
		all.Cols, all.Data = vectors.Cols, append(all.Data, vectors.Data...)
		all.Rows += vectors.Rows
		items = append(items, embed.Items(images, places)...)
	}
	return all, items, nil
}

// loadModel opens the encoder of a run, given the run's directory or the model folder itself.
func loadModel(backend compute.Backend, path string) (*embed.Model, error) {
	m, err := embed.Load(backend, modelFolder(path))
	return m, orUnfinished(err, path)
}

// modelFolder is the model's folder of a run's directory, or the folder itself.
func modelFolder(path string) string {
	if inside := train.ModelDir(path); isDir(inside) {
		return inside
	}
	return path
}

// orUnfinished says of a run without a model that it is not finished.
func orUnfinished(err error, path string) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if config, unfinished := train.ReadConfig(path); unfinished == nil {
		return fmt.Errorf("the run in %s is not finished: go on with %s", path, resumeCommand(config, path))
	}
	return fmt.Errorf("there is no model in %s: give the directory of a finished run", path)
}

// checkFolderOf reports that a file cannot be written for want of a folder, or of the permission to write there, before work is put into
// what it is to hold.
func checkFolderOf(file string) error {
	if folder := filepath.Dir(file); !isDir(folder) {
		return fmt.Errorf("cannot write %s: there is no folder %s", file, folder)
	}
	return atomicfile.Check(file)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isDir(path string) bool {
	info, err := os.Stat(filepath.Clean(path))
	return err == nil && info.IsDir()
}
