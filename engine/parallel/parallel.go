// Package parallel runs loops over a fixed set of worker goroutines.
//
// A kernel splits its work into chunks that depend on the shape of the problem alone and hands them to [Pool.For]. Which
// worker runs a chunk is left to chance; what a chunk computes is not. So results are the same bits for any number of
// workers.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Pool is a fixed number of workers that share loops. The goroutine that calls [Pool.For] is one of them, so a Pool of w
// workers keeps w-1 goroutines. A nil Pool runs everything on the caller.
type Pool struct {
	workers int
	current atomic.Pointer[loop] // the loop that is running; loops started meanwhile run inline
	wake    chan struct{}        // a token: look at current
	close   sync.Once
}

// New returns a pool of the given number of workers; a number below one means runtime.GOMAXPROCS(0).
func New(workers int) *Pool {
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	p := &Pool{workers: workers, wake: make(chan struct{}, workers-1)}
	for range workers - 1 {
		go p.serve()
	}
	return p
}

// Close ends the pool's goroutines. No loop may be running, and none may be started afterwards.
func (p *Pool) Close() {
	if p != nil {
		p.close.Do(func() { close(p.wake) })
	}
}

// Workers returns the number of goroutines that may run loop bodies at the same time, the caller's included.
func (p *Pool) Workers() int {
	if p == nil {
		return 1
	}
	return p.workers
}

// For calls body(0), ..., body(n-1), each once, spread over the workers and in no fixed order, and returns when all calls
// have returned. The caller takes part. While one loop runs, loops started on the same pool, nested ones included, run
// inline on their caller, so there are never more running bodies than workers for one chain of calls.
//
// A panic in a body is raised again in the caller, after the other bodies that had begun have returned.
func (p *Pool) For(n int, body func(i int)) {
	if p == nil || p.workers == 1 || n < 2 {
		serial(n, body)
		return
	}
	l := &loop{n: int64(n), body: body, done: make(chan struct{})}
	l.left.Store(int64(n))
	if !p.current.CompareAndSwap(nil, l) {
		serial(n, body)
		return
	}
	for range min(n, p.workers) - 1 {
		select {
		case p.wake <- struct{}{}:
		default: // Every worker already has a token waiting.
		}
	}
	l.run()
	for i := 0; i < spins && l.left.Load() > 0; i++ {
		runtime.Gosched()
	}
	<-l.done
	p.current.Store(nil)
	if l.failure != nil {
		panic(l.failure)
	}
}

// loop is one call of For, shared by the workers that take part in it.
type loop struct {
	n    int64
	body func(i int)
	next atomic.Int64 // the next index to hand out
	left atomic.Int64 // bodies that have not returned yet
	done chan struct{}

	once    sync.Once
	failure any // the first panic of a body
}

// serve runs the current loop whenever a token says there may be one. A token can outlive its loop when the other
// workers were faster; it then finds the next loop or none.
//
// Between the loops of a step there are often only microseconds, and to wake a sleeping goroutine takes longer. So a worker looks
// around for a while before it goes to sleep.
func (p *Pool) serve() {
	for range p.wake {
		for idle := 0; idle < spins; idle++ {
			if l := p.current.Load(); l != nil && l.next.Load() < l.n {
				l.run()
				idle = 0
			}
			runtime.Gosched()
		}
	}
}

// spins is how often a goroutine yields before it goes to sleep; some tens of microseconds.
const spins = 200

func serial(n int, body func(i int)) {
	for i := range n {
		body(i)
	}
}

// run calls bodies until there are no more indices to hand out.
func (l *loop) run() {
	for {
		i := l.next.Add(1) - 1
		if i >= l.n {
			return
		}
		l.call(int(i))
		if l.left.Add(-1) == 0 {
			close(l.done)
		}
	}
}

func (l *loop) call(i int) {
	defer func() {
		if r := recover(); r != nil {
			l.once.Do(func() { l.failure = r })
		}
	}()
	l.body(i)
}
