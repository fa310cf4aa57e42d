package train

import (
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/method"
)

// textLearner is a method that learns from texts, with its encoder.
type textLearner struct {
	how       method.TextMethod
	encoder   backbone.TextEncoder
	precision dtypes.DType
	// texts is the number of texts of an item, vocabulary that of tokens, of which pad is none.
	texts, vocabulary int
	pad               int32
	// lengths are those that texts are padded to, in tokens.
	lengths []int
}

func (l textLearner) method() method.Method { return l.how }

// views counts a single sentence twice, once for each of its embeddings.
func (l textLearner) views() int { return max(2, l.texts) }

func (l textLearner) loss(scope *model.Scope, batch method.Batch) method.Output {
	return l.how.Loss(scope, l.encoder, batch)
}

func (l textLearner) represent(scope *model.Scope, batch method.Batch) []*graph.Node {
	return l.how.(method.ChunkedText).Represent(scope, l.encoder, batch)
}

// shapes are, for every length, those of each text's tokens and mask and, for a method that asks, of the labels.
func (l textLearner) shapes(batch int) (lists [][]shapes.Shape) {
	for _, length := range l.lengths {
		var list []shapes.Shape
		for range l.texts {
			list = append(list, shapes.Make(dtypes.Int32, batch, length), shapes.Make(dtypes.Bool, batch, length))
		}
		if method.NeedsLabels(l.how) {
			list = append(list, shapes.Make(dtypes.Int32, batch))
		}
		lists = append(lists, list)
	}
	return lists
}

func (l textLearner) batch(inputs []*graph.Node) (b method.Batch) {
	for i := range l.texts {
		b.Texts = append(b.Texts, backbone.Tokens{IDs: inputs[2*i], Mask: inputs[2*i+1], DType: l.precision})
	}
	if method.NeedsLabels(l.how) {
		b.Labels = inputs[len(inputs)-1]
	}
	return b
}

// arrays are a batch's: texts[k][i] are the tokens of text k of item i.
func (l textLearner) arrays(texts [][][]int32, labels []int) []*tensors.Tensor {
	list := embed.TokenArrays(l.pad, l.lengths, texts...)
	if method.NeedsLabels(l.how) {
		list = append(list, labelArray(labels))
	}
	return list
}

// random is a batch of the longest texts, and labels of ten classes.
func (l textLearner) random(batch int, r *rand.Rand) []*tensors.Tensor {
	texts := make([][][]int32, l.texts)
	for k := range texts {
		texts[k] = make([][]int32, batch)
		for i := range texts[k] {
			for range l.lengths[len(l.lengths)-1] {
				texts[k][i] = append(texts[k][i], int32(r.IntN(l.vocabulary)))
			}
		}
	}
	labels := make([]int, batch)
	for i := range labels {
		labels[i] = r.IntN(10)
	}
	return l.arrays(texts, labels)
}
