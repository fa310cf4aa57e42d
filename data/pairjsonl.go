package data

import (
	"encoding/json"
)

// pairJSON reads an object a line. A column of captions may be a text or a list of texts.
type pairJSON struct {
	*jsonSource
	opt PairOptions
}

// openPairJSONL returns the rows of a file of a JSON object a line.
func openPairJSONL(lines *lineReader, opt PairOptions) ([]string, pairSource, error) {
	s := pairJSON{newJSONSource(lines), opt}
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
	if r.picture, err = s.value(s.columns[0], true); err != nil {
		return r, err
	}
	for _, c := range s.opt.captionsOf(s.columns) {
		texts, err := s.texts(c, nil)
		if err != nil {
			return r, err
		}
		r.captions = append(r.captions, texts...)
	}
	for _, c := range s.opt.Tags {
		tags, err := s.texts(c, splitTags)
		if err != nil {
			return r, err
		}
		r.tags = append(r.tags, tags...)
	}
	if s.opt.Class != "" {
		r.class, err = s.value(s.opt.Class, false)
	}
	return r, err
}

// texts returns the texts of a column: those of a list, or one, perhaps split, or none.
func (s pairJSON) texts(column string, split func(string) []string) ([]string, error) {
	raw, ok := s.object[column]
	if !ok || raw[0] == 'n' {
		return nil, nil
	}
	if raw[0] != '[' {
		text, err := s.value(column, true)
		if err != nil || split == nil {
			return []string{text}, err
		}
		return split(text), nil
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
