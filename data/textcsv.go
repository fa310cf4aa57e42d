package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// csvSource reads comma-separated values as RFC 4180 has them. Rows are cut out of the file one by one, so that a quote that
// is never closed costs a row and not the rest of the file.
type csvSource struct {
	lines  *lineReader
	width  int   // columns of a row
	at     []int // which of them are read
	raw    []byte
	record bytes.Reader
	parser *csv.Reader
}

// openCSV returns the rows of a file of comma-separated values.
func openCSV(lines *lineReader, opt TextOptions) ([]string, textSource, error) {
	s := &csvSource{lines: lines}
	line, first, err := s.read()
	if err == io.EOF {
		return nil, nil, ErrEmpty
	}
	if err != nil {
		return nil, nil, err
	}
	s.width = len(first)
	names := make([]string, s.width)
	if opt.Header {
		for i := range first {
			names[i] = strings.TrimSpace(first[i])
		}
	} else {
		names = numbered(s.width)
		lines.back(s.raw, line)
	}
	columns, at, err := pickColumns(names, opt)
	s.at = at
	return columns, s, err
}

func (s *csvSource) next(r *textRecord) (err error) {
	var values []string
	r.line, values, err = s.read()
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

// read returns the next row, valid until the next call, and the line it begins on. Where quotes are wrong, reading goes on with
// the line after that one.
func (s *csvSource) read() (start int, values []string, err error) {
	first, err := s.cut(&start)
	if err != nil {
		return start, nil, err
	}
	if s.parser == nil {
		s.parser = csv.NewReader(&s.record)
		s.parser.FieldsPerRecord = -1
		s.parser.ReuseRecord = true
	}
	s.record.Reset(s.raw)
	values, err = s.parser.Read()
	if err != nil {
		s.parser = nil // it may hold a part of the row
		if rest := s.raw[first:]; len(rest) > 0 {
			s.lines.back(rest, start+1)
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			err = wrong.Err
		}
		return start, nil, malformed("%v", err)
	}
	return start, values, nil
}

// cut makes s.raw the lines of the next row and returns the length of the first of them; start is its number.
func (s *csvSource) cut(start *int) (first int, err error) {
	s.raw = s.raw[:0]
	for quoted := false; ; {
		line, err := s.lines.next()
		if len(s.raw) == 0 {
			*start = s.lines.number
			if err == nil && len(line) == 0 {
				err = &badRow{Empty, "a blank line"}
			}
		}
		if err == io.EOF && len(s.raw) > 0 {
			return first, nil // the parser says what is wrong
		}
		if err != nil {
			return first, err
		}
		s.raw = append(append(s.raw, line...), '\n')
		if first == 0 {
			first = len(s.raw)
		}
		if quoted = openQuote(line, quoted); !quoted {
			return first, nil
		}
		if len(s.raw) > maxRecord {
			return first, nil
		}
	}
}

// openQuote tells whether a row goes on after a line because of a quote that is not closed; quoted tells that of the line
// before. A quote in the wrong place ends the row: it is an error that the parser will name.
func openQuote(line []byte, quoted bool) bool {
	for {
		if !quoted && !bytes.HasPrefix(line, []byte{'"'}) {
			value, rest, more := bytes.Cut(line, []byte{','})
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
		case bytes.HasPrefix(line, []byte{','}):
			line, quoted = line[1:], false
		default:
			return false
		}
	}
}
