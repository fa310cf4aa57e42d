package data

import (
	"cmp"
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// defaultAhead is enough to even out slow items: one batch being filled while another waits.
const defaultAhead = 2

// stream makes batches in order with workers. Batches go round: from free to the planner, which says what is in them, to
// the workers, which fill them row by row, to the receiver and back to free.
type stream[B any] struct {
	workers, ahead int // 0 for the default
	newBatch       func() B
	plan           func(B) int         // sets place and items of the next batch and returns its rows; 0 when there is none
	newFill        func() func(B, int) // called once a worker; what it returns fills one row of a batch
}

// slot is a batch on its way round.
type slot[B any] struct {
	batch B
	left  atomic.Int64  // rows that are not done yet
	done  chan struct{} // receives one value when the last row is done
}

// row is one row of a batch that is to be filled.
type row[B any] struct {
	slot  *slot[B]
	index int
}

// run passes every batch, and how long it was waited for, to receive until that returns false, all are done (then run returns
// true) or ctx ends, whose error receive gets. No goroutine outlives it.
func (s stream[B]) run(ctx context.Context, receive func(B, time.Duration, error) bool) (complete bool) {
	ctx, cancel := context.WithCancel(ctx)
	var goroutines sync.WaitGroup
	defer goroutines.Wait()
	defer cancel()

	count := 1 + cmp.Or(s.ahead, defaultAhead)
	free := make(chan *slot[B], count)
	for range count {
		free <- &slot[B]{batch: s.newBatch(), done: make(chan struct{}, 1)}
	}
	planned := make(chan *slot[B], count)
	rows := make(chan row[B])
	goroutines.Go(func() { s.planAll(ctx, free, planned, rows) })
	for range cmp.Or(s.workers, runtime.GOMAXPROCS(0)) {
		goroutines.Go(func() { s.work(rows) })
	}

	for {
		asked := time.Now()
		next, err := wait(ctx, planned)
		if err != nil {
			var none B
			receive(none, 0, err)
			return false
		}
		if next == nil {
			return true
		}
		if !receive(next.batch, time.Since(asked), nil) {
			return false
		}
		free <- next
	}
}

// wait returns the next batch once it is filled, and nil after the last.
func wait[B any](ctx context.Context, planned <-chan *slot[B]) (*slot[B], error) {
	select {
	case s, ok := <-planned:
		if !ok {
			return nil, ctx.Err()
		}
		select {
		case <-s.done:
			return s, ctx.Err()
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	return nil, ctx.Err()
}

// planAll plans batches as they become free and hands out their rows.
func (s stream[B]) planAll(ctx context.Context, free <-chan *slot[B], planned chan<- *slot[B], rows chan<- row[B]) {
	defer close(planned)
	defer close(rows)
	for {
		var next *slot[B]
		select {
		case next = <-free:
		case <-ctx.Done():
			return
		}
		n := s.plan(next.batch)
		if n == 0 {
			return
		}
		next.left.Store(int64(n))
		planned <- next // never blocks: it has room for all batches
		for i := range n {
			select {
			case rows <- row[B]{next, i}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// work fills rows until there are none.
func (s stream[B]) work(rows <-chan row[B]) {
	fill := s.newFill()
	for row := range rows {
		fill(row.slot.batch, row.index)
		if row.slot.left.Add(-1) == 0 {
			row.slot.done <- struct{}{}
		}
	}
}
