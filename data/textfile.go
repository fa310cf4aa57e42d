package data

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// textFormats are the formats that text is read from, by the names that TextOptions.Format has for them.
var textFormats = []string{"txt", "csv", "tsv", "jsonl", "json", "parquet"}

// textExtensions are the ends of the names of files in these formats.
var textExtensions = map[string]string{
	".txt": "txt", ".text": "txt", ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".parquet": "parquet",
}

// textFormat returns the format that the name of a file says, "" for none.
func textFormat(path string) string {
	name := strings.ToLower(path)
	return textExtensions[filepath.Ext(strings.TrimSuffix(name, ".gz"))]
}

// textRecord is one row as it stands in a file.
type textRecord struct {
	line   int      // where it begins, from 1
	values []string // of the columns that are read; "" for a class that the row does not have
}

// textSource reads the rows of a file one by one.
type textSource interface {
	// next sets r to the next row. The error is a *badRow for one that cannot be used, with r.line set and those after it
	// still to be read, and io.EOF after the last. Any other ends the reading.
	next(r *textRecord) error
}

// textFile is an opened file of text.
type textFile struct {
	textSource
	columns []string    // those that are read, in the order of textRecord.values
	lines   *lineReader // nil for Parquet, unread for JSON
	file    *os.File
	spool   *spool // what a compressed Parquet file holds; nil for others
}

// openTextFile opens a file and finds the columns to read.
func openTextFile(path string, opt TextOptions) (*textFile, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: give the file that holds the text", path)
	}
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("no such file: %s: give the file that holds the text", path)
	case err != nil:
		return nil, fmt.Errorf("cannot open %s: %w", path, reason(err))
	}
	f := &textFile{file: file}
	if err := f.open(cmp.Or(opt.Format, textFormat(path)), opt); err != nil {
		f.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func (f *textFile) open(format string, opt TextOptions) (err error) {
	if format == "" {
		return errors.New("cannot tell the format: let the name end in .txt, .csv, .tsv, .jsonl, .json or .parquet, or say it with format")
	}
	if opt.Split != "" && format != "json" {
		return fmt.Errorf("there is no %q in it: only json files are lists with names", opt.Split)
	}
	if format == "parquet" {
		rows, size, spool, err := parquetOf(f.file)
		if f.spool = spool; err == nil {
			f.columns, f.textSource, err = openParquet(rows, size, opt)
		}
		return err
	}
	in, err := plainText(f.file)
	if err != nil {
		return err
	}
	f.lines = &lineReader{in: in}
	if err := checkSeparator(opt, format); err != nil {
		return err
	}
	switch format {
	case "csv":
		f.columns, f.textSource, err = openCSV(f.lines, opt.comma(), opt.Header, opt.pick)
	case "tsv":
		f.columns, f.textSource, err = openTSV(f.lines, opt.Header, opt.pick)
	case "jsonl":
		f.columns, f.textSource, err = openJSONL(f.lines, opt)
	case "json":
		f.columns, f.textSource, err = openJSON(in, opt)
	default:
		f.columns, f.textSource, err = openTXT(f.lines, opt)
	}
	var bad *badRow
	if errors.As(err, &bad) {
		return fmt.Errorf("line %d: %w", f.lines.number, err)
	}
	return err
}

// checkSeparator returns an error for a separator where there is none.
func checkSeparator(opt TextOptions, format string) error {
	if format != "csv" && opt.comma() != ',' {
		return fmt.Errorf("separator is %q: it is for csv files, and this is %s; say format csv if it is one", opt.Separator, format)
	}
	return nil
}

func (f *textFile) close() {
	f.file.Close()
	if f.spool != nil {
		f.spool.close()
	}
}

// textBuffer is large enough that reading is done in few pieces.
const textBuffer = 64 << 10

// plainText returns the text of a file: without its gzip compression, if it has one, and without a byte order mark. A
// file that is not text is an error that says what it is, as far as its beginning tells.
func plainText(file io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(file, textBuffer)
	if start, _ := in.Peek(2); string(start) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("damaged gzip: %w", err)
		}
		in = bufio.NewReaderSize(unzipped, textBuffer)
	}
	start, err := in.Peek(sniffed)
	if err != nil && err != io.EOF {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("truncated at its beginning: the compressed file ends too early: copy or download it again")
		}
		return nil, fmt.Errorf("unreadable at its beginning: %w", reason(err))
	}
	if len(start) == 0 {
		return nil, ErrEmpty
	}
	zero := bytes.IndexByte(start, 0) >= 0
	if zero || !utf8.Valid(start) { // text may begin with the letters of a magic
		for _, other := range notText {
			if bytes.HasPrefix(start, []byte(other.magic)) {
				return nil, fmt.Errorf("%w: %s", ErrNotText, other.what)
			}
		}
	}
	if zero {
		return nil, fmt.Errorf("%w: it has bytes that are zero", ErrNotText)
	}
	if bytes.HasPrefix(start, []byte("\ufeff")) {
		in.Discard(len("\ufeff"))
	}
	return in, nil
}

// sniffed is how many bytes at the beginning of a file tell whether it is text.
const sniffed = 1024

// notText are the beginnings of files that are often taken for text.
var notText = []struct{ magic, what string }{
	{"\xff\xfe", "it is UTF-16: save it as UTF-8"},
	{"\xfe\xff", "it is UTF-16: save it as UTF-8"},
	{"\x1f\x8b", "it is compressed twice: unpack it once"},
	{"PK\x03\x04", "it is a zip file, or one of Excel or Word: unpack it, or save it as CSV"},
	{"PAR1", "it is a Parquet file: let its name end in .parquet"},
	{"\x28\xb5\x2f\xfd", "it is compressed with zstd: unpack it, or use gzip"},
	{"BZh", "it is compressed with bzip2: unpack it, or use gzip"},
	{"\xfd7zXZ", "it is compressed with xz: unpack it, or use gzip"},
	{"%PDF-", "it is a PDF file: save its text"},
	{"SQLite format 3", "it is a database of SQLite: export it as CSV"},
}
