package data

import "fmt"

// DropReason is why a row of a file of text is not used.
type DropReason string

// The reasons to drop a row, in the order in which they are looked for.
const (
	// Malformed rows do not have the columns they should, or are no JSON or CSV.
	Malformed DropReason = "malformed"
	// InvalidUTF8 rows are not text in UTF-8.
	InvalidUTF8 DropReason = "invalid UTF-8"
	// Empty rows have a text without a character but white space.
	Empty DropReason = "empty"
	// TooShort and TooLong rows have a text outside TextOptions.MinChars and MaxChars. A line of more than 16 MiB is too long, too.
	TooShort DropReason = "too short"
	TooLong  DropReason = "too long"
	// Duplicate rows are the same as an earlier one, once cleaned: texts, class and score.
	Duplicate DropReason = "duplicate"
	// NoPicture rows of [Pairs] have no picture, or one that cannot be read.
	NoPicture DropReason = "no picture"
)

var dropReasons = []DropReason{Malformed, InvalidUTF8, Empty, TooShort, TooLong, Duplicate, NoPicture}

// Drop says how many rows of a file were dropped for one reason.
type Drop struct {
	Reason DropReason `json:"reason"`
	Count  int        `json:"count"`
	// First are the first few of them.
	First []DroppedRow `json:"first"`
}

// DroppedRow is one row that was dropped.
type DroppedRow struct {
	// Place is the file and the line where the row begins, as file:line, both from 1; for Parquet and JSON it is the row.
	Place string `json:"place"`
	// Why says more than the reason does, in a line; it is empty when there is no more to say.
	Why string `json:"why,omitempty"`
}

// droppedShown is how many rows are listed for each reason.
const droppedShown = 10

// badRow is the error of a row that cannot be used while those after it may.
type badRow struct {
	reason DropReason
	why    string
}

func (b *badRow) Error() string { return fmt.Sprintf("%s: %s", b.reason, b.why) }

func malformed(format string, args ...any) error {
	return &badRow{Malformed, fmt.Sprintf(format, args...)}
}

// drops counts dropped rows by reason.
type drops struct {
	path   string
	counts map[DropReason]*Drop
}

func (d *drops) add(line int, bad *badRow) {
	if d.counts == nil {
		d.counts = make(map[DropReason]*Drop)
	}
	drop := d.counts[bad.reason]
	if drop == nil {
		drop = &Drop{Reason: bad.reason}
		d.counts[bad.reason] = drop
	}
	drop.Count++
	if len(drop.First) < droppedShown {
		drop.First = append(drop.First, DroppedRow{d.place(line), bad.why})
	}
}

// place says where a row is.
func (d *drops) place(line int) string { return fmt.Sprintf("%s:%d", d.path, line) }

// list returns what was dropped, in the order of the reasons.
func (d *drops) list() []Drop {
	var list []Drop
	for _, reason := range dropReasons {
		if drop := d.counts[reason]; drop != nil {
			list = append(list, *drop)
		}
	}
	return list
}
