package optim

import (
	"fmt"

	"github.com/gomlx/compute/shapes"

	"github.com/alike-ml/alike/nn"
)

// Mask says which parameters get weight decay and LARS adaptation. It is a name, so that it can be written to a
// configuration file.
type Mask string

// The masks.
const (
	// All leaves no parameter out: MoCo's SGD and SwAV's LARC.
	All Mask = "all"
	// Exclude1D leaves out what has at most one axis: biases, the scales and offsets of norms, CLIP's temperature. It is
	// the rule of Barlow Twins' LARS (facebookresearch/barlowtwins, main.py) and of open_clip; SimCLR names the same
	// parameters one by one. What [nn.SpareDecay] names is left out too, as timm leaves out what a network's no_weight_decay
	// names (timm/optim/_param_groups.py).
	Exclude1D Mask = "exclude_1d"
)

// covers tells whether a parameter gets decay and adaptation.
func (m Mask) covers(p *parameter) bool {
	return m == All || !is1D(p.v.Shape()) && !nn.IsSparedDecay(p.own.Store(), p.v)
}

func (m Mask) validate() error {
	if m != All && m != Exclude1D {
		return fmt.Errorf("mask is %q: it must be %s or %s", string(m), All, Exclude1D)
	}
	return nil
}

func is1D(shape shapes.Shape) bool { return shape.Rank() <= 1 }
