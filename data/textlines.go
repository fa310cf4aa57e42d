package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxRecord is the most bytes that one row of a file may have. Longer ones are skipped without being held in memory.
const maxRecord = 16 << 20

// lineReader reads a file line by line. Lines end with LF or CR LF, the last one perhaps without.
type lineReader struct {
	// number is that of the last line read, from 1.
	number int

	in     *bufio.Reader
	long   []byte // a line that in has no room for
	unread []byte // lines to read again before in, each with lineEnd
}

// lineEnd is put behind lines that are kept: encoding/csv takes a CR off before an LF, and then leaves alone one that was part of
// the line.
const lineEnd = "\r\n"

// next returns the next line without its end; it is valid until the next call. A line that is too long is a *badRow, and
// the one after it can be read. The error is io.EOF after the last.
func (l *lineReader) next() ([]byte, error) {
	l.number++
	if len(l.unread) > 0 {
		line, rest, _ := bytes.Cut(l.unread, []byte(lineEnd))
		l.unread = rest
		return line, nil
	}
	line, err := l.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line, err = l.readLong(line)
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	if err != nil {
		return nil, l.unreadable(err)
	}
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'}), nil
}

// at is the number of the last line read, from 1.
func (l *lineReader) at() int { return l.number }

// readLong reads on to the end of a line that begins with start.
func (l *lineReader) readLong(start []byte) ([]byte, error) {
	l.long = append(l.long[:0], start...)
	size := len(start)
	for {
		more, err := l.in.ReadSlice('\n')
		if size += len(more); size <= maxRecord {
			l.long = append(l.long, more...)
		}
		switch {
		case err == bufio.ErrBufferFull:
		case err != nil && err != io.EOF:
			return nil, err
		case size > maxRecord:
			return nil, &badRow{TooLong, fmt.Sprintf("a line of %d bytes, more than %d", size, maxRecord)}
		default:
			return l.long, nil
		}
	}
}

// unreadable says where the reading of the file failed. Errors of rows, and io.EOF, are no failure.
func (l *lineReader) unreadable(err error) error {
	if _, bad := err.(*badRow); bad || err == io.EOF {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("truncated at line %d: %w: copy or download it again", l.number, err)
	}
	return fmt.Errorf("unreadable at line %d: %w", l.number, reason(err))
}

// skipBlank goes to the first line with something on it. A file without is an error.
func (l *lineReader) skipBlank() error {
	for {
		line, err := l.next()
		if err == io.EOF {
			return fmt.Errorf("%w: it has only blank lines", ErrNoText)
		}
		if err != nil {
			return err
		}
		if !blank(line) {
			l.back(append(bytes.Clone(line), lineEnd...), l.number)
			return nil
		}
	}
}

// blank tells whether a line has nothing on it.
func blank(line []byte) bool { return len(bytes.Trim(line, " \t")) == 0 }

// back makes the lines, each with lineEnd, those to read next. The first of them has the given number.
func (l *lineReader) back(lines []byte, number int) {
	if len(lines) == 0 {
		return
	}
	l.unread = append(bytes.Clone(lines), l.unread...)
	l.number = number - 1
}
