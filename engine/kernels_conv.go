package engine

import (
	"slices"

	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/parallel"
	"github.com/alike-ml/alike/engine/plan"
)

// convDirection are the kernels of one direction of a convolution: (workers, shape, first operand, second operand, result).
type convDirection struct {
	float32  func(p *parallel.Pool, s kernel.ConvShape, x, y, out []float32)
	bfloat16 func(p *parallel.Pool, s kernel.ConvShape, x, y, out []uint16)
}

var (
	convForward    = convDirection{kernel.ConvForward32, kernel.ConvForwardBF16}
	convInputGrad  = convDirection{kernel.ConvInputGrad32, kernel.ConvInputGradBF16}
	convWeightGrad = convDirection{kernel.ConvWeightGrad32, kernel.ConvWeightGradBF16}
)

// kernelConvLayer runs one direction of a channels-last convolution layer; on float16 in float32.
func kernelConvLayer(n *plan.Node, s kernel.ConvShape, run convDirection) kernelFunc {
	if n.Outputs[0].DType == dtypes.BFloat16 {
		return func(b *Backend, in, out [][]byte) {
			run.bfloat16(b.pool, b.convShape(s), as[uint16](in[0]), as[uint16](in[1]), as[uint16](out[0]))
		}
	}
	return widened(n, func(*plan.Node) kernelFunc {
		return func(b *Backend, in, out [][]byte) {
			run.float32(b.pool, b.convShape(s), as[float32](in[0]), as[float32](in[1]), as[float32](out[0]))
		}
	})
}

// convShape returns s as this backend computes it.
func (b *Backend) convShape(s kernel.ConvShape) kernel.ConvShape {
	s.Direct = b.direct
	return s
}

// kernelConvGrad runs a gradient that the planner has recognised.
func kernelConvGrad(n *plan.Node, run convDirection) kernelFunc {
	return kernelConvLayer(n, layerShape(n.Attr.(plan.ConvLayer), 1), run)
}

// hasConvKernel reports whether gradients of layers have a kernel for the dtype, be it that of float32.
func hasConvKernel(dtype dtypes.DType) bool { return dtype == dtypes.Float32 || isHalf(dtype) }

// layerShape returns the kernel's description of a layer.
func layerShape(l plan.ConvLayer, groups int) kernel.ConvShape {
	return kernel.ConvShape{N: l.Input[0], H: l.Input[1], W: l.Input[2], C: l.Input[3],
		R: l.Kernel[0], S: l.Kernel[1], K: l.Kernel[3],
		StrideH: l.Strides[0], StrideW: l.Strides[1], DilH: l.Dilations[0], DilW: l.Dilations[1],
		PadTop: l.Pads[0][0], PadBottom: l.Pads[0][1], PadLeft: l.Pads[1][0], PadRight: l.Pads[1][1], Groups: groups}
}

func kernelConv(n *plan.Node) kernelFunc {
	c, dtype := n.Attr.(plan.Conv), n.Outputs[0].DType
	if hasConvKernel(dtype) && c.IsChannelsLast() {
		layer := plan.ConvLayer{Input: n.Inputs[0].Shape().Dimensions, Kernel: n.Inputs[1].Shape().Dimensions,
			Strides: c.Strides, Dilations: c.KernelDilations, Pads: c.Pads}
		return kernelConvLayer(n, layerShape(layer, c.ChannelGroups), convForward)
	}
	if dtype == dtypes.Float32 && c.BatchGroups == 1 && len(c.Strides) <= 2 && !slices.ContainsFunc(c.InputDilations, moreThanOne) {
		return kernelConvAnyLayout(n)
	}
	switch dtype {
	case dtypes.Float32:
		return kernelConvPlain[float32](n)
	case dtypes.Float64:
		return kernelConvPlain[float64](n)
	case dtypes.Int8:
		return kernelConvPlain[int8](n)
	case dtypes.Int16:
		return kernelConvPlain[int16](n)
	case dtypes.Int32:
		return kernelConvPlain[int32](n)
	case dtypes.Int64:
		return kernelConvPlain[int64](n)
	case dtypes.Uint8:
		return kernelConvPlain[uint8](n)
	case dtypes.Uint16:
		return kernelConvPlain[uint16](n)
	case dtypes.Uint32:
		return kernelConvPlain[uint32](n)
	case dtypes.Uint64:
		return kernelConvPlain[uint64](n)
	}
	return widened(n, kernelConv)
}

func moreThanOne(d int) bool { return d > 1 }

