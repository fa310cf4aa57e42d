package data

import (
	"bytes"
	"strings"
)

// tsvSource reads columns with tabs between them. Nothing is quoted: a column has no tab and no end of line in it
// (https://www.iana.org/assignments/media-types/text/tab-separated-values), and quotes are text.
type tsvSource struct {
	lines *lineReader
	width int   // columns of a row
	at    []int // which of them are read
	parts [][]byte
}

// openTSV returns the rows of a file of columns with tabs between them.
func openTSV(lines *lineReader, header bool, pick picker) ([]string, textSource, error) {
	if err := lines.skipBlank(); err != nil {
		return nil, nil, err
	}
	first, err := lines.next()
	if err != nil {
		return nil, nil, err
	}
	s := &tsvSource{lines: lines}
	names := strings.Split(string(first), "\t")
	s.width = len(names)
	if header {
		names = trimmed(names)
	} else {
		names = numbered(s.width)
		lines.back(append(bytes.Clone(first), lineEnd...), lines.number)
	}
	columns, at, err := pickColumns(names, pick)
	s.at = at
	return columns, s, err
}

func (s *tsvSource) next(r *textRecord) error {
	line, err := s.lines.next()
	r.line = s.lines.number
	if err != nil {
		return err
	}
	if len(line) == 0 {
		return &badRow{Empty, "a blank line"}
	}
	s.parts = s.parts[:0]
	for {
		part, rest, more := bytes.Cut(line, []byte{'\t'})
		s.parts = append(s.parts, part)
		if !more {
			break
		}
		line = rest
	}
	if len(s.parts) != s.width {
		return malformed("%d columns, not %d", len(s.parts), s.width)
	}
	r.values = r.values[:0]
	for _, i := range s.at {
		r.values = append(r.values, string(s.parts[i]))
	}
	return nil
}
