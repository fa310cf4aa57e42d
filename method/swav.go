package method

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/negative"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/positive"
)

// SwAV is Caron, Misra, Mairal, Goyal, Bojanowski and Joulin 2020, "Unsupervised learning of visual features by contrasting
// cluster assignments".
//
// Two large crops of each of N pictures, and any number of small ones, go through the encoder f and the projector g. K
// prototypes c, unit rows, sort them into clusters:
//
//	h = f(crop), z = g(h)/|g(h)|, scores = z Cᵀ
//	q = Sinkhorn(scores) of each large crop (equations 3 to 5)
//	L = the code q of each large crop, predicted from every other crop's softmax(scores/τ) (equations 1, 2 and 6)
//
// There are no negatives: what keeps the crops from becoming all alike is that Sinkhorn gives every prototype its share of the
// batch. A batch much smaller than the prototypes needs the embeddings of earlier ones beside it, a queue for each large
// crop (section 4.3).
type SwAV struct {
	Temperature float64              `yaml:"temperature" help:"τ: divides the scores before the softmax of the predictions"`
	Epsilon     float64              `yaml:"epsilon" help:"ε: smooths the codes"`
	Iterations  int                  `yaml:"sinkhorn_iterations" help:"iterations of Sinkhorn, which balances the codes"`
	Prototypes  int                  `yaml:"prototypes" help:"K: clusters to sort crops into"`
	FreezeSteps int                  `yaml:"freeze_steps" help:"first steps of the run that leave the prototypes as they are"`
	Queue       int                  `yaml:"queue" help:"earlier embeddings of each large crop that join the computation of codes, once there are so many; 0 for none"`
	QueueEpochs int                  `yaml:"queue_epochs" help:"epochs before the queue starts to fill"`
	Hidden      int                  `yaml:"projector_hidden" help:"width of the projector's hidden layer; 0 is the encoder's width"`
	Out         int                  `yaml:"projector_out" help:"width of the embeddings z"`
	SmallCrops  int                  `yaml:"small_crops" help:"small crops of each picture, beside two large ones"`
	Augment     positive.ImageConfig `yaml:"augment"`
	Small       positive.ImageConfig `yaml:"augment_small"`
}

// DefaultSwAV has published settings for pictures of the given side in pixels. Up to 64 pixels these are lightly's for
// CIFAR-10 (lightly-ai/lightly, cifar10_benchmark.py): 512 prototypes, never frozen, two crops, no queue. Above, they are
// the authors' for a batch of 256 (facebookresearch/swav, swav_200ep_bs256_pretrain.sh): 3000 prototypes, frozen for 5005 steps,
// which is an epoch of ImageNet; a queue of 3840 from epoch 15 on; 6 small crops. The projector has one hidden layer as
// wide as the representation, with batch norm, and 128 outputs, in both (src/resnet50.py).
func DefaultSwAV(imageSize int) SwAV {
	o := loss.DefaultSwAV()
	m := SwAV{
		Temperature: o.Temperature,
		Epsilon:     o.Epsilon,
		Iterations:  o.Iterations,
		Prototypes:  3000,
		FreezeSteps: 5005,
		Queue:       3840,
		QueueEpochs: 15,
		Out:         128,
		SmallCrops:  6,
	}
	m.Augment, m.Small = positive.SwAV(imageSize)
	if imageSize <= SmallImage {
		m.Prototypes = 512
		m.FreezeSteps, m.Queue, m.QueueEpochs, m.SmallCrops = 0, 0, 0, 0
		m.Augment, m.Small = positive.SwAVSmall(imageSize)
	}
	return m
}

// largeCrops is the number of crops that codes are made from.
const largeCrops = 2

// Most of what a run of SwAV can have: beyond, it is a slip of the finger that would take all memory or time.
const (
	maxSmallCrops         = 32
	maxSinkhornIterations = 100
)

// Name is "swav".
func (m SwAV) Name() string { return "swav" }

// Validate names the first hyper-parameter that cannot be used.
func (m SwAV) Validate() error {
	switch {
	case !(m.Temperature > 0) || math.IsInf(m.Temperature, 1):
		return fmt.Errorf("temperature is %g: it must be above 0 and finite", m.Temperature)
	case !(m.Epsilon > 0) || math.IsInf(m.Epsilon, 1):
		return fmt.Errorf("epsilon is %g: it must be above 0 and finite", m.Epsilon)
	case m.Iterations < 1 || m.Iterations > maxSinkhornIterations:
		return fmt.Errorf("sinkhorn_iterations is %d: it must be from 1 to %d", m.Iterations, maxSinkhornIterations)
	case m.Prototypes < 2 || m.Prototypes > maxWidth:
		return fmt.Errorf("prototypes is %d: it must be from 2 to %d", m.Prototypes, maxWidth)
	case m.FreezeSteps < 0:
		return fmt.Errorf("freeze_steps is %d: it must be 0, for never, or more", m.FreezeSteps)
	case m.Queue < 0 || m.Queue > maxQueue:
		return fmt.Errorf("queue is %d: it must be 0, for none, or up to %d", m.Queue, maxQueue)
	case m.QueueEpochs < 0:
		return fmt.Errorf("queue_epochs is %d: it must be 0, for from the start, or more", m.QueueEpochs)
	case m.Hidden < 0 || m.Hidden > maxWidth:
		return fmt.Errorf("projector_hidden is %d: it must be 0, for the encoder's width, or up to %d", m.Hidden, maxWidth)
	case m.Out < 2 || m.Out > maxWidth:
		return fmt.Errorf("projector_out is %d: it must be from 2 to %d", m.Out, maxWidth)
	case m.SmallCrops < 0 || m.SmallCrops > maxSmallCrops:
		return fmt.Errorf("small_crops is %d: it must be from 0 to %d", m.SmallCrops, maxSmallCrops)
	}
	if err := m.Augment.Validate(); err != nil {
		return fmt.Errorf("augment.%w", err)
	}
	if err := m.Small.Validate(); err != nil {
		return fmt.Errorf("augment_small.%w", err)
	}
	return nil
}

