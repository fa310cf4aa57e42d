package main

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/bench/timing"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/pretrained"
	"github.com/alike-ml/alike/token"
)

// tokenize makes tokens of the sentences.
func tokenize(s settings) (timing.Report, error) {
	tokenizer, err := token.Load(s.encoder)
	if err != nil {
		return timing.Report{}, err
	}
	var ids [][]int32
	seconds, err := timing.Seconds(func() error {
		ids = tokenizer.EncodeAll(s.sentences, maxLength)
		return nil
	})
	tokens, sum := 0, 0
	for _, row := range ids {
		tokens += len(row)
		for i, id := range row {
			sum += (i + 1) * int(id)
		}
	}
	return timing.Report{
		System: "alike tokenizer",
		Cases:  []timing.Case{{Name: fmt.Sprintf("%d sentences, %d tokens", len(ids), tokens), Seconds: seconds, Items: len(ids)}},
		Check:  []float64{float64(tokens), float64(sum)},
	}, err
}

// maxLength is how many tokens of a sentence are used in tokenize and embed.
const maxLength = 256

// embedding makes unit vectors of the sentences.
func embedding(s settings) (timing.Report, error) {
	backend, err := device.Open(device.Default)
	if err != nil {
		return timing.Report{}, err
	}
	defer backend.Finalize()
	m, err := open(backend, s)
	if err != nil {
		return timing.Report{}, err
	}
	defer m.Close()
	var vectors metric.Matrix
	seconds, err := timing.FewSeconds(func() error {
		vectors, err = m.Embed(s.sentences)
		for row := range vectors.Rows {
			normalize(vectors.Row(row))
		}
		return err
	})
	return timing.Report{
		System: backend.Description(),
		Cases:  []timing.Case{{Name: fmt.Sprintf("%d sentences", vectors.Rows), Seconds: seconds, Items: vectors.Rows}},
		Check:  sample(vectors),
	}, err
}

// open opens the folder's encoder, or makes one of its vectors of words.
func open(backend compute.Backend, s settings) (*embed.TextModel, error) {
	folder, err := pretrained.Open(s.encoder)
	if err != nil {
		return nil, err
	}
	tokenizer, err := token.Load(folder.TokenizerDir)
	if err != nil {
		return nil, err
	}
	store := model.NewStore()
	scope := store.RootScope().At(method.EncoderScope)
	if err := folder.Assign(scope); err != nil {
		return nil, err
	}
	config := embed.Config{Text: &embed.TextConfig{
		TextConfig: folder.Encoder, Pooling: folder.Pooling, Dense: folder.Dense, MaxLength: maxLength,
	}}
	if s.static {
		words := store.GetVariable(model.JoinPath(scope.Scope(), "embeddings", "words")).MustValue()
		static := backbone.Static{Vocabulary: words.Shape().Dim(0), Width: words.Shape().Dim(1)}
		config.Text.TextConfig = backbone.TextConfig{Static: &static}
		if _, err := store.CreateVariable(model.JoinPath(scope.Scope(), "words"), words); err != nil {
			return nil, err
		}
	}
	m, err := embed.NewText(backend, store, config, tokenizer)
	if err != nil {
		return nil, err
	}
	return m, m.SetPrecision(s.precision)
}

func normalize(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	scale := float32(1 / math.Sqrt(max(sum, 1e-24)))
	for i := range v {
		v[i] *= scale
	}
}

// sample is the beginning of every hundredth vector.
func sample(vectors metric.Matrix) (values []float64) {
	for row := 0; row < vectors.Rows; row += 100 {
		for _, v := range vectors.Row(row)[:4] {
			values = append(values, float64(v))
		}
	}
	return values
}
