package engine

import (
	"sync"
	"unsafe"

	"github.com/alike-ml/alike/engine/plan"
)

// heap hands out aligned blocks of bytes and keeps those that come back for the next request of the same size.
type heap struct {
	mu   sync.Mutex
	free map[int][][]byte // by capacity
	held int              // bytes in free
}

// keepAtMost bounds the bytes that a heap keeps for later.
const keepAtMost = 1 << 30

// get returns size bytes of undefined content, aligned to plan.Alignment.
func (h *heap) get(size int) []byte {
	capacity := sizeClass(size)
	h.mu.Lock()
	list := h.free[capacity]
	if n := len(list); n > 0 {
		block := list[n-1]
		h.free[capacity] = list[:n-1]
		h.held -= capacity
		h.mu.Unlock()
		return block[:size]
	}
	h.mu.Unlock()
	return alignedBytes(capacity)[:size]
}

// put takes back a block that get returned. Nobody may use it any more.
func (h *heap) put(block []byte) {
	block = block[:cap(block)]
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(block) == 0 || h.held+len(block) > keepAtMost {
		return
	}
	if h.free == nil {
		h.free = make(map[int][][]byte)
	}
	h.free[len(block)] = append(h.free[len(block)], block)
	h.held += len(block)
}

// release forgets all kept blocks.
func (h *heap) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.free, h.held = nil, 0
}

// arenas are the blocks of memory that executables compute in. They share them, one after another: a block is as large as the largest
// of them needs, and its pages are in memory as far as they have been used.
type arenas struct {
	mu   sync.Mutex
	size int      // of a block
	idle [][]byte // at most keepStates
}

// fit makes blocks large enough for so many bytes.
func (a *arenas) fit(size int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if size > a.size {
		a.size, a.idle = size, nil
	}
}

// take returns a block of undefined content, aligned to plan.Alignment.
func (a *arenas) take() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.idle); n > 0 {
		block := a.idle[n-1]
		a.idle = a.idle[:n-1]
		return block
	}
	return alignedBytes(a.size)
}

// put takes back a block that take returned.
func (a *arenas) put(block []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(block) == a.size && len(a.idle) < keepStates {
		a.idle = append(a.idle, block)
	}
}

// release forgets all idle blocks.
func (a *arenas) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.idle = nil
}

// sizeClass rounds up to a multiple of an eighth of the next power of two, and of the alignment.
func sizeClass(size int) int {
	step := plan.Alignment
	for step*8 < size {
		step *= 2
	}
	return (size + step - 1) / step * step
}

// alignedBytes allocates n zero bytes that begin at a multiple of plan.Alignment.
func alignedBytes(n int) []byte {
	raw := make([]byte, n+plan.Alignment)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & (plan.Alignment - 1)
	return raw[skip : skip+n : skip+n]
}

// as sees bytes as a slice of T. Their address must suit T.
func as[T any](b []byte) []T {
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(zero)))
}

// bytesOf sees a slice of T as bytes.
func bytesOf[T any](s []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero)))
}
