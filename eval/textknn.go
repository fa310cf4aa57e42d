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
	random, err := metric.KNN(untrained.Train, train.Labels, untrained.Test, test.Labels, options)
	if err != nil {
		return nil, fmt.Errorf("the untrained encoder: %w", err)
	}
	words, err := metric.FitTFIDF(train.Texts, metric.TFIDFOptions{})
	if err != nil {
		return nil, err
	}
	raw, err := metric.KNN(words.Vectors(train.Texts), train.Labels, words.Vectors(test.Texts), test.Labels, options)
	if err != nil {
		return nil, fmt.Errorf("tf-idf: %w", err)
	}
	k.Baselines = &Baselines{Raw: raw.Accuracy, RandomInit: random.Accuracy, Majority: majorityShare(train.Labels, test.Labels)}
	return k, nil
}
