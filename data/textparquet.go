package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"
	layout "github.com/parquet-go/parquet-go/format"
)

// parquetSource reads some columns of a Parquet file, one row group after another, a page of each at a time.
type parquetSource struct {
	file   io.ReaderAt
	parts  []layout.RowGroup  // where those of the file lie in it
	groups []parquet.RowGroup // those not read yet
	texts  int                // how many of the columns, the first, are texts
	names  []string
	leaves []parquet.LeafColumn // of each of these
	row    int                  // rows read so far, of all groups
	left   int64                // rows left in the present group

	columns []parquetColumn
}

// openParquet returns the rows of a Parquet file. A column within a group is called group.column; lists have no columns.
func openParquet(file *os.File, size int64, opt TextOptions) (columns []string, source textSource, err error) {
	defer recoverParquet(&err)
	f, err := openParquetFile(file, size)
	if err != nil {
		return nil, nil, err
	}
	s := newParquetSource(file, f)
	var names []string
	var leaves []parquet.LeafColumn
	for _, path := range f.Schema().Columns() {
		if leaf, ok := f.Schema().Lookup(path...); ok && leaf.MaxRepetitionLevel == 0 {
			names = append(names, strings.Join(path, "."))
			leaves = append(leaves, leaf)
		}
	}
	columns, at, err := pickColumns(names, opt.pick)
	if err != nil {
		return nil, nil, err
	}
	s.names, s.texts = columns, max(1, len(opt.Texts))
	for i, k := range at {
		if kind := leaves[k].Node.Type().Kind(); i < s.texts && kind != parquet.ByteArray && kind != parquet.FixedLenByteArray {
			return nil, nil, fmt.Errorf("column %q is %s, not text", columns[i], kind)
		}
		s.leaves = append(s.leaves, leaves[k])
	}
	s.columns = make([]parquetColumn, len(columns))
	return columns, s, s.checkCodecs()
}

func newParquetSource(file io.ReaderAt, f *parquet.File) *parquetSource {
	return &parquetSource{file: file, parts: f.Metadata().RowGroups, groups: f.RowGroups()}
}

// checkCodecs refuses columns that are compressed with LZ4: the library takes whatever is in memory for the values of their pages, and of
// damaged ones takes all memory (github.com/parquet-go/parquet-go/issues/608).
func (s *parquetSource) checkCodecs() error {
	for _, group := range s.parts {
		for i, leaf := range s.leaves {
			if at := leaf.ColumnIndex; at < len(group.Columns) && group.Columns[at].MetaData.Codec == parquet.Lz4Raw.CompressionCodec() {
				return fmt.Errorf("column %q is compressed with LZ4, which cannot be read: write the file with zstd, snappy or no compression", s.names[i])
			}
		}
	}
	return nil
}

// openParquetFile opens a whole Parquet file.
func openParquetFile(file *os.File, size int64) (*parquet.File, error) {
	if err := checkParquet(file, size); err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(file, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, damagedParquet(err)
	}
	return f, nil
}

// checkParquet refuses what is no whole Parquet file. Its last 8 bytes are the length of the footer and the magic
// (https://parquet.apache.org/docs/file-format/).
func checkParquet(file io.ReaderAt, size int64) error {
	const magic = "PAR1"
	if size == 0 {
		return ErrEmpty
	}
	start, end := make([]byte, len(magic)), make([]byte, 4+len(magic))
	if size < int64(len(start)+len(end)) {
		return errors.New("not a Parquet file")
	}
	if _, err := file.ReadAt(start, 0); err != nil {
		return reason(err)
	}
	if _, err := file.ReadAt(end, size-int64(len(end))); err != nil {
		return reason(err)
	}
	switch {
	case string(start[:2]) == "\x1f\x8b":
		return errors.New("a compressed Parquet file: unpack it, it is compressed within")
	case string(start) != magic:
		return errors.New("not a Parquet file")
	case string(end[4:]) != magic || int64(binary.LittleEndian.Uint32(end)) > size-int64(len(start)+len(end)):
		return errors.New("a truncated Parquet file: copy or download it again")
	}
	return nil
}

