package engine_test

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"pgregory.net/rapid"
)

func TestMovingElements(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	rapid.Check(t, func(t *rapid.T) {
		dims := drawDims(t, 1, 4, 9)
		rank := len(dims)
		x := drawInput(t, dims)
		perm := rapid.Permutation(sequence(rank)).Draw(t, "permutation")
		compare(t, "Transpose", engine, ref, []input{x}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
			return f.Transpose(in[0], perm...)
		}))
		axes := drawAxes(t, rank)
		compare(t, "Reverse", engine, ref, []input{x}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
			return f.Reverse(in[0], axes...)
		}))
		var starts, limits, steps []int
		var pads []compute.PadAxis
		for _, d := range dims {
			start := rapid.IntRange(0, d-1).Draw(t, "start")
			starts = append(starts, start)
			limits = append(limits, rapid.IntRange(start+1, d).Draw(t, "limit"))
			steps = append(steps, rapid.IntRange(1, 3).Draw(t, "step"))
			p := compute.PadAxis{Start: rapid.IntRange(-2, 3).Draw(t, "before"), End: rapid.IntRange(-2, 3).Draw(t, "after"),
				Interior: rapid.IntRange(0, 2).Draw(t, "between")}
			for d+(d-1)*p.Interior+p.Start+p.End < 1 {
				p.End++
			}
			pads = append(pads, p)
		}
		compare(t, "Slice", engine, ref, []input{x}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
			return f.Slice(in[0], starts, limits, steps)
		}))
		compareWith(t, "Pad", engine, ref, []input{x, {values: []float64{7}}},
			one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
				return f.Pad(in[0], in[1], pads...)
			}),
			one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
				return padAndCrop(f, in[0], in[1], dims, pads)
			}))
		axis := rapid.IntRange(0, rank-1).Draw(t, "axis")
		other := slices.Clone(dims)
		other[axis] = rapid.IntRange(1, 5).Draw(t, "length")
		compare(t, "Concatenate", engine, ref, []input{x, drawInput(t, other), x}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
			return f.Concatenate(axis, in...)
		}))
		options := compute.CumSumOptions{Exclusive: rapid.Bool().Draw(t, "exclusive"), Reverse: rapid.Bool().Draw(t, "reverse")}
		compare(t, "CumSum", engine, ref, []input{x}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
			return f.CumSum(in[0], axis, options)
		}))
		isMin := rapid.Bool().Draw(t, "min")
		compare(t, "ArgMinMax", engine, ref, []input{x}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
			return f.ArgMinMax(in[0], axis, dtypes.Int32, isMin)
		}))
	})
}

// padAndCrop pads by the positive amounts, then cuts off the negative ones, which the reference cannot do at once.
func padAndCrop(f compute.Function, x, fill compute.Value, dims []int, pads []compute.PadAxis) (compute.Value, error) {
	var grown []compute.PadAxis
	var starts, limits, steps []int
	for i, p := range pads {
		grown = append(grown, compute.PadAxis{Start: max(p.Start, 0), End: max(p.End, 0), Interior: p.Interior})
		size := dims[i] + (dims[i]-1)*p.Interior + max(p.Start, 0) + max(p.End, 0)
		starts, limits, steps = append(starts, max(-p.Start, 0)), append(limits, size-max(-p.End, 0)), append(steps, 1)
	}
	return f.Slice(must(f.Pad(x, fill, grown...)), starts, limits, steps)
}

func TestGatherAndScatter(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	rapid.Check(t, func(t *rapid.T) {
		rows, cols, depth := rapid.IntRange(1, 20).Draw(t, "rows"), rapid.IntRange(1, 6).Draw(t, "cols"), rapid.IntRange(1, 6).Draw(t, "depth")
		count := rapid.IntRange(1, 30).Draw(t, "count")
		indices := input{dims: []int{count, 1}, dtype: dtypes.Int32}
		for range count {
			indices.values = append(indices.values, float64(rapid.IntRange(0, rows-1).Draw(t, "index")))
		}
		table := drawInput(t, []int{rows, cols, depth})
		compare(t, "Gather", engine, ref, []input{table, indices}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
			return f.Gather(in[0], in[1], 1, []int{1, 2}, []int{0}, []int{0}, []int{1, cols, depth}, false)
		}))
		updates := drawInput(t, []int{count, cols, depth})
		for name, op := range map[string]func(compute.Function, compute.Value, compute.Value, compute.Value, int, []int, []int, []int, bool, bool) (compute.Value, error){
			"ScatterSum": compute.Function.ScatterSum, "ScatterMax": compute.Function.ScatterMax, "ScatterMin": compute.Function.ScatterMin,
		} {
			compare(t, name, engine, ref, []input{table, indices, updates}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
				return op(f, in[0], in[1], in[2], 1, []int{1, 2}, []int{0}, []int{0}, false, false)
			}))
		}
	})
}

