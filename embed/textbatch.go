package embed

import (
	"errors"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/metric"
)

// textsAtOnce is how many texts of a file are read at once. Texts of similar length go together: the more are read, the more alike they are.
const textsAtOnce = 4096

// batching says how texts are put into batches.
type batching struct {
	// lengths are those that texts are padded to.
	lengths []int
	// most is how many tokens go through the encoder together: enough to keep the processors busy with what a layer makes of them
	// in their caches. overhead is how many tokens take as long as what a batch costs beside its tokens.
	most, overhead int
}

// batchingOf returns what was measured to be fast. Overhead is, for a transformer, to read its weights; a static encoder has
// little else.
func batchingOf(c TextConfig) batching {
	b := batching{lengths: fineLengths(c.MaxLength), most: 2048, overhead: 32}
	if c.Static != nil {
		b.most, b.overhead = 8192, 1024
	}
	return b
}

// batches puts texts, as tokens, into batches, each text once, the longest first, so that padded tokens and overhead take the least
// time. A batch has its texts, which may be fewer than its rows: numbers of rows are few, as lengths are, for each shape is a graph
// of its own.
func (b batching) batches(texts [][]int32) (list []textBatch) {
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return len(texts[j]) - len(texts[i]) })
	// The least cost of the texts from each place in the order on, and the rows of the first batch of that.
	cost, rows := make([]int, len(order)+1), make([]int, len(order))
	for i := len(order) - 1; i >= 0; i-- {
		length := padded(len(texts[order[i]]), b.lengths)
		cost[i] = math.MaxInt
		for r := 1; ; r = coarse(r + 1) {
			if c := b.overhead + r*length + cost[min(i+r, len(order))]; c <= cost[i] {
				cost[i], rows[i] = c, r
			}
			if i+r >= len(order) || coarse(r+1)*length > b.most {
				break
			}
		}
	}
	for i := 0; i < len(order); i += rows[i] {
		list = append(list, textBatch{order[i:min(i+rows[i], len(order))], rows[i]})
	}
	return list
}

// textBatch is some texts, by their places in a list, that go through the encoder together, filled up to a number of rows.
type textBatch struct {
	texts []int
	rows  int
}

// fineLengths are every one up to 32 and, up to the longest, which ends them, those no further from each other than a sixteenth.
func fineLengths(longest int) []int {
	var list []int
	step := 1
	for length := 1; length < longest; length += step {
		list = append(list, length)
		if length == 32*step {
			step *= 2
		}
	}
	return append(list, longest)
}

// padded is the least of lengths that so many tokens fit into, or the last.
func padded(tokens int, lengths []int) int {
	for _, length := range lengths {
		if tokens <= length {
			return length
		}
	}
	return lengths[len(lengths)-1]
}

// coarse rounds up to four binary digits, for numbers of rows.
func coarse(n int) int {
	step := 1
	for step*16 < n {
		step *= 2
	}
	return (n + step - 1) / step * step
}

// embed puts the representations of texts, as tokens, into the given rows of the vectors. Done, which may be nil, is told of every
// batch how many texts it has.
func (m *TextModel) embed(exec *model.Exec, texts [][]int32, rows []int, vectors metric.Matrix, done func(texts int)) error {
	for _, batch := range m.batching.batches(texts) {
		full := make([][]int32, batch.rows)
		for i := range full {
			full[i] = texts[batch.texts[min(i, len(batch.texts)-1)]]
		}
		arrays := TokenArrays(m.tokenizer.Pad(), m.batching.lengths, full)
		h, err := exec.Call1(arrays[0], arrays[1])
		if err != nil {
			return err
		}
		err = tensors.ConstFlatData(h, func(flat []float32) {
			for i, text := range batch.texts {
				copy(vectors.Row(rows[text]), flat[i*vectors.Cols:(i+1)*vectors.Cols])
			}
		})
		if err := errors.Join(err, h.FinalizeAll()); err != nil {
			return err
		}
		if done != nil {
			done(len(batch.texts))
		}
	}
	return nil
}
