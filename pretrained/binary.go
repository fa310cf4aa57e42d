package pretrained

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Limits of word2vec's binary format, whose header says how much is to be read.
const (
	maxVectorWidth = 1 << 14
	maxWordBytes   = 1 << 12
)

// readBinary reads word2vec's binary format (tmikolov/word2vec, word2vec.c and distance.c): a line with the counts of words and
// numbers, then for every word its bytes, a space and its numbers, float32 with the lowest byte first, perhaps with a line's end behind.
// Errors go on from the file's name.
func (v *Vectors) readBinary(r *bufio.Reader, token func(string) (int32, bool), widthOnly bool) error {
	header, err := r.ReadSlice('\n')
	var words int
	if _, scanErr := fmt.Sscanf(string(header), "%d %d\n", &words, &v.Width); err != nil || scanErr != nil {
		return errors.New(": it does not begin with the counts of words and numbers, as word2vec's binary files do")
	}
	if words < 0 || v.Width < 1 || v.Width > maxVectorWidth {
		return fmt.Errorf(": it is said to have %d words with %d numbers", words, v.Width)
	}
	if widthOnly {
		return nil
	}
	numbers := make([]byte, 4*v.Width)
	for ; v.Words < words; v.Words++ {
		word, err := readWord(r)
		if err == nil {
			_, err = io.ReadFull(r, numbers)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("the file ends before its %d words do", words)
		}
		if err != nil {
			return fmt.Errorf(", word %d: %w", v.Words+1, err)
		}
		id, known := token(word)
		if _, seen := v.rows[id]; !known || seen {
			continue
		}
		row := make([]float32, v.Width)
		for i := range row {
			row[i] = math.Float32frombits(binary.LittleEndian.Uint32(numbers[4*i:]))
			if row[i]-row[i] != 0 {
				return fmt.Errorf(", word %d: the vector of %q has %g in it", v.Words+1, word, row[i])
			}
		}
		v.rows[id] = row
	}
	return nil
}

// readWord reads up to the space behind a word, which the line's end of the one before may stand in front of.
func readWord(r *bufio.Reader) (string, error) {
	var word strings.Builder
	for {
		b, err := r.ReadByte()
		switch {
		case err != nil:
			return "", err
		case b == ' ':
			return word.String(), nil
		case b == '\n' && word.Len() == 0:
		case word.Len() == maxWordBytes:
			return "", fmt.Errorf("a word of more than %d bytes: this is not word2vec's binary format", maxWordBytes)
		default:
			word.WriteByte(b)
		}
	}
}
