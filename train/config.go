package train

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/positive"
)

// Config is everything a run depends on. The same configuration, data and device give the same bytes, whatever the number
// of workers. Exactly one of the methods is set.
type Config struct {
	Data      string  `yaml:"data" help:"folder of pictures: class folders or flat, with or without train/ and test/ inside; for methods on text, a file of text; for clip, a table of pictures and captions"`
	ImageSize int     `yaml:"image_size" help:"side, in pixels, that pictures have when the encoder sees them; 0 for text"`
	Backbone  string  `yaml:"backbone" help:"encoder, see alike methods"`
	Width     float64 `yaml:"width" help:"multiplies the encoder's channels; 1 is the published width"`
	Epochs    int     `yaml:"epochs" help:"passes over the training data"`
	Batch     int     `yaml:"batch" help:"pictures, or rows of text, a step"`
	Chunk     int     `yaml:"chunk" help:"how many of a batch the encoder works on at once, to need less memory: the batch is a multiple of it; 0 is all; for simclr, supcon, simcse and clip"`
	Seed      uint64  `yaml:"seed" help:"all randomness follows from it"`
	Device    string  `yaml:"device" help:"where to compute, see alike methods"`
	Precision string  `yaml:"precision" help:"what networks compute in: f32, or bf16 with float32 weights"`

	Workers           int     `yaml:"workers" help:"goroutines that prepare views; 0 is one a processor"`
	HoldOut           float64 `yaml:"hold_out" help:"share of the pictures or rows to learn from that is kept back to watch the run with"`
	MonitorEvery      int     `yaml:"monitor_every" help:"look at the encoder after every so many epochs; 0 is never"`
	CheckpointSeconds int     `yaml:"checkpoint_seconds" help:"least time between checkpoints"`
	Watch             bool    `yaml:"watch" help:"stop when the loss is no longer a number or the embeddings collapse"`
	Recipe            string  `yaml:"recipe" help:"tested recipe to start from instead of the method's defaults, see alike recipes"`

	Text  *TextConfig  `yaml:"text,omitempty"`
	Pairs *PairsConfig `yaml:"pairs,omitempty"`

	Optimizer optim.Config   `yaml:"optimizer"`
	Schedule  optim.Schedule `yaml:"schedule"`

	MoCo        *method.MoCo        `yaml:"moco,omitempty"`
	SimCLR      *method.SimCLR      `yaml:"simclr,omitempty"`
	MoCoV2      *method.MoCoV2      `yaml:"mocov2,omitempty"`
	SupCon      *method.SupCon      `yaml:"supcon,omitempty"`
	BYOL        *method.BYOL        `yaml:"byol,omitempty"`
	SwAV        *method.SwAV        `yaml:"swav,omitempty"`
	SimSiam     *method.SimSiam     `yaml:"simsiam,omitempty"`
	BarlowTwins *method.BarlowTwins `yaml:"barlowtwins,omitempty"`
	SimCSE      *method.SimCSE      `yaml:"simcse,omitempty"`
	SupConText  *method.SupConText  `yaml:"supcon_text,omitempty"`
	CLIP        *method.CLIP        `yaml:"clip,omitempty"`
}

// Sizes of pictures that a run accepts, in pixels a side.
const (
	minImageSize = 8
	maxImageSize = 1024
)

// CheckImageSize returns an error that says which sizes of pictures, in pixels a side, a run accepts, unless this is one.
func CheckImageSize(size int) error {
	if size < minImageSize || size > maxImageSize {
		return fmt.Errorf("%d: it must be from %d to %d pixels", size, minImageSize, maxImageSize)
	}
	return nil
}

// maxWorkers is more than any machine has processors to prepare views with.
const maxWorkers = 1024

