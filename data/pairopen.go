package data

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// OpenPairs reads pictures with captions, of a table or of shards. Captions are kept in a temporary file, as [OpenText] keeps texts;
// of each picture the header is read.
//
//   - .csv, .tsv, .jsonl and .parquet are as [OpenText] has them, each perhaps compressed with gzip. A picture is given by
//     its path from the table's folder, or by an absolute one; in JSON and Parquet its file may be in the table, as bytes or as
//     an object of bytes and path, and is copied to a temporary file.
//   - .tar is a shard of WebDataset: files that are called the same but for their ends are a sample, as key.jpg, key.txt and key.json.
//     A column is one of these ends, or a key of the JSON object. Pictures are read where they are in the shard; those of a shard
//     compressed with gzip (.tar.gz, .tgz) are copied to a temporary file. A shard that is cut short has what is whole, and is
//     listed in Images.Skipped.
//   - Several files are a folder of shards, or a name with braces or wildcards: shard-{000..009}.tar, train-*.parquet.
//   - A picture has several captions when there are several columns of them, when several rows have the same path, or when a column
//     is a list. Columns without a caption are passed over; a row without any is not used.
//   - Tags are kept with the captions of their row. They are for training: pictures that share a tag are not thought the same.
//   - Rows that cannot be used are counted in Dropped with the first few of them, and pictures that cannot be read are listed in
//     Images.Skipped with the row that has them.
//
// Pairs are in the order of the files, those of a picture where it is first. A column that is not there is an error, and so is a
// damaged table; it wraps [ErrNoText] when no row is left. [Pairs.Close] removes the temporary files.
func OpenPairs(ctx context.Context, path string, opt PairOptions) (*Pairs, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	paths, err := pairPaths(path)
	if err != nil {
		return nil, err
	}
	captions, err := newSpool()
	if err != nil {
		return nil, err
	}
	b := newPairBuilder(opt, captions, filepath.Dir(paths[0]))
	p, err := b.build(ctx, paths)
	if err != nil {
		return nil, errors.Join(err, captions.close(), b.store.close())
	}
	return p, nil
}

// pairBuilder looks at the pictures of rows, cleans their captions and puts them into a spool.
type pairBuilder struct {
	opt      PairOptions
	folder   string        // of the first file
	store    *pictureStore // of images
	texts    TextOptions   // how captions are cleaned
	captions textBuilder
	images   *Images
	known    map[string]int32 // the number of each picture, by its name
	classes  []string         // of each picture
	groups   []string         // of each picture; "" for none
	keys     []uint64         // of each picture
	owner    []int32          // the picture of each caption
	caption  []int32          // the number of each caption
	number   map[uint64]int32 // the numbers of captions, by their content
	said     map[said]struct{}
}

// said is a caption of a picture.
type said struct{ picture, caption int32 }

func newPairBuilder(opt PairOptions, captions *spool, folder string) *pairBuilder {
	texts, store := opt.text(), newPictureStore(folder)
	return &pairBuilder{
		opt: opt, folder: folder, store: store, texts: texts,
		captions: textBuilder{opt: texts, spool: captions, classes: make(map[string]int32), fingerprint: sha256.New()},
		images:   &Images{Skipped: new(Skipped), fsys: store, maxPixels: opt.MaxPixels},
		known:    make(map[string]int32), number: make(map[uint64]int32), said: make(map[said]struct{}),
	}
}

// looked is a row whose picture was looked at.
type looked struct {
	pairRecord
	key uint64 // of the picture
	bad error  // what is wrong with the row or its picture
}

// Rows whose pictures are looked at at a time, by all processors, are so many, or as many as have so many bytes of text.
const (
	lookedAhead = 512
	textAhead   = 16 << 20
)

// build reads the files.
func (b *pairBuilder) build(ctx context.Context, paths []string) (*Pairs, error) {
	var columns []string
	var there map[string]bool // columns of samples of shards, which need not all have the same
	for i, path := range paths {
		file, err := openPairFile(path, relativeTo(b.folder, path), b.opt, b.store, b.images.Skipped)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			columns = file.captions
		}
		b.captions.dropped.path = path
		err = b.readAll(ctx, file, relativeTo(b.folder, filepath.Dir(path)))
		file.close()
		if shard, ok := file.pairSource.(*shardSource); ok {
			if there == nil {
				there = make(map[string]bool)
			}
			maps.Copy(there, shard.there)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(b.images.Items) == 0 {
		return nil, b.nothing(paths)
	}
	if there != nil {
		for _, column := range slices.Concat(b.opt.Tags, b.opt.single()) {
			if !there[column] {
				return nil, fmt.Errorf("%s: %w", paths[0], noColumn(column, slices.Sorted(maps.Keys(there))))
			}
		}
	}
	if err := b.captions.spool.finish(); err != nil {
		return nil, err
	}
	content, err := sameContent(ctx, b.images, b.keys)
	if err != nil {
		return nil, err
	}
	p := b.pairs(columns)
	p.content = content
	return p, nil
}

// nothing says why no row is left.
func (b *pairBuilder) nothing(paths []string) error {
	name := paths[0]
	if len(paths) > 1 {
		name = fmt.Sprintf("%s and %d more", name, len(paths)-1)
	}
	if skipped := b.images.Skipped.List(); len(skipped) > 0 && len(b.captions.dropped.list()) == 0 {
		return fmt.Errorf("%s: %w: %s: %w", name, ErrNoText, shown(skipped[0].Path), skipped[0].Err)
	}
	return fmt.Errorf("%s: %w", name, b.captions.nothing())
}

// readAll reads the rows of a file; folder is where it lies, from that of the first.
func (b *pairBuilder) readAll(ctx context.Context, source pairSource, folder string) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows, end := b.read(source, folder)
		if end != nil && end != io.EOF {
			return end
		}
		if err := b.store.finish(); err != nil {
			return err
		}
		if err := b.look(ctx, rows); err != nil {
			return err
		}
		for _, row := range rows {
			if err := b.add(row); err != nil {
				return err
			}
			if _, used := b.known[row.picture]; !used {
				b.store.forget(row.picture)
			}
		}
		if end == io.EOF {
			return nil
		}
	}
}

