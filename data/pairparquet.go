package data

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// pairParquet reads some columns of a Parquet file. Captions and tags may be texts or lists of texts. A picture may be given by its
// path, by the bytes of its file, or as a group of bytes and path, of which the path is used where there are no bytes
// (https://huggingface.co/docs/datasets/image_dataset, the feature Image).
type pairParquet struct {
	*parquetSource
	opt   PairOptions
	name  string // of the file, in the names of pictures that it holds
	store *pictureStore

	pixels, path   int // the columns of the picture; -1 for none
	captions, tags int // the number of columns, after those
}

// openPairParquet returns the rows of a Parquet file.
func openPairParquet(file *os.File, size int64, name string, opt PairOptions, store *pictureStore) (columns []string, source pairSource, err error) {
	defer recoverParquet(&err)
	f, err := openParquetFile(file, size)
	if err != nil {
		return nil, nil, err
	}
	leaves := leavesOf(f.Schema())
	if columns, err = opt.pick(leaves.names()); err != nil {
		return nil, nil, err
	}
	s := &pairParquet{parquetSource: newParquetSource(file, f), opt: opt, name: name, store: store, captions: len(opt.captionsOf(columns)), tags: len(opt.Tags)}
	if s.pixels, s.path, err = s.readPicture(leaves, columns[0]); err != nil {
		return nil, nil, err
	}
	for _, c := range columns[1:] {
		leaf, err := leaves.find(c)
		switch {
		case err != nil:
			return nil, nil, err
		case !slices.Contains(opt.single(), c) && !isBytes(leaf):
			return nil, nil, fmt.Errorf("column %q is %s, not text", c, leaf.Node.Type().Kind())
		case slices.Contains(opt.single(), c) && leaf.MaxRepetitionLevel > 0:
			return nil, nil, fmt.Errorf("column %q is a list: it is no class and no group", c)
		case leaf.MaxRepetitionLevel > 1:
			return nil, nil, fmt.Errorf("column %q is a list of lists, not of texts", c)
		}
		s.read(leaf)
	}
	s.parquetSource.columns = make([]parquetColumn, len(s.leaves))
	return columns, s, s.checkCodecs()
}

// read adds a column to those that are read, and returns its number among them.
func (s *pairParquet) read(leaf parquetLeaf) int {
	s.names = append(s.names, leaf.String())
	s.leaves = append(s.leaves, leaf.LeafColumn)
	return len(s.leaves) - 1
}

// readPicture finds the columns of the picture.
func (s *pairParquet) readPicture(leaves parquetLeaves, column string) (pixels, path int, err error) {
	pixels, path = -1, -1
	for _, leaf := range leaves {
		if !isBytes(leaf) || leaf.MaxRepetitionLevel > 0 {
			continue
		}
		switch leaf.String() {
		case column:
			pixels = s.read(leaf)
			return pixels, pixels, nil
		case column + ".bytes":
			pixels = s.read(leaf)
		case column + ".path":
			path = s.read(leaf)
		}
	}
	if pixels < 0 && path < 0 {
		if _, err := leaves.find(column); err != nil {
			return -1, -1, err
		}
		return -1, -1, fmt.Errorf("column %q is neither a path nor the bytes of a file", column)
	}
	return pixels, path, nil
}

func (s *pairParquet) next() (r pairRecord, err error) {
	defer recoverParquet(&err)
	if err := s.advance(); err != nil {
		return r, err
	}
	r.line = s.row
	values := make([][]string, len(s.leaves))
	var bad error
	for i := range values { // all, so that the next row is next in each
		var long *badRow
		if values[i], err = s.list(i); errors.As(err, &long) {
			bad = err
		} else if err != nil {
			return r, err
		}
	}
	if bad != nil {
		return r, bad
	}
	rest := values[s.firstText():]
	r.captions = slices.Concat(rest[:s.captions]...)
	for _, list := range rest[s.captions : s.captions+s.tags] {
		if len(list) == 1 {
			list = splitTags(list[0])
		}
		r.tags = append(r.tags, list...)
	}
	var single []string
	for _, list := range rest[s.captions+s.tags:] {
		single = append(single, strings.Join(list, ""))
	}
	s.opt.setSingle(&r, single)
	r.picture, err = s.picture(values)
	return r, err
}