// TestDynamicWindows checks DynamicSlice and DynamicUpdateSlice, which the reference does not have, against static ones.
func TestDynamicWindows(t *testing.T) {
	engine := newBackend(t, "workers=3")
	rapid.Check(t, func(t *rapid.T) {
		dims := []int{rapid.IntRange(1, 9).Draw(t, "rows"), rapid.IntRange(1, 9).Draw(t, "cols")}
		window := []int{rapid.IntRange(1, dims[0]).Draw(t, "height"), rapid.IntRange(1, dims[1]).Draw(t, "width")}
		var starts []input
		var low, high []int
		for i := range dims {
			s := rapid.IntRange(-3, 12).Draw(t, "start")
			starts = append(starts, input{values: []float64{float64(s)}, dtype: dtypes.Int32})
			low = append(low, min(max(s, 0), dims[i]-window[i]))
			high = append(high, low[i]+window[i])
		}
		x, update := drawInput(t, dims), drawInput(t, window)
		got, err := run(engine, dtypes.Float32, append([]input{x, update}, starts...), func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
			return []compute.Value{must(f.DynamicSlice(in[0], in[2:], window)), must(f.DynamicUpdateSlice(in[0], in[1], in[2:]))}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var cut []float64
		changed := slices.Clone(x.values)
		for i := low[0]; i < high[0]; i++ {
			for j := low[1]; j < high[1]; j++ {
				cut = append(cut, x.values[i*dims[1]+j])
				changed[i*dims[1]+j] = update.values[(i-low[0])*window[1]+j-low[1]]
			}
		}
		agree(t, "dynamic window", got, [][]float64{cut, changed}, 0)
	})
}

func TestDotGeneral(t *testing.T) {
	engine := newBackend(t, "workers=3")
	rapid.Check(t, func(t *rapid.T) {
		// Axes of both operands in any order: batch ones, contracted ones, and those that stay.
		batch, contract := drawDims(t, 0, 2, 4), drawDims(t, 0, 2, 12)
		lhs := drawOperand(t, batch, contract, drawDims(t, 0, 2, 9))
		rhs := drawOperand(t, batch, contract, drawDims(t, 0, 2, 9))
		build := one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
			return f.DotGeneral(in[0], lhs.contract, lhs.batch, in[1], rhs.contract, rhs.batch, compute.DotGeneralConfig{})
		})
		want := [][]float64{dot(lhs, rhs)}
		for dtype, tolerance := range map[dtypes.DType]float64{dtypes.Float32: 2e-5, dtypes.Float64: 1e-12, dtypes.BFloat16: 2e-1} {
			got, err := run(engine, dtype, []input{lhs.input, rhs.input}, build)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, "DotGeneral of "+dtype.String(), got, want, tolerance)
		}
	})
}

// TestTransposedDotGeneral: with the kept axes of both sides exchanged, as in the gradients of weights, in part, or not at all.
func TestTransposedDotGeneral(t *testing.T) {
	engine := newBackend(t, "workers=3")
	rapid.Check(t, func(t *rapid.T) {
		batch, contract := drawDims(t, 0, 2, 4), drawDims(t, 0, 2, 12)
		lhs := drawOperand(t, batch, contract, drawDims(t, 0, 2, 9))
		rhs := drawOperand(t, batch, contract, drawDims(t, 0, 2, 9))
		axes := sequence(len(batch) + len(lhs.own) + len(rhs.own))
		left := axes[len(batch):][:len(lhs.own)]
		order := slices.Concat(axes[:len(batch)], axes[len(batch)+len(left):], left)
		if rapid.Bool().Draw(t, "any order") {
			order = rapid.Permutation(axes).Draw(t, "order")
		}
		var dims []int
		for _, part := range []struct {
			operand
			axes []int
		}{{lhs, lhs.batch}, {lhs, lhs.own}, {rhs, rhs.own}} {
			for _, axis := range part.axes {
				dims = append(dims, part.dims[axis])
			}
		}
		product := operand{input: input{dims: dims, values: dot(lhs, rhs)}, own: order}
		var want []float64
		for _, at := range indices(dims, order) {
			want = append(want, product.at(nil, nil, at))
		}
		got, err := run(engine, dtypes.Float32, []input{lhs.input, rhs.input}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
			y := must(f.DotGeneral(in[0], lhs.contract, lhs.batch, in[1], rhs.contract, rhs.batch, compute.DotGeneralConfig{}))
			return f.Transpose(y, order...)
		}))
		if err != nil {
			t.Fatal(err)
		}
		agree(t, "transposed DotGeneral", got, [][]float64{want}, 2e-5)
	})
}

// operand is an input of a product, its axes in any order.
type operand struct {
	input
	batch, contract, own []int // axes
}

