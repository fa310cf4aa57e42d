package eval

import (
	"fmt"

	"github.com/alike-ml/alike/metric"
)

// LabelledTexts are texts with the number of each one's class, -1 for none.
type LabelledTexts struct {
	Texts  []string
	Labels []int
}

// SplitVectors are what an encoder made of the training and the test items, one a row.
type SplitVectors struct {
	Train, Test metric.Matrix
}

// ScoreTextKNN scores the classes of test texts by their nearest training texts. The raw baseline is the same vote of the nearest
// by TF-IDF, with the rarity of words counted in the training texts. Without untrained vectors there are no baselines. Errors
// are those of [metric.KNN], and training texts without any word.
func ScoreTextKNN(train, test LabelledTexts, trained SplitVectors, untrained *SplitVectors, options metric.KNNOptions) (*KNN, error) {
	own, err := metric.KNN(trained.Train, train.Labels, trained.Test, test.Labels, options)
	if err != nil {
		return nil, err
	}
	k := &KNN{Accuracy: own.Accuracy, K: own.K, Temperature: own.Temperature}
	if untrained == nil {
		return k, nil
	}
	k.Baselines, err = textBaselines(train, test, *untrained,
		func(v SplitVectors) (float64, error) {
			r, err := metric.KNN(v.Train, train.Labels, v.Test, test.Labels, options)
			return r.Accuracy, err
		},
		func(fitted, scored metric.Sparse) (float64, error) {
			r, err := metric.KNN(fitted, train.Labels, scored, test.Labels, options)
			return r.Accuracy, err
		})
	return k, err
}

// ProbeProgress is told whose vectors a linear probe is fitted to, and how many of its fits are done. The probe ends with the error that
// it returns.
type ProbeProgress func(whose string, fits, total int) error

// of are the options of a probe that tells whose it is; without anyone to tell, they are as they were.
func (p ProbeProgress) of(whose string, options metric.ProbeOptions) metric.ProbeOptions {
	if p != nil {
		options.Progress = func(fits, total int) error { return p(whose, fits, total) }
	}
	return options
}

// ScoreTextProbe scores the classes of test texts by a linear probe that is fitted to the training texts' vectors. The raw baseline is
// the same probe of their TF-IDF vectors, with a strength of regularisation of its own. Where progress is not nil it is told of every
// probe, in the place of the options' own. For the rest it is as [ScoreTextKNN].
func ScoreTextProbe(train, test LabelledTexts, trained SplitVectors, untrained *SplitVectors, options metric.ProbeOptions, progress ProbeProgress) (*Linear, error) {
	own, err := metric.LinearProbe(trained.Train, train.Labels, trained.Test, test.Labels, progress.of(thisEncoder, options))
	if err != nil {
		return nil, err
	}
	l := &Linear{Accuracy: own.Accuracy, C: own.C, Converged: own.Converged}
	if untrained == nil {
		return l, nil
	}
	l.Baselines, err = textBaselines(train, test, *untrained,
		func(v SplitVectors) (float64, error) {
			r, err := metric.LinearProbe(v.Train, train.Labels, v.Test, test.Labels, progress.of(untrainedEncoder, options))
			return r.Accuracy, err
		},
		func(fitted, scored metric.Sparse) (float64, error) {
			r, err := metric.LinearProbe(fitted, train.Labels, scored, test.Labels, progress.of("tf-idf", options))
			return r.Accuracy, err
		})
	return l, err
}

// textBaselines has the score of the untrained encoder's vectors and of TF-IDF vectors.
func textBaselines(train, test LabelledTexts, untrained SplitVectors, score func(SplitVectors) (float64, error),
	scoreWords func(train, test metric.Sparse) (float64, error)) (*Baselines, error) {
	b := &Baselines{Majority: majorityShare(train.Labels, test.Labels)}
	var err error
	if b.RandomInit, err = score(untrained); err != nil {
		return nil, fmt.Errorf("the untrained encoder: %w", err)
	}
	words, err := metric.FitTFIDF(train.Texts, metric.TFIDFOptions{})
	if err != nil {
		return nil, err
	}
	if b.Raw, err = scoreWords(words.Vectors(train.Texts), words.Vectors(test.Texts)); err != nil {
		return nil, fmt.Errorf("tf-idf: %w", err)
	}
	return b, nil
}
