package train

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
)

// chunkedStepper takes the steps of a stepper, and never holds what the encoders compute of more than a chunk of the batch. It is Gao et
// al. 2021, "Scaling deep contrastive learning batch size under memory limited setup", section 3.3 (GradCache), in four graphs:
//
//	encode   of each chunk, the representations h and nothing else
//	compare  of all h, the loss, ∂L/∂h, and the gradients of the heads
//	replay   of each chunk once more, the encoders' gradients Σ ∂L/∂h ∂h/∂θ, which are added up
//	update   the optimizer's one step along the sums
//
// What encoders change as they run, dropout's random state and the running statistics of batch norm, is put back before the replay:
// so that it draws what was drawn before, and no chunk counts twice.
type chunkedStepper struct {
	learner
	backend compute.Backend
	chunk   int

	encode, compare, replay, update *model.Exec

	// represented are the shapes of a chunk's h, state what encoders change as they run, and encoders what is trained of them: all known
	// once encode is built. params is all that is trained, by path, known once compare is built too.
	represented             []shapes.Shape
	state, encoders, params []*model.Variable
}

// newChunkedStepper prepares the steps of a learner whose method is [method.Chunked], on batches that are a multiple of a chunk.
func newChunkedStepper(backend compute.Backend, store *model.Store, l learner, optimizer optim.Config, run length, chunk int) (*chunkedStepper, error) {
	s := &chunkedStepper{learner: l, backend: backend, chunk: chunk}
	how := l.method().(method.Chunked)
	var err error
	build := func(exec **model.Exec, outputs func(scope *model.Scope, in []*graph.Node) []*graph.Node) {
		if err == nil {
			*exec, err = model.NewExec(backend, store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
				scope.Store().SetTraining(in[0].Graph(), true)
				return outputs(scope, in)
			})
		}
	}
	arrays := len(l.shapes(chunk)[0])
	build(&s.encode, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		h := l.represent(scope, l.batch(in))
		s.encoders, s.state, s.represented = trainable(scope, in[0].Graph()), changed(scope, in[0].Graph()), nil
		for _, x := range h {
			s.represented = append(s.represented, x.Shape())
		}
		return h
	})
	build(&s.compare, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		h := in[len(in)-len(s.represented):]
		batch := l.batch(withoutPixels(l, in[1:]))
		batch.Clock, batch.Losses = run.at(in[0]), lossesOn(backend)
		out := how.Compare(scope, h, batch)
		heads := trainable(scope, in[0].Graph())
		gradients := graph.Gradient(out.Loss, append(nodesOf(heads, in[0]), h...)...)
		s.params = byPath(append(slices.Clone(s.encoders), heads...))
		sums := make([]*graph.Node, len(s.params))
		for i, p := range s.params {
			if k := slices.Index(heads, p); k >= 0 {
				sums[i] = gradients[k]
			} else {
				sums[i] = graph.Zeros(in[0].Graph(), p.Shape())
			}
		}
		return slices.Concat([]*graph.Node{out.Loss, leastSpread(out)}, gradients[len(heads):], sums)
	})
	build(&s.replay, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		slopes, sums := in[arrays:arrays+len(s.represented)], in[arrays+len(s.represented):]
		slope := graph.ScalarZero(in[0].Graph(), dtypes.Float32)
		for i, h := range l.represent(scope, l.batch(in[:arrays])) {
			slope = graph.Add(slope, graph.ReduceAllSum(graph.ConvertDType(graph.Mul(h, slopes[i]), dtypes.Float32)))
		}
		gradients := graph.Gradient(slope, nodesOf(s.encoders, slope)...)
		for i := range gradients {
			gradients[i] = graph.Add(sums[i], gradients[i])
		}
		return gradients
	})
	build(&s.update, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		learningRate, clock, gradients := in[0], run.at(in[1]), in[2:]
		optimizer.Update(scope, s.params, gradients, learningRate)
		if after, ok := how.(method.AfterStep); ok {
			after.AfterStep(scope, method.Batch{Clock: clock})
		}
		return []*graph.Node{optim.GlobalNorm(gradients)}
	})
	return s, err
}

// changed lists the variables that the graph changes.
func changed(scope *model.Scope, g *graph.Graph) (list []*model.Variable) {
	for v := range scope.IterVariables() {
		if v.ChangedInGraph(g) {
			list = append(list, v)
		}
	}
	return list
}

