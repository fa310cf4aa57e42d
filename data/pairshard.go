package data

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// shardSource reads the samples of a shard, a tar file in which those that follow one another and differ after the first dot of
// their names alone are a sample: key.jpg, key.txt, key.json
// (https://github.com/webdataset/webdataset, README, "The WebDataset Format"). What has no dot in its name, or begins with one, is no
// part of a sample. A member is a column called as the end of its name, and so are the keys of key.json.
type shardSource struct {
	name    string // of the shard, in the names of its pictures
	number  int32  // of the shard, in the store
	opt     PairOptions
	store   *pictureStore
	skipped *Skipped

	file   *os.File
	size   int64
	in     io.Reader // the tar file
	tar    *tar.Reader
	zipped *countingReader // in, of a compressed shard; nil of another
	end    int64           // where the last member read ends
	sample sample          // in progress
	there  map[string]bool // the columns of samples so far, of those that are read
	ended  bool
	whole  bool // when it ended, so that the sample in progress is
}

// sample is what was read of one so far.
type sample struct {
	key     string
	number  int // in the shard, from 1
	picture string
	object  jsonObject
	bad     *badRow
}

// shardCaptions are the columns that the captions of a sample are taken from when none are named: the first that it has.
var shardCaptions = append([]string{"txt"}, captionColumns...)

// openShard returns the samples of a shard. It is closed with the file. A shard that is cut short or damaged has the samples
// before that, and is listed in skipped.
func openShard(file *os.File, name string, opt PairOptions, store *pictureStore, skipped *Skipped) (*shardSource, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, reason(err)
	}
	s := &shardSource{name: name, number: int32(len(store.shards)), opt: opt, store: store, skipped: skipped, file: file, size: info.Size(), in: file, there: make(map[string]bool)}
	store.shards = append(store.shards, file.Name())
	start := make([]byte, 2)
	if _, err := file.ReadAt(start, 0); err != nil && err != io.EOF {
		return nil, reason(err)
	}
	if string(start) == "\x1f\x8b" {
		s.zipped = &countingReader{}
		s.in = s.zipped
		if s.zipped.in, err = gzip.NewReader(file); err != nil {
			s.stop(err)
		}
	}
	s.tar = tar.NewReader(s.in)
	return s, nil
}

func (s *shardSource) next() (pairRecord, error) {
	for !s.ended {
		header, err := s.tar.Next()
		if err != nil {
			s.stop(err)
			break
		}
		at := s.position()
		if s.end = at; !sparse(header) {
			s.end += (header.Size + 511) / 512 * 512
		}
		key, extension, ok := member(header)
		if !ok {
			continue
		}
		whole := s.sample
		if key != whole.key {
			s.sample = sample{key: key, number: whole.number + 1, object: make(jsonObject)}
		}
		if err := s.read(header, at, extension); err != nil {
			return pairRecord{}, err
		}
		if key != whole.key && whole.key != "" {
			return s.record(whole)
		}
	}
	last := s.sample
	if s.sample = (sample{}); last.key != "" && s.whole {
		return s.record(last)
	}
	s.store.forget(last.picture)
	return pairRecord{}, io.EOF
}

// member returns the key and the column of a member of a shard, if it is part of a sample.
func member(header *tar.Header) (key, extension string, ok bool) {
	if header.Typeflag != tar.TypeReg && header.Typeflag != tar.TypeGNUSparse {
		return "", "", false
	}
	name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
	folder, base := path.Split(name)
	base, extension, ok = strings.Cut(base, ".")
	return folder + base, strings.ToLower(extension), ok && base != ""
}

// sparse tells whether a member lies in the tar file without the stretches of it that are zeros
// (https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html).
func sparse(header *tar.Header) bool {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return header.Typeflag == tar.TypeGNUSparse
}

// position is how far the tar file was read.
func (s *shardSource) position() int64 {
	if s.zipped != nil {
		return s.zipped.count
	}
	at, err := s.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return at
}

// stop ends the shard, and lists what is wrong with it. The error is the reader's; io.EOF at its end, where a whole shard has a mark.
func (s *shardSource) stop(err error) {
	s.ended, s.whole = true, err == io.EOF && s.position() > s.end
	cut := err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)
	switch {
	case s.whole:
		return
	case s.size == 0:
		err = ErrEmpty
	case s.end == 0 && cut:
		err = errors.New("not a tar file, or cut short at its beginning")
	case s.end == 0:
		err = errors.New("not a tar file")
	case cut:
		err = fmt.Errorf("cut short in or after %q: what is before it is used; copy or download it again", s.sample.key)
	default:
		err = fmt.Errorf("damaged in or after %q: what is before it is used; copy or download it again", s.sample.key)
	}
	s.skipped.add(s.name, err)
}

