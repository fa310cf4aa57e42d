package train

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// flops counts the floating-point operations of the matrix products and convolutions of a graph that is being built, a
// multiplication and an addition each counting as one. Elementwise operations are left out, as in published counts.
func flops(g *graph.Graph) float64 {
	var total float64
	for _, node := range g.Nodes() {
		switch node.Type() {
		case graph.NodeTypeConvGeneral:
			kernel := node.Inputs()[1].Shape()
			// Every output is a sum over the kernel's positions and inputs: all of the kernel but its outputs, the last axis.
			total += 2 * float64(node.Shape().Size()) * float64(kernel.Size()/kernel.Dim(-1))
		case graph.NodeTypeDotGeneral:
			a, b := node.Inputs()[0].Shape(), node.Inputs()[1].Shape()
			batch := 1.0
			if a.Rank() > 2 {
				batch = float64(node.Shape().Dim(0))
			}
			// |a| = batch m k, |b| = batch k n, |out| = batch m n: what is summed over, k, follows.
			k := math.Sqrt(float64(a.Size()) * float64(b.Size()) / (float64(node.Shape().Size()) * batch))
			total += 2 * float64(node.Shape().Size()) * k
		}
	}
	return total
}
