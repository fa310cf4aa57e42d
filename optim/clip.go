package optim

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// GlobalNorm returns the Euclidean norm of all gradients together, as one vector: a float32 scalar.
func GlobalNorm(grads []*Node) *Node {
	if len(grads) == 0 {
		exceptions.Panicf("optim.GlobalNorm: no gradients")
	}
	squares := make([]*Node, len(grads))
	for i, g := range grads {
		squares[i] = ReduceAllSum(Square(ConvertDType(g, dtypes.Float32)))
	}
	return Sqrt(ReduceAllSum(Stack(squares, 0)))
}

// clip multiplies all gradients by longest/norm where their global norm is above longest: Pascanu et al. 2013, "On the
// difficulty of training recurrent neural networks", algorithm 1.
func clip(list []*parameter, longest float64) {
	grads := make([]*Node, len(list))
	for i, p := range list {
		grads[i] = p.grad
	}
	norm := GlobalNorm(grads)
	limit := Scalar(norm.Graph(), norm.DType(), longest)
	factor := Div(limit, Max(norm, limit))
	for _, p := range list {
		p.grad = Mul(p.grad, ConvertDType(factor, p.grad.DType()))
	}
}
