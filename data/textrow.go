package data

import (
	"encoding/binary"
	"errors"
	"math"
)

// TextRow is one row of a [Text].
type TextRow struct {
	// Texts are a sentence, or two that are alike, or anchor, positive and hard negative: one for each of Text.Columns.
	Texts []string
	// Label is the class of the row, an index into Text.Classes; -1 for none.
	Label int
	// Score is the number in the score column; 0 when there is none.
	Score float64
	// Line is where the row begins in the file, from 1; for Parquet and JSON it is the number of the row.
	Line int
}

// appendRow appends the row as the spool keeps it: the line, the score and the texts with their lengths. The label is kept
// elsewhere.
func appendRow(b []byte, r TextRow) []byte {
	b = binary.AppendUvarint(b, uint64(r.Line))
	return appendContent(b, r)
}

// appendContent appends what makes two rows the same wherever they stand, but for the class.
func appendContent(b []byte, r TextRow) []byte {
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(r.Score))
	for _, text := range r.Texts {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}

// parseRow reads what appendRow wrote.
func parseRow(b []byte) (TextRow, error) {
	damaged := errors.New("the temporary file was changed")
	line, n := binary.Uvarint(b)
	if n <= 0 || len(b) < n+8 {
		return TextRow{}, damaged
	}
	r := TextRow{Line: int(line), Score: math.Float64frombits(binary.LittleEndian.Uint64(b[n:]))}
	for b = b[n+8:]; len(b) > 0; {
		size, n := binary.Uvarint(b)
		if n <= 0 || uint64(len(b)-n) < size {
			return TextRow{}, damaged
		}
		r.Texts = append(r.Texts, string(b[n:n+int(size)]))
		b = b[n+int(size):]
	}
	return r, nil
}
