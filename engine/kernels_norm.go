package engine

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

// hasNormKernel reports whether a batch norm of float32 has a kernel: the features must be the last axis.
func hasNormKernel(n *plan.Node) bool {
	x := n.Inputs[0].Shape()
	return n.Outputs[1].DType == dtypes.Float32 && n.Attr.(normAttr).axis == x.Rank()-1 && x.Size() > 0
}

// kernelBatchNorm runs the batch norm operations: by kernels where the features are the last axis of float32, or of bfloat16 with
// statistics and parameters of float32, and in float64 by their definition otherwise.
func kernelBatchNorm(n *plan.Node) kernelFunc {
	attr, x := n.Attr.(normAttr), n.Inputs[0].Shape()
	if n.Inputs[1].Shape().DType != dtypes.Float32 || attr.axis != x.Rank()-1 || x.Size() == 0 {
		return kernelBatchNormPlain(n)
	}
	if x.DType == dtypes.BFloat16 {
		return kernelBatchNormOf[uint16](n)
	}
	return kernelBatchNormOf[float32](n)
}

func kernelBatchNormOf[T float32 | uint16](n *plan.Node) kernelFunc {
	attr, x := n.Attr.(normAttr), n.Inputs[0].Shape()
	channels := x.Dimensions[attr.axis]
	rows := x.Size() / channels
	relu := n.Op == plan.OpBatchNormReLU || n.Op == plan.OpBatchNormReLUGradient
	switch n.Op {
	case compute.OpTypeBatchNormForInference:
		return func(b *Backend, in, out [][]byte) {
			kernel.BatchNorm(b.pool, as[T](out[0]), as[T](in[0]), as[float32](in[1]), as[float32](in[2]),
				as[float32](in[3]), as[float32](in[4]), rows, channels, attr.epsilon, false)
		}
	case compute.OpTypeBatchNormForTraining, plan.OpBatchNormReLU:
		return func(b *Backend, in, out [][]byte) {
			kernel.BatchNormTrain(b.pool, as[T](out[0]), as[T](in[0]), as[float32](in[1]), as[float32](in[2]),
				as[float32](out[1]), as[float32](out[2]), rows, channels, attr.epsilon, relu)
		}
	}
	return func(b *Backend, in, out [][]byte) {
		var offset []float32
		if relu {
			offset = as[float32](in[5])
		}
		kernel.BatchNormGrad(b.pool, as[T](out[0]), as[float32](out[1]), as[float32](out[2]), as[T](in[0]),
			as[T](in[4]), as[float32](in[1]), offset, as[float32](in[2]), as[float32](in[3]), rows, channels, attr.epsilon, relu)
	}
}

// batchNorm works in float64 on tensors [outer, features, inner].
type batchNorm struct {
	outer, features, inner int
	epsilon                float64
}

// each calls f for every element with its feature.
func (s batchNorm) each(f func(i, feature int)) {
	for i := range s.outer * s.features * s.inner {
		f(i, i/s.inner%s.features)
	}
}

// mean returns the average of f over the elements of each feature.
func (s batchNorm) mean(f func(i, feature int) float64) []float64 {
	sums := make([]float64, s.features)
	s.each(func(i, c int) { sums[c] += f(i, c) })
	for c := range sums {
		sums[c] /= float64(s.outer * s.inner)
	}
	return sums
}

func (s batchNorm) scale(variance float64) float64 { return 1 / math.Sqrt(variance+s.epsilon) }

func kernelBatchNormPlain(n *plan.Node) kernelFunc {
	attr, shape := n.Attr.(normAttr), n.Inputs[0].Shape()
	s := batchNorm{features: shape.Dimensions[attr.axis], outer: product(shape.Dimensions[:attr.axis]),
		inner: product(shape.Dimensions[attr.axis+1:]), epsilon: float64(attr.epsilon)}
	run := map[compute.OpType]func(in [][]float64) [][]float64{
		compute.OpTypeBatchNormForInference: s.inference,
		compute.OpTypeBatchNormForTraining:  s.training,
		compute.OpTypeBatchNormGradient:     s.gradient,
	}[n.Op]
	return func(_ *Backend, in, out [][]byte) {
		wide := make([][]float64, len(in))
		for i, data := range in {
			wide[i] = toFloat64(data, shape.DType)
		}
		for i, result := range run(wide) {
			fromFloat64(out[i], result, shape.DType)
		}
	}
}

