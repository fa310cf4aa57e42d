// Package npy writes and reads NumPy's .npy arrays of float32, in version 1.0 of the format
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
package npy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// ErrFormat is the error of a file that is no array this package reads; errors of reading wrap it.
var ErrFormat = errors.New("not a readable .npy file")

const (
	magic     = "\x93NUMPY\x01\x00" // with version 1.0
	alignment = 64                  // of the first value, as NumPy has it

	dtype     = "<f4" // float32, the lowest byte first
	valueSize = 4
)

// Writer writes a float32 array of known shape [rows, cols] row by row.
type Writer struct {
	w          io.Writer
	rows, cols int
	written    int
	buffer     []byte
}

// NewWriter writes the header of a [rows, cols] float32 array to w and returns the writer of its rows.
func NewWriter(w io.Writer, rows, cols int) (*Writer, error) {
	if rows < 0 || cols < 0 {
		return nil, fmt.Errorf("an array of %d x %d: use a shape of 0 or more", rows, cols)
	}
	if _, err := io.WriteString(w, header(rows, cols)); err != nil {
		return nil, err
	}
	return &Writer{w: w, rows: rows, cols: cols}, nil
}

// WriteRow writes the next row, of cols values.
func (w *Writer) WriteRow(row []float32) error {
	if len(row) != w.cols || w.written == w.rows {
		return fmt.Errorf("row %d of %d values does not fit an array of %d x %d", w.written, len(row), w.rows, w.cols)
	}
	w.buffer = w.buffer[:0]
	for _, v := range row {
		w.buffer = binary.LittleEndian.AppendUint32(w.buffer, math.Float32bits(v))
	}
	w.written++
	_, err := w.w.Write(w.buffer)
	return err
}

// Close reports an error when rows are missing. It does not close the underlying writer.
func (w *Writer) Close() error {
	if w.written != w.rows {
		return fmt.Errorf("%d of %d rows were written", w.written, w.rows)
	}
	return nil
}

// header returns all that stands before the values, byte for byte what NumPy writes.
func header(rows, cols int) string {
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", dtype, rows, cols)
	start := len(magic) + 2
	padding := alignment - (start+len(dict)+1)%alignment
	if padding == alignment {
		padding = 0
	}
	dict += strings.Repeat(" ", padding) + "\n"
	return magic + string(binary.LittleEndian.AppendUint16(nil, uint16(len(dict)))) + dict
}

// ReadFloat32 reads an array of shape [n] or [rows, cols], row by row.
func ReadFloat32(r io.Reader) (shape []int, values []float32, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	if shape, err = readHeader(in); err != nil {
		return nil, nil, err
	}
	n, err := count(shape)
	if err != nil {
		return nil, nil, err
	}
	values = make([]float32, 0, min(n, 1<<16)) // grows with what is really there, whatever the header says
	buffer := make([]byte, valueSize)
	for range n {
		if _, err := io.ReadFull(in, buffer); err != nil {
			return nil, nil, damaged(err)
		}
		values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(buffer)))
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return nil, nil, fmt.Errorf("%w: more bytes than the shape %v needs", ErrFormat, shape)
	}
	return shape, values, nil
}

// count returns the number of values in an array.
func count(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d > 0 && n > math.MaxInt/valueSize/d {
			return 0, fmt.Errorf("%w: shape %v is too large", ErrFormat, shape)
		}
		n *= d
	}
	return n, nil
}

// The three entries of the header's dictionary, which other writers order and space as they like.
var (
	descrEntry   = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	fortranEntry = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shapeEntry   = regexp.MustCompile(`'shape'\s*:\s*\(([0-9, ]*)\)`)
)

// readHeader reads the header of an array, which must be of dtype, and returns its shape.
func readHeader(r io.Reader) ([]int, error) {
	start := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, damaged(err)
	}
	if !bytes.HasPrefix(start, []byte(magic)) {
		return nil, fmt.Errorf("%w: it does not begin as one of version 1.0", ErrFormat)
	}
	dict := make([]byte, binary.LittleEndian.Uint16(start[len(magic):]))
	if _, err := io.ReadFull(r, dict); err != nil {
		return nil, damaged(err)
	}
	descr, fortran, shape := descrEntry.FindSubmatch(dict), fortranEntry.FindSubmatch(dict), shapeEntry.FindSubmatch(dict)
	if descr == nil || fortran == nil || shape == nil {
		return nil, fmt.Errorf("%w: incomplete header", ErrFormat)
	}
	if string(descr[1]) != dtype {
		return nil, fmt.Errorf("%w: its values are %q, not %q", ErrFormat, descr[1], dtype)
	}
	if string(fortran[1]) != "False" {
		return nil, fmt.Errorf("%w: it is stored column by column", ErrFormat)
	}
	return parseShape(string(shape[1]))
}

// parseShape reads "3," or "3, 4".
func parseShape(s string) ([]int, error) {
	fields := strings.Split(strings.TrimSuffix(strings.TrimSpace(s), ","), ",")
	if len(fields) > 2 {
		return nil, fmt.Errorf("%w: more than two dimensions (%s)", ErrFormat, s)
	}
	shape := make([]int, len(fields))
	for i, f := range fields {
		n, err := strconv.Atoi(strings.TrimSpace(f))
		if err != nil {
			return nil, fmt.Errorf("%w: shape (%s)", ErrFormat, s)
		}
		shape[i] = n
	}
	return shape, nil
}

// damaged tells an early end from other failures to read.
func damaged(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: file ends early", ErrFormat)
	}
	return err
}
