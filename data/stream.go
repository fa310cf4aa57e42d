package data

import (
	"cmp"
	"context"
	"image"
	"runtime"
	"sync"
	"time"
)

// defaultAhead is enough to even out slow pictures: one batch being filled while another waits.
const defaultAhead = 2

// stream makes batches in order with workers. Batches go round: from free to the planner, which says what is in them, to
// the workers, which fill them row by row, to the receiver and back to free.
type stream struct {
	opt  BatchOptions
	plan func(*Batch) bool // sets place and items of the next batch; false when there is none
	// show returns the picture to fill a row with and its index.
	show func(r *reader, epoch, item int) (int, *image.RGBA, error)
}

// row is one row of a batch that is to be filled.
type row struct {
	batch *Batch
	index int
}

// run passes every batch to receive until that returns false, all are done (then run returns true) or ctx ends, whose
// error receive gets. No goroutine outlives it.
func (s stream) run(ctx context.Context, receive func(*Batch, error) bool) (complete bool) {
	ctx, cancel := context.WithCancel(ctx)
	var goroutines sync.WaitGroup
	defer goroutines.Wait()
	defer cancel()

	count := 1 + cmp.Or(s.opt.Ahead, defaultAhead)
	free := make(chan *Batch, count)
	for range count {
		free <- newBatch(s.opt)
	}
	planned := make(chan *Batch, count)
	rows := make(chan row)
	goroutines.Go(func() { s.planAll(ctx, free, planned, rows) })
	for range cmp.Or(s.opt.Workers, runtime.GOMAXPROCS(0)) {
		goroutines.Go(func() { s.work(rows) })
	}

	for {
		asked := time.Now()
		b, err := next(ctx, planned)
		if err != nil {
			receive(nil, err)
			return false
		}
		if b == nil {
			return true
		}
		b.Waited = time.Since(asked)
		if !receive(b, nil) {
			return false
		}
		free <- b
	}
}

// next waits for the next batch to be filled; it returns nil after the last.
func next(ctx context.Context, planned <-chan *Batch) (*Batch, error) {
	select {
	case b, ok := <-planned:
		if !ok {
			return nil, ctx.Err()
		}
		select {
		case <-b.done:
			return b, ctx.Err()
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	return nil, ctx.Err()
}

// planAll plans batches as they become free and hands out their rows.
func (s stream) planAll(ctx context.Context, free <-chan *Batch, planned chan<- *Batch, rows chan<- row) {
	defer close(planned)
	defer close(rows)
	for {
		var b *Batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return
		}
		if !s.plan(b) {
			return
		}
		b.left.Store(int64(len(b.Items)))
		planned <- b // never blocks: it has room for all batches
		for i := range b.Items {
			select {
			case rows <- row{b, i}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// work fills rows until there are none.
func (s stream) work(rows <-chan row) {
	var r reader
	fill := s.opt.NewFill()
	dst := make([][]float32, len(s.opt.Floats))
	for row := range rows {
		b, i := row.batch, row.index
		item := b.Items[i]
		shown, img, err := s.show(&r, b.Epoch, item)
		b.failed[i] = err
		if err == nil {
			b.Items[i] = shown
			for k, n := range s.opt.Floats {
				dst[k] = b.Data[k][i*n : (i+1)*n : (i+1)*n]
			}
			fill(dst, img, b.Epoch, item)
		}
		if b.left.Add(-1) == 0 {
			b.done <- struct{}{}
		}
	}
}

func newBatch(opt BatchOptions) *Batch {
	b := &Batch{
		Items:  make([]int, 0, opt.Size),
		Data:   make([][]float32, len(opt.Floats)),
		failed: make([]error, opt.Size),
		done:   make(chan struct{}, 1),
	}
	for k, n := range opt.Floats {
		b.Data[k] = make([]float32, opt.Size*n)
	}
	return b
}
