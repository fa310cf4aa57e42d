package data

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pairRecord is one row as it stands in a table.
type pairRecord struct {
	line     int    // where it begins, from 1
	picture  string // its name for the store of the pictures
	captions []string
	tags     []string
	class    string
	group    string
}

// textBytes is how many bytes of text the row has.
func (r pairRecord) textBytes() int {
	n := len(r.picture) + len(r.class) + len(r.group)
	for _, list := range [][]string{r.captions, r.tags} {
		for _, text := range list {
			n += len(text)
		}
	}
	return n
}

// pairSource reads the rows of a table one by one.
type pairSource interface {
	// next returns the next row. The error is a *badRow for one that cannot be used, with its line, and those after it still to be
	// read, and io.EOF after the last. Any other ends the reading.
	next() (pairRecord, error)
}

// pairFormat returns the format that the name of a file says, "" for none.
func pairFormat(path string) string {
	name := strings.ToLower(path)
	if strings.HasSuffix(name, ".tgz") || strings.HasSuffix(strings.TrimSuffix(name, ".gz"), ".tar") {
		return "tar"
	}
	if format := textFormat(path); slices.Contains(pairFormats, format) {
		return format
	}
	return ""
}

// pairFile is an opened table or shard.
type pairFile struct {
	pairSource
	captions []string // the columns of captions
	file     *os.File
	spool    *spool // what a compressed Parquet file holds; nil for others
}

// openPairFile opens a table or a shard, called name among those of its store.
func openPairFile(path, name string, opt PairOptions, store *pictureStore, skipped *Skipped) (*pairFile, error) {
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("no such file: %s: give the table of pictures and captions, or their shards", path)
	case err != nil:
		return nil, fmt.Errorf("cannot open %s: %w", path, reason(err))
	}
	f := &pairFile{file: file}
	if err := f.open(cmp.Or(opt.Format, pairFormat(path)), name, opt, store, skipped); err != nil {
		f.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func (f *pairFile) open(format, name string, opt PairOptions, store *pictureStore, skipped *Skipped) (err error) {
	var columns []string
	switch format {
	case "":
		return fmt.Errorf("cannot tell the format: let the name end in .%s, or say it with format", strings.Join(pairFormats, ", ."))
	case "tar":
		f.captions = opt.Captions
		if len(f.captions) == 0 {
			f.captions = shardCaptions[:1]
		}
		f.pairSource, err = openShard(f.file, name, opt, store, skipped)
		return err
	case "parquet":
		rows, size, spool, unread := parquetOf(f.file)
		if f.spool = spool; unread != nil {
			return unread
		}
		columns, f.pairSource, err = openPairParquet(rows, size, name, opt, store)
	default:
		columns, err = f.openLines(format, name, opt, store)
	}
	if err == nil {
		f.captions = opt.captionsOf(columns)
	}
	return err
}

// openLines opens a table that is text.
func (f *pairFile) openLines(format, name string, opt PairOptions, store *pictureStore) (columns []string, err error) {
	in, err := plainText(f.file)
	if err != nil {
		return nil, err
	}
	if err := checkSeparator(opt.text(), format); err != nil {
		return nil, err
	}
	lines := &lineReader{in: in}
	var rows textSource
	switch format {
	case "csv":
		columns, rows, err = openCSV(lines, opt.text().comma(), opt.Header, opt.pick)
	case "tsv":
		columns, rows, err = openTSV(lines, opt.Header, opt.pick)
	default:
		columns, f.pairSource, err = openPairJSONL(lines, name, opt, store)
	}
	var bad *badRow
	if errors.As(err, &bad) {
		err = fmt.Errorf("line %d: %w", lines.number, err)
	}
	if rows != nil && err == nil {
		f.pairSource = &pairColumns{rows: rows, opt: opt, captions: len(opt.captionsOf(columns))}
	}
	return columns, err
}

func (f *pairFile) close() {
	f.file.Close()
	if f.spool != nil {
		f.spool.close()
	}
}

// pairColumns reads rows whose columns are those of PairOptions.pick.
type pairColumns struct {
	rows     textSource
	opt      PairOptions
	captions int // columns of them
	row      textRecord
}

func (s *pairColumns) next() (pairRecord, error) {
	err := s.rows.next(&s.row)
	r := pairRecord{line: s.row.line}
	if err != nil {
		return r, err
	}
	values := s.row.values
	r.picture, values = values[0], values[1:]
	r.captions, values = slices.Clone(values[:s.captions]), values[s.captions:]
	tags := len(s.opt.Tags)
	for _, value := range values[:tags] {
		r.tags = append(r.tags, splitTags(value)...)
	}
	s.opt.setSingle(&r, values[tags:])
	return r, nil
}

// splitTags returns the tags of a text that has several.
func splitTags(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '|' })
}

// relativeTo returns the name that a path has from a folder, with slashes; the path as it is when it has none.
func relativeTo(folder, path string) string {
	relative, err := filepath.Rel(folder, path)
	if err != nil {
		relative = path
	}
	return filepath.ToSlash(relative)
}
