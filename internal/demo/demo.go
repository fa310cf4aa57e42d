// Package demo has the photographs that are built into the program and the run that `alike demo` trains on them.
//
// The photographs are the Clothing dataset (Alexey Grigorev and contributors, 2020, CC0): clothes that people took pictures of
// at home, in ten classes, split into training and test pictures by the person who sent them. They are stored with a
// shorter side of 48 pixels.
package demo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/train"
)

//go:generate go run photos_generate.go FOLDER

//go:embed photos.tar.gz
var photos []byte

// Epochs is how many passes the demo makes over the photographs: what two cores do in about two minutes.
const Epochs = 60

// side is that of the views, in pixels. The photographs have more, but within the demo's time passes are worth more than
// pixels: a view of 24 takes a little over half the work of one of 32.
const side = 24

// Config is the demo's run on the photographs in a folder: a ResNet-10 of a quarter of the width, which scored more in about
// the same time than one of half the width at 24 pixels, or one of a quarter at 32. The settings that differ from the defaults
// were chosen by the nearest-neighbour score of training photographs by 101 of the 261 people, after training on those by the
// others; a split at random would reward the memory of a person's room. The colour strength and the temperature are the
// paper's for larger pictures, as colour alone tells clothes apart too easily; small batches take more steps in the same time.
func Config(folder string) train.Config {
	c := train.DefaultSimCLR(side).WithEpochs(Epochs)
	c.Data = folder
	c.Backbone, c.Width, c.Precision = "resnet10", 0.25, "bf16"
	c.Batch = 64
	c.MonitorEvery = 10
	m := *c.SimCLR
	m.Temperature = 0.1
	m.Augment = positive.SimCLR(side)
	m.Augment.Blur, m.Augment.CenterCrop = 0, 1
	c.SimCLR = &m
	return c
}

// Unpack writes the photographs into a new folder, as train/CLASS/*.jpg and test/CLASS/*.jpg, and returns their number.
func Unpack(folder string) (int, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(photos))
	if err != nil {
		return 0, fmt.Errorf("the built-in photographs are damaged: %w", err)
	}
	count := 0
	for archive := tar.NewReader(unzipped); ; count++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return count, fmt.Errorf("the built-in photographs are damaged: %w", err)
		}
		if err := unpackFile(filepath.Join(folder, filepath.FromSlash(header.Name)), archive); err != nil {
			return count, fmt.Errorf("cannot unpack the photographs: %w", err)
		}
	}
}

func unpackFile(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}
