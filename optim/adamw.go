package optim

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// adamW is one step of Adam with decoupled decay λ: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization",
// algorithm 2, as PyTorch's AdamW computes it. In step t, counted from 1:
//
//	m ← β1 m + (1-β1) g
//	v ← β2 v + (1-β2) g²
//	w ← w - rate · λ w - rate · m/(1-β1^t) / (sqrt(v/(1-β2^t)) + ε)
//
// A masked-out parameter does not decay.
func (c Config) adamW(p *parameter, t *Node) {
	mean, square := p.slot("mean"), p.slot("square")
	m := average(mean.NodeValue(p.grad), p.grad, c.Beta1)
	v := average(square.NodeValue(p.grad), Square(p.grad), c.Beta2)
	mean.SetNodeValue(m)
	square.SetNodeValue(v)

	unbiased := func(x *Node, beta float64) *Node {
		return Div(x, ConvertDType(oneMinusPower(beta, t), x.DType()))
	}
	direction := Div(unbiased(m, c.Beta1), AddScalar(Sqrt(unbiased(v, c.Beta2)), c.Epsilon))
	if c.Mask.covers(p) {
		direction = Add(direction, MulScalar(p.w, c.WeightDecay))
	}
	p.v.SetNodeValue(Sub(p.w, Mul(p.rate, direction)))
}

// countStep adds one to the counter of steps and returns it: 1 in the first step, in float32.
func countStep(own *model.Scope, g *Graph) *Node {
	counter := own.WithInitializer(Zeros).VariableWithShape("step", shapes.Make(dtypes.Int64)).SetTrainable(false)
	t := OnePlus(counter.NodeValue(g))
	counter.SetNodeValue(t)
	return ConvertDType(t, dtypes.Float32)
}

// average is the moving average β·old + (1-β)·x.
func average(old, x *Node, beta float64) *Node {
	return Add(MulScalar(old, beta), MulScalar(x, 1-beta))
}

// oneMinusPower is 1 - β^t. In float32 the subtraction would lose four digits of the first steps with β = 0.999.
func oneMinusPower(beta float64, t *Node) *Node {
	if beta == 0 {
		return OnesLike(t)
	}
	return Neg(Expm1(MulScalar(t, math.Log(beta))))
}
