package train

import (
	"fmt"
	"strings"

	"github.com/alike-ml/alike/method"
)

// checkChunk says why a method cannot learn from a batch of this size in chunks of that.
func checkChunk(m method.Method, batch, chunk int) error {
	if chunk < 0 {
		return fmt.Errorf("chunk is %d: it must be 0, for the whole batch at once, or more", chunk)
	}
	if _, ok := m.(method.Chunked); !ok && chunk > 0 {
		return fmt.Errorf("chunk is %d: %s, so it must be 0", chunk, whyWhole(m))
	}
	if chunk > 0 && batch%chunk != 0 {
		return fmt.Errorf("chunk is %d: the batch, %d, must be a multiple of it, as of %s", chunk, batch, strings.Join(nearestDivisors(batch, chunk), " and "))
	}
	return nil
}

// nearestDivisors are the largest divisor of a batch below a number and the smallest above it.
func nearestDivisors(batch, number int) (list []string) {
	if below := divisorUpTo(batch, number-1); below > 0 {
		list = append(list, fmt.Sprint(below))
	}
	for above := number + 1; above <= batch; above++ {
		if batch%above == 0 {
			list = append(list, fmt.Sprint(above))
			break
		}
	}
	return list
}

// divisorUpTo is the largest divisor of a batch that is at most a number, 0 where that is below 1.
func divisorUpTo(batch, most int) int {
	for divisor := min(most, batch); divisor > 0; divisor-- {
		if batch%divisor == 0 {
			return divisor
		}
	}
	return 0
}

// whyWhole says why a method does not learn from chunks: none of these has its negatives from the batch, and so none gains from one that
// memory does not hold.
func whyWhole(m method.Method) string {
	switch m.(type) {
	case method.MoCo, method.MoCoV2:
		return m.Name() + " has its negatives from a queue, which is as long with a small batch, and its batch norms divide the batch themselves"
	case method.BYOL, method.SimSiam:
		return m.Name() + " has no negatives: a larger batch gives it nothing but better statistics in batch norm, which those of chunks are not"
	case method.BarlowTwins:
		return m.Name() + " rests on statistics over the batch, which batch norm would have of chunks, and gains nothing from large batches (Zbontar et al. 2021, figure 2)"
	case method.SwAV:
		return m.Name() + " balances codes over the batch and a queue, which makes up for a small batch, and needs none larger than memory holds"
	}
	return m.Name() + " is not divided into representations and a loss of them"
}
