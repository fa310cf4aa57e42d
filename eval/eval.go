// Package eval scores an encoder on pictures or texts it has not learned from. No score stands alone: each is printed beside
// the same score of raw pixels, or of the words that texts share, and of the same encoder before training.
package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/nearest"
	"github.com/alike-ml/alike/metric"
)

// The tasks.
const (
	TaskKNN       = "knn"
	TaskLinear    = "linear"
	TaskRetrieval = "retrieval"
)

// Tasks lists the names of the tasks for pictures.
func Tasks() []string { return []string{TaskKNN, TaskLinear} }

// PairTasks lists those for pictures in folders, by a model of pictures and texts.
func PairTasks() []string { return append(Tasks(), TaskZeroShot) }

// TextTasks lists those for texts.
func TextTasks() []string { return append(Tasks(), TaskRetrieval) }

// Options say what to measure. The zero value measures everything that the data has labels for.
type Options struct {
	// Tasks to run; empty means all that the data allows.
	Tasks []string
	// KNN has the options of the nearest-neighbour classifier.
	KNN metric.KNNOptions
	// Probe has the options of the linear probe.
	Probe metric.ProbeOptions
	// MaxTrain is the most training items that classifiers learn from, picked in proportion to the classes, always the same
	// ones; 0 is all. Time and memory of the baselines grow with it.
	MaxTrain int
	// NoBaselines leaves out raw pixels, or words alone, and the untrained encoder.
	NoBaselines bool
}

// Result is a report with the vectors it was made from.
type Result struct {
	Report Report
	// Train and Test are the pictures with their vectors, of those that could be read.
	Train, Test Vectors
	// Predicted has the nearest-neighbour classifier's class of every test vector; nil when it was not run.
	Predicted []int
}

// Vectors are pictures and what an encoder made of them: row i of Vectors is picture Items[i] of Images, of class Labels[i].
type Vectors struct {
	Images  *data.Images
	Items   []int
	Labels  []int
	Vectors metric.Matrix
}

// testShare is the part of a folder without test pictures that is held out to test on, and splitSeed what picks it.
const (
	testShare = 0.2
	splitSeed = 0
)

// Split returns the pictures of a folder to fit classifiers on and to test them on, and says how they were chosen. A folder
// with test pictures (or failing these, validation pictures) is split as it is; otherwise a fifth of the pictures is held
// out, always the same ones.
func Split(folder *data.ImageFolder) (train, test *data.Images, how string, err error) {
	switch {
	case folder.Test != nil:
		return folder.Train, folder.Test, "the folder's test pictures", nil
	case folder.Val != nil:
		return folder.Train, folder.Val, "the folder's validation pictures", nil
	}
	n := max(1, int(float64(folder.Train.Len())*testShare))
	train, test, err = folder.Train.HoldOut(n, splitSeed)
	return train, test, "a fifth of all, picked at random; if the encoder was trained on these data, it has seen them", err
}

// EnoughToFit says whether a folder has pictures enough for classifiers to be fitted on some and tested on others: parts for both, or ten
// pictures in one piece.
func EnoughToFit(folder *data.ImageFolder) bool {
	return folder.Test != nil || folder.Val != nil || folder.Train.Len() >= fewestToFit
}

// Say is told in a few words what the evaluation is doing, and how much of it is done.
type Say func(what string, done, total int)

// Whose vectors Say is told of, beside those of the baselines without an encoder.
const (
	thisEncoder      = "this encoder"
	untrainedEncoder = "untrained encoder"
)

// StageProbe ends what Say is told of a linear probe, of whose work it counts the fits.
const StageProbe = "linear probe"

// Run scores a model on the pictures of a folder.
func Run(ctx context.Context, backend compute.Backend, m *embed.Model, folder *data.ImageFolder, options Options, say Say) (*Result, error) {
	train, test, how, err := Split(folder)
	if err != nil {
		return nil, err
	}
	if n := options.MaxTrain; n > 0 && n < train.Len() {
		all := train.Len()
		if _, train, err = train.HoldOut(n, splitSeed); err != nil {
			return nil, err
		}
		how += fmt.Sprintf("; classes learned from %d of %d training pictures", n, all)
	}
	tasks, err := chooseTasks(options.Tasks, train)
	if err != nil {
		return nil, err
	}
	if say == nil {
		say = func(string, int, int) {}
	}
	e := evaluation{ctx: ctx, train: train, test: test, options: options, say: say}
	result, err := e.run(backend, m, tasks)
	if err != nil {
		return nil, err
	}
	result.Report.Model = m.Config
	result.Report.Data = DataSummary{
		Train: result.Train.Vectors.Rows, Test: result.Test.Vectors.Rows,
		Classes: append([]string{}, train.Classes...), // a list in JSON, even an empty one
		Split:   how, Skipped: folder.Skipped.Len(),
	}
	if len(tasks) > 0 {
		result.Report.Data.Unknown = unknown(result.Train.Labels, result.Test.Labels)
	}
	return result, nil
}

// CheckTasks returns an error that suggests the nearest name unless all names are among those of the tasks that there are.
func CheckTasks(names, there []string) error {
	for _, task := range names {
		if !slices.Contains(there, task) {
			return fmt.Errorf("there is no task %q%s; there are %s", task, nearest.Suggestion(task, there), strings.Join(there, " and "))
		}
	}
	return nil
}