// read takes what a member says into the sample. The error is one of the temporary file.
func (s *shardSource) read(header *tar.Header, at int64, extension string) error {
	switch {
	case s.isPicture(extension):
		return s.readPicture(header, at, extension)
	case s.sample.bad != nil || !s.wanted(extension):
		return nil
	case header.Size > maxRecord:
		s.bad(malformed("%s has %d bytes, more than %d", extension, header.Size, maxRecord))
		return nil
	}
	content, err := io.ReadAll(s.tar)
	if err != nil {
		return nil // the next member will say so
	}
	if !utf8.Valid(content) {
		s.bad(&badRow{InvalidUTF8, extension})
		return nil
	}
	if extension != "json" {
		s.sample.object[extension], err = json.Marshal(string(content))
		return err
	}
	object, err := parseJSON(content)
	if err != nil {
		s.bad(malformed("its json: %v", err))
		return nil
	}
	for key, value := range object {
		if _, ok := s.sample.object[key]; !ok {
			s.sample.object[key] = value
		}
	}
	return nil
}

// bad notes what is wrong with the sample.
func (s *shardSource) bad(err error) { errors.As(err, &s.sample.bad) }

// isPicture tells whether a column is that of the picture, and the first such of the sample.
func (s *shardSource) isPicture(extension string) bool {
	if s.sample.picture != "" {
		return false
	}
	if s.opt.Image != "" {
		return extension == s.opt.Image
	}
	return slices.Contains(pictureExtensions, "."+extension)
}

// wanted tells whether a member is read: as a column, or for its keys.
func (s *shardSource) wanted(extension string) bool {
	return extension == "json" || slices.Contains(s.opt.single(), extension) || slices.Contains(s.captions(), extension) || slices.Contains(s.opt.Tags, extension)
}

func (s *shardSource) captions() []string {
	if len(s.opt.Captions) == 0 {
		return shardCaptions
	}
	return s.opt.Captions
}

// readPicture notes where the picture of the sample lies, or keeps it, where it does not lie in the file as it is.
func (s *shardSource) readPicture(header *tar.Header, at int64, extension string) error {
	name := path.Join(s.name, s.sample.key+"."+extension)
	if s.store.has(name) {
		s.bad(malformed("a second sample of the same name"))
		return nil
	}
	if s.zipped == nil && !sparse(header) {
		s.sample.picture = name
		s.store.within[name] = section{s.number, at, header.Size}
		return nil
	}
	if most := int64(maxBytes(s.opt.MaxPixels)); header.Size > most {
		s.bad(&badRow{NoPicture, fmt.Sprintf("%s: %v: more than %d bytes", name, ErrTooLarge, most)})
		return nil
	}
	pixels, err := io.ReadAll(s.tar)
	if err != nil {
		return nil // the next member will say so
	}
	s.sample.picture = name
	return s.store.keep(name, pixels)
}

// record returns a sample as a row.
func (s *shardSource) record(sample sample) (pairRecord, error) {
	r := pairRecord{line: sample.number, picture: sample.picture}
	for column := range sample.object {
		s.there[column] = true
	}
	bad := func(err error) error {
		s.store.forget(sample.picture)
		var bad *badRow
		if errors.As(err, &bad) {
			bad.why = strings.TrimSuffix(sample.key+": "+bad.why, ": ")
		}
		return err
	}
	if sample.bad != nil {
		return r, bad(sample.bad)
	}
	if sample.picture == "" {
		return r, bad(&badRow{NoPicture, "none beside it; the files of a sample must follow one another, as after tar --sort=name"})
	}
	var err error
	r.captions, err = sample.object.allTexts(s.captionsOf(sample), nil)
	if err == nil {
		r.tags, err = sample.object.allTexts(s.opt.Tags, splitTags)
	}
	if err == nil {
		err = s.opt.readSingle(&r, sample.object)
	}
	if err != nil {
		return r, bad(err)
	}
	return r, nil
}

// captionsOf returns the columns of the captions of a sample.
func (s *shardSource) captionsOf(sample sample) []string {
	if len(s.opt.Captions) > 0 {
		return s.opt.Captions
	}
	for _, c := range shardCaptions {
		if _, ok := sample.object[c]; ok {
			return []string{c}
		}
	}
	return nil
}

// countingReader counts what is read.
type countingReader struct {
	in    io.Reader
	count int64
}

func (r *countingReader) Read(b []byte) (int, error) {
	if r.in == nil {
		return 0, io.EOF
	}
	n, err := r.in.Read(b)
	r.count += int64(n)
	return n, err
}
