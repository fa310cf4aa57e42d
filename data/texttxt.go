package data

import (
	"errors"
	"unicode/utf8"
)

// txtSource reads a sentence a line.
type txtSource struct{ lines *lineReader }

// openTXT returns the rows of a file of a sentence a line. Its one column is called text.
func openTXT(lines *lineReader, opt TextOptions) ([]string, textSource, error) {
	if len(opt.Texts) > 0 || opt.Class != "" || opt.Score != "" {
		return nil, nil, errors.New("a txt file is a sentence a line and has no columns: leave texts, class and score empty, or say another format")
	}
	return []string{"text"}, txtSource{lines}, nil
}

func (s txtSource) next(r *textRecord) error {
	line, err := s.lines.next()
	r.line = s.lines.number
	if err != nil {
		return err
	}
	r.values = append(r.values[:0], string(line))
	return nil
}

// blank tells whether a line has nothing on it.
func blank(line []byte) bool {
	for _, b := range line {
		if b != ' ' && b != '\t' {
			return false
		}
	}
	return true
}

// checkLine returns the error of a line that is blank or is not UTF-8.
func checkLine(line []byte) error {
	if blank(line) {
		return &badRow{Empty, "a blank line"}
	}
	if !utf8.Valid(line) {
		return &badRow{InvalidUTF8, ""}
	}
	return nil
}