// base is what runs of all methods start from: a ResNet-18 of half the width, which learns from a few thousand pictures in
// minutes to hours on a laptop.
func base(imageSize int) Config {
	return Config{
		ImageSize: imageSize,
		Backbone:  "resnet18",
		Width:     0.5,
		Epochs:    100,
		Batch:     256,
		Seed:      1,
		Device:    device.Default,
		Precision: "f32",

		HoldOut:           0.1,
		MonitorEvery:      1,
		CheckpointSeconds: 30,
		Watch:             true,
	}
}

// WithEpochs is the configuration for so many passes over the data, the warm-up shortened where it would take more than a
// tenth of the run: the published 10 epochs are for runs of a hundred and more. Milestones stay where they are in the run. What a method's authors set by the length of
// the run becomes theirs for this length, unless it was something else before.
func (c Config) WithEpochs(epochs int) Config {
	c = c.withBYOLEpochs(epochs)
	c.Schedule.Milestones = stretched(c.Schedule.Milestones, float64(epochs)/float64(c.Epochs))
	c.Epochs = epochs
	c.Schedule.WarmupEpochs = min(c.Schedule.WarmupEpochs, float64(epochs)/10)
	return c
}

// stretched are the milestones, in epochs, of a run that is so many times as long. Those that fall together are one.
func stretched(milestones []int, times float64) []int {
	var list []int
	for _, epochs := range milestones {
		list = append(list, max(1, int(math.Round(float64(epochs)*times))))
	}
	return slices.Compact(list)
}

// Validate names the first setting that cannot be used, and what it must be.
func (c Config) Validate() error {
	m, err := c.Method()
	if err != nil {
		return err
	}
	if c.Data == "" {
		return fmt.Errorf("no data: name a %s with --data", c.source())
	}
	for _, s := range []struct {
		ok   bool
		what string
	}{
		{c.Epochs >= 1, fmt.Sprintf("epochs is %d: it must be 1 or more", c.Epochs)},
		{c.Batch >= 2, fmt.Sprintf("batch is %d: it must be 2 or more, or there is nothing to contrast with", c.Batch)},
		{c.Workers >= 0 && c.Workers <= maxWorkers, fmt.Sprintf("workers is %d: it must be 0, for one a processor, or up to %d", c.Workers, maxWorkers)},
		{c.HoldOut >= 0 && c.HoldOut <= 0.5, fmt.Sprintf("hold_out is %g: it must be from 0 to 0.5", c.HoldOut)},
		{c.MonitorEvery >= 0, fmt.Sprintf("monitor_every is %d: it must be 0, for never, or more", c.MonitorEvery)},
		{c.CheckpointSeconds >= 0, fmt.Sprintf("checkpoint_seconds is %d: it must be 0 or more", c.CheckpointSeconds)},
	} {
		if !s.ok {
			return errors.New(s.what)
		}
	}
	if err := device.CheckName(c.Device); err != nil {
		return err
	}
	if _, err := c.dtype(); err != nil {
		return err
	}
	if err := c.Optimizer.Validate(); err != nil {
		return fmt.Errorf("optimizer.%w", err)
	}
	if err := c.Schedule.Validate(); err != nil {
		return fmt.Errorf("schedule.%w", err)
	}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("%s.%w", m.Name(), err)
	}
	if err := checkChunk(m, c.Batch, c.Chunk); err != nil {
		return err
	}
	if batched, ok := m.(method.Batched); ok {
		if err := batched.ValidateBatch(c.Batch); err != nil {
			return fmt.Errorf("%s.%w", m.Name(), err)
		}
	}
	switch m := m.(type) {
	case method.TextMethod:
		return c.validateSentences(m)
	case method.PairMethod:
		return c.validatePairs(m)
	}
	return c.validatePictures(m.Name(), m.(method.ImageMethod).Views()...)
}