// chooseTasks returns the tasks to run, all that the labels allow when none is named.
func chooseTasks(wanted []string, train *data.Images) ([]string, error) {
	if err := CheckTasks(wanted, Tasks()); err != nil {
		return nil, err
	}
	if len(train.Classes) > 0 {
		if len(wanted) == 0 {
			return Tasks(), nil
		}
		return wanted, nil
	}
	if len(wanted) > 0 {
		return nil, errors.New("the pictures have no labels to score with: put them into one folder a class, or leave out --tasks for geometry alone")
	}
	return nil, nil
}

// evaluation is one run of all tasks over one split.
type evaluation struct {
	ctx         context.Context
	train, test *data.Images
	options     Options
	say         Say
}

func (e evaluation) run(backend compute.Backend, m *embed.Model, tasks []string) (*Result, error) {
	result := &Result{}
	var err error
	if result.Train, result.Test, err = e.both(thisEncoder, m.Embed); err != nil {
		return nil, err
	}
	if result.Report.Geometry, err = e.geometry(m, result.Test); err != nil {
		return nil, err
	}
	if len(tasks) == 0 {
		return result, nil
	}
	scores, predicted, err := e.score(thisEncoder, tasks, result.Train, result.Test)
	if err != nil {
		return nil, err
	}
	result.Predicted = predicted
	if !e.options.NoBaselines {
		if err := e.baselines(backend, m.Config, tasks, &scores); err != nil {
			return nil, err
		}
	}
	result.Report.Tasks = scores
	return result, nil
}

// embedder makes vectors of pictures.
type embedder func(context.Context, *data.Images, embed.Progress) (metric.Matrix, []int, error)

// both embeds the training and the test pictures.
func (e evaluation) both(whose string, f embedder) (train, test Vectors, err error) {
	what := whose + ": vectors"
	total := e.train.Len() + e.test.Len()
	if train, err = collect(e.ctx, e.train, f, func(done, _ int) { e.say(what, done, total) }); err != nil {
		return train, test, err
	}
	test, err = collect(e.ctx, e.test, f, func(done, _ int) { e.say(what, e.train.Len()+done, total) })
	return train, test, err
}

func collect(ctx context.Context, images *data.Images, f embedder, progress embed.Progress) (Vectors, error) {
	vectors, items, err := f(ctx, images, progress)
	if err != nil {
		return Vectors{}, err
	}
	labels := make([]int, len(items))
	for row, item := range items {
		labels[row] = images.Items[item].Label
	}
	return Vectors{images, items, labels, vectors}, nil
}

// Views of the test pictures that alignment is measured between, and the seed they are drawn with.
const alignmentSeed = 0

// geometry measures alignment between two random views of each test picture, and the rest on the test vectors.
func (e evaluation) geometry(m *embed.Model, test Vectors) (metric.Geometry, error) {
	first, _, err := m.EmbedView(e.ctx, e.test, alignmentSeed, 0)
	if err != nil {
		return metric.Geometry{}, err
	}
	second, _, err := m.EmbedView(e.ctx, e.test, alignmentSeed, 1)
	if err != nil {
		return metric.Geometry{}, err
	}
	return metric.MeasureGeometry(first, second, test.Vectors)
}

// score runs the tasks on vectors, and returns the nearest-neighbour classifier's predictions too.
func (e evaluation) score(whose string, tasks []string, train, test Vectors) (scores Scores, predicted []int, err error) {
	if slices.Contains(tasks, TaskKNN) {
		e.say(whose+": nearest neighbours", 0, 0)
		knn, err := metric.KNN(train.Vectors, train.Labels, test.Vectors, test.Labels, e.options.KNN)
		if err != nil {
			return scores, nil, err
		}
		scores.KNN = &KNN{Accuracy: knn.Accuracy, K: knn.K, Temperature: knn.Temperature}
		predicted = knn.Predicted
	}
	if slices.Contains(tasks, TaskLinear) {
		options := e.options.Probe
		options.Progress = func(fits, total int) error {
			e.say(whose+": "+StageProbe, fits, total)
			return e.ctx.Err()
		}
		probe, err := metric.LinearProbe(train.Vectors, train.Labels, test.Vectors, test.Labels, options)
		if err != nil {
			return scores, nil, err
		}
		scores.Linear = &Linear{Accuracy: probe.Accuracy, C: probe.C, Converged: probe.Converged}
	}
	return scores, predicted, nil
}

// baselines gives each score its baselines.
func (e evaluation) baselines(backend compute.Backend, config embed.Config, tasks []string, scores *Scores) error {
	untrained, err := embed.Untrained(backend, config)
	if err != nil {
		return err
	}
	defer untrained.Close()
	raw, err := e.scoreWith("raw pixels", tasks, embed.RawPixels)
	if err != nil {
		return err
	}
	random, err := e.scoreWith(untrainedEncoder, tasks, untrained.Embed)
	if err != nil {
		return err
	}
	majority := majorityShare(e.train.Labels(), e.test.Labels())
	if scores.KNN != nil {
		scores.KNN.Baselines = &Baselines{raw.KNN.Accuracy, random.KNN.Accuracy, majority}
	}
	if scores.Linear != nil {
		scores.Linear.Baselines = &Baselines{raw.Linear.Accuracy, random.Linear.Accuracy, majority}
	}
	return nil
}

func (e evaluation) scoreWith(whose string, tasks []string, f embedder) (Scores, error) {
	train, test, err := e.both(whose, f)
	if err != nil {
		return Scores{}, err
	}
	scores, _, err := e.score(whose, tasks, train, test)
	return scores, err
}
