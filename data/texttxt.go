package data

import "errors"

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
