package engine

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"github.com/alike-ml/alike/engine/plan"
)

// Attributes of the fused operations.
type (
	layerNormAttr struct {
		epsilon     float64
		cols        int
		gamma, beta bool
	}
	projectionAttr struct {
		biasQ, biasK, biasV bool
	}
	attentionAttr struct {
		layout              compute.AttentionAxesLayout
		scale               float64
		causal              bool
		mask, bias, lengths bool // operands that follow query, key, value
		backward            bool
		low                 float64    // the score of what is left out
		keep                bool       // a mask of the weights that dropout keeps is an operand, behind all the former
		keepScale           float64    // what those are multiplied by
		query, key          [4]int     // dimensions of the query, and of the key and the value
		rows                [3]rowView // of query, key and value that are parts of another tensor's rows; see packAttention
		packed              bool       // the gradients are parts of one tensor's rows, as query, key and value are
	}
	// rowView says where the rows of a tensor lie, one for each item and position: the step from one to the next, and where in them
	// the first head begins.
	rowView struct{ step, first int }
)

// FusedSoftmax is exp(x - max x) / sum exp(x - max x) along an axis.
func (f *Function) FusedSoftmax(x compute.Value, axis int) (compute.Value, error) {
	op := compute.OpTypeFusedSoftmax
	in, err := f.inputs(op, x)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape()
	if axis < 0 || axis >= shape.Rank() {
		return nil, fail(op, in, errors.Errorf("axis %d is out of range", axis))
	}
	if !shape.DType.IsFloat() {
		return nil, fail(op, in, errors.New("want a float operand"))
	}
	if axis == shape.Rank()-1 && registerType(shape.DType) == dtypes.Float32 {
		return f.record(op, in, nil, shape, nil)
	}
	return f.composedSoftmax(in[0], axis)
}

func (f *Function) composedSoftmax(x plan.Value, axis int) (compute.Value, error) {
	b := composer{f: f}
	kept := slices.DeleteFunc(sequence(x.Shape().Rank()), func(a int) bool { return a == axis })
	exp := b.do(f.Exp(b.do(f.Sub(x, b.spread(b.do(f.ReduceMax(x, axis)), x.Shape(), kept)))))
	y := b.do(f.Div(exp, b.spread(b.do(f.ReduceSum(exp, axis)), x.Shape(), kept)))
	return y, b.err
}

// FusedGelu is x * Phi(x), Phi being the normal distribution function, or its approximation by tanh (Hendrycks and Gimpel
// 2016, https://arxiv.org/abs/1606.08415).
func (f *Function) FusedGelu(x compute.Value, exact bool) (compute.Value, error) {
	op := compute.OpTypeFusedGelu
	in, err := f.inputs(op, x)
	if err != nil {
		return nil, err
	}
	if !in[0].Shape().DType.IsFloat() {
		return nil, fail(op, in, errors.New("want a float operand"))
	}
	b := composer{f: f}
	y := b.gelu(in[0], exact)
	return y, b.err
}

// FusedLayerNorm normalises x over axes and applies gamma and beta, which may be nil (Ba et al. 2016,
// https://arxiv.org/abs/1607.06450).
func (f *Function) FusedLayerNorm(x compute.Value, axes []int, epsilon float64, gamma, beta compute.Value) (compute.Value, error) {
	op := compute.OpTypeFusedLayerNorm
	operands := []compute.Value{x}
	for _, v := range []compute.Value{gamma, beta} {
		if v != nil {
			operands = append(operands, v)
		}
	}
	in, err := f.inputs(op, operands...)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape()
	axes = slices.Sorted(slices.Values(axes))
	first := shape.Rank() - len(axes)
	if first < 0 || len(axes) == 0 || !slices.Equal(axes, sequence(shape.Rank())[first:]) ||
		registerType(shape.DType) != dtypes.Float32 {
		return nil, fail(op, in, errors.WithMessagef(notImplemented(op), "over axes %v", axes))
	}
	cols := shapes.Make(shape.DType, shape.Dimensions[first:]...).Size()
	for _, v := range in[1:] {
		if v.Shape().Size() != cols || v.Shape().DType != shape.DType {
			return nil, fail(op, in, errors.Errorf("gamma and beta must have %d elements", cols))
		}
	}
	if len(axes) == 1 && gamma != nil && beta != nil {
		rows := shapes.Make(dtypes.Float32, shape.Size()/max(cols, 1))
		return f.graph.Add(plan.OpLayerNorm, in, plan.LayerNorm{Epsilon: epsilon}, shape, rows, rows).Value(0), nil
	}
	return f.record(op, in, layerNormAttr{epsilon, cols, gamma != nil, beta != nil}, shape, nil)
}

