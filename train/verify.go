package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/guard"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/internal/weights"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
)

// VerifyLargeBatch computes the loss and the gradients of a batch in one piece and in chunks, with the memory for both. With the directory of a run, the
// weights are those of its newest checkpoint and the batch is the first of its data; the configuration may differ from the
// run's in batch, chunk, device and precision. Where dir is empty, weights and batch are drawn at random.
func VerifyLargeBatch(ctx context.Context, config Config, dir string) (found LargeBatch, err error) {
	defer guard.Recover(&err)
	if dir == "" {
		config.Data = "random"
	}
	if err := config.Validate(); err != nil {
		return found, err
	}
	if config.Chunk == 0 {
		return found, errors.New("chunk is 0: say how many of the batch are to be a chunk")
	}
	r := &run{config: config, steps: 1, perEpoch: 1}
	defer func() { err = errors.Join(err, r.close()) }()
	var in stepInput
	if dir == "" {
		in, err = r.openRandom()
	} else {
		in, err = r.openKept(ctx, dir)
	}
	if err != nil {
		return found, err
	}
	return r.verify(in)
}

// openRandom builds the step, on weights that are drawn, and draws a batch.
func (r *run) openRandom() (in stepInput, err error) {
	if r.subject, err = r.config.subject(); err != nil {
		return in, err
	}
	if r.backend, err = device.Open(r.config.Device); err != nil {
		return in, err
	}
	return stepInput{arrays: r.subject.random(r.config.Batch, rng.New(r.config.Seed, 0, 0, 0))}, r.build()
}

// openKept builds the step, on the weights of the run's newest checkpoint, and loads the first batch of its data.
func (r *run) openKept(ctx context.Context, dir string) (in stepInput, err error) {
	if err := r.open(ctx, dir); err != nil {
		return in, err
	}
	paths, err := checkpointPaths(filepath.Join(dir, "checkpoints"))
	if err != nil {
		return in, err
	}
	if len(paths) == 0 {
		return in, fmt.Errorf("the run in %s has no checkpoint yet", dir)
	}
	file, err := weights.Open(paths[len(paths)-1])
	if err != nil {
		return in, err
	}
	defer file.Close()
	if err := file.Assign(slices.Collect(r.store.IterVariables())); err != nil {
		return in, err
	}
	for b, err := range r.subject.batches(ctx, 0, 0, 1) {
		if err != nil {
			return in, err
		}
		return stepInput{arrays: b.arrays}, nil
	}
	return in, errors.New("there is no batch in the data")
}

// verify compares the steps on a batch.
func (r *run) verify(in stepInput) (found LargeBatch, err error) {
	s := r.stepper.(*chunkedStepper)
	found = LargeBatch{
		Method: r.subject.method().Name(), Backbone: r.config.Backbone, Batch: r.config.Batch, Chunk: r.config.Chunk,
		Precision: r.config.Precision, Device: r.config.Device, BatchNorm: slices.ContainsFunc(s.state, isRunningStatistic),
	}
	if found.ChunkedMemory, err = s.memory(in.items()); err != nil {
		return found, err
	}
	run := length{r.steps, r.perEpoch}
	whole, err := newStepper(r.backend, r.store, r.subject, r.config.Optimizer, run)
	if err != nil {
		return found, err
	}
	if found.OnePieceMemory, err = whole.memory(in.items()); err != nil {
		return found, tooLargeInOnePiece(err, r.config)
	}
	allowed := float32Tolerance
	if precision, err := r.config.dtype(); err != nil {
		return found, err
	} else if precision != dtypes.Float32 {
		allowed = bfloat16Tolerance
	}
	nn.WithoutDropout(r.store, true)
	plain, err := newChunkedStepper(r.backend, r.store, r.subject, r.config.Optimizer, run, r.config.Chunk)
	if err != nil {
		return found, err
	}
	if err := plain.compile(in.items()); err != nil {
		return found, err
	}
	c, err := plain.compareWithOnePiece(r.store, in, 0, allowed)
	if err != nil {
		return found, tooLargeInOnePiece(err, r.config)
	}
	found.Comparisons = append(found.Comparisons, c)
	nn.WithoutDropout(r.store, false)
	if slices.ContainsFunc(s.state, isRandomState) {
		c, err := s.compareWithOnePiece(r.store, in, r.config.Chunk, allowed)
		if err != nil {
			return found, tooLargeInOnePiece(err, r.config)
		}
		c.Dropout = true
		found.Comparisons = append(found.Comparisons, c)
	}
	return found, nil
}

