package method

import (
	"fmt"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/positive"
)

// MoCoV2 is Chen, Fan, Girshick and He 2020, "Improved baselines with momentum contrastive learning": [MoCo] with another head,
// two layers with a rectifier between and no batch norm, and another temperature, augmentation and schedule.
type MoCoV2 struct {
	MoCo   `yaml:",inline"`
	Hidden int `yaml:"projector_hidden" help:"width of the projector's hidden layer; 0 is the encoder's width"`
}

// DefaultMoCoV2 has the published settings for pictures of the given side in pixels. Above 64 pixels they are the paper's (table
// 1 and section 3: τ 0.2, a hidden layer as wide as the representation, blur; facebookresearch/moco, main_moco.py), the rest as
// in [DefaultMoCo]. Up to there τ and the augmentation, without blur, are those of the authors' demo on CIFAR-10
// (facebookresearch/moco, colab/moco_cifar10_demo.ipynb), whose views are SimCLR's for small pictures, and the head is the paper's,
// where the demo's is linear.
func DefaultMoCoV2(imageSize int) MoCoV2 {
	m := MoCoV2{MoCo: DefaultMoCo(imageSize)}
	if imageSize <= SmallImage {
		m.Augment = positive.SimCLRSmall(imageSize)
		return m
	}
	m.Temperature = 0.2
	m.Augment = positive.MoCoV2(imageSize)
	return m
}

// Name is "mocov2".
func (m MoCoV2) Name() string { return "mocov2" }

// Validate names the first hyper-parameter that cannot be used.
func (m MoCoV2) Validate() error {
	if m.Hidden < 0 || m.Hidden > maxWidth {
		return fmt.Errorf("projector_hidden is %d: it must be 0, for the encoder's width, or up to %d", m.Hidden, maxWidth)
	}
	return m.MoCo.Validate()
}

// Loss is MoCo's with version 2's head.
func (m MoCoV2) Loss(scope *model.Scope, encoder backbone.Encoder, batch Batch) Output {
	hidden := m.Hidden
	if hidden == 0 {
		hidden = encoder.Dim()
	}
	return m.loss(scope, encoder, nn.MLP{Layers: 2, Hidden: hidden, Out: m.Out, OutBias: true}, batch)
}
