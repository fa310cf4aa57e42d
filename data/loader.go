package data

import (
	"context"
	"fmt"
	"image"
	"iter"
	"time"

	"github.com/alike-ml/alike/internal/rng"
)

// FillFunc turns one picture into the numbers of one row: dst[k] is the row's part of array k of the batch. The picture is
// valid during the call only. All randomness must come from rng.New(seed, epoch, item, view), so that rows do not depend
// on who fills them.
type FillFunc func(dst [][]float32, img *image.RGBA, epoch, item int)

// BatchOptions say what a batch is and how it is made.
type BatchOptions struct {
	// Size is the number of items in a batch, at least 1.
	Size int
	// Floats is the number of values of one item in each array of a batch: {size*size*3, size*size*3} for two views.
	Floats []int
	// NewFill returns the function that fills rows. It is called once a worker, so that the function may own scratch memory.
	NewFill func() FillFunc
	// Workers is the number of goroutines that decode and fill; 0 means GOMAXPROCS. It does not change what is loaded.
	Workers int
	// Ahead is the number of batches prepared before they are asked for, 0 means 2. Ahead+1 batches are in memory.
	Ahead int
}

// Batch is a number of items, ready to compute with.
type Batch struct {
	// Epoch and Step are the place of the batch in training, from 0. Step counts within the epoch.
	Epoch, Step int
	// Items are the pictures in the batch, as indices into Images.Items.
	Items []int
	// Data are the arrays of the batch: row i of array k is Data[k][i*Floats[k]:(i+1)*Floats[k]].
	Data [][]float32
	// Waited is how long the receiver waited for this batch. The waits of a run, beside its duration, tell whether loading
	// held up the computing.
	Waited time.Duration

	failed []error // what went wrong with each row, nil for most
}

// Loader walks the pictures of a training set epoch by epoch, each in an order of its own.
type Loader struct {
	images *Images
	seed   uint64
	opt    BatchOptions
}

// TrainLoader returns a loader of shuffled batches. What it loads depends on the seed, the pictures and the batch size,
// not on the number of workers or on timing. A batch larger than the data set is an error.
func TrainLoader(images *Images, seed uint64, opt BatchOptions) (*Loader, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if opt.Size > images.Len() {
		return nil, fmt.Errorf("a batch of %d is larger than the data set of %d images: use a batch of at most %d",
			opt.Size, images.Len(), images.Len())
	}
	return &Loader{images, seed, opt}, nil
}

// StepsPerEpoch is the number of whole batches in the data set. The items of an epoch that do not fill a batch are left
// out; they differ from epoch to epoch.
func (l *Loader) StepsPerEpoch() int { return l.images.Len() / l.opt.Size }

// Batches yields the batches from the given step of the given epoch (both from 0) up to the last of epochs epochs, in
// order. Starting in the middle yields what a walk from the start would have. A batch is valid until the next one is
// asked for. Breaking out of the loop, or cancelling ctx, ends all goroutines before the loop is left.
//
// The order of an epoch is the permutation drawn from rng.New(seed, epoch, 0, rng.Shuffle). In the place of a picture that
// turns out to be unreadable stands another: the first readable one from a place drawn from rng.New(seed, epoch, item,
// rng.Substitute) on. It is filled with the random numbers of the picture it replaces, and named in Items.
//
// An error ends the walk: that of ctx, or one that wraps [ErrNoImages] when no picture is readable any more.
func (l *Loader) Batches(ctx context.Context, epoch, step, epochs int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		course := l.course(epoch, step, epochs)
		pictureStream(l.opt, course.plan, l.show).run(ctx, handOver(yield))
	}
}

// loaded is a batch as it comes out of a stream.
type loaded interface {
	// arrived notes how long the batch was waited for, and returns what went wrong with the first row that failed.
	arrived(waited time.Duration) error
}

// handOver yields batches that come out of a stream. An error, that of a row too, is the last.
func handOver[B loaded](yield func(B, error) bool) func(B, time.Duration, error) bool {
	return func(b B, waited time.Duration, err error) bool {
		if err == nil {
			err = b.arrived(waited)
		}
		if err != nil {
			var none B
			yield(none, err)
			return false
		}
		return yield(b, nil)
	}
}

func (b *Batch) arrived(waited time.Duration) error {
	b.Waited = waited
	return firstError(b.failed[:len(b.Items)])
}

// course walks the steps from the given one on.
func (l *Loader) course(epoch, step, epochs int) *course {
	return &course{epoch: epoch, step: step, epochs: epochs, size: l.opt.Size, perEpoch: l.StepsPerEpoch(), newOrder: l.order}
}

// plan makes b the batch of the next step, and returns how many items it has.
func (c *course) plan(b *Batch) int {
	var items []int
	b.Epoch, b.Step, items = c.next()
	b.Items = append(b.Items[:0], items...)
	return len(items)
}

// order returns the pictures in the order of an epoch.
func (l *Loader) order(epoch int) []int {
	return rng.New(l.seed, epoch, 0, rng.Shuffle).Perm(l.images.Len())
}