// validateSentences names the first setting that a run on text cannot use.
func (c Config) validateSentences(m method.TextMethod) error {
	if c.Text == nil {
		return fmt.Errorf("%s learns from text, and the configuration has no section named text", m.Name())
	}
	if c.ImageSize != 0 {
		return fmt.Errorf("image_size is %d: it must be 0, as %s learns from text", c.ImageSize, m.Name())
	}
	if err := c.Text.validate(); err != nil {
		return fmt.Errorf("text.%w", err)
	}
	if method.NeedsLabels(m) && c.Text.Class == "" {
		return fmt.Errorf("text.class is empty: %s needs the column of the classes", m.Name())
	}
	if c.SupConText != nil && c.Text.texts() > 2 {
		return fmt.Errorf("text.texts are %d columns: %s has no hard negatives, name one column or two", c.Text.texts(), m.Name())
	}
	views := m.Views()
	if views.Positive != (positive.TextConfig{}) && c.Text.texts() > 1 {
		return fmt.Errorf("%s.positive makes a positive of rows of one text, and text.texts are %d: leave it at 0", m.Name(), c.Text.texts())
	}
	if key := views.WordNet(); key != "" && c.Text.WordNet == "" {
		return fmt.Errorf("text.wordnet is empty: %s.%s needs the folder of WordNet's database (wordnet.princeton.edu, or Debian's wordnet-base in /usr/share/wordnet)", m.Name(), key)
	}
	if c.Width != 1 {
		return fmt.Errorf("width is %g: it must be 1, as encoders of text have settings of their own for their sizes", c.Width)
	}
	_, _, err := c.network(c.Text.Vocabulary.Size)
	return err
}

// OnText says whether the run's method learns from text.
func (c Config) OnText() bool { return c.SimCSE != nil || c.SupConText != nil }

// OnPairs says whether the run's method learns from pictures with captions.
func (c Config) OnPairs() bool { return c.CLIP != nil }

// Items is what the run learns from, in a word.
func (c Config) Items() string {
	switch {
	case c.OnText():
		return "rows of text"
	case c.OnPairs():
		return "pictures with captions"
	}
	return "pictures"
}

// Raw is what scores are called, beside which a run's stand, that are made without an encoder.
func (c Config) Raw() string {
	switch {
	case c.OnText():
		return "words alone"
	case c.OnPairs():
		return "chance"
	}
	return "raw pixels"
}

// source is what the run's data are in.
func (c Config) source() string {
	switch {
	case c.OnText():
		return "file of text"
	case c.OnPairs():
		return "table of pictures and captions"
	}
	return "folder of pictures"
}

// validatePictures names the first setting that a run on views of pictures cannot use.
func (c Config) validatePictures(name string, views ...positive.ImageConfig) error {
	if err := CheckImageSize(c.ImageSize); err != nil {
		return fmt.Errorf("image_size is %w", err)
	}
	encoder, err := c.encoder()
	if err != nil {
		return err
	}
	if c.ImageSize < encoder.MinImageSize() {
		return fmt.Errorf("image_size is %d: %s needs at least %d pixels", c.ImageSize, c.Backbone, encoder.MinImageSize())
	}
	if views[0].Size != c.ImageSize {
		return fmt.Errorf("%s: views are %d pixels wide but image_size is %d: they must be the same", name, views[0].Size, c.ImageSize)
	}
	for i, v := range views {
		if v.Size < encoder.MinImageSize() {
			return fmt.Errorf("%s: view %d is %d pixels wide: %s needs at least %d", name, i+1, v.Size, c.Backbone, encoder.MinImageSize())
		}
	}
	return nil
}

func (c Config) encoder() (backbone.Encoder, error) {
	if c.Pairs == nil {
		return backbone.New(c.Backbone, c.Width, c.ImageSize)
	}
	return backbone.Settled(c.Backbone, c.Width, c.ImageSize, c.Pairs.CLIPImage)
}

func (c Config) dtype() (dtypes.DType, error) {
	dtype, err := embed.Precision(c.Precision)
	if err != nil {
		return dtype, fmt.Errorf("precision is %w", err)
	}
	return dtype, nil
}

// fixed is the configuration without what may change between a run and its resumption: none of it changes the result.
func (c Config) fixed() Config {
	c.Workers, c.CheckpointSeconds, c.Watch, c.Recipe = 0, 0, false, ""
	return c
}
