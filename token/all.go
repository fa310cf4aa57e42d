package token

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// textsATime is how many texts a goroutine of EncodeAll takes at once.
const textsATime = 64

// EncodeAll returns the ids that [Tokenizer.Encode] returns of each text. Several goroutines share the work, as many as processors
// may be used.
func (t *Tokenizer) EncodeAll(texts []string, maxLength int) [][]int32 {
	lists := make([][]int32, len(texts))
	var next atomic.Int64
	work := func() {
		for {
			end := int(next.Add(textsATime))
			start := end - textsATime
			if start >= len(texts) {
				return
			}
			end = min(end, len(texts))
			ids := make([]int32, 0, 32*textsATime)
			for i := start; i < end; i++ {
				at := len(ids)
				ids, _ = t.Append(ids, texts[i], maxLength)
				lists[i] = ids[at:len(ids):len(ids)]
			}
		}
	}
	var goroutines sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(texts)+textsATime-1)/textsATime) - 1 {
		goroutines.Go(work)
	}
	work()
	goroutines.Wait()
	return lists
}
