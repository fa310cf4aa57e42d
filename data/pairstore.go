package data

import (
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// pictureStore opens pictures by their names: those that lie within another file, and for the rest those that a table has the path of.
// It is filled before anything is opened.
type pictureStore struct {
	folder tableFolder
	within map[string]section
	shards []string // files that sections are of
	spool  *spool   // what lies in no file as it is; nil for nothing
}

// section is where a picture lies: in a shard, or in the spool as its record.
type section struct {
	shard       int32 // inSpool for the spool
	start, size int64 // the number of the record, in the spool
}

const inSpool = -1

func newPictureStore(folder string) *pictureStore {
	return &pictureStore{folder: tableFolder(folder), within: make(map[string]section)}
}

// has tells whether a picture lies within another file.
func (s *pictureStore) has(name string) bool {
	_, ok := s.within[name]
	return ok
}

// keep copies the bytes of a picture.
func (s *pictureStore) keep(name string, pixels []byte) (err error) {
	if s.spool == nil {
		if s.spool, err = newSpool(); err != nil {
			return err
		}
	}
	s.within[name] = section{inSpool, int64(s.spool.len()), int64(len(pixels))}
	return s.spool.add(pixels)
}

// forget leaves out a picture.
func (s *pictureStore) forget(name string) { delete(s.within, name) }

// finish makes what was kept so far readable.
func (s *pictureStore) finish() error {
	if s.spool == nil {
		return nil
	}
	return s.spool.flush()
}

func (s *pictureStore) Open(name string) (fs.File, error) {
	at, ok := s.within[name]
	if !ok {
		return s.folder.Open(name)
	}
	if at.shard == inSpool {
		return packedFile{s.spool.section(int(at.start)), path.Base(name), nil}, nil
	}
	file, err := os.Open(s.shards[at.shard])
	if err != nil {
		return nil, err
	}
	return packedFile{io.NewSectionReader(file, at.start, at.size), path.Base(name), file}, nil
}

func (s *pictureStore) close() error {
	if s.spool == nil {
		return nil
	}
	return s.spool.close()
}

// packedFile is a part of a file as a file.
type packedFile struct {
	*io.SectionReader
	name  string
	whole *os.File // to be closed with it; nil for none
}

func (f packedFile) Stat() (fs.FileInfo, error) { return packedInfo{f.name, f.Size()}, nil }

func (f packedFile) Close() error {
	if f.whole == nil {
		return nil
	}
	return f.whole.Close()
}

// packedInfo is what is known of a packedFile.
type packedInfo struct {
	name string
	size int64
}

func (i packedInfo) Name() string       { return i.name }
func (i packedInfo) Size() int64        { return i.size }
func (i packedInfo) Mode() fs.FileMode  { return 0o444 }
func (i packedInfo) ModTime() time.Time { return time.Time{} }
func (i packedInfo) IsDir() bool        { return false }
func (i packedInfo) Sys() any           { return nil }
