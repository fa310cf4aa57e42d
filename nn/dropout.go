package nn

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/rng"
)

// Dropout sets each element of x to 0 with the probability rate, below 1, and divides the others by 1 - rate: Srivastava et al.
// 2014, "Dropout: a simple way to prevent neural networks from overfitting", scaled in training as everyone has it since. Outside
// training, and at rate 0, it is x.
//
// Every element of every row has a draw of its own, and so has every use of it in a graph. The draws come from the store's random
// state, a variable that starts from the store's seed (see [SetSeed]) and that each run of the graph moves on: the same values,
// weights and random state together, give the same step.
func Dropout(scope *model.Scope, x *graph.Node, rate float64) *graph.Node {
	if rate == 0 || !scope.IsTraining(x.Graph()) || isWithoutDropout(scope.Store()) {
		return x
	}
	seedRandomState(scope.Store())
	draw := scope.RandomUniform(x.Graph(), shapes.Make(dtypes.Float32, x.Shape().Dimensions...))
	keep := graph.GreaterOrEqual(draw, graph.Scalar(x.Graph(), dtypes.Float32, rate))
	return graph.Where(keep, graph.MulScalar(x, 1/(1-rate)), graph.ZerosLike(x))
}

// withoutDropoutKey is where a store says that nothing is dropped.
const withoutDropoutKey = "alike_without_dropout"

// WithoutDropout says whether graphs that are built on the store from now on are without dropout, in training too.
func WithoutDropout(store *model.Store, without bool) { store.SetParam(withoutDropoutKey, without) }

func isWithoutDropout(store *model.Store) bool {
	without, _ := store.GetParam(withoutDropoutKey)
	return without == true
}

// seedRandomState gives the store a random state, unless it has one.
func seedRandomState(store *model.Store) {
	path := model.JoinPath(model.ScopeSeparator, model.RNGStateVariableName)
	if store.GetVariable(path) != nil {
		return
	}
	r := rng.New(seed(store), 0, 0, rng.Dropout)
	v, err := store.CreateVariable(path, tensors.FromFlatDataAndDimensions([]uint64{r.Uint64(), r.Uint64(), r.Uint64()}, 3))
	if err != nil {
		panic(err)
	}
	v.SetTrainable(false)
}
