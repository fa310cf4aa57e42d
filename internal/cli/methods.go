package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/train"
)

type methodsCommand struct {
	JSON      bool `help:"Print one JSON object."`
	ImageSize int  `help:"Show the defaults for pictures of this side, in pixels." default:"32"`
}

// methodListing is a method with its default configuration.
type methodListing struct {
	method.Info
	Defaults []fields.Field `json:"defaults"`
}

// backboneListing is a backbone with its size at the published width.
type backboneListing struct {
	backbone.Info
	backbone.Size
}

func (m methodsCommand) Run(c console) error {
	if err := train.CheckImageSize(m.ImageSize); err != nil {
		return usageError{fmt.Errorf("--image-size is %w", err)}
	}
	var methods []methodListing
	for _, info := range method.Known() {
		config, err := train.Default(info.Name, m.ImageSize)
		if err != nil {
			return err
		}
		methods = append(methods, methodListing{info, fields.Of(config)})
	}
	backbones, err := measureBackbones(m.ImageSize)
	if err != nil {
		return err
	}
	if m.JSON {
		return printJSON(c.out, struct {
			Methods       []methodListing   `json:"methods"`
			Backbones     []backboneListing `json:"backbones"`
			TextBackbones []backbone.Info   `json:"text_backbones"`
			Devices       []device.Info     `json:"devices"`
		}{methods, backbones, backbone.KnownTexts(), device.Known()})
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Methods")
	for _, l := range methods {
		fmt.Fprintf(w, "  %s\t%s\n\t%s\n", l.Name, l.Description, l.Paper)
	}
	fmt.Fprintf(w, "\nBackbones, at width 1 and %d pixels\n", m.ImageSize)
	for _, b := range backbones {
		fmt.Fprintf(w, "  %s\t%s\n\t%s\n\t%s\n", b.Name, b.Description, b.Size, b.Source)
	}
	fmt.Fprintln(w, "\nBackbones for text")
	for _, b := range backbone.KnownTexts() {
		fmt.Fprintf(w, "  %s\t%s\n\t%s\n", b.Name, b.Description, b.Source)
	}
	fmt.Fprintln(w, "\nDevices")
	for _, d := range device.Known() {
		fmt.Fprintf(w, "  %s\t%s\n", d.Name, d.Description)
	}
	for _, l := range methods {
		fmt.Fprintf(w, "\nDefaults of %s at %d pixels\n", l.Name, m.ImageSize)
		for _, f := range l.Defaults {
			fmt.Fprintf(w, "  %s\t%v\t%s\n", f.Key, f.Value, f.Help)
		}
	}
	return w.Flush()
}

// measureBackbones lists the backbones with their sizes on pictures of so many pixels a side.
func measureBackbones(imageSize int) ([]backboneListing, error) {
	var list []backboneListing
	for _, info := range backbone.Known() {
		size, err := measure(info.Name, 1, imageSize)
		if err != nil {
			return nil, err
		}
		list = append(list, backboneListing{info, size})
	}
	return list, nil
}

// measure returns the size of an encoder. It is the same on every device.
func measure(name string, width float64, imageSize int) (backbone.Size, error) {
	backend, err := device.Open(device.Default)
	if err != nil {
		return backbone.Size{}, err
	}
	defer backend.Finalize()
	encoder, err := backbone.New(name, width, imageSize)
	if err != nil {
		return backbone.Size{}, err
	}
	return backbone.Measure(backend, encoder, imageSize)
}
