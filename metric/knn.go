package metric

import (
	"fmt"
	"math"
	"slices"
)

// The defaults of [KNNOptions].
const (
	// DefaultK is the number of neighbours that vote. Large benchmarks use 200 (Wu et al. 2018, section 4.1, on ImageNet;
	// MoCo's CIFAR-10 demo), where a class has thousands of items; DINO (Caron et al. 2021, appendix) tries 10, 20, 100 and
	// 200. The smallest of these suits folders with tens to hundreds of items a class.
	DefaultK = 10
	// DefaultTemperature is that of MoCo's CIFAR-10 demo; Wu et al. use 0.07.
	DefaultTemperature = 0.1
)

// KNNOptions are the settings of [KNN]. The zero value means the defaults.
type KNNOptions struct {
	// K is the number of neighbours that vote; 0 means DefaultK. It is capped at the number of labelled training items.
	K int
	// Temperature divides similarities before the exponential that weighs votes; 0 means DefaultTemperature.
	Temperature float64
}

// ClassScore is how one class fared.
type ClassScore struct {
	// Class is the label.
	Class int
	// Correct of Total items of this class were predicted to be of it.
	Correct, Total int
}

// KNNResult is what [KNN] found.
type KNNResult struct {
	// Accuracy is the share of labelled queries that were classified correctly, in [0, 1].
	Accuracy float64
	// PerClass has one entry for every label among the queries, by rising label.
	PerClass []ClassScore
	// Predicted has the predicted label of every query, labelled or not.
	Predicted []int
	// K is the number of neighbours that voted, after capping.
	K int
	// Temperature is the one used.
	Temperature float64
}

// KNN classifies every query by its K nearest training items (cosine similarity s), each voting for its class with weight
// exp(s/τ) (Wu et al. 2018, "Unsupervised feature learning via non-parametric instance discrimination", section 3.4).
//
// The classes are those of the training labels; a query of any other class counts as wrong. Label -1 means none: such
// training items do not vote, such queries are predicted but not scored. Of equally similar neighbours the ones with the
// lower index vote; of classes with equal votes the one with the lower label wins.
//
// train is [n, dim] with n labels, query is [m, dim] with m labels. It is an error if a shape does not fit, an option is
// negative, or there is no labelled training item or no labelled query.
func KNN[V Vectors[V]](train V, trainLabels []int, query V, queryLabels []int, options KNNOptions) (KNNResult, error) {
	if err := checkLabelled(train, trainLabels, query, queryLabels); err != nil {
		return KNNResult{}, fmt.Errorf("knn: %w", err)
	}
	if options.K < 0 || !(options.Temperature >= 0) {
		return KNNResult{}, fmt.Errorf("knn: k (%d) and temperature (%g) must be positive", options.K, options.Temperature)
	}
	if options.K == 0 {
		options.K = DefaultK
	}
	if options.Temperature == 0 {
		options.Temperature = DefaultTemperature
	}

	train, trainLabels = labelled(train, trainLabels)
	k := min(options.K, len(trainLabels))
	found := nearest(train.compare(query), k)
	classes := classesOf(trainLabels)
	predicted := make([]int, len(found))
	parallel(len(found), func(i int) {
		predicted[i] = vote(found[i], trainLabels, classes, options.Temperature)
	})
	accuracy, perClass := score(predicted, queryLabels)
	return KNNResult{Accuracy: accuracy, PerClass: perClass, Predicted: predicted, K: k, Temperature: options.Temperature}, nil
}

// vote returns the class with the largest sum of exp(s/τ) over the neighbours, which are sorted by falling similarity. The
// largest similarity is subtracted first, which changes no comparison and cannot overflow.
func vote(neighbours []Neighbour, labels, classes []int, temperature float64) int {
	votes := make([]float64, len(classes))
	for _, n := range neighbours {
		class, _ := slices.BinarySearch(classes, labels[n.Index])
		votes[class] += math.Exp(float64(n.Similarity-neighbours[0].Similarity) / temperature)
	}
	best := 0
	for class, v := range votes {
		if v > votes[best] {
			best = class
		}
	}
	return classes[best]
}

// checkLabelled returns an error unless the vectors fit each other and their labels, and both sides have a label.
func checkLabelled[V Vectors[V]](train V, trainLabels []int, query V, queryLabels []int) error {
	if err := checkPair("training vectors", train, "query vectors", query); err != nil {
		return err
	}
	trainRows, _ := train.shape()
	queryRows, _ := query.shape()
	for _, side := range []struct {
		name   string
		rows   int
		labels []int
	}{{"training", trainRows, trainLabels}, {"query", queryRows, queryLabels}} {
		if len(side.labels) != side.rows {
			return fmt.Errorf("%d %s vectors have %d labels", side.rows, side.name, len(side.labels))
		}
		if len(side.labels) == 0 || slices.Max(side.labels) < 0 {
			return fmt.Errorf("no %s item has a label: scores need labelled items on both sides", side.name)
		}
	}
	return nil
}

// labelled returns the rows that have a label, and their labels.
func labelled[V Vectors[V]](v V, labels []int) (V, []int) {
	if slices.Min(labels) >= 0 {
		return v, labels
	}
	var indices, kept []int
	for i, label := range labels {
		if label >= 0 {
			indices, kept = append(indices, i), append(kept, label)
		}
	}
	return v.Pick(indices), kept
}

// classesOf returns the different labels, in rising order.
func classesOf(labels []int) []int {
	classes := slices.Clone(labels)
	slices.Sort(classes)
	return slices.Compact(classes)
}

// score compares predictions with labels, leaving out items without a label, of which there must be one with.
func score(predicted, labels []int) (accuracy float64, perClass []ClassScore) {
	classes := classesOf(labels)
	if classes[0] < 0 {
		first, _ := slices.BinarySearch(classes, 0)
		classes = classes[first:]
	}
	perClass = make([]ClassScore, len(classes))
	for i, class := range classes {
		perClass[i].Class = class
	}
	var correct, total int
	for i, label := range labels {
		if label < 0 {
			continue
		}
		class, _ := slices.BinarySearch(classes, label)
		perClass[class].Total++
		total++
		if predicted[i] == label {
			perClass[class].Correct++
			correct++
		}
	}
	return float64(correct) / float64(total), perClass
}
