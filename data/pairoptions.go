package data

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alike-ml/alike/internal/nearest"
)

// PairOptions say which columns of a table are the pictures and captions of [Pairs], and how captions are cleaned. Start from
// [DefaultPairOptions].
type PairOptions struct {
	Format string `yaml:"format" json:"format" help:"csv, tsv, jsonl, parquet or tar, for shards; empty is what the file's name says"`
	// Separator is as [TextOptions] has it; open_clip's tables have tabs (mlfoundations/open_clip params.py, csv_separator).
	Separator string   `yaml:"separator" json:"separator" help:"the character between the columns of a csv file, such as ;; empty is a comma"`
	Header    bool     `yaml:"header" json:"header" help:"the first line of a csv or tsv file names its columns; else they are called 1, 2, 3, ..."`
	Image     string   `yaml:"image" json:"image" help:"column of the picture: its path from the table's folder, or its bytes; empty is the first of image, filepath, file_name and image_path that there is, in shards the first picture"`
	Captions  []string `yaml:"captions" json:"captions" help:"columns of the captions; empty is the first of caption, captions, title and text that there is, in shards txt before these"`
	Tags      []string `yaml:"tags" json:"tags" help:"columns of tags: words that say something of a picture and not what it is, between commas, semicolons or bars, or as a list"`
	Class     string   `yaml:"class" json:"class" help:"column of the class; empty is none"`
	Group     string   `yaml:"group" json:"group" help:"column that is equal for pictures that are nearly the same, such as one thing in several colours: they take turns, one of them an epoch; empty is none"`

	CollapseSpace bool `yaml:"collapse_space" json:"collapse_space" help:"trim captions, and make one space of white space and control characters between words"`
	NFC           bool `yaml:"nfc" json:"nfc" help:"bring letters with accents into one form, Unicode's NFC"`
	MinChars      int  `yaml:"min_chars" json:"min_chars" help:"drop captions of fewer characters"`
	MaxChars      int  `yaml:"max_chars" json:"max_chars" help:"drop captions of more characters; 0 is no limit"`
	MaxPixels     int  `yaml:"max_pixels" json:"max_pixels" help:"skip pictures of more pixels, width times height; 0 is 178,956,970"`
}

// DefaultPairOptions find the columns by their names and clean captions as [DefaultTextOptions] clean texts.
func DefaultPairOptions() PairOptions {
	text := DefaultTextOptions()
	return PairOptions{
		Header: text.Header, CollapseSpace: text.CollapseSpace, NFC: text.NFC, MinChars: text.MinChars, MaxChars: text.MaxChars,
	}
}

// The columns that are taken for pictures and captions when none are named: those of open_clip's tables
// (mlfoundations/open_clip params.py, csv_img_key and csv_caption_key) and of Hugging Face's folders of pictures
// (https://huggingface.co/docs/datasets/image_load, file_name and text) are among them.
var (
	imageColumns   = []string{"image", "filepath", "file_name", "image_path"}
	captionColumns = []string{"caption", "captions", "title", "text"}
)

// pairFormats are the formats that pairs are read from, by the names that PairOptions.Format has for them.
var (
	pairTables  = []string{"csv", "tsv", "jsonl", "parquet"}
	pairFormats = append(slices.Clone(pairTables), "tar")
)

// Validate names the first option whose value cannot be used, and what it must be.
func (o PairOptions) Validate() error {
	if o.Format != "" && !slices.Contains(pairFormats, o.Format) {
		return fmt.Errorf("format is %q%s: it must be one of %s", o.Format, nearest.Suggestion(o.Format, pairFormats), strings.Join(pairFormats, ", "))
	}
	columns := slices.Concat(o.Captions, o.Tags)
	for _, c := range []string{o.Image, o.Class, o.Group} {
		if c != "" {
			columns = append(columns, c)
		}
	}
	for i, c := range columns {
		if slices.Contains(columns[:i], c) {
			return fmt.Errorf("image, captions, tags, class and group name the column %q twice: every column is one thing", c)
		}
	}
	if slices.Contains(columns, "") {
		return errors.New("captions or tags has a column without a name")
	}
	if o.MaxPixels < 0 {
		return fmt.Errorf("max_pixels is %d: use 0 for the default, or more", o.MaxPixels)
	}
	return o.text().Validate()
}

// text are the options of captions as texts.
func (o PairOptions) text() TextOptions {
	return TextOptions{
		Separator: o.Separator, Texts: []string{"caption"}, Class: o.Class, CollapseSpace: o.CollapseSpace, NFC: o.NFC, MinChars: o.MinChars, MaxChars: o.MaxChars,
	}
}

// pick returns the columns to read: that of the picture, those of captions, those of tags, that of the class and that of the group.
func (o PairOptions) pick(there []string) ([]string, error) {
	image, captions := o.Image, o.Captions
	if image == "" {
		if image = firstOf(imageColumns, there); image == "" {
			return nil, fmt.Errorf("name the column of the pictures: there are %s", listColumns(there))
		}
	}
	if len(captions) == 0 {
		caption := firstOf(captionColumns, there)
		if caption == "" {
			return nil, fmt.Errorf("name the columns of the captions: there are %s", listColumns(there))
		}
		captions = []string{caption}
	}
	return slices.Concat([]string{image}, captions, o.Tags, o.single()), nil
}

// captionsOf returns which of the columns that pick returned are those of captions.
func (o PairOptions) captionsOf(columns []string) []string {
	return columns[1 : len(columns)-len(o.Tags)-len(o.single())]
}

// single are the columns of which a row has one value that is no text: that of the class and that of the group, where there are.
func (o PairOptions) single() []string {
	return slices.DeleteFunc([]string{o.Class, o.Group}, func(c string) bool { return c == "" })
}

// setSingle takes the values of those columns.
func (o PairOptions) setSingle(r *pairRecord, values []string) {
	if o.Class != "" {
		r.class, values = values[0], values[1:]
	}
	if o.Group != "" {
		r.group = values[0]
	}
}

// readSingle reads them of an object.
func (o PairOptions) readSingle(r *pairRecord, object jsonObject) error {
	var values []string
	for _, column := range o.single() {
		value, err := object.value(column, false)
		if err != nil {
			return err
		}
		values = append(values, value)
	}
	o.setSingle(r, values)
	return nil
}

// firstOf returns the first of some names that is there, "" if none is.
func firstOf(names, there []string) string {
	for _, name := range names {
		if slices.Contains(there, name) {
			return name
		}
	}
	return ""
}
