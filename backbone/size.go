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
	// picture take. Papers often call them FLOPs.
	MultiplyAdds float64 `json:"multiply_adds"`
}

// String says it in words.
func (s Size) String() string {
	work := fmt.Sprintf("%.3g million", s.MultiplyAdds/1e6)
	if s.MultiplyAdds >= 1e9 {
		work = fmt.Sprintf("%.3g billion", s.MultiplyAdds/1e9)
	}
	return fmt.Sprintf("%.3g million weights, %s multiply-adds a picture", float64(s.Parameters)/1e6, work)
}

// Measure returns the size of an encoder, as [New] takes it, on pictures of imageSize. It builds the encoder's graph on the
// backend; no weights are drawn and nothing is computed.
func Measure(backend compute.Backend, name string, width float64, imageSize int) (Size, error) {
	encoder, err := New(name, width, imageSize)
	if err != nil {
		return Size{}, err
	}
	if imageSize < encoder.MinImageSize() {
		return Size{}, fmt.Errorf("pictures of %d pixels are too small: %s needs at least %d", imageSize, name, encoder.MinImageSize())
	}
	store := model.NewStore()
	nn.LeaveUndrawn(store)
	g := graph.NewGraph(backend, name)
	defer g.Finalize()
	images := graph.Parameter(g, "images", shapes.Make(dtypes.Float32, 1, imageSize, imageSize, 3))
	size := Size{MultiplyAdds: nn.MultiplyAdds(encoder.Features(store.RootScope(), images))}
	for v := range store.IterVariables() {
		if v.Trainable {
			size.Parameters += v.Shape().Size()
		}
	}
	return size, nil
}
