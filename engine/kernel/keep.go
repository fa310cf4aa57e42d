package kernel

import (
	"sync"
	"unsafe"
)

// keep keeps things for reuse. Unlike a sync.Pool it never forgets them.
type keep[T any] struct {
	mu   sync.Mutex
	free []T
}

// matrices keeps memory for what a whole kernel needs beside its operands, and pieces for what one of its tasks does: apart,
// since a piece is small and there are as many as workers.
var matrices, pieces keep[*[]float32]

func newMatrix() *[]float32 { return new([]float32) }

func (k *keep[T]) get(make func() T) T {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.free); n > 0 {
		x := k.free[n-1]
		k.free = k.free[:n-1]
		return x
	}
	return make()
}

func (k *keep[T]) put(x T) {
	k.mu.Lock()
	k.free = append(k.free, x)
	k.mu.Unlock()
}

// grow returns n elements in the memory of s, which grows if it must. They hold anything.
func grow[T float32 | uint16](s *[]float32, n int) []T {
	if words := (n*sizeOf[T]() + 3) / 4; len(*s) < words {
		*s = make([]float32, words)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(*s))), n)
}
