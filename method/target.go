package method

import (
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/nn"
)

// pairs are the parts of the online network that a method with a target network has twice: the encoder and the projector.
func pairs(scope *model.Scope) []nn.MomentumPair {
	target := targetOf(scope)
	return []nn.MomentumPair{
		{Online: scope.At(EncoderScope), Target: target.At(EncoderScope)},
		{Online: scope.At("projector"), Target: target.At("projector")},
	}
}

// targetOf is the scope of the target network.
func targetOf(scope *model.Scope) *model.Scope { return scope.At("target") }
