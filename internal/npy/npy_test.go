package npy

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What numpy.save writes (NumPy 2) for np.array([[1, 2, 3], [4, 5, -6]], np.float32) and np.array([1, -1]).
const (
	goldenFloats = "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" +
		"                                                          \n" +
		"\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40\x00\x00\xa0\x40\x00\x00\xc0\xc0"
	goldenInts = "\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }" +
		"                                                            \n" +
		"\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"
)

func write(t interface{ Fatal(...any) }, rows, cols int, values []float32) []byte {
	var b bytes.Buffer
	w, err := NewWriter(&b, rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	for r := range rows {
		if err := w.WriteRow(values[r*cols : (r+1)*cols]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	if diff := cmp.Diff(goldenFloats, string(write(t, 2, 3, []float32{1, 2, 3, 4, 5, -6}))); diff != "" {
		t.Error(diff)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(0, 9).Draw(t, "rows"), rapid.IntRange(0, 9).Draw(t, "cols")
		values := rapid.SliceOfN(rapid.Float32(), rows*cols, rows*cols).Draw(t, "values")
		shape, got, err := ReadFloat32(bytes.NewReader(write(t, rows, cols, values)))
		if err != nil || !cmp.Equal(shape, []int{rows, cols}) || !cmp.Equal(got, values) {
			t.Fatalf("read %v %v, %v", shape, got, err)
		}
	})
}

// TestHeaderIsAligned holds for every shape: NumPy maps files into memory by it.
func TestHeaderIsAligned(t *testing.T) {
	for rows := 1; rows < math.MaxInt32; rows *= 10 {
		if n := len(header(rows, 7)); n%alignment != 0 {
			t.Errorf("header of %d rows has %d bytes", rows, n)
		}
	}
}

func TestWriterCountsRows(t *testing.T) {
	w, err := NewWriter(io.Discard, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if w.WriteRow(make([]float32, 4)) == nil {
		t.Error("a row of 4 fits 3 columns")
	}
	if w.Close() == nil {
		t.Error("closed without its rows")
	}
	for range 2 {
		if err := w.WriteRow(make([]float32, 3)); err != nil {
			t.Fatal(err)
		}
	}
	if w.WriteRow(make([]float32, 3)) == nil {
		t.Error("a third row of two")
	}
	if _, err := NewWriter(io.Discard, -1, 3); err == nil {
		t.Error("an array of -1 rows")
	}
}

// headerBytes is how long the header of goldenFloats is.
const headerBytes = 128

// shaped is goldenFloats with another shape in its header, which stays as long.
func shaped(shape string) string {
	const old = "(2, 3)"
	return strings.Replace(goldenFloats, old+", }"+strings.Repeat(" ", len(shape)-len(old)), shape+", }", 1)
}

func TestReadRefuses(t *testing.T) {
	for name, file := range map[string]string{
		"nothing":          "",
		"no array":         "a text that is no array at all",
		"version 2":        strings.Replace(goldenFloats, "\x01\x00v", "\x02\x00v", 1),
		"cut header":       goldenFloats[:40],
		"cut values":       goldenFloats[:len(goldenFloats)-1],
		"trailing bytes":   goldenFloats + "x",
		"other type":       goldenInts,
		"column by column": strings.Replace(goldenFloats, "False", "True ", 1),
		"no shape":         strings.Replace(goldenFloats, "shape", "shade", 1),
		"no dimension":     shaped("()    "),
		"three dimensions": shaped("(1,2,3)"),
		"overflow":         shaped("(9000000000, 9000000000)"),
		"wrapping to none": shaped("(4294967296, 4294967296)")[:headerBytes],
		"far too many":     shaped("(90000, 9000000000)"),
	} {
		if _, _, err := ReadFloat32(strings.NewReader(file)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	broken := io.MultiReader(strings.NewReader(goldenFloats[:20]), brokenReader{})
	if _, _, err := ReadFloat32(broken); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("broken reader: error %v", err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func FuzzRead(f *testing.F) {
	f.Add([]byte(goldenFloats))
	f.Add([]byte(goldenInts))
	f.Fuzz(func(t *testing.T, b []byte) {
		shape, values, err := ReadFloat32(bytes.NewReader(b))
		if err != nil {
			return
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		if n != len(values) {
			t.Fatalf("%d values in shape %v", len(values), shape)
		}
	})
}
