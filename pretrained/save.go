package pretrained

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/safetensors"
)

// Save writes the encoder in scope as a folder that sentence-transformers loads: settings, pooling and weights, a static encoder's
// weights of tokens multiplied into its vectors. The tokenizer's files belong in [TokenizerDir], which is made: saveTokenizer writes
// them. modules.json, which makes the folder a model, comes last.
func (m Model) Save(dir string, scope *model.Scope, saveTokenizer func(dir string) error) error {
	encoder, err := m.Encoder.Encoder()
	if err != nil {
		return err
	}
	if err := m.Pooling.Validate(); err != nil {
		return err
	}
	if m.Encoder.Transformer == nil && m.Encoder.Static == nil {
		return errors.New("sentence-transformers has no encoder like this one: only BERT's transformer and the static encoder can be saved for it")
	}
	if m.Encoder.Static != nil && m.Pooling != backbone.PoolMean {
		return errors.New("a static encoder can be saved with pooling by the mean only")
	}
	if m.Encoder.CLIP != nil || m.Pooling == backbone.PoolLast {
		return errors.New("an encoder whose vectors are those of the last token cannot be saved as a folder of sentence-transformers")
	}
	first := m.TokenizerDir(dir)
	if err := os.MkdirAll(first, 0o755); err != nil {
		return fmt.Errorf("cannot make the model's folder: %w", err)
	}
	if err := saveTokenizer(first); err != nil {
		return err
	}
	modules, err := m.saveEncoder(dir, scope)
	if err != nil {
		return err
	}
	add := func(kind string) string {
		modules = append(modules, newModule(len(modules), kind, fmt.Sprintf("%d_%s", len(modules), kind)))
		return filepath.Join(dir, modules[len(modules)-1].Path)
	}
	if m.Encoder.Transformer != nil {
		if err := writeJSON(filepath.Join(add("Pooling"), configFile), m.poolingConfig(encoder.Dim())); err != nil {
			return err
		}
	}
	if m.Dense {
		dir := add("Dense")
		settings := denseConfig{In: encoder.Dim(), Out: encoder.Dim(), Bias: true, Activation: tanhClass}
		if err := writeJSON(filepath.Join(dir, configFile), settings); err != nil {
			return err
		}
		if err := writeTensors(filepath.Join(dir, tensorsFile), scope, denseSources(encoder.Dim())); err != nil {
			return err
		}
	}
	if m.Normalize {
		if err := os.MkdirAll(add("Normalize"), 0o755); err != nil {
			return err
		}
	}
	return writeJSON(filepath.Join(dir, modulesFile), modules)
}

// TokenizerDir is where the tokenizer's files of a model in dir belong.
func (m Model) TokenizerDir(dir string) string {
	if m.Encoder.Static != nil {
		return filepath.Join(dir, staticPath)
	}
	return dir
}

// staticPath is the folder of static embeddings. Versions of sentence-transformers before 5 take a module beside modules.json for a
// transformer.
const staticPath = "0_StaticEmbedding"

// newModule has the name that classes had before version 5.4 of sentence-transformers, and that later versions know.
func newModule(index int, kind, path string) module {
	return module{index, fmt.Sprint(index), path, "sentence_transformers.models." + kind}
}

// saveEncoder writes the encoder and returns its module.
func (m Model) saveEncoder(dir string, scope *model.Scope) ([]module, error) {
	if s := m.Encoder.Static; s != nil {
		return []module{newModule(0, "StaticEmbedding", staticPath)}, saveStatic(filepath.Join(dir, staticPath, tensorsFile), *s, scope)
	}
	t := *m.Encoder.Transformer
	if err := writeJSON(filepath.Join(dir, configFile), configOf(t)); err != nil {
		return nil, err
	}
	length := t.Positions
	if m.MaxLength > 0 {
		length = min(length, m.MaxLength)
	}
	if err := writeJSON(filepath.Join(dir, lengthFile), transformerConfig{MaxLength: &length}); err != nil {
		return nil, err
	}
	var more []safetensors.Tensor
	if t.Types == 0 {
		more = append(more, safetensors.FromFloat32(bertNames.types+".weight", []int{1, t.Width}, make([]float32, t.Width)))
	}
	return []module{newModule(0, "Transformer", "")}, writeTensors(filepath.Join(dir, tensorsFile), scope, bertNames.sources(t), more...)
}

func saveStatic(path string, s backbone.Static, scope *model.Scope) error {
	words, err := valuesOf(scope, "words")
	if err != nil {
		return err
	}
	for _, factor := range []struct {
		name  string
		given bool
	}{{"weights", s.Weights}, {"rarity", s.Rarity.On()}} {
		if !factor.given {
			continue
		}
		weights, err := valuesOf(scope, factor.name)
		if err != nil {
			return err
		}
		if words, err = weighted(words, weights); err != nil {
			return err
		}
	}
	return write(path, []safetensors.Tensor{safetensors.FromFloat32(staticName, []int{s.Vocabulary, s.Width}, words)})
}

// poolingConfig is config.json of pooling, as versions before 5.4 of sentence-transformers read it and later ones still do.
func (m Model) poolingConfig(width int) map[string]any {
	return map[string]any{
		"word_embedding_dimension":          width,
		"pooling_mode_cls_token":            m.Pooling == backbone.PoolCLS,
		"pooling_mode_mean_tokens":          m.Pooling == backbone.PoolMean,
		"pooling_mode_max_tokens":           false,
		"pooling_mode_mean_sqrt_len_tokens": false,
	}
}

// writeTensors writes the variables of the sources, and more tensors.
func writeTensors(path string, scope *model.Scope, sources []source, more ...safetensors.Tensor) error {
	for _, s := range sources {
		values, err := valuesOf(scope, s.variable)
		if err != nil {
			return err
		}
		more = append(more, s.split(values)...)
	}
	return write(path, more)
}

// valuesOf returns those of the variable of that path in scope.
func valuesOf(scope *model.Scope, path string) ([]float32, error) {
	path = model.JoinPath(scope.Scope(), path)
	v := scope.Store().GetVariable(path)
	if v == nil {
		return nil, fmt.Errorf("there is no variable %s to save", path)
	}
	value, err := v.Value()
	if err != nil {
		return nil, err
	}
	return tensors.CopyFlatData[float32](value)
}

// write writes tensors as transformers marks its own.
func write(path string, list []safetensors.Tensor) error {
	return makeFile(path, func(w io.Writer) error { return safetensors.Write(w, list, map[string]string{"format": "pt"}) })
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return makeFile(path, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// makeFile writes a file whole or not at all, its folder first.
func makeFile(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot make the model's folder: %w", err)
	}
	return atomicfile.Write(path, write)
}
