package method

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/positive"
)

// CLIP is Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.3 and figure 3:
// N pictures and their captions go through an encoder each and a linear projection into one space, where a picture and its caption
// attract and the other captions and pictures of the batch are their negatives:
//
//	I_e = f_I(I) W_I, T_e = f_T(T) W_T, logits = exp(t) cos(I_e, T_e), L = ½ (CE over rows + CE over columns)
//
// The scale exp(t) is learned with the weights and kept from 1 to 100. With sigmoid it is Zhai et al. 2023, "Sigmoid Loss for Language
// Image Pre-Training", which decides on each of the N² pairs by itself, with a bias b that is learned too. A frozen encoder of pictures is
// Zhai et al. 2022, "LiT: Zero-Shot Transfer with Locked-image text Tuning".
//
// The papers have every other caption of the batch as a negative. Here those are positives that are captions of the picture too.
type CLIP struct {
	Contrast      CLIPContrast         `yaml:"contrast" help:"softmax over the batch, as CLIP, or sigmoid for each pair, as SigLIP"`
	Temperature   float64              `yaml:"temperature" help:"τ that training starts with: the logits' scale, which is learned, starts at 1/τ"`
	MaxScale      float64              `yaml:"max_scale" help:"largest scale of the logits: larger ones are set to it after each step"`
	Bias          float64              `yaml:"bias" help:"start of the bias, which is learned, of sigmoid's logits"`
	Out           int                  `yaml:"out" help:"width of the space that pictures and texts share"`
	MultiPositive bool                 `yaml:"multi_positive" help:"a caption in the batch that is one of a picture's own is a positive of it, though it came with another picture; the papers have it as a negative"`
	Pooling       backbone.Pooling     `yaml:"pooling" help:"what makes one vector of all tokens': cls, the first one's, mean, or last, that of its end"`
	FreezeImage   bool                 `yaml:"freeze_image" help:"leave the encoder of pictures as it starts, and train its projection alone"`
	FreezeText    bool                 `yaml:"freeze_text" help:"leave the encoder of texts as it starts, and train its projection alone"`
	Augment       positive.ImageConfig `yaml:"augment"`

	Caption positive.CaptionConfig `yaml:"caption"`
}

// CLIPContrast says which loss tells pairs from others.
type CLIPContrast string

// The losses.
const (
	Softmax CLIPContrast = "softmax"
	Sigmoid CLIPContrast = "sigmoid"
)

// DefaultCLIP has the published settings of a loss for pictures of the given side: CLIP's, τ 0.07 and a scale of at most 100 (section
// 2.5), 512 dimensions (ViT-B/32's, table 20) and open_clip's augmentation; with [Sigmoid] SigLIP's, τ 0.1 and a bias of -10 (section
// 3.2), and the rest as open_clip has it.
func DefaultCLIP(imageSize int, contrast CLIPContrast) CLIP {
	m := CLIP{
		Contrast: contrast, Temperature: 0.07, MaxScale: 100, Out: 512, MultiPositive: true,
		Pooling: backbone.PoolLast, Augment: positive.CLIP(imageSize),
	}
	if contrast == Sigmoid {
		m.Temperature, m.Bias = 0.1, -10
	}
	return m
}

// Name is "clip".
func (m CLIP) Name() string { return "clip" }

// Validate names the first hyper-parameter that cannot be used.
func (m CLIP) Validate() error {
	switch {
	case m.Contrast != Softmax && m.Contrast != Sigmoid:
		return fmt.Errorf("contrast is %q: it must be %s or %s", string(m.Contrast), Softmax, Sigmoid)
	case !(m.MaxScale >= 1) || math.IsInf(m.MaxScale, 1):
		return fmt.Errorf("max_scale is %g: it must be 1 or more, and finite", m.MaxScale)
	case !(m.Temperature <= 1 && 1/m.Temperature <= m.MaxScale && m.Temperature > 0):
		return fmt.Errorf("temperature is %g: it must be from 1/max_scale, %g, to 1", m.Temperature, 1/m.MaxScale)
	case math.IsNaN(m.Bias) || math.IsInf(m.Bias, 0):
		return fmt.Errorf("bias is %g: it must be finite", m.Bias)
	case m.Out < 2 || m.Out > maxWidth:
		return fmt.Errorf("out is %d: it must be from 2 to %d", m.Out, maxWidth)
	case m.FreezeImage && m.FreezeText:
		return errors.New("freeze_text is true: with freeze_image there is no encoder left to train")
	}
	if err := m.Pooling.Validate(); err != nil {
		return err
	}
	if err := m.Augment.Validate(); err != nil {
		return fmt.Errorf("augment.%w", err)
	}
	if err := m.Caption.Validate(); err != nil {
		return fmt.Errorf("caption.%w", err)
	}
	return nil
}

