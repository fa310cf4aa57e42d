package eval

import (
	"context"
	"errors"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/metric"
)

// TaskZeroShot is that of a model of pictures and texts on pictures in folders by class.
const TaskZeroShot = "zero-shot"

// RunZeroShot scores the naming of the classes of a folder's pictures by a model of pictures and texts: of the test pictures, or failing
// these of the validation pictures, or of all, as nothing is learned from any. Classes that prompts have no names for are called as
// [FolderNames] reads their folders. Without baselines the untrained model is left out.
func RunZeroShot(ctx context.Context, backend compute.Backend, m *embed.PairModel, folder *data.ImageFolder, prompts Prompts, baselines bool, say Say) (*ZeroShot, error) {
	if say == nil {
		say = func(string, int, int) {}
	}
	images, which := folder.Train, "all of the folder"
	switch {
	case folder.Test != nil:
		images, which = folder.Test, "the folder's test pictures"
	case folder.Val != nil:
		images, which = folder.Val, "the folder's validation pictures"
	}
	if len(images.Classes) < 2 {
		return nil, errors.New("there are no classes to name: put the pictures into one folder a class, two at least")
	}
	prompts.Names = FolderNames(images.Classes, prompts.Names)
	n, err := newNaming(images, prompts)
	if err != nil {
		return nil, err
	}
	if n.trained, n.items, err = m.Images.Embed(ctx, images, func(done, total int) { say("this model: vectors", done, total) }); err != nil {
		return nil, err
	}
	var untrained *embed.PairModel
	if baselines {
		if untrained, err = m.Untrained(backend); err != nil {
			return nil, err
		}
		defer untrained.Close()
		random, _, err := untrained.Images.Embed(ctx, images, func(done, total int) { say("untrained model: vectors", done, total) })
		if err != nil {
			return nil, err
		}
		n.random = &random
	}
	z, err := n.score(m, untrained)
	if err != nil {
		return nil, err
	}
	z.Split = which
	return z, nil
}

// naming is what classes are named of and by: pictures, what a model and, unless it is nil, its untrained twin made of those at items, row
// by row, the prompts, and what the names mean; nil where nothing says it.
type naming struct {
	images  *data.Images
	items   []int
	trained metric.Matrix
	random  *metric.Matrix
	prompts Prompts
	meaning *meanings
}

// newNaming checks the prompts and reads what names mean, before there are vectors of the pictures, which take long.
func newNaming(images *data.Images, prompts Prompts) (*naming, error) {
	n := &naming{images: images, prompts: prompts}
	err := prompts.check(images.Classes)
	if err == nil && prompts.Meaning != nil {
		n.meaning, err = prompts.Meaning.read(images.Classes, prompts.Names)
	}
	return n, err
}

// score scores the naming of classes, beside its baselines where there are untrained vectors.
func (n *naming) score(m, untrained *embed.PairModel) (*ZeroShot, error) {
	z := &ZeroShot{Classes: n.images.Classes, Templates: n.prompts.Templates, Names: n.prompts.Names}
	labels := make([]int, len(n.items))
	for row, item := range n.items {
		labels[row] = n.images.Items[item].Label
	}
	classes, err := ClassVectors(m.Texts, z.Classes, n.prompts)
	if err != nil {
		return nil, err
	}
	if z.Accuracy, z.Top5, z.Pictures, err = ScoreZeroShot(n.trained, labels, classes); err != nil {
		return nil, err
	}
	if n.random != nil {
		chance := 1 / float64(len(z.Classes))
		z.Baselines = &ZeroShotBaselines{Chance: chance, ChanceTop5: min(1, 5*chance), Majority: majorityShare(labels, labels)}
		if classes, err = ClassVectors(untrained.Texts, z.Classes, n.prompts); err != nil {
			return nil, err
		}
		if z.Baselines.RandomInit, z.Baselines.RandomInitTop5, _, err = ScoreZeroShot(*n.random, labels, classes); err != nil {
			return nil, err
		}
	}
	k := n.meaning
	if k == nil {
		return z, nil
	}
	by := &MeaningScore{Captions: len(k.texts), Nearest: min(k.Nearest, len(k.texts)), Temperature: k.Temperature, Vectors: k.Vectors}
	if by.Accuracy, by.Top5, err = k.score(m.Texts, n.trained, labels); err != nil {
		return nil, err
	}
	if n.random != nil {
		accuracy, top5, err := k.score(untrained.Texts, *n.random, labels)
		if err != nil {
			return nil, err
		}
		by.RandomInit, by.RandomInitTop5 = &accuracy, &top5
	}
	z.ByMeaning = by
	return z, nil
}
