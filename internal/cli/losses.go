package cli

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/guard"
	"github.com/alike-ml/alike/internal/nearest"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/loss"
)

// lossTiming is how fast a loss and its gradient are computed.
type lossTiming struct {
	Loss   string `json:"loss"`
	Batch  int    `json:"batch"`
	Dim    int    `json:"dim"`
	Device string `json:"device"`
	// Seconds is the median over Repeats computations, after one that is not counted.
	Seconds float64 `json:"seconds"`
	Repeats int     `json:"repeats"`
	// ItemsPerSecond counts pairs of views, or what a loss has in their place.
	ItemsPerSecond float64 `json:"items_per_second"`
}

// timedLoss is a loss with its published settings, of the embeddings z1 and z2 [batch, dim] and of what else it needs: 4096 rows of
// the same width, for a queue or prototypes, and the items' labels of ten classes.
type timedLoss struct {
	name  string
	build func(z1, z2, rows, labels *graph.Node) *graph.Node
}

// tiled says whether the loss is computed in tiles, for which the device must have loops in graphs.
func (l timedLoss) tiled() bool { return strings.HasSuffix(l.name, "-tiled") }

// Rows of the queue of MoCo's demo on CIFAR-10, and prototypes of SwAV there.
const (
	timedQueue      = 4096
	timedPrototypes = 512
)

func timedLosses() []timedLoss {
	return []timedLoss{
		{"ntxent", func(z1, z2, _, _ *graph.Node) *graph.Node { return loss.NTXent(z1, z2, loss.DefaultNTXent()) }},
		{"ntxent-tiled", func(z1, z2, _, _ *graph.Node) *graph.Node { return loss.Tiles{}.NTXent(z1, z2, loss.DefaultNTXent()) }},
		{"guide", func(z1, z2, _, _ *graph.Node) *graph.Node { return loss.Guide(z1, z2, loss.DefaultGuide()) }},
		{"supcon", func(z1, z2, _, labels *graph.Node) *graph.Node {
			return loss.SupCon(z1, z2, labels, loss.DefaultSupCon())
		}},
		{"infonce", func(z1, z2, rows, _ *graph.Node) *graph.Node {
			return loss.InfoNCE(z1, z2, rows, nil, loss.DefaultInfoNCE())
		}},
		{"swav", func(z1, z2, rows, _ *graph.Node) *graph.Node {
			c := loss.Normalize(graph.Slice(rows, graph.AxisRange(0, timedPrototypes)))
			scores := func(z *graph.Node) *graph.Node { return graph.Einsum("id,kd->ik", loss.Normalize(z), c) }
			return loss.SwAV([]*graph.Node{scores(z1), scores(z2)}, nil, nil, loss.DefaultSwAV())
		}},
		{"byol", func(z1, z2, _, _ *graph.Node) *graph.Node { return loss.BYOL(z1, z2, z2, z1) }},
		{"barlowtwins", func(z1, z2, _, _ *graph.Node) *graph.Node {
			return loss.BarlowTwins(z1, z2, loss.DefaultBarlowTwinsLambda)
		}},
		{"vicreg", func(z1, z2, _, _ *graph.Node) *graph.Node { return loss.VICReg(z1, z2, loss.DefaultVICReg()) }},
		{"clip", func(z1, z2, _, _ *graph.Node) *graph.Node {
			return loss.CLIP(z1, z2, graph.Scalar(z1.Graph(), z1.DType(), math.Log(1/0.07)), nil, loss.Cosine)
		}},
		{"clip-tiled", func(z1, z2, _, _ *graph.Node) *graph.Node {
			return loss.Tiles{}.CLIP(z1, z2, graph.Scalar(z1.Graph(), z1.DType(), math.Log(1/0.07)), nil, loss.Cosine)
		}},
		{"siglip", func(z1, z2, _, _ *graph.Node) *graph.Node {
			g := z1.Graph()
			return loss.SigLIP(z1, z2, graph.Scalar(g, z1.DType(), math.Log(10)), graph.Scalar(g, z1.DType(), -10.), nil, loss.Cosine)
		}},
		{"simcse", func(z1, z2, _, _ *graph.Node) *graph.Node { return loss.SimCSE(z1, z2, nil, nil, loss.DefaultSimCSE()) }},
		{"simcse-tiled", func(z1, z2, _, _ *graph.Node) *graph.Node {
			return loss.Tiles{}.SimCSE(z1, z2, nil, nil, loss.DefaultSimCSE())
		}},
		{"triplet", func(z1, z2, _, _ *graph.Node) *graph.Node {
			other := graph.Concatenate([]*graph.Node{graph.Slice(z2, graph.AxisRange(1)), graph.Slice(z2, graph.AxisRange(0, 1))}, 0)
			return loss.Triplet(z1, z2, other, loss.DefaultTriplet())
		}},
	}
}