// View is the augmentation of a picture.
func (m CLIP) View() positive.ImageConfig { return m.Augment }

// Text says how the text is made that comes with a picture.
func (m CLIP) Text() positive.CaptionConfig { return m.Caption }

// Space is where pictures and texts meet.
func (m CLIP) Space() Space { return Space{Sentence{Pooling: m.Pooling}, m.Out} }

// Loss builds figure 3 of the paper.
func (m CLIP) Loss(scope *model.Scope, image backbone.Encoder, text backbone.TextEncoder, batch Batch) Output {
	return m.Compare(scope, m.Represent(scope, image, text, batch), batch)
}

// Represent gives f_I(I) and f_T(T).
func (m CLIP) Represent(scope *model.Scope, image backbone.Encoder, text backbone.TextEncoder, batch Batch) []*graph.Node {
	g := batch.Views[0].Graph()
	return []*graph.Node{
		frozen(m.FreezeImage, scope, g, func() *graph.Node { return m.Space().Image(scope, image, batch.Views[0]) }),
		frozen(m.FreezeText, textScope(scope), g, func() *graph.Node { return m.Space().Text(scope, text, batch.Texts[0]) }),
	}
}

// Compare goes from representations over I_e and T_e, [batch, Out] each, to the loss.
func (m CLIP) Compare(scope *model.Scope, h []*graph.Node, batch Batch) Output {
	images, texts := m.Space().ProjectImage(scope, h[0]), m.Space().ProjectText(scope, h[1])
	return Output{Loss: m.Contrasted(scope, images, texts, batch), Embeddings: images, Texts: texts}
}

// Contrasted is the loss of embeddings.
func (m CLIP) Contrasted(scope *model.Scope, images, texts *graph.Node, batch Batch) *graph.Node {
	var positives loss.Marks
	if m.MultiPositive {
		positives = batch.Captions.positives()
	}
	logScale := m.logScale(scope).NodeValue(images)
	if m.Contrast == Sigmoid {
		bias := nn.Parameter(scope, "logit_bias", constant(m.Bias)).NodeValue(images)
		return batch.losses().SigLIP(images, texts, logScale, bias, positives, loss.Cosine)
	}
	return batch.losses().CLIP(images, texts, logScale, positives, loss.Cosine)
}

// AfterStep keeps the scale from 1 to its maximum (section 2.5; mlfoundations/open_clip, train.py).
func (m CLIP) AfterStep(scope *model.Scope, batch Batch) {
	t := m.logScale(scope)
	t.SetNodeValue(graph.ClipScalar(t.NodeValue(batch.Clock.Step), 0, math.Log(m.MaxScale)))
}

// logScale is t. Having no axis, it is spared weight decay with the biases.
func (m CLIP) logScale(scope *model.Scope) *model.Variable {
	return nn.Parameter(scope, "logit_scale", constant(-math.Log(m.Temperature)))
}

func constant(value float64) nn.Init {
	return func(values []float32, _ func() float64) {
		for i := range values {
			values[i] = float32(value)
		}
	}
}

// frozen builds part of a network, whose weights are in scope. If it is frozen, it is as outside training, with the running statistics
// of its norms and without dropout, has no gradient, and the optimizer leaves it as it is.
func frozen(is bool, scope *model.Scope, g *graph.Graph, build func() *graph.Node) *graph.Node {
	if !is {
		return build()
	}
	training := scope.IsTraining(g)
	scope.Store().SetTraining(g, false)
	h := graph.StopGradient(build())
	scope.Store().SetTraining(g, training)
	for v := range scope.At(EncoderScope).IterVariables() {
		v.SetTrainable(false)
	}
	return h
}

// Captions are the captions of a batch of pictures by number; equal captions have equal numbers.
type Captions struct {
	// Given [batch] are those that the pictures came with. Own [batch, k] are all that a picture has, the given one among them; places
	// that are left are -1.
	Given, Own *graph.Node
	// Texts [batch] numbers what the encoder reads, which is made of the given captions or of tags: equal texts have equal numbers. All
	// are int32.
	Texts *graph.Node
}

// positives marks where the caption given with picture j is one of picture i's own, or both have one text.
func (c Captions) positives() loss.Marks {
	marks := loss.Marks{{Row: c.Texts, Column: c.Texts}}
	for k := range c.Own.Shape().Dim(1) {
		marks = append(marks, loss.Mark{Row: graph.Squeeze(graph.Slice(c.Own, graph.AxisRange(), graph.AxisElem(k)), -1), Column: c.Given})
	}
	return marks
}
