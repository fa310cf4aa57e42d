package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/train"
)

// textFlags say how a file of text is read.
type textFlags struct {
	Columns   []string `placeholder:"A,B,C" help:"Columns of the texts, by name, or by number in a file without names: sentence; two that are alike; or anchor, positive and hard negative."`
	Class     *string  `placeholder:"COLUMN" help:"Column of the class."`
	Format    *string  `placeholder:"FORMAT" help:"txt, csv, tsv, jsonl or parquet, where the file's name does not say it."`
	Separator *string  `placeholder:"," help:"The character between the columns of a csv file, such as ';'."`
	Header    *bool    `negatable:"" help:"Whether the first line of a csv or tsv file has the columns' names; it has."`
}

// given says whether there is any of them.
func (f textFlags) given() bool {
	return f.Columns != nil || f.Class != nil || f.Format != nil || f.Separator != nil || f.Header != nil
}

// over puts the flags over options.
func (f textFlags) over(options data.TextOptions) data.TextOptions {
	if f.Columns != nil {
		options.Texts = f.Columns
	}
	if f.Class != nil {
		options.Class = *f.Class
	}
	if f.Format != nil {
		options.Format = *f.Format
	}
	if f.Separator != nil {
		options.Separator = *f.Separator
	}
	if f.Header != nil {
		options.Header = *f.Header
	}
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
	Pretrained *string `placeholder:"DIR" help:"Encoder to start from: folder of transformers or sentence-transformers, or its name on Hugging Face's hub if their tools have fetched it."`
	Vectors    *string `placeholder:"FILE" help:"Word vectors for the static encoder to start from: GloVe's, or word2vec's as text or .bin."`
	Tokenizer  *string `placeholder:"DIR" help:"Folder of a tokenizer; if left out, the pretrained encoder's, or one made of the text to learn from."`
	MaxLength  *int    `placeholder:"32" help:"Tokens of a text that the encoder sees at most."`
	WordNet    *string `placeholder:"DIR" name:"wordnet" help:"Folder of WordNet's database, for synonyms and antonyms."`
	STS        *string `placeholder:"FILE" name:"sts" help:"File of sentence, sentence and score, to watch the run with."`
}

// apply puts the flags over a configuration.
func (f trainTextFlags) apply(config *train.Config) error {
	if !f.given() && f.Pretrained == nil && f.Vectors == nil && f.Tokenizer == nil && f.MaxLength == nil && f.WordNet == nil && f.STS == nil {
		return nil
	}
	if config.Text == nil {
		m, err := config.Method()
		if err != nil {
			return usageError{err}
		}
		return usageError{fmt.Errorf("%s learns from pictures: --columns, --class, --format, --separator, --header, --pretrained, --vectors, --tokenizer, --max-length, --wordnet and --sts are for text", m.Name())}
	}
	text := *config.Text
	text.TextOptions = f.over(text.TextOptions)
	if f.Pretrained != nil {
		text.Pretrained = *f.Pretrained
	}
	if f.Vectors != nil {
		text.Vectors = *f.Vectors
	}
	if f.Tokenizer != nil {
		text.Tokenizer = *f.Tokenizer
	}
	if f.MaxLength != nil {
		text.MaxLength = *f.MaxLength
	}
	if f.WordNet != nil {
		text.WordNet = *f.WordNet
	}
	if f.STS != nil {
		text.STS = *f.STS
	}
	config.Text = &text
	return nil
}

// printDropped says which rows of a file of text are not used, and where the first of them are.
func printDropped(out io.Writer, dropped []data.Drop) {
	for _, d := range dropped {
		fmt.Fprintf(out, "%d rows dropped as %s, the first at %s", d.Count, d.Reason, d.First[0].Place)
		if why := d.First[0].Why; why != "" {
			fmt.Fprintf(out, ": %s", why)
		}
		fmt.Fprintln(out)
	}
}

// quoted is a text for a line of output, cut to so many letters.
func quoted(text string, letters int) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > letters {
		return string(runes[:letters-1]) + "…"
	}
	return string(runes)
}