// kernelConvAnyLayout copies operands of other layouts, or with one spatial axis, to channels-last ones.
func kernelConvAnyLayout(n *plan.Node) kernelFunc {
	c := n.Attr.(plan.Conv)
	a := c.Axes
	arrange := func(v []int, axes ...int) (stridedCopy, []int) {
		own := strides(v)
		var s stridedCopy
		for _, axis := range axes {
			if axis < 0 { // an axis of size one, for a missing spatial axis
				s.dims, s.src.strides = append(s.dims, 1), append(s.src.strides, 0)
				continue
			}
			s.dims, s.src.strides = append(s.dims, v[axis]), append(s.src.strides, own[axis])
		}
		s.dst.strides = strides(s.dims)
		return s, s.dims
	}
	two := func(spatial []int) (int, int) {
		if len(spatial) == 1 {
			return -1, spatial[0]
		}
		return spatial[0], spatial[1]
	}
	h, w := two(a.InputSpatial)
	input, inputDims := arrange(n.Inputs[0].Shape().Dimensions, a.InputBatch, h, w, a.InputChannels)
	h, w = two(a.KernelSpatial)
	weights, weightDims := arrange(n.Inputs[1].Shape().Dimensions, h, w, a.KernelInputChannels, a.KernelOutputChannels)
	h, w = two(a.OutputSpatial)
	output, outputDims := arrange(n.Outputs[0].Dimensions, a.OutputBatch, h, w, a.OutputChannels)
	output.dst, output.src = output.src, output.dst

	layer := plan.ConvLayer{Input: inputDims, Kernel: weightDims, Strides: c.Strides, Dilations: c.KernelDilations, Pads: c.Pads}
	if len(c.Strides) == 1 {
		layer.Strides, layer.Dilations = []int{1, c.Strides[0]}, []int{1, c.KernelDilations[0]}
		layer.Pads = [][2]int{{}, c.Pads[0]}
	}
	shape := layerShape(layer, c.ChannelGroups)
	sizes := [3]int{4 * product(inputDims), 4 * product(weightDims), 4 * product(outputDims)}
	return func(b *Backend, in, out [][]byte) {
		x, w, y := b.heap.get(sizes[0]), b.heap.get(sizes[1]), b.heap.get(sizes[2])
		input.run(b, x, in[0], 4)
		weights.run(b, w, in[1], 4)
		kernel.ConvForward32(b.pool, b.convShape(shape), as[float32](x), as[float32](w), as[float32](y))
		output.run(b, out[0], y, 4)
		b.heap.put(x)
		b.heap.put(w)
		b.heap.put(y)
	}
}

func product(dims []int) int { return plan.View{Dims: dims}.Size() }

// kernelConvPlain follows the definition, whatever the layout, dilation and grouping.
func kernelConvPlain[T number](n *plan.Node) kernelFunc {
	c := n.Attr.(plan.Conv)
	a := c.Axes
	xDims, wDims, yDims := n.Inputs[0].Shape().Dimensions, n.Inputs[1].Shape().Dimensions, n.Outputs[0].Dimensions
	xStep, wStep := strides(xDims), strides(wDims)
	channels := wDims[a.KernelInputChannels]
	perBatchGroup := yDims[a.OutputChannels] / c.BatchGroups
	perChannelGroup := yDims[a.OutputChannels] / c.ChannelGroups
	spatial := pick(wDims, a.KernelSpatial)
	total := n.Outputs[0].Size()
	perChunk := 256
	return func(b *Backend, in, out [][]byte) {
		x, w, y := as[T](in[0]), as[T](in[1]), as[T](out[0])
		b.pool.For((total+perChunk-1)/perChunk, func(chunk int) {
			for i := chunk * perChunk; i < min((chunk+1)*perChunk, total); i++ {
				at := newWalker(plan.View{Dims: yDims, Strides: make([]int, len(yDims))}, i).index
				k := at[a.OutputChannels]
				xBase := (at[a.OutputBatch] + k/perBatchGroup*yDims[a.OutputBatch]) * xStep[a.InputBatch]
				xBase += k / perChannelGroup * channels * xStep[a.InputChannels]
				var sum T
				taps := newWalker(plan.View{Dims: spatial, Strides: make([]int, len(spatial))}, 0)
				for range product(spatial) {
					xAt, wAt, inside := xBase, k*wStep[a.KernelOutputChannels], true
					for d, tap := range taps.index {
						place := at[a.OutputSpatial[d]]*c.Strides[d] + tap*c.KernelDilations[d] - c.Pads[d][0]
						if place < 0 || place%c.InputDilations[d] != 0 || place/c.InputDilations[d] >= xDims[a.InputSpatial[d]] {
							inside = false
							break
						}
						xAt += place / c.InputDilations[d] * xStep[a.InputSpatial[d]]
						wAt += tap * wStep[a.KernelSpatial[d]]
					}
					if inside {
						for ch := range channels {
							sum += x[xAt+ch*xStep[a.InputChannels]] * w[wAt+ch*wStep[a.KernelInputChannels]]
						}
					}
					taps.next()
				}
				y[i] = sum
			}
		})
	}
}

func pick(dims, axes []int) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = dims[a]
	}
	return out
}
