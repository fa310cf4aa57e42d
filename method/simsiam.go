package method

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/positive"
)

// SimSiam is Chen and He 2021, "Exploring simple Siamese representation learning".
//
// There are no negatives and no second network: the prediction p = h(z) of one view looks for the projection z = g(f(view)) of
// the other, which stands still:
//
//	L = D(p1, stopgrad(z2))/2 + D(p2, stopgrad(z1))/2,   D(p, z) = -cos(p, z)      (equations 1 and 4)
//
// docs/new-method.md walks through this file.
type SimSiam struct {
	Layers    int                  `yaml:"projector_layers" help:"layers of the projector: 3, or 2 for CIFAR-10"`
	Hidden    int                  `yaml:"projector_hidden" help:"width of the projector's hidden layers; 0 is the encoder's width"`
	Out       int                  `yaml:"projector_out" help:"width of the projections z and of the predictions"`
	Predictor int                  `yaml:"predictor_hidden" help:"width of the predictor's hidden layer: a bottleneck"`
	Augment   positive.ImageConfig `yaml:"augment"`
}

// DefaultSimSiam has the published settings for pictures of the given side in pixels: above 64 pixels those for ImageNet
// (section 3; facebookresearch/simsiam, main_simsiam.py and simsiam/builder.py, whose hidden layers are as wide as the
// encoder), up to 64 pixels those for CIFAR-10 (appendix D: two layers in the projector, no blur).
func DefaultSimSiam(imageSize int) SimSiam {
	m := SimSiam{Layers: 3, Out: 2048, Predictor: 512, Augment: positive.MoCoV2(imageSize)}
	if imageSize <= SmallImage {
		m.Layers, m.Hidden = 2, 2048
		m.Augment.Blur, m.Augment.CenterCrop = 0, 1
	}
	return m
}

// Name is "simsiam".
func (m SimSiam) Name() string { return "simsiam" }

// Validate names the first hyper-parameter that cannot be used.
func (m SimSiam) Validate() error {
	switch {
	case m.Layers < 1 || m.Layers > 8:
		return fmt.Errorf("projector_layers is %d: it must be from 1 to 8", m.Layers)
	case m.Hidden < 0 || m.Hidden > maxWidth:
		return fmt.Errorf("projector_hidden is %d: it must be 0, for the encoder's width, or up to %d", m.Hidden, maxWidth)
	case m.Out < 2 || m.Out > maxWidth:
		return fmt.Errorf("projector_out is %d: it must be from 2 to %d", m.Out, maxWidth)
	case m.Predictor < 1 || m.Predictor > maxWidth:
		return fmt.Errorf("predictor_hidden is %d: it must be from 1 to %d", m.Predictor, maxWidth)
	}
	if err := m.Augment.Validate(); err != nil {
		return fmt.Errorf("augment.%w", err)
	}
	return nil
}

// Views is two draws of one augmentation.
func (m SimSiam) Views() []positive.ImageConfig {
	return []positive.ImageConfig{m.Augment, m.Augment}
}

// Loss builds algorithm 1 of the paper. Each view is normalised with the statistics of its own batch.
func (m SimSiam) Loss(scope *model.Scope, encoder backbone.Encoder, batch Batch) Output {
	var z, p [2]*graph.Node
	for i, view := range batch.Views {
		y := encoder.Features(scope.At(EncoderScope), view)
		y = m.projector(encoder.Dim()).Apply(scope.At("projector"), y)
		z[i] = nn.BatchNorm(scope.At("projector").At("norm"), y, nn.Norm{})
		p[i] = m.predictor().Apply(scope.At("predictor"), z[i])
		z[i], p[i] = inFloat32(z[i]), inFloat32(p[i])
	}
	d := func(p, z *graph.Node) *graph.Node {
		return graph.Neg(graph.ReduceAllMean(loss.Cosine.Rows(p, graph.StopGradient(z))))
	}
	return Output{
		Loss:       graph.DivScalar(graph.Add(d(p[0], z[1]), d(p[1], z[0])), 2),
		Embeddings: graph.Concatenate(z[:], 0),
	}
}

// projector is g up to its last norm, which has neither scale nor offset.
func (m SimSiam) projector(features int) nn.MLP {
	hidden := m.Hidden
	if hidden == 0 {
		hidden = features
	}
	return nn.MLP{Layers: m.Layers, Hidden: hidden, Out: m.Out, HiddenNorm: true}
}

// predictor is h: a bottleneck, without a norm at its end.
func (m SimSiam) predictor() nn.MLP {
	return nn.MLP{Layers: 2, Hidden: m.Predictor, Out: m.Out, HiddenNorm: true, OutBias: true}
}
