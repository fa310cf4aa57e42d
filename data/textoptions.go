package data

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/alike-ml/alike/internal/nearest"
)

// TextOptions say which columns of a file are the rows of a [Text], and how they are cleaned. Start from
// [DefaultTextOptions].
type TextOptions struct {
	Format    string   `yaml:"format" json:"format" help:"txt, csv, tsv, jsonl, json or parquet; empty is what the file's name says"`
	Separator string   `yaml:"separator" json:"separator" help:"the character between the columns of a csv file, such as ; where commas are decimal points"`
	Split     string   `yaml:"split" json:"split" help:"which list of rows of a json file that is an object of lists, such as train"`
	Header    bool     `yaml:"header" json:"header" help:"the first line of a csv or tsv file names its columns; else they are called 1, 2, 3, ..."`
	Texts     []string `yaml:"texts" json:"texts" help:"columns of the texts: sentence; or two that are alike; or anchor, positive and hard negative"`
	Class     string   `yaml:"class" json:"class" help:"column of the class; empty is none"`
	Score     string   `yaml:"score" json:"score" help:"column of a number that says how alike the texts are; empty is none"`

	CollapseSpace  bool `yaml:"collapse_space" json:"collapse_space" help:"trim texts, and make one space of white space and control characters between words"`
	NFC            bool `yaml:"nfc" json:"nfc" help:"bring letters with accents into one form, Unicode's NFC"`
	MinChars       int  `yaml:"min_chars" json:"min_chars" help:"drop rows with a text of fewer characters"`
	MaxChars       int  `yaml:"max_chars" json:"max_chars" help:"drop rows with a text of more characters; 0 is no limit"`
	DropDuplicates bool `yaml:"drop_duplicates" json:"drop_duplicates" help:"drop rows whose texts, class and score are, once cleaned, those of an earlier row"`
}

// DefaultTextOptions take a file of one column and clean it for training. Texts of more than 10,000 characters are dropped:
// several times what the longest encoder reads, they are mostly pages that lost their line ends.
func DefaultTextOptions() TextOptions {
	return TextOptions{Separator: ",", Header: true, CollapseSpace: true, NFC: true, MinChars: 1, MaxChars: 10_000, DropDuplicates: true}
}

// maxTexts is anchor, positive and hard negative.
const maxTexts = 3

// Validate names the first option whose value cannot be used, and what it must be.
func (o TextOptions) Validate() error {
	if o.Format != "" && !slices.Contains(textFormats, o.Format) {
		return fmt.Errorf("format is %q%s: it must be txt, csv, tsv, jsonl, json or parquet", o.Format, nearest.Suggestion(o.Format, textFormats))
	}
	if c := o.comma(); len(o.Separator) > 1 || c != '\t' && (c <= ' ' || c >= utf8.RuneSelf-1 || c == '"' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
		return fmt.Errorf("separator is %q: it must be one character of ASCII that is no letter, digit, space or quote", o.Separator)
	}
	if len(o.Texts) > maxTexts {
		return fmt.Errorf("texts are %d columns: they must be 1 to %d, as anchor, positive and hard negative", len(o.Texts), maxTexts)
	}
	columns := o.columns()
	for i, c := range columns {
		if slices.Contains(columns[:i], c) {
			return fmt.Errorf("texts, class and score name the column %q twice: every column is one thing", c)
		}
	}
	if slices.Contains(o.Texts, "") {
		return fmt.Errorf("texts has a column without a name")
	}
	if o.MinChars < 0 || o.MaxChars < 0 || o.MaxChars > 0 && o.MaxChars < o.MinChars {
		return fmt.Errorf("min_chars is %d and max_chars %d: use 0 or more, and a maximum that is not below the minimum",
			o.MinChars, o.MaxChars)
	}
	return nil
}

// comma is the separator; a comma where there is none.
func (o TextOptions) comma() byte {
	if o.Separator == "" {
		return ','
	}
	return o.Separator[0]
}

// columns are those that are read: of the texts, then of the class and the score where there are.
func (o TextOptions) columns() []string {
	columns := slices.Clone(o.Texts)
	for _, c := range []string{o.Class, o.Score} {
		if c != "" {
			columns = append(columns, c)
		}
	}
	return columns
}

// Lists says whether a file is in a format that has several lists of rows, of which Split names one.
func (o TextOptions) Lists(path string) bool { return cmp.Or(o.Format, textFormat(path)) == "json" }

// ByNumber says whether columns are called by their places, as those of a file without a header are.
func ByNumber(columns []string) bool {
	return !slices.ContainsFunc(columns, func(name string) bool {
		_, err := strconv.Atoi(name)
		return err != nil
	})
}
