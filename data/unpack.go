package data

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// unpacked copies what a file that is compressed with gzip holds to a temporary file, for a format that is not read from beginning to end.
// The spool, which is that file, is the caller's to close; it is nil for a file that is not compressed, which is returned as it is.
func unpacked(file *os.File) (*os.File, *spool, error) {
	start := make([]byte, 2)
	if n, _ := file.ReadAt(start, 0); string(start[:n]) != "\x1f\x8b" {
		return file, nil, nil
	}
	in, err := gzip.NewReader(bufio.NewReaderSize(file, textBuffer))
	if err != nil {
		return nil, nil, fmt.Errorf("damaged gzip: %w", err)
	}
	s, err := newSpool()
	if err != nil {
		return nil, nil, err
	}
	_, err = io.Copy(struct{ io.Writer }{s.out}, in) // a buffer takes errors of what it reads from for its own
	if full := s.finish(); full != nil {
		err = full
	} else if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("truncated: the compressed file ends too early: copy or download it again")
	} else if err != nil {
		err = fmt.Errorf("damaged gzip: %w", err)
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.close())
	}
	return s.file, s, nil
}

// parquetOf is the file that the rows of a Parquet file are read from, with its size: itself or what it holds compressed.
func parquetOf(file *os.File) (rows *os.File, size int64, s *spool, err error) {
	if rows, s, err = unpacked(file); err != nil {
		return nil, 0, nil, err
	}
	info, err := rows.Stat()
	if err != nil {
		err = reason(err)
		if s != nil {
			err = errors.Join(err, s.close())
		}
		return nil, 0, nil, err
	}
	return rows, info.Size(), s, nil
}
