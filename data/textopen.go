package data

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What can be wrong with a file of text. Errors of [OpenText] wrap one of these, or [ErrEmpty], where they apply.
var (
	// ErrNotText is the error of a file that is something else than text in UTF-8.
	ErrNotText = errors.New("not a text file")
	// ErrNoText is the error of a file without a row that can be used.
	ErrNoText = errors.New("no usable row")
)

// maxClasses is the most classes a column may have. More are no classes but, perhaps, the texts.
const maxClasses = 100_000

// OpenText reads a file once, cleans its rows and keeps them in a temporary file (in TMPDIR, or where the system has such
// files), from where they can be read in any order. It is never in memory as a whole.
//
//   - .txt has a sentence a line; .csv is as RFC 4180 has it, or with another separator; .tsv has tabs between columns, and no quotes; .jsonl has an
//     object a line, or an array whose elements are called 1, 2, 3, ...; .json is a list of such rows, or an object of several lists, of which
//     Split names one; .parquet may have any columns but lists, compressed with anything but LZ4.
//   - Each may be compressed with gzip; a Parquet file, which is not read from beginning to end, is unpacked to a temporary file first.
//     Text is UTF-8, with or without a byte order mark.
//   - Rows that cannot be used, or that the options drop, are counted in Dropped.
//
// A column that is not there, or a file that is damaged, compressed in another way or not text, is an error; it wraps
// [ErrNoText] when no row is left. [Text.Close] removes the temporary file.
func OpenText(ctx context.Context, path string, opt TextOptions) (*Text, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	file, err := openTextFile(path, opt)
	if err != nil {
		return nil, err
	}
	defer file.close()
	spool, err := newSpool()
	if err != nil {
		return nil, err
	}
	b := textBuilder{opt: opt, spool: spool, fingerprint: sha256.New(), dropped: drops{path: path}}
	if err := b.readAll(ctx, file); err != nil {
		spool.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b.text(file.columns), nil
}

// textBuilder cleans rows and puts them into a spool.
type textBuilder struct {
	opt         TextOptions
	spool       *spool
	labels      []int32
	lengths     []uint16
	anchors     []uint32
	classes     map[string]int32 // in the order in which they occur
	seen        map[uint64]struct{}
	fingerprint hash.Hash
	dropped     drops
	record      []byte
}

func (b *textBuilder) readAll(ctx context.Context, source textSource) error {
	b.classes = make(map[string]int32)
	b.seen = make(map[uint64]struct{})
	var r textRecord
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := source.next(&r)
		if err == nil {
			err = b.add(r)
		}
		if err == io.EOF {
			break
		}
		var bad *badRow
		if errors.As(err, &bad) {
			b.dropped.add(r.line, bad)
		} else if err != nil {
			return err
		}
	}
	if b.spool.len() == 0 {
		return b.nothing()
	}
	return b.spool.finish()
}

// nothing says why no row is left.
func (b *textBuilder) nothing() error {
	list := b.dropped.list()
	if len(list) == 0 {
		return fmt.Errorf("%w: it has no rows", ErrNoText)
	}
	var reasons []string
	for _, d := range list {
		reasons = append(reasons, fmt.Sprintf("%d %s", d.Count, d.Reason))
	}
	first := list[0].First[0]
	return fmt.Errorf("%w: %s; the first is %s %s", ErrNoText, strings.Join(reasons, ", "), first.Place, first.Why)
}

// add cleans one row and keeps it. One that is dropped is a *badRow.
func (b *textBuilder) add(r textRecord) error {
	row, class, err := b.parse(r)
	if err != nil {
		return err
	}
	return b.keep(row, class)
}

// keep puts a clean row into the spool.
func (b *textBuilder) keep(row TextRow, class string) error {
	b.record = append(appendContent(b.record[:0], row), class...)
	sum := sha256.Sum256(b.record)
	if key := binary.LittleEndian.Uint64(sum[:]); b.opt.DropDuplicates {
		if _, ok := b.seen[key]; ok {
			return &badRow{Duplicate, ""}
		}
		b.seen[key] = struct{}{}
	}
	if b.opt.Class != "" {
		label, err := b.label(class)
		if err != nil {
			return err
		}
		b.labels = append(b.labels, label)
	}
	b.fingerprint.Write(sum[:])
	length := 0
	for _, text := range row.Texts {
		length = max(length, len(text))
	}
	b.lengths = append(b.lengths, uint16(min(length, maxLength)))
	b.anchors = append(b.anchors, crc32.ChecksumIEEE([]byte(row.Texts[0])))
	b.record = appendRow(b.record[:0], row)
	return b.spool.add(b.record)
}

// parse returns the cleaned texts of a row, its score and the name of its class.
func (b *textBuilder) parse(r textRecord) (row TextRow, class string, err error) {
	values := r.values
	row.Line = r.line
	if b.opt.Score != "" {
		last := values[len(values)-1]
		values = values[:len(values)-1]
		row.Score, err = strconv.ParseFloat(strings.TrimSpace(last), 64)
		if err != nil || math.IsNaN(row.Score) || math.IsInf(row.Score, 0) {
			return row, "", malformed("the score %.40q is not a number", last)
		}
	}
	if b.opt.Class != "" {
		class = strings.TrimSpace(values[len(values)-1])
		values = values[:len(values)-1]
		if !utf8.ValidString(class) {
			return row, "", &badRow{InvalidUTF8, ""}
		}
	}
	for _, value := range values {
		text, err := b.opt.clean(value)
		if err != nil {
			return row, "", err
		}
		row.Texts = append(row.Texts, text)
	}
	return row, class, nil
}

// label returns the number of a class, -1 for none.
func (b *textBuilder) label(class string) (int32, error) {
	if class == "" {
		return -1, nil
	}
	label, ok := b.classes[class]
	if !ok {
		if len(b.classes) == maxClasses {
			return 0, fmt.Errorf("column %q has more than %d different values: it is no class", b.opt.Class, maxClasses)
		}
		label = int32(len(b.classes))
		b.classes[strings.Clone(class)] = label
	}
	return label, nil
}

// text returns what was built. Classes are numbered in the order of their names.
func (b *textBuilder) text(columns []string) *Text {
	t := &Text{Dropped: b.dropped.list(), spool: b.spool, labels: b.labels, lengths: slices.Clip(b.lengths), anchors: slices.Clip(b.anchors)}
	t.Columns = columns[:max(1, len(b.opt.Texts))]
	number := make([]int32, len(b.classes))
	for class := range b.classes {
		t.Classes = append(t.Classes, class)
	}
	slices.Sort(t.Classes)
	for i, class := range t.Classes {
		number[b.classes[class]] = int32(i)
	}
	for i, label := range t.labels {
		if label >= 0 {
			t.labels[i] = number[label]
		}
	}
	b.fingerprint.Sum(t.hash[:0])
	return t
}
