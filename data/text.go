package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Text is the rows of a file of text, cleaned. They lie in a temporary file; memory holds about 14 bytes of each. A Text
// does not change, but by [Text.Measure], and may be used by many goroutines at once until it is closed.
type Text struct {
	// Columns are the names of the columns of the texts; "text" for a file of a sentence a line.
	Columns []string
	// Classes are the names of the labels, sorted; empty when no class was asked for, or no row has one.
	Classes []string
	// Dropped are the rows of the file that are not used, by reason. All splits share it.
	Dropped []Drop

	spool   *spool
	labels  []int32  // of each row in the spool; nil for none
	lengths []uint16 // of each row in the spool
	anchors []uint32 // of each row in the spool: a hash of its first text
	hash    [sha256.Size]byte
	rows    []uint32 // which rows of the spool these are; nil for all
}

// Len returns the number of rows.
func (t *Text) Len() int {
	if t.rows != nil {
		return len(t.rows)
	}
	return t.spool.len()
}

// at returns where row i is in the spool.
func (t *Text) at(i int) int {
	if t.rows != nil {
		return int(t.rows[i])
	}
	return i
}

// Row reads row i. The error says what is wrong with the temporary file, or that it is closed.
func (t *Text) Row(i int) (TextRow, error) {
	record, err := t.spool.read(t.at(i))
	if err != nil {
		return TextRow{}, err
	}
	row, err := parseRow(record)
	row.Label = t.Label(i)
	return row, err
}

// Rows yields the rows in order. An error is the last it yields.
func (t *Text) Rows() iter.Seq2[TextRow, error] {
	return func(yield func(TextRow, error) bool) {
		for i := range t.Len() {
			row, err := t.Row(i)
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Label returns the class of row i, an index into Classes; -1 for none.
func (t *Text) Label(i int) int {
	if t.labels == nil {
		return -1
	}
	return int(t.labels[t.at(i)])
}

// Labels returns the class of every row, in order.
func (t *Text) Labels() []int {
	labels := make([]int, t.Len())
	for i := range labels {
		labels[i] = t.Label(i)
	}
	return labels
}

// maxLength is the most that Length tells.
const maxLength = 1<<16 - 1

// Length returns the bytes of the longest text of row i, or what [Text.Measure] was told, or 65,535 if that is more. It reads no file.
func (t *Text) Length(i int) int { return int(t.lengths[t.at(i)]) }

// Measure makes [Text.Length] tell what measure returns of each row: the tokens of its longest text, say, by which batches are padded. It
// reads all rows, with as many goroutines at once as there are processors. Other splits are as they were.
func (t *Text) Measure(measure func(TextRow) int) error {
	const share = 1024
	lengths := slices.Clone(t.lengths)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < t.Len(); from += share {
		group.Go(func() error {
			for i := from; i < min(from+share, t.Len()); i++ {
				row, err := t.Row(i)
				if err != nil {
					return err
				}
				lengths[t.at(i)] = uint16(min(max(0, measure(row)), maxLength))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	t.lengths = lengths
	return nil
}

// HoldOut divides the rows into those to train on and n held-out ones, the same for the same seed. Rows with a class are held
// out in proportion to their classes (largest remainder; those without count as a class). Rows with one first text are all on the
// side that the first of them was drawn for, so that none is held out whose anchor training sees: where texts are shared, somewhat
// more or fewer than n are held out. At least one row must be left on either side. Both parts read the same temporary file:
// closing one closes all.
func (t *Text) HoldOut(n int, seed uint64) (train, held *Text, err error) {
	out, err := holdOut(t.Labels(), n, seed, "rows")
	if err != nil {
		return nil, nil, err
	}
	side := make(map[uint32]bool, t.Len())
	count := 0
	for i := range out {
		anchor := t.anchors[t.at(i)]
		if first, seen := side[anchor]; seen {
			out[i] = first
		} else {
			side[anchor] = out[i]
		}
		if out[i] {
			count++
		}
	}
	if count == 0 || count == t.Len() {
		return nil, nil, fmt.Errorf("cannot hold out %d of %d rows: rows with the same first text stay together, and have %d texts; hold out none, or another number", n, t.Len(), len(side))
	}
	train, held = t.divide(out)
	return train, held, nil
}

// Some returns n of the rows, drawn as HoldOut draws them, whatever texts they share with others, in their order, or all when there are
// no more.
func (t *Text) Some(n int, seed uint64) *Text {
	if t.Len() <= n {
		return t
	}
	_, some := t.divide(drawn(t.Labels(), n, seed))
	return some
}

// divide returns the rows that are not out, and those that are.
func (t *Text) divide(out []bool) (train, held *Text) {
	train, held = t.with(nil), t.with(nil)
	for i, isHeld := range out {
		part := train
		if isHeld {
			part = held
		}
		part.rows = append(part.rows, uint32(t.at(i)))
	}
	return train, held
}

// with returns other rows of the same file.
func (t *Text) with(rows []uint32) *Text {
	other := *t
	other.rows = rows
	return &other
}

// Fingerprint identifies the rows, what is in them and their order, in 32 letters and digits. It does not depend on the format of
// the file, on its name, or on what was dropped.
func (t *Text) Fingerprint() string {
	hash := sha256.New()
	hash.Write(t.hash[:])
	for _, row := range t.rows {
		hash.Write(binary.LittleEndian.AppendUint32(nil, row))
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// Close removes the temporary file. The rows of all parts of the text can no longer be read.
func (t *Text) Close() error { return t.spool.close() }
