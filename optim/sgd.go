package optim

import . "github.com/gomlx/gomlx/core/graph"

// descend is one step of SGD with momentum μ, or of LARS, which scales each layer's gradient by its trust ratio first:
//
//	g ← g + λ w
//	g ← g · η |w| / |g|        (LARS)
//	m ← μ m + g
//	w ← w - rate · m           (Nesterov: w - rate · (g + μ m))
//
// with decay λ and trust coefficient η. A masked-out parameter gets neither decay nor adaptation. LARS is You et al. 2017,
// "Large Batch Training of Convolutional Networks", algorithm 1, and SGD is LARS without adaptation. The rate stays out of
// the momentum, as in PyTorch's SGD and in Barlow Twins' LARS; SimCLR's lars_optimizer.py multiplies it in, which differs
// only while the rate changes.
func (c Config) descend(p *parameter) {
	g := p.grad
	if c.Mask.covers(p) {
		g = Add(g, MulScalar(p.w, c.WeightDecay))
		if c.Name == LARS {
			g = Mul(g, trustRatio(p.w, g, c.Trust))
		}
	}
	direction := g
	if c.Momentum > 0 {
		slot := p.slot("momentum")
		m := Add(MulScalar(slot.NodeValue(g), c.Momentum), g)
		slot.SetNodeValue(m)
		direction = m
		if c.Nesterov {
			direction = Add(g, MulScalar(m, c.Momentum))
		}
	}
	p.v.SetNodeValue(Sub(p.w, Mul(p.rate, direction)))
}

// trustRatio is η |w| / |g|, or 1 where either norm is 0.
func trustRatio(w, g *Node, trust float64) *Node {
	wNorm, gNorm := L2Norm(w), L2Norm(g)
	one := ScalarOne(w.Graph(), w.DType())
	usable := LogicalAnd(IsPositive(wNorm), IsPositive(gNorm))
	return Where(usable, Div(MulScalar(wNorm, trust), Where(usable, gNorm, one)), one)
}