// FusedDense is activation(x @ weight + bias). It is recorded as the operations it consists of, which the planner fuses; so
// the parts that a gradient needs are not computed twice.
func (f *Function) FusedDense(x, weight, bias compute.Value, options compute.DenseConfig) (compute.Value, error) {
	op := compute.OpTypeFusedDense
	operands := []compute.Value{x, weight}
	if bias != nil {
		operands = append(operands, bias)
	}
	in, err := f.inputs(op, operands...)
	if err != nil {
		return nil, err
	}
	if in[0].Shape().Rank() < 1 || in[1].Shape().Rank() < 2 || !in[0].Shape().DType.IsFloat() {
		return nil, fail(op, in, errors.New("want float x [batch..., in] and weight [in, out...]"))
	}
	contract := 0
	if options.WeightLayout == compute.DenseLayoutOutputsInput {
		contract = in[1].Shape().Rank() - 1
	}
	b := composer{f: f}
	last := in[0].Shape().Rank() - 1
	y := b.do(f.DotGeneral(in[0], []int{last}, nil, in[1], []int{contract}, nil, compute.DotGeneralConfig{}))
	if bias != nil && b.err == nil {
		shape := y.(plan.Value).Shape()
		y = b.do(f.Add(y, b.spread(in[2], shape, sequence(shape.Rank())[last:])))
	}
	y = b.activation(y, options.Activation)
	if b.err != nil {
		return nil, fail(op, in, b.err)
	}
	return y, nil
}

// FusedAttentionQKVProjection is x @ wQKV, cut into query, key and value, plus their biases, which may be nil.
func (f *Function) FusedAttentionQKVProjection(x, wQKV, biasQ, biasK, biasV compute.Value, queryDim, keyValueDim int) (
	query, key, value compute.Value, err error) {
	op := compute.OpTypeFusedAttentionQKVProjection
	operands := []compute.Value{x, wQKV}
	for _, v := range []compute.Value{biasQ, biasK, biasV} {
		if v != nil {
			operands = append(operands, v)
		}
	}
	in, err := f.inputs(op, operands...)
	if err != nil {
		return nil, nil, nil, err
	}
	xs, ws := in[0].Shape(), in[1].Shape()
	if registerType(xs.DType) != dtypes.Float32 {
		return nil, nil, nil, fail(op, in, errors.WithMessagef(notImplemented(op), "for %s", xs.DType))
	}
	last := xs.Rank() - 1
	if last < 0 || !ws.Equal(shapes.Make(xs.DType, xs.Dimensions[last], queryDim+2*keyValueDim)) {
		return nil, nil, nil, fail(op, in, errors.Errorf("want x [batch..., in] and weights [in, %d+2*%d]", queryDim, keyValueDim))
	}
	widths := []int{queryDim, keyValueDim, keyValueDim}
	next := 2
	for i, v := range []compute.Value{biasQ, biasK, biasV} {
		if v == nil {
			continue
		}
		if !in[next].Shape().Equal(shapes.Make(xs.DType, widths[i])) {
			return nil, nil, nil, fail(op, in, errors.Errorf("want a bias of %d elements", widths[i]))
		}
		next++
	}
	var outputs []shapes.Shape
	for _, w := range widths {
		outputs = append(outputs, shapes.Make(xs.DType, append(slices.Clone(xs.Dimensions[:last]), w)...))
	}
	n := f.graph.Add(op, in, projectionAttr{biasQ != nil, biasK != nil, biasV != nil}, outputs...)
	return n.Value(0), n.Value(1), n.Value(2), nil
}

