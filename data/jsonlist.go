package data

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alike-ml/alike/internal/nearest"
)

// jsonList reads the elements of a list in a JSON file: of the list that the file is, or of one that has a name in the object that it
// is. It holds one element at a time, and does not read what follows the list.
type jsonList struct {
	in      *bufio.Reader
	line    int // where reading is, from 1
	row     int // of the last element, from 1
	ended   bool
	element []byte
	unread  []byte // an element to read again; nil for none
}

// openJSON returns the rows of a file of JSON.
func openJSON(in *bufio.Reader, opt TextOptions) ([]string, textSource, error) {
	list := &jsonList{in: in, line: 1}
	if err := list.open(opt.Split); err != nil {
		return nil, nil, err
	}
	columns, source, err := openJSONRows(list, opt)
	var bad *badRow
	if errors.As(err, &bad) {
		err = fmt.Errorf("row %d: %s", list.row, bad)
	}
	return columns, source, err
}

// open goes to the first element of the list with a name, or of the list that the file is without one.
func (l *jsonList) open(name string) error {
	start, err := l.skipSpace()
	if err != nil {
		return l.broken(err, "a list or an object")
	}
	switch {
	case start == '[' && name != "":
		return fmt.Errorf("there is no %q in it: it is one list, to be read without a split", name)
	case start != '[' && start != '{':
		return fmt.Errorf("neither a list of rows nor an object of lists: it begins with %q", start)
	}
	l.take()
	if start == '[' {
		return nil
	}
	return l.find(name)
}

// find goes through an object to the list with a name.
func (l *jsonList) find(name string) error {
	var names []string
	for {
		b, err := l.skipSpace()
		if err == nil && b == '}' && len(names) == 0 {
			return errors.New("an object without a list of rows")
		}
		key, err := l.key()
		if err != nil {
			return err
		}
		names = append(names, key)
		if key == name && name != "" {
			if b, err = l.skipSpace(); err != nil || b != '[' {
				return l.broken(err, fmt.Sprintf("a list of rows as %q", name))
			}
			l.take()
			return nil
		}
		if _, err := l.value(false); err != nil {
			return l.broken(err, fmt.Sprintf("a value of %.40q", key))
		}
		switch b, err = l.skipSpace(); {
		case err == nil && b == ',':
			l.take()
		case err == nil && b == '}' && name == "":
			return fmt.Errorf("name the list of rows to read with split: there are %s", listColumns(names))
		case err == nil && b == '}':
			return fmt.Errorf("there is no %q in it%s: there are %s", name, nearest.Suggestion(name, names), listColumns(names))
		default:
			return l.broken(err, "a comma or the end of the object")
		}
	}
}

// key reads the name of a value, and the colon behind it.
func (l *jsonList) key() (key string, err error) {
	b, err := l.skipSpace()
	if err != nil || b != '"' {
		return "", l.broken(err, "a name in quotes")
	}
	text, err := l.value(true)
	if err == nil {
		err = json.Unmarshal(text, &key)
	}
	if err != nil {
		return "", l.broken(err, "a name in quotes")
	}
	if b, err = l.skipSpace(); err != nil || b != ':' {
		return "", l.broken(err, "a colon")
	}
	l.take()
	if _, err = l.skipSpace(); err != nil {
		return "", l.broken(err, "a value")
	}
	return key, nil
}

// next returns the next element, valid until the next call. One that is too long is a *badRow. The error is io.EOF after the last.
func (l *jsonList) next() ([]byte, error) {
	if again := l.unread; again != nil {
		l.unread = nil
		return again, nil
	}
	if l.ended {
		return nil, io.EOF
	}
	b, err := l.skipSpace()
	if err == nil && b == ']' {
		l.ended = true
		return nil, io.EOF
	}
	if l.row > 0 {
		if err != nil || b != ',' {
			return nil, l.broken(err, fmt.Sprintf("a comma or the end of the list after row %d", l.row))
		}
		l.take()
		_, err = l.skipSpace()
	}
	l.row++
	if err != nil {
		return nil, l.broken(err, fmt.Sprintf("row %d", l.row))
	}
	element, err := l.value(true)
	var bad *badRow
	if err != nil && !errors.As(err, &bad) {
		return nil, l.broken(err, fmt.Sprintf("row %d", l.row))
	}
	return element, err
}

// at is the number of the last element, from 1.
func (l *jsonList) at() int { return l.row }

func (l *jsonList) skipBlank() error { return nil }

// back makes an element the next to read.
func (l *jsonList) back(element []byte, _ int) { l.unread = bytes.Clone(element) }

// broken says where the file is no longer JSON, or cannot be read.
func (l *jsonList) broken(err error, wanted string) error {
	switch {
	case err == nil || errors.Is(err, errNoValue):
		return fmt.Errorf("malformed at line %d: there should be %s", l.line, wanted)
	case errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF:
		return fmt.Errorf("truncated at line %d, where there should be %s: copy or download it again", l.line, wanted)
	}
	return fmt.Errorf("unreadable at line %d: %w", l.line, reason(err))
}

// errNoValue is the error of a place where no value begins.
var errNoValue = errors.New("no value")

// skipSpace goes to the next byte that is no white space, and returns it.
func (l *jsonList) skipSpace() (byte, error) {
	for {
		b, err := l.in.Peek(1)
		if err != nil {
			return 0, err
		}
		if strings.IndexByte(" \t\r\n", b[0]) < 0 {
			return b[0], nil
		}
		l.take()
	}
}

// take reads a byte that was looked at.
func (l *jsonList) take() byte {
	b, _ := l.in.ReadByte()
	if b == '\n' {
		l.line++
	}
	return b
}

// value reads a value to its end: where its brackets and quotes are closed. Whether all is right within is not looked at. It returns
// it if it is to be kept; one of more than maxRecord bytes is a *badRow.
func (l *jsonList) value(keep bool) ([]byte, error) {
	l.element = l.element[:0]
	size, depth := 0, 0
	quoted, escaped := false, false
	for {
		peeked, err := l.in.Peek(1)
		if err != nil {
			return nil, err
		}
		b := peeked[0]
		if !quoted && depth == 0 && size > 0 && strings.IndexByte(" \t\r\n,:]}", b) >= 0 {
			return l.kept(size)
		}
		if size == 0 && strings.IndexByte(",:]}", b) >= 0 {
			return nil, errNoValue
		}
		l.take()
		if size++; keep && size <= maxRecord {
			l.element = append(l.element, b)
		}
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = b == '\\', b != '"'
		case b == '"':
			quoted = true
		case b == '[' || b == '{':
			depth++
		case b == ']' || b == '}':
			depth--
		}
		if !quoted && !escaped && depth == 0 && strings.IndexByte("\"]}", b) >= 0 {
			return l.kept(size)
		}
	}
}

// kept is the value that was read, of so many bytes.
func (l *jsonList) kept(size int) ([]byte, error) {
	if size > maxRecord {
		return nil, &badRow{TooLong, fmt.Sprintf("%d bytes, more than %d", size, maxRecord)}
	}
	return l.element, nil
}