// showFunc returns the picture to fill the row of an item with, and its index.
type showFunc func(r *reader, epoch, item int) (int, *image.RGBA, error)

// pictureStream makes batches of pictures.
func pictureStream(opt BatchOptions, plan func(*Batch) int, show showFunc) stream[*Batch] {
	newFill := func() func(*Batch, int) {
		fill := opt.NewFill()
		rows := rowFiller{floats: opt.Floats, show: show}
		return func(b *Batch, i int) {
			rows.fill(b, i, func(dst [][]float32, img *image.RGBA, epoch, item int) error {
				fill(dst, img, epoch, item)
				return nil
			})
		}
	}
	return stream[*Batch]{opt.Workers, opt.Ahead, func() *Batch { return newBatch(opt) }, plan, newFill}
}

// rowFiller fills the rows of batches with pictures. It serves one goroutine at a time.
type rowFiller struct {
	floats []int
	show   showFunc
	reader reader
	dst    [][]float32
}

// fill sets row i of a batch by what turns a picture into numbers, and notes what went wrong.
func (f *rowFiller) fill(b *Batch, i int, draw func(dst [][]float32, img *image.RGBA, epoch, item int) error) {
	item := b.Items[i]
	shown, img, err := f.show(&f.reader, b.Epoch, item)
	if b.failed[i] = err; err != nil {
		return
	}
	b.Items[i] = shown
	f.dst = f.dst[:0]
	for k, n := range f.floats {
		f.dst = append(f.dst, b.Data[k][i*n:(i+1)*n:(i+1)*n])
	}
	b.failed[i] = draw(f.dst, img, b.Epoch, item)
}

func newBatch(opt BatchOptions) *Batch {
	b := &Batch{
		Items:  make([]int, 0, opt.Size),
		Data:   make([][]float32, len(opt.Floats)),
		failed: make([]error, opt.Size),
	}
	for k, n := range opt.Floats {
		b.Data[k] = make([]float32, opt.Size*n)
	}
	return b
}

// show returns the picture to show for an item of an epoch: its own, or the one that replaces it.
func (l *Loader) show(r *reader, epoch, item int) (shown int, img *image.RGBA, err error) {
	if img, err := r.read(l.images, item); err == nil {
		return item, img, nil
	}
	n := l.images.Len()
	start := rng.New(l.seed, epoch, item, rng.Substitute).IntN(n)
	for k := range n {
		shown := (start + k) % n
		if img, err := r.read(l.images, shown); err == nil {
			return shown, img, nil
		}
	}
	return 0, nil, fmt.Errorf("%w left: all %d images of the data set failed to decode", ErrNoImages, n)
}

// EvalBatches yields all pictures once, in the order of the index, without any randomness: FillFunc gets epoch 0. The last
// batch may be smaller, and so are batches with pictures that turn out to be unreadable: these are left out of Items and
// Data. For the rest it is as [Loader.Batches].
func EvalBatches(ctx context.Context, images *Images, opt BatchOptions) iter.Seq2[*Batch, error] {
	show := func(r *reader, _, item int) (int, *image.RGBA, error) {
		img, err := r.read(images, item)
		return item, img, err
	}
	return func(yield func(*Batch, error) bool) {
		if err := opt.check(); err != nil {
			yield(nil, err)
			return
		}
		next := 0
		plan := func(b *Batch) int {
			b.Step = next / opt.Size
			b.Items = b.Items[:0]
			for ; next < images.Len() && len(b.Items) < opt.Size; next++ {
				b.Items = append(b.Items, next)
			}
			return len(b.Items)
		}
		some := false
		complete := pictureStream(opt, plan, show).run(ctx, func(b *Batch, waited time.Duration, err error) bool {
			if err != nil {
				yield(nil, err)
				return false
			}
			b.Waited = waited
			b.dropFailed(opt.Floats)
			if len(b.Items) == 0 {
				return true
			}
			some = true
			return yield(b, nil)
		})
		if complete && !some {
			yield(nil, fmt.Errorf("%w left: all %d images of the data set failed to decode", ErrNoImages, images.Len()))
		}
	}
}

// dropFailed closes the gaps of rows that failed.
func (b *Batch) dropFailed(floats []int) {
	kept := 0
	for i, item := range b.Items {
		if b.failed[i] != nil {
			continue
		}
		if kept < i {
			b.Items[kept] = item
			for k, n := range floats {
				copy(b.Data[k][kept*n:(kept+1)*n], b.Data[k][i*n:(i+1)*n])
			}
		}
		kept++
	}
	b.Items = b.Items[:kept]
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *BatchOptions) check() error { return checkBatches(o.Size, o.Workers, o.Ahead) }

// checkBatches returns the error of batches that cannot be made.
func checkBatches(size, workers, ahead int) error {
	if size < 1 {
		return fmt.Errorf("a batch of %d: use a batch of at least 1", size)
	}
	if workers < 0 || ahead < 0 {
		return fmt.Errorf("%d workers, %d batches ahead: use 0 for the default, or more", workers, ahead)
	}
	return nil
}
