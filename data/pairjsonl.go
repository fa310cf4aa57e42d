package data

import (
	"encoding/json"
)

// pairJSON reads an object a line. A column of captions may be a text or a list of texts.
type pairJSON struct {
	*jsonSource
	class bool
}

// openPairJSONL returns the rows of a file of a JSON object a line.
func openPairJSONL(lines *lineReader, opt PairOptions) ([]string, pairSource, error) {
	s := pairJSON{newJSONSource(lines), opt.Class != ""}
	var keys []string
	if opt.Image == "" || len(opt.Captions) == 0 {
		var err error
		if keys, err = s.firstKeys(); err != nil {
			return nil, nil, err
		}
	}
	columns, err := opt.pick(keys)
	s.expect(columns)
	return columns, s, err
}

func (s pairJSON) next() (pairRecord, error) {
	err := s.read()
	r := pairRecord{line: s.lines.number}
	if err != nil {
		return r, err
	}
	columns := s.columns
	if r.picture, err = s.value(columns[0], true); err != nil {
		return r, err
	}
	columns = columns[1:]
	if s.class {
		last := len(columns) - 1
		if r.class, err = s.value(columns[last], false); err != nil {
			return r, err
		}
		columns = columns[:last]
	}
	for _, c := range columns {
		captions, err := s.texts(c)
		if err != nil {
			return r, err
		}
		r.captions = append(r.captions, captions...)
	}
	return r, nil
}

// texts returns the texts of a column: one, those of a list, or none.
func (s pairJSON) texts(column string) ([]string, error) {
	raw, ok := s.object[column]
	if !ok || raw[0] == 'n' {
		return nil, nil
	}
	if raw[0] != '[' {
		text, err := s.value(column, true)
		return []string{text}, err
	}
	var list []*string
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, malformed("column %q is a list of other things than texts", column)
	}
	var texts []string
	for _, text := range list {
		if text != nil {
			texts = append(texts, *text)
		}
	}
	return texts, nil
}
