package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/train"
)

// textFlags say how a file of text is read.
type textFlags struct {
	Columns   []string `placeholder:"A,B,C" help:"Columns of the texts, by name, or by number in a file without names: sentence; two that are alike; or anchor, positive and hard negative."`
	Class     *string  `placeholder:"COLUMN" help:"Column of the class."`
	Format    *string  `placeholder:"FORMAT" help:"txt, csv, tsv, jsonl, json or parquet, where the file's name does not say it."`
	Separator *string  `placeholder:"," help:"The character between the columns of a csv file, such as ';'."`
	Split     *string  `placeholder:"NAME" help:"Which list of rows of a json file that is an object of lists, such as train."`
	Header    *bool    `negatable:"" help:"Whether the first line of a csv or tsv file has the columns' names; it has."`
}

// override puts a flag, nil if it was not given, in the place of a setting.
func override[T any](setting, flag *T) {
	if flag != nil {
		*setting = *flag
	}
}

// given says whether there is any of them.
func (f textFlags) given() bool {
	return f.Columns != nil || f.Class != nil || f.Format != nil || f.Separator != nil || f.Split != nil || f.Header != nil
}

// over puts the flags over options.
func (f textFlags) over(options data.TextOptions) data.TextOptions {
	if f.Columns != nil {
		options.Texts = f.Columns
		options.Header = options.Header || !data.ByNumber(f.Columns) // where a recipe's own columns are numbers
	}
	override(&options.Class, f.Class)
	override(&options.Format, f.Format)
	override(&options.Separator, f.Separator)
	override(&options.Split, f.Split)
	override(&options.Header, f.Header)
	return options
}

// overTable puts the flags over the options of a table of pictures with captions, which has its columns from others.
func (f textFlags) overTable(options data.PairOptions) data.PairOptions {
	override(&options.Class, f.Class)
	override(&options.Format, f.Format)
	override(&options.Separator, f.Separator)
	override(&options.Header, f.Header)
	return options
}

// everyRow are the options of a file of which every row with a text is wanted, also one that is there twice, or long.
func (f textFlags) everyRow() data.TextOptions {
	options := data.DefaultTextOptions()
	options.DropDuplicates, options.MaxChars = false, 0
	return f.over(options)
}

// trainTextFlags are those settings of a run on text that it is most often started with.
type trainTextFlags struct {
	textFlags
	Pretrained *string `placeholder:"DIR" help:"Encoder to start from: folder of transformers (for clip a whole CLIP too, of both encoders) or sentence-transformers, or its name on Hugging Face's hub if their tools have fetched it."`
	Vectors    *string `placeholder:"FILE" help:"Word vectors for the static encoder to start from: GloVe's, or word2vec's as text or .bin."`
	Tokenizer  *string `placeholder:"DIR" help:"Folder of a tokenizer; if left out, the pretrained encoder's, or one made of the text to learn from."`
	MaxLength  *int    `placeholder:"32" help:"Tokens of a text that the encoder sees at most."`
	WordNet    *string `placeholder:"DIR" name:"wordnet" help:"Folder of WordNet's database, for synonyms and antonyms."`
	Test       *string `placeholder:"FILE" help:"File of rows, in the same columns, to score the encoder on at the end."`
	TestSplit  *string `placeholder:"NAME" help:"Which list of rows of a json file to score the encoder on at the end, such as test."`
	STS        *string `placeholder:"FILE" name:"sts" help:"File of sentence, sentence and score, to watch the run with."`
}

// set says whether any of them is given.
func (f trainTextFlags) set() bool {
	return f.given() || f.Pretrained != nil || f.Vectors != nil || f.Tokenizer != nil || f.MaxLength != nil || f.WordNet != nil ||
		f.Test != nil || f.TestSplit != nil || f.STS != nil
}

// apply puts the flags over a configuration.
func (f trainTextFlags) apply(config *train.Config) error {
	if config.Pairs != nil {
		return f.applyToPairs(config)
	}
	if !f.set() {
		return nil
	}
	if config.Text == nil {
		m, err := config.Method()
		if err != nil {
			return usageError{err}
		}
		return usageError{fmt.Errorf("%s learns from pictures: --columns, --class, --format, --separator, --split, --header, --pretrained, --vectors, --tokenizer, --max-length, --wordnet, --test, --test-split and --sts are for text", m.Name())}
	}
	text := *config.Text
	text.TextOptions = f.over(text.TextOptions)
	override(&text.Pretrained, f.Pretrained)
	override(&text.Vectors, f.Vectors)
	override(&text.Tokenizer, f.Tokenizer)
	override(&text.MaxLength, f.MaxLength)
	override(&text.WordNet, f.WordNet)
	override(&text.Test, f.Test)
	override(&text.TestSplit, f.TestSplit)
	override(&text.STS, f.STS)
	config.Text = &text
	return nil
}

