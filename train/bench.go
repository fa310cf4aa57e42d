package train

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/guard"
	"github.com/alike-ml/alike/internal/peakmemory"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
)

// StepTiming is how fast a machine takes training steps. It is what `alike bench step --json` prints.
type StepTiming struct {
	Method    string  `json:"method"`
	Backbone  string  `json:"backbone"`
	Width     float64 `json:"width"`
	ImageSize int     `json:"image_size"`
	Batch     int     `json:"batch"`
	Chunk     int     `json:"chunk"`
	Precision string  `json:"precision"`
	Device    string  `json:"device"`
	// SecondsPerStep is the median over Steps steps, after two that are not counted.
	SecondsPerStep float64 `json:"seconds_per_step"`
	Steps          int     `json:"steps"`
	// ViewsPerSecond counts every view of every picture.
	ViewsPerSecond float64 `json:"views_per_second"`
	// GFLOPS is the rate of the matrix products, convolutions and attention, in 10⁹ operations a second, a multiplication and an
	// addition each counting as one: see [nn.StepMultiplyAdds]. That chunks go through the encoder twice is not counted.
	GFLOPS float64 `json:"gflops"`
	// PeakMemory is the most that the process held until the end of the steps, in bytes; 0 where the system does not tell.
	PeakMemory int64 `json:"peak_memory"`
}

// MeasureStep takes optimizer steps on random pictures, which cost what real ones do, and times them. The configuration's
// data is not looked at.
func MeasureStep(ctx context.Context, config Config, steps int) (timing StepTiming, err error) {
	defer guard.Recover(&err)
	config.Data = "random"
	if err := config.Validate(); err != nil {
		return StepTiming{}, err
	}
	r := &run{config: config, steps: warmUpSteps + steps, perEpoch: warmUpSteps + steps}
	if r.subject, err = config.subject(); err != nil {
		return StepTiming{}, err
	}
	if r.backend, err = device.Open(config.Device); err != nil {
		return StepTiming{}, err
	}
	defer r.close()
	if err := r.build(); err != nil {
		return StepTiming{}, err
	}
	multiplyAdds, err := r.multiplyAdds()
	if err != nil {
		return StepTiming{}, err
	}
	random := rng.New(config.Seed, 0, 0, 0)
	var times []float64
	for i := range warmUpSteps + steps {
		if err := ctx.Err(); err != nil {
			return StepTiming{}, err
		}
		in := stepInput{i, config.Optimizer.LearningRate, r.subject.random(config.Batch, random)}
		began := time.Now()
		if _, _, _, err := r.stepper.take(in); err != nil {
			return StepTiming{}, err
		}
		if i >= warmUpSteps {
			times = append(times, time.Since(began).Seconds())
		}
	}
	slices.Sort(times)
	median := times[len(times)/2]
	return StepTiming{
		Method: r.subject.method().Name(), Backbone: config.Backbone, Width: config.Width, ImageSize: config.ImageSize, Batch: config.Batch, Chunk: config.Chunk,
		Precision: config.Precision, Device: config.Device, SecondsPerStep: median, Steps: steps,
		ViewsPerSecond: float64(config.Batch*r.subject.views()) / median,
		GFLOPS:         2 * multiplyAdds / median / 1e9,
		PeakMemory:     peakmemory.Self(),
	}, nil
}

// warmUpSteps are taken before the clock starts: the first one compiles.
const warmUpSteps = 2

// multiplyAdds counts those of a step, on a graph of its own which is not run.
func (r *run) multiplyAdds() (float64, error) {
	store := model.NewStore()
	nn.SetSeed(store, r.config.Seed)
	g := graph.NewGraph(r.backend, "step")
	defer g.Finalize()
	var inputs []*graph.Node
	sizes := r.subject.shapes(r.config.Batch)
	for i, shape := range sizes[len(sizes)-1] {
		inputs = append(inputs, graph.Parameter(g, fmt.Sprintf("input_%d", i), shape))
	}
	batch := r.subject.batch(inputs)
	batch.Clock = method.Clock{Step: graph.ScalarZero(g, dtypes.Float32), Steps: r.steps, StepsPerEpoch: r.perEpoch}
	out := r.subject.loss(store.RootScope(), batch)
	return nn.StepMultiplyAdds(out.Loss, out.Embeddings), nil
}
