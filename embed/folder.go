package embed

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/guard"
	"github.com/alike-ml/alike/pretrained"
	"github.com/alike-ml/alike/token"
)

// The files of a model folder.
const (
	configFile  = "config.json"
	weightsFile = "model.safetensors"
)

// maxConfig bounds a configuration file, in bytes: a real one has a few hundred.
const maxConfig = 1 << 20

// Load opens a model folder to compute on backend, or that of a whole CLIP as transformers or open_clip keep it. The error wraps fs.ErrNotExist when
// the folder holds no model.
func Load(backend compute.Backend, dir string) (m *Model, err error) {
	defer guard.Recover(&err)
	if pretrained.HasPictures(dir) {
		return loadTower(backend, dir)
	}
	path := filepath.Join(dir, configFile)
	config, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	if config.Text != nil {
		return nil, fmt.Errorf("%s is the model of text: it has no vectors of pictures", path)
	}
	if config.Pair != nil {
		return loadTower(backend, dir)
	}
	if m, err = New(backend, model.NewStore(), config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err = m.checkDim(path, config); err == nil {
		err = m.read(dir, m.shape(1))
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// loadReading opens the folder of a model that reads through a tokenizer. Suits says whether a configuration is one of this kind of
// model, and otherwise is what else it is; build makes the model, and read takes its weights from the folder.
func loadReading[M interface{ Close() }](backend compute.Backend, dir string, suits func(Config) bool, otherwise string,
	build func(compute.Backend, *model.Store, Config, *token.Tokenizer) (M, error), read func(M, string, Config) error) (M, error) {
	var none M
	path := filepath.Join(dir, configFile)
	config, err := readConfig(path)
	if err != nil {
		return none, err
	}
	if !suits(config) {
		return none, fmt.Errorf("%s %s", path, otherwise)
	}
	tokenizer, err := token.Load(filepath.Join(dir, tokenizerDir))
	if err != nil {
		return none, err
	}
	m, err := build(backend, model.NewStore(), config, tokenizer)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	if err := read(m, dir, config); err != nil {
		m.Close()
		return none, err
	}
	return m, nil
}

// checkDim returns an error unless a configuration that was read has the width of the encoder that it names.
func (m *Model) checkDim(path string, read Config) error {
	if read.Dim != m.Config.Dim {
		return fmt.Errorf("%s: dim is %d: %s of width %g has %d", path, read.Dim, read.Backbone, read.Width, m.Config.Dim)
	}
	return nil
}

// IsPair says whether a folder holds a model of pictures and texts, a whole CLIP of transformers or open_clip included.
func IsPair(dir string) bool {
	if pretrained.HasPictures(dir) {
		return true
	}
	config, err := readConfig(filepath.Join(dir, configFile))
	return err == nil && config.Pair != nil
}

// IsText says whether a folder holds a model of text alone, one of transformers or sentence-transformers included.
func IsText(dir string) bool { return HasText(dir) && !IsPair(dir) }

// HasText says whether [LoadText] opens a folder: that of a model of text alone, or of a whole CLIP of transformers or open_clip.
func HasText(dir string) bool {
	if pretrained.Is(dir) {
		return true
	}
	config, err := readConfig(filepath.Join(dir, configFile))
	return err == nil && config.Text != nil
}

func readConfig(path string) (Config, error) {
	var config Config
	info, err := os.Stat(path)
	if err != nil {
		return config, err
	}
	if info.Size() > maxConfig {
		return config, fmt.Errorf("%s has %d bytes: it is not a model's configuration", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return config, fmt.Errorf("%s: %w", path, err)
	}
	if config.Format != format {
		return config, fmt.Errorf("%s has format %d: this version of Alike reads format %d", path, config.Format, format)
	}
	return config, nil
}
