package engine

import (
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/alike-ml/alike/engine/plan"
)

const (
	// blockElements is about how many elements a loop works on at a time: few enough that the registers of a usual loop fit in
	// the first-level cache, many enough that the calls do not weigh.
	blockElements = 2048
	// chunkElements is about how many elements a worker takes at a time.
	chunkElements = 16384
)

// loop runs a plan.Loop. The flat index space is cut into chunks, which workers take, and those into blocks. In a block, every
// value of the loop is a register: a piece of an operand or of an output where it lies in memory as it is computed with, a piece
// of scratch memory otherwise.
type loop struct {
	size, block, chunk int
	args               []loopArg
	code               []loopInstr
	results            []loopResult
	scratch            int // bytes per worker
	states             sync.Pool
}

type loopArg struct {
	view    plan.View
	dtype   dtypes.DType
	size    int // of an element in memory
	dense   bool
	repeats bool // the same in every block
	at      int  // of its register in scratch, -1 if it is read in place
}

type loopInstr struct {
	run  blockFunc
	args []int
	size int // of an element of the result
	at   int // of its register in scratch, -1 if it is written in place
	out  int // the output it is written to then
}

type loopResult struct {
	plan.LoopResult
	dtype   dtypes.DType
	size    int // of an element in memory
	stored  bool
	reducer *reducer
}

// loopState is what a worker needs: registers, operands of the current instruction, scratch memory.
type loopState struct {
	regs    [][]byte
	argv    [3][]byte
	scratch []byte
}

func newLoop(n *plan.Node) *loop {
	source := withoutConversions(n.Attr.(*plan.Loop))
	l := &loop{size: source.Size}
	l.measure(source)
	for i, view := range source.Args {
		dtype := n.Inputs[i].Shape().DType
		l.args = append(l.args, loopArg{view: view, dtype: dtype, size: dtype.Size(), dense: view.IsDense(),
			repeats: l.block%max(view.Period(), 1) == 0, at: -1})
	}
	for _, instr := range source.Code {
		l.code = append(l.code, loopInstr{run: blockFor(instr.Op, instr.From, instr.To), args: instr.Args,
			size: registerType(instr.To).Size(), at: -1, out: -1})
	}
	for i, r := range source.Results {
		dtype := n.Outputs[i].DType
		result := loopResult{LoopResult: r, dtype: dtype, size: dtype.Size()}
		switch {
		case r.Reduce != compute.OpTypeInvalid:
			result.reducer = newReducer(r, dtype, l.block)
		case r.Ref >= len(l.args) && !isHalf(dtype) && l.code[r.Ref-len(l.args)].out < 0:
			l.code[r.Ref-len(l.args)].out = i
		default:
			result.stored = true
		}
		l.results = append(l.results, result)
	}
	l.allocate()
	l.states.New = func() any {
		return &loopState{regs: make([][]byte, len(l.args)+len(l.code)), scratch: alignedBytes(l.scratch)}
	}
	return l
}

// withoutConversions drops conversions between float32 and 16-bit floats that change nothing, as both are held as float32: those to float32,
// and those whose result is only stored, which rounds it.
func withoutConversions(source *plan.Loop) *plan.Loop {
	first := len(source.Args)
	used := make([]bool, first+len(source.Code)) // by an operation or a reduction
	for _, instr := range source.Code {
		for _, ref := range instr.Args {
			used[ref] = true
		}
	}
	for _, r := range source.Results {
		used[r.Ref] = used[r.Ref] || r.Reduce != compute.OpTypeInvalid
	}
	l := *source
	l.Code, l.Results = nil, slices.Clone(source.Results)
	now := sequence(len(used)) // the references by those they had
	for i, instr := range source.Code {
		instr.Args = slices.Clone(instr.Args)
		for k, ref := range instr.Args {
			instr.Args[k] = now[ref]
		}
		if instr.Op == compute.OpTypeConvertDType && registerType(instr.From) == dtypes.Float32 &&
			(isHalf(instr.From) && instr.To == dtypes.Float32 || isHalf(instr.To) && !used[first+i]) {
			now[first+i] = instr.Args[0]
			continue
		}
		now[first+i] = first + len(l.Code)
		l.Code = append(l.Code, instr)
	}
	for i := range l.Results {
		l.Results[i].Ref = now[l.Results[i].Ref]
	}
	return &l
}

