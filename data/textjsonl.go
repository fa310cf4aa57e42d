package data

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// jsonSource reads rows that are JSON objects. An array is an object with the keys 1, 2, 3, ...
type jsonSource struct {
	lines   jsonTexts
	columns []string
	texts   int // how many of the columns, the first, are texts
	object  jsonObject

	rows    int             // objects read so far
	missing map[string]bool // columns that none of them had
	there   map[string]bool // keys that they had, while some are missing
}

// jsonTexts are the texts of the rows one by one: the lines of a file, or the elements of a list.
type jsonTexts interface {
	// next returns the next text, valid until the next call. One that is too long is a *badRow, and the one after it can be read. The
	// error is io.EOF after the last.
	next() ([]byte, error)
	// at is where the last text is: its line, or its number in the list, from 1.
	at() int
	// skipBlank goes to the first text with something in it. A file without is an error.
	skipBlank() error
	// back makes a text that was at the given place the next.
	back(text []byte, at int)
}

// missingRows is after how many objects without a column it counts as mistaken rather than rare.
const missingRows = 100

// openJSONL returns the rows of a file of a JSON object a line.
func openJSONL(lines *lineReader, opt TextOptions) ([]string, textSource, error) {
	return openJSONRows(lines, opt)
}

// openJSONRows returns the rows of JSON texts.
func openJSONRows(texts jsonTexts, opt TextOptions) ([]string, textSource, error) {
	s := newJSONSource(texts)
	columns := opt.columns()
	if len(opt.Texts) == 0 {
		keys, err := s.firstKeys()
		if err != nil {
			return nil, nil, err
		}
		if columns, _, err = pickColumns(keys, opt.pick); err != nil {
			return nil, nil, err
		}
	}
	s.expect(columns)
	s.texts = max(1, len(opt.Texts))
	return columns, s, nil
}

func newJSONSource(lines jsonTexts) *jsonSource {
	return &jsonSource{lines: lines, missing: make(map[string]bool), there: make(map[string]bool)}
}

// expect says which columns there should be.
func (s *jsonSource) expect(columns []string) {
	s.columns = columns
	for _, c := range columns {
		s.missing[c] = true
	}
}

// firstKeys returns the keys of the first object, which remains to be read.
func (s *jsonSource) firstKeys() ([]string, error) {
	if err := s.lines.skipBlank(); err != nil {
		return nil, err
	}
	line, err := s.lines.next()
	if err != nil {
		return nil, err
	}
	if s.object, err = parseJSON(line); err != nil {
		return nil, err
	}
	s.lines.back(append(slices.Clone(line), lineEnd...), s.lines.at())
	return slices.Sorted(maps.Keys(s.object)), nil
}

func (s *jsonSource) next(r *textRecord) error {
	err := s.read()
	r.line = s.lines.at()
	if err != nil {
		return err
	}
	r.values = r.values[:0]
	for i, c := range s.columns {
		value, err := s.object.value(c, i < s.texts)
		if err != nil {
			return err
		}
		r.values = append(r.values, value)
	}
	return nil
}

// read sets s.object to that of the next text.
func (s *jsonSource) read() error {
	line, err := s.lines.next()
	if err == io.EOF {
		return cmp.Or(s.absent(), io.EOF)
	}
	if err != nil {
		return err
	}
	if blank(line) {
		return &badRow{Empty, "a blank line"}
	}
	if !utf8.Valid(line) { // parsing would hide it
		return &badRow{InvalidUTF8, ""}
	}
	if s.object, err = parseJSON(line); err != nil {
		return err
	}
	return s.look()
}

// look notes which columns there are, as long as some have not been seen.
func (s *jsonSource) look() error {
	s.rows++
	if len(s.missing) == 0 {
		return nil
	}
	for key := range s.object {
		s.there[key] = true
		delete(s.missing, key)
	}
	if s.rows < missingRows {
		return nil
	}
	return s.absent()
}

// absent returns the error of a column that none of the objects had so far, if there is one.
func (s *jsonSource) absent() error {
	for _, c := range s.columns {
		if s.missing[c] && s.rows > 0 {
			return noColumn(c, slices.Sorted(maps.Keys(s.there)))
		}
	}
	return nil
}
