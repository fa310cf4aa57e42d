package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
)

// spool keeps records of any length in a temporary file, and in memory 4 bytes for each. Once it is written, many
// goroutines may read it.
type spool struct {
	file   *os.File
	out    *bufio.Writer
	named  bool // the file still has a name, because the system cannot remove one that is open
	size   int64
	starts []int64  // where every strideth record begins
	sizes  []uint32 // of each record

	closing sync.Once
	closed  error
}

// stride is the number of records between those whose place is known at once.
const stride = 64

func newSpool() (*spool, error) {
	file, err := os.CreateTemp("", "alike-*")
	if err != nil {
		return nil, spoolError(err)
	}
	// Without a name it is gone when the process is, however that ends.
	named := os.Remove(file.Name()) != nil
	return &spool{file: file, out: bufio.NewWriterSize(file, 1<<18), named: named}, nil
}

func spoolError(err error) error {
	return fmt.Errorf("cannot write a temporary file in %s: %w: set TMPDIR to a folder with more room", os.TempDir(), reason(err))
}

func (s *spool) len() int { return len(s.sizes) }

// add writes one more record.
func (s *spool) add(record []byte) error {
	if len(record) > math.MaxUint32 {
		return fmt.Errorf("a row of %d bytes is too large", len(record))
	}
	if len(s.sizes)%stride == 0 {
		s.starts = append(s.starts, s.size)
	}
	s.sizes = append(s.sizes, uint32(len(record)))
	s.size += int64(len(record))
	if _, err := s.out.Write(record); err != nil {
		return spoolError(err)
	}
	return nil
}

// flush makes the records so far readable.
func (s *spool) flush() error {
	if err := s.out.Flush(); err != nil {
		return spoolError(err)
	}
	return nil
}

// finish makes the records readable. It ends the writing.
func (s *spool) finish() error {
	err := s.flush()
	s.out = nil
	return err
}

// section is where record i is.
func (s *spool) section(i int) *io.SectionReader {
	start := s.starts[i/stride]
	for _, size := range s.sizes[i/stride*stride : i] {
		start += int64(size)
	}
	return io.NewSectionReader(s.file, start, int64(s.sizes[i]))
}

// read returns record i, in memory of its own.
func (s *spool) read(i int) ([]byte, error) {
	record := make([]byte, s.sizes[i])
	if _, err := s.section(i).ReadAt(record, 0); err != nil {
		if errors.Is(err, os.ErrClosed) {
			return nil, errors.New("the text is closed")
		}
		return nil, fmt.Errorf("cannot read row %d from the temporary file: %w", i, reason(err))
	}
	return record, nil
}

// close removes the file. Later calls do nothing.
func (s *spool) close() error {
	s.closing.Do(func() {
		s.closed = s.file.Close()
		if s.named {
			s.closed = errors.Join(s.closed, os.Remove(s.file.Name()))
		}
	})
	return s.closed
}
