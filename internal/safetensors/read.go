package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// maxHeader is the longest header, in bytes, that the format's own library accepts.
const maxHeader = 100_000_000

// Info describes a tensor of a file.
type Info struct {
	Name  string
	DType DType
	Shape []int

	begin, end int64 // in the file
}

// File is an opened file: its header is read and checked, its tensors are read when asked for.
type File struct {
	// Metadata is the free-form part of the header.
	Metadata map[string]string
	// Tensors are the tensors in the order of the file.
	Tensors []Info

	r io.ReaderAt
}

// Open reads and checks the header of a file of size bytes. r is read from until the File is no longer used.
func Open(r io.ReaderAt, size int64) (*File, error) {
	header, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	f := &File{r: r}
	if err := f.parse(header); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrFormat, err)
	}
	if err := f.place(8+int64(len(header)), size); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return f, nil
}

// Read returns the tensor called name.
func (f *File) Read(name string) (Tensor, error) {
	i := slices.IndexFunc(f.Tensors, func(t Info) bool { return t.Name == name })
	if i < 0 {
		return Tensor{}, fmt.Errorf("no tensor %q in the file", name)
	}
	t := f.Tensors[i]
	data := make([]byte, t.end-t.begin)
	if err := readAt(f.r, data, t.begin); err != nil {
		return Tensor{}, fmt.Errorf("tensor %q: %w", name, err)
	}
	return Tensor{t.Name, t.DType, slices.Clone(t.Shape), data}, nil
}

func readHeader(r io.ReaderAt, size int64) ([]byte, error) {
	if size < 8 {
		return nil, fmt.Errorf("%w: %d bytes are too few", ErrFormat, size)
	}
	length := make([]byte, 8)
	if err := readAt(r, length, 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length)
	if n > maxHeader || n > uint64(size-8) {
		return nil, fmt.Errorf("%w: a header of %d bytes in a file of %d", ErrFormat, n, size)
	}
	header := make([]byte, n)
	return header, readAt(r, header, 8)
}

// readAt fills b from r; an early end is the file's fault.
func readAt(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		return fmt.Errorf("%w: file ends early", ErrFormat)
	}
	return err
}

// parse reads the JSON header. It goes name by name, because encoding/json would keep the last of two equal ones in silence.
func (f *File) parse(header []byte) error {
	if !bytes.HasPrefix(header, []byte("{")) {
		return fmt.Errorf("does not begin with {")
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	if _, err := dec.Token(); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		name := token.(string) // the decoder lets nothing else stand there
		if seen[name] {
			return fmt.Errorf("%q occurs twice", name)
		}
		seen[name] = true
		if name == metadataKey {
			if err := dec.Decode(&f.Metadata); err != nil {
				return fmt.Errorf("%q: %w", name, err)
			}
			continue
		}
		var e entry
		if err := dec.Decode(&e); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		f.Tensors = append(f.Tensors, Info{name, e.DType, e.Shape, e.Offsets[0], e.Offsets[1]})
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	if rest := bytes.TrimRight(header[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return fmt.Errorf("more than one JSON value")
	}
	return nil
}

// place orders the tensors, turns their offsets into places in the file and checks that they follow each other from the
// end of the header to the end of the file.
func (f *File) place(start, size int64) error {
	slices.SortFunc(f.Tensors, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.Name, b.Name))
	})
	at := int64(0)
	for i := range f.Tensors {
		t := &f.Tensors[i]
		n, err := byteLen(t.DType, t.Shape)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if t.begin != at {
			return fmt.Errorf("tensor %q begins at byte %d, not at %d where the last one ends", t.Name, t.begin, at)
		}
		if n > size-start-at || t.end != at+n {
			return fmt.Errorf("tensor %q ends at byte %d: its shape needs %d bytes, the file has %d left", t.Name, t.end, n, size-start-at)
		}
		t.begin, t.end = start+at, start+t.end
		at += n
	}
	if start+at != size {
		return fmt.Errorf("%d bytes after the last tensor", size-start-at)
	}
	return nil
}