func damagedParquet(err error) error { return fmt.Errorf("damaged Parquet file: %w", reason(err)) }

// recoverParquet turns a panic of the Parquet library, which some damaged files cause, into an error.
func recoverParquet(err *error) {
	if p := recover(); p != nil {
		*err = damagedParquet(fmt.Errorf("%v", p))
	}
}

// advance goes to the next row. The error is io.EOF after the last.
func (s *parquetSource) advance() error {
	for s.left == 0 {
		if len(s.groups) == 0 {
			for i := range s.columns {
				s.columns[i].close()
			}
			return io.EOF
		}
		chunks, group := s.groups[0].ColumnChunks(), len(s.parts)-len(s.groups)
		for i, leaf := range s.leaves {
			// The library unpacks all parts of a column as the first.
			check := pageCheck{codec: s.parts[0].Columns[leaf.ColumnIndex].MetaData.Codec, column: leaf}
			if err := check.check(s.file, &s.parts[group].Columns[leaf.ColumnIndex].MetaData); err != nil {
				return fmt.Errorf("column %q, row group %d, %w", s.names[i], group+1, err)
			}
			s.columns[i].open(chunks[leaf.ColumnIndex])
		}
		s.left = s.groups[0].NumRows()
		s.groups = s.groups[1:]
	}
	s.left--
	s.row++
	return nil
}

// unreadable says which value of the present row cannot be read.
func (s *parquetSource) unreadable(column int, err error) error {
	if err == io.EOF {
		return damagedParquet(fmt.Errorf("column %q ends before row %d", s.names[column], s.row))
	}
	return damagedParquet(fmt.Errorf("column %q, row %d: %w", s.names[column], s.row, err))
}

func (s *parquetSource) next(r *textRecord) (err error) {
	defer recoverParquet(&err)
	if err := s.advance(); err != nil {
		return err
	}
	r.line = s.row
	r.values = r.values[:0]
	var missing error
	for i := range s.columns {
		value, err := s.columns[i].next()
		switch {
		case err != nil:
			return s.unreadable(i, err)
		case !value.IsNull():
			r.values = append(r.values, value.String())
		case i < s.texts:
			missing = malformed("column %q is null, not text", s.names[i])
		default:
			r.values = append(r.values, "")
		}
	}
	return missing
}

// parquetColumn reads the values of one column of a row group.
type parquetColumn struct {
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buffer [128]parquet.Value
	have   []parquet.Value // read from the page, and not returned yet
}

// open begins with another row group.
func (c *parquetColumn) open(chunk parquet.ColumnChunk) {
	c.close()
	c.pages = chunk.Pages()
}

// next returns the next value, which is valid until the next call of any method, and io.EOF after the last.
func (c *parquetColumn) next() (parquet.Value, error) {
	if err := c.fill(); err != nil {
		return parquet.Value{}, err
	}
	value := c.have[0]
	c.have = c.have[1:]
	return value, nil
}

// repeats tells whether the next value is one more of a list that the last one is of.
func (c *parquetColumn) repeats() (bool, error) {
	err := c.fill()
	if err == io.EOF {
		return false, nil
	}
	return err == nil && c.have[0].RepetitionLevel() > 0, err
}

// fill reads values, unless some are left. The error is io.EOF after the last.
func (c *parquetColumn) fill() error {
	for len(c.have) == 0 {
		if c.page == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				return err
			}
			c.page, c.values = page, page.Values()
		}
		n, err := c.values.ReadValues(c.buffer[:])
		c.have = c.buffer[:n]
		if n == 0 {
			parquet.Release(c.page)
			c.page = nil
			if err != nil && err != io.EOF {
				return err
			}
		}
	}
	return nil
}

func (c *parquetColumn) close() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	if c.pages != nil {
		c.pages.Close()
	}
	c.pages, c.page, c.have = nil, nil, nil
}