// measure chooses the sizes of blocks and chunks, from the shapes alone: blocks are a multiple of the inner size of the
// reductions and of the periods of operands as far as that goes, chunks a multiple of blocks and of reduced rows.
func (l *loop) measure(source *plan.Loop) {
	base, rows, inner := 1, 1, 1
	for _, r := range source.Results {
		if r.Reduce == compute.OpTypeInvalid {
			continue
		}
		base, inner = lcm(base, r.Inner), max(inner, r.Inner)
		if r.Outer > 1 {
			rows = lcm(rows, max(r.Reduced, 1))
		}
	}
	for _, view := range source.Args {
		if p := view.Period(); p > 0 && lcm(base, p) <= plan.MaxPeriod {
			base = lcm(base, p)
		}
	}
	l.block = base * max(1, blockElements/base)
	unit := lcm(base, rows)
	if unit%l.block != 0 && rows > 1 {
		l.chunk = unit * max(1, chunkElements/unit)
		return
	}
	l.chunk = lcm(l.block, rows)
	l.chunk *= max(1, max(chunkElements, 16*inner)/l.chunk)
}

func lcm(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}

// allocate places the registers that need scratch memory, reusing that of values no longer read.
func (l *loop) allocate() {
	end := len(l.code)
	last := make([]int, len(l.args)+len(l.code))
	for i, instr := range l.code {
		for _, ref := range instr.args {
			last[ref] = i
		}
	}
	for _, r := range l.results {
		if r.stored || r.reducer != nil {
			last[r.Ref] = end
		}
	}
	var free []int
	width := l.block * 8
	take := func() int {
		if n := len(free); n > 0 {
			at := free[n-1]
			free = free[:n-1]
			return at
		}
		l.scratch += width
		return l.scratch - width
	}
	for i := range l.args {
		a := &l.args[i]
		if !a.dense || isHalf(a.dtype) {
			a.at = take()
		}
	}
	for i := range l.code {
		var dying []int
		for _, ref := range slices.Compact(slices.Sorted(slices.Values(l.code[i].args))) {
			if at := l.register(ref); at < 0 || last[ref] != i || ref < len(l.args) && l.args[ref].repeats {
				continue
			} else if l.width(ref) == l.code[i].size {
				free = append(free, at) // the result may be written over it
			} else {
				dying = append(dying, at)
			}
		}
		if l.code[i].out < 0 {
			l.code[i].at = take()
		}
		free = append(free, dying...)
	}
}

func (l *loop) register(ref int) int {
	if ref < len(l.args) {
		return l.args[ref].at
	}
	return l.code[ref-len(l.args)].at
}

// width returns the size of an element of a register.
func (l *loop) width(ref int) int {
	if ref < len(l.args) {
		return registerType(l.args[ref].dtype).Size()
	}
	return l.code[ref-len(l.args)].size
}

// reuse lists the outputs that may be written over an operand: at every index, the operand has been read by then.
func (l *loop) reuse() []plan.Reuse {
	var all []plan.Reuse
	for o, r := range l.results {
		if r.reducer != nil {
			continue
		}
		for i, a := range l.args {
			if a.dense && a.size == r.size && l.lastRead(i) <= l.written(o) {
				all = append(all, plan.Reuse{Output: o, Input: i})
			}
		}
	}
	return all
}

// written returns when a result is written: with its instruction, or after all of them.
func (l *loop) written(result int) int {
	for i, instr := range l.code {
		if instr.out == result {
			return i
		}
	}
	return len(l.code) + result
}

// lastRead returns the last time that an operand is read from its own memory.
func (l *loop) lastRead(arg int) int {
	last := -1
	if l.args[arg].at >= 0 {
		return last
	}
	for i, instr := range l.code {
		if slices.Contains(instr.args, arg) {
			last = i
		}
	}
	for o, r := range l.results {
		if r.Ref == arg && r.stored {
			last = len(l.code) + o
		}
		if r.Ref == arg && r.reducer != nil {
			last = len(l.code) + len(l.results)
		}
	}
	return last
}

// run is the loop's kernelFunc.
func (l *loop) run(b *Backend, in, out [][]byte) {
	chunks := (l.size + l.chunk - 1) / l.chunk
	partials := make([][]byte, len(l.results))
	for i, r := range l.results {
		if r.reducer != nil {
			partials[i] = r.reducer.begin(b, out[i], chunks)
		}
	}
	b.pool.For(chunks, func(chunk int) {
		s := l.states.Get().(*loopState)
		l.runChunk(s, chunk, in, out, partials)
		clear(s.regs)
		clear(s.argv[:])
		l.states.Put(s)
	})
	for i, r := range l.results {
		if r.reducer != nil {
			r.reducer.finish(b, out[i], partials[i], chunks)
		}
	}
}