func drawOperand(t *rapid.T, batch, contract, own []int) operand {
	sizes := slices.Concat(batch, contract, own)
	order := rapid.Permutation(sequence(len(sizes))).Draw(t, "order")
	dims := make([]int, len(sizes))
	for i, place := range order {
		dims[place] = sizes[i]
	}
	x := drawInput(t, dims)
	for i := range x.values {
		x.values[i] /= 4 // at most one, so that tolerances are those of single products
	}
	first := len(batch) + len(contract)
	kept := slices.Sorted(slices.Values(order[first:])) // results keep the order of the operand
	return operand{input: x, batch: order[:len(batch)], contract: order[len(batch):first], own: kept}
}

// dot follows the definition of DotGeneral.
func dot(lhs, rhs operand) []float64 {
	var out []float64
	count := func(o operand, axes []int) [][]int { return indices(o.dims, axes) }
	for _, b := range count(lhs, lhs.batch) {
		for _, l := range count(lhs, lhs.own) {
			for _, r := range count(rhs, rhs.own) {
				sum := 0.0
				for _, c := range count(lhs, lhs.contract) {
					sum += lhs.at(b, c, l) * rhs.at(b, c, r)
				}
				out = append(out, sum)
			}
		}
	}
	return out
}

// indices lists all index tuples over some axes, in row-major order.
func indices(dims, axes []int) [][]int {
	all := [][]int{{}}
	for _, axis := range axes {
		var longer [][]int
		for _, head := range all {
			for i := range dims[axis] {
				longer = append(longer, append(slices.Clone(head), i))
			}
		}
		all = longer
	}
	return all
}

func (o operand) at(batch, contract, own []int) float64 {
	place := make([]int, len(o.dims))
	for axes, index := range map[*[]int][]int{&o.batch: batch, &o.contract: contract, &o.own: own} {
		for i, axis := range *axes {
			place[axis] = index[i]
		}
	}
	flat := 0
	for i, p := range place {
		flat = flat*o.dims[i] + p
	}
	return o.values[flat]
}

func TestConvolution(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	rapid.Check(t, func(t *rapid.T) {
		spatial := rapid.IntRange(1, 3).Draw(t, "spatial axes")
		groups := rapid.IntRange(1, 2).Draw(t, "groups")
		channels := groups * rapid.IntRange(1, 3).Draw(t, "channels")
		features := groups * rapid.IntRange(1, 3).Draw(t, "features")
		order := sequence(spatial + 2) // batch, spatial axes, channels
		kernelOrder := append(sequence(spatial + 2)[2:], 0, 1)
		if rapid.Bool().Draw(t, "other layout") {
			order = rapid.Permutation(order).Draw(t, "input order")
			kernelOrder = rapid.Permutation(sequence(spatial+2)).Draw(t, "kernel order")
		}
		axes := compute.ConvolveAxesConfig{InputBatch: order[0], InputSpatial: order[1 : spatial+1], InputChannels: order[spatial+1],
			OutputBatch: order[0], OutputSpatial: order[1 : spatial+1], OutputChannels: order[spatial+1],
			KernelSpatial: kernelOrder[:spatial], KernelInputChannels: kernelOrder[spatial], KernelOutputChannels: kernelOrder[spatial+1]}
		inputDims, kernelDims := make([]int, spatial+2), make([]int, spatial+2)
		inputDims[axes.InputBatch], inputDims[axes.InputChannels] = rapid.IntRange(1, 3).Draw(t, "batch"), channels
		kernelDims[axes.KernelInputChannels], kernelDims[axes.KernelOutputChannels] = channels/groups, features
		var strides, inputDilations, kernelDilations []int
		var pads [][2]int
		for i := range spatial {
			window := rapid.IntRange(1, 3).Draw(t, "window")
			step := rapid.IntRange(1, 2).Draw(t, "kernel dilation")
			strides = append(strides, rapid.IntRange(1, 2).Draw(t, "stride"))
			inputDilations = append(inputDilations, rapid.IntRange(1, 2).Draw(t, "input dilation"))
			kernelDilations = append(kernelDilations, step)
			pads = append(pads, [2]int{rapid.IntRange(0, 2).Draw(t, "before"), rapid.IntRange(0, 2).Draw(t, "after")})
			inputDims[axes.InputSpatial[i]] = rapid.IntRange(1+(window-1)*step, 8).Draw(t, "size")
			kernelDims[axes.KernelSpatial[i]] = window
		}
		compare(t, "ConvGeneral", engine, ref, []input{drawInput(t, inputDims), drawInput(t, kernelDims)},
			one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
				return f.ConvGeneral(in[0], in[1], axes, strides, pads, inputDilations, kernelDilations, groups, 1)
			}))
	})
}

