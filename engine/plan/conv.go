package plan

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Conv is the attribute of a ConvGeneral node. Every slice has one element per spatial axis.
type Conv struct {
	Axes                            compute.ConvolveAxesConfig
	Strides                         []int
	Pads                            [][2]int
	InputDilations, KernelDilations []int
	ChannelGroups, BatchGroups      int
}

// ConvLayer is the attribute of OpConvInputGrad and OpConvWeightGrad: the convolution whose gradient they are, of
// channels-last images with a [height, width, in, out] kernel.
type ConvLayer struct {
	Input, Kernel, Output []int // dimensions
	Strides, Dilations    []int
	Pads                  [][2]int
}

// Rewrite replaces the convolutions by which GoMLX writes the gradients of a two-dimensional channels-last convolution by
// operations of their own, where kernel says that there is one for the dtype. The gradient of the input is written as a convolution of the output gradient, dilated by the
// strides, with the reversed kernel and its channel axes swapped; that of the kernel as a convolution of the input with
// the output gradient as a dilated kernel, batch and channel axes swapped.
func Rewrite(g *Graph, kernel func(dtypes.DType) bool) {
	for _, n := range g.Nodes {
		if n.Op != compute.OpTypeConvGeneral || !kernel(n.Outputs[0].DType) {
			continue
		}
		if layer, kernel, ok := inputGrad(n); ok {
			n.Op, n.Attr, n.Inputs = OpConvInputGrad, layer, []Value{n.Inputs[0], kernel}
		} else if layer, ok := weightGrad(n); ok {
			n.Op, n.Attr = OpConvWeightGrad, layer
		}
	}
}

var spatial2D = []int{1, 2}

// IsChannelsLast reports whether the convolution is the plain forward one of channels-last images with a
// [height, width, in, out] kernel.
func (c Conv) IsChannelsLast() bool {
	a := c.Axes
	return c.imagesChannelsLast() && a.KernelInputChannels == 2 && a.KernelOutputChannels == 3 &&
		slices.Equal(a.KernelSpatial, []int{0, 1}) && slices.Equal(c.InputDilations, []int{1, 1}) && c.BatchGroups == 1
}

func (c Conv) imagesChannelsLast() bool {
	a := c.Axes
	return a.InputBatch == 0 && a.InputChannels == 3 && slices.Equal(a.InputSpatial, spatial2D) &&
		a.OutputBatch == 0 && a.OutputChannels == 3 && slices.Equal(a.OutputSpatial, spatial2D)
}

func inputGrad(n *Node) (layer ConvLayer, kernel Value, ok bool) {
	c, a := n.Attr.(Conv), n.Attr.(Conv).Axes
	reversed := n.Inputs[1].Node
	if !c.imagesChannelsLast() || a.KernelInputChannels != 3 || a.KernelOutputChannels != 2 ||
		!slices.Equal(a.KernelSpatial, []int{0, 1}) || !slices.Equal(c.Strides, []int{1, 1}) ||
		c.ChannelGroups != 1 || c.BatchGroups != 1 || !isReversed(reversed) {
		return layer, kernel, false
	}
	kernel = reversed.Inputs[0]
	layer = ConvLayer{Input: n.Outputs[0].Dimensions, Kernel: kernel.Shape().Dimensions,
		Output: n.Inputs[0].Shape().Dimensions, Strides: c.InputDilations, Dilations: c.KernelDilations}
	for i := range 2 {
		reach := (layer.Kernel[i] - 1) * layer.Dilations[i]
		layer.Pads = append(layer.Pads, layer.padding(i, reach-c.Pads[i][0]))
	}
	return layer, kernel, true
}

// padding returns the padding of spatial axis i that begins with low, and with which the window fits exactly as often as
// there are outputs.
func (l ConvLayer) padding(i, low int) [2]int {
	reach := (l.Kernel[i] - 1) * l.Dilations[i]
	return [2]int{low, (l.Output[1+i]-1)*l.Strides[i] + reach + 1 - l.Input[1+i] - low}
}

// isReversed reports whether n reverses both spatial axes of a [height, width, in, out] kernel.
func isReversed(n *Node) bool {
	if n.Op != compute.OpTypeReverse {
		return false
	}
	axes := slices.Sorted(slices.Values(n.Attr.(Axes)))
	return slices.Equal(axes, []int{0, 1})
}

func weightGrad(n *Node) (layer ConvLayer, ok bool) {
	c, a := n.Attr.(Conv), n.Attr.(Conv).Axes
	if a.InputBatch != 3 || a.InputChannels != 0 || !slices.Equal(a.InputSpatial, spatial2D) ||
		a.KernelInputChannels != 0 || a.KernelOutputChannels != 3 || !slices.Equal(a.KernelSpatial, spatial2D) ||
		a.OutputBatch != 2 || a.OutputChannels != 3 || !slices.Equal(a.OutputSpatial, []int{0, 1}) ||
		!slices.Equal(c.InputDilations, []int{1, 1}) || c.ChannelGroups != 1 || c.BatchGroups != 1 {
		return layer, false
	}
	layer = ConvLayer{Input: n.Inputs[0].Shape().Dimensions, Kernel: n.Outputs[0].Dimensions,
		Output: n.Inputs[1].Shape().Dimensions, Strides: c.KernelDilations, Dilations: c.Strides}
	for i := range 2 {
		layer.Pads = append(layer.Pads, layer.padding(i, c.Pads[i][0]))
	}
	return layer, true
}
