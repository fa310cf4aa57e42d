package alike_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/engine"
	"github.com/alike-ml/alike/loss"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/train"
)

// An encoder of text learns from a file with a sentence a line, and finds what is most like a query.
func Example_text() {
	home, err := os.MkdirTemp("", "alike")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(home)
	var sentences []string
	for _, animal := range []string{"dog", "cat", "horse", "bird"} {
		for _, does := range []string{"sleeps in the garden", "runs across the road", "eats from a bowl", "looks at the moon"} {
			sentences = append(sentences, "the "+animal+" "+does)
		}
	}
	file, run := filepath.Join(home, "sentences.txt"), filepath.Join(home, "run")
	if err := os.WriteFile(file, []byte(strings.Join(sentences, "\n")), 0o644); err != nil {
		log.Fatal(err)
	}
	config := train.DefaultSimCSE("static", 1, false).WithEpochs(2) // SimCSE with a static encoder, on rows of one text
	config.Data, config.Batch, config.HoldOut = file, 8, 0
	if _, err := train.Run(context.Background(), config, run, train.Options{}); err != nil {
		log.Fatal(err)
	}
	encoder, err := embed.OpenText(train.ModelDir(run))
	if err != nil {
		log.Fatal(err)
	}
	defer encoder.Close()
	vectors, err := encoder.Embed(sentences)
	if err != nil {
		log.Fatal(err)
	}
	query, err := encoder.Embed([]string{"the horse runs across the garden"})
	if err != nil {
		log.Fatal(err)
	}
	found, err := metric.Neighbours(vectors, query, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sentences[found[0][0].Index])
	// Output: the horse runs across the road
}

// A loop of one's own: a loss and an optimizer of Alike's, in a graph of GoMLX that runs on Alike's engine. What is contrasted are two
// noisy copies of vectors, which a small network learns to tell from those of other vectors.
func Example_loop() {
	backend, err := engine.New("")
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Finalize()
	store := model.NewStore()
	nn.SetSeed(store, 1)
	network, optimizer := nn.MLP{Layers: 2, Hidden: 32, Out: 16, HiddenNorm: true}, optim.DefaultAdamW()
	step, err := model.NewExec(backend, store, func(scope *model.Scope, in []*graph.Node) *graph.Node {
		store.SetTraining(in[0].Graph(), true)
		first, second := network.Apply(scope.At("network"), in[0]), network.Apply(scope.At("network"), in[1])
		contrast := loss.NTXent(first, second, loss.DefaultNTXent())
		var weights []*model.Variable
		var nodes []*graph.Node
		for v := range store.IterVariables() {
			if v.Trainable {
				weights, nodes = append(weights, v), append(nodes, v.NodeValue(contrast))
			}
		}
		rate := graph.Const(in[0].Graph(), float32(0.01))
		optimizer.Update(scope, weights, graph.Gradient(contrast, nodes...), rate)
		return contrast
	})
	if err != nil {
		log.Fatal(err)
	}
	defer step.Finalize()

	r := rand.New(rand.NewPCG(1, 2))
	const batch, width = 64, 8
	var losses []float32
	for range 30 {
		x, y := make([]float32, batch*width), make([]float32, batch*width)
		for i := range x {
			v := r.NormFloat64()
			x[i], y[i] = float32(v+0.1*r.NormFloat64()), float32(v+0.1*r.NormFloat64())
		}
		out, err := step.Call1(tensors.FromFlatDataAndDimensions(x, batch, width), tensors.FromFlatDataAndDimensions(y, batch, width))
		if err != nil {
			log.Fatal(err)
		}
		losses = append(losses, tensors.ToScalar[float32](out))
	}
	fmt.Println("the loss fell:", losses[29] < losses[0])
	// Output: the loss fell: true
}
