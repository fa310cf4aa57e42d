package eval

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/metric"
)

// TaskZeroShot is that of a model of pictures and texts on pictures in folders by class.
const TaskZeroShot = "zero-shot"

// RunZeroShot scores the naming of the classes of a folder's pictures by a model of pictures and texts: of the test pictures, or failing
// these of the validation pictures, or of all, as nothing is learned from any. Without baselines the untrained model is left out.
func RunZeroShot(ctx context.Context, backend compute.Backend, m *embed.PairModel, folder *data.ImageFolder, prompts Prompts, baselines bool, say Say) (*ZeroShot, error) {
	if say == nil {
		say = func(string, int, int) {}
	}
	n := naming{images: folder.Train}
	switch {
	case folder.Test != nil:
		n.images = folder.Test
	case folder.Val != nil:
		n.images = folder.Val
	}
	if classes := len(n.images.Classes); classes < 2 {
		return nil, fmt.Errorf("there are no classes to name: the pictures are in %d folders by class, and it takes two", classes)
	}
	var err error
	if n.trained, n.items, err = m.Images.Embed(ctx, n.images, func(done, total int) { say("this model: vectors", done, total) }); err != nil {
		return nil, err
	}
	var untrained *embed.PairModel
	if baselines {
		if untrained, err = m.Untrained(backend); err != nil {
			return nil, err
		}
		defer untrained.Close()
		random, _, err := untrained.Images.Embed(ctx, n.images, func(done, total int) { say("untrained model: vectors", done, total) })
		if err != nil {
			return nil, err
		}
		n.random = &random
	}
	return n.score(m, untrained, prompts)
}

// naming is what classes are named of: pictures, and what a model and, unless it is nil, its untrained twin made of those at items, row by
// row.
type naming struct {
	images  *data.Images
	items   []int
	trained metric.Matrix
	random  *metric.Matrix
}

// score scores the naming of classes, beside its baselines where there are untrained vectors.
func (n naming) score(m, untrained *embed.PairModel, prompts Prompts) (*ZeroShot, error) {
	z := &ZeroShot{Classes: n.images.Classes, Templates: prompts.Templates, Names: prompts.Names}
	labels := make([]int, len(n.items))
	for row, item := range n.items {
		labels[row] = n.images.Items[item].Label
	}
	classes, err := ClassVectors(m.Texts, z.Classes, prompts)
	if err != nil {
		return nil, err
	}
	if z.Accuracy, z.Top5, z.Pictures, err = ScoreZeroShot(n.trained, labels, classes); err != nil {
		return nil, err
	}
	if n.random != nil {
		z.Baselines = &ZeroShotBaselines{Chance: 1 / float64(len(z.Classes)), Majority: majorityShare(labels, labels)}
		if classes, err = ClassVectors(untrained.Texts, z.Classes, prompts); err != nil {
			return nil, err
		}
		if z.Baselines.RandomInit, _, _, err = ScoreZeroShot(*n.random, labels, classes); err != nil {
			return nil, err
		}
	}
	if prompts.Meaning == nil {
		return z, nil
	}
	k, err := prompts.Meaning.read(z.Classes, prompts.Names)
	if err != nil {
		return nil, err
	}
	by := &MeaningScore{Captions: len(k.texts), Nearest: min(k.Nearest, len(k.texts)), Temperature: k.Temperature, Vectors: k.Vectors}
	if by.Accuracy, by.Top5, err = k.score(m.Texts, n.trained, labels); err != nil {
		return nil, err
	}
	if n.random != nil {
		accuracy, _, err := k.score(untrained.Texts, *n.random, labels)
		if err != nil {
			return nil, err
		}
		by.RandomInit = &accuracy
	}
	z.ByMeaning = by
	return z, nil
}
