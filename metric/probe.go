package metric

import (
	"fmt"
	"math"
	"slices"
)

// ProbeOptions are the settings of [LinearProbe]. The zero value means the defaults.
type ProbeOptions struct {
	// Cs are the candidates for the inverse strength of the regularisation, all positive; empty means [DefaultCs], or
	// [DefaultSparseCs] for sparse vectors.
	Cs []float64
	// Tolerance ends a fit once no component of the gradient of the mean loss is larger; 0 means DefaultTolerance, or
	// DefaultSparseTolerance for sparse vectors.
	Tolerance float64
	// MaxIterations ends a fit that does not converge; 0 means DefaultMaxIterations.
	MaxIterations int
	// Progress is told, at the start and at every iteration, how many of the fits, one for each C and the last, are done. The probe ends with
	// the error that it returns. It may be nil.
	Progress func(fits, total int) error
}

// The defaults of [ProbeOptions].
const (
	// DefaultTolerance is scikit-learn's (LogisticRegression, tol, solver lbfgs).
	DefaultTolerance = 1e-4
	// DefaultSparseTolerance is finer: what few rows have a column of is a small part of the mean.
	DefaultSparseTolerance = 1e-5
	// DefaultMaxIterations is that of CLIP's linear probe (Radford et al. 2021, appendix A.3), which is also L-BFGS.
	DefaultMaxIterations = 1000
)

// DefaultCs returns the default grid for standardised features: six decades in steps of the square root of ten.
func DefaultCs() []float64 { return halfDecades(-5, 1) }

// DefaultSparseCs returns the default grid for sparse vectors: from a tenth of scikit-learn's default of 1 to a thousand times it,
// as rows of length 1 have smaller features than standardised ones, which need larger weights.
func DefaultSparseCs() []float64 { return halfDecades(-1, 3) }

// halfDecades are the powers of ten from one exponent to another, in steps of the square root of ten.
func halfDecades(from, to int) []float64 {
	cs := make([]float64, 2*(to-from)+1)
	for i := range cs {
		cs[i] = math.Pow(10, float64(from)+float64(i)/2)
	}
	return cs
}

// ProbeResult is what [LinearProbe] found.
type ProbeResult struct {
	// Accuracy is the share of labelled test items that were classified correctly, in [0, 1].
	Accuracy float64
	// PerClass has one entry for every label among the test items, by rising label.
	PerClass []ClassScore
	// Predicted has the predicted label of every test item, labelled or not.
	Predicted []int
	// C is the chosen inverse strength of the regularisation.
	C float64
	// Iterations of L-BFGS that the final fit took.
	Iterations int
	// Gradient is the largest component of the gradient where the final fit ended.
	Gradient float64
	// Converged says that Gradient is within the tolerance.
	Converged bool
}

// LinearProbe trains multinomial logistic regression on frozen representations and scores it on the test items.
//
// Every feature of a [Matrix] is first standardised with the mean and standard deviation of the training items; a feature that
// is constant there is left out. Those of a [Sparse] matrix stay as they are, as scikit-learn's users have them: a mean taken
// off would fill the zeros, and a rare word is no stronger sign for being rare. The fit minimises, over weights W and biases b,
//
//	mean over items i of -log softmax(W x_i + b)[y_i]  +  |W|^2 / (2 C n)
//
// which is scikit-learn's LogisticRegression divided by C n (for two classes scikit-learn fits a single weight vector, whose
// C is twice this one), by full-batch L-BFGS, preconditioned by the principal components, or for sparse rows by the lengths
// of the columns, until the gradient vanishes to within the tolerance. C is the one with the highest accuracy on every fifth item of each class when fitted on the others; of
// equally good ones the smallest, which regularises most. Then the probe is fitted once more on all training items. With
// no class of two items or more nothing can be held out, and the smallest C is taken.
//
// train is [n, dim] with n labels, test is [m, dim] with m labels; label -1 means none, and such items are neither trained
// on nor scored. A test item of a class without training items counts as wrong. It is an error if a shape does not fit, a
// number is not finite, an option is negative, or no training or no test item has a label.
func LinearProbe[V Vectors[V]](train V, trainLabels []int, test V, testLabels []int, options ProbeOptions) (ProbeResult, error) {
	if err := checkProbe(train, trainLabels, test, testLabels, &options); err != nil {
		return ProbeResult{}, fmt.Errorf("linear probe: %w", err)
	}
	if err := options.Progress(0, len(options.Cs)+1); err != nil {
		return ProbeResult{}, err
	}
	train, trainLabels = labelled(train, trainLabels)
	c, err := chooseC(train, trainLabels, options)
	if err != nil {
		return ProbeResult{}, err
	}
	prepare := train.preparer()
	model, err := newProbeData(prepare(train), trainLabels).fit(c, nil, len(options.Cs), options)
	if err != nil {
		return ProbeResult{}, err
	}
	predicted := model.predict(prepare(test))
	accuracy, perClass := score(predicted, testLabels)
	return ProbeResult{
		Accuracy: accuracy, PerClass: perClass, Predicted: predicted,
		C: c, Iterations: model.iterations, Gradient: model.gradient, Converged: model.gradient <= options.Tolerance,
	}, nil
}

