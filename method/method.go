// Package method holds the methods, one short file a paper.
//
// A method is data plus one graph-building function: a struct of hyper-parameters with the published values as defaults,
// the views it wants of each item, and Loss, which builds the paper's training graph from top to bottom.
package method

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/nearest"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/positive"
)

// EncoderScope is where, in the store's root scope, every method keeps the encoder f that evaluation uses.
const EncoderScope = "backbone"

// Batch is what a method sees of a training batch.
type Batch struct {
	// Views holds one node per view of a picture that the method asked for: [batch, size, size, 3]. Row i of each is a view of
	// item i.
	Views []*graph.Node
	// Texts holds the texts of the items, [batch, length] each, row i of each being of item i: a sentence; or two that mean the same;
	// or these and their hard negatives, those that were made last. All have one length.
	Texts []backbone.Tokens
	// Captions say which texts are captions of which pictures, for a method that learns from both.
	Captions Captions
	// Labels are the classes of the items, [batch] int32, -1 for none, for a method that is [Labelled]; nil for others.
	Labels *graph.Node
	// Clock says where in the run the step is.
	Clock Clock
	// Losses says how losses over all pairs of the batch are computed; nil is in one piece.
	Losses loss.AllPairs
}

// Clock is the place of a step in its run: what schedules other than the learning rate's follow.
type Clock struct {
	// Step counts the optimizer steps taken before this one: a scalar, float32.
	Step *graph.Node
	// Steps and StepsPerEpoch are the numbers of steps of the whole run and of one pass over the data.
	Steps, StepsPerEpoch int
}

// losses is the batch's Losses.
func (b Batch) losses() loss.AllPairs {
	if b.Losses == nil {
		return loss.OnePiece{}
	}
	return b.Losses
}

// Output is what a method's graph gives.
type Output struct {
	// Loss is the scalar to minimise, in float32.
	Loss *graph.Node
	// Embeddings holds the embeddings z of all views, [rows, dim]: the run watches them for collapse.
	Embeddings *graph.Node
	// Texts holds those of texts, of a method that embeds pictures and texts: they are watched by themselves. nil for others.
	Texts *graph.Node
}

// Method is one way to learn which items are alike: an [ImageMethod], a [TextMethod] or a [PairMethod].
type Method interface {
	// Name is the method's name on the command line and in files.
	Name() string
	// Validate names the first hyper-parameter that cannot be used.
	Validate() error
}

// ImageMethod is a method that learns from pictures.
type ImageMethod interface {
	Method
	// Views says how each view of an item is drawn, one entry a view.
	Views() []positive.ImageConfig
	// Loss builds the training graph. The weights of the encoder that is evaluated live in scope.In([EncoderScope]); what else
	// a method keeps from step to step are variables in scopes of its own, and so in every checkpoint.
	Loss(scope *model.Scope, encoder backbone.Encoder, batch Batch) Output
}

// TextMethod is a method that learns from texts.
type TextMethod interface {
	Method
	// Views says what is made of the texts of a row.
	Views() TextViews
	// Sentence says how a text's representation is made of the encoder's hidden states, where the encoder is put to work.
	Sentence() Sentence
	// Loss is as that of [ImageMethod], with batch.Texts in the place of batch.Views.
	Loss(scope *model.Scope, encoder backbone.TextEncoder, batch Batch) Output
}

// PairMethod is a method that learns from pictures and their captions.
type PairMethod interface {
	Method
	// View says how the view of a picture is drawn.
	View() positive.ImageConfig
	// Text says how the text is made that a picture comes with.
	Text() positive.CaptionConfig
	// Space says how pictures and texts come into one space, where the encoders are put to work.
	Space() Space
	// Loss is as that of [ImageMethod], with batch.Views[0] for the pictures, batch.Texts[0] for the captions that came with them, and
	// batch.Captions.
	Loss(scope *model.Scope, image backbone.Encoder, text backbone.TextEncoder, batch Batch) Output
	// Contrasted is that loss of embeddings that are there, [batch, Space().Out] each, with batch.Captions.
	Contrasted(scope *model.Scope, images, texts *graph.Node, batch Batch) *graph.Node
}

