package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/bench/timing"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/train"
)

// Of the training run: as the paper trains BERT (princeton-nlp/SimCSE, run_unsup_example.sh).
const (
	trainBatch   = 64
	trainTokens  = 32
	uncounted    = 2 // steps, before the clock starts
	learningRate = 3e-5
)

// training takes the steps of one pass over the sentences, as unsupervised SimCSE, with an encoder of MiniLM's size. Reading,
// cutting into tokens and the order of the sentences are part of it.
func training(s settings) (timing.Report, error) {
	dir, err := os.MkdirTemp("", "alike-sentences-")
	if err != nil {
		return timing.Report{}, err
	}
	defer os.RemoveAll(dir)
	config := train.DefaultSimCSE("minilm", 1, false)
	config.Data = filepath.Join(dir, "text.txt")
	if err := os.WriteFile(config.Data, []byte(strings.Join(s.sentences, "\n")), 0o644); err != nil {
		return timing.Report{}, err
	}
	config.Epochs, config.Batch, config.Precision = 1, trainBatch, s.precision
	config.HoldOut, config.MonitorEvery, config.CheckpointSeconds = 0, 0, 3600
	config.Text.Tokenizer, config.Text.MaxLength, config.Text.DropDuplicates = s.encoder, trainTokens, false
	config.SimCSE.Pooling, config.SimCSE.MLP = backbone.PoolMean, method.MLPNone
	config.Optimizer.LearningRate = learningRate
	var began time.Time
	steps := 0
	var seconds float64
	_, err = train.Run(context.Background(), config, filepath.Join(dir, "run"), train.Options{OnStep: func(step train.Step) {
		switch {
		case step.Step == uncounted:
			began = time.Now()
		case step.Step > uncounted:
			steps, seconds = step.Step-uncounted, time.Since(began).Seconds()
		}
	}})
	if err != nil {
		return timing.Report{}, err
	}
	if steps == 0 {
		return timing.Report{}, fmt.Errorf("%d sentences are too few", len(s.sentences))
	}
	backend, err := device.Open(device.Default)
	if err != nil {
		return timing.Report{}, err
	}
	defer backend.Finalize()
	return timing.Report{System: backend.Description(), Cases: []timing.Case{{
		Name: fmt.Sprintf("step of %d sentences, %d steps", trainBatch, steps), Seconds: seconds / float64(steps), Items: trainBatch,
	}}}, nil
}
