package eval

import (
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/metric"
)

// Report is what an evaluation found. It is what `alike eval --json` prints.
type Report struct {
	Tasks Scores `json:"tasks"`
	// Geometry is left out where nothing is scored but zero-shot classification.
	Geometry metric.Geometry `json:"geometry,omitzero"`
	Data     DataSummary     `json:"data"`
	Model    embed.Config    `json:"model"`
}

// Scores has a score for each task that was run.
type Scores struct {
	KNN    *KNN    `json:"knn,omitempty"`
	Linear *Linear `json:"linear,omitempty"`
	// ZeroShot is of pictures in folders by class alone, by a model of pictures and texts.
	ZeroShot *ZeroShot `json:"zero_shot,omitempty"`
	// These are for texts alone. How alike pairs are is scored whenever there are pairs with scores.
	Retrieval *Retrieval `json:"retrieval,omitempty"`
	STS       *STS       `json:"sts,omitempty"`
}

// KNN is the accuracy of k nearest neighbours: see [metric.KNN].
type KNN struct {
	Accuracy    float64    `json:"accuracy"`
	K           int        `json:"k"`
	Temperature float64    `json:"temperature"`
	Baselines   *Baselines `json:"baselines,omitempty"`
}

// Linear is the accuracy of a linear probe: see [metric.LinearProbe].
type Linear struct {
	Accuracy float64 `json:"accuracy"`
	// C is the inverse strength of the regularisation, chosen on the training part. Converged says that the fit is the optimum.
	C         float64    `json:"c"`
	Converged bool       `json:"converged"`
	Baselines *Baselines `json:"baselines,omitempty"`
}

// Baselines are the same score without learning.
type Baselines struct {
	// Raw is the score of raw 32x32 pixels; for texts, of TF-IDF.
	Raw float64 `json:"raw"`
	// RandomInit is the score of the same encoder with the weights it started from.
	RandomInit float64 `json:"random_init"`
	// Majority is the share of the most frequent class of the training pictures among the test pictures.
	Majority float64 `json:"majority"`
}

// DataSummary says what the scores were measured on.
type DataSummary struct {
	// Train and Test count the pictures, or rows of text, that could be read.
	Train   int      `json:"train"`
	Test    int      `json:"test"`
	Classes []string `json:"classes"`
	// Split says where the test items come from.
	Split   string `json:"split"`
	Skipped int    `json:"skipped"`
	// Repeated counts the test texts that are among those to learn the classes from, to the letter.
	Repeated int `json:"repeated,omitempty"`
	// Unknown counts the test items of a class that none of those to learn from is of: they count as wrong.
	Unknown int `json:"unknown,omitempty"`
}

// unknown counts the test labels, -1 for none, that are not among the training labels.
func unknown(train, test []int) (n int) {
	known := map[int]bool{-1: true}
	for _, label := range train {
		known[label] = true
	}
	for _, label := range test {
		if !known[label] {
			n++
		}
	}
	return n
}

// majorityShare is the accuracy of always answering the most frequent class of the training labels.
func majorityShare(train, test []int) float64 {
	counts := map[int]int{}
	best := -1
	for _, l := range train {
		if l < 0 {
			continue
		}
		counts[l]++
		if best < 0 || counts[l] > counts[best] || counts[l] == counts[best] && l < best {
			best = l
		}
	}
	right, labelled := 0, 0
	for _, l := range test {
		if l >= 0 {
			labelled++
		}
		if l >= 0 && l == best {
			right++
		}
	}
	return float64(right) / float64(max(labelled, 1))
}
