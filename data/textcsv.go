package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// csvSource reads comma-separated values as RFC 4180 has them, or values with another character between them. Rows are cut out of the file one by one, so that a quote that
// is never closed costs a row and not the rest of the file.
type csvSource struct {
	lines *lineReader
	comma byte  // what is between columns
	width int   // columns of a row
	at    []int // which of them are read

	start  int    // the line that the present row begins on
	raw    []byte // its lines, each with lineEnd
	first  int    // how long the first of them is
	record bytes.Reader
	parser *csv.Reader
}

// openCSV returns the rows of a file of values with commas, or another character of ASCII, between them.
func openCSV(lines *lineReader, comma byte, header bool, pick picker) ([]string, textSource, error) {
	s := &csvSource{lines: lines, comma: comma}
	if err := lines.skipBlank(); err != nil {
		return nil, nil, err
	}
	names, err := s.read()
	if err != nil {
		return nil, nil, err
	}
	s.width = len(names)
	if header {
		names = trimmed(names)
	} else {
		names = numbered(s.width)
		lines.back(s.raw, s.start)
	}
	columns, at, err := pickColumns(names, pick)
	s.at = at
	if err != nil && s.width == 1 && header {
		err = fmt.Errorf("%w%s", err, otherSeparator(names[0]))
	}
	return columns, s, err
}

// otherSeparator is a hint where the only name that a separator finds looks like several with another one between them.
func otherSeparator(name string) string {
	for _, c := range ";\t|," {
		if strings.ContainsRune(name, c) {
			return fmt.Sprintf(" (if columns have %q between them, say it with separator)", string(c))
		}
	}
	return ""
}

func (s *csvSource) next(r *textRecord) error {
	values, err := s.read()
	r.line = s.start
	if err != nil {
		return err
	}
	if len(values) != s.width {
		return malformed("%d columns, not %d", len(values), s.width)
	}
	r.values = r.values[:0]
	for _, i := range s.at {
		r.values = append(r.values, values[i])
	}
	return nil
}

// read returns the next row, valid until the next call. Where its quotes are wrong, reading goes on with its second line.
func (s *csvSource) read() ([]string, error) {
	if err := s.cut(); err != nil {
		return nil, err
	}
	if s.parser == nil {
		s.parser = csv.NewReader(&s.record)
		s.parser.Comma = rune(s.comma)
		s.parser.FieldsPerRecord = -1
		s.parser.ReuseRecord = true
	}
	s.record.Reset(s.raw)
	values, err := s.parser.Read()
	if err == nil {
		return values, nil
	}
	s.parser = nil // it may hold a part of the row
	s.lines.back(s.raw[s.first:], s.start+1)
	var wrong *csv.ParseError
	if errors.As(err, &wrong) {
		err = wrong.Err
	}
	return nil, malformed("%v", err)
}

// cut makes s.raw the lines of the next row: one, or more when a quote is not closed.
func (s *csvSource) cut() error {
	s.raw = s.raw[:0]
	for quoted := false; len(s.raw) == 0 || quoted && len(s.raw) <= maxRecord; {
		line, err := s.lines.next()
		if err == io.EOF && len(s.raw) > 0 {
			return nil // the parser will say that the quote is not closed
		}
		if len(s.raw) == 0 {
			s.start, s.first = s.lines.number, len(line)+len(lineEnd)
			if err == nil && len(line) == 0 {
				return &badRow{Empty, "a blank line"}
			}
		}
		if err != nil {
			return err
		}
		s.raw = append(append(s.raw, line...), lineEnd...)
		quoted = openQuote(line, s.comma, quoted)
	}
	return nil
}

// openQuote tells whether a row goes on after a line because of a quote that is not closed; quoted tells that of the line
// before. A quote in the wrong place ends the row: it is an error that the parser will name.
func openQuote(line []byte, comma byte, quoted bool) bool {
	for {
		if !quoted && !bytes.HasPrefix(line, []byte{'"'}) {
			value, rest, more := bytes.Cut(line, []byte{comma})
			if !more || bytes.IndexByte(value, '"') >= 0 {
				return false
			}
			line = rest
			continue
		}
		if !quoted {
			line = line[1:]
		}
		i := bytes.IndexByte(line, '"')
		if i < 0 {
			return true
		}
		line = line[i+1:]
		switch {
		case bytes.HasPrefix(line, []byte{'"'}):
			line, quoted = line[1:], true
		case bytes.HasPrefix(line, []byte{comma}):
			line, quoted = line[1:], false
		default:
			return false
		}
	}
}
