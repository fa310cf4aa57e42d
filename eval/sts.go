package eval

import (
	"errors"
	"fmt"

	"github.com/alike-ml/alike/metric"
)

// STS says how well the similarity of pairs of texts agrees with how alike people judge them. A correlation is null where it is
// undefined because all similarities are equal, as those of a collapsed encoder are.
type STS struct {
	// Spearman is the rank correlation over all pairs, in [-1, 1]: see [metric.Spearman].
	Spearman *float64 `json:"spearman"`
	// Pearson is the linear one: see [metric.Pearson].
	Pearson   *float64      `json:"pearson"`
	Pairs     int           `json:"pairs"`
	Baselines *STSBaselines `json:"baselines,omitempty"`
}

// STSBaselines are the same rank correlation without learning.
type STSBaselines struct {
	// TFIDF is that of the cosine of TF-IDF vectors, with the rarity of words counted in the texts of the pairs themselves.
	TFIDF *float64 `json:"tfidf"`
	// WordOverlap is that of the share of words in common: see [metric.WordOverlap].
	WordOverlap *float64 `json:"word_overlap"`
	// RandomInit is that of the same encoder with the weights it started from.
	RandomInit *float64 `json:"random_init"`
}

// PairVectors are what an encoder made of pairs of texts: row i of both, [pairs, dim], is pair i.
type PairVectors struct {
	First, Second metric.Matrix
}

// ScoreSTS scores an encoder's vectors of the pairs (first[i], second[i]), which people judged as alike as judged[i], on any scale
// that rises. Without untrained vectors there are no baselines. It is an error if there are not as many of everything, or the
// judgements are not finite or all equal.
func ScoreSTS(first, second []string, judged []float64, trained PairVectors, untrained *PairVectors) (*STS, error) {
	if len(second) != len(first) || len(judged) != len(first) {
		return nil, fmt.Errorf("sts: %d first texts, %d second texts and %d judgements: there must be as many of each", len(first), len(second), len(judged))
	}
	similarities, err := metric.PairSimilarities(trained.First, trained.Second)
	if err != nil {
		return nil, fmt.Errorf("sts: %w", err)
	}
	s := &STS{Pairs: len(first)}
	if s.Spearman, err = correlate(metric.Spearman, similarities, judged); err != nil {
		return nil, err
	}
	if s.Pearson, err = correlate(metric.Pearson, similarities, judged); err != nil || untrained == nil {
		return s, err
	}
	s.Baselines, err = stsBaselines(first, second, judged, *untrained)
	return s, err
}

func stsBaselines(first, second []string, judged []float64, untrained PairVectors) (*STSBaselines, error) {
	random, err := metric.PairSimilarities(untrained.First, untrained.Second)
	if err != nil {
		return nil, fmt.Errorf("sts: the untrained encoder's %w", err)
	}
	overlap := make([]float64, len(first))
	for i, text := range first {
		overlap[i] = metric.WordOverlap(text, second[i])
	}
	weighted := make([]float64, len(first)) // without any word nothing is alike
	if words, err := metric.FitTFIDF(append(append([]string{}, first...), second...), metric.TFIDFOptions{}); err == nil {
		if weighted, err = metric.PairSimilarities(words.Vectors(first), words.Vectors(second)); err != nil {
			return nil, fmt.Errorf("sts: %w", err)
		}
	}
	b := &STSBaselines{}
	for _, one := range []struct {
		score        **float64
		similarities []float64
	}{{&b.TFIDF, weighted}, {&b.WordOverlap, overlap}, {&b.RandomInit, random}} {
		if *one.score, err = correlate(metric.Spearman, one.similarities, judged); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// correlate returns the correlation of similarities with judgements, or nil where the similarities are all equal.
func correlate(correlation func(x, y []float64) (float64, error), similarities, judged []float64) (*float64, error) {
	c, err := correlation(judged, similarities)
	if errors.Is(err, metric.ErrConstant) {
		// The judgements have to differ: then it is the similarities that do not.
		if _, err := correlation(judged, judged); err != nil {
			return nil, fmt.Errorf("sts: the judgements say nothing: %w", err)
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sts: judgements (first) and similarities (second): %w", err)
	}
	return &c, nil
}
