package method

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
)

// Chunked is a method whose loss has two parts: the encoder, which sees each item by itself, and what is of the whole batch. A batch can
// then go through the encoder in chunks, one after another, without ever being held as a whole: Gao, Zhang, Han and Callan 2021,
// "Scaling deep contrastive learning batch size under memory limited setup", section 3. It is a [ChunkedImage], a [ChunkedText] or a
// [ChunkedPair], each with Represent, and
//
//	Loss = Compare(Represent(batch), batch)
//
// Represent gives nodes [k n, width] of a batch of n items: row v n + i is of item i. k is the number of rows that an item has; nodes may
// have one each. What becomes of an item depends on no other, but for batch norm in the encoder, whose statistics are of those
// that go through it together.
type Chunked interface {
	Method
	// Compare goes from the representations h of a batch to the loss, heads included, which so see the whole batch. It has all of the
	// batch but its Views.
	Compare(scope *model.Scope, h []*graph.Node, batch Batch) Output
}

// ChunkedImage is a [Chunked] method that learns from pictures.
type ChunkedImage interface {
	Chunked
	Represent(scope *model.Scope, encoder backbone.Encoder, batch Batch) []*graph.Node
}

// ChunkedText is a [Chunked] method that learns from texts.
type ChunkedText interface {
	Chunked
	Represent(scope *model.Scope, encoder backbone.TextEncoder, batch Batch) []*graph.Node
}

// ChunkedPair is a [Chunked] method that learns from pictures and their captions.
type ChunkedPair interface {
	Chunked
	Represent(scope *model.Scope, image backbone.Encoder, text backbone.TextEncoder, batch Batch) []*graph.Node
}

var (
	_, _ ChunkedImage = SimCLR{}, SupCon{}
	_, _ ChunkedText  = SimCSE{}, SupConText{}
	_    ChunkedPair  = CLIP{}
)
