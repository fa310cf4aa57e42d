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
	rows                  [3]rowView // of query, key and value
	qRows, kRows          rowView    // of tensors of their own
	masks                 []maskView
}

// maskView is a mask or bias as the scores [batch, heads, queries, keys] see it.
type maskView struct {
	strides [4]int
	boolean bool
}

func newAttention(n *plan.Node) *attention {
	attr := n.Attr.(attentionAttr)
	q, k := attr.query, attr.key
	a := &attention{attentionAttr: attr, batch: q[0], heads: q[attr.layout.HeadsAxis()], kvHeads: k[attr.layout.HeadsAxis()],
		queries: q[attr.layout.SeqAxis()], keys: k[attr.layout.SeqAxis()], width: q[3]}
	a.qRows, a.kRows = rowView{step: a.width}, rowView{step: a.width}
	if attr.layout == compute.AttentionAxesLayoutBSHD {
		a.qRows.step, a.kRows.step = a.heads*a.width, a.kvHeads*a.width
	}
	for i, own := range []rowView{a.qRows, a.kRows, a.kRows} {
		a.rows[i] = own
		if attr.rows[i].step > 0 {
			a.rows[i] = attr.rows[i]
		}
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

// at returns the first element of head h of image or sentence b in a tensor of the given rows.
func (a *attention) at(rows rowView, b, h, heads, length int) int {
	if a.layout == compute.AttentionAxesLayoutBSHD {
		return b*length*rows.step + rows.first + h*a.width
	}
	return (b*heads + h) * length * a.width
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

// scores computes scale * query @ keyT of one head into p [queries, keys], with masks and biases; what is left out is -Inf.
func (a *attention) scores(p, q, k []float32, b, h int, in [][]byte) {
	kernel.Gemm32(nil, kernel.Gemm{M: a.queries, N: a.keys, K: a.width, A: q, B: k, C: p,
		LDA: a.rows[0].step, LDB: a.rows[1].step, LDC: a.keys, TransB: true, Alpha: float32(a.scale)})
	queries, keys := a.limits(b, in)
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
		fill(row[seen:], float32(math.Inf(-1)))
	}
}

// softmax turns scores into weights and writes the logarithms of the softmax's denominators. Rows where everything is left out
// become zero.
func (a *attention) softmax(p, logSums, tops []float32) {
	kernel.SoftmaxRows(p, p, tops, logSums, a.queries, a.keys)
	kernel.Log(logSums, logSums)
	kernel.Add(logSums, logSums, tops)
	for i, top := range tops {
		if math.IsInf(float64(top), -1) {
			clear(p[i*a.keys:][:a.keys])
			logSums[i] = 0
		}
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
			scratch := b.heap.get(4 * a.queries * (a.keys + 1))
			p, tops := as[float32](scratch)[:a.queries*a.keys], as[float32](scratch)[a.queries*a.keys:]
			kAt, vAt := a.at(a.rows[1], batch, head/group, a.kvHeads, a.keys), a.at(a.rows[2], batch, head/group, a.kvHeads, a.keys)
			a.scores(p, q[a.at(a.rows[0], batch, head, a.heads, a.queries):], k[kAt:], batch, head, in)
			a.softmax(p, states[i*a.queries:][:a.queries], tops[:a.queries])
			kernel.Gemm32(nil, kernel.Gemm{M: a.queries, N: a.width, K: a.keys, A: p, B: v[vAt:],
				C: y[a.at(a.qRows, batch, head, a.heads, a.queries):], LDA: a.keys, LDB: a.rows[2].step, LDC: a.qRows.step, Alpha: 1})
			b.heap.put(scratch)
		})
	}
}

// kernelAttentionGrad computes, with P the weights of a head, which the states of the forward operation give back, and
// D = P * (dP - rowsum(dP * P)), where dP = dY @ VT:
//
//	dV = PT @ dY,  dQ = scale * D @ K,  dK = scale * DT @ Q
//
// The heads of a group share keys and values; they are added one after the other.
func kernelAttentionGrad(n *plan.Node) kernelFunc {
	a := newAttention(n)
	group := a.heads / a.kvHeads
	targets := [3]rowView{a.qRows, a.kRows, a.kRows}
	if a.packed {
		targets = a.rows
	}
	return func(b *Backend, in, out [][]byte) {
		if a.packed {
			out = [][]byte{out[0], out[0], out[0]}
		}
		b.pool.For(a.batch*a.kvHeads, func(i int) {
			scratch := b.heap.get(4 * 2 * a.queries * a.keys)
			for g := range group {
				a.headGrad(as[float32](scratch), i/a.kvHeads, i%a.kvHeads*group+g, g > 0, in, out, targets)
			}
			b.heap.put(scratch)
		})
	}
}

func (a *attention) headGrad(scratch []float32, batch, head int, again bool, in, out [][]byte, targets [3]rowView) {
	p, d := scratch[:a.queries*a.keys], scratch[a.queries*a.keys:]
	kvHead := head / (a.heads / a.kvHeads)
	sides := func(data [][]byte, rows [3]rowView) (q, k, v []float32) {
		return as[float32](data[0])[a.at(rows[0], batch, head, a.heads, a.queries):],
			as[float32](data[1])[a.at(rows[1], batch, kvHead, a.kvHeads, a.keys):],
			as[float32](data[2])[a.at(rows[2], batch, kvHead, a.kvHeads, a.keys):]
	}
	q, k, v := sides(in, a.rows)
	dq, dk, dv := sides(out, targets)
	logSums := as[float32](in[len(in)-2])[(batch*a.heads+head)*a.queries:]
	dy := as[float32](in[len(in)-1])[a.at(a.qRows, batch, head, a.heads, a.queries):]
	beta := float32(0)
	if again {
		beta = 1
	}
	a.scores(p, q, k, batch, head, in)
	kernel.ExpSubRows(p, p, logSums, a.queries, a.keys)
	kernel.Gemm32(nil, kernel.Gemm{M: a.keys, N: a.width, K: a.queries, A: p, B: dy, C: dv,
		LDA: a.keys, LDB: a.qRows.step, LDC: targets[2].step, TransA: true, Alpha: 1, Beta: beta})
	kernel.Gemm32(nil, kernel.Gemm{M: a.queries, N: a.keys, K: a.width, A: dy, B: v, C: d,
		LDA: a.qRows.step, LDB: a.rows[2].step, LDC: a.keys, TransB: true, Alpha: 1})
	kernel.SoftmaxGrad(nil, d, p, d, a.queries, a.keys)
	scale := float32(a.scale)
	kernel.Gemm32(nil, kernel.Gemm{M: a.queries, N: a.width, K: a.keys, A: d, B: k, C: dq,
		LDA: a.keys, LDB: a.rows[1].step, LDC: targets[0].step, Alpha: scale})
	kernel.Gemm32(nil, kernel.Gemm{M: a.keys, N: a.width, K: a.queries, A: d, B: q, C: dk,
		LDA: a.keys, LDB: a.rows[0].step, LDC: targets[1].step, TransA: true, Alpha: scale, Beta: beta})
}
