package method

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/nn"
)

// Space is where pictures and texts meet: an encoder of each, and a projection without bias behind it. Training and inference share
// it. The encoder of pictures is in [EncoderScope], as that of every method, the one of texts in [TextScope].
type Space struct {
	// Sentence makes a representation of a text's hidden states.
	Sentence
	// Out is the width of the space.
	Out int
}

// Where, in the store's root scope, a method with two encoders keeps the one of texts, in a scope named [EncoderScope] of its own, and
// the projections of both.
const (
	TextScope            = "text"
	ImageProjectionScope = "image_projection"
	TextProjectionScope  = "text_projection"
)

func textScope(scope *model.Scope) *model.Scope { return scope.At(TextScope) }

// Image is the representation of pictures [batch, size, size, 3], before its projection.
func (s Space) Image(scope *model.Scope, encoder backbone.Encoder, images *graph.Node) *graph.Node {
	return encoder.Features(scope.At(EncoderScope), images)
}

// Text is the representation of tokens [batch, length], before its projection.
func (s Space) Text(scope *model.Scope, encoder backbone.TextEncoder, tokens backbone.Tokens) *graph.Node {
	return s.Represent(textScope(scope), encoder, tokens)
}

// ProjectImage projects representations of pictures [batch, width] to [batch, Out], in float32.
func (s Space) ProjectImage(scope *model.Scope, h *graph.Node) *graph.Node {
	return nn.Dense(scope.At(ImageProjectionScope), inFloat32(h), s.Out, false)
}

// ProjectText projects representations of texts [batch, width] to [batch, Out], in float32.
func (s Space) ProjectText(scope *model.Scope, h *graph.Node) *graph.Node {
	return nn.Dense(scope.At(TextProjectionScope), inFloat32(h), s.Out, false)
}