// checkTimedLoss returns an error that suggests the nearest name when there is no such loss to time.
func checkTimedLoss(name string) error {
	var names []string
	for _, l := range timedLosses() {
		names = append(names, l.name)
	}
	if !slices.Contains(names, name) {
		return fmt.Errorf("%s: there is no such loss%s; there is %s", name, nearest.Suggestion(name, names), strings.Join(names, ", "))
	}
	return nil
}

// measureLosses times the named losses, or every one where none is named, forward and backward, on normally distributed embeddings at each batch size.
func measureLosses(ctx context.Context, deviceName string, names []string, batches []int, dim, repeats int) ([]lossTiming, error) {
	backend, err := device.Open(deviceName)
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	tiles := loss.Tiles{}.On(backend)
	var timings []lossTiming
	for _, l := range timedLosses() {
		if len(names) > 0 && !slices.Contains(names, l.name) || len(names) == 0 && l.tiled() && !tiles {
			continue
		}
		for _, batch := range batches {
			seconds, err := measureLoss(ctx, backend, l, batch, dim, repeats)
			if err != nil {
				return nil, fmt.Errorf("%s at a batch of %d: %w", l.name, batch, err)
			}
			timings = append(timings, lossTiming{
				Loss: l.name, Batch: batch, Dim: dim, Device: deviceName, Seconds: seconds, Repeats: repeats, ItemsPerSecond: float64(batch) / seconds,
			})
		}
	}
	return timings, nil
}

// measureLoss is the median time of a loss and its gradients.
func measureLoss(ctx context.Context, backend compute.Backend, l timedLoss, batch, dim, repeats int) (seconds float64, err error) {
	defer guard.Recover(&err)
	exec, err := graph.NewExec(backend, func(z1, z2, rows, labels *graph.Node) []*graph.Node {
		value := l.build(z1, z2, rows, labels)
		return append(graph.Gradient(value, z1, z2), value)
	})
	if err != nil {
		return 0, err
	}
	defer exec.Finalize()
	random := rng.New(0, 0, 0, 0)
	embeddings := func(rows int) *tensors.Tensor {
		values := make([]float32, rows*dim)
		for i := range values {
			values[i] = float32(random.NormFloat64())
		}
		return tensors.FromFlatDataAndDimensions(values, rows, dim)
	}
	labels := make([]int32, batch)
	for i := range labels {
		labels[i] = int32(i % 10)
	}
	inputs := []any{embeddings(batch), embeddings(batch), embeddings(timedQueue), tensors.FromFlatDataAndDimensions(labels, batch)}
	var times []float64
	for i := range 1 + repeats { // the first one compiles
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		began := time.Now()
		outputs, err := exec.Call(inputs...)
		if err != nil {
			return 0, err
		}
		if i > 0 {
			times = append(times, time.Since(began).Seconds())
		}
		for _, o := range outputs {
			if err := o.FinalizeAll(); err != nil {
				return 0, err
			}
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