// read returns the next rows. The error is io.EOF with the last of them.
func (b *pairBuilder) read(source pairSource, folder string) (rows []looked, err error) {
	for text := 0; len(rows) < lookedAhead && text < textAhead; {
		r, err := source.next()
		text += r.textBytes()
		var bad *badRow
		switch {
		case errors.As(err, &bad):
			rows = append(rows, looked{pairRecord: r, bad: bad})
		case err != nil:
			return rows, err
		default:
			row := looked{pairRecord: r}
			row.picture, row.bad = b.tidy(r.picture, folder)
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// add keeps the captions of one row. The error is one of the temporary file, or of too many classes.
func (b *pairBuilder) add(r looked) error {
	class := strings.TrimSpace(r.class)
	if bad := b.unusable(r, class); bad != nil {
		b.captions.dropped.add(r.line, bad)
		return nil
	}
	texts := b.cleanTexts(b.texts, r, r.captions, "no caption")
	if len(texts) == 0 {
		return nil
	}
	anyLength := b.texts
	anyLength.MinChars = 0
	tags := b.cleanTexts(anyLength, r, r.tags, "")
	i, there := b.known[r.picture]
	if !there {
		i = int32(len(b.images.Items))
		b.known[r.picture] = i
		b.images.Items = append(b.images.Items, Item{r.picture, -1})
		b.classes, b.groups, b.keys = append(b.classes, class), append(b.groups, strings.TrimSpace(r.group)), append(b.keys, r.key)
	}
	for _, text := range texts {
		number := b.numberOf(text)
		if _, again := b.said[said{i, number}]; again {
			continue
		}
		b.said[said{i, number}] = struct{}{}
		b.owner, b.caption = append(b.owner, i), append(b.caption, number)
		if err := b.captions.keep(TextRow{Texts: append([]string{text}, tags...), Line: r.line}, class); err != nil {
			return err
		}
	}
	return nil
}

// unusable says what is wrong with a row, but for its texts, and lists a picture that cannot be read.
func (b *pairBuilder) unusable(r looked, class string) *badRow {
	var bad *badRow
	i, there := b.known[r.picture]
	switch {
	case errors.As(r.bad, &bad):
		return bad
	case r.bad != nil:
		b.images.Skipped.add(r.picture, fmt.Errorf("%w (%s)", r.bad, b.captions.dropped.place(r.line)))
		return &badRow{NoPicture, Skip{r.picture, r.bad}.String()}
	case !utf8.ValidString(class):
		return &badRow{InvalidUTF8, "the class"}
	case there && b.classes[i] != class:
		return &badRow{Malformed, fmt.Sprintf("%s is of class %.40q here and %.40q before", shown(r.picture), class, b.classes[i])}
	}
	return nil
}

// cleanTexts returns those of some texts of a row that can be used, each once. It notes what is wrong with the first that cannot; to be
// empty is not wrong, unless there is something to say where no text is left.
func (b *pairBuilder) cleanTexts(opt TextOptions, r looked, all []string, none string) (texts []string) {
	var worst *badRow
	for _, text := range all {
		text, err := opt.clean(text)
		var bad *badRow
		switch {
		case err == nil && !slices.Contains(texts, text):
			texts = append(texts, text)
		case errors.As(err, &bad) && bad.reason != Empty && worst == nil:
			worst = bad
		}
	}
	if len(texts) == 0 && worst == nil && none != "" {
		worst = &badRow{Empty, none}
	}
	if worst != nil {
		b.captions.dropped.add(r.line, worst)
	}
	return texts
}

// numberOf returns the number that equal captions share.
func (b *pairBuilder) numberOf(caption string) int32 {
	sum := sha256.Sum256([]byte(caption))
	key := binary.LittleEndian.Uint64(sum[:])
	n, ok := b.number[key]
	if !ok {
		n = int32(len(b.number))
		b.number[key] = n
	}
	return n
}

// pairs returns what was built, with the captions in the order of their pictures.
func (b *pairBuilder) pairs(columns []string) *Pairs {
	text := b.captions.text([]string{"caption"})
	p := &Pairs{Images: b.images, Columns: columns, Dropped: text.Dropped, keys: b.keys, starts: []int{0}, store: b.store}
	if b.opt.Group != "" {
		p.groups = b.groups
	}
	rows := make([]uint32, len(b.owner))
	for k := range rows {
		rows[k] = uint32(k)
	}
	slices.SortStableFunc(rows, func(x, y uint32) int { return int(b.owner[x]) - int(b.owner[y]) })
	for k, row := range rows {
		p.caption = append(p.caption, b.caption[row])
		if k > 0 && b.owner[row] != b.owner[rows[k-1]] {
			p.starts = append(p.starts, k)
		}
	}
	p.starts = append(p.starts, len(rows))
	p.Captions = text.with(rows)
	b.images.Classes = text.Classes
	for i := range b.images.Items {
		item := &b.images.Items[i]
		item.Label = p.Captions.Label(p.starts[i])
		if !b.store.has(item.Path) && outside(item.Path) {
			p.Outside++
		}
	}
	return p
}
