package data

import (
	"context"
	"fmt"
	"image"
	"iter"

	"github.com/alike-ml/alike/internal/rng"
)

// PairFill turns one picture and the caption that was chosen for it into one row: it fills dst as [FillFunc] does, and returns the
// tokens of the text, for which it may use the memory of tokens. The caption is the first of its row's texts; the others are tags. The
// picture is valid during the call only. All randomness must
// come from rng.New(seed, epoch, item, view), so that rows do not depend on who fills them.
type PairFill func(dst [][]float32, tokens []int32, img *image.RGBA, caption TextRow, epoch, item int) []int32

// PairBatchOptions say what a batch of pairs is and how it is made.
type PairBatchOptions struct {
	// Size is the number of pairs in a batch, at least 1.
	Size int
	// Floats is the number of values of one picture in each array of a batch, one for each of its views.
	Floats []int
	// NewFill returns the function that fills rows. It is called once a worker, so that the function may own scratch memory.
	NewFill func() PairFill
	// Workers is the number of goroutines that decode and fill; 0 means GOMAXPROCS. It does not change what is loaded.
	Workers int
	// Ahead is the number of batches prepared before they are asked for, 0 means 2. Ahead+1 batches are in memory.
	Ahead int
}

// pictures are the options as those of the pictures alone.
func (o PairBatchOptions) pictures() BatchOptions {
	return BatchOptions{Size: o.Size, Floats: o.Floats, Workers: o.Workers, Ahead: o.Ahead}
}

// PairBatch is a number of pictures, each with one of its captions, ready to compute with.
type PairBatch struct {
	// Batch is that of the pictures. Its Items are those of Pairs.Images.
	Batch
	// Rows are the captions that were chosen, as rows of Pairs.Captions.
	Rows []int
	// Tokens are those of the captions.
	Tokens [][]int32
}

// PairLoader walks the pairs of a training set epoch by epoch, each in an order of its own.
type PairLoader struct {
	pairs    *Pairs
	opt      PairBatchOptions
	pictures *Loader
	groups   [][]int // of pictures that take turns
}

// TrainPairLoader returns a loader of shuffled batches. What it loads depends on the seed, the pairs and the batch size, not on the
// number of workers or on timing. A batch larger than the data set, or than the number of its groups, is an error.
func TrainPairLoader(pairs *Pairs, seed uint64, opt PairBatchOptions) (*PairLoader, error) {
	pictures, err := TrainLoader(pairs.Images, seed, opt.pictures())
	if err != nil {
		return nil, err
	}
	groups := pairs.Turns()
	if opt.Size > len(groups) {
		return nil, fmt.Errorf("a batch of %d is larger than the data set of %d groups of images: use a batch of at most %d", opt.Size, len(groups), len(groups))
	}
	return &PairLoader{pairs, opt, pictures, groups}, nil
}

// StepsPerEpoch is the number of whole batches of pictures, one a group. The pictures of an epoch that do not fill a batch are left out;
// they differ from epoch to epoch.
func (l *PairLoader) StepsPerEpoch() int { return len(l.groups) / l.opt.Size }

// order returns the pictures of an epoch in order: of each group one, drawn evenly.
func (l *PairLoader) order(epoch int) []int {
	items := rng.New(l.pictures.seed, epoch, 0, rng.Shuffle).Perm(len(l.groups))
	for i, g := range items {
		group := l.groups[g]
		items[i] = group[0]
		if len(group) > 1 {
			items[i] = group[rng.New(l.pictures.seed, epoch, group[0], rng.Turn).IntN(len(group))]
		}
	}
	return items
}

// course walks the steps from the given one on.
func (l *PairLoader) course(epoch, step, epochs int) *course {
	return &course{epoch: epoch, step: step, epochs: epochs, size: l.opt.Size, perEpoch: l.StepsPerEpoch(), newOrder: l.order}
}

// Batches yields the batches from the given step of the given epoch (both from 0) up to the last of epochs epochs, with the order,
// the replacing of pictures that turn out to be unreadable, and the errors of [Loader.Batches]. Pictures of a group take turns: see [Pairs.Turns]. In each epoch a picture comes with
// one of its captions, drawn evenly from rng.New(seed, epoch, item, rng.Caption). A batch is valid until the next one is asked for.
func (l *PairLoader) Batches(ctx context.Context, epoch, step, epochs int) iter.Seq2[*PairBatch, error] {
	return func(yield func(*PairBatch, error) bool) {
		course := l.course(epoch, step, epochs)
		plan := func(b *PairBatch) int { return course.plan(&b.Batch) }
		stream := stream[*PairBatch]{l.opt.Workers, l.opt.Ahead, l.newBatch, plan, l.newFill}
		stream.run(ctx, handOver(yield))
	}
}

func (l *PairLoader) newBatch() *PairBatch {
	return &PairBatch{Batch: *newBatch(l.opt.pictures()), Rows: make([]int, l.opt.Size), Tokens: make([][]int32, l.opt.Size)}
}

// newFill returns a worker's function that fills one row of a batch.
func (l *PairLoader) newFill() func(*PairBatch, int) {
	fill := l.opt.NewFill()
	rows := rowFiller{floats: l.opt.Floats, show: l.pictures.show}
	return func(b *PairBatch, i int) {
		rows.fill(&b.Batch, i, func(dst [][]float32, img *image.RGBA, epoch, item int) error {
			b.Rows[i] = l.pairs.captionFor(b.Items[i], l.pictures.seed, epoch, item)
			row, err := l.pairs.Captions.Row(b.Rows[i])
			if err != nil {
				return fmt.Errorf("%s: %w", l.pairs.Images.Items[b.Items[i]].Path, err)
			}
			b.Tokens[i] = fill(dst, b.Tokens[i][:0], img, row, epoch, item)
			return nil
		})
	}
}
