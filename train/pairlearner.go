package train

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/method"
)

// pairLearner is a method that learns from pictures with captions, with its encoders.
type pairLearner struct {
	how       method.PairMethod
	image     backbone.Encoder
	text      backbone.TextEncoder
	precision dtypes.DType
	// vocabulary is the number of tokens, of which pad is none.
	vocabulary int
	pad        int32
	// lengths are those that captions are padded to, in tokens.
	lengths []int
	// captions is the most of a picture.
	captions int
}

func (l pairLearner) method() method.Method { return l.how }

// views counts the picture and its caption.
func (l pairLearner) views() int { return 2 }

func (l pairLearner) loss(scope *model.Scope, batch method.Batch) method.Output {
	return l.how.Loss(scope, l.image, l.text, batch)
}

func (l pairLearner) represent(scope *model.Scope, batch method.Batch) []*graph.Node {
	return l.how.(method.ChunkedPair).Represent(scope, l.image, l.text, batch)
}

// shapes are, for every length, those of the pictures, of the texts' tokens and mask, and of the numbers of [method.Captions].
func (l pairLearner) shapes(batch int) (lists [][]shapes.Shape) {
	size := l.how.View().Size
	for _, length := range l.lengths {
		lists = append(lists, []shapes.Shape{
			shapes.Make(dtypes.Float32, batch, size, size, 3),
			shapes.Make(dtypes.Int32, batch, length), shapes.Make(dtypes.Bool, batch, length),
			shapes.Make(dtypes.Int32, batch), shapes.Make(dtypes.Int32, batch, l.captions), shapes.Make(dtypes.Int32, batch),
		})
	}
	return lists
}

func (l pairLearner) batch(inputs []*graph.Node) method.Batch {
	return method.Batch{
		Views:    []*graph.Node{computed(inputs[0], l.precision)},
		Texts:    []backbone.Tokens{{IDs: inputs[1], Mask: inputs[2], DType: l.precision}},
		Captions: method.Captions{Given: inputs[3], Own: inputs[4], Texts: inputs[5]},
	}
}

// arrays are a batch's: pixels, tokens, and the captions by number, those given with the pictures and all that each has.
func (l pairLearner) arrays(pixels []float32, texts [][]int32, given []int32, own [][]int32) []*tensors.Tensor {
	size := l.how.View().Size
	list := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(pixels, len(texts), size, size, 3)}
	list = append(list, embed.TokenArrays(l.pad, l.lengths, texts)...)
	numbers, first := make([]int32, len(texts)), map[string]int32{} // of the rows that have a text first
	for i, tokens := range texts {
		text := fmt.Sprint(tokens)
		if _, met := first[text]; !met {
			first[text] = int32(i)
		}
		numbers[i] = first[text]
	}
	list = append(list, captionArrays(given, own, l.captions)...)
	return append(list, tensors.FromFlatDataAndDimensions(numbers, len(numbers)))
}

// captionArrays are given and own captions by number as a graph takes them: see [method.Captions].
func captionArrays(given []int32, own [][]int32, most int) []*tensors.Tensor {
	var all []int32
	for _, numbers := range own {
		all = append(all, numbers...)
		for range most - len(numbers) {
			all = append(all, -1)
		}
	}
	return []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(slices.Clone(given), len(given)),
		tensors.FromFlatDataAndDimensions(all, len(given), most),
	}
}

// random is a batch of normally distributed pixels and of the longest captions, no two the same.
func (l pairLearner) random(batch int, r *rand.Rand) []*tensors.Tensor {
	pixels := make([]float32, batch*l.how.View().Size*l.how.View().Size*3)
	for i := range pixels {
		pixels[i] = float32(r.NormFloat64())
	}
	texts, given, own := make([][]int32, batch), make([]int32, batch), make([][]int32, batch)
	for i := range texts {
		for range l.lengths[len(l.lengths)-1] {
			texts[i] = append(texts[i], int32(r.IntN(l.vocabulary)))
		}
		given[i], own[i] = int32(i), []int32{int32(i)}
	}
	return l.arrays(pixels, texts, given, own)
}
