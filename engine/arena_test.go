package engine

import (
	"fmt"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// sums is an executable that needs room for n numbers in between: it adds up the sums of 1 to i, for i from 1 to n, x times.
func sums(t *testing.T, b *Backend, n int) *Executable {
	t.Helper()
	try := func(v compute.Value, err error) compute.Value {
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	builder := b.Builder(fmt.Sprintf("sums of %d", n))
	f := builder.Main()
	x := try(f.Parameter("x", shapes.Make(dtypes.Float32, n), nil))
	once := try(f.CumSum(x, 0, compute.CumSumOptions{})) // which no loop computes
	twice := try(f.CumSum(once, 0, compute.CumSumOptions{}))
	if err := f.Return([]compute.Value{try(f.ReduceSum(twice, 0))}, nil); err != nil {
		t.Fatal(err)
	}
	exec, err := builder.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return exec.(*Executable)
}

// Executables of a backend compute in one block, one after another, which is as large as the largest of them needs; at the same time each
// has one of its own.
func TestExecutablesShareTheirMemory(t *testing.T) {
	opened, err := New("workers=1")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Finalize()
	b := opened.(*Backend)
	sizes := []int{3000, 100, 5000}
	var list []*Executable
	largest := 0
	for _, n := range sizes {
		e := sums(t, b, n)
		list, largest = append(list, e), max(largest, e.program.memory.ArenaSize)
	}
	if largest == 0 {
		t.Fatal("the sums need no memory in between")
	}
	check := func(i int) {
		n := sizes[i]
		ones := make([]float32, n)
		want := 0.
		for k := range ones {
			ones[k] = 1. / (1 << 20)
			want += float64((k+1)*(k+2)/2) / (1 << 20)
		}
		in, err := b.BufferFromFlatData(0, ones, shapes.Make(dtypes.Float32, n))
		if err != nil {
			t.Error(err)
			return
		}
		out, err := list[i].Execute([]compute.Buffer{in}, nil, 0)
		if err != nil {
			t.Error(err)
			return
		}
		got := make([]float32, 1)
		if err := out[0].ToFlatData(got); err != nil || float64(got[0]) < 0.999*want || float64(got[0]) > 1.001*want {
			t.Errorf("the sums of %d are %g, want %g (%v)", n, got[0], want, err)
		}
	}
	for i := range list {
		check(i)
	}
	if n := len(b.arenas.idle); n != 1 || len(b.arenas.idle[0]) != largest {
		t.Errorf("%d blocks are kept, want one of %d bytes", n, largest)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() { check(i % len(list)) })
	}
	wg.Wait()
	if n := len(b.arenas.idle); n < 1 || n > keepStates {
		t.Errorf("%d blocks are kept, want at most %d", n, keepStates)
	}
}
