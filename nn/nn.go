// Package nn holds the layers that backbones and methods share: dense, convolution, batch norm, MLP heads, dropout and
// transformer blocks.
//
// Layers are functions of a [model.Scope] (where their weights live) and graph nodes. Images are channels-last,
// [batch, height, width, channels], throughout. Weights are kept in float32; a layer computes in the type of its input,
// so that a bfloat16 input gives a bfloat16 network with float32 master weights (norms and softmax stay in float32).
//
// Like all graph code, layers panic on wrong shapes.
package nn

import (
	"hash/fnv"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/rng"
)

// seedKey is where a store keeps the seed of its weights.
const seedKey = "alike_weight_seed"

// SetSeed sets the seed that the store's weights, and the random state of [Dropout], are drawn from when they are first used. Each variable has its own
// stream, found by its path, so an encoder starts from the same weights whatever is built around it.
func SetSeed(store *model.Store, seed uint64) { store.SetParam(seedKey, seed) }

// seed is what SetSeed set, or 0.
func seed(store *model.Store) uint64 {
	value, _ := store.GetParam(seedKey)
	seed, _ := value.(uint64)
	return seed
}

// undrawnKey is where a store says that its parameters have no values.
const undrawnKey = "alike_undrawn"

// LeaveUndrawn gives the store's parameters shapes but no values: for graphs that are looked at and never run.
func LeaveUndrawn(store *model.Store) { store.SetParam(undrawnKey, true) }

// undecayedKey is where a store says, below a parameter's path, that it is spared weight decay.
const undecayedKey = "alike_undecayed"

// SpareDecay has the parameter of that name in scope left out by optimizers that leave out biases, whatever its shape.
func SpareDecay(scope *model.Scope, name string) {
	scope.Store().SetParam(model.JoinPath(scope.Scope(), name, undecayedKey), true)
}

// IsSparedDecay tells whether [SpareDecay] was called for a parameter of the store.
func IsSparedDecay(store *model.Store, v *model.Variable) bool {
	spared, _ := store.GetParam(model.JoinPath(v.Path(), undecayedKey))
	return spared == true
}

// An Init draws the initial values of a parameter.
type Init func(values []float32, normal func() float64)

// or is the draw, or another where there is none.
func (i Init) or(other Init) Init {
	if i == nil {
		return other
	}
	return i
}

// Zeros starts at 0: biases and batch norm's offset.
func Zeros(values []float32, _ func() float64) { clear(values) }

// Ones starts at 1: batch norm's scale.
func Ones(values []float32, _ func() float64) {
	for i := range values {
		values[i] = 1
	}
}

// HeNormal draws from a normal distribution with variance 2/fan: He et al. 2015, "Delving deep into rectifiers", equation
// 10 with fan the number of inputs, equation 14 with fan the number of outputs (torchvision's ResNet).
func HeNormal(fan int) Init { return Normal(math.Sqrt(2 / float64(fan))) }

// LecunNormal draws from a normal distribution with variance 1/fanIn: for layers that no rectifier follows.
func LecunNormal(fanIn int) Init { return Normal(math.Sqrt(1 / float64(fanIn))) }

// Normal draws from a normal distribution with the given standard deviation.
func Normal(std float64) Init {
	return func(values []float32, normal func() float64) {
		for i := range values {
			values[i] = float32(std * normal())
		}
	}
}

// Parameter returns the float32 variable of that name in scope, drawing it on first use. The draw depends on the store's
// seed and the variable's path alone, and is made on the host: every device starts from the same bytes.
func Parameter(scope *model.Scope, name string, init Init, dims ...int) *model.Variable {
	if v := scope.GetVariable(name); v != nil {
		return v
	}
	if undrawn, _ := scope.Store().GetParam(undrawnKey); undrawn == true {
		return scope.VariableWithShape(name, shapes.Make(dtypes.Float32, dims...))
	}
	path := fnv.New64a()
	path.Write([]byte(model.JoinPath(scope.Scope(), name)))
	values := make([]float32, shapes.Make(dtypes.Float32, dims...).Size())
	init(values, rng.New(seed(scope.Store()), 0, int(path.Sum64()), rng.Init).NormFloat64)
	v, err := scope.CreateVariable(name, tensors.FromFlatDataAndDimensions(values, dims...))
	if err != nil {
		panic(err)
	}
	return v
}

// weight returns the parameter as a node in the type that the layer computes in.
func weight(scope *model.Scope, x *graph.Node, name string, init Init, dims ...int) *graph.Node {
	w := Parameter(scope, name, init, dims...).NodeValue(x)
	if w.DType() != x.DType() {
		w = graph.ConvertDType(w, x.DType())
	}
	return w
}