// Views is two large crops, then the small ones.
func (m SwAV) Views() []positive.ImageConfig {
	views := []positive.ImageConfig{m.Augment, m.Augment}
	for range m.SmallCrops {
		views = append(views, m.Small)
	}
	return views
}

// Loss builds a step of train in the authors' main_swav.py.
func (m SwAV) Loss(scope *model.Scope, encoder backbone.Encoder, batch Batch) Output {
	n := batch.Views[0].Shape().Dim(0)
	h := everyCrop(scope, encoder, batch.Views)
	z := m.projector(encoder.Dim()).Apply(scope.In("projector"), h)
	z = loss.Normalize(graph.ConvertDType(z, dtypes.Float32))
	c := m.prototypes(scope.In("prototypes"), batch.Clock.Step)
	scores := scoresOf(z, c)
	var crops []*graph.Node
	for i := range batch.Views {
		crops = append(crops, graph.Slice(scores, graph.AxisRange(i*n, (i+1)*n)))
	}
	o := loss.SwAVOptions{Temperature: m.Temperature, Epsilon: m.Epsilon, Iterations: m.Iterations}
	var queue []*graph.Node
	if m.Queue > 0 {
		queue, o.QueueJoins = m.earlier(scope.In("queue"), z, c, n, batch.Clock)
	}
	return Output{Loss: loss.SwAV(crops[:largeCrops], crops[largeCrops:], queue, o), Embeddings: z}
}

// everyCrop runs the encoder once for each size of crop, on all crops of that size together, and puts the representations
// of all crops one after the other.
func everyCrop(scope *model.Scope, encoder backbone.Encoder, crops []*graph.Node) *graph.Node {
	var h []*graph.Node
	for len(crops) > 0 {
		same := 1
		for same < len(crops) && crops[same].Shape().Equal(crops[0].Shape()) {
			same++
		}
		h = append(h, encoder.Features(scope.At(EncoderScope), graph.Concatenate(crops[:same], 0)))
		crops = crops[same:]
	}
	return graph.Concatenate(h, 0)
}

// prototypes returns C, [Prototypes, Out], whose rows are brought back to unit length first, in the variable too: what the
// gradient is of are unit rows, and the optimizer moves them from there.
//
// While they are frozen they have no gradient. The authors also keep the optimizer away from them; here it still sees them,
// but weight decay, LARS and momentum can then do no more than shorten C as a whole, which the next step's normalisation
// undoes. Their direction stays.
func (m SwAV) prototypes(scope *model.Scope, step *graph.Node) *graph.Node {
	v := nn.Parameter(scope, "weights", nn.LecunNormal(m.Out), m.Prototypes, m.Out)
	v.SetNodeValue(loss.Normalize(v.NodeValue(step)))
	c := v.NodeValue(step)
	if m.FreezeSteps == 0 {
		return c
	}
	frozen := graph.LessThan(step, graph.Scalar(step.Graph(), step.DType(), m.FreezeSteps))
	return graph.Where(frozen, graph.StopGradient(c), c)
}

// earlier returns the scores, against today's prototypes, of the embeddings of each large crop's queue, and whether they join.
// Then it pushes those of the step's N pictures, which z starts with.
//
// The authors fill empty queues from an epoch on, and let them join once they are full. Queues that fill from the first step
// on hold the same by then.
func (m SwAV) earlier(scope *model.Scope, z, c *graph.Node, n int, clock Clock) (scores []*graph.Node, joins *graph.Node) {
	for large := range largeCrops {
		queue := negative.NewQueue(scope.In("crop_%d", large), m.Queue, m.Out)
		scores = append(scores, scoresOf(queue.Keys(z.Graph()), c))
		queue.Push(graph.Slice(z, graph.AxisRange(large*n, (large+1)*n)))
	}
	stepsToFill := (m.Queue + n - 1) / n
	first := m.QueueEpochs*clock.StepsPerEpoch + stepsToFill
	return scores, graph.GreaterOrEqual(clock.Step, graph.Scalar(z.Graph(), clock.Step.DType(), first))
}

// scoresOf is z Cᵀ: [rows, Out] and [Prototypes, Out] give [rows, Prototypes].
func scoresOf(z, c *graph.Node) *graph.Node { return graph.Einsum("id,kd->ik", z, c) }

func (m SwAV) projector(features int) nn.MLP {
	hidden := m.Hidden
	if hidden == 0 {
		hidden = features
	}
	return nn.MLP{Layers: 2, Hidden: hidden, Out: m.Out, HiddenNorm: true, OutBias: true}
}
