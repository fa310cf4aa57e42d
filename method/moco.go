package method

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/negative"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/positive"
)

// MoCo is He, Fan, Wu, Xie and Girshick 2020, "Momentum contrast for unsupervised visual representation learning".
//
// The query network, encoder and head, embeds one view of a picture, the key network the other. The negatives are the keys of the
// last K pictures, which wait in a queue; they are fit to be compared because the key network changes slowly:
//
//	θ_k ← m θ_k + (1 - m) θ_q                                       (equation 2)
//	q = f_q(view 1), k_+ = f_k(view 2), of length 1
//	L_q = -log( exp(q·k_+/τ) / (exp(q·k_+/τ) + Σ_i exp(q·k_i/τ)) )    (equation 1, i over the queue)
//	then k_+ joins the queue, and the oldest keys leave it
//
// The queue starts empty, and only keys in it are negatives: the first step has none, and the loss 0.
type MoCo struct {
	Temperature float64              `yaml:"temperature" help:"τ: divides the similarities before the softmax"`
	Queue       int                  `yaml:"queue" help:"K: the keys of so many earlier pictures are negatives; no more than there are pictures"`
	Momentum    float64              `yaml:"momentum" help:"m: share of the key network that a step leaves"`
	Symmetric   bool                 `yaml:"symmetric" help:"let both views be queries and keys, the losses added"`
	Groups      int                  `yaml:"split_batch_norm" help:"groups of the batch, each with batch norm statistics of its own; 1 is one for all"`
	Out         int                  `yaml:"projector_out" help:"width of queries and keys"`
	Augment     positive.ImageConfig `yaml:"augment"`
}

// DefaultMoCo has the published settings for pictures of the given side in pixels. Above 64 pixels they are the paper's (section
// 3.3 and 4: τ 0.07, K 65536, m 0.999, 128 outputs, a batch of 256 on 8 GPUs, which have batch norm statistics of their own;
// facebookresearch/moco, main_moco.py). Up to there τ, K, m and the groups are those of the authors' demo on CIFAR-10
// (facebookresearch/moco, colab/moco_cifar10_demo.ipynb), and what makes it version 1, head and augmentation, is the paper's. The
// demo has 8 groups of 64 of a batch of 512; of the batch of 256 that is the default here, 8 groups have 32, as in the paper.
func DefaultMoCo(imageSize int) MoCo {
	m := MoCo{
		Temperature: 0.07,
		Queue:       65536,
		Momentum:    0.999,
		Groups:      8,
		Out:         128,
		Augment:     positive.MoCoV1(imageSize),
	}
	if imageSize <= SmallImage {
		m.Temperature, m.Queue, m.Momentum = 0.1, 4096, 0.99
		m.Augment.CenterCrop = 1 // the whole picture, as in the demo
	}
	return m
}

// maxQueue is the longest queue: 16 times the published one. Beyond, it is a slip of the finger that would take all memory.
const maxQueue = 1 << 20

// Name is "moco".
func (m MoCo) Name() string { return "moco" }

// Validate names the first hyper-parameter that cannot be used.
func (m MoCo) Validate() error {
	if err := m.contrast().Validate(); err != nil {
		return err
	}
	switch {
	case m.Queue < 1 || m.Queue > maxQueue:
		return fmt.Errorf("queue is %d: it must be from 1 to %d", m.Queue, maxQueue)
	case !(m.Momentum >= 0 && m.Momentum <= 1): // so that NaN fails
		return fmt.Errorf("momentum is %g: it must be from 0 to 1", m.Momentum)
	case m.Groups < 1:
		return fmt.Errorf("split_batch_norm is %d: it must be 1, for one group of all, or more", m.Groups)
	case m.Out < 2 || m.Out > maxWidth:
		return fmt.Errorf("projector_out is %d: it must be from 2 to %d", m.Out, maxWidth)
	}
	if err := m.Augment.Validate(); err != nil {
		return fmt.Errorf("augment.%w", err)
	}
	return nil
}

// ValidateBatch says when the batch cannot be split into equal groups of two rows or more: one row alone has no statistics.
func (m MoCo) ValidateBatch(size int) error {
	if m.Groups > 1 && (size%m.Groups != 0 || size/m.Groups < 2) {
		return fmt.Errorf("split_batch_norm is %d: it must divide the batch of %d into equal groups of 2 or more; 1 does not split it", m.Groups, size)
	}
	return nil
}

// Views is two draws of one augmentation.
func (m MoCo) Views() []positive.ImageConfig {
	return []positive.ImageConfig{m.Augment, m.Augment}
}

// Loss builds algorithm 1 of the paper, up to the gradient and with the queue, for version 1's linear head.
func (m MoCo) Loss(scope *model.Scope, encoder backbone.Encoder, batch Batch) Output {
	return m.loss(scope, encoder, nn.MLP{Layers: 1, Out: m.Out, OutBias: true}, batch)
}

// loss is [MoCo.Loss] with any head. Symmetric is the demo's: two losses, added, with the keys of both views pushed at the end.
func (m MoCo) loss(scope *model.Scope, encoder backbone.Encoder, head nn.MLP, batch Batch) Output {
	x1, x2 := batch.Views[0], batch.Views[1]
	nn.SplitBatchNorm(scope, x1.Graph(), m.Groups)
	query := func(view *graph.Node) *graph.Node { return unitRows(scope, encoder, head, view) }
	// key is of the view in the other groups of batch norm that its rows are put into.
	key := func(view *graph.Node) *graph.Node {
		k := unitRows(targetOf(scope), encoder, head, nn.Interleave(view, m.Groups))
		return nn.Deinterleave(k, m.Groups)
	}
	queue := negative.NewQueue(scope.At("queue"), m.Queue, m.Out)
	negatives, filled := queue.Keys(x1.Graph()), queue.Filled(x1.Graph())

	q1 := query(x1)
	m.follow(scope, x1.Graph())
	k2 := key(x2)
	l := loss.InfoNCE(q1, k2, negatives, filled, m.contrast())
	if !m.Symmetric {
		queue.Push(k2)
		return Output{Loss: l, Embeddings: q1}
	}
	q2, k1 := query(x2), key(x1)
	l = graph.Add(l, loss.InfoNCE(q2, k1, negatives, filled, m.contrast()))
	queue.Push(graph.Concatenate([]*graph.Node{k1, k2}, 0))
	return Output{Loss: l, Embeddings: graph.Concatenate([]*graph.Node{q1, q2}, 0)}
}

// unitRows is what the network in a scope, encoder and head, makes of a view, at length 1: [batch, Out].
func unitRows(scope *model.Scope, encoder backbone.Encoder, head nn.MLP, view *graph.Node) *graph.Node {
	h := encoder.Features(scope.At(EncoderScope), view)
	return loss.Normalize(inFloat32(head.Apply(scope.At("projector"), h)))
}

// follow moves the key network, which starts as a copy of the query network, after it: equation 2. Keys come after that.
func (m MoCo) follow(scope *model.Scope, g *graph.Graph) {
	momentum := graph.Scalar(g, dtypes.Float32, m.Momentum)
	for _, pair := range pairs(scope) {
		pair.Start()
		pair.Follow(momentum)
	}
}

// contrast is the dot product over τ: queries and keys have length 1 already.
func (m MoCo) contrast() loss.Contrast {
	return loss.Contrast{Similarity: loss.InnerProduct, Temperature: m.Temperature}
}
