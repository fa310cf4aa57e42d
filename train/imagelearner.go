package train

import (
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/method"
)

// imageLearner is a method that learns from pictures, with its encoder. Networks compute in the given precision; weights are
// in float32.
type imageLearner struct {
	how       method.ImageMethod
	encoder   backbone.Encoder
	precision dtypes.DType
}

func (l imageLearner) method() method.Method { return l.how }

func (l imageLearner) views() int { return len(l.how.Views()) }

func (l imageLearner) loss(scope *model.Scope, batch method.Batch) method.Output {
	return l.how.Loss(scope, l.encoder, batch)
}

func (l imageLearner) represent(scope *model.Scope, batch method.Batch) []*graph.Node {
	return l.how.(method.ChunkedImage).Represent(scope, l.encoder, batch)
}

// shapes are those of the views' pixels and, for a method that asks, of the labels.
func (l imageLearner) shapes(batch int) [][]shapes.Shape {
	var list []shapes.Shape
	for _, v := range l.how.Views() {
		list = append(list, shapes.Make(dtypes.Float32, batch, v.Size, v.Size, 3))
	}
	if method.NeedsLabels(l.how) {
		list = append(list, shapes.Make(dtypes.Int32, batch))
	}
	return [][]shapes.Shape{list}
}

func (l imageLearner) batch(inputs []*graph.Node) (b method.Batch) {
	for i := range l.how.Views() {
		b.Views = append(b.Views, computed(inputs[i], l.precision))
	}
	if method.NeedsLabels(l.how) {
		b.Labels = inputs[len(inputs)-1]
	}
	return b
}

// computed is a view in the precision that networks compute in; nil stays nil.
func computed(view *graph.Node, precision dtypes.DType) *graph.Node {
	if view == nil {
		return nil
	}
	return graph.ConvertDType(view, precision)
}

// arrays are a batch's, of the views' pixels and the items' labels, which the method may have no use for.
func (l imageLearner) arrays(views [][]float32, labels []int) []*tensors.Tensor {
	var list []*tensors.Tensor
	for i, v := range l.how.Views() {
		rows := len(views[i]) / (v.Size * v.Size * 3)
		list = append(list, tensors.FromFlatDataAndDimensions(views[i], rows, v.Size, v.Size, 3))
	}
	if method.NeedsLabels(l.how) {
		list = append(list, labelArray(labels))
	}
	return list
}

// labelArray is labels as a graph takes them.
func labelArray(labels []int) *tensors.Tensor {
	list := make([]int32, len(labels))
	for i, label := range labels {
		list[i] = int32(label)
	}
	return tensors.FromFlatDataAndDimensions(list, len(list))
}

// countClasses counts the classes that labels, -1 for none, are of.
func countClasses(labels []int) int {
	found := map[int]bool{}
	for _, label := range labels {
		if label >= 0 {
			found[label] = true
		}
	}
	return len(found)
}

// random is a batch of normally distributed pixels and labels of ten classes.
func (l imageLearner) random(batch int, r *rand.Rand) []*tensors.Tensor {
	var views [][]float32
	for _, v := range l.how.Views() {
		pixels := make([]float32, batch*v.Size*v.Size*3)
		for j := range pixels {
			pixels[j] = float32(r.NormFloat64())
		}
		views = append(views, pixels)
	}
	labels := make([]int, batch)
	for i := range labels {
		labels[i] = r.IntN(10)
	}
	return l.arrays(views, labels)
}