// checkProbe returns an error if the input cannot be used, and fills in the default options.
func checkProbe[V Vectors[V]](train V, trainLabels []int, test V, testLabels []int, options *ProbeOptions) error {
	if err := checkLabelled(train, trainLabels, test, testLabels); err != nil {
		return err
	}
	if err := train.checkFinite("training vectors"); err != nil {
		return err
	}
	if err := test.checkFinite("test vectors"); err != nil {
		return err
	}
	if !(options.Tolerance >= 0) || options.MaxIterations < 0 {
		return fmt.Errorf("tolerance (%g) and iterations (%d) must be positive", options.Tolerance, options.MaxIterations)
	}
	if options.Tolerance == 0 {
		_, options.Tolerance = train.probeDefaults()
	}
	if options.MaxIterations == 0 {
		options.MaxIterations = DefaultMaxIterations
	}
	if len(options.Cs) == 0 {
		options.Cs, _ = train.probeDefaults()
	}
	if options.Progress == nil {
		options.Progress = func(int, int) error { return nil }
	}
	options.Cs = slices.Sorted(slices.Values(options.Cs))
	if first, last := options.Cs[0], options.Cs[len(options.Cs)-1]; !(first > 0) || math.IsInf(last, 0) {
		return fmt.Errorf("every C must be positive and finite, not %v", options.Cs)
	}
	return nil
}

// chooseC returns the C that classifies the held-out items best. Fits go from strong to weak regularisation, each
// starting where the one before ended. The error is that of options.Progress.
func chooseC[V Vectors[V]](train V, labels []int, options ProbeOptions) (float64, error) {
	fitted, heldOut := splitByClass(labels)
	if len(options.Cs) == 1 || len(heldOut) == 0 {
		return options.Cs[0], nil
	}
	part := train.Pick(fitted)
	prepare := part.preparer()
	data := newProbeData(prepare(part), pickLabels(labels, fitted))
	heldX, heldY := prepare(train.Pick(heldOut)), pickLabels(labels, heldOut)
	var best, bestC float64
	var model *probe
	for i, c := range options.Cs {
		var err error
		if model, err = data.fit(c, model, i, options); err != nil {
			return 0, err
		}
		if accuracy, _ := score(model.predict(heldX), heldY); i == 0 || accuracy > best {
			best, bestC = accuracy, c
		}
	}
	return bestC, nil
}

// splitByClass holds out every fifth item of each class, and the last item of a class of two to four, so that every class
// stays among the fitted items.
func splitByClass(labels []int) (fitted, heldOut []int) {
	size, seen := map[int]int{}, map[int]int{}
	for _, label := range labels {
		size[label]++
	}
	for i, label := range labels {
		seen[label]++
		n, total := seen[label], size[label]
		if n%5 == 0 || n == total && total > 1 && total < 5 {
			heldOut = append(heldOut, i)
		} else {
			fitted = append(fitted, i)
		}
	}
	return fitted, heldOut
}

// pickLabels returns the labels at the indices.
func pickLabels(labels, indices []int) []int {
	out := make([]int, len(indices))
	for i, at := range indices {
		out[i] = labels[at]
	}
	return out
}
