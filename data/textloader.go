package data

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// TextFill turns one row into the tokens of its views: it sets each of views, and may use the memory that it finds there, as in
// views[0] = append(views[0][:0], ids...). All randomness must come from rng.New(seed, epoch, item, view), so that rows do not
// depend on who fills them.
type TextFill func(views [][]int32, row TextRow, epoch, item int)

// TextBatchOptions say what a batch of text is and how it is made.
type TextBatchOptions struct {
	// Size is the number of rows in a batch, at least 1.
	Size int
	// Views is the number of token lists that are made of each row, at least 1.
	Views int
	// Window, from 2, makes the rows of a batch similar in length: every so many batches are sorted by [Text.Length]. 0 does
	// not sort.
	Window int
	// NewFill returns the function that fills rows. It is called once a worker, so that the function may own scratch memory.
	NewFill func() TextFill
	// Workers is the number of goroutines that read and fill; 0 means GOMAXPROCS. It does not change what is loaded.
	Workers int
	// Ahead is the number of batches prepared before they are asked for, 0 means 2. Ahead+1 batches are in memory.
	Ahead int
}

func (o *TextBatchOptions) check() error {
	if o.Views < 1 || o.Window < 0 {
		return fmt.Errorf("%d views, windows of %d batches: use at least 1 view, and 0 or more batches", o.Views, o.Window)
	}
	return checkBatches(o.Size, o.Workers, o.Ahead)
}

// TextBatch is a number of rows, ready to be padded and computed with.
type TextBatch struct {
	// Epoch and Step are the place of the batch in training, from 0. Step counts within the epoch.
	Epoch, Step int
	// Items are the rows in the batch, as indices into the Text.
	Items []int
	// Views are the tokens: Views[k][i] is view k of row i.
	Views [][][]int32
	// Waited is how long the receiver waited for this batch.
	Waited time.Duration

	failed []error
}

// TextLoader walks the rows of a training set epoch by epoch, each in an order of its own.
type TextLoader struct {
	text *Text
	seed uint64
	opt  TextBatchOptions
}

// TrainTextLoader returns a loader of shuffled batches. What it loads depends on the seed, the rows, the batch size and the window,
// not on the number of workers or on timing. A batch larger than the data set is an error.
func TrainTextLoader(text *Text, seed uint64, opt TextBatchOptions) (*TextLoader, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if opt.Size > text.Len() {
		return nil, fmt.Errorf("a batch of %d is larger than the data set of %d rows: use a batch of at most %d",
			opt.Size, text.Len(), text.Len())
	}
	return &TextLoader{text, seed, opt}, nil
}

// StepsPerEpoch is the number of whole batches in the data set. The rows of an epoch that do not fill a batch are left out; they
// differ from epoch to epoch, and are of any length.
func (l *TextLoader) StepsPerEpoch() int { return l.text.Len() / l.opt.Size }

// Batches yields the batches from the given step of the given epoch (both from 0) up to the last of epochs epochs, in
// order. Starting in the middle yields what a walk from the start would have. A batch is valid until the next one is
// asked for. Breaking out of the loop, or cancelling ctx, ends all goroutines before the loop is left.
//
// The order of an epoch is the permutation drawn from rng.New(seed, epoch, 0, rng.Shuffle). With a Window, the rows of every so
// many batches of it are sorted by length and cut into batches, and then all batches of the epoch are shuffled.
//
// An error ends the walk: that of ctx, or of reading a row.
func (l *TextLoader) Batches(ctx context.Context, epoch, step, epochs int) iter.Seq2[*TextBatch, error] {
	order := func(epoch int) []int { return shuffledRows(l.text, l.seed, epoch, l.opt.Size, l.opt.Window) }
	return func(yield func(*TextBatch, error) bool) {
		course := course{epoch: epoch, step: step, epochs: epochs, size: l.opt.Size, perEpoch: l.StepsPerEpoch(), newOrder: order}
		textBatches(ctx, l.text, l.opt, func(b *TextBatch) int {
			var items []int
			b.Epoch, b.Step, items = course.next()
			b.Items = append(b.Items[:0], items...)
			return len(items)
		}, yield)
	}
}

// EvalTextBatches yields all rows once, in order, without any randomness: TextFill gets epoch 0. With a Window, the rows of
// every so many batches are sorted by length; Items says which they are. The last batch may be smaller. For the rest it is as
// [TextLoader.Batches].
func EvalTextBatches(ctx context.Context, text *Text, opt TextBatchOptions) iter.Seq2[*TextBatch, error] {
	return func(yield func(*TextBatch, error) bool) {
		if err := opt.check(); err != nil {
			yield(nil, err)
			return
		}
		left := rowsInOrder(text, opt.Size, opt.Window)
		step := 0
		textBatches(ctx, text, opt, func(b *TextBatch) int {
			n := min(opt.Size, len(left))
			b.Step, b.Items = step, append(b.Items[:0], left[:n]...)
			left = left[n:]
			step++
			return n
		}, yield)
	}
}

// textBatches yields the batches that plan plans.
func textBatches(ctx context.Context, text *Text, opt TextBatchOptions, plan func(*TextBatch) int, yield func(*TextBatch, error) bool) {
	newBatch := func() *TextBatch {
		b := &TextBatch{Items: make([]int, 0, opt.Size), Views: make([][][]int32, opt.Views), failed: make([]error, opt.Size)}
		for k := range b.Views {
			b.Views[k] = make([][]int32, opt.Size)
		}
		return b
	}
	newFill := func() func(*TextBatch, int) {
		fill := opt.NewFill()
		views := make([][]int32, opt.Views)
		return func(b *TextBatch, i int) {
			row, err := text.Row(b.Items[i])
			if b.failed[i] = err; err != nil {
				return
			}
			for k := range views {
				views[k] = b.Views[k][i]
			}
			fill(views, row, b.Epoch, b.Items[i])
			for k := range views {
				b.Views[k][i] = views[k]
			}
		}
	}
	sized := func(b *TextBatch) int {
		n := plan(b)
		for k := range b.Views {
			b.Views[k] = b.Views[k][:n]
		}
		return n
	}
	stream[*TextBatch]{opt.Workers, opt.Ahead, newBatch, sized, newFill}.run(ctx, handOver(yield))
}

func (b *TextBatch) arrived(waited time.Duration) error {
	b.Waited = waited
	return firstError(b.failed[:len(b.Items)])
}