// FusedScaledDotProductAttention is softmax(query @ keyT * scale + bias + mask) @ value for every head; see
// [compute.FusedOps]. The state for the gradient is the logarithm of every row's softmax denominator.
func (f *Function) FusedScaledDotProductAttention(query, key, value compute.Value, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig) (output compute.Value, states []compute.Value, err error) {
	op := compute.OpTypeFusedScaledDotProductAttention
	in, attr, err := f.attention(op, query, key, value, layout, options)
	if err != nil {
		return nil, nil, err
	}
	q := in[0].Shape()
	rows := shapes.Make(dtypes.Float32, q.Dimensions[0], q.Dimensions[layout.HeadsAxis()], q.Dimensions[layout.SeqAxis()])
	n := f.graph.Add(op, in, attr, q, rows)
	return n.Value(0), []compute.Value{n.Value(1)}, nil
}

// FusedScaledDotProductAttentionVJP is the gradient of FusedScaledDotProductAttention.
func (f *Function) FusedScaledDotProductAttentionVJP(query, key, value compute.Value, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig, output compute.Value, statesForVJP []compute.Value, dOutput compute.Value) (
	dQuery, dKey, dValue compute.Value, err error) {
	op := compute.OpTypeFusedScaledDotProductAttentionVJP
	in, attr, err := f.attention(op, query, key, value, layout, options)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(statesForVJP) != 1 {
		return nil, nil, nil, fail(op, in, errors.Errorf("want the one state of the forward operation, got %d", len(statesForVJP)))
	}
	more, err := f.inputs(op, output, statesForVJP[0], dOutput)
	if err != nil {
		return nil, nil, nil, err
	}
	attr.backward = true
	n := f.graph.Add(op, append(in, more...), attr, in[0].Shape(), in[1].Shape(), in[2].Shape())
	return n.Value(0), n.Value(1), n.Value(2), nil
}

// attention checks the operands that the forward and the backward operation share.
func (f *Function) attention(op compute.OpType, query, key, value compute.Value, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig) (in []plan.Value, attr attentionAttr, err error) {
	if options == nil {
		options = &compute.ScaledDotProductAttentionConfig{}
	}
	operands := []compute.Value{query, key, value}
	attr = attentionAttr{layout: layout, scale: options.Scale, low: math.Inf(-1), causal: options.Causal, mask: options.Mask != nil,
		bias: options.Bias != nil, lengths: options.QuerySeqLen != nil || options.KeyValueSeqLen != nil}
	if attr.mask {
		operands = append(operands, options.Mask)
	}
	if attr.bias {
		operands = append(operands, options.Bias)
	}
	if attr.lengths {
		operands = append(operands, options.QuerySeqLen, options.KeyValueSeqLen)
	}
	if in, err = f.inputs(op, operands...); err != nil {
		return nil, attr, err
	}
	q, k, v := in[0].Shape(), in[1].Shape(), in[2].Shape()
	if q.Rank() != 4 || k.Rank() != 4 || !k.Equal(v) || q.DType != k.DType || q.Dimensions[3] != k.Dimensions[3] ||
		q.Dimensions[0] != k.Dimensions[0] {
		return nil, attr, fail(op, in, errors.Errorf("want query, key and value of layout %s", layout))
	}
	if registerType(q.DType) != dtypes.Float32 {
		return nil, attr, fail(op, in, errors.WithMessagef(notImplemented(op), "for %s", q.DType))
	}
	heads, kvHeads := q.Dimensions[layout.HeadsAxis()], k.Dimensions[layout.HeadsAxis()]
	if kvHeads == 0 || heads%kvHeads != 0 {
		return nil, attr, fail(op, in, errors.Errorf("%d query heads cannot share %d key heads", heads, kvHeads))
	}
	if attr.scale == 0 {
		attr.scale = 1 / math.Sqrt(float64(q.Dimensions[3]))
	}
	attr.query, attr.key = [4]int(q.Dimensions), [4]int(k.Dimensions)
	scores := []int{q.Dimensions[0], heads, q.Dimensions[layout.SeqAxis()], k.Dimensions[layout.SeqAxis()]}
	if layout == compute.AttentionAxesLayoutBSHD {
		scores = []int{scores[0], scores[2], scores[1], scores[3]}
	}
	next := 3
	for _, given := range []bool{attr.mask, attr.bias} {
		if !given {
			continue
		}
		s := in[next].Shape()
		if !broadcasts(s.Dimensions, scores) || registerType(s.DType) != dtypes.Float32 && s.DType != dtypes.Bool {
			return nil, attr, fail(op, in, errors.WithMessagef(notImplemented(op), "with a mask or bias of %s", s))
		}
		next++
	}
	for _, s := range in[next:] {
		if !s.Shape().Equal(shapes.Make(dtypes.Int32, q.Dimensions[0])) {
			return nil, attr, fail(op, in, errors.WithMessagef(notImplemented(op), "with lengths of %s", s.Shape()))
		}
	}
	return in, attr, nil
}

