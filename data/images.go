package data

import (
	"cmp"
	"fmt"
	"image"
	"io"
	"io/fs"
	"slices"
)

// Item is one picture of an index: where it is and what it shows, never its pixels.
type Item struct {
	Path  string // slash-separated, relative to the opened folder
	Label int    // index into Images.Classes; -1 for none
}

// Images is an index of pictures in a fixed order. It does not change, and may be used by many goroutines at once.
type Images struct {
	// Items are the pictures in the order of their paths.
	Items []Item
	// Classes are the names of the labels, sorted; empty when the pictures have none.
	Classes []string
	// Skipped lists the files of the opened folder that could not be read, shared by all its splits. Files that are
	// found damaged only when they are decoded join it then.
	Skipped *Skipped

	fsys      fs.FS
	maxPixels int
}

// Len returns the number of pictures.
func (s *Images) Len() int { return len(s.Items) }

// Labels returns the label of every picture, in order.
func (s *Images) Labels() []int {
	labels := make([]int, len(s.Items))
	for i, item := range s.Items {
		labels[i] = item.Label
	}
	return labels
}

// Label returns the label of picture i; -1 for none.
func (s *Images) Label(i int) int { return s.Items[i].Label }

// Image reads and decodes picture i; the result is the caller's to keep. A picture that cannot be read joins Skipped.
func (s *Images) Image(i int) (*image.RGBA, error) {
	return new(reader).read(s, i)
}

// HoldOut divides the pictures into those to train on and n held-out ones, the same for the same seed. Labelled pictures
// are held out in proportion to their classes (largest remainder; unlabelled ones count as a class). n must leave at
// least one picture on either side.
func (s *Images) HoldOut(n int, seed uint64) (train, held *Images, err error) {
	out, err := holdOut(s.Labels(), n, seed, "images")
	if err != nil {
		return nil, nil, err
	}
	train, held = s.divide(out)
	return train, held, nil
}

// Some returns n of the pictures, drawn as HoldOut draws them, in their order, or all when there are no more.
func (s *Images) Some(n int, seed uint64) *Images {
	if s.Len() <= n {
		return s
	}
	_, some := s.divide(drawn(s.Labels(), n, seed))
	return some
}

// divide returns the pictures that are not out, and those that are.
func (s *Images) divide(out []bool) (train, held *Images) {
	train, held = s.with(nil), s.with(nil)
	for i, item := range s.Items {
		part := train
		if out[i] {
			part = held
		}
		part.Items = append(part.Items, item)
	}
	return train, held
}

// with returns an index of other items of the same folder.
func (s *Images) with(items []Item) *Images {
	other := *s
	other.Items = items
	return &other
}

// keptBytes is the most memory that a reader keeps for the next picture: enough for a photo of 30 million pixels that has
// to be turned upright. One huge picture does not make every worker huge for good.
const keptBytes = 256 << 20

// reader reads pictures one after another, reusing its memory. It serves one goroutine at a time, and a picture it
// returns is valid until the next.
type reader struct {
	file    []byte
	decoder Decoder
	pixels  image.RGBA
}

// read returns picture i of s. A picture that cannot be read joins s.Skipped, and is not tried again.
func (r *reader) read(s *Images, i int) (*image.RGBA, error) {
	path := s.Items[i].Path
	err := s.Skipped.reason(path)
	if err == nil {
		if err = r.decode(s, path); err == nil {
			return &r.pixels, nil
		}
		s.Skipped.add(path, err)
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}

func (r *reader) decode(s *Images, path string) error {
	if cap(r.file)+cap(r.pixels.Pix)+cap(r.decoder.stored.Pix) > keptBytes {
		*r = reader{}
	}
	if err := r.readFile(s.fsys, path, maxBytes(s.maxPixels)); err != nil {
		return err
	}
	r.decoder.MaxPixels = s.maxPixels
	return r.decoder.DecodeInto(&r.pixels, r.file)
}

// maxBytes is the most a file may have: what the largest picture takes with four channels of 16 bits, and 1 MiB for the
// rest.
func maxBytes(maxPixels int) int { return 8*cmp.Or(maxPixels, DefaultMaxPixels) + 1<<20 }

// readFile reads the whole file into r.file.
func (r *reader) readFile(fsys fs.FS, path string, maxBytes int) error {
	f, err := fsys.Open(path)
	if err != nil {
		return reason(err)
	}
	defer f.Close()
	r.file = r.file[:0]
	for {
		if len(r.file) == cap(r.file) {
			r.file = slices.Grow(r.file, max(len(r.file), 4096))
		}
		n, err := f.Read(r.file[len(r.file):cap(r.file)])
		r.file = r.file[:len(r.file)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return reason(err)
		}
		if len(r.file) > maxBytes {
			return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxBytes)
		}
	}
}