func (s batchNorm) inference(in [][]float64) [][]float64 {
	x, scale, offset, mean, variance := in[0], in[1], in[2], in[3], in[4]
	y := make([]float64, len(x))
	s.each(func(i, c int) { y[i] = (x[i]-mean[c])*s.scale(variance[c])*scale[c] + offset[c] })
	return [][]float64{y}
}

func (s batchNorm) training(in [][]float64) [][]float64 {
	x := in[0]
	mean := s.mean(func(i, _ int) float64 { return x[i] })
	variance := s.mean(func(i, c int) float64 { return (x[i] - mean[c]) * (x[i] - mean[c]) })
	return [][]float64{s.inference([][]float64{x, in[1], in[2], mean, variance})[0], mean, variance}
}

func (s batchNorm) gradient(in [][]float64) [][]float64 {
	x, scale, mean, variance, dy := in[0], in[1], in[2], in[3], in[4]
	normal := func(i, c int) float64 { return (x[i] - mean[c]) * s.scale(variance[c]) }
	meanDy := s.mean(func(i, _ int) float64 { return dy[i] })
	meanDyNormal := s.mean(func(i, c int) float64 { return dy[i] * normal(i, c) })
	dx := make([]float64, len(x))
	s.each(func(i, c int) {
		dx[i] = scale[c] * s.scale(variance[c]) * (dy[i] - meanDy[c] - normal(i, c)*meanDyNormal[c])
	})
	count := float64(s.outer * s.inner)
	for c := range meanDy {
		meanDy[c] *= count
		meanDyNormal[c] *= count
	}
	return [][]float64{dx, meanDyNormal, meanDy}
}

func toFloat64(data []byte, dtype dtypes.DType) []float64 {
	wide := make([]float64, len(data)/dtype.Size())
	if isHalf(dtype) {
		single := make([]float32, len(wide))
		loadHalf(single, data, dtype)
		data, dtype = bytesOf(single), dtypes.Float32
	}
	convertBlock(dtype, dtypes.Float64)(bytesOf(wide), [][]byte{data})
	return wide
}

func fromFloat64(dst []byte, x []float64, dtype dtypes.DType) {
	if !isHalf(dtype) {
		convertBlock(dtypes.Float64, dtype)(dst, [][]byte{bytesOf(x)})
		return
	}
	single := make([]float32, len(x))
	convertBlock(dtypes.Float64, dtypes.Float32)(bytesOf(single), [][]byte{bytesOf(x)})
	storeHalf(dst, single, dtype)
}

func kernelSoftmax(n *plan.Node) kernelFunc {
	dims := n.Outputs[0].Dimensions
	cols := dims[len(dims)-1]
	rows := product(dims[:len(dims)-1])
	return func(b *Backend, in, out [][]byte) {
		kernel.Softmax(b.pool, as[float32](out[0]), as[float32](in[0]), rows, cols)
	}
}

func kernelLayerNorm(n *plan.Node) kernelFunc {
	attr := n.Attr.(layerNormAttr)
	rows := n.Outputs[0].Size() / max(attr.cols, 1)
	return func(b *Backend, in, out [][]byte) {
		var gamma, beta []float32
		next := 1
		if attr.gamma {
			gamma = as[float32](in[next])
			next++
		}
		if attr.beta {
			beta = as[float32](in[next])
		}
		kernel.LayerNorm(b.pool, as[float32](out[0]), as[float32](in[0]), gamma, beta, nil, nil, rows, attr.cols,
			float32(attr.epsilon))
	}
}

func kernelProjection(n *plan.Node) kernelFunc {
	attr := n.Attr.(projectionAttr)
	w := n.Inputs[1].Shape().Dimensions
	rows := n.Inputs[0].Shape().Size() / max(w[0], 1)
	return func(b *Backend, in, out [][]byte) {
		next, column := 2, 0
		for i, biased := range []bool{attr.biasQ, attr.biasK, attr.biasV} {
			width := n.Outputs[i].Size() / max(rows, 1)
			g := kernel.Gemm{M: rows, N: width, K: w[0], A: as[float32](in[0]), B: as[float32](in[1])[column:],
				C: as[float32](out[i]), LDA: w[0], LDB: w[1], LDC: width, Alpha: 1}
			if biased {
				g.Bias = as[float32](in[next])
				next++
			}
			g.Direct = b.plain
			kernel.Gemm32(b.pool, g)
			column += width
		}
	}
}
