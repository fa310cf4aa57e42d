package engine

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

// attention computes scaled dot-product attention head by head: the scores of a head are in scratch memory only while it is worked on.
type attention struct {
	attentionAttr
	batch, heads, kvHeads int
	queries, keys, width  int
	qRow, kRow            int // distance between rows of one head
	masks                 []maskView
}

// maskView is a mask or bias as the scores [batch, heads, queries, keys] see it.
type maskView struct {
	strides [4]int
	boolean bool
}

func newAttention(n *plan.Node) *attention {
	attr := n.Attr.(attentionAttr)
	q, k := n.Inputs[0].Shape().Dimensions, n.Inputs[1].Shape().Dimensions
	a := &attention{attentionAttr: attr, batch: q[0], heads: q[attr.layout.HeadsAxis()], kvHeads: k[attr.layout.HeadsAxis()],
		queries: q[attr.layout.SeqAxis()], keys: k[attr.layout.SeqAxis()], width: q[3]}
	a.qRow, a.kRow = a.width, a.width
	if attr.layout == compute.AttentionAxesLayoutBSHD {
		a.qRow, a.kRow = a.heads*a.width, a.kvHeads*a.width
	}
	next := 3
	for _, given := range []bool{attr.mask, attr.bias} {
		if given {
			a.masks = append(a.masks, a.viewMask(n.Inputs[next]))
			next++
		}
	}
	return a
}

func (a *attention) viewMask(v plan.Value) maskView {
	m := maskView{boolean: v.Shape().DType == dtypes.Bool}
	dims, own := v.Shape().Dimensions, strides(v.Shape().Dimensions)
	for i, d := range dims {
		if d > 1 {
			m.strides[4-len(dims)+i] = own[i]
		}
	}
	if len(dims) == 4 && a.layout == compute.AttentionAxesLayoutBSHD {
		m.strides[1], m.strides[2] = m.strides[2], m.strides[1]
	}
	return m
}

// at returns the first element of head h of image or sentence b.
func (a *attention) at(b, h, heads, rows int) int {
	if a.layout == compute.AttentionAxesLayoutBSHD {
		return (b*rows*heads + h) * a.width
	}
	return (b*heads + h) * rows * a.width
}

// lengths returns how many queries and keys of batch element b count.
func (a *attention) limits(b int, in [][]byte) (queries, keys int) {
	if !a.attentionAttr.lengths {
		return a.queries, a.keys
	}
	first := 3 + len(a.masks)
	limit := func(data []byte, n int) int { return max(0, min(int(as[int32](data)[b]), n)) }
	return limit(in[first], a.queries), limit(in[first+1], a.keys)
}

// weights computes the softmax of the scores of one head into p [queries, keys], and the logarithms of the denominators. Rows where
// everything is masked are zero.
func (a *attention) weights(p, logSums, q, k []float32, b, h int, in [][]byte) {
	kernel.Gemm32(nil, kernel.Gemm{M: a.queries, N: a.keys, K: a.width, A: q, B: k, C: p,
		LDA: a.qRow, LDB: a.kRow, LDC: a.keys, TransB: true, Alpha: float32(a.scale)})
	queries, keys := a.limits(b, in)
	lowest := float32(math.Inf(-1))
	for i := range a.queries {
		row := p[i*a.keys:][:a.keys]
		for m, view := range a.masks {
			view.apply(row, in[3+m], b, h, i)
		}
		seen := keys
		if a.causal {
			seen = min(seen, i+1)
		}
		if i >= queries {
			seen = 0
		}
		fill(row[seen:], lowest)
		top := kernel.RowMax(row)
		if top == lowest {
			clear(row)
			logSums[i] = 0
			continue
		}
		kernel.SubScalar(row, row, top)
		kernel.Exp(row, row)
		sum := kernel.Sum(row)
		kernel.MulScalar(row, row, 1/sum)
		logSums[i] = top + float32(math.Log(float64(sum)))
	}
}

// apply adds one row of the mask to the scores; what a boolean mask leaves out becomes -Inf.
func (m maskView) apply(row []float32, data []byte, b, h, query int) {
	at, step := b*m.strides[0]+h*m.strides[1]+query*m.strides[2], m.strides[3]
	if m.boolean {
		for j := range row {
			if data[at+j*step] == 0 {
				row[j] = float32(math.Inf(-1))
			}
		}
		return
	}
	values := as[float32](data)
	for j := range row {
		row[j] += values[at+j*step]
	}
}