func (l *loop) runChunk(s *loopState, chunk int, in, out, partials [][]byte) {
	first, end := chunk*l.chunk, min((chunk+1)*l.chunk, l.size)
	for start := first; start < end; start += l.block {
		n := min(l.block, end-start)
		l.load(s, in, start, n, start == first)
		for i := range l.code {
			instr := &l.code[i]
			for k, ref := range instr.args {
				s.argv[k] = s.regs[ref]
			}
			dst := s.scratch[max(instr.at, 0):]
			if instr.out >= 0 {
				dst = out[instr.out][start*instr.size:]
			}
			dst = dst[:n*instr.size]
			instr.run(dst, s.argv[:len(instr.args)])
			s.regs[len(l.args)+i] = dst
		}
		for i := range l.results {
			r := &l.results[i]
			switch {
			case r.reducer != nil:
				r.reducer.add(partials[i], chunk, start, s.regs[r.Ref], n)
			case r.stored && isHalf(r.dtype):
				storeHalf(out[i][start*r.size:][:n*r.size], as[float32](s.regs[r.Ref]), r.dtype)
			case r.stored:
				copy(out[i][start*r.size:][:n*r.size], s.regs[r.Ref])
			}
		}
	}
}

// load brings the operands' elements [start, start+n) into their registers.
func (l *loop) load(s *loopState, in [][]byte, start, n int, first bool) {
	for i := range l.args {
		a := &l.args[i]
		if a.dense && a.at < 0 {
			s.regs[i] = in[i][start*a.size:][:n*a.size]
			continue
		}
		width := registerType(a.dtype).Size()
		dst := s.scratch[a.at:][:n*width]
		s.regs[i] = dst
		switch {
		case a.repeats && !first: // It is there already.
		case a.dense:
			loadHalf(as[float32](dst), in[i][start*a.size:][:n*a.size], a.dtype)
		case isHalf(a.dtype):
			half := s.scratch[a.at+4*l.block:][:n*a.size] // the register is eight bytes wide
			gatherView(half, in[i], a.view, a.size, start)
			loadHalf(as[float32](dst), half, a.dtype)
		default:
			gatherView(dst, in[i], a.view, a.size, start)
		}
	}
}

// gatherView copies elements of a view of src, from flat index start on, until dst is full.
func gatherView(dst, src []byte, view plan.View, size, start int) {
	switch size {
	case 1:
		gather(dst, src, view, start)
	case 2:
		gather(as[uint16](dst), as[uint16](src), view, start)
	case 4:
		gather(as[uint32](dst), as[uint32](src), view, start)
	case 8:
		gather(as[uint64](dst), as[uint64](src), view, start)
	}
}

func gather[T unsigned](dst, src []T, view plan.View, start int) {
	if len(view.Dims) == 0 {
		fill(dst, src[0])
		return
	}
	w := newWalker(view, start)
	inner, step := view.Dims[len(view.Dims)-1], view.Strides[len(view.Dims)-1]
	skip := w.index[len(view.Dims)-1]
	for len(dst) > 0 {
		n := min(len(dst), inner-skip)
		switch at := w.offset; step {
		case 0:
			fill(dst[:n], src[at])
		case 1:
			copy(dst[:n], src[at:])
		default:
			for i := range dst[:n] {
				dst[i] = src[at+i*step]
			}
		}
		dst, skip = dst[n:], 0
		w.nextRow()
	}
}

// fill writes v everywhere. Behind the first few it doubles what is filled, for copies are vectors.
func fill[T any](dst []T, v T) {
	n := min(len(dst), 16)
	for i := range dst[:n] {
		dst[i] = v
	}
	for ; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// walker goes through the rows of a view.
type walker struct {
	view   plan.View
	index  []int
	offset int
}

func newWalker(view plan.View, start int) walker {
	w := walker{view: view, index: make([]int, len(view.Dims))}
	for i := len(view.Dims) - 1; i >= 0; i-- {
		w.index[i] = start % view.Dims[i]
		start /= view.Dims[i]
		w.offset += w.index[i] * view.Strides[i]
	}
	return w
}

// nextRow goes to the first element of the next row.
func (w *walker) nextRow() {
	last := len(w.index) - 1
	w.offset -= w.index[last] * w.view.Strides[last]
	w.index[last] = 0
	for i := last - 1; i >= 0; i-- {
		w.index[i]++
		w.offset += w.view.Strides[i]
		if w.index[i] < w.view.Dims[i] {
			return
		}
		w.offset -= w.index[i] * w.view.Strides[i]
		w.index[i] = 0
	}
}

// next goes to the next element.
func (w *walker) next() {
	for i := len(w.index) - 1; i >= 0; i-- {
		w.index[i]++
		w.offset += w.view.Strides[i]
		if w.index[i] < w.view.Dims[i] {
			return
		}
		w.offset -= w.index[i] * w.view.Strides[i]
		w.index[i] = 0
	}
}