// lossesOn never hold all pairs of a batch, on a device that has loops in graphs.
func lossesOn(backend compute.Backend) loss.AllPairs {
	if tiles := (loss.Tiles{}); tiles.On(backend) {
		return tiles
	}
	return loss.OnePiece{}
}

// isPixels says whether an array of a batch is a view of pictures, which nothing behind the encoder asks for.
func isPixels(shape shapes.Shape) bool { return shape.Rank() == 4 }

// withoutPixels puts the other arrays of a learner's batch in their places, and nil where pixels have theirs.
func withoutPixels(l learner, others []*graph.Node) (inputs []*graph.Node) {
	for _, shape := range l.shapes(1)[0] {
		if isPixels(shape) {
			inputs = append(inputs, nil)
		} else {
			inputs, others = append(inputs, others[0]), others[1:]
		}
	}
	return inputs
}

// rowsOfAnItem is how many rows an item has in the representations with a number.
func (s *chunkedStepper) rowsOfAnItem(i int) int { return s.represented[i].Dim(0) / s.chunk }

// ofBatch are the shapes of the representations of so many items.
func (s *chunkedStepper) ofBatch(batch int) (list []shapes.Shape) {
	for i, shape := range s.represented {
		shape = shape.Clone()
		shape.Dimensions[0] = s.rowsOfAnItem(i) * batch
		list = append(list, shape)
	}
	return list
}

// compile builds the step's graphs for a batch size before the first step, so that mistakes show before data is read.
func (s *chunkedStepper) compile(batch int) error {
	_, err := s.memory(batch)
	return err
}

// memory is what the graph that needs most does, and what lies beside it meanwhile: other variables, the batch, and what is kept of chunks.
func (s *chunkedStepper) memory(batch int) (most int64, err error) {
	scalar := shapes.Make(dtypes.Float32)
	ofChunk := s.shapes(s.chunk)
	need := func(exec *model.Exec, inputs []shapes.Shape, beside func() int64) {
		if err != nil {
			return
		}
		var g *graph.Graph
		if g, err = exec.Compile(inputs...); err != nil {
			return
		}
		if peak := device.Peak(g.Executable()); peak > 0 {
			most = max(most, peak+unused(exec.Store(), g)+beside())
		}
	}
	for i, ofBatch := range s.shapes(batch) {
		others := slices.DeleteFunc(slices.Clone(ofBatch), isPixels)
		need(s.encode, ofChunk[i], func() int64 { return bytesOf(ofBatch) + bytesOf(s.ofBatch(batch)) })
		need(s.compare, slices.Concat([]shapes.Shape{scalar}, others, s.ofBatch(batch)), func() int64 { return bytesOf(ofBatch) - bytesOf(others) })
		need(s.replay, slices.Concat(ofChunk[i], s.represented, shapesOf(s.encoders)), func() int64 {
			return bytesOf(ofBatch) + bytesOf(s.ofBatch(batch)) + bytesOf(shapesOf(s.params)) - bytesOf(shapesOf(s.encoders))
		})
		need(s.update, append([]shapes.Shape{scalar, scalar}, shapesOf(s.params)...), func() int64 { return bytesOf(ofBatch) })
	}
	return most, err
}

// unused is how many bytes of variables the graph has no use for.
func unused(store *model.Store, g *graph.Graph) (bytes int64) {
	for v := range store.IterVariables() {
		if !v.InUseByGraph(g) {
			bytes += v.Shape().ByteSize()
		}
	}
	return bytes
}

func bytesOf(list []shapes.Shape) (bytes int64) {
	for _, shape := range list {
		bytes += shape.ByteSize()
	}
	return bytes
}

// take runs one step.
func (s *chunkedStepper) take(in stepInput) (loss, gradientNorm, embeddingStd float64, err error) {
	loss, embeddingStd, gradients, err := s.gradients(in)
	if err != nil {
		return 0, 0, 0, err
	}
	inputs := []any{float32(in.learningRate), float32(in.step)}
	if inputs, err = s.given(inputs, gradients); err != nil {
		return 0, 0, 0, err
	}
	norm, err := s.update.Call(inputs...)
	if err != nil {
		return 0, 0, 0, err
	}
	gradientNorm, err = scalarOf(norm[0])
	return loss, gradientNorm, embeddingStd, err
}

