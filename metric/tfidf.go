package metric

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// TFIDFOptions are the settings of [FitTFIDF]. The zero value is scikit-learn's default.
type TFIDFOptions struct {
	// Sublinear counts a word that occurs n times as 1 + ln n instead of n.
	Sublinear bool
}

// TFIDF makes vectors of texts from the words in them, without learning what words mean: how often each occurs, times how rare
// it is. It is what trained encoders of texts have to beat. It is safe for concurrent use.
type TFIDF struct {
	columns map[string]int32
	rarity  []float64
	options TFIDFOptions
}

// FitTFIDF counts the words of texts: their vocabulary, in alphabetical order, gives the columns, and a word in d of n texts has
// the rarity  ln((1 + n)/(1 + d)) + 1. This is scikit-learn's TfidfVectorizer, with its smooth_idf. It is an error if no text has
// a word.
func FitTFIDF(texts []string, options TFIDFOptions) (*TFIDF, error) {
	in := map[string]int{}
	for _, text := range texts {
		for word := range countWords(text) {
			in[word]++
		}
	}
	if len(in) == 0 {
		return nil, fmt.Errorf("tf-idf: none of %d texts has a word of two letters or more", len(texts))
	}
	t := &TFIDF{columns: make(map[string]int32, len(in)), options: options}
	for _, word := range slices.Sorted(maps.Keys(in)) {
		t.columns[word] = int32(len(t.rarity))
		t.rarity = append(t.rarity, math.Log(float64(1+len(texts))/float64(1+in[word]))+1)
	}
	return t, nil
}

func countWords(text string) map[string]int {
	counts := map[string]int{}
	for _, word := range words(text) {
		counts[word]++
	}
	return counts
}

// Vectors returns the vectors of texts, [len(texts), words], with rows of length 1; those without a known word are zero.
func (t *TFIDF) Vectors(texts []string) Sparse {
	rows := make([]map[int32]float64, len(texts))
	parallel(len(texts), func(i int) {
		rows[i] = map[int32]float64{}
		for word, n := range countWords(texts[i]) {
			if column, known := t.columns[word]; known {
				count := float64(n)
				if t.options.Sublinear {
					count = 1 + math.Log(count)
				}
				rows[i][column] = count * t.rarity[column]
			}
		}
	})
	out := Sparse{Rows: len(texts), Cols: len(t.rarity), Starts: make([]int, 1, len(texts)+1)}
	for _, row := range rows {
		for _, column := range slices.Sorted(maps.Keys(row)) {
			out.Columns = append(out.Columns, column)
			out.Values = append(out.Values, float32(row[column]))
		}
		out.Starts = append(out.Starts, len(out.Values))
	}
	return out.Normalized()
}
