package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// pairRecord is one row as it stands in a table.
type pairRecord struct {
	line     int    // where it begins, from 1
	picture  string // its name for the file system of the pictures
	captions []string
	tags     []string
	class    string
}

// pairSource reads the rows of a table one by one.
type pairSource interface {
	// next returns the next row. The error is a *badRow for one that cannot be used, with its line, and those after it still to be
	// read, and io.EOF after the last. Any other ends the reading.
	next() (pairRecord, error)
}

// openPairFile opens a table; columns are those of its captions.
func openPairFile(path, format string, opt PairOptions) (columns []string, source pairSource, file *os.File, err error) {
	file, err = os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil, fmt.Errorf("no such file: %s: give the table of pictures and captions", path)
	case err != nil:
		return nil, nil, nil, fmt.Errorf("cannot open %s: %w", path, reason(err))
	}
	columns, source, err = pairTable(file, format, opt)
	if err != nil {
		file.Close()
		return nil, nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return columns, source, file, nil
}

// pairTable returns the rows of a table.
func pairTable(file *os.File, format string, opt PairOptions) (columns []string, source pairSource, err error) {
	in, err := plainText(file)
	if err != nil {
		return nil, nil, err
	}
	lines := &lineReader{in: in}
	var rows textSource
	switch format {
	case "csv":
		columns, rows, err = openCSV(lines, opt.Header, opt.pick)
	case "tsv":
		columns, rows, err = openTSV(lines, opt.Header, opt.pick)
	default:
		columns, source, err = openPairJSONL(lines, opt)
	}
	var bad *badRow
	if errors.As(err, &bad) {
		err = fmt.Errorf("line %d: %w", lines.number, err)
	}
	if err != nil {
		return nil, nil, err
	}
	if rows != nil {
		source = &pairColumns{rows: rows, captions: len(opt.captionsOf(columns)), tags: len(opt.Tags)}
	}
	return opt.captionsOf(columns), source, nil
}

// pairColumns reads rows whose columns are those of PairOptions.pick.
type pairColumns struct {
	rows           textSource
	captions, tags int // columns of them
	row            textRecord
}

func (s *pairColumns) next() (pairRecord, error) {
	err := s.rows.next(&s.row)
	r := pairRecord{line: s.row.line}
	if err != nil {
		return r, err
	}
	values := s.row.values
	r.picture, values = values[0], values[1:]
	r.captions, values = slices.Clone(values[:s.captions]), values[s.captions:]
	for _, value := range values[:s.tags] {
		r.tags = append(r.tags, splitTags(value)...)
	}
	if values = values[s.tags:]; len(values) > 0 {
		r.class = values[0]
	}
	return r, nil
}

// splitTags returns the tags of a text that has several.
func splitTags(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '|' })
}
