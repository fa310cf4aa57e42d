package pretrained

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
)

// Vectors are those that a file has for the tokens of a vocabulary.
type Vectors struct {
	// Width is that of a vector.
	Width int
	// Words is how many words the file has, Found how many tokens of the vocabulary are among them.
	Words, Found int

	rows map[int32][]float32 // by token
}

// maxLine bounds a line of a file of vectors, in bytes: a thousand numbers take some ten thousand.
const maxLine = 1 << 20

// ReadVectors reads word vectors as GloVe (Pennington et al. 2014, stanfordnlp/GloVe) and word2vec (Mikolov et al. 2013) write them: a
// line a word, with its numbers behind, after a line with the counts of words and numbers in word2vec's case; or, in a file whose name
// ends in .bin, word2vec's binary format. A path that ends in .gz is unpacked. Token finds a word in the vocabulary; the vectors of
// others are not kept, so that memory does not grow with the file. The first of several vectors of a word counts. Errors name the line,
// or in the binary format the word.
func ReadVectors(path string, token func(word string) (id int32, known bool)) (*Vectors, error) {
	v, err := readVectors(path, token, false)
	if err == nil && v.Words == 0 {
		err = fmt.Errorf("%s: no word vectors in it", path)
	}
	if err != nil {
		return nil, err
	}
	v.Found = len(v.rows)
	return v, nil
}

// VectorsWidth returns how many numbers the vectors have in a file that [ReadVectors] reads, of which it reads the beginning.
func VectorsWidth(path string) (int, error) {
	v, err := readVectors(path, func(string) (int32, bool) { return 0, false }, true)
	if err == nil && v.Width == 0 {
		err = fmt.Errorf("%s: no word vectors in it", path)
	}
	if err != nil {
		return 0, err
	}
	return v.Width, nil
}

// readVectors reads a file, or of it only as much as says how wide the vectors are.
func readVectors(path string, token func(string) (int32, bool), widthOnly bool) (*Vectors, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		unpacked, err := gzip.NewReader(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		r = unpacked
	}
	v := &Vectors{rows: map[int32][]float32{}}
	if strings.HasSuffix(strings.TrimSuffix(path, ".gz"), ".bin") {
		err = v.readBinary(bufio.NewReader(r), token, widthOnly)
	} else {
		err = v.readText(r, token, widthOnly)
	}
	if err != nil {
		return nil, fmt.Errorf("%s%w", path, err)
	}
	return v, nil
}

// readText reads lines. Errors go on from the file's name.
func (v *Vectors) readText(r io.Reader, token func(string) (int32, bool), widthOnly bool) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	number := 0
	for ; !(widthOnly && v.Width > 0) && lines.Scan(); number++ {
		if err := v.add(number, lines.Bytes(), token); err != nil {
			return fmt.Errorf(", line %d: %w", number+1, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf(", line %d: more than %d bytes: this is no text file of word vectors; those of word2vec's binary format are named .bin", number+1, maxLine)
	case err != nil:
		return fmt.Errorf(", line %d: %w", number+1, err)
	}
	return nil
}

// add reads a line. The first one says how many numbers the others have. Words may hold spaces, as some of GloVe's do: the numbers
// are counted from the end.
func (v *Vectors) add(number int, line []byte, token func(string) (int32, bool)) error {
	line = bytes.TrimRight(line, " \t\r")
	if len(line) == 0 {
		return nil
	}
	if v.Width == 0 {
		fields := bytes.Fields(line)
		if number == 0 && len(fields) == 2 {
			words, wordsErr := strconv.Atoi(string(fields[0]))
			width, widthErr := strconv.Atoi(string(fields[1]))
			if wordsErr == nil && widthErr == nil && words >= 0 && width > 0 {
				v.Width = width
				return nil
			}
		}
		if len(fields) < 2 {
			return errors.New("want a word and its numbers")
		}
		v.Width = len(fields) - 1
	}
	start := len(line)
	for range v.Width {
		if start = bytes.LastIndexAny(line[:start], " \t"); start <= 0 {
			return fmt.Errorf("want a word and %d numbers", v.Width)
		}
		start = len(bytes.TrimRight(line[:start], " \t"))
	}
	if start == 0 {
		return fmt.Errorf("want a word and %d numbers", v.Width)
	}
	v.Words++
	id, known := token(string(line[:start]))
	if _, seen := v.rows[id]; !known || seen {
		return nil
	}
	row := make([]float32, 0, v.Width)
	for _, field := range bytes.FieldsFunc(line[start:], func(r rune) bool { return r == ' ' || r == '\t' }) {
		value, err := strconv.ParseFloat(string(field), 32)
		if err != nil || value-value != 0 {
			return fmt.Errorf("%q is not a number that can be used", field)
		}
		row = append(row, float32(value))
	}
	v.rows[id] = row
	return nil
}

// Assign gives the tokens that have one their vector in the encoder in scope, whose vectors must be as wide. The others keep theirs,
// or are drawn, small beside them.
func (v *Vectors) Assign(scope *model.Scope, encoder backbone.Static) error {
	if encoder.Width != v.Width {
		return fmt.Errorf("the word vectors have %d numbers, the encoder's are %d wide", v.Width, encoder.Width)
	}
	words := encoder.Words(scope)
	old, err := words.Value()
	if err != nil {
		return err
	}
	values, err := tensors.CopyFlatData[float32](old)
	if err != nil {
		return err
	}
	for id, row := range v.rows {
		if id < 0 || int(id) >= encoder.Vocabulary {
			return fmt.Errorf("token %d is not one of the encoder's %d", id, encoder.Vocabulary)
		}
		copy(values[int(id)*v.Width:], row)
	}
	return words.SetValue(tensors.FromFlatDataAndDimensions(values, encoder.Vocabulary, encoder.Width))
}
