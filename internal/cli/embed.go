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
	"github.com/alike-ml/alike/pretrained"
	"github.com/alike-ml/alike/train"
)

type embedCommand struct {
	Model  string `arg:"" name:"run" help:"A run's directory, or a model's folder, or its name on Hugging Face's hub if their tools have fetched it."`
	Input  string `arg:"" help:"Folder of pictures or, for an encoder of text, a file of text. A model of both takes either, into one space, and tables and shards, of which it takes the pictures unless --columns names texts."`
	Out    string `required:"" placeholder:"FILE" help:"Where to write the vectors: .npy (with FILE.items.jsonl beside it), .jsonl or .parquet."`
	Device string `default:"${device_default}" help:"Where to compute: see alike methods."`

	Precision string    `default:"f32" enum:"f32,bf16" help:"What an encoder of text computes in: f32, or bf16, which takes about two thirds of the time and turns vectors a little."`
	Text      textFlags `embed:"" group:"Files of text, of whose columns the first is embedded: the run's if they are left out"`
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
	defer m.Close()
	if e.Text.given() {
		return usageError{errors.New("--columns, --class, --format, --separator, --split and --header are for files of text: the run is one on pictures")}
	}
	return e.pictures(c, func() (gallery, error) { return embedFolder(ctx, c, m, e.Input) })
}

// pair embeds pictures, or the rows of a file of text, into the space that both share.
func (e embedCommand) pair(ctx context.Context, c console, backend compute.Backend) error {
	m, err := loadPair(backend, e.Model)
	if err != nil {
		return err
	}
	defer m.Close()
	switch options, _ := (tableFlags{}).optionsOf(e.Model, e.Input, e.Text); {
	case e.Text.Columns == nil && e.Text.Split == nil && data.HoldsPairs(e.Input, options):
		return e.pictures(c, func() (gallery, error) { return embedTable(ctx, c, m.Images, e.Input, options) })
	case isDir(e.Input) && e.Text.given():
		return usageError{errors.New("--columns, --class, --format, --separator, --split and --header are for files of text and tables")}
	case isDir(e.Input):
		return e.pictures(c, func() (gallery, error) { return embedFolder(ctx, c, m.Images, e.Input) })
	}
	return e.rows(ctx, c, m.Texts)
}

// pictures embeds those of a folder, a table or shards.
func (e embedCommand) pictures(c console, embedded func() (gallery, error)) error {
	if e.Precision != "f32" {
		return usageError{fmt.Errorf("--precision %s: it is for encoders of text, pictures are embedded in f32", e.Precision)}
	}
	g, err := embedded()
	if err != nil {
		return err
	}
	if err := errors.Join(embed.WriteFile(e.Out, g.vectors, g.items), g.close()); err != nil {
		return err
	}
	g.print(c)
	fmt.Fprintf(c.out, "%d vectors of %d numbers are in %s\n", g.vectors.Rows, g.vectors.Cols, e.Out)
	return nil
}

// loadModel opens the encoder of a run, given the run's directory or the model folder itself.
func loadModel(backend compute.Backend, path string) (*embed.Model, error) {
	m, err := embed.Load(backend, modelFolder(path))
	return m, orUnfinished(err, path)
}

// modelFolder is the model's folder of a run's directory, or the folder itself, or where Hugging Face's tools keep the model of that name.
func modelFolder(path string) string {
	if inside := train.ModelDir(path); isDir(inside) {
		return inside
	}
	if fetched, err := pretrained.Find(path); err == nil {
		return fetched
	}
	return path
}

// orUnfinished says of a run without a model that it is not finished.
func orUnfinished(err error, path string) error {
	if !errors.Is(err, fs.ErrNotExist) || embed.HasText(path) { // what is there is a model that lacks a file
		return err
	}
	if config, unfinished := train.ReadConfig(path); unfinished == nil {
		return fmt.Errorf("the run in %s is not finished: go on with %s", path, resumeCommand(config, path))
	}
	if _, found := os.Stat(filepath.Join(modelFolder(path), "config.json")); found == nil {
		return err // which says what there is not
	}
	return fmt.Errorf("there is no model in %s: give the directory of a finished run, or a model's folder", path)
}

// checkModel returns an error unless there is a model in a run's directory or a folder, so that what is wrong with flags is said of a model
// that is there.
func checkModel(path string) error {
	dir := modelFolder(path)
	if embed.HasText(dir) || embed.IsPair(dir) {
		return nil
	}
	_, err := os.Stat(filepath.Join(dir, "config.json"))
	return orUnfinished(err, path)
}

// checkFolderOf reports that a file cannot be written for want of a folder, or of the permission to write there, before work is put into
// what it is to hold.
func checkFolderOf(file string) error {
	if folder := filepath.Dir(file); !isDir(folder) {
		return fmt.Errorf("cannot write %s: there is no folder %s", file, folder)
	}
	return atomicfile.Check(file)
}

func isDir(path string) bool {
	info, err := os.Stat(filepath.Clean(path))
	return err == nil && info.IsDir()
}
