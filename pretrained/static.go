package pretrained

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/safetensors"
)

// The tensor of StaticEmbedding, a vector for each token, and what model2vec calls it.
const (
	staticName    = "embedding.weight"
	model2vecName = "embeddings"
)

// openStatic reads a module of static embeddings: their settings are the shape of the table.
func (f *Folder) openStatic(dir string) error {
	file := weightsFile{path: filepath.Join(dir, tensorsFile), prefixes: []string{""}, sources: staticSources(0, 0)}
	err := file.open(func(tensors *safetensors.File, _ string) error {
		info := file.sources[0].find(tensors, "", staticName)
		if info == nil {
			return fmt.Errorf("there is no tensor %s", staticName)
		}
		if len(info.Shape) != 2 {
			return fmt.Errorf("tensor %s is %v: it must have two axes", staticName, info.Shape)
		}
		s := backbone.NewStatic(info.Shape[0])
		s.Width, s.Weights = info.Shape[1], false
		f.Encoder = backbone.TextConfig{Static: &s}
		file.sources = staticSources(s.Vocabulary, s.Width)
		return s.Validate()
	})
	f.Pooling = backbone.PoolMean
	f.files = append(f.files, file)
	return err
}

func staticSources(vocabulary, width int) []source {
	return []source{{variable: "words", shape: []int{vocabulary, width}, tensors: []string{staticName}, old: model2vecName}}
}

// weighted multiplies each token's vector by its weight.
func weighted(words, weights []float32) ([]float32, error) {
	if len(weights) == 0 || len(words)%len(weights) != 0 {
		return nil, errors.New("there is not a weight for each vector")
	}
	width := len(words) / len(weights)
	values := make([]float32, len(words))
	for i, v := range words {
		values[i] = v * weights[i/width]
	}
	return values, nil
}
