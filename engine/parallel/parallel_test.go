package parallel

import (
	"sync/atomic"
	"testing"
)

func TestForCallsEveryIndexOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 8} {
		p := New(workers)
		for _, n := range []int{0, 1, 2, 7, 1000} {
			counts := make([]atomic.Int32, n)
			p.For(n, func(i int) { counts[i].Add(1) })
			for i := range counts {
				if c := counts[i].Load(); c != 1 {
					t.Errorf("%d workers, n=%d: body(%d) called %d times", workers, n, i, c)
				}
			}
		}
		p.Close()
	}
}

func TestNilPoolIsSerialAndInOrder(t *testing.T) {
	var p *Pool
	var got []int
	p.For(4, func(i int) { got = append(got, i) })
	for i, v := range got {
		if i != v {
			t.Fatalf("order %v", got)
		}
	}
	if len(got) != 4 || p.Workers() != 1 {
		t.Fatalf("got %v, %d workers", got, p.Workers())
	}
}

func TestNeverMoreBodiesThanWorkers(t *testing.T) {
	p := New(3)
	defer p.Close()
	var running, most atomic.Int32
	p.For(20, func(int) {
		p.For(5, func(int) {
			now := running.Add(1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			running.Add(-1)
		})
	})
	if most.Load() > 3 {
		t.Errorf("%d bodies at once on 3 workers", most.Load())
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	p := New(2)
	defer p.Close()
	defer func() {
		if r := recover(); r != "broken" {
			t.Errorf("recovered %v", r)
		}
		p.For(3, func(int) {}) // The pool still works.
	}()
	p.For(10, func(i int) {
		if i == 7 {
			panic("broken")
		}
	})
}

func BenchmarkForEmpty(b *testing.B) {
	p := New(2)
	defer p.Close()
	for b.Loop() {
		p.For(2, func(int) {})
	}
}
