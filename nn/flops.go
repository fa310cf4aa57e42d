package nn

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// MultiplyAdds counts the multiplications, each with its addition, of the matrix products, convolutions and attention that
// the outputs are computed from. Elementwise operations are left out, as in published counts.
func MultiplyAdds(outputs ...*graph.Node) float64 {
	var total float64
	for node := range reached(outputs, func(*graph.Node) bool { return true }) {
		total += multiplyAdds(node)
	}
	return total
}

// StepMultiplyAdds counts those of a training step that minimises loss and computes others beside it. What the loss has a
// gradient through counts three times, as each product has one gradient for either factor; what lies behind a StopGradient,
// such as a target network, or serves the others alone, once. That counts a gradient of the first layer's input which nobody
// needs: a hundredth of a ResNet-18.
func StepMultiplyAdds(loss *graph.Node, others ...*graph.Node) float64 {
	total := MultiplyAdds(append([]*graph.Node{loss}, others...)...)
	for node := range reached([]*graph.Node{loss}, func(n *graph.Node) bool { return !n.StopGradient() }) {
		total += 2 * multiplyAdds(node)
	}
	return total
}

// reached is the set of nodes that the outputs are computed from, without those that enter refuses and what only they need.
func reached(outputs []*graph.Node, enter func(*graph.Node) bool) map[*graph.Node]bool {
	nodes := map[*graph.Node]bool{}
	for open := outputs; len(open) > 0; {
		node := open[len(open)-1]
		open = open[:len(open)-1]
		if !nodes[node] && enter(node) {
			nodes[node] = true
			open = append(open, node.Inputs()...)
		}
	}
	return nodes
}

func multiplyAdds(node *graph.Node) float64 {
	switch node.Type() {
	case graph.NodeTypeConvGeneral:
		// Every output is a sum over the kernel's positions and inputs: all of the kernel but its outputs, the last axis.
		kernel := node.Inputs()[1].Shape()
		return float64(node.Shape().Size()) * float64(kernel.Size()/kernel.Dim(-1))
	case graph.NodeTypeDotGeneral:
		total := float64(node.Shape().Size())
		for _, axis := range contracted(node) {
			total *= float64(node.Inputs()[0].Shape().Dim(axis))
		}
		return total
	case graph.NodeTypeFusedScaledDotProductAttention:
		// Every query meets every key twice: in its score, and when its value is added.
		query, key := node.Inputs()[0].Shape(), node.Inputs()[1].Shape()
		layout := compute.AttentionAxesLayoutBHSD
		if strings.Contains(node.String(), "axesLayout="+compute.AttentionAxesLayoutBSHD.String()) {
			layout = compute.AttentionAxesLayoutBSHD
		}
		return 2 * float64(query.Size()) * float64(key.Dim(layout.SeqAxis()))
	}
	return 0
}

var contractedAxes = regexp.MustCompile(`lhsContractingAxes=\[([\d ]*)\]`)

// contracted lists the axes of its first factor that a matrix product sums over. A node shows them in its text only.
func contracted(node *graph.Node) []int {
	match := contractedAxes.FindStringSubmatch(node.String())
	if match == nil {
		panic(fmt.Sprintf("no contracted axes in %s", node))
	}
	var axes []int
	for _, field := range strings.Fields(match[1]) {
		axis, err := strconv.Atoi(field)
		if err != nil {
			panic(err)
		}
		axes = append(axes, axis)
	}
	return axes
}
