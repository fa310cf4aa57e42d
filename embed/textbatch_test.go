package embed

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Every text is in one batch, no batch is larger than it may be, shapes are of the lengths and few numbers of rows, and texts of many
// lengths are padded little.
func TestBatchesHaveEveryTextOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := batching{fineLengths(rapid.IntRange(1, 300).Draw(t, "longest")), rapid.IntRange(1, 4096).Draw(t, "most"), rapid.IntRange(0, 100).Draw(t, "overhead")}
		longest := b.lengths[len(b.lengths)-1]
		var texts [][]int32
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, longest), 0, 300).Draw(t, "tokens") {
			texts = append(texts, make([]int32, n))
		}
		seen := make([]int, len(texts))
		for _, batch := range b.batches(texts) {
			for _, text := range batch.texts {
				seen[text]++
			}
			length := padded(len(texts[batch.texts[0]]), b.lengths)
			if batch.rows != coarse(batch.rows) || batch.rows < len(batch.texts) || batch.rows > 1 && batch.rows*length > b.most {
				t.Fatalf("%d texts in %d rows of %d tokens, of which there may be %d", len(batch.texts), batch.rows, length, b.most)
			}
		}
		if slices.ContainsFunc(seen, func(n int) bool { return n != 1 }) {
			t.Fatalf("the texts are in so many batches: %v", seen)
		}
	})
}

// Of a thousand texts of 5 to 60 tokens, 2% of what the encoder computes with is padding.
func TestTextsArePaddedLittle(t *testing.T) {
	b := batchingOf(TextConfig{MaxLength: 256})
	var texts [][]int32
	own := 0
	for i := range 1000 {
		n := 5 + i*i%56
		texts, own = append(texts, make([]int32, n)), own+n
	}
	places := 0
	for _, batch := range b.batches(texts) {
		places += batch.rows * padded(len(texts[batch.texts[0]]), b.lengths)
	}
	if share := 1 - float64(own)/float64(places); share > 0.02 {
		t.Errorf("%.1f%% padding", 100*share)
	}
}
