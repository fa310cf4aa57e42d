package data

import (
	"encoding/json"
	"fmt"
)

// pairJSON reads an object a line. A column of captions or tags may be a text or a list of texts. A picture may be given by its path
// or as an object of the bytes of its file, in base64, and a path, which then does not matter.
type pairJSON struct {
	*jsonSource
	opt   PairOptions
	name  string // of the file, in the names of pictures that it holds
	store *pictureStore
}

// openPairJSONL returns the rows of a file of a JSON object a line.
func openPairJSONL(lines *lineReader, name string, opt PairOptions, store *pictureStore) ([]string, pairSource, error) {
	s := pairJSON{newJSONSource(lines), opt, name, store}
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
	r := pairRecord{line: s.lines.at()}
	if err != nil {
		return r, err
	}
	if r.captions, err = s.object.allTexts(s.opt.captionsOf(s.columns), nil); err != nil {
		return r, err
	}
	if r.tags, err = s.object.allTexts(s.opt.Tags, splitTags); err != nil {
		return r, err
	}
	if err := s.opt.readSingle(&r, s.object); err != nil {
		return r, err
	}
	r.picture, err = s.picture(r.line)
	return r, err
}

// picture returns the name of the picture of the present object.
func (s pairJSON) picture(line int) (string, error) {
	column := s.columns[0]
	raw := s.object[column]
	if len(raw) == 0 || raw[0] != '{' {
		return s.object.value(column, true)
	}
	var file struct {
		Bytes []byte
		Path  string
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return "", malformed("column %q has no picture: %v", column, err)
	}
	if len(file.Bytes) == 0 {
		return file.Path, nil
	}
	name := fmt.Sprintf("%s:%d", s.name, line)
	return name, s.store.keep(name, file.Bytes)
}
