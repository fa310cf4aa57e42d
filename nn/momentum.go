package nn

import (
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// MomentumPair is an online network and its target, whose weights are a moving average of the online network's: the momentum
// encoder of He et al. 2020, "Momentum contrast for unsupervised visual representation learning", section 3.2, and the
// target network of Grill et al. 2020, "Bootstrap your own latent", section 3.1. The two scopes hold the same variables.
type MomentumPair struct {
	Online, Target *model.Scope
}

// Start makes the target's variables as copies of those of the online network, which must have been built. It leaves alone
// what is there already. None of them is trainable. The target network is built after it.
func (p MomentumPair) Start() {
	store := p.Target.Store()
	for online := range p.Online.IterVariables() {
		path := p.twin(online)
		if store.GetVariable(path) != nil {
			continue
		}
		value, err := online.MustValue().LocalClone()
		if err != nil {
			panic(err)
		}
		target, err := store.CreateVariable(path, value)
		if err != nil {
			panic(err)
		}
		target.SetTrainable(false)
	}
}

// Follow moves the target's weights towards the online network's, with momentum m, a scalar in [0, 1]:
//
//	θ_target ← m θ_target + (1 - m) θ_online
//
// It takes the values that the weights have at this point of the graph, and no gradient flows through it. Batch norm's running
// statistics stay the target's own, as in both papers' code.
func (p MomentumPair) Follow(m *graph.Node) {
	for online := range p.Online.IterVariables() {
		if !online.Trainable {
			continue
		}
		target := p.Target.Store().GetVariable(p.twin(online))
		old, latest := target.NodeValue(m), graph.StopGradient(online.NodeValue(m))
		target.SetNodeValue(graph.Add(graph.Mul(m, old), graph.Mul(graph.OneMinus(m), latest)))
	}
}

// twin is the path of the target's variable for one of the online network's.
func (p MomentumPair) twin(online *model.Variable) string {
	return model.JoinPath(p.Target.Scope(), strings.TrimPrefix(online.Path(), p.Online.Scope()))
}