// firstText is the number of the first column that is not the picture's.
func (s *pairParquet) firstText() int { return max(s.pixels, s.path) + 1 }

// picture returns the name of the picture of the present row.
func (s *pairParquet) picture(values [][]string) (string, error) {
	var pixels, path string
	if s.pixels >= 0 {
		pixels = strings.Join(values[s.pixels], "")
	}
	if s.path >= 0 {
		path = strings.Join(values[s.path], "")
	}
	if s.pixels == s.path { // a path, unless it begins as a picture does
		if _, err := identify([]byte(pixels[:min(len(pixels), magicLen)])); err != nil {
			pixels = ""
		}
	}
	if pixels == "" {
		return path, nil
	}
	name := fmt.Sprintf("%s:%d", s.name, s.row)
	return name, s.store.keep(name, []byte(pixels))
}

// mostListed is the most values that a list in a row may have.
const mostListed = 1 << 16

// list returns what a column has in the present row, without what is null. A list that is too long is a *badRow: a few bytes of a file can
// stand for any number of texts.
func (s *pairParquet) list(i int) (list []string, err error) {
	column, size := &s.parquetSource.columns[i], 0
	var bad error
	for more := true; more; {
		value, err := column.next()
		if err != nil {
			return nil, s.unreadable(i, err)
		}
		size += len(value.Bytes())
		switch {
		case bad != nil || value.IsNull():
		case len(list) > 0 && (size > maxRecord || len(list) == mostListed):
			list, bad = nil, &badRow{TooLong, fmt.Sprintf("column %q is a list of more than %d bytes or %d values", s.names[i], maxRecord, mostListed)}
		default:
			list = append(list, value.String())
		}
		if more, err = column.repeats(); err != nil {
			return nil, s.unreadable(i, err)
		}
	}
	return list, bad
}

// parquetLeaves are the columns of a Parquet file.
type parquetLeaves []parquetLeaf

// parquetLeaf is a column and its names, from the outer group inwards.
type parquetLeaf struct {
	parquet.LeafColumn
	path []string
}

// String is what it is called.
func (l parquetLeaf) String() string { return strings.Join(l.path, ".") }

func leavesOf(schema *parquet.Schema) parquetLeaves {
	var leaves parquetLeaves
	for _, path := range schema.Columns() {
		if leaf, ok := schema.Lookup(path...); ok {
			leaves = append(leaves, parquetLeaf{leaf, path})
		}
	}
	return leaves
}

// names are what columns can be called: the groups and lists by their own names, and what is in a group by group.column.
func (l parquetLeaves) names() []string {
	var names []string
	for _, leaf := range l {
		for _, name := range []string{leaf.path[0], leaf.String()} {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// find returns the only column that goes by a name.
func (l parquetLeaves) find(name string) (found parquetLeaf, err error) {
	var within []string
	for _, leaf := range l {
		if leaf.String() == name {
			return leaf, nil
		}
		if leaf.path[0] == name {
			found, within = leaf, append(within, leaf.String())
		}
	}
	switch len(within) {
	case 0:
		return found, noColumn(name, l.names())
	case 1:
		return found, nil
	}
	return found, fmt.Errorf("column %q is a group: name one of %s", name, listColumns(within))
}

// isBytes tells whether a column holds texts or other bytes.
func isBytes(leaf parquetLeaf) bool {
	kind := leaf.Node.Type().Kind()
	return kind == parquet.ByteArray || kind == parquet.FixedLenByteArray
}