// applyToPairs puts those of the flags that captions have over a configuration.
func (f trainTextFlags) applyToPairs(config *train.Config) error {
	if f.Columns != nil || f.Split != nil || f.STS != nil || f.Test != nil || f.TestSplit != nil || f.Vectors != nil {
		return usageError{errors.New("--columns, --split, --vectors, --test, --test-split and --sts are for text alone: the columns of pictures with captions are --image-column and --caption-columns")}
	}
	pairs := *config.Pairs
	override(&pairs.Pretrained, f.Pretrained)
	pairs.PairOptions = f.overTable(pairs.PairOptions)
	override(&pairs.Tokenizer, f.Tokenizer)
	override(&pairs.MaxLength, f.MaxLength)
	override(&pairs.WordNet, f.WordNet)
	config.Pairs = &pairs
	return nil
}

// pairFlags say which columns of a table are pictures and captions.
type pairFlags struct {
	ImageColumn    *string  `placeholder:"COLUMN" help:"Column of the pictures' paths; found by its usual names if left out."`
	CaptionColumns []string `placeholder:"A,B" help:"Columns of the captions; found by their usual names if left out."`
	TagColumns     []string `placeholder:"A,B" help:"Columns of tags, which stand for a caption now and then as clip.caption.tags says."`
	GroupColumn    *string  `placeholder:"COLUMN" help:"Column that is equal for pictures that are nearly the same: they take turns, one of them an epoch."`
}

// over puts the flags over options.
func (f pairFlags) over(options data.PairOptions) data.PairOptions {
	override(&options.Image, f.ImageColumn)
	if f.CaptionColumns != nil {
		options.Captions = f.CaptionColumns
	}
	if f.TagColumns != nil {
		options.Tags = f.TagColumns
	}
	override(&options.Group, f.GroupColumn)
	return options
}

// trainPairFlags are those settings of a run on pictures with captions that it is most often started with.
type trainPairFlags struct {
	pairFlags
	TextBackbone *string `placeholder:"clip_small" help:"Encoder of the captions: see alike methods."`
	ImageModel   *string `placeholder:"RUN" help:"Run whose encoder of pictures to start from, with its settings."`
	Validation   *string `placeholder:"FILE" help:"Table of pairs to watch the run with; a share of those to learn from is kept back if left out."`
}

// apply puts the flags over a configuration.
func (f trainPairFlags) apply(config *train.Config) error {
	if f.ImageColumn == nil && f.CaptionColumns == nil && f.TagColumns == nil && f.GroupColumn == nil && f.TextBackbone == nil && f.ImageModel == nil && f.Validation == nil {
		return nil
	}
	if config.Pairs == nil {
		return usageError{errors.New("--image-column, --caption-columns, --tag-columns, --group-column, --text-backbone, --image-model and --validation are for methods on pictures with captions, such as clip")}
	}
	pairs := *config.Pairs
	pairs.PairOptions = f.over(pairs.PairOptions)
	if f.TextBackbone != nil && *f.TextBackbone != pairs.TextBackbone {
		network, err := backbone.NewText(*f.TextBackbone, pairs.Vocabulary.Size)
		if err != nil {
			return usageError{err}
		}
		pairs.TextBackbone, pairs.TextConfig = *f.TextBackbone, network
	}
	override(&pairs.ImageModel, f.ImageModel)
	override(&pairs.Validation, f.Validation)
	config.Pairs = &pairs
	return nil
}

// printDropped says which rows of a file are not used, by reason, and where the first of them are.
func printDropped(out io.Writer, dropped []data.Drop) {
	for _, d := range dropped {
		fmt.Fprintf(out, "%s dropped as %s", counted(d.Count, "row", "rows"), d.Reason)
		why, more := d.First[0].Why, ""
		if n := d.Count - len(d.First); n > 0 {
			more = fmt.Sprintf("and %d more", n)
		}
		if different := slices.ContainsFunc(d.First, func(r data.DroppedRow) bool { return r.Why != why }); different {
			fmt.Fprintln(out)
			for _, row := range d.First {
				fmt.Fprintf(out, "  %s: %s\n", row.Place, cmp.Or(row.Why, string(d.Reason)))
			}
			if more != "" {
				fmt.Fprintf(out, "  %s\n", more)
			}
			continue
		}
		fmt.Fprintf(out, ", at %s", placesOf(d.First))
		if more != "" {
			fmt.Fprintf(out, " %s", more)
		}
		if why != "" {
			fmt.Fprintf(out, ": %s", why)
		}
		fmt.Fprintln(out)
	}
}

// placesOf lists the places of rows, of which those in the file of the row before have their line alone.
func placesOf(rows []data.DroppedRow) string {
	var places []string
	file := ""
	for _, row := range rows {
		i := strings.LastIndexByte(row.Place, ':')
		if row.Place[:i] == file {
			places = append(places, row.Place[i+1:])
			continue
		}
		file = row.Place[:i]
		places = append(places, row.Place)
	}
	return strings.Join(places, ", ")
}

// quoted is a text for a line of output, cut to so many letters.
func quoted(text string, letters int) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > letters {
		return string(runes[:letters-1]) + "…"
	}
	return string(runes)
}
