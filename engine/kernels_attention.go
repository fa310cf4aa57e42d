package engine

import (
	"bytes"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/plan"
)

// attention computes scaled dot-product attention head by head, in float32: a head's scores, and its parts of tensors of 16-bit floats, are
// in scratch memory only while it is worked on.
type attention struct {
	attentionAttr
	batch, heads, kvHeads int
	queries, keys, width  int
	dtype                 dtypes.DType
	rows                  [3]rowView // of query, key and value
	qRows, kRows          rowView    // of tensors of their own
	masks                 []maskView
}

// maskView is a mask or bias as the scores [batch, heads, queries, keys] see it.
type maskView struct {
	strides [4]int
	dtype   dtypes.DType
}

func newAttention(n *plan.Node) *attention {
	attr := n.Attr.(attentionAttr)
	q, k := attr.query, attr.key
	a := &attention{attentionAttr: attr, batch: q[0], heads: q[attr.layout.HeadsAxis()], kvHeads: k[attr.layout.HeadsAxis()],
		queries: q[attr.layout.SeqAxis()], keys: k[attr.layout.SeqAxis()], width: q[3], dtype: n.Inputs[0].Shape().DType}
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
	m := maskView{dtype: v.Shape().DType}
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

// limits returns how many queries and keys of batch element b count.
func (a *attention) limits(b int, in [][]byte) (queries, keys int) {
	if !a.lengths {
		return a.queries, a.keys
	}
	first := 3 + len(a.masks)
	limit := func(data []byte, n int) int { return max(0, min(int(as[int32](data)[b]), n)) }
	return limit(in[first], a.queries), limit(in[first+1], a.keys)
}

// head is the work on one head of one item, on one goroutine.
type head struct {
	*attention
	in          [][]byte
	batch, head int
	scratch     []float32 // what is left of it
	products    *kernel.Products
}

// scratchSize is how many numbers a head's work needs: so many for each query and key, and copies of so many of their rows.
func (a *attention) scratchSize(scores, queryRows, keyRows int) int {
	size := scores*a.queries*a.keys + a.queries
	if isHalf(a.dtype) {
		size += a.width * (queryRows*a.queries + keyRows*a.keys)
	}
	return size
}

// take cuts a piece off the scratch memory.
func (h *head) take(size int) []float32 {
	piece := h.scratch[:size:size]
	h.scratch = h.scratch[size:]
	return piece
}

// part is a head's part of a tensor in float32: in place, or a copy of it where that is of 16-bit floats.
type part struct {
	values []float32
	step   int // from row to row
	rows   int
	home   []byte // of a copy
	steps  int    // from row to row there, in bytes
}

// part finds the head's part of a tensor of query or output, or of key or value where keys is set.
func (h *head) part(data []byte, rows rowView, keys bool) part {
	at, n := h.at(rows, h.batch, h.head, h.heads, h.queries), h.queries
	if keys {
		at, n = h.at(rows, h.batch, h.head/(h.heads/h.kvHeads), h.kvHeads, h.keys), h.keys
	}
	if !isHalf(h.dtype) {
		return part{values: as[float32](data)[at:], step: rows.step}
	}
	return part{values: h.take(n * h.width), step: h.width, rows: n, home: data[2*at:], steps: 2 * rows.step}
}

// read is part with its numbers, to be read.
func (h *head) read(data []byte, rows rowView, keys bool) part {
	p := h.part(data, rows, keys)
	for i := range p.rows {
		loadHalf(p.values[i*p.step:][:p.step], p.home[i*p.steps:][:2*p.step], h.dtype)
	}
	return p
}

// write puts what was computed in a part where it belongs.
func (h *head) write(p part) {
	for i := range p.rows {
		storeHalf(p.home[i*p.steps:][:2*p.step], p.values[i*p.step:][:p.step], h.dtype)
	}
}

// scores computes scale * query @ keyT into p [queries, keys], with masks and biases; what is left out is a.low.
func (h *head) scores(p []float32, q, k part) {
	h.products.Gemm32(kernel.Gemm{M: h.queries, N: h.keys, K: h.width, A: q.values, B: k.values, C: p,
		LDA: q.step, LDB: k.step, LDC: h.keys, TransB: true, Alpha: float32(h.scale)})
	if len(h.masks) == 0 && !h.causal && !h.lengths {
		return
	}
	queries, keys := h.limits(h.batch, h.in)
	low := float32(h.low)
	for m, view := range h.masks {
		data := h.in[3+m]
		if n, ok := view.first(data, h.batch, h.head, h.keys); ok {
			keys = min(keys, n)
			continue
		}
		for i := range h.queries {
			view.apply(p[i*h.keys:][:h.keys], data, h.batch, h.head, i, low)
		}
	}
	for i := range h.queries {
		seen := keys
		if h.causal {
			seen = min(seen, i+1)
		}
		if i >= queries {
			seen = 0
		}
		fill(p[i*h.keys:][:h.keys][seen:], low)
	}
}

// first returns how many keys a mask lets be seen, if these are the first ones and the same for all queries, as where sentences are padded.
func (m maskView) first(data []byte, b, h, keys int) (n int, ok bool) {
	if m.dtype != dtypes.Bool || m.strides[2] != 0 || m.strides[3] != 1 {
		return 0, false
	}
	row := data[b*m.strides[0]+h*m.strides[1]:][:keys]
	if n = bytes.IndexByte(row, 0); n < 0 {
		return keys, true
	}
	return n, bytes.IndexByte(row[n:], 1) < 0
}

// apply adds one row of the mask to the scores; what a boolean mask leaves out becomes low.
func (m maskView) apply(row []float32, data []byte, b, h, query int, low float32) {
	at, step := b*m.strides[0]+h*m.strides[1]+query*m.strides[2], m.strides[3]
	switch {
	case m.dtype == dtypes.Bool:
		for j := range row {
			if data[at+j*step] == 0 {
				row[j] = low
			}
		}
	case isHalf(m.dtype):
		var value [1]float32
		for j := range row {
			loadHalf(value[:], data[2*(at+j*step):][:2], m.dtype)
			row[j] += value[0]
		}
	default:
		values := as[float32](data)
		for j := range row {
			row[j] += values[at+j*step]
		}
	}
}

// softmax turns scores into weights and writes the logarithms of the softmax's denominators. Rows where everything is left out
// become zero, unless what is left out is finite.
func (h *head) softmax(p, logSums, tops []float32) {
	kernel.SoftmaxRows(p, p, tops, logSums, h.queries, h.keys)
	kernel.Log(logSums, logSums)
	kernel.Add(logSums, logSums, tops)
	for i, top := range tops {
		if math.IsInf(float64(top), -1) {
			clear(p[i*h.keys:][:h.keys])
			logSums[i] = 0
		}
	}
}

// unseen reports whether everything is left out of a row by a finite number, beside which the softmax's denominator cannot be seen.
func (h *head) unseen(logSum float32) bool {
	return h.mask && logSum <= float32(h.low/2) && !math.IsInf(h.low, -1)
}

// drop sets to zero what dropout leaves out of x [queries, keys], and scales the rest.
func (h *head) drop(x []float32) {
	if !h.keep {
		return
	}
	size := h.queries * h.keys
	kept := h.in[3+len(h.masks)][(h.batch*h.heads+h.head)*size:][:size]
	kernel.Keep(x, x, kept, float32(h.keepScale))
}

func kernelAttention(n *plan.Node) kernelFunc {
	a := newAttention(n)
	size := 4 * a.scratchSize(1, 2, 2)
	return func(b *Backend, in, out [][]byte) {
		states := as[float32](out[1])
		b.pool.For(a.batch*a.heads, func(i int) {
			scratch := b.heap.get(size)
			h := head{attention: a, in: in, batch: i / a.heads, head: i % a.heads, scratch: as[float32](scratch), products: kernel.GetProducts()}
			q, k, v, y := h.read(in[0], a.rows[0], false), h.read(in[1], a.rows[1], true), h.read(in[2], a.rows[2], true), h.part(out[0], a.qRows, false)
			p := h.take(a.queries * a.keys)
			h.scores(p, q, k)
			h.softmax(p, states[i*a.queries:][:a.queries], h.take(a.queries))
			h.drop(p)
			h.products.Gemm32(kernel.Gemm{M: a.queries, N: a.width, K: a.keys, A: p, B: v.values, C: y.values,
				LDA: a.keys, LDB: v.step, LDC: y.step, Alpha: 1})
			h.write(y)
			h.products.Put()
			b.heap.put(scratch)
		})
	}
}

// kernelAttentionGrad computes, with P the weights of a head, which the states of the forward operation give back, drop what dropout does
// to them, and D = P * (dP - rowsum(dP * P)), where dP = drop(dY @ VT):
//
//	dV = drop(P)T @ dY,  dQ = scale * D @ K,  dK = scale * DT @ Q
//
// The heads of a group share keys and values; they are added one after the other.
func kernelAttentionGrad(n *plan.Node) kernelFunc {
	a := newAttention(n)
	group := a.heads / a.kvHeads
	targets := [3]rowView{a.qRows, a.kRows, a.kRows}
	if a.packed {
		targets = a.rows
	}
	size := 4 * (a.scratchSize(2, 3, 4) + a.queries*a.keys)
	return func(b *Backend, in, out [][]byte) {
		if a.packed {
			out = [][]byte{out[0], out[0], out[0]}
		}
		b.pool.For(a.batch*a.kvHeads, func(i int) {
			scratch := b.heap.get(size)
			h := head{attention: a, in: in, batch: i / a.kvHeads, head: i % a.kvHeads * group, scratch: as[float32](scratch), products: kernel.GetProducts()}
			k, v := h.read(in[1], a.rows[1], true), h.read(in[2], a.rows[2], true)
			dk, dv := h.part(out[1], targets[1], true), h.part(out[2], targets[2], true)
			left := h.scratch
			for g := range group {
				h.scratch = left
				h.gradients(k, v, h.part(out[0], targets[0], false), dk, dv, g > 0)
				h.head++
			}
			h.head--
			h.write(dk)
			h.write(dv)
			h.products.Put()
			b.heap.put(scratch)
		})
	}
}

// gradients computes those of one head, and adds to those of key and value if there are some already.
func (h *head) gradients(k, v, dq, dk, dv part, again bool) {
	q, dy := h.read(h.in[0], h.rows[0], false), h.read(h.in[len(h.in)-1], h.qRows, false)
	p, d := h.take(h.queries*h.keys), h.take(h.queries*h.keys)
	logSums := as[float32](h.in[len(h.in)-2])[(h.batch*h.heads+h.head)*h.queries:][:h.queries]
	beta := float32(0)
	if again {
		beta = 1
	}
	h.scores(p, q, k)
	kernel.ExpSubRows(p, p, logSums, h.queries, h.keys)
	for i, sum := range logSums {
		if h.unseen(sum) {
			fill(p[i*h.keys:][:h.keys], 1/float32(h.keys))
		}
	}
	dropped := p
	if h.keep {
		copy(d, p)
		h.drop(d)
		dropped = d
	}
	h.products.Gemm32(kernel.Gemm{M: h.keys, N: h.width, K: h.queries, A: dropped, B: dy.values, C: dv.values,
		LDA: h.keys, LDB: dy.step, LDC: dv.step, TransA: true, Alpha: 1, Beta: beta})
	h.products.Gemm32(kernel.Gemm{M: h.queries, N: h.keys, K: h.width, A: dy.values, B: v.values, C: d,
		LDA: dy.step, LDB: v.step, LDC: h.keys, TransB: true, Alpha: 1})
	h.drop(d)
	kernel.SoftmaxGrad(nil, d, p, d, h.queries, h.keys)
	for i, sum := range logSums {
		if h.unseen(sum) {
			clear(d[i*h.keys:][:h.keys]) // Its scores are constants.
		}
	}
	scale := float32(h.scale)
	h.products.Gemm32(kernel.Gemm{M: h.queries, N: h.width, K: h.keys, A: d, B: k.values, C: dq.values,
		LDA: h.keys, LDB: k.step, LDC: dq.step, Alpha: scale})
	h.products.Gemm32(kernel.Gemm{M: h.keys, N: h.width, K: h.queries, A: d, B: q.values, C: dk.values,
		LDA: h.keys, LDB: q.step, LDC: dk.step, TransA: true, Alpha: scale, Beta: beta})
	h.write(dq)
}
