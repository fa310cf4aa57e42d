package backbone

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// Size is how large an encoder is.
type Size struct {
	// Parameters is how many numbers it learns. Running statistics of batch norm are none.
	Parameters int `json:"parameters"`
	// MultiplyAdds is how many multiplications, each with its addition, the convolutions, matrix products and attention of one
	// picture or text take. Papers often call them FLOPs.
	MultiplyAdds float64 `json:"multiply_adds"`
}

// String says it in words, of one picture.
func (s Size) String() string { return s.For("a picture") }

// For says it in words, of what one pass of the encoder is for: "a picture", "a text of 32 tokens".
func (s Size) For(item string) string {
	weights := fmt.Sprintf("%.3g million weights", float64(s.Parameters)/1e6)
	if s.MultiplyAdds == 0 { // a table to look up in
		return weights
	}
	work := fmt.Sprintf("%.3g million", s.MultiplyAdds/1e6)
	if s.MultiplyAdds >= 1e9 {
		work = fmt.Sprintf("%.3g billion", s.MultiplyAdds/1e9)
	}
	return fmt.Sprintf("%s, %s multiply-adds %s", weights, work, item)
}

// Measure returns the size of an encoder on pictures of imageSize pixels a side. It builds the encoder's graph on the backend; no weights
// are drawn and nothing is computed.
func Measure(backend compute.Backend, encoder Encoder, imageSize int) (Size, error) {
	if least := encoder.MinImageSize(); imageSize < least {
		return Size{}, fmt.Errorf("pictures of %d pixels are too small: the encoder needs at least %d", imageSize, least)
	}
	return measure(backend, func(scope *model.Scope, g *graph.Graph) *graph.Node {
		return encoder.Features(scope, graph.Parameter(g, "images", shapes.Make(dtypes.Float32, 1, imageSize, imageSize, 3)))
	}), nil
}

// MeasureText returns the size of an encoder of texts on one of length tokens, as [Measure] does.
func MeasureText(backend compute.Backend, config TextConfig, length int) (Size, error) {
	encoder, err := config.Encoder()
	if err != nil {
		return Size{}, err
	}
	if length < 1 {
		return Size{}, fmt.Errorf("a text of %d tokens is none", length)
	}
	if most := encoder.MaxLength(); most > 0 && length > most {
		return Size{}, fmt.Errorf("a text of %d tokens is too long: the encoder takes %d", length, most)
	}
	return measure(backend, func(scope *model.Scope, g *graph.Graph) *graph.Node {
		return encoder.Hidden(scope, Tokens{
			IDs:  graph.Parameter(g, "ids", shapes.Make(dtypes.Int32, 1, length)),
			Mask: graph.Parameter(g, "mask", shapes.Make(dtypes.Bool, 1, length)),
		})
	}), nil
}

func measure(backend compute.Backend, build func(*model.Scope, *graph.Graph) *graph.Node) Size {
	store := model.NewStore()
	nn.LeaveUndrawn(store)
	g := graph.NewGraph(backend, "size")
	defer g.Finalize()
	size := Size{MultiplyAdds: nn.MultiplyAdds(build(store.RootScope(), g))}
	for v := range store.IterVariables() {
		if v.Trainable {
			size.Parameters += v.Shape().Size()
		}
	}
	return size
}
