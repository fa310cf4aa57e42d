package cli

import (
	"fmt"
	"io"
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

// listing is all that alike methods lists.
type listing struct {
	Methods       []methodListing   `json:"methods"`
	Backbones     []backboneListing `json:"backbones"`
	TextBackbones []backbone.Info   `json:"text_backbones"`
	Devices       []device.Info     `json:"devices"`
}

func (m methodsCommand) Run(c console) error {
	if err := train.CheckImageSize(m.ImageSize); err != nil {
		return usageError{fmt.Errorf("--image-size is %w", err)}
	}
	all := listing{TextBackbones: backbone.KnownTexts(), Devices: device.Known()}
	for _, info := range method.Known() {
		config, err := train.Default(info.Name, m.ImageSize)
		if err != nil {
			return err
		}
		all.Methods = append(all.Methods, methodListing{info, fields.Of(config)})
	}
	var err error
	if all.Backbones, err = measureBackbones(m.ImageSize); err != nil {
		return err
	}
	if m.JSON {
		return printJSON(c.out, all)
	}
	return printListing(c.out, all, m.ImageSize)
}

// printListing writes what there is, and the defaults for pictures of so many pixels a side.
func printListing(out io.Writer, all listing, imageSize int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Methods")
	for _, l := range all.Methods {
		fmt.Fprintf(w, "  %s\t%s\n\t%s\n", l.Name, l.Description, l.Paper)
	}
	fmt.Fprintf(w, "\nBackbones, at width 1 and %d pixels\n", imageSize)
	for _, b := range all.Backbones {
		fmt.Fprintf(w, "  %s\t%s\n\t%s\n\t%s\n", b.Name, b.Description, b.Size, b.Source)
	}
	fmt.Fprintln(w, "\nBackbones for text")
	for _, b := range all.TextBackbones {
		fmt.Fprintf(w, "  %s\t%s\n\t%s\n", b.Name, b.Description, b.Source)
	}
	fmt.Fprintln(w, "\nDevices")
	for _, d := range all.Devices {
		fmt.Fprintf(w, "  %s\t%s\n", d.Name, d.Description)
	}
	for _, l := range all.Methods {
		fmt.Fprintf(w, "\nDefaults of %s at %d pixels\n", l.Name, imageSize)
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