// AfterStep is a method that has something to do once the optimizer has moved the weights. It is called once for every
// optimizer step, on the graph of the method's Loss, where variables have their new values.
type AfterStep interface {
	AfterStep(scope *model.Scope, batch Batch)
}

// Labelled is a method that learns from the classes of the items.
type Labelled interface {
	// NeedsLabels says whether it does with its present settings.
	NeedsLabels() bool
}

// NeedsLabels says whether a method learns from the classes of the items.
func NeedsLabels(m Method) bool {
	l, ok := m.(Labelled)
	return ok && l.NeedsLabels()
}

// Batched is a method that cannot work with every size of batch.
type Batched interface {
	// ValidateBatch says why it cannot work with so many items a step, by the name of the hyper-parameter that asks for others.
	ValidateBatch(size int) error
}

// inFloat32 is x in the precision of losses.
func inFloat32(x *graph.Node) *graph.Node { return graph.ConvertDType(x, dtypes.Float32) }

// Info describes a method for the list of what there is.
type Info struct {
	// Name is what commands and files call it, Title what people do.
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Paper       string `json:"paper"`
}

// Known lists the methods, oldest paper first.
func Known() []Info {
	return []Info{
		{"moco", "MoCo", "a view attracts its picture's other view, seen by a slow average of the network, and repels a queue of earlier ones",
			"He, Fan, Wu, Xie, Girshick 2020, Momentum contrast for unsupervised visual representation learning"},
		{"simclr", "SimCLR", "two views of one picture attract, all other views in the batch repel",
			"Chen, Kornblith, Norouzi, Hinton 2020, A simple framework for contrastive learning of visual representations"},
		{"mocov2", "MoCo v2", "MoCo with a deeper head, stronger augmentation and a cosine schedule",
			"Chen, Fan, Girshick, He 2020, Improved baselines with momentum contrastive learning"},
		{"supcon", "SupCon", "views of pictures of one class attract, all other views in the batch repel; needs pictures in class folders",
			"Khosla, Teterwak, Wang et al. 2020, Supervised contrastive learning"},
		{"supcon_text", "SupCon on text", "on text: texts of one class attract, all others in the batch repel; needs a column of classes",
			"Khosla, Teterwak, Wang et al. 2020, Supervised contrastive learning; Gunel, Du, Conneau, Stoyanov 2021, for text"},
		{"byol", "BYOL", "one view predicts what a slow average of the network makes of the other; no negatives",
			"Grill, Strub, Altché et al. 2020, Bootstrap your own latent: a new approach to self-supervised learning"},
		{"swav", "SwAV", "the cluster of one crop is predicted from the others; clusters are kept equally large",
			"Caron, Misra, Mairal, Goyal, Bojanowski, Joulin 2020, Unsupervised learning of visual features by contrasting cluster assignments"},
		{"simsiam", "SimSiam", "one view predicts the other's embedding, which gets no gradient; no negatives, no second network",
			"Chen, He 2021, Exploring simple Siamese representation learning"},
		{"clip", "CLIP", "on pictures with captions: a picture and its caption attract, the other captions and pictures of the batch repel; SigLIP too",
			"Radford, Kim et al. 2021, Learning transferable visual models from natural language supervision"},
		{"barlowtwins", "Barlow Twins", "each dimension of two views goes together with itself and with no other dimension",
			"Zbontar, Jing, Misra, LeCun, Deny 2021, Barlow Twins: self-supervised learning via redundancy reduction"},
		{"simcse", "SimCSE", "on text: a sentence attracts itself under another dropout mask, or one that it entails, and repels the others of the batch",
			"Gao, Yao, Chen 2021, SimCSE: simple contrastive learning of sentence embeddings"},
	}
}

// Names lists the methods' names, oldest paper first.
func Names() []string {
	var names []string
	for _, m := range Known() {
		names = append(names, m.Name)
	}
	return names
}

// Find describes the named method. The error suggests the nearest name when there is none.
func Find(name string) (Info, error) {
	for _, m := range Known() {
		if m.Name == name {
			return m, nil
		}
	}
	return Info{}, fmt.Errorf("there is no method %q%s; there is %s", name, nearest.Suggestion(name, Names()), strings.Join(Names(), ", "))
}
