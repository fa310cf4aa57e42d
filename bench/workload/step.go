package main

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/bench/timing"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/nn"
)

// step is one of SimCLR: two views, encoder, projector, NT-Xent, gradients and optimizer. Weights, loss and optimizer are in
// float32, the networks in dtype.
func step(backend compute.Backend, net network, dtype dtypes.DType) ([]timing.Case, error) {
	projector := nn.MLP{Layers: 2, Hidden: net.dim, Out: 128, HiddenNorm: true, OutNorm: true, OutOffset: true}
	contrast := loss.DefaultNTXent()
	contrast.Temperature = 0.5
	train := func(scope *model.Scope, views *Node) *Node {
		g := views.Graph()
		scope.Store().SetTraining(g, true)
		h := net.features(scope.In("backbone"), views, dtype)
		z := ConvertDType(projector.Apply(scope.In("projector"), h), dtypes.Float32)
		l := loss.NTXent(Slice(z, AxisRange(0, net.items)), Slice(z, AxisRange(net.items)), contrast)
		var parameters []*model.Variable
		var values []*Node
		for v := range scope.IterVariables() {
			if v.Trainable && v.InUseByGraph(g) {
				parameters = append(parameters, v)
				values = append(values, v.NodeValue(l))
			}
		}
		net.optimizer.Update(scope, parameters, Gradient(l, values...), Const(g, float32(net.optimizer.LearningRate)))
		return l
	}
	views := net.view(rng.New(0, 0, 0, 0), 2*net.items)
	s, err := seconds(backend, train, views)
	return []timing.Case{{
		Name: fmt.Sprintf("%d items x 2 views", net.items), Seconds: s, Items: 2 * net.items,
		FLOPs: 3 * float64(2*net.items) * net.flops, // each product has one gradient for either factor
	}}, err
}

// inference is the encoder's representations of as many items as a step has views.
func inference(backend compute.Backend, net network, dtype dtypes.DType) ([]timing.Case, error) {
	items := 2 * net.items
	s, err := seconds(backend, func(scope *model.Scope, x *Node) *Node {
		scope.Store().SetTraining(x.Graph(), false)
		return net.features(scope, x, dtype)
	}, net.view(rng.New(0, 0, 0, 0), items))
	return []timing.Case{{
		Name: fmt.Sprintf("%d items", items), Seconds: s, Items: items, FLOPs: float64(items) * net.flops,
	}}, err
}
