package pretrained

import (
	"strings"
	"unicode"
)

// Meanings are what words mean in general: the vectors that a file has for those of some texts.
type Meanings struct {
	// Width is that of a vector.
	Width int
	// Words is how many words the file has, Found how many of the texts' are among them.
	Words, Found int

	rows map[string][]float32
}

// ReadMeanings reads the vectors of the texts' words from a file as [ReadVectors] reads it, with its errors. A word is a run of letters and
// digits, in small letters, or as it is written where the file does not have it in small ones.
func ReadMeanings(path string, texts []string) (*Meanings, error) {
	ids := map[string]int32{}
	for _, text := range texts {
		for _, word := range wordsOf(text) {
			for _, form := range []string{strings.ToLower(word), word} {
				if _, seen := ids[form]; !seen {
					ids[form] = int32(len(ids))
				}
			}
		}
	}
	vectors, err := ReadVectors(path, func(word string) (int32, bool) {
		id, known := ids[word]
		return id, known
	})
	if err != nil {
		return nil, err
	}
	m := &Meanings{Width: vectors.Width, Words: vectors.Words, Found: vectors.Found, rows: map[string][]float32{}}
	for form, id := range ids {
		if row, found := vectors.rows[id]; found {
			m.rows[form] = row
		}
	}
	return m, nil
}

// Of returns the mean of the vectors of a text's words, [Width], those that have none left out; nil where none has one.
func (m *Meanings) Of(text string) []float32 {
	sum, count := make([]float64, m.Width), 0
	for _, word := range wordsOf(text) {
		row, found := m.rows[strings.ToLower(word)]
		if !found {
			if row, found = m.rows[word]; !found {
				continue
			}
		}
		count++
		for d, x := range row {
			sum[d] += float64(x)
		}
	}
	if count == 0 {
		return nil
	}
	mean := make([]float32, m.Width)
	for d, x := range sum {
		mean[d] = float32(x / float64(count))
	}
	return mean
}

// wordsOf are the runs of letters, with their marks, and digits in a text.
func wordsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) })
}