// gradients are the loss, the spread of the embeddings, and the gradients of params.
func (s *chunkedStepper) gradients(in stepInput) (loss, embeddingStd float64, gradients []*tensors.Tensor, err error) {
	before, err := s.stateNow()
	if err != nil {
		return 0, 0, nil, err
	}
	h, err := s.encodeAll(in)
	if err != nil {
		return 0, 0, nil, err
	}
	loss, embeddingStd, slopes, gradients, err := s.compareAll(in, h)
	if err != nil {
		return 0, 0, nil, err
	}
	if err := s.putBack(before); err != nil {
		return 0, 0, nil, err
	}
	return loss, embeddingStd, gradients, s.replayAll(in, slopes, gradients) // which leaves the state as encodeAll did
}

// encodeAll are the representations of all chunks, put together.
func (s *chunkedStepper) encodeAll(in stepInput) ([]*tensors.Tensor, error) {
	var all []*tensors.Tensor
	for _, shape := range s.ofBatch(in.items()) {
		x, err := tensors.FromShapeForBackend(s.backend, 0, shape)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	for chunk := range in.items() / s.chunk {
		arrays, err := s.cutArrays(in.arrays, chunk)
		if err != nil {
			return nil, err
		}
		h, err := s.encode.Call(arrays...)
		if err != nil {
			return nil, err
		}
		for i, x := range h {
			if err := paste(all[i], x, s.rowsOfAnItem(i), chunk); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// compareAll are the loss of all representations, the spread of the embeddings, the representations' gradients, and those of params as
// far as they are of the heads.
func (s *chunkedStepper) compareAll(in stepInput, h []*tensors.Tensor) (loss, std float64, slopes, gradients []*tensors.Tensor, err error) {
	inputs := []any{float32(in.step)}
	for _, array := range in.arrays {
		if !isPixels(array.Shape()) {
			inputs = append(inputs, array)
		}
	}
	if inputs, err = s.given(inputs, h); err != nil {
		return 0, 0, nil, nil, err
	}
	out, err := s.compare.Call(inputs...)
	if err != nil {
		return 0, 0, nil, nil, err
	}
	if loss, err = scalarOf(out[0]); err == nil {
		std, err = scalarOf(out[1])
	}
	return loss, std, out[2 : 2+len(h)], out[2+len(h):], err
}

// replayAll adds what each chunk adds to the encoders' gradients.
func (s *chunkedStepper) replayAll(in stepInput, slopes, gradients []*tensors.Tensor) error {
	for chunk := range in.items() / s.chunk {
		inputs, err := s.cutArrays(in.arrays, chunk)
		if err != nil {
			return err
		}
		for i, slope := range slopes {
			x, err := s.cut(slope, s.rowsOfAnItem(i), chunk)
			if err != nil {
				return err
			}
			inputs = append(inputs, x)
		}
		var sums []*tensors.Tensor
		for _, p := range s.encoders {
			sums = append(sums, gradients[slices.Index(s.params, p)])
		}
		if inputs, err = s.given(inputs, sums); err != nil {
			return err
		}
		if sums, err = s.replay.Call(inputs...); err != nil {
			return err
		}
		for i, p := range s.encoders {
			gradients[slices.Index(s.params, p)] = sums[i]
		}
	}
	return finalize(slopes)
}

// stateNow is a copy of what encoders change as they run.
func (s *chunkedStepper) stateNow() (values []*tensors.Tensor, err error) {
	for _, v := range s.state {
		now, err := v.Value()
		if err != nil {
			return nil, err
		}
		copied, err := now.LocalClone()
		if err != nil {
			return nil, err
		}
		values = append(values, copied)
	}
	return values, nil
}

// putBack makes it what it was.
func (s *chunkedStepper) putBack(values []*tensors.Tensor) error {
	for i, v := range s.state {
		if err := v.SetValue(values[i]); err != nil {
			return err
		}
	}
	return nil
}

// given appends arrays that a graph may have the memory of.
func (s *chunkedStepper) given(inputs []any, arrays []*tensors.Tensor) ([]any, error) {
	for _, x := range arrays {
		buffer, err := graph.DonateTensorBuffer(x, s.backend, 0)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, buffer)
	}
	return inputs, nil
}
