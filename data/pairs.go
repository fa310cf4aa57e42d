package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"slices"

	"github.com/alike-ml/alike/internal/rng"
)

// Pairs are pictures with their captions: pair i is picture i of Images with the captions that rows i of it are in Captions. They
// are only looked at and decoded when they are asked for. A Pairs does not change, and may be used by many goroutines at once until
// it is closed.
type Pairs struct {
	// Images are the pictures. Files that could not be read are in their Skipped.
	Images *Images
	// Captions are the captions, those of a picture one after another, each with the class of its picture. After the caption the
	// texts of a row are its tags.
	Captions *Text
	// Columns are the names of the columns of captions.
	Columns []string
	// Dropped are the rows that are not used, and the captions of other rows that are not, by reason. All parts share it.
	Dropped []Drop
	// Outside is the number of pictures that lie outside of the table's folder.
	Outside int

	starts  []int    // where the captions of each picture begin in Captions; and their number
	caption []int32  // of each row of Captions: equal captions have equal numbers
	content []int32  // of each picture: equal files have equal numbers
	groups  []string // of each picture, "" for none; nil where no column has them
	keys    []uint64 // of each picture: what the beginning and the size of its file come to
	store   *pictureStore
}

// PairRow is one picture's captions and where they are from.
type PairRow struct {
	// Name is what the table calls the picture: its path, or the row that holds it.
	Name string
	// Captions are its captions, at least one and no two equal.
	Captions []string
	// Tags are its tags, no two equal.
	Tags []string
	// Class is the name of its class; "" for none.
	Class string
	// Line is where its first row begins in the file, from 1; for Parquet it is the number of the row.
	Line int
}

// Len returns the number of pictures.
func (p *Pairs) Len() int { return p.Images.Len() }

// Row reads the captions of picture i; Images.Image reads the picture. The error says what is wrong with the temporary file of the
// captions, or that it is closed.
func (p *Pairs) Row(i int) (PairRow, error) {
	row := PairRow{Name: p.Images.Items[i].Path}
	if label := p.Images.Items[i].Label; label >= 0 {
		row.Class = p.Images.Classes[label]
	}
	first, end := p.CaptionRows(i)
	for k := first; k < end; k++ {
		text, err := p.Captions.Row(k)
		if err != nil {
			return row, err
		}
		if k == first {
			row.Line = text.Line
		}
		row.Captions = append(row.Captions, text.Texts[0])
		for _, tag := range text.Texts[1:] {
			if !slices.Contains(row.Tags, tag) {
				row.Tags = append(row.Tags, tag)
			}
		}
	}
	return row, nil
}

// CaptionRows returns which rows of Captions are those of picture i: from first up to, but not including, end.
func (p *Pairs) CaptionRows(i int) (first, end int) { return p.starts[i], p.starts[i+1] }

// CaptionID returns a number of row k of Captions that equal captions share, whichever pictures they are of.
func (p *Pairs) CaptionID(k int) int { return int(p.caption[k]) }

// CaptionIn returns which row of Captions picture i comes with in an epoch of training: one of its own, drawn evenly from
// rng.New(seed, epoch, i, rng.Caption).
func (p *Pairs) CaptionIn(seed uint64, epoch, i int) int { return p.captionFor(i, seed, epoch, i) }

// captionFor is a row of picture i, drawn with the numbers of the picture in whose place it stands.
func (p *Pairs) captionFor(i int, seed uint64, epoch, item int) int {
	first, end := p.CaptionRows(i)
	return first + rng.New(seed, epoch, item, rng.Caption).IntN(end-first)
}

// Turns returns the pictures in groups of which each epoch of training has one picture, in the order of their first ones. Without a
// column of groups every picture is a group, and so is one that has none in it.
func (p *Pairs) Turns() [][]int {
	var groups [][]int
	place := make(map[string]int)
	for i := range p.Len() {
		name := ""
		if p.groups != nil {
			name = p.groups[i]
		}
		g, known := place[name]
		if !known || name == "" {
			g = len(groups)
			place[name] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

// ContentID returns a number of picture i that pictures share whose files are the same, byte by byte.
func (p *Pairs) ContentID(i int) int { return int(p.content[i]) }

// Duplicates returns how many pictures are, byte by byte, the same as an earlier one, and how many rows of Captions say the same as
// a caption of an earlier picture.
func (p *Pairs) Duplicates() (pictures, captions int) { return repeats(p.content), repeats(p.caption) }

// repeats counts the numbers that occur earlier in the list.
func repeats(list []int32) int {
	seen := make(map[int32]struct{}, len(list))
	for _, v := range list {
		seen[v] = struct{}{}
	}
	return len(list) - len(seen)
}

// with returns some of the pairs, in the order of items.
func (p *Pairs) with(items []int) *Pairs {
	other := *p
	var list []Item
	var rows []uint32
	other.starts, other.caption, other.content, other.groups, other.keys = []int{0}, nil, nil, nil, nil
	for _, i := range items {
		list = append(list, p.Images.Items[i])
		first, end := p.CaptionRows(i)
		for k := first; k < end; k++ {
			rows = append(rows, uint32(p.Captions.at(k)))
			other.caption = append(other.caption, p.caption[k])
		}
		other.starts = append(other.starts, len(rows))
		other.content = append(other.content, p.content[i])
		other.keys = append(other.keys, p.keys[i])
		if p.groups != nil {
			other.groups = append(other.groups, p.groups[i])
		}
	}
	other.Images, other.Captions = p.Images.with(list), p.Captions.with(rows)
	return &other
}

// Fingerprint identifies the pairs and their order, in 32 letters and digits: names, captions, classes, groups, and of each picture the
// size and the first 4 KiB. It does not depend on the format of the table, on its name, or on what was dropped.
func (p *Pairs) Fingerprint() string {
	hash := sha256.New()
	io.WriteString(hash, p.Captions.Fingerprint())
	var b []byte
	for i, item := range p.Images.Items {
		b = binary.LittleEndian.AppendUint64(b[:0], p.keys[i])
		b = binary.AppendUvarint(b, uint64(p.starts[i]))
		b = binary.AppendUvarint(b, uint64(len(item.Path)))
		hash.Write(append(b, item.Path...))
	}
	for _, group := range p.groups {
		b = binary.AppendUvarint(b[:0], uint64(len(group)))
		hash.Write(append(b, group...))
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// Close removes the temporary files. Captions of all parts of the pairs can no longer be read, nor pictures that the table or a
// compressed shard holds.
func (p *Pairs) Close() error {
	return errors.Join(p.Captions.Close(), p.store.close())
}
