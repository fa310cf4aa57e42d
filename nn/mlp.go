package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// MLP describes a projection or prediction head: Layers dense layers, all Hidden wide but the last, which is Out wide,
// with a rectifier between layers.
type MLP struct {
	Layers, Hidden, Out int
	// HiddenNorm puts batch norm after each hidden layer, OutNorm after the last. Layers followed by batch norm have no
	// bias (the norm would cancel it).
	HiddenNorm, OutNorm bool
	// OutBias gives the last layer a bias when no norm follows it.
	OutBias bool
	// OutOffset gives the last norm an offset. It always has a scale.
	OutOffset bool
}

// Apply runs x [batch, features] through the head: [batch, Out].
func (m MLP) Apply(scope *model.Scope, x *graph.Node) *graph.Node {
	for i := range m.Layers - 1 {
		layer := scope.In("layer_%d", i)
		x = Dense(layer, x, m.Hidden, !m.HiddenNorm)
		if m.HiddenNorm {
			x = BatchNorm(layer.In("norm"), x, FullNorm)
		}
		x = ReLU(x)
	}
	last := scope.In("layer_%d", m.Layers-1)
	x = Dense(last, x, m.Out, m.OutBias && !m.OutNorm)
	if m.OutNorm {
		x = BatchNorm(last.In("norm"), x, Norm{Scale: true, Offset: m.OutOffset})
	}
	return x
}

// ReLU is max(x, 0).
func ReLU(x *graph.Node) *graph.Node { return graph.MaxScalar(x, 0) }