// broadcasts reports whether dims, aligned at the end, are each one or equal to those of target.
func broadcasts(dims, target []int) bool {
	if len(dims) > len(target) || len(dims) < 2 {
		return false
	}
	for i, d := range dims {
		if d != 1 && d != target[len(target)-len(dims)+i] {
			return false
		}
	}
	return true
}

// composer records several operations and keeps the first error.
type composer struct {
	f   *Function
	err error
}

func (b *composer) do(v compute.Value, err error) compute.Value {
	if b.err == nil {
		b.err = err
	}
	return v
}

// spread repeats v over shape; axis i of v becomes axes[i].
func (b *composer) spread(v compute.Value, shape shapes.Shape, axes []int) compute.Value {
	return b.do(b.f.BroadcastInDim(v, shape, axes))
}

// scalar returns a constant of x's dtype.
func (b *composer) scalar(x compute.Value, c float64) compute.Value {
	v, ok := x.(plan.Value)
	if !ok {
		return nil // b.err says why
	}
	return b.do(b.f.ConvertDType(b.do(b.f.Constant([]float64{c})), v.Shape().DType))
}

func (b *composer) gelu(x compute.Value, exact bool) compute.Value {
	f := b.f
	var inner compute.Value
	if exact {
		inner = b.do(f.Erf(b.do(f.Mul(x, b.scalar(x, math.Sqrt2/2)))))
	} else {
		cubed := b.do(f.Mul(b.do(f.Mul(x, x)), x))
		sum := b.do(f.Add(x, b.do(f.Mul(cubed, b.scalar(x, 0.044715)))))
		inner = b.do(f.Tanh(b.do(f.Mul(sum, b.scalar(x, math.Sqrt(2/math.Pi))))))
	}
	phi := b.do(f.Mul(b.do(f.Add(inner, b.scalar(x, 1))), b.scalar(x, 0.5)))
	return b.do(f.Mul(x, phi))
}

func (b *composer) activation(x compute.Value, kind compute.ActivationType) compute.Value {
	if b.err != nil {
		return nil
	}
	f := b.f
	switch kind {
	case compute.ActivationNone:
		return x
	case compute.ActivationGelu:
		return b.gelu(x, true)
	case compute.ActivationRelu:
		return b.do(f.Max(x, b.scalar(x, 0)))
	case compute.ActivationSilu:
		return b.do(f.Mul(x, b.do(f.Logistic(x))))
	case compute.ActivationHardSwish:
		gate := b.do(f.Add(b.do(f.Mul(x, b.scalar(x, 1.0/6))), b.scalar(x, 0.5)))
		return b.do(f.Mul(x, b.do(f.Clamp(b.scalar(x, 0), gate, b.scalar(x, 1)))))
	case compute.ActivationTanh:
		return b.do(f.Tanh(x))
	}
	b.err = errors.WithMessagef(notImplemented(compute.OpTypeFusedDense), "activation %s", kind)
	return nil
}