// tooLargeInOnePiece says how large a batch can be compared; other errors stay as they are.
func tooLargeInOnePiece(err error, c Config) error {
	c.Chunk = 0
	if said := c.tooLarge(err); said != err {
		return fmt.Errorf("cannot compute the whole batch to compare with: %w", said)
	}
	return err
}

func isRandomState(v *model.Variable) bool { return v.Name() == model.RNGStateVariableName }

func isRunningStatistic(v *model.Variable) bool { return strings.HasPrefix(v.Name(), "running_") }

// compareWithOnePiece holds the gradients of chunks against those of one graph, on the same variables: that of the method's loss or,
// with a chunk, that of the loss of chunks which go through the encoder one after another.
func (s *chunkedStepper) compareWithOnePiece(store *model.Store, in stepInput, chunk int, allowed tolerance) (c Comparison, err error) {
	before, err := s.stateNow()
	if err != nil {
		return c, err
	}
	loss, _, gradients, err := s.gradients(in)
	if err != nil {
		return c, err
	}
	chunked, err := valuesOf(s.params, gradients)
	if err != nil {
		return c, err
	}
	if err := s.putBack(before); err != nil {
		return c, err
	}
	want, whole, err := onePiece(s.backend, store, s.learner, in, chunk)
	scale := math.Max(1, math.Abs(want))
	return Comparison{
		Loss: Number(want), Chunked: Number(loss), Bound: allowed.loss * scale, Parts: differences(whole, chunked, allowed.gradient, scale),
	}, err
}

// onePiece is the loss of a batch and the gradients of what is trained, by path, in one graph.
func onePiece(backend compute.Backend, store *model.Store, l learner, in stepInput, chunk int) (loss float64, gradients map[string][]float32, err error) {
	var params []*model.Variable
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, inputs []*graph.Node) []*graph.Node {
		scope.Store().SetTraining(inputs[0].Graph(), true)
		batch := l.batch(inputs[1:])
		batch.Clock = length{1, 1}.at(inputs[0])
		var out method.Output
		if chunk == 0 {
			out = l.loss(scope, batch)
		} else {
			out = l.method().(method.Chunked).Compare(scope, encodedInChunks(scope, l, inputs[1:], chunk), batch)
		}
		params = trainable(scope, out.Loss.Graph())
		return append([]*graph.Node{out.Loss}, graph.Gradient(out.Loss, nodesOf(params, out.Loss)...)...)
	})
	if err != nil {
		return 0, nil, err
	}
	defer exec.Finalize()
	inputs := []any{float32(in.step)}
	for _, array := range in.arrays {
		inputs = append(inputs, array)
	}
	outputs, err := exec.Call(inputs...)
	if err != nil {
		return 0, nil, err
	}
	if loss, err = scalarOf(outputs[0]); err != nil {
		return 0, nil, err
	}
	gradients, err = valuesOf(params, outputs[1:])
	return loss, gradients, err
}

// encodedInChunks are the representations of a batch whose chunks go through the encoder one after another, in one graph.
func encodedInChunks(scope *model.Scope, l learner, arrays []*graph.Node, chunk int) (all []*graph.Node) {
	batch := arrays[0].Shape().Dim(0)
	var parts [][]*graph.Node // of each representation, [k, chunk, width]
	for first := 0; first < batch; first += chunk {
		var rows []*graph.Node
		for _, array := range arrays {
			rows = append(rows, graph.Slice(array, graph.AxisRange(first, first+chunk)))
		}
		h := l.represent(scope, l.batch(rows))
		if parts == nil {
			parts = make([][]*graph.Node, len(h))
		}
		for i, x := range h {
			parts[i] = append(parts[i], graph.Reshape(x, -1, chunk, x.Shape().Dim(1)))
		}
	}
	for _, chunks := range parts {
		x := graph.Concatenate(chunks, 1)
		all = append(all, graph.Reshape(x, -1, x.Shape().Dim(2)))
	}
	return all
}

// valuesOf are the values of gradients by the path of their variable.
func valuesOf(variables []*model.Variable, gradients []*tensors.Tensor) (map[string][]float32, error) {
	values := map[string][]float32{}
	for i, v := range variables {
		flat, err := tensors.CopyFlatData[float32](gradients[i])
		if err != nil {
			return nil, err
		}
		values[v.Path()] = flat
	}
	return values, finalize(gradients)
}