func kernelAttention(n *plan.Node) kernelFunc {
	a := newAttention(n)
	group := a.heads / a.kvHeads
	return func(b *Backend, in, out [][]byte) {
		q, k, v, y, states := as[float32](in[0]), as[float32](in[1]), as[float32](in[2]), as[float32](out[0]), as[float32](out[1])
		b.pool.For(a.batch*a.heads, func(i int) {
			batch, head := i/a.heads, i%a.heads
			scratch := b.heap.get(4 * a.queries * a.keys)
			p := as[float32](scratch)
			qAt, kAt := a.at(batch, head, a.heads, a.queries), a.at(batch, head/group, a.kvHeads, a.keys)
			a.weights(p, states[i*a.queries:][:a.queries], q[qAt:], k[kAt:], batch, head, in)
			kernel.Gemm32(nil, kernel.Gemm{M: a.queries, N: a.width, K: a.keys, A: p, B: v[kAt:], C: y[qAt:],
				LDA: a.keys, LDB: a.kRow, LDC: a.qRow, Alpha: 1})
			b.heap.put(scratch)
		})
	}
}

// kernelAttentionGrad computes, with P the weights of a head and D = P * (dP - rowsum(dP * P)), where dP = dY @ VT:
//
//	dV = PT @ dY,  dQ = scale * D @ K,  dK = scale * DT @ Q
//
// The heads of a group share keys and values; they are added one after the other.
func kernelAttentionGrad(n *plan.Node) kernelFunc {
	a := newAttention(n)
	group := a.heads / a.kvHeads
	dyAt := len(n.Inputs) - 1
	return func(b *Backend, in, out [][]byte) {
		b.pool.For(a.batch*a.kvHeads, func(i int) {
			scratch := b.heap.get(4 * (2*a.queries*a.keys + a.queries))
			for g := range group {
				a.headGrad(as[float32](scratch), i/a.kvHeads, i%a.kvHeads*group+g, g > 0, in, out, dyAt)
			}
			b.heap.put(scratch)
		})
	}
}

func (a *attention) headGrad(scratch []float32, batch, head int, again bool, in, out [][]byte, dyAt int) {
	size := a.queries * a.keys
	p, d, logSums := scratch[:size], scratch[size:2*size], scratch[2*size:]
	qAt := a.at(batch, head, a.heads, a.queries)
	kAt := a.at(batch, head/(a.heads/a.kvHeads), a.kvHeads, a.keys)
	q, k, v, dy := as[float32](in[0])[qAt:], as[float32](in[1])[kAt:], as[float32](in[2])[kAt:], as[float32](in[dyAt])[qAt:]
	dq, dk, dv := as[float32](out[0])[qAt:], as[float32](out[1])[kAt:], as[float32](out[2])[kAt:]
	beta := float32(0)
	if again {
		beta = 1
	}
	a.weights(p, logSums, q, k, batch, head, in)
	kernel.Gemm32(nil, kernel.Gemm{M: a.keys, N: a.width, K: a.queries, A: p, B: dy, C: dv,
		LDA: a.keys, LDB: a.qRow, LDC: a.kRow, TransA: true, Alpha: 1, Beta: beta})
	kernel.Gemm32(nil, kernel.Gemm{M: a.queries, N: a.keys, K: a.width, A: dy, B: v, C: d,
		LDA: a.qRow, LDB: a.kRow, LDC: a.keys, TransB: true, Alpha: 1})
	kernel.SoftmaxGrad(nil, d, p, d, a.queries, a.keys)
	scale := float32(a.scale)
	kernel.Gemm32(nil, kernel.Gemm{M: a.queries, N: a.width, K: a.keys, A: d, B: k, C: dq,
		LDA: a.keys, LDB: a.kRow, LDC: a.qRow, Alpha: scale})
	kernel.Gemm32(nil, kernel.Gemm{M: a.keys, N: a.width, K: a.queries, A: d, B: q, C: dk,
		LDA: a.keys, LDB: a.qRow, LDC: a.kRow, TransA: true, Alpha: scale, Beta: beta})
}