func TestWindows(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	rapid.Check(t, func(t *rapid.T) {
		dims := []int{rapid.IntRange(1, 3).Draw(t, "batch"), rapid.IntRange(3, 9).Draw(t, "height"),
			rapid.IntRange(3, 9).Draw(t, "width"), rapid.IntRange(1, 5).Draw(t, "channels")}
		size, stride := []int{1, rapid.IntRange(1, 3).Draw(t, "r"), rapid.IntRange(1, 3).Draw(t, "s"), 1}, []int{1, 1, 1, 1}
		pads := make([][2]int, 4)
		for i := 1; i < 3; i++ {
			stride[i] = rapid.IntRange(1, 3).Draw(t, "stride")
			pads[i] = [2]int{rapid.IntRange(0, size[i]-1).Draw(t, "before"), rapid.IntRange(0, size[i]-1).Draw(t, "after")}
		}
		x := drawInput(t, dims)
		for _, kind := range []compute.ReduceOpType{compute.ReduceOpMax, compute.ReduceOpMin, compute.ReduceOpSum} {
			compare(t, "ReduceWindow "+kind.String(), engine, ref, []input{x}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
				return f.ReduceWindow(in[0], kind, size, stride, nil, nil, pads)
			}))
		}
		out := slices.Clone(dims)
		for i := range out {
			out[i] = (dims[i]+pads[i][0]+pads[i][1]-size[i])/stride[i] + 1
		}
		compare(t, "SelectAndScatterMax", engine, ref, []input{x, drawInput(t, out)}, one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
			return f.SelectAndScatterMax(in[0], in[1], size, stride, pads)
		}))
	})
}

// Pooling of 16-bit floats gives what float64 does, to the last bit, where all sums can be held: also where windows have several largest
// elements.
func TestWindowsOfHalves(t *testing.T) {
	engine := newBackend(t, "workers=3")
	rapid.Check(t, func(t *rapid.T) {
		dims := []int{rapid.IntRange(1, 2).Draw(t, "batch"), rapid.IntRange(3, 9).Draw(t, "height"), rapid.IntRange(3, 9).Draw(t, "width"), rapid.IntRange(1, 20).Draw(t, "channels")}
		size, stride, pads := []int{1, 3, 3, 1}, []int{1, 2, 2, 1}, [][2]int{{}, {1, 1}, {1, 1}, {}}
		whole := func(dims []int, largest int) input {
			n := 1
			for _, d := range dims {
				n *= d
			}
			list := rapid.SliceOfN(rapid.IntRange(-largest, largest), n, n).Draw(t, "whole numbers")
			values := make([]float64, n)
			for i, v := range list {
				values[i] = float64(v)
			}
			return input{dims: dims, values: values}
		}
		out := slices.Clone(dims)
		for i := range out {
			out[i] = (dims[i]+pads[i][0]+pads[i][1]-size[i])/stride[i] + 1
		}
		inputs := []input{whole(dims, 100), whole(out, 20)}
		build := func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
			return []compute.Value{must(f.ReduceWindow(in[0], compute.ReduceOpMax, size, stride, nil, nil, pads)),
				must(f.ReduceWindow(in[1], compute.ReduceOpSum, []int{1, 2, 2, 1}, []int{1, 1, 1, 1}, nil, nil, [][2]int{{}, {1, 1}, {1, 1}, {}})),
				must(f.SelectAndScatterMax(in[0], in[1], size, stride, pads))}, nil
		}
		want, err := run(engine, dtypes.Float64, inputs, build)
		if err != nil {
			t.Fatal(err)
		}
		for _, dtype := range []dtypes.DType{dtypes.BFloat16, dtypes.Float16} {
			got, err := run(engine, dtype, inputs, build)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, dtype.String(), got, want, 0)
		}
	})
}

// TestEmptyTensors checks that axes of size zero go through: sums over nothing are zero, everything else is empty.
func TestEmptyTensors(t *testing.T) {
	engine := newBackend(t, "workers=2")
	empty := []input{{dims: []int{0, 3}}, {dims: []int{3, 0}}, {dims: []int{1, 3}, values: []float64{1, 2, 3}}}
	got, err := run(engine, dtypes.Float32, empty, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return []compute.Value{
			must(f.Exp(in[0])), must(f.ReduceSum(in[0], 0)), must(f.ReduceSum(in[0], 1)), must(f.Transpose(in[0], 1, 0)),
			must(f.DotGeneral(in[1], []int{1}, nil, in[0], []int{0}, nil, compute.DotGeneralConfig{})),
			must(f.Concatenate(0, in[0], in[2])), must(f.FusedSoftmax(in[0], 1)),
			must(f.BroadcastInDim(in[0], shapes.Make(dtypes.Float32, 2, 0, 3), []int{1, 2})),
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]float64{{}, {0, 0, 0}, {}, {}, make([]float64, 9), {1, 2, 3}, {}, {}}
	agree(t, "empty tensors", got, want, 0)
}
